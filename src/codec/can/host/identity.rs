//! Who the adapter is: its version (`V`) and its serial number (`N`).

use crate::codec::FieldValue;

/// A fact that must hold.
pub(in crate::codec::can) struct Fact {
    /// `version` or `serial`
    pub name: String,
    pub wanted: String,
    pub agrees: bool,
}

impl Fact {
    /// The fact of that name; `None` where an adapter tells nothing of the kind.
    pub(in crate::codec::can) fn new(name: &str, wanted: &FieldValue) -> Option<Fact> {
        let wanted = match wanted {
            FieldValue::Text(text) => text.clone(),
            FieldValue::Number(number) => format!("{number}"),
            FieldValue::Arg { .. } => return None,
        };
        matches!(name, "version" | "serial").then(|| Fact { name: name.into(), wanted, agrees: false })
    }
    /// The letter that asks for it and begins the answer.
    pub(super) fn letter(&self) -> char {
        if self.name == "version" { 'V' } else { 'N' }
    }
}
