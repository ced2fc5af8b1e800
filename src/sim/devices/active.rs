//! The faults that a device acts out now, in the order of their start: where two of a kind overlap, the later one counts until
//! it ends.

use crate::fault::{FaultKey, TwinFault};
use crate::time::Time;

/// A fault under way.
#[derive(Clone, PartialEq, Debug)]
pub struct Active {
    pub key: FaultKey,
    pub fault: TwinFault,
    /// When it began.
    pub since: Time,
}

/// The faults of one device.
#[derive(Clone, Debug, Default)]
pub struct ActiveFaults {
    list: Vec<Active>,
    next_key: u32,
}

impl ActiveFaults {
    /// Adds a fault; its key is new, so that its chance is its own.
    pub fn start(&mut self, at: Time, fault: &TwinFault) -> FaultKey {
        let key = FaultKey(self.next_key);
        self.next_key += 1;
        self.list.push(Active { key, fault: fault.clone(), since: at });
        key
    }
    /// Takes out the oldest fault that equals this one.
    pub fn stop(&mut self, fault: &TwinFault) -> Option<Active> {
        let place = self.list.iter().position(|active| active.fault == *fault)?;
        Some(self.list.remove(place))
    }
    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Active> {
        self.list.iter()
    }
    /// True while a fault equal to this one is under way.
    pub fn has(&self, fault: &TwinFault) -> bool {
        self.list.iter().any(|active| active.fault == *fault)
    }
    /// What the latest fault says that has something to say.
    pub fn latest<T>(&self, pick: impl Fn(&Active) -> Option<T>) -> Option<T> {
        self.list.iter().rev().find_map(pick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_one_fault_leaves_the_other() {
        let mut faults = ActiveFaults::default();
        let gain = |gain| TwinFault::Motor { index: 1, gain };
        let first = faults.start(Time::ZERO, &gain(0.5));
        let second = faults.start(Time::ZERO, &gain(0.1));
        assert_ne!(first, second);
        let latest = |faults: &ActiveFaults| faults.latest(|a| Some(a.key));
        assert_eq!(latest(&faults), Some(second));
        assert_eq!(faults.stop(&gain(0.1)).map(|a| a.key), Some(second));
        assert_eq!(latest(&faults), Some(first));
        assert_eq!(faults.stop(&gain(0.1)), None);
        assert!(faults.has(&gain(0.5)) && !faults.has(&TwinFault::Silence));
    }
}
