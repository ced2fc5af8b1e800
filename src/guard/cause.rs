//! Why the guard acts, and which reason outranks which.

use crate::command::RuleId;
use crate::wire::{DeviceId, LinkId};

/// Why the guard acts; later variants outrank earlier ones when several come at one instant.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// The run is over; what is not safe yet is made safe. Not a trip: the verdict does not suffer.
    Finish,
    /// A signal of a stopping rule is unknown at the present instant.
    Unknown(RuleId),
    /// A controller with a dead-man has been silent too long.
    Silence(DeviceId),
    /// A device started anew by itself.
    Restart(DeviceId),
    /// A device turned out to be another one.
    WrongIdentity(DeviceId),
    LinkLost(LinkId),
    /// The recorder is full or dead: what is not recorded does not happen.
    Recorder,
    /// The harness itself stood still longer than it may.
    Stall,
    /// The watchdog child fired.
    Watchdog(LinkId),
    /// The fallback of this controller has the machine and cannot say where to: a signal it needs is unknown.
    FallbackLost(DeviceId),
    /// The time for which the rig was lent to the run is over.
    LeaseExpired,
    /// The person at the hold-to-run key let go, or nobody knows whether they hold it.
    Released,
    /// A rule is broken.
    Rule(RuleId),
    /// The wired e-stop was pressed, or nobody knows whether it is.
    EmergencyStop,
    /// A person said stop.
    Operator,
    /// A person said stop a second time: straight to the last rung.
    OperatorAgain,
}

impl Cause {
    /// Whether this is a trip: everything but the ordinary end of a run.
    pub fn is_trip(self) -> bool {
        self != Cause::Finish
    }

    /// Whether this cause takes the place of `other`. Two of one kind are equals, whatever device or rule they name,
    /// so that the first rule broken stays the one that is named.
    pub fn outranks(self, other: Cause) -> bool {
        self.rank() > other.rank()
    }

    /// Place in the order of causes, by kind alone.
    fn rank(self) -> u8 {
        match self {
            Cause::Finish => 0,
            Cause::Unknown(_) => 1,
            Cause::Silence(_) => 2,
            Cause::Restart(_) => 3,
            Cause::WrongIdentity(_) => 4,
            Cause::LinkLost(_) => 5,
            Cause::Recorder => 6,
            Cause::Stall => 7,
            Cause::Watchdog(_) => 8,
            Cause::FallbackLost(_) => 9,
            Cause::LeaseExpired => 10,
            Cause::Released => 11,
            Cause::Rule(_) => 12,
            Cause::EmergencyStop => 13,
            Cause::Operator => 14,
            Cause::OperatorAgain => 15,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_follow_the_order_in_which_the_causes_are_written() {
        let ascending = [
            Cause::Finish,
            Cause::Unknown(RuleId(9)),
            Cause::Silence(DeviceId(9)),
            Cause::Restart(DeviceId(9)),
            Cause::WrongIdentity(DeviceId(9)),
            Cause::LinkLost(LinkId(9)),
            Cause::Recorder,
            Cause::Stall,
            Cause::Watchdog(LinkId(9)),
            Cause::FallbackLost(DeviceId(9)),
            Cause::LeaseExpired,
            Cause::Released,
            Cause::Rule(RuleId(9)),
            Cause::EmergencyStop,
            Cause::Operator,
            Cause::OperatorAgain,
        ];
        for pair in ascending.windows(2) {
            assert!(pair[1].outranks(pair[0]) && pair[1] > pair[0], "{:?} must outrank {:?}", pair[1], pair[0]);
            assert!(!pair[0].outranks(pair[1]));
        }
    }

    #[test]
    fn one_broken_rule_does_not_outrank_another() {
        assert!(!Cause::Rule(RuleId(7)).outranks(Cause::Rule(RuleId(1))));
        assert!(!Cause::Rule(RuleId(1)).outranks(Cause::Rule(RuleId(7))));
    }
}
