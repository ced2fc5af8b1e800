//! What a person's hand stopped, and what became of the motion; who answered for the trip before.

use super::Subject;
use crate::run::Motion;
use crate::run::event::EventKind;
use crate::time::Span;
use crate::trace::words;
use serde::Serialize;
use std::fmt::Write;

/// The wired e-stop was pressed, and motion was watched.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EmergencyStopVerdict {
    /// When it was known.
    pub pressed_at_s: f64,
    /// Nobody knew whether it was pressed, which counts as pressed.
    pub unknown: bool,
    /// From there to `stopped`; absent when motion was never seen to end.
    pub motion_ended_after_s: Option<f64>,
    pub within_s: Option<f64>,
    pub in_time: bool,
    /// Motion began again after it had ended.
    pub began_again: bool,
}

/// The hold-to-run key was let go.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ReleasedVerdict {
    pub at_s: f64,
    /// Nobody knew whether it was held, which counts as let go.
    pub unknown: bool,
}

/// A person answered for the trip of an earlier run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ResetVerdict {
    pub by: String,
    /// The trip, in words.
    pub after: String,
}

/// What came of the e-stop, if it was pressed.
pub(super) fn emergency_stop(subject: &Subject<'_>) -> Option<EmergencyStopVerdict> {
    let mut stop: Option<EmergencyStopVerdict> = None;
    let mut late = false;
    for event in &subject.trace.events {
        match (&event.kind, &mut stop) {
            (EventKind::EmergencyStop { unknown }, None) => {
                stop = Some(EmergencyStopVerdict {
                    pressed_at_s: event.at.seconds(),
                    unknown: *unknown,
                    motion_ended_after_s: None,
                    within_s: subject.plan.rig.estop.as_ref().map(|def| def.within.seconds()),
                    in_time: false,
                    began_again: false,
                });
            }
            (EventKind::Motion { what }, Some(stop)) => match what {
                Motion::Ended { after } => {
                    stop.motion_ended_after_s = Some(after.seconds());
                    stop.in_time = !late;
                }
                Motion::NotEnded { .. } => late = true,
                Motion::BeganAgain => stop.began_again = true,
            },
            _ => {}
        }
    }
    stop
}

/// When the hold-to-run key was let go, if it was.
pub(super) fn released(subject: &Subject<'_>) -> Option<ReleasedVerdict> {
    subject.trace.events.iter().find_map(|event| match event.kind {
        EventKind::Released { unknown } => Some(ReleasedVerdict { at_s: event.at.seconds(), unknown }),
        _ => None,
    })
}

/// Who answered for the trip before, if there was one.
pub(super) fn reset(subject: &Subject<'_>) -> Option<ResetVerdict> {
    subject.trace.events.iter().find_map(|event| match &event.kind {
        EventKind::Reset { by, after } => Some(ResetVerdict { by: by.clone(), after: after.clone() }),
        _ => None,
    })
}

/// The same for people.
pub(super) fn in_words(subject: &Subject<'_>, out: &mut String) {
    if let Some(reset) = reset(subject) {
        let _ = writeln!(out, "\nreset by {} after: {}", reset.by, reset.after);
    }
    if let Some(released) = released(subject) {
        let what = if released.unknown { "was not known to be held any more" } else { "was let go" };
        let _ = writeln!(out, "\nhold-to-run: {what} at {:.3} s", released.at_s);
    }
    let Some(stop) = emergency_stop(subject) else { return };
    let what = if stop.unknown { "was not known to be out any more" } else { "was pressed" };
    let allowed = stop.within_s.map_or(String::new(), |within| {
        let word = if stop.in_time { "of" } else { "LATE:" };
        format!(" ({word} {} allowed)", words::span(Span::from_seconds(within)))
    });
    let motion = match stop.motion_ended_after_s {
        Some(after) => format!("motion ended {} later{allowed}", words::span(Span::from_seconds(after))),
        None => format!("motion was never seen to end{allowed}"),
    };
    let again = if stop.began_again { ", and BEGAN AGAIN" } else { "" };
    let _ = writeln!(out, "\ne-stop: {what} at {:.3} s; {motion}{again}", stop.pressed_at_s);
}
