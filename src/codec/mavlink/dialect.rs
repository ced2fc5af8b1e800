//! Message and enum tables of a dialect.

use super::field::Kind;
use super::xml;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Where a dialect comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DialectSource {
    Common,
    Ardupilotmega,
    /// XML texts by file name; the first is the dialect, the others its includes.
    Xml(Vec<(String, String)>),
}

/// The definitions that are built in; see `proto/mavlink/README.md` for their source.
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("minimal.xml", include_str!("../../../proto/mavlink/minimal.xml")),
    ("standard.xml", include_str!("../../../proto/mavlink/standard.xml")),
    ("common.xml", include_str!("../../../proto/mavlink/common.xml")),
    ("ardupilotmega.xml", include_str!("../../../proto/mavlink/ardupilotmega.xml")),
    ("uAvionix.xml", include_str!("../../../proto/mavlink/uAvionix.xml")),
    ("icarous.xml", include_str!("../../../proto/mavlink/icarous.xml")),
    ("loweheiser.xml", include_str!("../../../proto/mavlink/loweheiser.xml")),
    ("cubepilot.xml", include_str!("../../../proto/mavlink/cubepilot.xml")),
    ("csAirLink.xml", include_str!("../../../proto/mavlink/csAirLink.xml")),
];

/// Most bytes a payload can have: its length is one byte.
pub(super) const PAYLOAD_MAX: usize = 255;

/// All messages and enum entries of a dialect and what it includes.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Dialect {
    /// In order of their numbers.
    messages: Vec<MessageDef>,
    /// Place in `messages` of the numbers below 256, plus one; 0 where there is none.
    low: Vec<u16>,
    by_name: BTreeMap<String, u16>,
    enums: BTreeMap<String, Vec<(String, i64)>>,
    entries: BTreeMap<String, i64>,
}

/// One message.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct MessageDef {
    pub(super) id: u32,
    pub(super) name: String,
    /// In the order of the wire.
    pub(super) fields: Vec<FieldDef>,
    /// Seed of the check sum: it pins names, types and order of the fields that are no extensions.
    pub(super) crc_extra: u8,
    /// Payload bytes without extensions: what MAVLink 1 sends.
    pub(super) base_len: u8,
    /// Payload bytes with extensions.
    pub(super) full_len: u8,
}

/// One field.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct FieldDef {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Elements of an array; `None` for a single value.
    pub(super) array: Option<u8>,
    /// Byte offset in the payload.
    pub(super) offset: u8,
    pub(super) extension: bool,
    /// The enum that names its values.
    pub(super) enumeration: Option<String>,
    /// `rad`, `m/s`; as the definitions write it.
    pub(super) units: Option<String>,
    /// The raw value that means "not known", where the definitions name one; NaN needs no name.
    pub(super) invalid: Option<f64>,
    /// The protocol fills it in with its own version when nobody else does.
    pub(super) is_version: bool,
}

impl FieldDef {
    /// How many values it holds.
    pub(super) fn count(&self) -> usize {
        self.array.map_or(1, usize::from)
    }
    /// Bytes on the wire.
    pub(super) fn size(&self) -> usize {
        self.kind.size() * self.count()
    }
    /// A char array is a text.
    pub(super) fn is_text(&self) -> bool {
        self.kind == Kind::Char && self.array.is_some()
    }
}

impl MessageDef {
    /// Orders the fields as the wire does, places them and works out the check sum seed.
    /// Rule: <https://mavlink.io/en/guide/serialization.html>. `fields` come in the order of the XML.
    pub(super) fn new(id: u32, name: String, fields: Vec<FieldDef>) -> Result<MessageDef, String> {
        let (mut wire, extensions): (Vec<_>, Vec<_>) = fields.into_iter().partition(|f| !f.extension);
        wire.sort_by_key(|f| core::cmp::Reverse(f.kind.size()));
        let mut seed = super::framing::Sum::new();
        seed.add(name.as_bytes()).add(b" ");
        for field in &wire {
            seed.add(field.kind.name().as_bytes()).add(b" ").add(field.name.as_bytes()).add(b" ");
            if let Some(length) = field.array {
                seed.add(&[length]);
            }
        }
        let seed = seed.value();
        let base_len: usize = wire.iter().map(FieldDef::size).sum();
        wire.extend(extensions);
        let full_len: usize = wire.iter().map(FieldDef::size).sum();
        if full_len > PAYLOAD_MAX {
            return Err(format!("message `{name}` needs {full_len} bytes, and a payload holds {PAYLOAD_MAX}"));
        }
        let mut offset = 0;
        for field in &mut wire {
            field.offset = offset as u8;
            offset += field.size();
        }
        Ok(MessageDef {
            id,
            name,
            fields: wire,
            crc_extra: (seed & 0xff) as u8 ^ (seed >> 8) as u8,
            base_len: base_len as u8,
            full_len: full_len as u8,
        })
    }

    /// The field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&FieldDef> {
        self.fields.iter().find(|f| f.name == name)
    }
}

impl Dialect {
    /// Loads a dialect; the error names file and line. The built-in ones are read once per process, since a swarm
    /// of runs loads them thousands of times.
    pub(super) fn load(source: &DialectSource) -> Result<Arc<Dialect>, String> {
        static COMMON: LazyLock<Result<Arc<Dialect>, String>> =
            LazyLock::new(|| xml::load("common.xml", std::iter::empty()).map(Arc::new));
        static ARDUPILOTMEGA: LazyLock<Result<Arc<Dialect>, String>> =
            LazyLock::new(|| xml::load("ardupilotmega.xml", std::iter::empty()).map(Arc::new));
        match source {
            DialectSource::Common => COMMON.clone(),
            DialectSource::Ardupilotmega => ARDUPILOTMEGA.clone(),
            DialectSource::Xml(texts) => {
                let (first, _) = texts.first().ok_or("no dialect text was given")?;
                let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
                xml::load(first, texts).map(Arc::new)
            }
        }
    }

    /// Puts the tables together. The error names a message that is defined twice, differently.
    pub(super) fn assemble(
        mut messages: Vec<MessageDef>,
        enums: BTreeMap<String, Vec<(String, i64)>>,
    ) -> Result<Dialect, String> {
        messages.sort_by_key(|m| m.id);
        messages.dedup();
        if let Some(pair) = messages.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(format!("messages `{}` and `{}` have the same id {}", pair[0].name, pair[1].name, pair[0].id));
        }
        let mut low = vec![0; 256];
        let mut by_name = BTreeMap::new();
        for (place, message) in messages.iter().enumerate() {
            let place = u16::try_from(place).ok().filter(|p| *p < u16::MAX).ok_or("more than 65,534 messages")?;
            if let Some(slot) = low.get_mut(message.id as usize) {
                *slot = place + 1;
            }
            if by_name.insert(message.name.clone(), place).is_some() {
                return Err(format!("message `{}` is defined twice, with two ids", message.name));
            }
        }
        let entries = enums.values().flatten().cloned().collect();
        Ok(Dialect { messages, low, by_name, enums, entries })
    }

    /// The place of a message number in the table.
    #[inline]
    pub(super) fn place(&self, id: u32) -> Option<u16> {
        match self.low.get(id as usize) {
            Some(slot) => slot.checked_sub(1),
            None => self.messages.binary_search_by_key(&id, |m| m.id).ok().map(|p| p as u16),
        }
    }
    /// The message at a place that [`Dialect::place`] gave.
    #[inline]
    pub(super) fn at(&self, place: u16) -> &MessageDef {
        &self.messages[place as usize]
    }
    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
    /// The message of that name, and its place.
    pub(super) fn find(&self, name: &str) -> Option<(u16, &MessageDef)> {
        let place = *self.by_name.get(name)?;
        Some((place, self.at(place)))
    }
    /// The value of an enum entry.
    pub(super) fn entry(&self, name: &str) -> Option<i64> {
        self.entries.get(name).copied()
    }
    /// The entries of an enum.
    pub(super) fn entries_of(&self, name: &str) -> &[(String, i64)] {
        self.enums.get(name).map_or(&[], Vec::as_slice)
    }
    /// Every entry of every enum, for suggestions.
    pub(super) fn entry_names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
    /// Every message name, for suggestions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of the MIT-licensed generated headers of MAVLink; a failure means that no vehicle would understand us.
    #[test]
    fn check_sum_seeds_are_the_published_ones() {
        let dialect = Dialect::load(&DialectSource::Ardupilotmega).expect("the built-in dialect loads");
        for (name, id, crc_extra, base_len, full_len) in [
            ("HEARTBEAT", 0, 50, 9, 9),
            ("SYS_STATUS", 1, 124, 31, 43),
            ("SYSTEM_TIME", 2, 137, 12, 12),
            ("SET_MODE", 11, 89, 6, 6),
            ("PARAM_VALUE", 22, 220, 25, 25),
            ("PARAM_SET", 23, 168, 23, 23),
            ("ATTITUDE", 30, 39, 28, 28),
            ("LOCAL_POSITION_NED", 32, 185, 28, 28),
            ("GLOBAL_POSITION_INT", 33, 104, 28, 28),
            ("COMMAND_INT", 75, 158, 35, 35),
            ("COMMAND_LONG", 76, 152, 33, 33),
            ("COMMAND_ACK", 77, 143, 3, 10),
            ("SET_POSITION_TARGET_LOCAL_NED", 84, 143, 53, 53),
            ("AUTOPILOT_VERSION", 148, 178, 60, 78),
            ("STATUSTEXT", 253, 83, 51, 54),
            ("AHRS", 163, 127, 28, 28),
        ] {
            let (_, message) = dialect.find(name).expect("a message that every dialect has");
            assert_eq!(
                (message.id, message.crc_extra, message.base_len, message.full_len),
                (id, crc_extra, base_len, full_len),
                "{name}"
            );
            assert_eq!(dialect.place(id).map(|place| dialect.at(place).name.as_str()), Some(name));
        }
        assert_eq!(dialect.entry("MAV_CMD_NAV_LAND"), Some(21));
        assert_eq!(dialect.place(1_000_000), None);
        assert_eq!(dialect.len(), 301);
    }

    #[test]
    fn common_knows_less_than_ardupilotmega() {
        let common = Dialect::load(&DialectSource::Common).expect("the built-in dialect loads");
        assert!(common.find("ATTITUDE").is_some());
        assert!(common.find("AHRS").is_none());
    }
}
