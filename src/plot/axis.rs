//! Values -> places on the page, and the round numbers beside them.

/// A straight line from values to page units.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Axis {
    /// Values at the ends; `lo < hi`.
    pub lo: f64,
    pub hi: f64,
    /// Page units at the ends.
    pub from: f64,
    pub to: f64,
}

impl Axis {
    /// An axis over values, with at least a little room when they are all the same.
    pub fn new(lo: f64, hi: f64, from: f64, to: f64) -> Axis {
        let room = if hi - lo > lo.abs().max(hi.abs()) * 1e-9 { 0.0 } else { 1.0 };
        Axis { lo: lo - room, hi: hi + room, from, to }
    }

    /// The same with `share` of the range added at each end.
    pub fn padded(lo: f64, hi: f64, share: f64, from: f64, to: f64) -> Axis {
        let axis = Axis::new(lo, hi, from, to);
        let room = (axis.hi - axis.lo) * share;
        Axis { lo: axis.lo - room, hi: axis.hi + room, ..axis }
    }

    /// Where a value is.
    pub fn place(self, value: f64) -> f64 {
        self.from + (value - self.lo) / (self.hi - self.lo) * (self.to - self.from)
    }

    /// Where a value is, or the nearer end.
    pub fn place_within(self, value: f64) -> f64 {
        self.place(value.clamp(self.lo, self.hi))
    }

    /// Round values (1, 2 or 5 times a power of ten apart), about `wanted` of them and at least two.
    pub fn ticks(self, wanted: usize) -> Vec<Tick> {
        self.ticks_between(wanted, self.lo, self.hi)
    }

    /// The same, with at least two ticks between `least` and `most`, and none beyond them.
    pub fn ticks_between(self, wanted: usize, least: f64, most: f64) -> Vec<Tick> {
        // One number says where a value is, but not how far the next is. Four steps for each part that is shown make two sure.
        let part = (self.hi - self.lo) / (most - least);
        let last = if part.is_finite() && part >= 1.0 { wanted.max((part * 4.0) as usize) } else { wanted };
        let mut ticks = Vec::new();
        for wanted in wanted..=last {
            ticks = self.all_ticks(wanted);
            ticks.retain(|tick| (least..=most).contains(&tick.value));
            if ticks.len() >= 2 {
                break;
            }
        }
        ticks
    }

    fn all_ticks(self, wanted: usize) -> Vec<Tick> {
        let range = self.hi - self.lo;
        if !range.is_finite() || range <= 0.0 {
            return Vec::new();
        }
        let step = round_step(range / wanted.max(1) as f64);
        // A step of one to a rounding error is one.
        let decimals = (-libm::floor(libm::log10(step) + 1e-9)).max(0.0) as usize;
        let first = libm::ceil(self.lo / step);
        let count = (libm::floor(self.hi / step) - first) as i64;
        (0..=count)
            .map(|i| {
                let value = (first + i as f64) * step;
                let label = format!("{value:.decimals$}");
                let label = if label.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
                    "0".to_string()
                } else {
                    label
                };
                Tick { value, label }
            })
            .collect()
    }
}

/// A round value with its text.
#[derive(Clone, PartialEq, Debug)]
pub struct Tick {
    pub value: f64,
    pub label: String,
}

/// The nearest of 1, 2, 5 times a power of ten; between two the one whose ratio is smaller.
fn round_step(rough: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let factor = rough / power;
    power
        * if factor * factor <= 2.0 {
            1.0
        } else if factor * factor <= 10.0 {
            2.0
        } else if factor * factor <= 50.0 {
            5.0
        } else {
            10.0
        }
}
