//! What a frame's content means: the seam between the framing and a layout.

use crate::codec::{DeviceConfig, FieldValue};
use crate::diag::nearest;

/// Who says a message.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Side {
    /// The device.
    Says,
    /// We; the device hears it.
    Hears,
}

/// How long the content is whose first bytes are at hand.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Expect {
    Known(usize),
    More,
    /// No content begins so.
    Never,
}

/// A field's value as the content holds it.
#[derive(Clone, PartialEq, Debug)]
pub enum Raw {
    Whole(i128),
    Real(f64),
    Text(String),
    /// A number that has a name.
    Named(i64, String),
    Flag(bool),
    /// Something that can be no value, in words: `a list`.
    Nothing(String),
}

/// A value that a field is given.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Given<'a> {
    Number(f64),
    Text(&'a str),
}

/// A mistake in a description, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    pub message: String,
    pub remedy: Option<String>,
}

impl Trouble {
    /// A mistake without a remedy.
    pub fn new(message: String) -> Trouble {
        Trouble { message, remedy: None }
    }
    /// A name that is not known, with the nearest that is.
    pub fn unknown<'a>(message: String, name: &str, known: impl Iterator<Item = &'a str>) -> Trouble {
        let known: Vec<&str> = known.collect();
        let remedy = match nearest(name, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if (1..=12).contains(&known.len()) => Some(format!("known: {}", known.join(", "))),
            None => None,
        };
        Trouble { message, remedy }
    }
}

/// Reads and writes the contents of frames.
pub trait Tongue: Sized + Send {
    /// A content, understood.
    type Message: Send;
    /// Where a field stands, worked out once.
    type Place: Clone + Send;

    /// What the device's description says of contents, with what it says of frames; `None`: it speaks otherwise.
    fn of(device: &DeviceConfig) -> Option<Result<(Self, &super::FramedConfig), Vec<Trouble>>>;
    /// The names of the messages of that side.
    fn kinds(&self, side: Side) -> Vec<&str>;
    /// The place in [`Tongue::kinds`] of what this name means.
    fn kind(&self, side: Side, name: &str) -> Option<usize> {
        self.kinds(side).iter().position(|kind| *kind == name)
    }
    /// Whether that is what all messages of the side stand in, so that it tells none from another.
    fn is_envelope(&self, _side: Side, _kind: usize) -> bool {
        false
    }
    /// A field's name in a rig file: the message, and the way in it.
    fn split(field: &str) -> Option<(&str, &str)> {
        field.split_once('.')
    }
    /// How such a name is written.
    fn shape() -> &'static str {
        "message.field"
    }
    /// Whether a field that is not given is zero; where it is missing instead, a device may put anything in its place.
    fn absent_is_zero() -> bool {
        true
    }
    /// The place of a field that is named from the message on.
    fn place(&self, side: Side, kind: usize, path: &str) -> Result<Self::Place, Trouble>;
    /// Whether the field can be given this.
    fn admits(&self, place: &Self::Place, value: &FieldValue) -> Result<(), Trouble>;
    /// The content as a message; `None`: it is none that is described.
    fn read(&self, side: Side, content: &[u8]) -> Option<Self::Message>;
    /// Of a content that is none of the messages: whether it is a broken one, or nothing of the kind; `None`: it is whole, and
    /// foreign.
    fn is_damaged(&self, _content: &[u8]) -> Option<bool> {
        None
    }
    /// Whether the message is of that kind.
    fn is(&self, side: Side, message: &Self::Message, kind: usize) -> bool;
    /// What the field holds; `None`: the message has no such field, or nothing in it.
    fn get(&self, message: &Self::Message, place: &Self::Place) -> Option<Raw>;
    /// What the message holds, for people: `code 3, joint 1`.
    fn words(&self, side: Side, message: &Self::Message) -> String;
    /// The content of a message with these fields; what is not given is zero. The error says what does not fit.
    fn write(&self, side: Side, kind: usize, fields: &[(Self::Place, Given<'_>)]) -> Result<Vec<u8>, String>;
    /// How long the content is, for framings that do not say it.
    fn expect(&self, side: Side, start: &[u8]) -> Expect;
    /// The longest content of that side, where the layouts tell it.
    fn longest(&self, side: Side) -> Option<usize>;
}

impl Raw {
    /// As a number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Raw::Whole(whole) => Some(*whole as f64),
            Raw::Real(real) => Some(*real).filter(|r| r.is_finite()),
            Raw::Named(number, _) => Some(*number as f64),
            Raw::Text(_) | Raw::Flag(_) | Raw::Nothing(_) => None,
        }
    }
    /// As a truth: no is zero.
    pub fn flag(&self) -> Option<bool> {
        match self {
            Raw::Flag(flag) => Some(*flag),
            other => other.number().map(|number| number != 0.0),
        }
    }
    /// As a whole number; a real one only where it is whole.
    pub fn whole(&self) -> Option<i128> {
        match self {
            Raw::Whole(whole) => Some(*whole),
            // Beyond 2^53 a real number says nothing of its last digits.
            Raw::Real(real) => (real.abs() <= 9e15 && *real == real.round()).then_some(*real as i128),
            Raw::Named(number, _) => Some((*number).into()),
            Raw::Text(_) | Raw::Flag(_) | Raw::Nothing(_) => None,
        }
    }
    /// As text, a truth value in the words of rig files.
    pub fn text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) | Raw::Named(_, text) => Some(text),
            // As a rig file writes them.
            Raw::Flag(true) => Some("true"),
            Raw::Flag(false) => Some("false"),
            Raw::Whole(_) | Raw::Real(_) | Raw::Nothing(_) => None,
        }
    }
    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Raw::Whole(whole) => whole.to_string(),
            Raw::Real(real) => real.to_string(),
            Raw::Text(text) | Raw::Named(_, text) | Raw::Nothing(text) => {
                text.chars().take(super::host::SHOWN).collect()
            }
            Raw::Flag(flag) => flag.to_string(),
        }
    }
    /// Whether it is what a description says it should be.
    pub fn agrees(&self, wanted: &FieldValue) -> bool {
        match wanted {
            FieldValue::Text(text) => self.text() == Some(text),
            FieldValue::Number(number) => self.number().is_some_and(|found| near(found, *number)),
            FieldValue::Arg { .. } => false,
        }
    }
}

/// Whether two numbers are the same after one of them went through 32 bits.
pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}
