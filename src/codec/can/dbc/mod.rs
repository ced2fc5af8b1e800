//! What a DBC file says: messages, their signals, and when a signal is there.

mod bits;
mod read;
mod words;

use std::collections::BTreeMap;

/// A database of messages.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Database {
    pub messages: Vec<MessageDef>,
}

/// A message. Where the file shortens a name to its 32 characters and tells the whole one (`SystemMessageLongSymbol`,
/// `SystemSignalLongSymbol`), the whole one counts.
#[derive(Clone, PartialEq, Debug)]
pub struct MessageDef {
    pub name: String,
    /// 11 or 29 bits.
    pub id: u32,
    pub extended: bool,
    /// Bytes of data.
    pub length: usize,
    pub signals: Vec<SignalDef>,
    /// `GenMsgCycleTime` in ms, where it is not zero.
    pub cycle_millis: Option<u32>,
}

/// A signal of a message.
#[derive(Clone, PartialEq, Debug)]
pub struct SignalDef {
    pub name: String,
    /// As the file numbers it: of the least significant bit in little endian, of the most significant in big endian.
    pub start: u32,
    /// Bits, 1 to 64.
    pub bits: u32,
    pub big_endian: bool,
    pub kind: Number,
    /// value = raw * factor + offset
    pub factor: f64,
    pub offset: f64,
    pub unit: String,
    /// It chooses which of the others are there.
    pub chooses: bool,
    /// It is there when this signal of the message (by its place) has a raw value in one of these ranges.
    pub when: Option<(usize, Vec<(i64, i64)>)>,
    /// Names of raw values.
    pub choices: BTreeMap<i64, String>,
    /// `GenSigStartValue`: the raw value where nobody gives one.
    pub start_value: f64,
}

/// How the bits are a number.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Number {
    Unsigned,
    Signed,
    Float,
    Double,
}

/// Why a text is no DBC file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct DbcError {
    pub line: usize,
    pub what: String,
}

/// A raw value.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Raw {
    Whole(i64),
    /// Above what an `i64` holds.
    Large(u64),
    Real(f64),
}

impl Raw {
    /// As a number.
    pub fn number(self) -> f64 {
        match self {
            Raw::Whole(number) => number as f64,
            Raw::Large(number) => number as f64,
            Raw::Real(number) => number,
        }
    }
    /// As a whole number.
    pub fn whole(self) -> Option<i64> {
        match self {
            Raw::Whole(number) => Some(number),
            _ => None,
        }
    }
}

impl Database {
    /// Reads a file; the error names its line.
    pub fn read(text: &str) -> Result<Database, DbcError> {
        read::read(text)
    }
    /// The message of that name.
    pub fn find(&self, name: &str) -> Option<&MessageDef> {
        self.messages.iter().find(|message| message.name == name)
    }
    /// The message of that identifier.
    pub fn by_id(&self, id: u32, extended: bool) -> Option<&MessageDef> {
        self.messages.iter().find(|message| (message.id, message.extended) == (id, extended))
    }
}

impl MessageDef {
    /// The signal of that name and its place.
    pub fn signal(&self, name: &str) -> Option<(usize, &SignalDef)> {
        self.signals.iter().enumerate().find(|(_, signal)| signal.name == name)
    }
    /// Whether the signal is there in this data, as the signals say that choose: `None` where the data is too short.
    pub fn carries(&self, place: usize, data: &[u8]) -> Option<bool> {
        let mut at = place;
        // Reading refuses signals that choose themselves in a circle.
        while let Some((chooser, ranges)) = &self.signals[at].when {
            let raw = self.signals[*chooser].raw(data)?.whole()?;
            if !ranges.iter().any(|(low, high)| (*low..=*high).contains(&raw)) {
                return Some(false);
            }
            at = *chooser;
        }
        Some(true)
    }
    /// The raw values that the choosers of a signal must have for it to be there.
    pub fn needs(&self, place: usize) -> Vec<(usize, i64)> {
        let mut needs = Vec::new();
        let mut at = place;
        while let Some((chooser, ranges)) = &self.signals[at].when {
            if let Some((low, _)) = ranges.first() {
                needs.push((*chooser, *low));
            }
            at = *chooser;
        }
        needs
    }
    /// Puts what the choosers of these signals must say for them to be there. A chooser that is among them has a value of its own.
    pub fn choose(&self, given: &[usize], data: &mut [u8]) -> Result<(), String> {
        for (chooser, raw) in given.iter().flat_map(|place| self.needs(*place)) {
            if !given.contains(&chooser) {
                self.signals[chooser].put_raw(raw as f64, data)?;
            }
        }
        Ok(())
    }
    /// The data in which these signals have these values, in the file's own units; all else is zero. The error names what does not
    /// exist or does not fit.
    pub fn encode(&self, values: &[(&str, f64)]) -> Result<Vec<u8>, String> {
        let missing = |name: &str| format!("there is no signal `{name}` in `{}`", self.name);
        let find = |(name, _): &(&str, f64)| self.signal(name).map(|(place, _)| place).ok_or_else(|| missing(name));
        let places: Vec<usize> = values.iter().map(find).collect::<Result<_, _>>()?;
        let mut data = vec![0; self.length];
        self.choose(&places, &mut data)?;
        for (place, (_, value)) in places.iter().zip(values) {
            self.signals[*place].put_value(*value, &mut data)?;
        }
        Ok(data)
    }
    /// Every signal that this data carries, with its raw value; what lies beyond its end is left out.
    pub fn decode<'m>(&'m self, data: &[u8]) -> Vec<(&'m SignalDef, Raw)> {
        let there = |place: &usize| self.carries(*place, data) == Some(true);
        let places = (0..self.signals.len()).filter(there);
        places.filter_map(|place| Some((&self.signals[place], self.signals[place].raw(data)?))).collect()
    }
}

impl SignalDef {
    /// Its raw value in this data; `None` where the data ends before it does.
    pub fn raw(&self, data: &[u8]) -> Option<Raw> {
        let bits = bits::get(data, self.start, self.bits, self.big_endian)?;
        Some(match self.kind {
            Number::Float => Raw::Real(f64::from(f32::from_bits(bits as u32))),
            Number::Double => Raw::Real(f64::from_bits(bits)),
            Number::Unsigned => i64::try_from(bits).map_or(Raw::Large(bits), Raw::Whole),
            Number::Signed => {
                let unused = 64 - self.bits;
                Raw::Whole((bits << unused) as i64 >> unused)
            }
        })
    }
    /// Its value in the file's own unit.
    pub fn value(&self, raw: Raw) -> f64 {
        raw.number() * self.factor + self.offset
    }
    /// Puts a value in the file's own unit into the data. The error says why the signal cannot carry it.
    pub fn put_value(&self, value: f64, data: &mut [u8]) -> Result<(), String> {
        self.put_raw((value - self.offset) / self.factor, data)
    }
    /// Puts a raw number into the data, rounded to a whole one where the signal is no float.
    pub fn put_raw(&self, raw: f64, data: &mut [u8]) -> Result<(), String> {
        let refuse = || format!("signal `{}` cannot carry the raw value {raw}", self.name);
        let bits = match self.kind {
            Number::Float => u64::from((raw as f32).to_bits()),
            Number::Double => raw.to_bits(),
            _ if !raw.is_finite() => return Err(refuse()),
            Number::Unsigned => {
                let whole = libm::round(raw);
                if whole < 0.0 || whole >= libm::exp2(f64::from(self.bits)) {
                    return Err(refuse());
                }
                whole as u64
            }
            Number::Signed => {
                let (whole, half) = (libm::round(raw), libm::exp2(f64::from(self.bits - 1)));
                if whole < -half || whole >= half {
                    return Err(refuse());
                }
                whole as i64 as u64
            }
        };
        bits::put(data, self.start, self.bits, self.big_endian, bits).ok_or_else(refuse)
    }
    /// The raw value of that name.
    pub fn choice(&self, name: &str) -> Option<i64> {
        self.choices.iter().find(|(_, choice)| *choice == name).map(|(raw, _)| *raw)
    }
}
