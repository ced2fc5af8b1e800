//! Frames out of a recording: who sent what, and each of its values, with no host and no questions.

use super::dialect::{Dialect, DialectSource, FieldDef};
use super::framing::{Candidate, STX_1, STX_2, candidate_v1, candidate_v2};
use std::sync::Arc;

/// What stands at the beginning of some bytes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum At {
    /// A frame whose check sum is right: its length, who sent it, and the number of its message in [`Recorded::fields`].
    Frame { length: usize, system: u8, component: u8, message: u16 },
    /// What looks like a frame of a message that the dialect does not know.
    Unlisted { length: usize },
    /// A frame that the bytes end within.
    Cut,
    /// No frame, or one whose check sum is wrong.
    Nothing,
}

/// A field of a message, as a recording's reader sees it.
#[derive(Copy, Clone, Debug)]
pub struct RecordedField<'d> {
    field: &'d FieldDef,
}

/// Reads frames by a dialect.
pub struct Recorded {
    dialect: Arc<Dialect>,
    /// The last frame's payload, filled up with zeros to its full length.
    payload: [u8; 256],
}

impl Recorded {
    /// Loads the dialect; the error names file and line.
    pub fn new(source: &DialectSource) -> Result<Recorded, String> {
        Ok(Recorded { dialect: Dialect::load(source)?, payload: [0; 256] })
    }

    /// Looks at the beginning of `bytes`; of a frame the payload is kept for [`Recorded::number`] and [`Recorded::text`].
    pub fn look(&mut self, bytes: &[u8]) -> At {
        let candidate = match bytes.first() {
            Some(&STX_2) => candidate_v2(bytes, &self.dialect),
            Some(&STX_1) => candidate_v1(bytes, &self.dialect),
            Some(_) => Candidate::No,
            None => Candidate::NeedsMore,
        };
        match candidate {
            Candidate::Frame { header, len } => {
                let full = usize::from(self.dialect.at(header.place).full_len);
                let said = usize::from(bytes[1]).min(full);
                let start = header.version.header_len();
                self.payload[..said].copy_from_slice(&bytes[start..start + said]);
                self.payload[said..].fill(0);
                At::Frame { length: len, system: header.system, component: header.component, message: header.place }
            }
            Candidate::NeedsMore => At::Cut,
            Candidate::Unlisted { len, .. } => At::Unlisted { length: len },
            Candidate::No | Candidate::BadSum { .. } => At::Nothing,
        }
    }

    /// A message's name.
    pub fn name(&self, message: u16) -> &str {
        &self.dialect.at(message).name
    }

    /// A message's fields, in the order of the wire.
    pub fn fields(&self, message: u16) -> impl Iterator<Item = RecordedField<'_>> {
        self.dialect.at(message).fields.iter().map(|field| RecordedField { field })
    }

    /// One element of the last frame's field.
    pub fn number(&self, message: u16, field: usize, element: usize) -> f64 {
        let field = &self.dialect.at(message).fields[field];
        field.kind.number(&self.payload, usize::from(field.offset) + element * field.kind.size())
    }

    /// The text of the last frame's field, up to its first zero byte; `None`: it is no UTF-8.
    pub fn text(&self, message: u16, field: usize) -> Option<&str> {
        let field = &self.dialect.at(message).fields[field];
        let start = usize::from(field.offset);
        let text = &self.payload[start..start + field.size()];
        std::str::from_utf8(text.split(|byte| *byte == 0).next().unwrap_or_default()).ok()
    }
}

impl<'d> RecordedField<'d> {
    /// Its name.
    pub fn name(self) -> &'d str {
        &self.field.name
    }
    /// Elements of an array of numbers; `None` for a single value or a text.
    pub fn elements(self) -> Option<usize> {
        self.field.array.filter(|_| !self.field.is_text()).map(usize::from)
    }
    /// It is a text.
    pub fn is_text(self) -> bool {
        self.field.is_text()
    }
    /// Its unit, as the definitions write it: `m/s`, `degE7`.
    pub fn units(self) -> Option<&'d str> {
        self.field.units.as_deref()
    }
    /// The raw value that means "not known", where the definitions name one.
    pub fn invalid(self) -> Option<f64> {
        self.field.invalid
    }
}
