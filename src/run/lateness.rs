//! Samples that came stamped before what was judged already: told, but not one event each.

use super::event::EventKind;
use crate::command::RuleId;
use crate::signal::SignalId;
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// A rule is told of late samples of one signal at most this often, with how many there were so far.
const WORD_EVERY: Span = Span::from_secs(1);

/// What was late so far, by rule and signal.
#[derive(Default)]
pub(super) struct Lateness {
    late: BTreeMap<(RuleId, SignalId), Late>,
}

struct Late {
    count: u64,
    behind: Span,
    told: u64,
    next_word: Time,
}

impl Lateness {
    /// A late sample, so far behind what is judged: the first one is told at once, then one word a second.
    pub fn take(&mut self, rule: RuleId, signal: SignalId, behind: Span, now: Time) -> Option<EventKind> {
        let late = self.late.entry((rule, signal)).or_insert(Late { count: 0, behind, told: 0, next_word: Time::MIN });
        late.count += 1;
        late.behind = late.behind.max(behind);
        if now < late.next_word {
            return None;
        }
        late.next_word = now + WORD_EVERY;
        late.told = late.count;
        Some(EventKind::RuleLate { rule, signal, count: late.count, behind: late.behind })
    }

    /// What was not told yet: at the end.
    pub fn rest(&mut self) -> Vec<EventKind> {
        let untold = self.late.iter_mut().filter(|(_, late)| late.told < late.count);
        untold
            .map(|((rule, signal), late)| {
                late.told = late.count;
                EventKind::RuleLate { rule: *rule, signal: *signal, count: late.count, behind: late.behind }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: i64) -> Time {
        Time::ZERO + Span::from_millis(n)
    }

    #[test]
    fn a_flood_of_late_samples_is_one_word_a_second_and_every_sample_is_counted() {
        let (rule, signal) = (RuleId(1), SignalId(2));
        let mut lateness = Lateness::default();
        let mut told = Vec::new();
        for n in 0..2_500_i64 {
            let behind = Span::from_millis(if n == 1_700 { 90 } else { 5 });
            told.extend(lateness.take(rule, signal, behind, ms(n)));
        }
        let word = |count, behind| EventKind::RuleLate { rule, signal, count, behind: Span::from_millis(behind) };
        assert_eq!(told, [word(1, 5), word(1_001, 5), word(2_001, 90)]);
        assert_eq!(lateness.rest(), [word(2_500, 90)]);
        assert_eq!(lateness.rest(), []);
    }

    #[test]
    fn rules_and_signals_are_told_apart() {
        let mut lateness = Lateness::default();
        let mut told = 0;
        for (rule, signal) in [(0, 0), (0, 1), (1, 0), (0, 0)] {
            told += usize::from(lateness.take(RuleId(rule), SignalId(signal), Span::ZERO, ms(0)).is_some());
        }
        assert_eq!(told, 3);
        assert_eq!(lateness.rest().len(), 1);
    }
}
