//! The mirror: a device (server) on the line. Twins and tests stand on it.
//!
//! It finds a sound request wherever it begins, so that half a frame before it costs nothing. A device that parts frames by
//! silence alone needs that silence; both take the same bytes.

use super::frame::{EXCEPTION, FRAME_MAX, READ_BITS_MAX, READ_REGISTERS_MAX, WRITE_BITS_MAX, WRITE_REGISTERS_MAX};
use super::frame::{frame, pack, sound};
use super::{Kind, Table, WordOrder};
use std::collections::BTreeMap;

/// A write to this unit is for every device, and none answers it (Modbus over serial line 1.02, 2.1).
const EVERYBODY: u8 = 0;

/// Something a client has written.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Written {
    pub table: Table,
    pub address: u16,
    pub value: u16,
}

/// A device with its tables.
pub struct Server {
    unit: u8,
    order: WordOrder,
    /// Every place that exists; bits are 0 or 1.
    cells: BTreeMap<(Table, u16), u16>,
    /// What arrived and is no whole request yet.
    buffer: Vec<u8>,
}

impl Server {
    /// A device without any places.
    pub fn new(unit: u8, order: WordOrder) -> Server {
        Server { unit, order, cells: BTreeMap::new(), buffer: Vec::new() }
    }
    /// Makes a place, or sets what it holds.
    pub fn set(&mut self, table: Table, address: u16, value: u16) {
        self.cells.insert((table, address), value);
    }
    /// Sets a number of this kind, as near as it can hold it; one that is none leaves it as it was.
    pub fn set_number(&mut self, table: Table, address: u16, kind: Kind, number: f64) {
        let limit = match kind {
            Kind::I16 => number.clamp(f64::from(i16::MIN), f64::from(i16::MAX)),
            Kind::U16 => number.clamp(0.0, f64::from(u16::MAX)),
            _ => number,
        };
        for (place, word) in kind.encode(limit, self.order).unwrap_or_default().into_iter().enumerate() {
            self.set(table, address.wrapping_add(place as u16), word);
        }
    }
    /// What a place holds.
    pub fn get(&self, table: Table, address: u16) -> Option<u16> {
        self.cells.get(&(table, address)).copied()
    }
    /// Takes bytes of the line; answers go to `out`, what was written to `written`.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Vec<u8>>, written: &mut Vec<Written>) {
        for byte in bytes {
            self.buffer.push(*byte);
            // The sound request that ends here, if there is one: the earliest that may have begun.
            let end = self.buffer.len();
            let begins =
                (end.saturating_sub(FRAME_MAX)..end.saturating_sub(3)).find(|begin| self.hears(&self.buffer[*begin..]));
            if let Some(begin) = begins {
                let request = self.buffer.split_off(begin);
                self.buffer.clear();
                let answer = self.answer(&request[1..request.len() - 2], written);
                if request[0] != EVERYBODY {
                    out.push(answer);
                }
            } else if end > 2 * FRAME_MAX {
                self.buffer.drain(..FRAME_MAX);
            }
        }
    }
    /// Forgets half a frame, as at power-up.
    pub fn forget(&mut self) {
        self.buffer.clear();
    }

    /// Whether these bytes are one whole request to this device.
    fn hears(&self, bytes: &[u8]) -> bool {
        let to_all = bytes[0] == EVERYBODY && matches!(bytes[1], 5 | 6 | 15 | 16);
        (bytes[0] == self.unit || to_all) && whole(bytes)
    }

    fn answer(&mut self, data: &[u8], written: &mut Vec<Written>) -> Vec<u8> {
        let answer = match self.act(data, written) {
            Ok(answer) => answer,
            Err(code) => vec![data[0] | EXCEPTION, code],
        };
        frame(self.unit, &answer)
    }
    /// Function and data of a request to those of the answer; the error is an exception code.
    fn act(&mut self, data: &[u8], written: &mut Vec<Written>) -> Result<Vec<u8>, u8> {
        let word =
            |place: usize| data.get(place..place + 2).map(|two| u16::from_be_bytes([two[0], two[1]])).ok_or(3_u8);
        let function = data[0];
        match function {
            1..=4 => {
                let table = [Table::Coil, Table::Discrete, Table::Holding, Table::Input][usize::from(function - 1)];
                let (address, count) = (word(1)?, word(3)?);
                let most = if table.of_bits() { READ_BITS_MAX } else { READ_REGISTERS_MAX };
                if count == 0 || count > most {
                    return Err(3);
                }
                let mut values = Vec::new();
                for place in 0..count {
                    values.push(self.get(table, address.checked_add(place).ok_or(2)?).ok_or(2)?);
                }
                let bytes = match table.of_bits() {
                    true => pack(&values.iter().map(|v| *v != 0).collect::<Vec<_>>()),
                    false => values.iter().flat_map(|value| value.to_be_bytes()).collect(),
                };
                Ok([vec![function, bytes.len() as u8], bytes].concat())
            }
            5 => {
                let value = match word(3)? {
                    0 => 0,
                    0xFF00 => 1,
                    _ => return Err(3),
                };
                self.write(Table::Coil, word(1)?, &[value], written)?;
                Ok(data[..5].to_vec())
            }
            6 => {
                self.write(Table::Holding, word(1)?, &[word(3)?], written)?;
                Ok(data[..5].to_vec())
            }
            15 | 16 => {
                let (address, count) = (word(1)?, usize::from(word(3)?));
                let (bytes, most) =
                    if function == 15 { (count.div_ceil(8), WRITE_BITS_MAX) } else { (2 * count, WRITE_REGISTERS_MAX) };
                let given = data.get(6..).filter(|given| given.len() == bytes).ok_or(3_u8)?;
                if count == 0 || count > most {
                    return Err(3);
                }
                if function == 15 {
                    let values: Vec<u16> =
                        (0..count).map(|place| u16::from(given[place / 8] >> (place % 8) & 1)).collect();
                    self.write(Table::Coil, address, &values, written)?;
                } else {
                    let values: Vec<u16> = given.chunks(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
                    self.write(Table::Holding, address, &values, written)?;
                }
                Ok(data[..5].to_vec())
            }
            _ => Err(1),
        }
    }
    /// All of it or, where one place does not exist, nothing.
    fn write(&mut self, table: Table, address: u16, values: &[u16], written: &mut Vec<Written>) -> Result<(), u8> {
        let place = |index: usize| u16::try_from(index).ok().and_then(|i| address.checked_add(i)).ok_or(2_u8);
        for index in 0..values.len() {
            self.get(table, place(index)?).ok_or(2_u8)?;
        }
        for (index, value) in values.iter().enumerate() {
            self.set(table, place(index)?, *value);
            written.push(Written { table, address: place(index)?, value: *value });
        }
        Ok(())
    }
}

/// Whether these bytes are one whole request.
fn whole(bytes: &[u8]) -> bool {
    let length = match bytes[1] {
        1..=6 => 8,
        15 | 16 => match bytes.get(6) {
            Some(count) => 9 + usize::from(*count),
            None => return false,
        },
        // Of an unknown function nobody knows the length: it ends where its check sum does.
        function if function & EXCEPTION == 0 && function != 0 => bytes.len(),
        _ => return false,
    };
    bytes.len() == length && sound(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::modbus::frame::Request;

    fn server() -> Server {
        let mut server = Server::new(1, WordOrder::HighFirst);
        (0..4).for_each(|place| server.set(Table::Holding, place, 100 + place));
        (0..10).for_each(|place| server.set(Table::Coil, place, 0));
        server
    }
    fn ask(server: &mut Server, request: &[u8]) -> (Vec<u8>, Vec<Written>) {
        let (mut out, mut written) = (Vec::new(), Vec::new());
        server.feed(request, &mut out, &mut written);
        (out.concat(), written)
    }

    #[test]
    fn it_answers_as_slaves_of_others_making_do() {
        let mut server = server();
        let answer = ask(&mut server, &[1, 3, 0, 0, 0, 4, 0x44, 9]).0;
        assert_eq!(answer, [1, 3, 8, 0, 0x64, 0, 0x65, 0, 0x66, 0, 0x67, 0x5d, 0xec]);
        assert_eq!(ask(&mut server, &[1, 3, 0, 0, 0, 4, 0x44, 8]).0, Vec::<u8>::new(), "a wrong check sum");
        server.forget();
        assert_eq!(ask(&mut server, &frame(2, &[3, 0, 0, 0, 4])).0, Vec::<u8>::new(), "another unit");
        server.forget();
        let (said, written) = ask(&mut server, &frame(0, &[6, 0, 1, 0, 9]));
        assert_eq!((said, written.len(), server.get(Table::Holding, 1)), (vec![], 1, Some(9)), "for everybody");
        assert_eq!(ask(&mut server, &frame(0, &[3, 0, 1, 0, 1])), (vec![], vec![]), "everybody can only be written to");
        assert_eq!(ask(&mut server, &frame(1, &[3, 0, 2, 0, 3])).0, frame(1, &[0x83, 2]));
        assert_eq!(ask(&mut server, &frame(1, &[3, 0, 0, 0, 126])).0, frame(1, &[0x83, 3]));
        assert_eq!(ask(&mut server, &frame(1, &[0x55])).0, frame(1, &[0xD5, 1]));
        assert_eq!(ask(&mut server, &frame(1, &[5, 0, 0, 0x12, 0])).0, frame(1, &[0x85, 3]));
    }

    #[test]
    fn what_is_written_is_held_or_all_of_it_refused() {
        let mut server = server();
        let write = Request::WriteRegisters { address: 2, values: vec![7, 8] };
        let (answer, written) = ask(&mut server, &frame(1, &write.data()));
        assert_eq!((answer, written.len()), (frame(1, &[16, 0, 2, 0, 2]), 2));
        assert_eq!((server.get(Table::Holding, 2), server.get(Table::Holding, 3)), (Some(7), Some(8)));
        let beyond = Request::WriteRegisters { address: 3, values: vec![1, 1] };
        assert_eq!(ask(&mut server, &frame(1, &beyond.data())), (frame(1, &[0x90, 2]), vec![]));
        assert_eq!(server.get(Table::Holding, 3), Some(8));
        let coils =
            Request::WriteCoils { address: 1, values: vec![true, false, true, true, false, false, false, false, true] };
        ask(&mut server, &frame(1, &coils.data()));
        let coils: Vec<_> = (0..10).map(|place| server.get(Table::Coil, place).unwrap_or(9)).collect();
        assert_eq!(coils, [0, 1, 0, 1, 1, 0, 0, 0, 0, 1]);
    }
}
