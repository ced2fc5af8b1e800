//! Time as the whole program counts it: integer nanoseconds since the start of the run.
//!
//! Invariant: nothing here reads a clock; `io` stamps what arrives, everyone else is told.

use core::fmt;
use core::ops::{Add, AddAssign, Div, Mul, Sub};

/// An instant: nanoseconds since the start of the run. May be negative for facts older than it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A length of time in nanoseconds.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than anything: 292 years.
    pub const MAX: Time = Time(i64::MAX);
    /// Earlier than anything.
    pub const MIN: Time = Time(i64::MIN);

    /// The instant `nanos` nanoseconds after the start of the run.
    pub const fn from_nanos(nanos: i64) -> Time {
        Time(nanos)
    }
    /// Nanoseconds since the start of the run.
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// Seconds since the start of the run, for people and plots; comparisons stay in nanoseconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// The next representable instant.
    pub const fn next(self) -> Time {
        Time(self.0.saturating_add(1))
    }
    /// The length from `earlier` to `self`; negative when `earlier` is later.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// Longer than anything: 292 years.
    pub const MAX: Span = Span(i64::MAX);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Span {
        Span(nanos)
    }
    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: i64) -> Span {
        Span(micros.saturating_mul(1_000))
    }
    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: i64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }
    /// A span of `secs` whole seconds.
    pub const fn from_secs(secs: i64) -> Span {
        Span(secs.saturating_mul(1_000_000_000))
    }
    /// The span nearest to `seconds`; saturates, and NaN is zero.
    pub fn from_seconds(seconds: f64) -> Span {
        let nanos = seconds * 1e9;
        // `as` saturates; adding half a nanosecond rounds without the C library's round().
        Span(if nanos >= 0.0 { (nanos + 0.5) as i64 } else { (nanos - 0.5) as i64 })
    }
    /// Length in nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }
    /// Length in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}
impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}
impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}
impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}
impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}
impl Mul<i64> for Span {
    type Output = Span;
    fn mul(self, times: i64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}
impl Div<i64> for Span {
    type Output = Span;
    fn div(self, parts: i64) -> Span {
        Span(self.0 / parts)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t={}ns", self.0)
    }
}
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self)
    }
}
/// Prints seconds with millisecond digits, as plots and the step list show instants.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.seconds())
    }
}
/// Prints in the largest unit that keeps the number whole: `500 ms`, `2 s`, `1500 us`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0;
        match nanos {
            0 => write!(f, "0 s"),
            _ if nanos % 1_000_000_000 == 0 => write!(f, "{} s", nanos / 1_000_000_000),
            _ if nanos % 1_000_000 == 0 => write!(f, "{} ms", nanos / 1_000_000),
            _ if nanos % 1_000 == 0 => write!(f, "{} us", nanos / 1_000),
            _ => write!(f, "{} ns", nanos),
        }
    }
}
