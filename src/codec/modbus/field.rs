//! `holding[100]:u16`: a place in a device's tables, and how its words become a number.

/// One of the four tables of a device.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Table {
    Coil,
    Discrete,
    Holding,
    Input,
}

impl Table {
    /// The function that reads it.
    pub fn read(self) -> u8 {
        match self {
            Table::Coil => 1,
            Table::Discrete => 2,
            Table::Holding => 3,
            Table::Input => 4,
        }
    }
    /// Whether its places hold one bit.
    pub fn of_bits(self) -> bool {
        matches!(self, Table::Coil | Table::Discrete)
    }
    /// As it is written in a rig.
    pub fn name(self) -> &'static str {
        match self {
            Table::Coil => "coil",
            Table::Discrete => "discrete",
            Table::Holding => "holding",
            Table::Input => "input",
        }
    }
}

/// What the words at a place are.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    Bit,
    U16,
    I16,
    U32,
    I32,
    F32,
}

/// Which word of a value of two words stands at the lower address.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum WordOrder {
    /// The high word, as in most devices.
    #[default]
    HighFirst,
    LowFirst,
}

/// A place in a device's tables.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    pub table: Table,
    /// As on the wire, from 0.
    pub address: u16,
    pub kind: Kind,
}

impl Cell {
    /// Reads `holding[100]:u16`, `coil[4]`. The error says what is wrong and what to do.
    pub fn parse(text: &str) -> Result<Cell, (String, Option<String>)> {
        let example = || Some("write `holding[100]:u16`, `input[3]:f32`, `coil[4]` or `discrete[0]`".to_owned());
        let shape = || (format!("`{text}` is no place in a Modbus device"), example());
        let (name, rest) = text.split_once('[').ok_or_else(shape)?;
        let (number, kind) = rest.split_once(']').ok_or_else(shape)?;
        let table = match name {
            "coil" => Table::Coil,
            "discrete" => Table::Discrete,
            "holding" => Table::Holding,
            "input" => Table::Input,
            _ => return Err((format!("`{name}` is no table of a Modbus device"), example())),
        };
        let address: u64 = number.trim().parse().map_err(|_| shape())?;
        let kind = match (table.of_bits(), kind) {
            (true, "") => Kind::Bit,
            (true, _) => return Err((format!("`{text}`: a {name} is one bit"), example())),
            (false, "" | ":u16") => Kind::U16,
            (false, ":i16") => Kind::I16,
            (false, ":u32") => Kind::U32,
            (false, ":i32") => Kind::I32,
            (false, ":f32") => Kind::F32,
            (false, other) => {
                let message = format!("`{}` is no kind of register", other.trim_start_matches(':'));
                return Err((message, Some("kinds are u16, i16, u32, i32 and f32".into())));
            }
        };
        let last = address.saturating_add(kind.words() as u64 - 1);
        let Ok(address) = u16::try_from(address).and_then(|a| u16::try_from(last).map(|_| a)) else {
            let message = format!("`{text}` ends at address {last}, and the last one is 65535");
            let remedy = "addresses are those of the wire, from 0: register 40101 of a manual is `holding[100]`";
            return Err((message, Some(remedy.into())));
        };
        Ok(Cell { table, address, kind })
    }
    /// How many places it takes.
    pub fn places(&self) -> u16 {
        self.kind.words() as u16
    }
}

impl Kind {
    /// How many registers (or bits) it takes.
    pub fn words(self) -> usize {
        match self {
            Kind::Bit | Kind::U16 | Kind::I16 => 1,
            Kind::U32 | Kind::I32 | Kind::F32 => 2,
        }
    }
    /// The number in these words, of which there are as many as it takes.
    pub fn number(self, words: &[u16], order: WordOrder) -> f64 {
        let wide = || {
            let (high, low) = match order {
                WordOrder::HighFirst => (words[0], words[1]),
                WordOrder::LowFirst => (words[1], words[0]),
            };
            u32::from(high) << 16 | u32::from(low)
        };
        match self {
            Kind::Bit | Kind::U16 => f64::from(words[0]),
            Kind::I16 => f64::from(words[0] as i16),
            Kind::U32 => f64::from(wide()),
            Kind::I32 => f64::from(wide() as i32),
            Kind::F32 => f64::from(f32::from_bits(wide())),
        }
    }
    /// The words of a number; whole kinds round to the nearest. `None`: it does not fit.
    pub fn encode(self, number: f64, order: WordOrder) -> Option<Vec<u16>> {
        let within = |lo: f64, hi: f64| (lo..=hi).contains(&number.round()).then(|| number.round());
        let wide = |bits: u32| match order {
            WordOrder::HighFirst => vec![(bits >> 16) as u16, bits as u16],
            WordOrder::LowFirst => vec![bits as u16, (bits >> 16) as u16],
        };
        match self {
            Kind::Bit => Some(vec![u16::from(number != 0.0)]).filter(|_| number.is_finite()),
            Kind::U16 => within(0.0, f64::from(u16::MAX)).map(|n| vec![n as u16]),
            Kind::I16 => within(f64::from(i16::MIN), f64::from(i16::MAX)).map(|n| vec![n as i16 as u16]),
            Kind::U32 => within(0.0, f64::from(u32::MAX)).map(|n| wide(n as u32)),
            Kind::I32 => within(f64::from(i32::MIN), f64::from(i32::MAX)).map(|n| wide(n as i32 as u32)),
            Kind::F32 => (number as f32).is_finite().then(|| wide((number as f32).to_bits())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_those_beyond_the_tables_refused() {
        let cell = |table, address, kind| Cell { table, address, kind };
        assert_eq!(Cell::parse("holding[100]:i16"), Ok(cell(Table::Holding, 100, Kind::I16)));
        assert_eq!(Cell::parse("input[3]"), Ok(cell(Table::Input, 3, Kind::U16)));
        assert_eq!(Cell::parse("coil[65535]"), Ok(cell(Table::Coil, 65535, Kind::Bit)));
        for (text, wanted) in [
            ("holding[65536]", "ends at address 65536"),
            ("holding[65535]:f32", "ends at address 65536"),
            ("holding[99999999999999999999]", "is no place"),
            ("coil[1]:u16", "is one bit"),
            ("holding[1]:u64", "`u64` is no kind"),
            ("register[1]", "`register` is no table"),
            ("holding 1", "is no place"),
        ] {
            let (message, _) = Cell::parse(text).expect_err(text);
            assert!(message.contains(wanted), "{message}");
        }
    }

    #[test]
    fn numbers_come_back_from_their_words_in_both_orders() {
        for order in [WordOrder::HighFirst, WordOrder::LowFirst] {
            for (kind, number) in [
                (Kind::U16, 65535.0),
                (Kind::I16, -32768.0),
                (Kind::U32, 4_294_967_295.0),
                (Kind::I32, -2_147_483_648.0),
                (Kind::F32, -12.375),
            ] {
                let words = kind.encode(number, order).expect("it fits");
                assert_eq!((words.len(), kind.number(&words, order)), (kind.words(), number));
            }
        }
        assert_eq!(Kind::I32.encode(-2.0, WordOrder::LowFirst), Some(vec![0xFFFE, 0xFFFF]));
        assert_eq!(
            (Kind::U16.encode(-1.0, WordOrder::HighFirst), Kind::I16.encode(40000.0, WordOrder::HighFirst)),
            (None, None)
        );
        assert_eq!(Kind::F32.encode(f64::NAN, WordOrder::HighFirst), None);
    }
}
