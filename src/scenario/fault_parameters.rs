//! The parameters of faults: what each may be, and what is said of what it may not.

use super::fault_target::Target;
use super::faults::numbers_of;
use super::parameters::Parameters;
use crate::rig::Loaded;
use crate::rig::yaml::{Entry, Node, PERIOD_LEAST, Page};
use crate::time::Span;
use crate::units::{Dimension, Quantity, Unit};

/// What a parameter of a fault is.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Want {
    /// A time greater than zero.
    Time,
    /// How often something happens: a time of at least a millisecond.
    Period,
    /// 0 .. 1, or per cent.
    Share,
    /// A number without unit.
    Gain,
    Speed,
    Angle,
    /// Bytes per second, up to a million.
    Bytes,
    /// A whole number up to 255.
    Index,
    /// A difference of the numbers that the fault acts on.
    LikeSignal,
    /// A change of them per second.
    SignalRate,
    /// One of them.
    OfSignal,
    /// The same; left out, the lower end of their declared range.
    RangeLow,
    /// The same; left out, the upper end.
    RangeHigh,
    /// A unit of their kind, in which they are read by mistake.
    ReadUnit,
    /// `true` or `false`.
    Flag,
    /// A quantity of any kind.
    Any,
    /// The name of a field of the twin.
    Field,
    /// A time, also below zero.
    Shift,
    Length,
    Voltage,
    Frequency,
    /// A number greater than zero, up to 1000.
    Times,
    /// A year from 1970 to 2105.
    Year,
}

/// What such a parameter looks like.
pub(super) fn example(want: Want, unit: Option<&Unit>) -> String {
    match (want, unit) {
        (Want::LikeSignal, Some(unit)) => format!("1 {}", unit.difference().text),
        (Want::OfSignal | Want::RangeLow | Want::RangeHigh, Some(unit)) => format!("1 {}", unit.text),
        (Want::SignalRate, Some(unit)) => format!("0.1 {}/s", unit.difference().text),
        (Want::ReadUnit, _) => "ft".into(),
        (Want::Flag, _) => "true".into(),
        (Want::OfSignal | Want::RangeLow | Want::RangeHigh, _) => "1 m".into(),
        (Want::SignalRate, _) => "0.1 m/s".into(),
        (Want::Time | Want::Period, _) => "100 ms".into(),
        (Want::Share, _) => "20 %".into(),
        (Want::Gain, _) => "0.5".into(),
        (Want::Speed, _) => "6 m/s".into(),
        (Want::Angle, _) => "90 deg".into(),
        (Want::Bytes, _) => "200 B/s".into(),
        (Want::Index, _) => "1".into(),
        (Want::LikeSignal | Want::Any, _) => "1 m".into(),
        (Want::Field, _) => "altitude".into(),
        (Want::Shift, _) => "-1 s".into(),
        (Want::Length, _) => "2 m".into(),
        (Want::Voltage, _) => "4.2 V".into(),
        (Want::Frequency, _) => "2 Hz".into(),
        (Want::Times, _) => "10".into(),
        (Want::Year, _) => "2038".into(),
    }
}

/// One parameter as read.
#[derive(Default)]
pub(super) struct Parameter {
    /// SI.
    pub number: f64,
    pub text: String,
    pub offset: f64,
}

/// One parameter: its number in SI, or its text.
pub(super) fn number(
    page: &mut Page,
    entry: &Entry,
    want: Want,
    target: Option<Target>,
    loaded: &Loaded,
    parameters: &mut Parameters,
) -> Option<Parameter> {
    if want == Want::Field {
        let word = page.text(&entry.value, "the name of a field of the twin")?;
        return Some(Parameter { text: word.text.clone(), ..Parameter::default() });
    }
    if want == Want::Flag {
        return Some(Parameter { number: f64::from(page.flag(&entry.value)?), ..Parameter::default() });
    }
    let unit = numbers_of(target, loaded).map(|(unit, _)| unit);
    let unit = unit.as_ref();
    let like_signal = matches!(
        want,
        Want::LikeSignal | Want::SignalRate | Want::OfSignal | Want::RangeLow | Want::RangeHigh | Want::ReadUnit
    );
    if like_signal && unit.is_none() {
        if target.is_some() {
            page.error(entry.key.span.clone(), "this fault acts on numbers; the signal is none".into(), None);
        }
        return None;
    }
    if want == Want::ReadUnit {
        return misread(page, entry, unit?);
    }
    let example = example(want, unit);
    let word = page.scalar(&entry.value, &format!("a value such as `{example}`"))?;
    let quantity = parameters.look_up(page, word)?;
    let none = Dimension::default();
    let dimension = match want {
        Want::Time | Want::Period | Want::Shift => Dimension { time: 1, ..none },
        Want::Length => Dimension { length: 1, ..none },
        Want::Voltage => Dimension { length: 2, mass: 1, time: -3, current: -1, ..none },
        Want::Frequency => Dimension { time: -1, ..none },
        Want::Speed => Dimension { length: 1, time: -1, ..none },
        Want::Angle => Dimension { angle: 1, ..none },
        Want::Bytes => Dimension { information: 1, time: -1, ..none },
        Want::LikeSignal | Want::OfSignal | Want::RangeLow | Want::RangeHigh => unit.map_or(none, |u| u.dimension),
        Want::SignalRate => {
            let own = unit.map_or(none, |u| u.dimension);
            Dimension { time: own.time - 1, ..own }
        }
        Want::Any => quantity.unit.dimension,
        Want::Share
        | Want::Gain
        | Want::Index
        | Want::Field
        | Want::Times
        | Want::Year
        | Want::Flag
        | Want::ReadUnit => none,
    };
    if !page.like(word, &quantity, dimension, &example) {
        return None;
    }
    let si = in_range(page, &entry.value, want, &quantity)?;
    Some(Parameter { number: si, ..Parameter::default() })
}

/// The unit in which numbers are read by mistake: what that makes of their SI values.
fn misread(page: &mut Page, entry: &Entry, own: &Unit) -> Option<Parameter> {
    let word = page.scalar(&entry.value, "a unit such as `ft`")?;
    let read = match Unit::parse(&word.text) {
        Ok(read) => read,
        Err(problem) => {
            page.problem(word, problem);
            return None;
        }
    };
    if read.dimension != own.dimension {
        page.error(
            word.span.clone(),
            format!("nobody takes {} for {}", own.dimension.words(), read.dimension.words()),
            Some("name a unit of the same kind, such as `ft` for m or `deg` for rad".into()),
        );
        return None;
    }
    // The number itself stays, its unit is another one.
    let number = read.scale / own.scale;
    Some(Parameter { number, offset: read.offset - number * own.offset, text: String::new() })
}

/// A clock that is further off is off by a century; nanoseconds in 64 bits hold three.
const SHIFT_MOST_S: f64 = 100.0 * 365.25 * 86_400.0;

fn in_range(page: &mut Page, node: &Node, want: Want, quantity: &Quantity) -> Option<f64> {
    // A bias is a difference: 2 degC are 2 K.
    let difference = quantity.si() - quantity.unit.offset;
    let (si, good, wanted) = match want {
        Want::Time => return Some(page.time_within(node, quantity, Span::from_nanos(1), "100 ms")?.seconds()),
        Want::Period => return Some(page.time_within(node, quantity, PERIOD_LEAST, "100 ms")?.seconds()),
        Want::Shift => {
            let si = quantity.si();
            (si, si.abs() <= SHIFT_MOST_S, "a time of less than 100 years")
        }
        Want::Share => (quantity.si(), (0.0..=1.0).contains(&quantity.si()), "a share from 0 % to 100 %"),
        Want::Speed => (quantity.si(), quantity.si() >= 0.0, "a speed that is not negative"),
        // SI counts bits; the twin counts bytes.
        Want::Bytes => (quantity.si() / 8.0, quantity.si() > 0.0 && quantity.si() <= 8e6, "a rate of at most 1 MB/s"),
        Want::Index => {
            let si = quantity.si();
            (si, (0.0..=255.0).contains(&si) && si.fract() == 0.0, "a whole number from 0 to 255")
        }
        Want::Voltage => (quantity.si(), quantity.si() >= 0.0, "a voltage that is not negative"),
        Want::Frequency => (quantity.si(), quantity.si() > 0.0, "a frequency greater than zero"),
        Want::Times => (quantity.si(), quantity.si() > 0.0 && quantity.si() <= 1000.0, "a number of at most 1000"),
        Want::Year => {
            let si = quantity.si();
            (si, (1970.0..=2105.0).contains(&si) && si.fract() == 0.0, "a year from 1970 to 2105")
        }
        Want::LikeSignal | Want::SignalRate | Want::Any => (difference, true, ""),
        Want::OfSignal | Want::RangeLow | Want::RangeHigh | Want::Flag | Want::ReadUnit => (quantity.si(), true, ""),
        Want::Gain | Want::Angle | Want::Field | Want::Length => (quantity.si(), true, ""),
    };
    if !good {
        page.wrong(node, wanted);
        return None;
    }
    Some(si)
}
