//! Modbus RTU by an answer whose check sum is right, and the reads that tell which registers a unit has.
//!
//! Invariant: only functions 3 and 4 are asked, which read.

use super::Recognised;
use crate::codec::modbus::Table;
use crate::codec::modbus::frame::{EXCEPTION, frame, sound};

/// Units that are looked for, in this order: a device leaves its factory with a low address.
pub const UNITS: std::ops::RangeInclusive<u8> = 1..=10;
/// So many registers from the first are tried in each table.
pub const REGISTERS: u16 = 16;
/// How long a unit may take to begin its answer, in milliseconds.
pub const ANSWER_MS: u64 = 150;
/// Tables that are tried.
pub const TABLES: [Table; 2] = [Table::Holding, Table::Input];

/// What a unit said to a read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Registers(Vec<u16>),
    /// The code of an exception: the place is not there, or cannot be read.
    Exception(u8),
}

/// The function that reads a table of registers; `None` for tables of bits, which are not tried.
fn function(table: Table) -> Option<u8> {
    match table {
        Table::Holding => Some(3),
        Table::Input => Some(4),
        Table::Coil | Table::Discrete => None,
    }
}

/// The bytes that ask a unit for so many registers; empty for a table of bits.
pub fn read(unit: u8, table: Table, address: u16, count: u16) -> Vec<u8> {
    let Some(function) = function(table) else { return Vec::new() };
    let mut data = vec![function];
    data.extend(address.to_be_bytes());
    data.extend(count.to_be_bytes());
    frame(unit, &data)
}

/// The answer of that unit to a read of that table, wherever it begins among the bytes; `None`: not all of it is there.
pub fn answer(bytes: &[u8], unit: u8, table: Table) -> Option<Answer> {
    let function = function(table)?;
    (0..bytes.len()).find_map(|begin| {
        let rest = &bytes[begin..];
        let [first, second, third, ..] = *rest else { return None };
        if first != unit {
            return None;
        }
        if second == function | EXCEPTION {
            return rest.get(..5).filter(|whole| sound(whole)).map(|_| Answer::Exception(third));
        }
        let whole = rest.get(..usize::from(third) + 5)?;
        (second == function && third % 2 == 0 && sound(whole)).then(|| {
            let words = whole[3..whole.len() - 2].chunks_exact(2);
            Answer::Registers(words.map(|two| u16::from_be_bytes([two[0], two[1]])).collect())
        })
    })
}

/// An answer of one of the units to the question for two registers, or an exception; its check sum decides.
pub(super) fn recognise(bytes: &[u8]) -> Option<Recognised> {
    UNITS.into_iter().find_map(|unit| match answer(bytes, unit, Table::Holding)? {
        Answer::Registers(values) => (values.len() == 2).then_some(Recognised::Modbus { unit, exception: None }),
        Answer::Exception(code) => Some(Recognised::Modbus { unit, exception: Some(code) }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_behind_noise_and_not_before_it_is_whole() {
        let bytes = [vec![0x55, 0x03], frame(7, &[4, 4, 0, 10, 0xFF, 0xFF])].concat();
        for end in 0..bytes.len() {
            assert_eq!(answer(&bytes[..end], 7, Table::Input), None, "{end} bytes");
        }
        assert_eq!(answer(&bytes, 7, Table::Input), Some(Answer::Registers(vec![10, 0xFFFF])));
        assert_eq!(answer(&bytes, 7, Table::Holding), None);
        assert_eq!(answer(&bytes, 6, Table::Input), None);
        assert_eq!(answer(&frame(7, &[0x84, 2]), 7, Table::Input), Some(Answer::Exception(2)));
        let mut bent = bytes.clone();
        bent[5] ^= 1;
        assert_eq!(answer(&bent, 7, Table::Input), None);
    }

    #[test]
    fn every_question_reads() {
        for unit in UNITS {
            for table in TABLES {
                let bytes = read(unit, table, 3, REGISTERS);
                assert!(sound(&bytes) && matches!(bytes[1], 3 | 4), "{bytes:?}");
                assert_eq!(bytes[..6], [unit, bytes[1], 0, 3, 0, 16]);
            }
        }
        assert!(read(1, Table::Coil, 0, 1).is_empty());
    }
}
