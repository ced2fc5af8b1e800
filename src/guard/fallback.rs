//! The switch of a controller's fallback: run-time assurance in the sense of ASTM F3269.
//!
//! A *monitor* outside says whether the controller leads astray; the *switch* here takes the machine from it, has the
//! *recovery function* give a command every period, and lets the controller have it again once that was safe for its time.

use crate::time::{Span, Time};
use crate::wire::DeviceId;

/// Most fallbacks of a rig; checked when the rig is read.
pub const FALLBACKS_MAX: usize = 8;

/// A fallback, by its place in [`GuardConfig`](super::GuardConfig).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FallbackId(pub u8);

/// What the switch of a fallback must know.
#[derive(Copy, Clone, PartialEq, Hash, Debug)]
pub struct FallbackConfig {
    /// Whom it stands in for.
    pub controller: DeviceId,
    /// From one command of the recovery function to the next.
    pub every: Span,
    /// How long the condition of handing back must have held; `None`: it never hands back.
    pub hand_back_after: Option<Span>,
}

/// What the switch did, or wants done.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Recovery {
    /// The machine was taken from the controller.
    TakeOver,
    /// The recovery function's next command is due.
    Command,
    /// The controller has the machine again.
    HandBack,
    /// Nothing is left to recover: a trip or a person has the machine now.
    Release,
}

/// Where a switch stands.
#[derive(Copy, Clone, PartialEq, Hash, Debug)]
enum Switch {
    Standby,
    Engaged {
        next: Time,
        /// Since when the condition of handing back holds without a break.
        good_since: Option<Time>,
    },
}

/// All switches of a rig.
#[derive(Copy, Clone, Hash, Debug)]
pub(crate) struct Fallbacks {
    configs: [FallbackConfig; FALLBACKS_MAX],
    switches: [Switch; FALLBACKS_MAX],
    count: usize,
}

impl Fallbacks {
    pub(crate) fn new(configs: [FallbackConfig; FALLBACKS_MAX], count: u8) -> Fallbacks {
        Fallbacks { configs, switches: [Switch::Standby; FALLBACKS_MAX], count: (count as usize).min(FALLBACKS_MAX) }
    }

    /// One look at a switch. `allowed`: the lane is open and no person holds the machine.
    pub(crate) fn look(&mut self, at: Time, id: FallbackId, allowed: bool, take: bool, good: bool) -> Option<Recovery> {
        let place = id.0 as usize;
        if place >= self.count {
            return None;
        }
        let config = self.configs[place];
        let switch = &mut self.switches[place];
        match switch {
            Switch::Standby if allowed && take => {
                *switch = Switch::Engaged { next: at, good_since: None };
                Some(Recovery::TakeOver)
            }
            Switch::Standby => None,
            Switch::Engaged { .. } if !allowed => {
                *switch = Switch::Standby;
                Some(Recovery::Release)
            }
            Switch::Engaged { next, good_since } => {
                // What would take over again at once is no time to hand back.
                *good_since = if good && !take { good_since.or(Some(at)) } else { None };
                if let (Some(since), Some(after)) = (*good_since, config.hand_back_after)
                    && at >= since + after
                {
                    *switch = Switch::Standby;
                    return Some(Recovery::HandBack);
                }
                if at < *next {
                    return None;
                }
                // Periods that a stall swallowed are not made up for.
                *next = if at.since(*next) >= config.every { at + config.every } else { *next + config.every };
                Some(Recovery::Command)
            }
        }
    }

    /// Whether the controller's fallback has the machine.
    pub(crate) fn has(&self, controller: DeviceId) -> bool {
        (0..self.count).any(|place| {
            self.configs[place].controller == controller && matches!(self.switches[place], Switch::Engaged { .. })
        })
    }

    /// When a command or a hand-back is due.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        (0..self.count)
            .filter_map(|place| match self.switches[place] {
                Switch::Standby => None,
                Switch::Engaged { next, good_since } => {
                    let back = good_since.zip(self.configs[place].hand_back_after).map(|(since, after)| since + after);
                    Some(back.map_or(next, |back| back.min(next)))
                }
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: FallbackId = FallbackId(0);

    fn fallbacks(hand_back_after: Option<i64>) -> Fallbacks {
        let config = FallbackConfig {
            controller: DeviceId(2),
            every: Span::from_millis(50),
            hand_back_after: hand_back_after.map(Span::from_millis),
        };
        Fallbacks::new([config; FALLBACKS_MAX], 1)
    }

    fn ms(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn it_takes_over_commands_every_period_and_hands_back_after_its_time() {
        let mut all = fallbacks(Some(100));
        assert_eq!(all.look(ms(0), ID, true, false, true), None);
        assert_eq!(all.look(ms(10), ID, true, true, false), Some(Recovery::TakeOver));
        assert!(all.has(DeviceId(2)) && !all.has(DeviceId(1)));
        assert_eq!(all.look(ms(10), ID, true, true, false), Some(Recovery::Command));
        assert_eq!(all.look(ms(10), ID, true, true, false), None);
        assert_eq!(all.next_deadline(), Some(ms(60)));
        assert_eq!(all.look(ms(60), ID, true, false, true), Some(Recovery::Command));
        assert_eq!(all.look(ms(110), ID, true, false, true), Some(Recovery::Command));
        assert_eq!(all.next_deadline(), Some(ms(160)), "the hand-back and the next command");
        assert_eq!(all.look(ms(160), ID, true, false, true), Some(Recovery::HandBack));
        assert_eq!((all.look(ms(160), ID, true, false, true), all.next_deadline()), (None, None));
    }

    #[test]
    fn a_break_in_the_condition_starts_its_time_anew_and_so_does_the_wish_to_take_over() {
        let mut all = fallbacks(Some(100));
        all.look(ms(0), ID, true, true, false);
        for (at, take, good) in [(50, false, true), (100, false, false), (120, false, true), (180, true, true)] {
            all.look(ms(at), ID, true, take, good);
        }
        assert_ne!(all.look(ms(229), ID, true, false, true), Some(Recovery::HandBack));
        assert_ne!(all.look(ms(328), ID, true, false, true), Some(Recovery::HandBack));
        assert_eq!(all.look(ms(329), ID, true, false, true), Some(Recovery::HandBack));
    }

    #[test]
    fn what_is_not_allowed_is_let_go_and_not_taken() {
        let mut all = fallbacks(None);
        assert_eq!(all.look(ms(0), ID, false, true, false), None);
        all.look(ms(1), ID, true, true, false);
        assert_eq!(all.look(ms(2), ID, false, true, false), Some(Recovery::Release));
        assert!(!all.has(DeviceId(2)));
        assert_eq!(all.look(ms(3), FallbackId(7), true, true, false), None, "there is one only");
    }

    #[test]
    fn without_a_condition_it_holds_to_the_end_and_a_stall_is_not_made_up_for() {
        let mut all = fallbacks(None);
        all.look(ms(0), ID, true, true, true);
        assert_eq!(all.look(ms(0), ID, true, false, true), Some(Recovery::Command));
        assert_eq!(all.look(ms(5_000), ID, true, false, true), Some(Recovery::Command));
        assert_eq!(all.look(ms(5_000), ID, true, false, true), None);
        assert_eq!(all.next_deadline(), Some(ms(5_050)));
    }
}
