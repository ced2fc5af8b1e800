//! A formula after checking: names are ids, quantities are SI numbers, states are places in a list,
//! parameters and definitions are gone. Whoever builds one by hand keeps the types right.

use crate::signal::SignalId;
use crate::time::Span;

/// A window `[from, to]` of a temporal operator; `to: None` is unbounded.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Window {
    pub from: Span,
    pub to: Option<Span>,
}

/// A comparison of two quantities.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Something true, false or unknown at each instant, with a margin.
#[derive(Clone, PartialEq, Debug)]
pub enum Formula {
    /// `true` or `false`; margin +∞ or −∞.
    Constant(bool),
    /// A flag signal, bare; margin ±∞.
    Flag(SignalId),
    /// The signal is in one of these states; margin ±∞. `!=` is `Not`.
    State {
        signal: SignalId,
        any_of: Vec<u16>,
    },
    /// Margin: signed distance divided by `scale` (1 when the rule has one dimension).
    Compare {
        op: Comparison,
        left: Number,
        right: Number,
        scale: f64,
    },
    /// `expr in lo .. hi`, bounds included; margin: min of both sides divided by `scale`.
    In {
        expr: Number,
        lo: Number,
        hi: Number,
        scale: f64,
    },
    /// The value of the signal differs from the one before; margin ±∞.
    Changed(SignalId),
    Not(Box<Formula>),
    And(Vec<Formula>),
    Or(Vec<Formula>),
    Implies(Box<Formula>, Box<Formula>),
    Iff(Box<Formula>, Box<Formula>),
    Rise(Box<Formula>),
    Fall(Box<Formula>),
    Always(Window, Box<Formula>),
    Eventually(Window, Box<Formula>),
    Until(Window, Box<Formula>, Box<Formula>),
    /// `p unless q`: `always p or (p until q)`.
    Unless(Window, Box<Formula>, Box<Formula>),
    Historically(Window, Box<Formula>),
    Once(Window, Box<Formula>),
    Since(Window, Box<Formula>, Box<Formula>),
}

/// A quantity at each instant, in SI.
#[derive(Clone, PartialEq, Debug)]
pub enum Number {
    Constant(f64),
    Signal(SignalId),
    Negate(Box<Number>),
    Add(Box<Number>, Box<Number>),
    Subtract(Box<Number>, Box<Number>),
    Multiply(Box<Number>, Box<Number>),
    Divide(Box<Number>, Box<Number>),
    Abs(Box<Number>),
    Min(Vec<Number>),
    Max(Vec<Number>),
    /// value, lo, hi
    Clamp(Box<Number>, Box<Number>, Box<Number>),
    Sqrt(Box<Number>),
    Sin(Box<Number>),
    Cos(Box<Number>),
    /// y, x
    Atan2(Box<Number>, Box<Number>),
    Norm(Vec<Number>),
    /// Change per second between the last two fresh samples of the signal with different stamps.
    Rate(SignalId),
    /// Value now minus value one window ago.
    Delta(Span, Box<Number>),
    /// Time-weighted mean over the last window.
    Mean(Span, Box<Number>),
    /// Seconds since the last sample of the signal; before a first one, since the start.
    Age(SignalId),
    /// Share of the last window in which the formula was true, 0..1.
    Fraction(Span, Box<Formula>),
    /// Signed distance in m to the polygon's edge, positive outside; `(x, y)` corners in m.
    Outside {
        polygon: Vec<(f64, f64)>,
        x: Box<Number>,
        y: Box<Number>,
    },
    /// Piecewise linear through the points, flat beyond the ends; points ascend in their first number.
    Table {
        input: Box<Number>,
        points: Vec<(f64, f64)>,
    },
}

impl Number {
    /// A formula whose margin is this number, SI: what an engine that judges formulas can be asked for a quantity.
    pub fn probe(self) -> Formula {
        Formula::Compare { op: Comparison::GreaterEqual, left: self, right: Number::Constant(0.0), scale: 1.0 }
    }
}

impl Formula {
    /// Makes every margin count in SI units: for rules in which dimensions do not mix.
    pub fn set_scales_to_one(&mut self) {
        if let Formula::Compare { scale, .. } | Formula::In { scale, .. } = self {
            *scale = 1.0;
        }
        self.children_mut(&mut Formula::set_scales_to_one);
    }
}
