//! Payloads and the values in them.

use crate::time::Time;

/// The messages of `proto/sparkplug_b.proto`.
#[allow(missing_docs, clippy::all, reason = "generated; the comments of the .proto are its documentation")]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/sparkplug_b.rs"));
}

pub use wire::metric::Value as Raw;
pub use wire::{Metric, Payload};

/// A value as a device means it.
#[derive(Clone, PartialEq, Debug)]
pub enum Datum {
    Number(f64),
    Flag(bool),
    Text(String),
    /// The metric has no value now.
    Null,
}

/// The types of the specification's table that are values by themselves (6.4.16).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u32)]
pub enum DataType {
    Int8 = 1,
    Int16 = 2,
    Int32 = 3,
    Int64 = 4,
    UInt8 = 5,
    UInt16 = 6,
    UInt32 = 7,
    UInt64 = 8,
    Float = 9,
    Double = 10,
    Boolean = 11,
    String = 12,
    DateTime = 13,
    Text = 14,
}

/// Every type with its name.
pub const TYPES: [(&str, DataType); 14] = [
    ("Int8", DataType::Int8),
    ("Int16", DataType::Int16),
    ("Int32", DataType::Int32),
    ("Int64", DataType::Int64),
    ("UInt8", DataType::UInt8),
    ("UInt16", DataType::UInt16),
    ("UInt32", DataType::UInt32),
    ("UInt64", DataType::UInt64),
    ("Float", DataType::Float),
    ("Double", DataType::Double),
    ("Boolean", DataType::Boolean),
    ("String", DataType::String),
    ("DateTime", DataType::DateTime),
    ("Text", DataType::Text),
];

impl DataType {
    /// Whether it counts in whole numbers.
    pub fn is_whole(self) -> bool {
        (DataType::Int8..=DataType::UInt64).contains(&self)
    }
    /// The type of that name.
    pub fn named(name: &str) -> Option<DataType> {
        TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
    /// The type of that number.
    pub fn numbered(number: u32) -> Option<DataType> {
        TYPES.iter().find(|(_, kind)| *kind as u32 == number).map(|(_, kind)| *kind)
    }
    /// The whole numbers that it holds; as `f64` the outermost of 64 bits are rounded outwards.
    fn whole(self) -> Option<(f64, f64)> {
        Some(match self {
            DataType::Int8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            DataType::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            DataType::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            DataType::Int64 => (i64::MIN as f64, i64::MAX as f64),
            DataType::UInt8 => (0.0, f64::from(u8::MAX)),
            DataType::UInt16 => (0.0, f64::from(u16::MAX)),
            DataType::UInt32 => (0.0, f64::from(u32::MAX)),
            DataType::UInt64 | DataType::DateTime => (0.0, u64::MAX as f64),
            _ => return None,
        })
    }
    /// The value on the wire; the error says in words why the type cannot hold it.
    pub fn encode(self, datum: &Datum) -> Result<Option<Raw>, String> {
        let cannot = || format!("{datum:?} is no {self:?}");
        Ok(Some(match (self, datum) {
            (_, Datum::Null) => return Ok(None),
            (DataType::Boolean, Datum::Flag(flag)) => Raw::BooleanValue(*flag),
            (DataType::Boolean, Datum::Number(number)) if *number == 0.0 || *number == 1.0 => {
                Raw::BooleanValue(*number == 1.0)
            }
            (DataType::String | DataType::Text, Datum::Text(text)) => Raw::StringValue(text.clone()),
            (DataType::Float, Datum::Number(number)) if number.is_finite() && (*number as f32).is_finite() => {
                Raw::FloatValue(*number as f32)
            }
            (DataType::Double, Datum::Number(number)) if number.is_finite() => Raw::DoubleValue(*number),
            (_, Datum::Number(number)) => {
                let (lo, hi) = self.whole().ok_or_else(cannot)?;
                if !(lo..=hi).contains(number) || number.floor() != *number {
                    return Err(format!("{number} is no {self:?}"));
                }
                match self {
                    DataType::Int64 => Raw::LongValue(*number as i64 as u64),
                    DataType::UInt64 | DataType::DateTime => Raw::LongValue(*number as u64),
                    DataType::UInt32 => Raw::IntValue(*number as u32),
                    _ => Raw::IntValue(*number as i32 as u32),
                }
            }
            _ => return Err(cannot()),
        }))
    }
    /// The value that was on the wire; `None` where it stands in a field of another type.
    pub fn decode(self, raw: &Raw) -> Option<Datum> {
        Some(match (self, raw) {
            (DataType::Int8, Raw::IntValue(raw)) => Datum::Number(f64::from(*raw as u8 as i8)),
            (DataType::Int16, Raw::IntValue(raw)) => Datum::Number(f64::from(*raw as u16 as i16)),
            (DataType::Int32, Raw::IntValue(raw)) => Datum::Number(f64::from(*raw as i32)),
            (DataType::UInt8 | DataType::UInt16 | DataType::UInt32, Raw::IntValue(raw)) => {
                Datum::Number(f64::from(*raw))
            }
            // Several makers put a 32-bit number where 64 bits are meant; the number is the same.
            (DataType::UInt32, Raw::LongValue(raw)) => Datum::Number(*raw as f64),
            (DataType::UInt64 | DataType::DateTime, Raw::IntValue(raw)) => Datum::Number(f64::from(*raw)),
            (DataType::Int64, Raw::IntValue(raw)) => Datum::Number(f64::from(*raw as i32)),
            (DataType::Int64, Raw::LongValue(raw)) => Datum::Number(*raw as i64 as f64),
            (DataType::UInt64 | DataType::DateTime, Raw::LongValue(raw)) => Datum::Number(*raw as f64),
            (DataType::Float, Raw::FloatValue(raw)) => Datum::Number(f64::from(*raw)),
            (DataType::Double, Raw::DoubleValue(raw)) => Datum::Number(*raw),
            (DataType::Boolean, Raw::BooleanValue(raw)) => Datum::Flag(*raw),
            (DataType::String | DataType::Text, Raw::StringValue(raw)) => Datum::Text(raw.clone()),
            _ => return None,
        })
    }
}

/// A payload that is said at that time, without a sequence number.
pub fn stamped(at: Time, metrics: Vec<Metric>) -> Payload {
    Payload { timestamp: Some(millis(at)), metrics, ..Payload::default() }
}

/// A time stamp: milliseconds since zero, which nothing here knows the date of.
pub fn millis(at: Time) -> u64 {
    (at.nanos().max(0) / 1_000_000) as u64
}

/// A metric of a command or a birth: by its name, with its type.
pub fn metric(name: &str, kind: DataType, datum: &Datum) -> Result<Metric, String> {
    let value = kind.encode(datum)?;
    let is_null = value.is_none().then_some(true);
    Ok(Metric { name: Some(name.to_owned()), datatype: Some(kind as u32), is_null, value, ..Metric::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    #[test]
    fn numbers_of_every_type_read_back_as_they_were_written() {
        for (name, kind) in TYPES {
            let Some((lo, hi)) = kind.whole() else { continue };
            for number in [lo, hi.min(2f64.powi(53)), 0.0, 1.0] {
                let raw = kind.encode(&Datum::Number(number)).expect("it fits").expect("a value");
                assert_eq!(kind.decode(&raw), Some(Datum::Number(number)), "{name} {number}");
            }
            assert!(kind.encode(&Datum::Number(0.5)).is_err(), "{name}");
            assert!(kind.encode(&Datum::Number(f64::NAN)).is_err(), "{name}");
            assert!(kind.encode(&Datum::Number(hi * 2.0)).is_err(), "{name}");
            assert!(kind.encode(&Datum::Number(-hi * 2.0 - 2.0)).is_err(), "{name}");
        }
        assert!(DataType::Float.encode(&Datum::Number(1e300)).is_err());
        assert!(DataType::Boolean.encode(&Datum::Number(2.0)).is_err());
    }

    #[test]
    fn a_flag_stands_on_the_wire_as_the_specification_numbers_it() {
        let relay = metric("relay", DataType::Boolean, &Datum::Flag(true)).expect("it fits");
        assert_eq!(relay.encode_to_vec(), b"\x0a\x05relay\x20\x0b\x70\x01");
    }
}
