//! What the engine knows of each signal at the present instant.

use super::value::{Bits, Flat, Line, NEVER, Ramp, Slot, Val, greater, lesser, slot_of};
use crate::signal::Value;
use crate::time::{Span, Time};

/// States kept of one instant; more different ones than this at one stamp are as good as unknown.
const STATES_AT_ONCE: usize = 8;

/// All values of one instant at which several came.
#[derive(Clone, Debug)]
struct Crowd {
    /// What of them is of no use: of no value, or of another kind than asked for.
    kinds: Kinds,
    lo: f64,
    hi: f64,
    flags: [bool; 2],
    states: [u16; STATES_AT_ONCE],
    states_len: usize,
}

/// Which kinds of values came.
#[derive(Copy, Clone, PartialEq, Default, Debug)]
struct Kinds {
    number: bool,
    flag: bool,
    state: bool,
    pulse: bool,
    unknown: bool,
}

impl Crowd {
    fn new() -> Crowd {
        Crowd {
            kinds: Kinds::default(),
            lo: f64::INFINITY,
            hi: f64::NEG_INFINITY,
            flags: [false; 2],
            states: [0; STATES_AT_ONCE],
            states_len: 0,
        }
    }
    fn add(&mut self, value: Value) {
        match value {
            Value::Number(n) if n.is_finite() => {
                self.kinds.number = true;
                self.lo = lesser(self.lo, n);
                self.hi = greater(self.hi, n);
            }
            Value::Flag(b) => {
                self.kinds.flag = true;
                self.flags[usize::from(b)] = true;
            }
            Value::State(place) => {
                self.kinds.state = true;
                if !self.states[..self.states_len].contains(&place) {
                    if self.states_len < STATES_AT_ONCE {
                        self.states[self.states_len] = place;
                        self.states_len += 1;
                    } else {
                        self.kinds.unknown = true;
                    }
                }
            }
            Value::Pulse => self.kinds.pulse = true,
            Value::Number(_) | Value::Unknown => self.kinds.unknown = true,
        }
    }
    fn number(&self) -> Flat {
        if self.kinds != (Kinds { number: true, ..Kinds::default() }) {
            return Flat::UNKNOWN;
        }
        let bits = if self.lo == self.hi { Bits::TRUE } else { Bits::UNKNOWN };
        Flat { lo: self.lo, hi: self.hi, bits }
    }
    fn flag(&self) -> Bits {
        let sure = self.kinds == Kinds { flag: true, ..Kinds::default() } && self.flags[0] != self.flags[1];
        if sure { Bits::of(self.flags[1]) } else { Bits::UNKNOWN }
    }
    fn state(&self, places: &[u16]) -> Bits {
        if self.kinds != (Kinds { state: true, ..Kinds::default() }) {
            return Bits::UNKNOWN;
        }
        let states = &self.states[..self.states_len];
        let inside = states.iter().filter(|place| places.contains(place)).count();
        match inside {
            0 => Bits::FALSE,
            all if all == states.len() => Bits::TRUE,
            _ => Bits::UNKNOWN,
        }
    }
}

/// What a signal has to remember beside what it holds.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Memories {
    /// For `changed`.
    pub changes: bool,
    /// For `rate`.
    pub rates: bool,
}

/// State of one signal.
#[derive(Clone, Debug)]
pub(super) struct SignalState {
    /// What holds after the last instant.
    held: Value,
    /// The slot of the last samples, [`Slot::MIN`] once they are forgotten.
    instant: Slot,
    /// When it goes stale.
    pub stale_at: Slot,
    /// Stamp of the last sample.
    last_at: Option<Time>,
    stale_after: Option<Span>,
    memories: Memories,
    /// Told as unknown.
    pub blind: bool,
    /// Several values came at `instant`.
    is_crowded: bool,
    crowd: Crowd,
    /// Something had been heard before the instant.
    before_heard: bool,
    /// At the instant some value differed from the one before it, or was a pulse; some comparison was impossible.
    differs: bool,
    unsure: bool,
    /// The fresh number before the last stamp, with its stamp.
    earlier: Option<(f64, Time)>,
    /// No earlier stamp has been heard at all.
    first: bool,
}

impl SignalState {
    pub fn new(stale_after: Option<Span>, memories: Memories) -> SignalState {
        SignalState {
            held: Value::Unknown,
            instant: Slot::MIN,
            stale_at: NEVER,
            last_at: None,
            stale_after,
            memories,
            blind: false,
            is_crowded: false,
            crowd: Crowd::new(),
            before_heard: false,
            differs: false,
            unsure: false,
            earlier: None,
            first: true,
        }
    }

    /// Takes a sample at `at`, which is slot `now`; `None`: the device died. True when it is the second of its instant.
    #[inline]
    pub fn take(&mut self, at: Time, now: Slot, value: Option<Value>) -> bool {
        let told = value.unwrap_or(Value::Unknown);
        if self.memories.changes {
            self.remember_change(now, told);
        }
        let mut second = false;
        if self.instant == now {
            second = self.take_another(told);
        } else {
            self.instant = now;
            self.is_crowded = false;
        }
        if value.is_some() {
            if self.memories.rates && self.last_at != Some(at) {
                self.remember_rate();
            }
            self.last_at = Some(at);
            self.stale_at = match self.stale_after {
                Some(span) => slot_of(at + span),
                None => NEVER,
            };
        } else {
            self.stale_at = NEVER;
        }
        self.held = told;
        second
    }

    #[cold]
    fn take_another(&mut self, told: Value) -> bool {
        let second = !self.is_crowded;
        if second {
            self.is_crowded = true;
            self.crowd = Crowd::new();
            self.crowd.add(self.held);
        }
        self.crowd.add(told);
        second
    }

    fn remember_change(&mut self, now: Slot, told: Value) {
        if self.instant != now {
            self.differs = false;
            self.unsure = false;
            self.before_heard = self.last_at.is_some();
        }
        if matches!(told, Value::Pulse) {
            self.differs = true;
        } else if self.held.is_unknown() || told.is_unknown() {
            self.unsure = true;
        } else if self.held != told {
            self.differs = true;
        }
    }

    /// A new stamp begins.
    fn remember_rate(&mut self) {
        self.first = self.last_at.is_none();
        self.earlier = match (self.held, self.last_at) {
            (Value::Number(n), Some(stamp)) if n.is_finite() => Some((n, stamp)),
            _ => None,
        };
    }

    /// Its time is up, or the scope is over: unknown from here.
    pub fn forget(&mut self) {
        self.held = Value::Unknown;
        self.stale_at = NEVER;
        self.instant = Slot::MIN;
    }

    /// All values at `now` when several came, so that what holds after it may differ.
    fn crowd(&self, now: Slot) -> Option<&Crowd> {
        (self.is_crowded && self.instant == now).then_some(&self.crowd)
    }

    /// True when it tells nothing at `now`.
    #[inline]
    pub fn is_unknown(&self, now: Slot) -> bool {
        self.held.is_unknown() || self.crowd(now).is_some_and(|crowd| crowd.kinds.unknown)
    }

    #[inline]
    pub fn number(&self, now: Slot) -> Flat {
        if let Some(crowd) = self.crowd(now) {
            return crowd.number();
        }
        match self.held {
            Value::Number(n) => Flat::number(n),
            _ => Flat::UNKNOWN,
        }
    }

    pub fn flag(&self, now: Slot) -> Bits {
        match (self.crowd(now), self.held) {
            (Some(crowd), _) => crowd.flag(),
            (None, Value::Flag(b)) => Bits::of(b),
            _ => Bits::UNKNOWN,
        }
    }

    pub fn state(&self, now: Slot, places: &[u16]) -> Bits {
        match (self.crowd(now), self.held) {
            (Some(crowd), _) => crowd.state(places),
            (None, Value::State(place)) => Bits::of(places.contains(&place)),
            _ => Bits::UNKNOWN,
        }
    }

    /// Differs from the value before, at an instant; a pulse always does.
    pub fn changed(&self, now: Slot, start: Slot) -> Bits {
        if self.instant != now {
            if self.held.is_unknown() { Bits::UNKNOWN } else { Bits::FALSE }
        } else if self.differs {
            Bits::TRUE
        } else if !self.unsure {
            Bits::FALSE
        } else if !self.before_heard && now == start && !self.is_unknown(now) {
            Bits::WARM_UP
        } else {
            Bits::UNKNOWN
        }
    }

    /// Change per second since the stamp before.
    pub fn rate(&self, now: Slot) -> Flat {
        let value = self.number(now);
        let Some(at) = self.last_at else { return Flat::UNKNOWN };
        if value == Flat::UNKNOWN {
            return value;
        }
        match self.earlier {
            Some((before, stamp)) => {
                let seconds = at.since(stamp).nanos() as f64 / 1e9;
                let (lo, hi) = ((value.lo - before) / seconds, (value.hi - before) / seconds);
                if lo.is_finite() && hi.is_finite() { Flat { lo, hi, ..value } } else { Flat::UNKNOWN }
            }
            // Nothing is missing: there was no second sample yet.
            None if self.first => Flat::WARM_UP,
            None => Flat::UNKNOWN,
        }
    }

    /// Seconds since the last sample, or since the start.
    pub fn age(&self, start: Time) -> Val {
        let base = self.last_at.unwrap_or(start).nanos();
        let line = Line { off: 0.0, n: 0.0, s: 1.0, base, div: 1e9 };
        let flat = Flat { lo: 0.0, hi: 0.0, bits: Bits::TRUE };
        Val { flat, ramp: Some(Ramp { lo: line, hi: line }) }
    }
}
