//! Values of the sensors on their way to whoever flies: through the same faults of a stream of samples as what a controller is told.
//!
//! What is no number is told as it is and not flown by: the machine goes on with the last good value, as an estimator that
//! refuses a reading does.

use super::faults::place_of;
use super::sensors::{BIASES, Estimate};
use crate::fault::{PipeFault, TellPipe, Telling};
use crate::signal::{SignalId, Value};
use crate::sim::devices::active::Active;
use crate::time::Time;

/// The faults on the fields of one flight controller's sensors.
#[derive(Clone, Debug)]
pub struct Spoilt {
    pipe: TellPipe,
    /// The faults under way, each with the place of its field.
    on: Vec<(Active, usize)>,
    told: Telling,
    /// The last number of each field, by its place in [`BIASES`].
    good: [f64; BIASES.len()],
}

impl Spoilt {
    /// Nothing is wrong. Chance is fixed by the seed.
    pub fn new(seed: u64) -> Spoilt {
        Spoilt { pipe: TellPipe::new(seed), on: Vec::new(), told: Telling::new(), good: [0.0; BIASES.len()] }
    }
    /// A fault begins on a field, which is believed to be as `now` has it.
    pub fn start(&mut self, active: Active, field: &str, fault: PipeFault, now: &Estimate) {
        let Some(place) = place_of(&BIASES, field) else { return };
        if self.on.is_empty() {
            // Without faults nobody watched: a value that is to be frozen is the one of now.
            self.good = std::array::from_fn(|place| now.field(place));
            self.watch(active.since, now);
            while self.pipe.pop(active.since, &mut self.told).is_some() {}
        }
        self.pipe.start(active.since, active.key, fault, Some(signal(place)));
        self.on.push((active, place));
    }
    /// A fault ends.
    pub fn stop(&mut self, active: &Active) {
        self.pipe.stop(active.key);
        self.on.retain(|(other, _)| other.key != active.key);
    }
    /// Spoils what is believed; gives what is told of it.
    pub fn pass(&mut self, at: Time, flown: &mut Estimate) -> Estimate {
        if self.on.is_empty() {
            return *flown;
        }
        self.watch(at, flown);
        let mut told = *flown;
        while self.pipe.pop(at, &mut self.told).is_some() {
            for (place, (_, value)) in self.told.iter().enumerate() {
                if !self.on.iter().any(|(_, spoilt)| *spoilt == place) {
                    continue;
                }
                match *value {
                    Value::Number(number) if number.is_finite() => {
                        flown.set_field(place, number);
                        told.set_field(place, number);
                    }
                    Value::Number(number) => {
                        told.set_field(place, number);
                        flown.set_field(place, self.good[place]);
                    }
                    _ => {
                        flown.set_field(place, self.good[place]);
                        told.set_field(place, self.good[place]);
                    }
                }
            }
        }
        self.good = std::array::from_fn(|place| flown.field(place));
        told
    }
    fn watch(&mut self, at: Time, now: &Estimate) {
        let values: Telling = (0..BIASES.len()).map(|p| (signal(p), Value::Number(now.field(p)))).collect();
        self.pipe.push(at, &values);
    }
}

fn signal(place: usize) -> SignalId {
    SignalId(place as u32)
}
