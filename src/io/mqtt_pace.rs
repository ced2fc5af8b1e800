//! Whether a broker still reads what it is sent: a socket takes far more than a command may wait.
//!
//! A question that changes nothing (an unsubscription of a topic that nobody subscribed) follows what may not be late. A broker
//! takes up what one client says in its order, so its answer shows that it has read all that stood before.
//!
//! Invariant: at most one question is open.

use crate::time::{Span, Time};

/// A broker that has not answered for so long is said nothing more that may not be late. A near one answers in a few ms.
const PATIENCE: Span = Span::from_millis(50);

/// How a broker keeps up.
#[derive(Default, Debug)]
pub struct Pace {
    asked: Option<Time>,
    /// The quickest answer of this connection: a broker far away needs longer than [`PATIENCE`] always.
    quickest: Option<Span>,
}

impl Pace {
    /// Something that may not be late is handed over. True: ask behind it.
    pub fn hand_over(&mut self, now: Time) -> bool {
        let ask = self.asked.is_none();
        self.asked.get_or_insert(now);
        ask
    }
    /// The broker answered.
    pub fn answered(&mut self, now: Time) {
        if let Some(asked) = self.asked.take() {
            let took = now.since(asked);
            self.quickest = Some(self.quickest.map_or(took, |quickest| quickest.min(took)));
        }
    }
    /// Whether nothing that may not be late is to be handed over.
    pub fn is_behind(&self, now: Time) -> bool {
        let patience = self.quickest.map_or(PATIENCE, |quickest| PATIENCE.max(quickest * 2));
        self.asked.is_some_and(|asked| now.since(asked) > patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: i64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_broker_is_behind_until_it_answers() {
        let mut pace = Pace::default();
        assert!(!pace.is_behind(ms(1_000)), "nothing was asked");
        assert!(pace.hand_over(ms(1_000)));
        assert!(!pace.hand_over(ms(1_010)), "one question is open");
        assert!(!pace.is_behind(ms(1_050)));
        assert!(pace.is_behind(ms(1_051)));
        pace.answered(ms(2_000));
        assert!(!pace.is_behind(ms(9_000)));
        pace.answered(ms(9_001));
        assert!(pace.hand_over(ms(9_100)));
    }

    #[test]
    fn one_that_is_far_away_is_given_the_time_of_its_way() {
        let mut pace = Pace::default();
        for (asked, took) in [(0, 300), (1_000, 120), (2_000, 500)] {
            assert!(pace.hand_over(ms(asked)));
            pace.answered(ms(asked + took));
        }
        pace.hand_over(ms(9_000));
        assert!(!pace.is_behind(ms(9_240)));
        assert!(pace.is_behind(ms(9_241)));
    }
}
