//! A signalised junction: two approaches with a queue each, a crossing, and the mains that feed the cabinet.
//!
//! Queues are a fluid: vehicles arrive evenly and leave at saturation flow while the green is effective, which is the model
//! behind Webster's uniform delay (F. V. Webster, Road Research Technical Paper 39, 1958; the Highway Capacity Manual's d1).

use super::World;
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::Span;
use std::any::Any;

/// One turn: the resolution of a conflict monitor's sampling. Our own.
pub const TURN: Span = Span::from_millis(50);
const TURN_SECONDS: f64 = 0.05;
/// Vehicles per second that leave one lane: 1900 an hour, the base saturation flow of the Highway Capacity Manual
/// (from memory).
pub const SATURATION: f64 = 1_900.0 / 3_600.0;
/// Start-up lost time and extension of the green into the yellow, both 2 s in the Highway Capacity Manual (from memory): the
/// effective green is as long as the green that is shown.
const START_LOST_SECONDS: f64 = 2.0;
/// Pedestrians that call, per second: one in 40 s, our own.
const CALLS: f64 = 1.0 / 40.0;
/// Mains at rest, in V and Hz. Source: EN 50160.
const MAINS_VOLTS: f64 = 230.0;
const MAINS_HERTZ: f64 = 50.0;
/// The grid wanders about its rated values by so much, in V and Hz, one standard deviation, and is drawn back in so many s: our own.
const MAINS_WANDER: (f64, f64) = (1.0, 0.01);
const MAINS_RECALL_SECONDS: f64 = 10.0;
/// A lamp on a terminal is lit from here on, in V: a share of the mains that lights an LED signal head. Our own.
pub const LIT_VOLTS: f64 = 60.0;

/// What drivers of an approach see.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Lamp {
    Red,
    Yellow,
    Green,
    /// Nothing: the approach is dark.
    Dark,
}

/// One approach.
#[derive(Clone, Debug)]
pub struct Approach {
    /// Vehicles per second.
    pub arrivals: f64,
    /// Vehicles that wait.
    pub queue: f64,
    /// Vehicles that came, and the seconds that all of them waited together.
    pub arrived: f64,
    pub waited: f64,
    /// Voltages on the terminals of red, yellow and green.
    pub terminals: [f64; 3],
    green_for: f64,
    yellow_for: f64,
}

impl Approach {
    fn new(arrivals: f64) -> Approach {
        Approach {
            arrivals,
            queue: 0.0,
            arrived: 0.0,
            waited: 0.0,
            terminals: [0.0; 3],
            green_for: 0.0,
            yellow_for: f64::MAX,
        }
    }
    /// What is lit; of several the most permissive one, which is what a hurried driver sees.
    pub fn lamp(&self) -> Lamp {
        let lit = self.terminals.map(|volts| volts >= LIT_VOLTS);
        match lit {
            [_, _, true] => Lamp::Green,
            [_, true, false] => Lamp::Yellow,
            [true, false, false] => Lamp::Red,
            [false, false, false] => Lamp::Dark,
        }
    }
    fn turn(&mut self, flashing: bool) {
        let lamp = self.lamp();
        match lamp {
            Lamp::Green => {
                self.green_for += TURN_SECONDS;
                self.yellow_for = 0.0;
            }
            Lamp::Yellow => self.yellow_for += TURN_SECONDS,
            Lamp::Red | Lamp::Dark => {
                self.green_for = 0.0;
                self.yellow_for = f64::MAX;
            }
        }
        let started = self.green_for > START_LOST_SECONDS + 1e-9;
        let leaves = match lamp {
            // Flashing amber: each gives way to the other, so half of it goes. Our own.
            _ if flashing => 0.5 * SATURATION,
            Lamp::Green if started => SATURATION,
            Lamp::Yellow if started && self.yellow_for <= START_LOST_SECONDS + 1e-9 => SATURATION,
            _ => 0.0,
        };
        let came = self.arrivals * TURN_SECONDS;
        self.arrived += came;
        self.queue = (self.queue + came - leaves * TURN_SECONDS).max(0.0);
        self.waited += self.queue * TURN_SECONDS;
    }
}

/// The world of a junction rig: approach 0 is the main road, 1 the side road.
#[derive(Clone, Debug)]
pub struct Junction {
    pub approaches: [Approach; 2],
    /// Voltage on the terminal of the walk signal across the main road.
    pub walk_volts: f64,
    /// Somebody stands at the crossing and has pressed the button.
    pub call: bool,
    /// The conflict monitor's relay feeds the lamps from the flasher, whatever the controller does, until the monitor is told to let
    /// the controller have them.
    pub flash_relay: bool,
    pub mains_volts: f64,
    pub mains_hertz: f64,
    noise: Noise,
}

impl Junction {
    /// A junction with the settings of the rig's world: `main` and `side`, arrivals in 1/s.
    pub fn new(seed: u64, settings: &[(String, f64)]) -> Result<Junction, String> {
        // 720 and 360 vehicles an hour: a moderate load of a junction of two lanes. Our own.
        let mut arrivals = [0.2, 0.1];
        for (name, value) in settings {
            match name.as_str() {
                "main" => arrivals[0] = *value,
                "side" => arrivals[1] = *value,
                _ => return Err(format!("the world `junction` has no setting `{name}` (it has `main` and `side`)")),
            }
        }
        Ok(Junction {
            approaches: arrivals.map(Approach::new),
            walk_volts: 0.0,
            call: false,
            flash_relay: true,
            mains_volts: MAINS_VOLTS,
            mains_hertz: MAINS_HERTZ,
            noise: Noise::new(seed, 0),
        })
    }
    /// Two movements whose ways cross have green, yellow or walk at once.
    pub fn conflict(&self) -> bool {
        let goes = |approach: &Approach| matches!(approach.lamp(), Lamp::Green | Lamp::Yellow);
        let [main, side] = &self.approaches;
        // Whoever crosses the main road walks beside the side road's traffic.
        goes(main) && (goes(side) || self.walk_volts >= LIT_VOLTS)
    }
    /// An approach shows nothing.
    pub fn dark(&self) -> bool {
        self.approaches.iter().any(|approach| approach.lamp() == Lamp::Dark)
    }
}

impl World for Junction {
    fn turn_length(&self) -> Span {
        TURN
    }
    fn turn(&mut self) {
        for approach in &mut self.approaches {
            approach.turn(self.flash_relay);
        }
        if self.walk_volts >= LIT_VOLTS {
            self.call = false;
        } else if self.noise.uniform() < CALLS * TURN_SECONDS {
            self.call = true;
        }
        let pull = TURN_SECONDS / MAINS_RECALL_SECONDS;
        let kick = (2.0 * pull).sqrt();
        self.mains_volts += (MAINS_VOLTS - self.mains_volts) * pull + MAINS_WANDER.0 * kick * self.noise.normal();
        self.mains_hertz += (MAINS_HERTZ - self.mains_hertz) * pull + MAINS_WANDER.1 * kick * self.noise.normal();
    }
    fn fault(&mut self, fault: &TwinFault, _on: bool) -> Result<(), String> {
        Err(format!("the world `junction` cannot act out {fault:?}"))
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(approach: &mut Approach, lamp: Lamp) {
        approach.terminals = match lamp {
            Lamp::Red => [230.0, 0.0, 0.0],
            Lamp::Yellow => [0.0, 230.0, 0.0],
            Lamp::Green => [0.0, 0.0, 230.0],
            Lamp::Dark => [0.0; 3],
        };
    }

    /// Goal: queues wait as long as theory says. Method: fixed cycles of 60 s; Webster's uniform delay is
    /// C (1 - g/C)^2 / (2 (1 - q/s)), and the largest queue q (C - g) at the end of the effective red.
    #[test]
    fn a_fixed_cycle_delays_as_webster_says() {
        for (arrivals, green) in [(0.2, 30.0), (0.1, 20.0), (0.25, 36.0)] {
            let mut approach = Approach::new(arrivals);
            let (cycle, yellow) = (60.0, 4.0);
            let mut longest: f64 = 0.0;
            for turn in 0..(60 * 20 * 20) {
                let second = (f64::from(turn) + 0.5) * TURN_SECONDS % cycle;
                let lamp = match second {
                    s if s < green => Lamp::Green,
                    s if s < green + yellow => Lamp::Yellow,
                    _ => Lamp::Red,
                };
                light(&mut approach, lamp);
                approach.turn(false);
                longest = longest.max(approach.queue);
            }
            let share = green / cycle;
            let delay = cycle * (1.0 - share) * (1.0 - share) / (2.0 * (1.0 - arrivals / SATURATION));
            let found = approach.waited / approach.arrived;
            assert!((found / delay - 1.0).abs() < 0.03, "{found} s, and Webster says {delay} s");
            let queue = arrivals * (cycle - green);
            assert!((longest - queue).abs() < 0.1, "{longest} vehicles, and theory says {queue}");
        }
    }

    #[test]
    fn conflicts_and_dark_approaches_are_seen_on_the_terminals() {
        let mut world = Junction::new(1, &[]).expect("no settings");
        let lamps = |world: &mut Junction, main, side| {
            light(&mut world.approaches[0], main);
            light(&mut world.approaches[1], side);
        };
        lamps(&mut world, Lamp::Green, Lamp::Red);
        assert!(!world.conflict() && !world.dark());
        world.walk_volts = 230.0;
        assert!(world.conflict(), "people walk before moving traffic");
        lamps(&mut world, Lamp::Red, Lamp::Green);
        assert!(!world.conflict());
        lamps(&mut world, Lamp::Yellow, Lamp::Green);
        assert!(world.conflict());
        lamps(&mut world, Lamp::Dark, Lamp::Green);
        assert!(world.dark());
    }

    /// Goal: people come as a Poisson process. Method: each call is taken back at once; in 200,000 s the mean gap is one over
    /// the rate, and a share of exp(-T rate) of the gaps is longer than T.
    #[test]
    fn people_call_as_often_as_a_poisson_process() {
        let mut world = Junction::new(7, &[]).expect("no settings");
        let mut gaps = Vec::new();
        let mut waited: f64 = 0.0;
        for _ in 0..4_000_000 {
            world.turn();
            waited += TURN_SECONDS;
            if world.call {
                world.call = false;
                gaps.push(waited);
                waited = 0.0;
            }
        }
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((mean * CALLS - 1.0).abs() < 0.05, "one in {mean} s");
        let long = gaps.iter().filter(|gap| **gap > 60.0).count() as f64 / gaps.len() as f64;
        let wanted = libm::exp(-60.0 * CALLS);
        assert!((long - wanted).abs() < 0.03, "{long} of the gaps are longer than a minute, theory says {wanted}");
    }

    /// Goal: the grid wanders as declared. Method: deviation of ten hours against the declared one.
    #[test]
    fn the_mains_wander_by_what_is_declared() {
        let mut world = Junction::new(5, &[]).expect("no settings");
        let (mut volts, mut hertz) = (0.0, 0.0);
        let turns = 720_000;
        for _ in 0..turns {
            world.turn();
            volts += (world.mains_volts - MAINS_VOLTS) * (world.mains_volts - MAINS_VOLTS);
            hertz += (world.mains_hertz - MAINS_HERTZ) * (world.mains_hertz - MAINS_HERTZ);
        }
        let (volts, hertz) = ((volts / f64::from(turns)).sqrt(), (hertz / f64::from(turns)).sqrt());
        assert!((volts / MAINS_WANDER.0 - 1.0).abs() < 0.1, "{volts} V");
        assert!((hertz / MAINS_WANDER.1 - 1.0).abs() < 0.1, "{hertz} Hz");
    }

    #[test]
    fn the_mains_stay_near_their_rating_and_an_unknown_setting_is_named() {
        let mut world = Junction::new(3, &[("main".to_owned(), 0.3)]).expect("the setting exists");
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        for _ in 0..72_000 {
            world.turn();
            least = least.min(world.mains_volts);
            most = most.max(world.mains_volts);
        }
        assert!(least > 223.0 && most < 237.0 && most - least > 2.0, "{least} V .. {most} V");
        assert!(world.call, "nobody was let walk, so somebody waits");
        assert!(Junction::new(1, &[("mian".to_owned(), 1.0)]).unwrap_err().contains("`mian`"));
    }
}
