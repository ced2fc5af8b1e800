//! The trip that outlives its run: until a person has answered for it, nothing of that rig is energised again.
//!
//! `tripped/<rig>.json` holds the last trip of a run on real devices and, once a person has reset it, who did; the next run
//! that is armed without tripping takes the file away. `reset/<rig>.jsonl` keeps every reset.
//!
//! Invariant: a file that cannot be read is a trip that nobody has answered for.

use super::state::{Refused, State, unix_seconds};
use serde::{Deserialize, Serialize};

/// A trip of a run on real devices.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tripped {
    pub rig: String,
    /// Seconds since 1970, UTC.
    pub at: u64,
    /// Why the guard acted, in words.
    pub cause: String,
    pub scenario: String,
    /// The run's folder.
    pub run: String,
    /// The person who answers for it, once there is one.
    pub reset: Option<Reset>,
}

/// A person answers for a trip: the cause is gone and nobody is in danger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reset {
    pub by: String,
    /// Seconds since 1970, UTC.
    pub at: u64,
}

impl State {
    /// The trip that the rig stands under, reset or not.
    pub fn tripped(&self, rig: &str) -> Option<Tripped> {
        match self.read(&self.path("tripped", rig, ".json")) {
            Ok(tripped) => tripped,
            Err(why) => Some(Tripped {
                rig: rig.to_owned(),
                at: 0,
                cause: format!("the file of its last trip cannot be read ({why})"),
                scenario: String::new(),
                run: String::new(),
                reset: None,
            }),
        }
    }

    /// Keeps a trip. The rig's lock must be held.
    pub fn keep_trip(&self, tripped: &Tripped) -> Result<(), String> {
        self.write(&self.path("tripped", &tripped.rig, ".json"), tripped)
    }

    /// A run was armed after the reset and did not trip: the trip is history. The rig's lock must be held.
    pub fn forget_trip(&self, rig: &str) -> Result<(), String> {
        self.remove(&self.path("tripped", rig, ".json"))
    }

    /// A person answers for the trip of a rig that nobody holds. `Ok(None)`: there is none, or it was reset before.
    pub fn reset(&self, rig: &str, by: &str) -> Result<Option<Tripped>, Refused> {
        if !self.knows(rig) {
            return Ok(None);
        }
        let lock = self.take_lock(rig)?;
        let reset = self.reset_held(rig, by).map_err(Refused::Broken);
        drop(lock);
        reset
    }

    /// The same by whoever holds the rig. Recorded before it is done.
    pub fn reset_held(&self, rig: &str, by: &str) -> Result<Option<Tripped>, String> {
        let Some(tripped) = self.tripped(rig).filter(|tripped| tripped.reset.is_none()) else { return Ok(None) };
        let reset = Some(Reset { by: by.to_owned(), at: unix_seconds() });
        let tripped = Tripped { reset, ..tripped };
        self.append(&self.path("reset", rig, ".jsonl"), &tripped)?;
        self.keep_trip(&tripped)?;
        Ok(Some(tripped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let state = State::at(folder.path().join("state"));
        (folder, state)
    }

    fn trip() -> Tripped {
        Tripped {
            rig: "bench".into(),
            at: 7,
            cause: "rule `ceiling` was broken".into(),
            scenario: "Hop".into(),
            run: "runs/1".into(),
            reset: None,
        }
    }

    #[test]
    fn a_trip_stays_until_a_person_answers_for_it_and_a_run_went_well() {
        let (_folder, state) = state();
        assert_eq!(state.tripped("bench"), None);
        assert_eq!(state.reset("bench", "Ada"), Ok(None), "there is nothing to answer for");
        state.keep_trip(&trip()).expect("it can be written");
        assert_eq!(state.tripped("bench"), Some(trip()));
        assert_eq!(state.rigs(), ["bench"]);
        let reset = state.reset("bench", "Ada").expect("nobody holds it").expect("it had tripped");
        assert_eq!(reset.reset.as_ref().map(|reset| reset.by.as_str()), Some("Ada"));
        assert_eq!(state.reset("bench", "Bob"), Ok(None), "once is enough");
        assert_eq!(state.tripped("bench"), Some(reset.clone()), "the next run says who it was");
        let kept = std::fs::read_to_string(state.path("reset", "bench", ".jsonl")).expect("it was recorded");
        assert_eq!(serde_json::from_str::<Tripped>(kept.trim()).expect("it is JSON"), reset);
        state.forget_trip("bench").expect("it can be removed");
        assert_eq!(state.tripped("bench"), None);
        state.forget_trip("bench").expect("nor does it hurt twice");
    }

    #[test]
    fn a_second_trip_wants_a_second_reset() {
        let (_folder, state) = state();
        state.keep_trip(&trip()).expect("it can be written");
        state.reset("bench", "Ada").expect("nobody holds it").expect("it had tripped");
        state.keep_trip(&trip()).expect("it can be written");
        assert_eq!(state.tripped("bench").expect("it tripped").reset, None);
    }

    #[test]
    fn nobody_resets_a_rig_while_a_run_holds_it() {
        let (_folder, state) = state();
        state.keep_trip(&trip()).expect("it can be written");
        let held = state.lease("bench", "Hop", "runs/2", Duration::from_secs(60)).expect("it is free");
        assert!(matches!(state.reset("bench", "Ada"), Err(Refused::Leased(_))));
        assert_eq!(state.tripped("bench").expect("it tripped").reset, None);
        held.give_back(None).expect("it can be written");
        assert!(state.reset("bench", "Ada").expect("nobody holds it").is_some());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_trip() {
        for garbage in ["", "{", "[]", "\0", "{\"rig\": 3}"] {
            let (_folder, state) = state();
            state.keep_trip(&trip()).expect("it can be written");
            std::fs::write(state.path("tripped", "bench", ".json"), garbage).expect("it can be written");
            let tripped = state.tripped("bench").expect("it is one");
            assert!(tripped.reset.is_none() && tripped.cause.contains("cannot be read"), "{tripped:?}");
            assert!(state.reset("bench", "Ada").expect("a person can").is_some());
            assert!(state.tripped("bench").expect("it is one").reset.is_some());
        }
    }
}
