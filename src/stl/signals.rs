//! What the engine knows of each signal at the present instant.

use super::value::{Bits, Line, NEVER, Slot, Val, slot_of};
use crate::signal::Value;
use crate::time::{Span, Time};

/// State of one signal.
#[derive(Clone, Debug)]
pub(super) struct SignalState {
    pub stale_after: Option<Span>,
    /// What holds after the last instant.
    pub held: Value,
    /// Stamp of the last sample.
    pub last_at: Option<Time>,
    /// Values at the instant `instant_slot`, in order; the last one is `held`.
    instant: Vec<Value>,
    instant_slot: Slot,
    /// What held just before that instant.
    before: Value,
    before_heard: bool,
    /// The fresh number before the last stamp, with its stamp.
    earlier: Option<(f64, Time)>,
    /// No earlier stamp has been heard at all.
    first: bool,
    /// When it goes stale.
    pub stale_at: Slot,
    /// Told as unknown.
    pub blind: bool,
}

impl SignalState {
    pub fn new(stale_after: Option<Span>) -> SignalState {
        SignalState {
            stale_after,
            held: Value::Unknown,
            last_at: None,
            instant: Vec::with_capacity(2),
            instant_slot: Slot::MIN,
            before: Value::Unknown,
            before_heard: false,
            earlier: None,
            first: true,
            stale_at: NEVER,
            blind: false,
        }
    }

    /// Takes a sample at `at`, which is slot `now`; `None`: the device died.
    pub fn take(&mut self, at: Time, now: Slot, value: Option<Value>) {
        if self.instant_slot != now {
            self.instant.clear();
            self.instant_slot = now;
            self.before = self.held;
            self.before_heard = self.last_at.is_some();
        }
        self.instant.push(value.unwrap_or(Value::Unknown));
        match value {
            Some(value) => {
                if self.last_at != Some(at) {
                    self.first = self.last_at.is_none();
                    self.earlier = match (self.held, self.last_at) {
                        (Value::Number(n), Some(stamp)) if n.is_finite() => Some((n, stamp)),
                        _ => None,
                    };
                }
                self.held = value;
                self.last_at = Some(at);
                self.stale_at = self.stale_after.map_or(NEVER, |span| slot_of(at + span));
            }
            None => {
                self.held = Value::Unknown;
                self.stale_at = NEVER;
            }
        }
    }

    /// Its time is up, or the scope is over: unknown from here.
    pub fn forget(&mut self) {
        self.held = Value::Unknown;
        self.stale_at = NEVER;
        self.instant_slot = Slot::MIN;
    }

    /// True when several values came at the instant `now`, so that what holds after it may differ.
    pub fn crowded(&self, now: Slot) -> bool {
        self.instant_slot == now && self.instant.len() > 1
    }

    /// The values at `now`.
    fn at(&self, now: Slot) -> &[Value] {
        if self.instant_slot == now { &self.instant } else { core::slice::from_ref(&self.held) }
    }

    /// True when it tells nothing at `now`.
    pub fn is_unknown(&self, now: Slot) -> bool {
        self.at(now).iter().any(|v| v.is_unknown())
    }

    pub fn number(&self, now: Slot) -> Val {
        let mut lo = f64::INFINITY;
        let mut hi = f64::NEG_INFINITY;
        for value in self.at(now) {
            match value {
                Value::Number(n) if n.is_finite() => {
                    lo = lo.min(*n);
                    hi = hi.max(*n);
                }
                _ => return Val::UNKNOWN,
            }
        }
        Val { lo, hi, bits: if lo == hi { Bits::TRUE } else { Bits::UNKNOWN }, ramp: None }
    }

    fn test(&self, now: Slot, holds: impl Fn(&Value) -> Option<bool>) -> Val {
        let mut all = None;
        for value in self.at(now) {
            match (holds(value), all) {
                (None, _) => return Val::truth(Bits::UNKNOWN),
                (Some(truth), None) => all = Some(truth),
                (Some(truth), Some(other)) if truth != other => return Val::truth(Bits::UNKNOWN),
                _ => {}
            }
        }
        Val::truth(all.map_or(Bits::UNKNOWN, Bits::of))
    }

    pub fn flag(&self, now: Slot) -> Val {
        self.test(now, |v| match v {
            Value::Flag(b) => Some(*b),
            _ => None,
        })
    }

    pub fn state(&self, now: Slot, places: &[u16]) -> Val {
        self.test(now, |v| match v {
            Value::State(place) => Some(places.contains(place)),
            _ => None,
        })
    }

    /// Differs from the value before, at an instant; a pulse always does.
    pub fn changed(&self, now: Slot, start: Slot) -> Bits {
        if self.instant_slot != now {
            return if self.held.is_unknown() { Bits::UNKNOWN } else { Bits::FALSE };
        }
        let mut last = self.before;
        let mut unsure = false;
        for value in &self.instant {
            if matches!(value, Value::Pulse) {
                return Bits::TRUE;
            }
            if last.is_unknown() || value.is_unknown() {
                unsure = true;
            } else if last != *value {
                return Bits::TRUE;
            }
            last = *value;
        }
        if !unsure {
            Bits::FALSE
        } else if !self.before_heard && now == start && !self.instant.iter().any(|v| v.is_unknown()) {
            Bits::WARM_UP
        } else {
            Bits::UNKNOWN
        }
    }

    /// Change per second since the stamp before.
    pub fn rate(&self, now: Slot) -> Val {
        let value = self.number(now);
        let Some(at) = self.last_at else { return Val::UNKNOWN };
        if value == Val::UNKNOWN {
            return value;
        }
        match self.earlier {
            Some((before, stamp)) => {
                let seconds = at.since(stamp).nanos() as f64 / 1e9;
                let (lo, hi) = ((value.lo - before) / seconds, (value.hi - before) / seconds);
                if lo.is_finite() && hi.is_finite() { Val { lo, hi, ..value } } else { Val::UNKNOWN }
            }
            // Nothing is missing: there was no second sample yet.
            None if self.first => Val::WARM_UP,
            None => Val::UNKNOWN,
        }
    }

    /// Seconds since the last sample, or since the start.
    pub fn age(&self, start: Time) -> Val {
        let base = self.last_at.unwrap_or(start).nanos();
        let line = Line { off: 0.0, n: 0.0, s: 1.0, base, div: 1e9 };
        Val { lo: 0.0, hi: 0.0, bits: Bits::TRUE, ramp: Some(super::value::Ramp { lo: line, hi: line }) }
    }
}
