//! Parquet: one column of time, the others are signals, as in a CSV. Read row by row; the largest row group bounds the
//! memory. Built with the feature `parquet` alone, for its libraries take their time.

use super::csv::{Options, time_column};
use super::heading::{Headings, formula_name};
use super::protobuf::push_part;
use super::stamp::{TimeUnit, decimal_nanos, iso8601_nanos};
use super::{Cell, Refusal, Row, Sink};
use crate::diag::{Severity, Spot};
use crate::time::Time;
use ::parquet::basic::{LogicalType, TimeUnit as Fraction};
use ::parquet::file::reader::{ChunkReader, FileReader};
use ::parquet::file::serialized_reader::SerializedFileReader;
use ::parquet::record::Field;
use std::collections::BTreeMap;

/// Values within values are followed so deep.
const DEPTH_MAX: usize = 16;

/// Reads a Parquet file to its end and hands each row to the sink.
pub fn read(input: impl ChunkReader + 'static, options: &Options, sink: &mut dyn Sink) -> Result<(), Refusal> {
    // The library stops by panicking where some bytes of a damaged file contradict each other. Nothing of it is used again.
    let reading = std::panic::AssertUnwindSafe(|| read_on(input, options, sink));
    std::panic::catch_unwind(reading).unwrap_or_else(|_| {
        Err(Refusal::new(&options.file, "the file is damaged: its parts contradict each other", None))
    })
}

fn read_on(input: impl ChunkReader + 'static, options: &Options, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let refuse = |message: String| Refusal::new(&options.file, message, None);
    let reader =
        SerializedFileReader::new(input).map_err(|error| refuse(format!("this is no Parquet file: {error}")))?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let fields = schema.root_schema().get_fields();
    let headed: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    let (time, unit) = time_column(&headed, options)
        .map_err(|(message, remedy)| Refusal::new(&options.file, message, remedy.as_deref()))?;
    let stated = match fields[time].get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(of)) => Some(match of.unit {
            Fraction::MILLIS => TimeUnit::MILLISECOND,
            Fraction::MICROS => TimeUnit::MICROSECOND,
            Fraction::NANOS => TimeUnit::NANOSECOND,
        }),
        _ => None,
    };
    let unit = stated.or(options.time_unit).or(unit).unwrap_or(TimeUnit::SECOND);
    let mut table = Table { headings: Headings::default(), columns: BTreeMap::new() };
    for name in headed.iter().enumerate().filter(|(place, _)| *place != time).map(|(_, name)| name) {
        table.column(name, sink);
    }
    let rows = reader.get_row_iter(None).map_err(|error| refuse(format!("it cannot be read: {error}")))?;
    for (place, row) in rows.enumerate() {
        let line = place as u64 + 1;
        let spot = |message: String| Spot {
            severity: Severity::Error,
            file: options.file.clone(),
            line: Some(line),
            excerpt: None,
            message,
            remedy: None,
        };
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                sink.cut(spot(format!("it cannot be read on: {error}")));
                return Ok(());
            }
        };
        let mut at = None;
        let mut cells = Vec::new();
        for (column, (name, field)) in row.get_column_iter().enumerate() {
            if column == time {
                at = stamp(field, unit);
            } else {
                let mut path = name.clone();
                table.cells(field, &mut path, 0, &mut cells, sink);
            }
        }
        if at.is_none() {
            sink.trouble(spot(format!("the row has no time in column `{}`; what it says is unknown", headed[time])));
        }
        let excerpt = &|_| None;
        sink.row(&Row { at, line, cells: &cells, torn: false, excerpt });
    }
    Ok(())
}

struct Table {
    headings: Headings,
    /// By path: number of the column, and whether it matters.
    columns: BTreeMap<String, (u32, bool)>,
}

impl Table {
    fn column(&mut self, path: &str, sink: &mut dyn Sink) -> (u32, bool) {
        if let Some(found) = self.columns.get(path) {
            return *found;
        }
        let mut heading = self.headings.read(path);
        if heading.unit.is_none() && heading.no_unit.is_none() {
            heading.name = formula_name(&heading.name);
        }
        let column = (self.columns.len() as u32, sink.column(&heading));
        self.columns.insert(path.to_owned(), column);
        column
    }

    fn cells<'r>(
        &mut self,
        field: &'r Field,
        path: &mut String,
        depth: usize,
        out: &mut Vec<(u32, Cell<'r>)>,
        sink: &mut dyn Sink,
    ) {
        let cell = match field {
            Field::Group(inner) if depth < DEPTH_MAX => {
                let length = path.len();
                for (name, field) in inner.get_column_iter() {
                    push_part(path, name);
                    self.cells(field, path, depth + 1, out, sink);
                    path.truncate(length);
                }
                return;
            }
            // Nothing stands there: no sample, as an empty cell of a CSV.
            Field::Null => return,
            Field::Bool(flag) => Cell::Flag(*flag),
            Field::Byte(n) => Cell::Number(f64::from(*n)),
            Field::Short(n) => Cell::Number(f64::from(*n)),
            Field::Int(n) | Field::Date(n) | Field::TimeMillis(n) => Cell::Number(f64::from(*n)),
            Field::Long(n) | Field::TimeMicros(n) | Field::TimestampMillis(n) | Field::TimestampMicros(n) => {
                Cell::Number(*n as f64)
            }
            Field::UByte(n) => Cell::Number(f64::from(*n)),
            Field::UShort(n) => Cell::Number(f64::from(*n)),
            Field::UInt(n) => Cell::Number(f64::from(*n)),
            Field::ULong(n) => Cell::Number(*n as f64),
            Field::Float16(n) => Cell::Number(f64::from(n.to_f32())),
            Field::Float(n) => Cell::Number(f64::from(*n)),
            Field::Double(n) => Cell::Number(*n),
            Field::Str(text) => Cell::Text(text),
            _ => return,
        };
        if let (column, true) = self.column(path, sink) {
            out.push((column, cell));
        }
    }
}

fn stamp(field: &Field, unit: TimeUnit) -> Option<Time> {
    let nanos = match field {
        // The shortest decimal text of a float is what its writer had in mind: 0.1 is 100,000,000 ns.
        Field::Double(seconds) => decimal_nanos(format!("{seconds}").as_bytes(), unit),
        Field::Float(seconds) => decimal_nanos(format!("{seconds}").as_bytes(), unit),
        Field::Byte(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::Short(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::Int(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::Long(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::UByte(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::UShort(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::UInt(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::ULong(n) => decimal_nanos(format!("{n}").as_bytes(), unit),
        Field::TimestampMillis(n) => decimal_nanos(format!("{n}").as_bytes(), TimeUnit::MILLISECOND),
        Field::TimestampMicros(n) => decimal_nanos(format!("{n}").as_bytes(), TimeUnit::MICROSECOND),
        Field::Str(text) => decimal_nanos(text.trim().as_bytes(), unit).or_else(|| iso8601_nanos(text.trim())),
        _ => None,
    };
    nanos.filter(|nanos| nanos.abs() <= super::csv::STAMP_MAX).map(Time::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Heading;
    use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
    use ::parquet::file::properties::{WriterProperties, WriterVersion};
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    #[derive(Default)]
    struct Seen {
        headings: Vec<String>,
        rows: Vec<(Option<i64>, Vec<String>)>,
        troubles: Vec<String>,
    }

    impl Sink for Seen {
        fn column(&mut self, heading: &Heading) -> bool {
            self.headings.push(heading.name.clone());
            heading.name != "dull"
        }
        fn row(&mut self, row: &Row<'_>) {
            let cells = row.cells.iter().map(|(column, cell)| format!("{column} {cell:?}")).collect();
            self.rows.push((row.at.map(Time::nanos), cells));
        }
        fn trouble(&mut self, spot: Spot) {
            self.troubles.push(spot.message);
        }
        fn cut(&mut self, spot: Spot) {
            self.troubles.push(format!("cut: {}", spot.message));
        }
    }

    fn file(time: &str) -> Vec<u8> {
        let schema = format!(
            "message m {{ {time}; optional double altitude; required boolean armed; required binary mode (UTF8); required double dull; }}"
        );
        let schema = Arc::new(parse_message_type(&schema).expect("it is a schema"));
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_compression(::parquet::basic::Compression::SNAPPY);
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).expect("it can be begun");
        let mut group = writer.next_row_group().expect("a group");
        let mut place = 0;
        while let Some(mut column) = group.next_column().expect("a column") {
            let written = match place {
                0 if time.contains("int64") => column.typed::<Int64Type>().write_batch(&[1_500, 2_500], None, None),
                0 => column.typed::<DoubleType>().write_batch(&[0.1, f64::NAN], None, None),
                1 => column.typed::<DoubleType>().write_batch(&[7.5], Some(&[1, 0]), None),
                2 => column.typed::<BoolType>().write_batch(&[true, false], None, None),
                3 => {
                    let texts = [ByteArray::from("HOLD"), ByteArray::from("LAND")];
                    column.typed::<ByteArrayType>().write_batch(&texts, None, None)
                }
                _ => column.typed::<DoubleType>().write_batch(&[1.0, 2.0], None, None),
            };
            written.expect("it can be written");
            column.close().expect("it can be closed");
            place += 1;
        }
        group.close().expect("it can be closed");
        writer.into_inner().expect("it can be ended")
    }

    fn seen(bytes: Vec<u8>, options: &Options) -> Result<Seen, Refusal> {
        let mut seen = Seen::default();
        read(bytes::Bytes::from(bytes), options, &mut seen)?;
        Ok(seen)
    }

    #[test]
    fn rows_come_with_their_stamps_and_nulls_are_no_samples() {
        let options = Options { file: "x.parquet".into(), ..Options::default() };
        let stamps = seen(file("required int64 stamp (TIMESTAMP(NANOS,true))"), &options).expect("it is read");
        assert_eq!(stamps.headings, ["altitude", "armed", "mode", "dull"]);
        assert_eq!(stamps.rows[0].0, Some(1_500));
        assert_eq!(stamps.rows[0].1, ["0 Number(7.5)", "1 Flag(true)", "2 Text(\"HOLD\")"]);
        assert_eq!(stamps.rows[1], (Some(2_500), vec!["1 Flag(false)".into(), "2 Text(\"LAND\")".into()]));
        let seconds = seen(file("required double time"), &options).expect("it is read");
        assert_eq!(seconds.rows[0].0, Some(100_000_000), "0.1 s, not what the float is");
        assert_eq!(seconds.rows[1].0, None);
        assert_eq!(seconds.troubles, ["the row has no time in column `time`; what it says is unknown"]);
        let named =
            seen(file("required int64 ticks_ms"), &Options { time: Some("ticks_ms".into()), ..options.clone() });
        assert_eq!(named.expect("it is read").rows[0].0, Some(1_500_000_000), "its name says ms");
        assert!(seen(file("required int64 ticks"), &options).is_err(), "no column is the time");
    }

    #[test]
    fn damage_is_refused_or_told_and_never_a_panic() {
        let options = Options { file: "x.parquet".into(), ..Options::default() };
        let whole = file("required double time");
        assert!(seen(whole[..whole.len() / 2].to_vec(), &options).is_err());
        for place in 4..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            // Whatever is read must be told as wrong, refused, or harmless; the point is that it ends.
            let _ = seen(bytes, &options).map(|seen| seen.rows.len());
        }
    }
}
