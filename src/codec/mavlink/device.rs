//! The mirror: MAVLink as a vehicle speaks it. Simulated devices and tests stand on it.

use super::dialect::{Dialect, DialectSource};
use super::encode::{Payload, element_of, text_in};
use super::framing::{Found, Framer, Sender, Version, write_frame};
use std::sync::Arc;

/// The vehicle's end of one serial link.
pub struct Vehicle {
    dialect: Arc<Dialect>,
    framer: Framer,
    system: u8,
    component: u8,
    sequence: u8,
    version: Version,
}

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
    /// A text by its field's name.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.texts.iter().find(|(n, _)| n == field).map(|(_, v)| v.as_str())
    }
}

impl Vehicle {
    /// A vehicle under this address; the error says what is wrong with the dialect.
    pub fn new(dialect: &DialectSource, system: u8, component: u8) -> Result<Vehicle, String> {
        Ok(Vehicle {
            dialect: Dialect::load(dialect)?,
            framer: Framer::new(),
            system,
            component,
            sequence: 0,
            version: Version::V2,
        })
    }
    /// From here on it sends MAVLink 1, as old autopilots do; it understands both all the same.
    pub fn speak_version_1(&mut self) {
        self.version = Version::V1;
    }
    /// Takes bytes from the ground in any chunking; garbage is skipped.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Received>) {
        self.framer.push(bytes);
        while let Some(found) = self.framer.next(&self.dialect) {
            let Found::Frame(header) = found else { continue };
            let message = self.dialect.at(header.place);
            let payload = self.framer.payload();
            let mut received = Received {
                name: message.name.clone(),
                system: header.system,
                component: header.component,
                fields: Vec::with_capacity(message.fields.len()),
                texts: Vec::new(),
            };
            for field in &message.fields {
                let at = usize::from(field.offset);
                if field.is_text() {
                    received.texts.push((field.name.clone(), text_in(payload, field)));
                } else if field.array.is_none() {
                    received.fields.push((field.name.clone(), field.kind.number(payload, at)));
                } else {
                    for element in 0..field.count() {
                        let value = field.kind.number(payload, at + element * field.kind.size());
                        received.fields.push((format!("{}[{element}]", field.name), value));
                    }
                }
            }
            out.push(received);
        }
    }
    /// Appends one frame, MAVLink 2 unless told otherwise. Array elements are named `field[3]`.
    /// Fields not named are zero; unknown names are an error (a bug of the twin).
    pub fn send(
        &mut self,
        message: &str,
        fields: &[(&str, f64)],
        texts: &[(&str, &str)],
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let (_, def) = self.dialect.find(message).ok_or_else(|| format!("no message `{message}` in the dialect"))?;
        let mut payload = Payload::new(def);
        for (name, value) in fields {
            let (name, element) = element_of(name)?;
            let field = def
                .field(name)
                .filter(|f| element < f.count())
                .ok_or_else(|| format!("no element {element} of a field `{name}` in message `{message}`"))?;
            payload.number(field, element, *value);
        }
        for (name, text) in texts {
            let field = def
                .field(name)
                .filter(|f| f.is_text())
                .ok_or_else(|| format!("no text field `{name}` in message `{message}`"))?;
            payload.text(field, text);
        }
        let from = Sender { system: self.system, component: self.component, sequence: self.sequence };
        write_frame(self.version, from, def, &payload.0, out)
            .ok_or_else(|| format!("message `{message}` has a number that MAVLink 1 cannot carry"))?;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }
    /// The value of an enum entry: `MAV_CMD_NAV_LAND`.
    pub fn constant(&self, entry: &str) -> Option<i64> {
        self.dialect.entry(entry)
    }
    /// The number of a message: `ATTITUDE` is 30.
    pub fn message_id(&self, name: &str) -> Option<u32> {
        self.dialect.find(name).map(|(_, message)| message.id)
    }
    /// The name of a message number.
    pub fn message_name(&self, id: u32) -> Option<&str> {
        self.dialect.place(id).map(|place| self.dialect.at(place).name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vehicle() -> Vehicle {
        Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads")
    }

    #[test]
    fn what_one_vehicle_sends_another_understands_in_both_versions() {
        for version in [Version::V1, Version::V2] {
            let mut sender = vehicle();
            sender.version = version;
            let mut bytes = Vec::new();
            sender.send("ATTITUDE", &[("roll", -0.5), ("time_boot_ms", 1234.0)], &[], &mut bytes).expect("known names");
            sender
                .send("STATUSTEXT", &[("severity", 4.0)], &[("text", "PreArm: gyros")], &mut bytes)
                .expect("known names");
            let mut received = Vec::new();
            let mut other = vehicle();
            for byte in &bytes {
                other.feed(&[*byte], &mut received);
            }
            assert_eq!(received.len(), 2);
            assert_eq!(received[0].number("roll"), Some(-0.5));
            assert_eq!(received[0].number("time_boot_ms"), Some(1234.0));
            assert_eq!(received[1].text("text"), Some("PreArm: gyros"));
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_refused_and_nothing_is_sent() {
        let mut out = Vec::new();
        let mut sender = vehicle();
        assert!(sender.send("ATTITUDES", &[], &[], &mut out).is_err());
        assert!(sender.send("ATTITUDE", &[("rol", 1.0)], &[], &mut out).is_err());
        assert!(sender.send("BATTERY_STATUS", &[("voltages[10]", 1.0)], &[], &mut out).is_err());
        assert!(sender.send("STATUSTEXT", &[], &[("severity", "x")], &mut out).is_err());
        assert!(out.is_empty());
        assert_eq!(sender.constant("MAV_CMD_NAV_LAND"), Some(21));
        assert_eq!(sender.message_id("ATTITUDE"), Some(30));
        assert_eq!(sender.message_name(30), Some("ATTITUDE"));
    }
}
