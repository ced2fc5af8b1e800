//! A small bench of signals that all formula tests speak of.

use crate::expr::{Checked, Scope, formula};
use crate::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable};
use crate::time::Span;
use crate::units::{Problem, Quantity, Unit};
use std::collections::BTreeMap;

pub struct Bench {
    pub signals: SignalTable,
    pub defines: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, Quantity>,
}

impl Bench {
    pub fn new() -> Bench {
        let mut signals = SignalTable::new();
        let mut add = |name: &str, kind: SignalKind| {
            let every = Every::Period(Span::from_millis(20));
            let stale_after = Some(Span::from_millis(60));
            signals.add(SignalDef { name: name.into(), device: None, kind, every, stale_after }).expect("names differ")
        };
        for (name, unit, range) in [
            ("fc.altitude", "m", Some("-1 m .. 40 m")),
            ("fc.x", "m", Some("-20 m .. 20 m")),
            ("fc.y", "m", Some("-20 m .. 20 m")),
            ("fc.vx", "m/s", Some("-15 m/s .. 15 m/s")),
            ("fc.vy", "m/s", Some("-15 m/s .. 15 m/s")),
            ("fc.roll", "deg", Some("-180 deg .. 180 deg")),
            ("fc.pitch", "deg", Some("-90 deg .. 90 deg")),
            ("fc.battery", "%", Some("0 % .. 100 %")),
            ("fc.voltage", "V", Some("0 V .. 26 V")),
            ("fc.current", "A", None),
            ("fc.satellites", "", Some("0 .. 64")),
            ("room.temperature", "degC", Some("-10 degC .. 60 degC")),
            ("room.outdoor", "degC", Some("-40 degC .. 60 degC")),
        ] {
            let unit = Unit::parse(unit).expect("a unit of the table");
            let range = range.map(|r| Quantity::parse_range(r).expect("a range")).map(|(lo, hi)| (lo.si(), hi.si()));
            add(name, SignalKind::Number { unit, range });
        }
        let states = |names: &[&str]| SignalKind::States { names: names.iter().map(|n| (*n).to_owned()).collect() };
        add("fc.mode", states(&["STABILIZE", "GUIDED", "RTL", "LAND"]));
        add("phase", states(&["start", "wind-gust", "landing"]));
        add("fc.armed", SignalKind::Flag);
        add("room.occupied", SignalKind::Flag);
        add("pilot.command", SignalKind::Pulse);
        let defines = [
            ("tilt", "max(abs(fc.roll), abs(fc.pitch))"),
            ("flying", "fc.armed and fc.altitude > 0.2 m"),
            ("height", "fc.altitude"),
            ("loop_a", "loop_b + 1 m"),
            ("loop_b", "loop_a + 1 m"),
            ("wrong", "fc.altitude + fc.voltage"),
        ];
        let defines = defines.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let parameters = [("target", "5 m"), ("wind", "6 m/s"), ("settle", "2 s")];
        let quantity = |text| Quantity::parse(text).expect("a quantity");
        let parameters = parameters.into_iter().map(|(name, text)| (name.to_owned(), quantity(text))).collect();
        Bench { signals, defines, parameters }
    }

    /// What a scenario's rule may speak of: everything.
    pub fn scenario(&self) -> Scope<'_> {
        Scope {
            signals: &self.signals,
            defines: &self.defines,
            parameters: Some(&self.parameters),
            run_names: true,
            future: true,
        }
    }
    pub fn envelope(&self) -> Scope<'_> {
        Scope { parameters: None, run_names: false, ..self.scenario() }
    }
    pub fn step(&self) -> Scope<'_> {
        Scope { future: false, ..self.scenario() }
    }
    pub fn id(&self, name: &str) -> SignalId {
        self.signals.find(name).expect("a signal of the bench")
    }
    /// Checks a formula that must be right.
    pub fn right(&self, text: &str) -> Checked {
        formula(text, &self.scenario()).unwrap_or_else(|problems| panic!("{text}: {problems:#?}"))
    }
    /// The mistakes of a formula that must be wrong.
    pub fn wrong(&self, text: &str) -> Vec<Problem> {
        formula(text, &self.scenario()).expect_err(text)
    }
}
