//! After a trip nothing of a real rig is energised again until a person answers for it: here it is asked, and remembered.
//!
//! Twins need none: each run makes a world of its own.

use super::lease::{Leased, Safing, instant};
use super::live::in_foreground;
use super::run::Prepared;
use super::say;
use crate::io::state::{State, unix_seconds};
use crate::io::tripped::Tripped;
use crate::run::OperatorOrder;
use crate::scenario::plan::Mode;
use std::io::{BufRead, stdin};

/// The trip, for people: `it tripped at … in …: …`.
pub fn in_words(tripped: &Tripped) -> String {
    if tripped.at == 0 {
        return format!("it counts as tripped: {}", tripped.cause);
    }
    let run = if tripped.run.is_empty() { String::new() } else { format!(" ({})", tripped.run) };
    format!("it tripped at {} in {}{run}: {}", instant(tripped.at), tripped.scenario, tripped.cause)
}

/// Before anything is opened: the trip of an earlier run wants a person. The error says why the run is blocked.
pub fn before(rig: &str, lease: &mut Leased) -> Result<(), String> {
    let state = State::find()?;
    let Some(mut tripped) = state.tripped(rig) else { return Ok(()) };
    if tripped.reset.is_none() {
        let by = ask(rig, &tripped).ok_or_else(|| {
            format!(
                "rig {rig} must be reset by a person: {}; see that the cause is gone, then `checkrein rigs reset {rig} --by NAME`",
                in_words(&tripped)
            )
        })?;
        tripped = state.reset_held(rig, &by)?.unwrap_or(tripped);
    }
    if let Some(reset) = &tripped.reset {
        lease.tell_reset(OperatorOrder::Reset { by: reset.by.clone(), after: in_words(&tripped) });
    }
    Ok(())
}

/// Asks the person at the terminal. A pipe is no person, and neither is a job in the background.
fn ask(rig: &str, tripped: &Tripped) -> Option<String> {
    if !in_foreground() {
        return None;
    }
    say::aside(format!("? rig {rig}: {}", in_words(tripped)));
    say::aside("? is the cause gone, and is nobody in danger? Your name resets it; an empty line leaves it");
    answered_by(&mut stdin().lock())
}

/// The name that was typed.
fn answered_by(lines: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    // What cannot be read was not said.
    lines.read_line(&mut line).ok()?;
    let name = line.trim();
    // Whoever answers the question with yes or no has not said who they are.
    let nobody = ["", "y", "yes", "n", "no"].contains(&name.to_ascii_lowercase().as_str());
    (!nobody).then(|| name.to_owned())
}

/// After a run, while the rig is still held: its trip is kept, or the one before is history.
/// A run that lost its own thread did not end in order: nobody knows that it would not have tripped.
pub fn settle(prepared: &Prepared, safing: &Safing, lost: bool) {
    let plan = &prepared.plan;
    if plan.mode != Mode::Rig || !safing.was_armed() {
        return;
    }
    let rig = &plan.rig.name;
    let cause = safing.tripped().map(|cause| plan.cause_in_words(cause));
    let cause =
        cause.or_else(|| lost.then(|| "the run lost its own thread; the watchdogs made the devices safe".to_owned()));
    let kept = State::find().and_then(|state| match cause {
        Some(cause) => {
            let tripped = Tripped {
                rig: rig.clone(),
                at: unix_seconds(),
                cause,
                scenario: plan.name.clone(),
                run: prepared.dir.path.display().to_string(),
                reset: None,
            };
            state.keep_trip(&tripped)?;
            say::aside(format!("rig {rig} tripped: `checkrein rigs reset {rig} --by NAME` before it is used again"));
            Ok(())
        }
        None => state.forget_trip(rig),
    });
    if let Err(why) = kept {
        say::aside(format!("warning: the trip of rig {rig} could not be kept: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_resets() {
        let said = |text: &str| answered_by(&mut text.as_bytes());
        assert_eq!(said("Ada Lovelace\n"), Some("Ada Lovelace".to_owned()));
        for nobody in ["", "\n", "   \n", "y\n", "Yes\n", "n\n", "no"] {
            assert_eq!(said(nobody), None, "{nobody:?}");
        }
        assert_eq!(answered_by(&mut [0xff, 0xfe, b'\n'].as_slice()), None, "what is no text is no name");
    }

    #[test]
    fn a_trip_is_said_with_its_instant_scenario_run_and_cause() {
        let tripped = Tripped {
            rig: "bench".into(),
            at: 86_400,
            cause: "rule `ceiling` was broken".into(),
            scenario: "Hop".into(),
            run: "runs/1".into(),
            reset: None,
        };
        let words = in_words(&tripped);
        assert!(words.starts_with("it tripped at 1970-01-02"), "{words}");
        assert!(words.ends_with("in Hop (runs/1): rule `ceiling` was broken"), "{words}");
    }
}
