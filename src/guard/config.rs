//! What the guard must know before a run, built piece by piece and checked on the way.

use crate::guard::fallback::{FALLBACKS_MAX, FallbackConfig, FallbackId};
use crate::guard::ladder::{LADDERS_MAX, LadderConfig, LadderId, LadderSet, RUNGS_MAX};
use crate::guard::silence::{SILENCES_MAX, SilenceConfig};
use crate::time::Span;
use crate::wire::DeviceId;
use core::fmt;

/// Everything the guard must know, fixed before a run.
#[derive(Clone, PartialEq, Debug)]
pub struct GuardConfig {
    pub ladders: [LadderConfig; LADDERS_MAX],
    pub ladder_count: u8,
    pub silences: [SilenceConfig; SILENCES_MAX],
    pub silence_count: u8,
    pub fallbacks: [FallbackConfig; FALLBACKS_MAX],
    pub fallback_count: u8,
}

/// Why a ladder or dead-man cannot be guarded; the planner turns it into a diagnostic.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// More than [`LADDERS_MAX`] ladders.
    TooManyLadders,
    /// More than [`SILENCES_MAX`] dead-man deadlines.
    TooManySilences,
    /// A ladder with no rung makes nothing safe.
    NoRungs,
    /// More than [`RUNGS_MAX`] rungs.
    TooManyRungs,
    /// A rung that has no time to be confirmed in.
    NoTime { rung: u8 },
    /// The last rung has a `when`: then nothing might be left to do.
    LastRungConditional,
    /// A dead-man that fires at once.
    NoSilence,
    /// More than [`FALLBACKS_MAX`] fallbacks.
    TooManyFallbacks,
    /// A recovery function without a period.
    NoPeriod,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::TooManyLadders => write!(f, "more than {LADDERS_MAX} devices have a ladder"),
            ConfigError::TooManySilences => write!(f, "more than {SILENCES_MAX} controllers have a dead-man"),
            ConfigError::NoRungs => write!(f, "the ladder has no rung"),
            ConfigError::TooManyRungs => write!(f, "the ladder has more than {RUNGS_MAX} rungs"),
            ConfigError::NoTime { rung } => write!(f, "rung {} has no time to be confirmed in", rung + 1),
            ConfigError::LastRungConditional => write!(f, "the last rung has a `when`"),
            ConfigError::NoSilence => write!(f, "`silent_for` is not longer than nothing"),
            ConfigError::TooManyFallbacks => write!(f, "more than {FALLBACKS_MAX} controllers have a fallback"),
            ConfigError::NoPeriod => write!(f, "the fallback's `every` is not longer than nothing"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl GuardConfig {
    /// No ladder, no dead-man: a guard that can only close the normal lane.
    pub const fn empty() -> GuardConfig {
        let ladder = LadderConfig {
            device: DeviceId(0),
            rungs: 0,
            within: [Span::ZERO; RUNGS_MAX],
            conditional: [false; RUNGS_MAX],
            after: LadderSet::NONE,
        };
        let silence = SilenceConfig { device: DeviceId(0), silent_for: Span::ZERO };
        let fallback = FallbackConfig { controller: DeviceId(0), every: Span::ZERO, hand_back_after: None };
        GuardConfig {
            ladders: [ladder; LADDERS_MAX],
            ladder_count: 0,
            silences: [silence; SILENCES_MAX],
            silence_count: 0,
            fallbacks: [fallback; FALLBACKS_MAX],
            fallback_count: 0,
        }
    }

    /// Adds a ladder; its place is its id. `after` may name ladders that are added later.
    pub fn add_ladder(&mut self, ladder: LadderConfig) -> Result<LadderId, ConfigError> {
        let rungs = ladder.rungs as usize;
        if self.ladder_count as usize >= LADDERS_MAX {
            return Err(ConfigError::TooManyLadders);
        }
        if rungs == 0 {
            return Err(ConfigError::NoRungs);
        }
        if rungs > RUNGS_MAX {
            return Err(ConfigError::TooManyRungs);
        }
        if let Some(rung) = ladder.within[..rungs].iter().position(|within| *within <= Span::ZERO) {
            return Err(ConfigError::NoTime { rung: rung as u8 });
        }
        if ladder.conditional[rungs - 1] {
            return Err(ConfigError::LastRungConditional);
        }
        let id = LadderId(self.ladder_count);
        self.ladders[id.0 as usize] = ladder;
        self.ladder_count += 1;
        Ok(id)
    }

    /// Adds a controller's dead-man.
    pub fn add_silence(&mut self, silence: SilenceConfig) -> Result<(), ConfigError> {
        if self.silence_count as usize >= SILENCES_MAX {
            return Err(ConfigError::TooManySilences);
        }
        if silence.silent_for <= Span::ZERO {
            return Err(ConfigError::NoSilence);
        }
        self.silences[self.silence_count as usize] = silence;
        self.silence_count += 1;
        Ok(())
    }

    /// Adds a controller's fallback; its place is its id.
    pub fn add_fallback(&mut self, fallback: FallbackConfig) -> Result<FallbackId, ConfigError> {
        if self.fallback_count as usize >= FALLBACKS_MAX {
            return Err(ConfigError::TooManyFallbacks);
        }
        if fallback.every <= Span::ZERO {
            return Err(ConfigError::NoPeriod);
        }
        let id = FallbackId(self.fallback_count);
        self.fallbacks[id.0 as usize] = fallback;
        self.fallback_count += 1;
        Ok(id)
    }

    /// All ladders there are.
    pub fn all(&self) -> LadderSet {
        LadderSet::first(self.ladder_count)
    }

    /// Ladders that could never start, since by `after` they wait for each other. The planner refuses a rig with any;
    /// should one get through, the guard lets them run side by side.
    pub fn entangled(&self) -> LadderSet {
        let count = (self.ladder_count as usize).min(LADDERS_MAX);
        let all = LadderSet::first(count as u8);
        let mut free = LadderSet::NONE;
        // Each round frees at least one more ladder or none at all, so `count` rounds suffice.
        for _ in 0..count {
            for place in 0..count {
                let waits_for = self.ladders[place].after.and(all);
                if waits_for.and(free) == waits_for {
                    free = free.with(LadderId(place as u8));
                }
            }
        }
        LadderSet(all.0 & !free.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(rungs: u8) -> LadderConfig {
        LadderConfig {
            device: DeviceId(1),
            rungs,
            within: [Span::from_secs(1); RUNGS_MAX],
            conditional: [false; RUNGS_MAX],
            after: LadderSet::NONE,
        }
    }

    #[test]
    fn every_ladder_that_could_not_make_safe_is_refused() {
        let mut config = GuardConfig::empty();
        assert_eq!(config.add_ladder(ladder(0)), Err(ConfigError::NoRungs));
        assert_eq!(config.add_ladder(ladder(9)), Err(ConfigError::TooManyRungs));
        let mut hasty = ladder(3);
        hasty.within[1] = Span::ZERO;
        assert_eq!(config.add_ladder(hasty), Err(ConfigError::NoTime { rung: 1 }));
        let mut doubtful = ladder(3);
        doubtful.conditional[2] = true;
        assert_eq!(config.add_ladder(doubtful), Err(ConfigError::LastRungConditional));
        assert_eq!(config, GuardConfig::empty(), "a refused ladder leaves no trace");
        for place in 0..LADDERS_MAX as u8 {
            assert_eq!(config.add_ladder(ladder(8)), Ok(LadderId(place)));
        }
        assert_eq!(config.add_ladder(ladder(1)), Err(ConfigError::TooManyLadders));
        assert_eq!(config.all(), LadderSet(u16::MAX));
    }

    #[test]
    fn dead_man_deadlines_are_positive_and_few() {
        let mut config = GuardConfig::empty();
        let never = SilenceConfig { device: DeviceId(0), silent_for: Span::ZERO };
        assert_eq!(config.add_silence(never), Err(ConfigError::NoSilence));
        let half = SilenceConfig { device: DeviceId(0), silent_for: Span::from_millis(500) };
        for _ in 0..SILENCES_MAX {
            assert_eq!(config.add_silence(half), Ok(()));
        }
        assert_eq!(config.add_silence(half), Err(ConfigError::TooManySilences));
    }

    #[test]
    fn fallbacks_have_a_period_and_are_few() {
        let mut config = GuardConfig::empty();
        let one = |every| FallbackConfig { controller: DeviceId(0), every, hand_back_after: None };
        assert_eq!(config.add_fallback(one(Span::ZERO)), Err(ConfigError::NoPeriod));
        for place in 0..FALLBACKS_MAX as u8 {
            assert_eq!(config.add_fallback(one(Span::from_millis(20))), Ok(FallbackId(place)));
        }
        assert_eq!(config.add_fallback(one(Span::from_millis(20))), Err(ConfigError::TooManyFallbacks));
    }

    #[test]
    fn ladders_that_wait_for_each_other_are_found() {
        let mut config = GuardConfig::empty();
        let after = |set: u16| LadderConfig { after: LadderSet(set), ..ladder(1) };
        for set in [0b0000, 0b0001, 0b1000, 0b0100] {
            config.add_ladder(after(set)).expect("a good ladder");
        }
        assert_eq!(config.entangled(), LadderSet(0b1100));
        // What waits for the entangled ones is stuck with them; what names a ladder that is not there is not.
        config.add_ladder(after(0b0100)).expect("a good ladder");
        config.add_ladder(after(1 << 15)).expect("a good ladder");
        assert_eq!(config.entangled(), LadderSet(0b01_1100));
    }

    #[test]
    fn errors_read_like_fragments_of_a_diagnostic() {
        assert_eq!(format!("{}", ConfigError::NoTime { rung: 1 }), "rung 2 has no time to be confirmed in");
        assert_eq!(format!("{}", ConfigError::TooManyRungs), "the ladder has more than 8 rungs");
    }
}
