//! Which items arrive, and when: what faults on arrival decide about one item after the other.

use crate::fault::PipeFault;
use crate::fault::rng::Dice;
use crate::time::{Span, Time};

/// Six faults that double make no more of one item.
const COPIES_MAX: usize = 64;

/// What becomes of one item that goes into a pipe; each fault adds its part.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fate {
    pub lost: bool,
    /// Later than it went in by so much.
    pub later: Span,
    /// It may overtake and be overtaken.
    pub loose: bool,
    /// How many arrive.
    pub copies: usize,
    /// One more arrives, marked as delivered again.
    pub redelivered: bool,
    /// It arrives once more, this much later.
    pub again: Option<Span>,
    /// It waits behind so many others.
    pub behind: Option<u32>,
}

impl Fate {
    /// It arrives at once, alone.
    pub fn untouched() -> Fate {
        Fate { lost: false, later: Span::ZERO, loose: false, copies: 1, redelivered: false, again: None, behind: None }
    }
}

/// The memory of a fault on arrival.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    fault: PipeFault,
    started: Time,
    dice: Dice,
    /// The link is bad at present (losses in bursts).
    bad: bool,
    /// When it turns (losses by time).
    turns: Time,
    /// Items so far.
    count: u64,
}

impl Arrival {
    /// A fault that begins at `started`; its chance is `dice`.
    pub fn new(fault: PipeFault, started: Time, dice: Dice) -> Arrival {
        let mut arrival = Arrival { fault, started, dice, bad: false, turns: Time::MAX, count: 0 };
        if let PipeFault::Outages { good, .. } = fault {
            arrival.turns = started + arrival.dice.exponential(good);
        }
        arrival
    }

    /// Whether the item that comes now is lost. Called once per item: it draws.
    pub fn loses(&mut self, at: Time) -> bool {
        let place = self.count;
        self.count += 1;
        match self.fault {
            PipeFault::Drop { share } => self.dice.chance(share),
            PipeFault::Off => true,
            PipeFault::Burst { worse, better, lost_good, lost_bad } => {
                let lost = self.dice.chance(if self.bad { lost_bad } else { lost_good });
                if self.dice.chance(if self.bad { better } else { worse }) {
                    self.bad = !self.bad;
                }
                lost
            }
            PipeFault::Outages { good, bad } => {
                while self.turns <= at {
                    self.bad = !self.bad;
                    self.turns += self.dice.exponential(if self.bad { bad } else { good }).max(Span::from_nanos(1));
                }
                self.bad
            }
            PipeFault::Intermittent { period, lost } => {
                let period = period.nanos().max(1);
                let into = at.since(self.started).nanos().rem_euclid(period);
                (into as f64) < lost * period as f64
            }
            PipeFault::Slow { one_in } => !place.is_multiple_of(u64::from(one_in.max(1))),
            _ => false,
        }
    }

    /// Adds its part to what becomes of the item that comes now; true when it changed anything.
    pub fn decide(&mut self, at: Time, fate: &mut Fate) -> bool {
        if self.loses(at) {
            fate.lost = true;
            return true;
        }
        match self.fault {
            PipeFault::Delay { by } => {
                fate.later = fate.later + by.max(Span::ZERO);
                by > Span::ZERO
            }
            PipeFault::Jitter { sigma, reorder } => {
                let later = Span::from_seconds(sigma.seconds() * self.dice.normal().abs());
                fate.later = fate.later + later;
                fate.loose |= reorder;
                later > Span::ZERO
            }
            PipeFault::Duplicate { share } => {
                let hit = self.dice.chance(share);
                if hit {
                    fate.copies = (fate.copies * 2).min(COPIES_MAX);
                }
                hit
            }
            PipeFault::Redeliver { share } => {
                let hit = self.dice.chance(share);
                fate.redelivered |= hit;
                hit
            }
            PipeFault::Reorder { share, depth } => {
                let hit = depth > 0 && self.dice.chance(share);
                if hit {
                    fate.behind = Some(fate.behind.unwrap_or(0).max(depth));
                }
                hit
            }
            PipeFault::Replay { age } => {
                fate.again = Some(age);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    /// Which of `count` items, one a millisecond, are lost.
    fn losses(fault: PipeFault, seed: u64, count: i64) -> Vec<bool> {
        let mut arrival = Arrival::new(fault, at(0), Dice::new(seed, 1));
        (0..count).map(|millis| arrival.loses(at(millis))).collect()
    }

    /// The share of lost items, and how long a run of them is on average.
    fn share_and_burst(lost: &[bool]) -> (f64, f64) {
        let all = lost.iter().filter(|lost| **lost).count() as f64;
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() + usize::from(lost[0]);
        (all / lost.len() as f64, all / bursts.max(1) as f64)
    }

    #[test]
    fn bursts_lose_the_share_and_have_the_length_that_their_parameters_say() {
        // (p, r), then loss p / (p + r) and burst 1 / r.
        for (worse, better, share, burst) in
            [(0.01, 0.25, 0.03846, 4.0), (0.02, 0.2, 0.09091, 5.0), (0.005, 0.1, 0.04762, 10.0)]
        {
            let fault = PipeFault::Burst { worse, better, lost_good: 0.0, lost_bad: 1.0 };
            let (measured, length) = share_and_burst(&losses(fault, 11, 400_000));
            assert!((measured / share - 1.0).abs() < 0.06, "{worse}, {better}: lost {measured}, not {share}");
            assert!((length / burst - 1.0).abs() < 0.05, "{worse}, {better}: bursts of {length}, not {burst}");
        }
    }

    #[test]
    fn a_bad_link_that_lets_half_through_loses_half_as_much() {
        let fault = PipeFault::Burst { worse: 0.02, better: 0.2, lost_good: 0.01, lost_bad: 0.5 };
        let (measured, _) = share_and_burst(&losses(fault, 4, 400_000));
        // Bad 1/11 of the time: 0.5 / 11 + 0.01 * 10 / 11.
        assert!((measured - 0.05455).abs() < 0.003, "lost {measured}");
    }

    #[test]
    fn single_losses_come_without_bursts() {
        let (share, burst) = share_and_burst(&losses(PipeFault::Drop { share: 0.1 }, 3, 200_000));
        assert!((share - 0.1).abs() < 0.005, "lost {share}");
        assert!((burst - 1.0 / 0.9).abs() < 0.02, "independent losses make runs of 1 / (1 - p), found {burst}");
    }

    #[test]
    fn outages_take_their_share_of_the_time_however_often_something_comes() {
        let fault = PipeFault::Outages { good: Span::from_millis(900), bad: Span::from_millis(100) };
        let (share, burst) = share_and_burst(&losses(fault, 8, 2_000_000));
        assert!((share - 0.1).abs() < 0.01, "lost {share}");
        assert!((burst / 100.0 - 1.0).abs() < 0.1, "outages of {burst} ms");
        let mut rare = Arrival::new(fault, at(0), Dice::new(8, 1));
        let lost = (0..20_000).filter(|place| rare.loses(at(place * 100))).count();
        assert!((lost as f64 / 20_000.0 - 0.1).abs() < 0.01, "lost {lost} of 20000, ten a second");
    }

    #[test]
    fn a_loose_contact_is_away_for_its_share_of_every_period() {
        let fault = PipeFault::Intermittent { period: Span::from_millis(10), lost: 0.3 };
        let lost = losses(fault, 1, 20);
        let period = [true, true, true, false, false, false, false, false, false, false];
        assert_eq!(lost, [period, period].concat());
    }

    #[test]
    fn a_slow_stream_keeps_one_item_in_so_many() {
        let kept: Vec<bool> = losses(PipeFault::Slow { one_in: 3 }, 1, 7).into_iter().map(|lost| !lost).collect();
        assert_eq!(kept, [true, false, false, true, false, false, true]);
        assert!(losses(PipeFault::Slow { one_in: 0 }, 1, 5).iter().all(|lost| !lost), "none in none is all");
    }
}
