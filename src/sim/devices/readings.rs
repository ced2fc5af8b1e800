//! The readings of a machine's own sensors and settings on their way to its program: off by a bias, or through the faults of a
//! stream of samples.

use super::active::{Active, ActiveFaults};
use crate::fault::{TellPipe, Telling, TwinFault};
use crate::signal::{SignalId, Value};
use crate::time::Time;

/// The named readings of one machine.
pub struct Readings<const N: usize> {
    names: [&'static str; N],
    pipe: TellPipe,
    on: Vec<Active>,
    told: Telling,
    last: [f64; N],
}

impl<const N: usize> Readings<N> {
    /// Nothing is wrong. Chance is fixed by the seed; before a first reading each is as given.
    pub fn new(names: [&'static str; N], seed: u64, at_rest: [f64; N]) -> Readings<N> {
        Readings { names, pipe: TellPipe::new(seed), on: Vec::new(), told: Telling::new(), last: at_rest }
    }
    fn place(&self, field: &str) -> Option<usize> {
        self.names.iter().position(|name| *name == field)
    }
    /// A fault begins; what is none of a reading changes nothing.
    pub fn start(&mut self, active: &Active) {
        let TwinFault::Sensor { field, fault } = &active.fault else { return };
        let Some(place) = self.place(field) else { return };
        if self.on.is_empty() {
            // Without faults nobody watched: a value that is to be frozen is the one of now.
            self.push(active.since, &self.last.clone());
            while self.pipe.pop(active.since, &mut self.told).is_some() {}
        }
        self.pipe.start(active.since, active.key, *fault, Some(SignalId(place as u32)));
        self.on.push(active.clone());
    }
    /// It ends.
    pub fn stop(&mut self, active: &Active) {
        if matches!(active.fault, TwinFault::Sensor { .. }) {
            self.pipe.stop(active.key);
            self.on.retain(|other| other.key != active.key);
        }
    }
    /// What the program makes of the readings; of what is no number it keeps the last that was.
    pub fn pass(&mut self, at: Time, mut values: [f64; N], faults: &ActiveFaults) -> [f64; N] {
        for active in faults.iter() {
            if let TwinFault::SensorBias { field, by } = &active.fault
                && let Some(place) = self.place(field)
            {
                values[place] += by;
            }
        }
        if self.on.is_empty() {
            self.last = values;
            return values;
        }
        self.push(at, &values);
        let mut seen = self.last;
        for (place, value) in values.iter().enumerate() {
            let spoilt = self.on.iter().any(
                |active| matches!(&active.fault, TwinFault::Sensor { field, .. } if self.place(field) == Some(place)),
            );
            if !spoilt {
                seen[place] = *value;
            }
        }
        while self.pipe.pop(at, &mut self.told).is_some() {
            for (signal, value) in &self.told {
                if let (Value::Number(number), Some(slot)) = (value, seen.get_mut(signal.0 as usize))
                    && number.is_finite()
                {
                    *slot = *number;
                }
            }
        }
        self.last = seen;
        seen
    }
    fn push(&mut self, at: Time, values: &[f64; N]) {
        let telling: Telling =
            values.iter().enumerate().map(|(place, v)| (SignalId(place as u32), Value::Number(*v))).collect();
        self.pipe.push(at, &telling);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::PipeFault;
    use crate::time::Span;

    #[test]
    fn a_bias_and_a_frozen_reading_act_on_their_field_alone_until_they_end() {
        let mut readings = Readings::new(["a", "b"], 1, [0.0; 2]);
        let mut faults = ActiveFaults::default();
        let at = |millis| Time::ZERO + Span::from_millis(millis);
        assert_eq!(readings.pass(at(0), [1.0, 2.0], &faults), [1.0, 2.0]);
        let bias = TwinFault::SensorBias { field: "b".to_owned(), by: -5.0 };
        faults.start(at(0), &bias);
        assert_eq!(readings.pass(at(50), [1.0, 2.0], &faults), [1.0, -3.0]);
        faults.stop(&bias);
        let freeze = TwinFault::Sensor { field: "a".to_owned(), fault: PipeFault::Freeze };
        faults.start(at(60), &freeze);
        readings.start(&faults.iter().next_back().expect("it began").clone());
        assert_eq!(readings.pass(at(100), [7.0, 2.0], &faults), [1.0, 2.0]);
        let ended = faults.stop(&freeze).expect("it was under way");
        readings.stop(&ended);
        assert_eq!(readings.pass(at(150), [8.0, 2.0], &faults), [8.0, 2.0]);
    }
}
