//! The power of a device: cut, dipped, or held up by a program that hangs; and when it starts anew.

use super::active::Active;
use crate::fault::{FaultKey, TwinFault};
use crate::time::{Span, Time};

/// Below this, in V, a board's radio is out: the lower end of what a port of USB 2.0 gives at full load (from memory).
pub const RADIO_VOLTS: f64 = 4.75;
/// Below this, in V, the processor is reset: 3.3 V and 0.3 V that its regulator drops. Ours, for want of a data sheet.
pub const RESET_VOLTS: f64 = 3.6;

/// How a device is powered.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Supply {
    On,
    /// It goes on, and nobody hears it or is heard by it.
    NoRadio,
    /// Its program stands still; its outputs stay as they are.
    Hung,
    Off,
}

/// What is wrong with a device's power.
#[derive(Clone, Debug)]
pub struct Power {
    cuts: Vec<Cut>,
    storms: Vec<Storm>,
    /// It was off or hung at the last look or since.
    was_down: bool,
}

#[derive(Clone, Debug)]
struct Cut {
    key: FaultKey,
    supply: Supply,
    until: Time,
}

#[derive(Clone, Debug)]
struct Storm {
    key: FaultKey,
    every: Span,
    next: Time,
}

impl Power {
    /// Nothing is wrong.
    pub fn new() -> Power {
        Power { cuts: Vec::new(), storms: Vec::new(), was_down: false }
    }
    /// A fault begins; what is none of power changes nothing.
    pub fn start(&mut self, active: &Active) {
        let (key, since) = (active.key, active.since);
        let mut cut = |supply, until| {
            // A cut that is over before the next look has been one all the same.
            self.was_down |= supply >= Supply::Hung;
            self.cuts.push(Cut { key, supply, until });
        };
        match active.fault {
            TwinFault::PowerOff => cut(Supply::Off, Time::MAX),
            TwinFault::BrownOut { volts, length } if volts < RESET_VOLTS => cut(Supply::Off, since + length),
            TwinFault::BrownOut { volts, length } if volts < RADIO_VOLTS => cut(Supply::NoRadio, since + length),
            TwinFault::WatchdogReset { hang } => cut(Supply::Hung, since + hang),
            // A storm of no length between its boots would never let time go on.
            TwinFault::BootStorm { every } => {
                self.storms.push(Storm { key, every: every.max(Span::from_millis(1)), next: since });
            }
            _ => {}
        }
    }
    /// A fault that lasts ends; a dip and a reset that have begun go on to their own end.
    pub fn stop(&mut self, key: FaultKey) {
        self.cuts.retain(|cut| cut.key != key || cut.until < Time::MAX);
        self.storms.retain(|storm| storm.key != key);
    }
    /// How it is powered now.
    pub fn supply(&self, at: Time) -> Supply {
        let cuts = self.cuts.iter().filter(|cut| at < cut.until).map(|cut| cut.supply);
        cuts.max().unwrap_or(Supply::On)
    }
    /// To be asked every turn: true when the device starts anew now.
    pub fn boots(&mut self, at: Time) -> bool {
        self.cuts.retain(|cut| at < cut.until);
        let down = self.supply(at) >= Supply::Hung;
        let mut boots = self.was_down && !down;
        self.was_down = down;
        for storm in &mut self.storms {
            while storm.next <= at {
                storm.next += storm.every;
                boots |= !down;
            }
        }
        boots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    fn active(key: u32, fault: TwinFault, millis: i64) -> Active {
        Active { key: FaultKey(key), fault, since: at(millis) }
    }

    #[test]
    fn a_cut_lasts_until_it_ends_and_then_boots_once() {
        let mut power = Power::new();
        power.start(&active(1, TwinFault::PowerOff, 0));
        assert_eq!(power.supply(at(0)), Supply::Off);
        assert!(!power.boots(at(0)) && !power.boots(at(10_000)));
        power.stop(FaultKey(1));
        assert_eq!(power.supply(at(10_001)), Supply::On);
        assert!(power.boots(at(10_001)) && !power.boots(at(10_002)));
    }

    /// Goal: a dip does what its depth makes it do. Method: 4.2 V for 20 ms takes the radio, 3 V the processor, 4.9 V nothing.
    #[test]
    fn a_dip_takes_what_its_depth_takes() {
        let length = Span::from_millis(20);
        for (volts, supply, boots) in
            [(4.9, Supply::On, false), (4.2, Supply::NoRadio, false), (3.0, Supply::Off, true)]
        {
            let mut power = Power::new();
            power.start(&active(1, TwinFault::BrownOut { volts, length }, 100));
            assert_eq!(power.supply(at(119)), supply, "{volts} V");
            assert!(!power.boots(at(119)));
            // The scenario's end of the fault does not lengthen or shorten the dip.
            power.stop(FaultKey(1));
            assert_eq!(power.supply(at(119)), supply, "{volts} V");
            assert_eq!((power.supply(at(120)), power.boots(at(120))), (Supply::On, boots), "{volts} V");
        }
    }

    #[test]
    fn a_cut_between_two_looks_boots_too() {
        let mut power = Power::new();
        assert!(!power.boots(at(0)));
        power.start(&active(1, TwinFault::BrownOut { volts: 3.0, length: Span::from_micros(10) }, 1));
        assert!(power.boots(at(2)) && !power.boots(at(3)));
    }

    #[test]
    fn a_storm_boots_at_once_and_again_until_it_ends() {
        let mut power = Power::new();
        power.start(&active(1, TwinFault::BootStorm { every: Span::from_millis(500) }, 0));
        let boots = (0..20).filter(|turn| power.boots(at(turn * 100))).count();
        assert_eq!(boots, 4, "at 0, 500, 1000 and 1500 ms");
        power.stop(FaultKey(1));
        assert!((20..40).all(|turn| !power.boots(at(turn * 100))));
    }

    #[test]
    fn a_hang_ends_in_a_reset() {
        let mut power = Power::new();
        power.start(&active(1, TwinFault::WatchdogReset { hang: Span::from_secs(2) }, 0));
        assert_eq!(power.supply(at(1_999)), Supply::Hung);
        assert!(!power.boots(at(1_999)) && power.boots(at(2_000)));
    }
}
