//! Motion of three axes: straight blocks, joined at the speed that the corner allows, each with a trapezoid of speed.
//!
//! Corners follow the centripetal rule with a junction deviation (S. Jeon, "Improving Grbl: Cornering Algorithm", 2011):
//! a circle that leaves the corner by `deviation` is taken at `sqrt(a r)`. Within a block the way is integrated exactly, event
//! by event, so that its duration is that of the closed form whatever the turn of the loop.

use std::collections::VecDeque;

/// Blocks that GRBL 1.1 plans ahead on an ATmega328, one of its sixteen being the gap of the ring.
pub const BLOCKS: usize = 15;
/// A way that is shorter is none, in mm: less than a step.
const NO_WAY: f64 = 1e-4;

/// Three axes, in mm.
pub type Place = [f64; 3];

/// What the machine can do: GRBL's `$110`, `$120` and `$11`, here in mm/s, mm/s^2 and mm.
#[derive(Copy, Clone, Debug)]
pub struct Limits {
    pub rates: Place,
    pub accelerations: Place,
    pub deviation: f64,
}

#[derive(Copy, Clone, Debug)]
struct Block {
    unit: Place,
    /// What is left of it, in mm.
    left: f64,
    to: Place,
    /// Asked for, in mm/s, before overrides; `None`: a rapid.
    asked: Option<f64>,
    /// Overrides act on it.
    overridden: bool,
    /// What the axes allow along it.
    rate: f64,
    acceleration: f64,
    /// What the corner before it allows.
    corner: f64,
    /// The speed at which it is entered by plan.
    entry: f64,
}

/// Blocks that wait, and how far the first is done.
#[derive(Clone, Debug)]
pub struct Planner {
    limits: Limits,
    at: Place,
    /// Along the path, in mm/s.
    speed: f64,
    blocks: VecDeque<Block>,
    /// Shares of the speeds asked for: feeds, rapids.
    overrides: (f64, f64),
    stopping: bool,
}

impl Planner {
    /// At rest at a place.
    pub fn new(limits: Limits, at: Place) -> Planner {
        Planner { limits, at, speed: 0.0, blocks: VecDeque::new(), overrides: (1.0, 1.0), stopping: false }
    }
    /// Where it is.
    pub fn at(&self) -> Place {
        self.at
    }
    /// How fast it goes along its path, in mm/s.
    pub fn speed(&self) -> f64 {
        self.speed
    }
    /// Where the last block ends.
    pub fn end(&self) -> Place {
        self.blocks.back().map_or(self.at, |block| block.to)
    }
    /// No room for another block.
    pub fn full(&self) -> bool {
        self.blocks.len() >= BLOCKS
    }
    /// Nothing left to do.
    pub fn done(&self) -> bool {
        self.blocks.is_empty()
    }
    /// Adds a straight way at `feed` mm/s (`None`: as fast as the axes can).
    pub fn go(&mut self, to: Place, feed: Option<f64>, overridden: bool) {
        let from = self.end();
        let way: Place = std::array::from_fn(|axis| to[axis] - from[axis]);
        let length = way.iter().map(|part| part * part).sum::<f64>().sqrt();
        if length < NO_WAY {
            return;
        }
        let unit = way.map(|part| part / length);
        let along = |most: Place| {
            let share = |axis: usize| if unit[axis] == 0.0 { f64::INFINITY } else { most[axis] / unit[axis].abs() };
            share(0).min(share(1)).min(share(2))
        };
        let acceleration = along(self.limits.accelerations);
        let corner = match self.blocks.back() {
            Some(before) => corner(before, unit, acceleration.min(before.acceleration), self.limits.deviation),
            None => 0.0,
        };
        let rate = along(self.limits.rates);
        let block = Block { unit, left: length, to, asked: feed, overridden, rate, acceleration, corner, entry: 0.0 };
        self.blocks.push_back(block);
        self.plan();
    }
    /// Slows down to rest along the path, whatever was planned.
    pub fn stop(&mut self) {
        self.stopping = true;
    }
    /// Goes on after a stop.
    pub fn resume(&mut self) {
        self.stopping = false;
        self.plan();
    }
    /// Forgets everything and stands, from one moment to the next.
    pub fn halt(&mut self, at: Place) {
        self.at = at;
        self.speed = 0.0;
        self.blocks.clear();
        self.stopping = false;
    }
    /// Other overrides, as shares.
    pub fn set_overrides(&mut self, feed: f64, rapid: f64) {
        self.overrides = (feed, rapid);
        self.plan();
    }

    fn nominal(&self, block: &Block) -> f64 {
        let (feed, rapid) = if block.overridden { self.overrides } else { (1.0, 1.0) };
        block.asked.map_or(block.rate * rapid, |asked| asked * feed).min(block.rate)
    }
    /// From the end back: each block is entered no faster than it can be left, and than its corner allows.
    fn plan(&mut self) {
        let mut leave = 0.0_f64;
        for place in (1..self.blocks.len()).rev() {
            let slower = self.nominal(&self.blocks[place]).min(self.nominal(&self.blocks[place - 1]));
            let block = &mut self.blocks[place];
            let braked = (leave * leave + 2.0 * block.acceleration * block.left).sqrt();
            block.entry = block.corner.min(slower).min(braked);
            leave = block.entry;
        }
    }
    /// Goes on for so many seconds.
    pub fn advance(&mut self, seconds: f64) {
        let mut time = seconds;
        while time > 0.0 {
            let Some(block) = self.blocks.front() else {
                self.speed = 0.0;
                return;
            };
            let (a, way, v) = (block.acceleration, block.left, self.speed);
            if self.stopping && v == 0.0 {
                return;
            }
            let nominal = self.nominal(block);
            let leave = self.blocks.get(1).map_or(0.0, |next| next.entry).min(nominal.max(0.0));
            let brake = (v * v - leave * leave) / (2.0 * way);
            // How speed changes, and up to which speed that goes on.
            let (change, until) = if self.stopping {
                (-a, 0.0)
            } else if brake >= a * (1.0 - 1e-9) {
                (-brake, leave)
            } else if v > nominal {
                (-a, nominal)
            } else {
                let peak = ((2.0 * a * way + v * v + leave * leave) / 2.0).sqrt().min(nominal);
                if v < peak { (a, peak) } else { (0.0, peak) }
            };
            let step = if change == 0.0 {
                // Up to where braking must begin.
                ((way - (v * v - leave * leave) / (2.0 * a)).max(0.0) / v).max(1e-12)
            } else {
                (until - v) / change
            };
            // The end of the block may come before.
            let to_end = time_over(way, v, change);
            let last = step.min(to_end);
            let taken = last.min(time);
            let moved = (v * taken + 0.5 * change * taken * taken).clamp(0.0, way);
            self.speed = if change != 0.0 && step <= time && step <= to_end { until } else { v + change * taken };
            time -= taken;
            let block = self.blocks.front_mut().expect("it was there a moment ago");
            block.left -= moved;
            let ended = block.left < 1e-9 || (to_end <= step && taken >= to_end);
            self.at = match ended {
                true => block.to,
                false => std::array::from_fn(|axis| block.to[axis] - block.unit[axis] * block.left),
            };
            if ended {
                self.blocks.pop_front();
                if self.blocks.is_empty() {
                    self.speed = 0.0;
                }
            }
        }
    }
}

/// How long a way takes that begins at `v` and changes by `a`; infinite where it comes to rest before.
fn time_over(way: f64, v: f64, a: f64) -> f64 {
    if a == 0.0 {
        return if v > 0.0 { way / v } else { f64::INFINITY };
    }
    let square = v * v + 2.0 * a * way;
    if square < 0.0 {
        return f64::INFINITY;
    }
    2.0 * way / (v + square.sqrt())
}

/// The speed at which a corner may be taken.
fn corner(before: &Block, unit: Place, acceleration: f64, deviation: f64) -> f64 {
    let cosine: f64 = -(0..3).map(|axis| before.unit[axis] * unit[axis]).sum::<f64>();
    if cosine > 0.999_999 {
        return 0.0;
    }
    if cosine < -0.999_999 {
        return f64::INFINITY;
    }
    let half_sine = (0.5 * (1.0 - cosine)).sqrt();
    (acceleration * deviation * half_sine / (1.0 - half_sine)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { rates: [100.0, 100.0, 50.0], accelerations: [500.0, 500.0, 200.0], deviation: 0.01 };

    /// Seconds until it is done, in turns of `turn` seconds, and the greatest speed on the way.
    fn run(planner: &mut Planner, turn: f64) -> (f64, f64) {
        let (mut turns, mut fastest) = (0, 0.0_f64);
        while !planner.done() {
            planner.advance(turn);
            fastest = fastest.max(planner.speed());
            turns += 1;
            assert!(turns < 10_000_000, "it ends");
        }
        (f64::from(turns) * turn, fastest)
    }

    /// Goal: a way takes as long as its trapezoid. Method: closed form, `s / v + v / a`, or `2 sqrt(s / a)` where the speed is
    /// never reached; the loop's turn is the only error.
    #[test]
    fn a_way_takes_as_long_as_its_trapezoid() {
        for (way, feed, axis) in
            [(100.0, 50.0, 0), (10.0, 50.0, 1), (2.0, 50.0, 0), (300.0, 1e9, 0), (40.0, 1e9, 2), (0.5, 10.0, 2)]
        {
            let (v, a) = (f64::min(feed, LIMITS.rates[axis]), LIMITS.accelerations[axis]);
            let closed = if way < v * v / a { 2.0 * (way / a).sqrt() } else { way / v + v / a };
            let mut planner = Planner::new(LIMITS, [0.0; 3]);
            let mut to = [0.0; 3];
            to[axis] = -way;
            planner.go(to, Some(feed), true);
            let (took, fastest) = run(&mut planner, 1e-4);
            assert!((took - closed).abs() <= 1.5e-4, "{way} mm at {feed} mm/s: {took} s, not {closed} s");
            assert!(fastest <= v + 1e-9, "{fastest}");
            assert_eq!(planner.at(), to);
        }
    }

    #[test]
    fn pieces_of_a_straight_way_take_as_long_as_the_whole() {
        let mut planner = Planner::new(LIMITS, [0.0; 3]);
        for piece in 1..=12 {
            planner.go([-8.0 * f64::from(piece), 0.0, 0.0], Some(60.0), true);
        }
        let (took, _) = run(&mut planner, 1e-4);
        let closed = 96.0 / 60.0 + 60.0 / 500.0;
        assert!((took - closed).abs() <= 2e-4, "{took} s, not {closed} s");
    }

    #[test]
    fn a_diagonal_is_limited_by_its_slowest_axis() {
        let mut planner = Planner::new(LIMITS, [0.0; 3]);
        planner.go([-30.0, 0.0, -40.0], None, true);
        let (_, fastest) = run(&mut planner, 1e-4);
        // 50 mm/s of z are 4/5 of the way.
        assert!((fastest - 62.5).abs() < 1e-6, "{fastest}");
    }

    /// Goal: a right angle is taken at the speed of the rule. Method: `sqrt(a d s / (1 - s))` with `s = sin 45 deg`.
    #[test]
    fn a_right_angle_is_taken_at_the_speed_of_the_rule() {
        let mut planner = Planner::new(LIMITS, [0.0; 3]);
        planner.go([-50.0, 0.0, 0.0], Some(80.0), true);
        planner.go([-50.0, -50.0, 0.0], Some(80.0), true);
        let mut slowest = f64::INFINITY;
        while !planner.done() {
            planner.advance(1e-5);
            let [x, y, _] = planner.at();
            if x < -49.0 && y > -1.0 {
                slowest = slowest.min(planner.speed());
            }
        }
        let sine = core::f64::consts::FRAC_1_SQRT_2;
        let rule = (500.0 * 0.01 * sine / (1.0 - sine)).sqrt();
        assert!((slowest - rule).abs() < 0.02, "{slowest} mm/s, not {rule} mm/s");
    }

    /// Goal: a stop takes `v / a` and `v^2 / 2a`, and the rest of the way is done after. Method: closed form.
    #[test]
    fn a_stop_takes_its_braking_way_and_loses_nothing() {
        let mut planner = Planner::new(LIMITS, [0.0; 3]);
        planner.go([-60.0, 0.0, 0.0], Some(100.0), true);
        planner.go([-70.0, 0.0, 0.0], Some(100.0), true);
        planner.advance(0.5);
        let (speed, from) = (planner.speed(), planner.at()[0]);
        assert_eq!(speed, 100.0);
        planner.stop();
        planner.advance(0.2 - 1e-6);
        assert!(planner.speed() > 0.0 && planner.speed() < 1e-3);
        planner.advance(2e-6);
        assert_eq!(planner.speed(), 0.0);
        assert!((from - planner.at()[0] - 10.0).abs() < 1e-6, "{:?}", planner.at());
        planner.advance(1.0);
        assert!(planner.speed() == 0.0 && !planner.done());
        planner.resume();
        run(&mut planner, 1e-3);
        assert_eq!(planner.at(), [-70.0, 0.0, 0.0]);
    }

    #[test]
    fn an_override_slows_what_is_under_way_and_nothing_that_forbids_it() {
        for (overridden, wanted) in [(true, 8.0), (false, 80.0)] {
            let mut planner = Planner::new(LIMITS, [0.0; 3]);
            planner.go([-500.0, 0.0, 0.0], Some(80.0), overridden);
            planner.advance(1.0);
            planner.set_overrides(0.1, 1.0);
            planner.advance(0.2);
            assert!((planner.speed() - wanted).abs() < 1e-9, "{}", planner.speed());
        }
    }
}
