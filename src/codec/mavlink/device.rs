//! The mirror: MAVLink as a vehicle speaks it. Simulated devices and tests stand on it.

use super::dialect::DialectSource;

/// The vehicle's end of one serial link.
pub struct Vehicle;

/// A message from the ground, decoded.
#[derive(Clone, PartialEq, Debug)]
pub struct Received {
    /// `COMMAND_LONG`
    pub name: String,
    /// Who sent it.
    pub system: u8,
    pub component: u8,
    /// Field names and numbers, arrays as `name[0]`…; texts are left out.
    pub fields: Vec<(String, f64)>,
    /// Text fields (char arrays).
    pub texts: Vec<(String, String)>,
}

impl Received {
    /// A number by its field's name.
    pub fn number(&self, field: &str) -> Option<f64> {
        self.fields.iter().find(|(n, _)| n == field).map(|(_, v)| *v)
    }
}

impl Vehicle {
    /// A vehicle under this address; the error says what is wrong with the dialect.
    pub fn new(_dialect: &DialectSource, _system: u8, _component: u8) -> Result<Vehicle, String> {
        todo!()
    }
    /// Takes bytes from the ground in any chunking; garbage is skipped.
    pub fn feed(&mut self, _bytes: &[u8], _out: &mut Vec<Received>) {
        todo!()
    }
    /// Appends one MAVLink 2 frame. Fields not named are zero; unknown names are an error (a bug of the twin).
    pub fn send(
        &mut self,
        _message: &str,
        _fields: &[(&str, f64)],
        _texts: &[(&str, &str)],
        _out: &mut Vec<u8>,
    ) -> Result<(), String> {
        todo!()
    }
    /// The value of an enum entry: `MAV_CMD_NAV_LAND`.
    pub fn constant(&self, _entry: &str) -> Option<i64> {
        todo!()
    }
    /// The number of a message: `ATTITUDE` is 30.
    pub fn message_id(&self, _name: &str) -> Option<u32> {
        todo!()
    }
    /// The name of a message number.
    pub fn message_name(&self, _id: u32) -> Option<&str> {
        todo!()
    }
}
