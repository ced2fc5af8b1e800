//! What a watchdog sends when: ladders climbed by time alone, since a watchdog sees nothing of the machine.
//!
//! Each device has a ladder of its own, and they run side by side. A ladder begins with its first rung, which is repeated;
//! it goes on only to rungs marked blind. One that comes `after` others begins when theirs are over, by time alone too.
//!
//! Invariant: a function of the time since the harness was given up, and of nothing else; no clock is read here.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One device's ladder as the watchdog of a link sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlindLadder {
    /// The device, for people.
    pub device: String,
    /// How long after the harness was given up it begins.
    pub starts_ms: u64,
    /// Only rungs that may be sent by time alone, in order; never empty.
    pub rungs: Vec<BlindRung>,
}

/// A rung as the watchdog sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlindRung {
    /// What is written; may be empty where the rung's commands go over another link.
    pub frames: Vec<BlindFrame>,
    /// How long it is given before the next one.
    pub within_ms: u64,
}

/// A frame that is valid at any time, from any process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlindFrame {
    /// Where it is published; `None` on a serial link.
    pub topic: Option<String>,
    pub qos: u8,
    pub bytes: Vec<u8>,
}

/// What a watchdog must know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Silence after which the harness is taken for dead.
    pub silence_ms: u64,
    /// Pause between two writings of a rung.
    pub repeat_ms: u64,
    /// How long the last rung that may be sent is repeated at least.
    pub last_ms: u64,
    /// One per device that this link can make safe.
    pub ladders: Vec<BlindLadder>,
}

impl Setup {
    /// A setup with the usual pauses: rungs every 100 ms, the last one for ten seconds at least.
    pub fn new(silence: Duration, ladders: Vec<BlindLadder>) -> Setup {
        Setup { silence_ms: (silence.as_millis() as u64).max(1), repeat_ms: 100, last_ms: 10_000, ladders }
    }
    /// How long after the harness was given up the last frame is sent: then the watchdog leaves.
    pub fn life(&self) -> Duration {
        Duration::from_millis(self.ladders.iter().map(|ladder| self.end_of(ladder)).max().unwrap_or(0))
    }
    /// Which rung of each ladder is to be sent at this time; `None` for one that has not begun.
    /// A ladder that is over repeats its last rung for as long as another one goes on: a machine may start anew.
    pub fn rungs_at(&self, elapsed: Duration) -> Vec<Option<usize>> {
        self.ladders.iter().map(|ladder| ladder.rung_at(elapsed)).collect()
    }
    /// When the next ladder begins or the next rung is climbed.
    pub fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let changes = self.ladders.iter().flat_map(BlindLadder::begins_ms).map(Duration::from_millis);
        changes.filter(|change| *change > elapsed).min()
    }
    /// The frames that these rungs consist of, in the order of the ladders.
    pub fn frames<'a>(&'a self, rungs: &'a [Option<usize>]) -> impl Iterator<Item = &'a BlindFrame> {
        let with_rung = self.ladders.iter().zip(rungs);
        with_rung.filter_map(|(ladder, rung)| ladder.rungs.get((*rung)?)).flat_map(|rung| &rung.frames)
    }

    fn end_of(&self, ladder: &BlindLadder) -> u64 {
        let Some((last, before)) = ladder.rungs.split_last() else { return 0 };
        let climbed: u64 = before.iter().map(|rung| rung.within_ms).sum();
        ladder.starts_ms + climbed + last.within_ms.max(self.last_ms)
    }
}

impl BlindLadder {
    /// When each rung begins.
    fn begins_ms(&self) -> impl Iterator<Item = u64> {
        self.rungs.iter().scan(self.starts_ms, |begins, rung| {
            let this = *begins;
            *begins += rung.within_ms;
            Some(this)
        })
    }
    fn rung_at(&self, elapsed: Duration) -> Option<usize> {
        self.begins_ms().take_while(|begins| Duration::from_millis(*begins) <= elapsed).count().checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn ladder(device: &str, starts_ms: u64, within: &[u64]) -> BlindLadder {
        let rung = |(place, within): (usize, &u64)| {
            let bytes = format!("{device}{place}").into_bytes();
            BlindRung { frames: vec![BlindFrame { topic: None, qos: 0, bytes }], within_ms: *within }
        };
        BlindLadder { device: device.into(), starts_ms, rungs: within.iter().enumerate().map(rung).collect() }
    }

    fn said(setup: &Setup, at: u64) -> String {
        let rungs = setup.rungs_at(ms(at));
        let words: Vec<_> = setup.frames(&rungs).map(|f| String::from_utf8(f.bytes.clone()).unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn every_device_climbs_its_own_ladder_at_its_own_pace() {
        let setup = Setup {
            silence_ms: 200,
            repeat_ms: 100,
            last_ms: 50,
            ladders: vec![ladder("arm", 0, &[300, 100, 20]), ladder("belt", 0, &[150, 400])],
        };
        let told: Vec<_> = [0, 149, 150, 299, 300, 400, 449, 999].map(|at| said(&setup, at)).into();
        assert_eq!(
            told,
            [
                "arm0 belt0",
                "arm0 belt0",
                "arm0 belt1",
                "arm0 belt1",
                "arm1 belt1",
                "arm2 belt1",
                "arm2 belt1",
                "arm2 belt1"
            ]
        );
        // arm: 300 + 100 + 50 (its last is repeated for 50 ms at least); belt: 150 + 400.
        assert_eq!(setup.life(), ms(550));
        let mut changes = Vec::new();
        let mut at = Duration::ZERO;
        while let Some(next) = setup.next_change(at) {
            changes.push(next);
            at = next;
        }
        assert_eq!(changes, [ms(150), ms(300), ms(400)]);
    }

    #[test]
    fn a_ladder_that_comes_after_another_waits_for_its_time() {
        let setup = Setup {
            silence_ms: 200,
            repeat_ms: 100,
            last_ms: 10,
            ladders: vec![ladder("pump", 500, &[100]), ladder("valve", 0, &[500])],
        };
        assert_eq!(said(&setup, 0), "valve0");
        assert_eq!(said(&setup, 499), "valve0");
        assert_eq!(said(&setup, 500), "pump0 valve0");
        assert_eq!(setup.life(), ms(600));
    }

    #[test]
    fn a_link_that_makes_nobody_safe_is_no_work() {
        let setup = Setup::new(ms(200), Vec::new());
        assert_eq!((setup.life(), setup.next_change(ms(0)), said(&setup, 0)), (ms(0), None, String::new()));
    }
}
