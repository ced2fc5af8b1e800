//! Interval arithmetic over declared ranges: every occurrence counts by itself, so a range may be wider than the
//! truth and is never narrower.

use crate::expr::ir::Comparison;

/// All values that a quantity can have, by the declared ranges; infinite where none is declared.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) struct Range {
    pub lo: f64,
    pub hi: f64,
}

impl Range {
    pub(super) const ALL: Range = Range { lo: f64::NEG_INFINITY, hi: f64::INFINITY };

    pub(super) fn new(lo: f64, hi: f64) -> Range {
        // A bound that cannot be told (∞ − ∞) excludes nothing.
        Range { lo: if lo.is_nan() { f64::NEG_INFINITY } else { lo }, hi: if hi.is_nan() { f64::INFINITY } else { hi } }
    }
    pub(super) fn point(at: f64) -> Range {
        Range::new(at, at)
    }
    pub(super) fn width(self) -> f64 {
        self.hi - self.lo
    }
    pub(super) fn is_finite(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }
    pub(super) fn negate(self) -> Range {
        Range::new(-self.hi, -self.lo)
    }
    pub(super) fn add(self, other: Range) -> Range {
        Range::new(self.lo + other.lo, self.hi + other.hi)
    }
    pub(super) fn subtract(self, other: Range) -> Range {
        self.add(other.negate())
    }
    pub(super) fn multiply(self, other: Range) -> Range {
        // An unbounded factor times an exact zero is zero for every value it can have.
        let product = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        hull([
            product(self.lo, other.lo),
            product(self.lo, other.hi),
            product(self.hi, other.lo),
            product(self.hi, other.hi),
        ])
    }
    pub(super) fn divide(self, other: Range) -> Range {
        if other.lo <= 0.0 && other.hi >= 0.0 {
            return Range::ALL;
        }
        self.multiply(Range::new(1.0 / other.hi, 1.0 / other.lo))
    }
    pub(super) fn abs(self) -> Range {
        if self.lo >= 0.0 {
            self
        } else if self.hi <= 0.0 {
            self.negate()
        } else {
            Range::new(0.0, self.hi.max(-self.lo))
        }
    }
    pub(super) fn min(self, other: Range) -> Range {
        Range::new(self.lo.min(other.lo), self.hi.min(other.hi))
    }
    pub(super) fn max(self, other: Range) -> Range {
        Range::new(self.lo.max(other.lo), self.hi.max(other.hi))
    }
    pub(super) fn sqrt(self) -> Range {
        Range::new(self.lo.max(0.0).sqrt(), self.hi.max(0.0).sqrt())
    }
    /// Both ranges.
    pub(super) fn join(self, other: Range) -> Range {
        Range::new(self.lo.min(other.lo), self.hi.max(other.hi))
    }
    /// What a comparison says over all values of `self` − 0: `Some` when it is the same everywhere.
    pub(super) fn compare_to_zero(self, op: Comparison) -> Option<bool> {
        let (always, never) = match op {
            Comparison::Less => (self.hi < 0.0, self.lo >= 0.0),
            Comparison::LessEqual => (self.hi <= 0.0, self.lo > 0.0),
            Comparison::Greater => (self.lo > 0.0, self.hi <= 0.0),
            Comparison::GreaterEqual => (self.lo >= 0.0, self.hi < 0.0),
        };
        if always {
            Some(true)
        } else if never {
            Some(false)
        } else {
            None
        }
    }
}

fn hull(values: [f64; 4]) -> Range {
    if values.iter().any(|v| v.is_nan()) {
        return Range::ALL;
    }
    let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Range::new(lo, hi)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unbounded_ranges_stay_sound() {
        assert_eq!(Range::ALL.subtract(Range::ALL), Range::ALL);
        assert_eq!(Range::ALL.multiply(Range::point(0.0)), Range::point(0.0));
        assert_eq!(Range::point(1.0).divide(Range::new(-1.0, 1.0)), Range::ALL);
    }

    proptest! {
        #[test]
        fn holds_every_result(a in -9.0..9.0f64, b in -9.0..9.0f64, c in -9.0..9.0f64, d in -9.0..9.0f64,
                              s in 0.0..=1.0f64, t in 0.0..=1.0f64) {
            let (x, y) = (Range::new(a.min(b), a.max(b)), Range::new(c.min(d), c.max(d)));
            let (u, v) = (x.lo + s * (x.hi - x.lo), y.lo + t * (y.hi - y.lo));
            let holds = |r: Range, value: f64| r.lo - 1e-9 <= value && value <= r.hi + 1e-9;
            prop_assert!(holds(x.add(y), u + v) && holds(x.subtract(y), u - v) && holds(x.multiply(y), u * v));
            prop_assert!(holds(x.abs(), u.abs()) && holds(x.min(y), u.min(v)) && holds(x.max(y), u.max(v)));
            prop_assert!(v == 0.0 || holds(x.divide(y), u / v) || !x.divide(y).is_finite());
            prop_assert!(u < 0.0 || holds(x.sqrt(), u.sqrt()));
            for op in [Comparison::Less, Comparison::LessEqual, Comparison::Greater, Comparison::GreaterEqual] {
                let truth = match op {
                    Comparison::Less => u < 0.0,
                    Comparison::LessEqual => u <= 0.0,
                    Comparison::Greater => u > 0.0,
                    Comparison::GreaterEqual => u >= 0.0,
                };
                prop_assert!(x.compare_to_zero(op).is_none_or(|said| said == truth));
            }
        }
    }
}
