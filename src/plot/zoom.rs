//! The moments around the first violation or trip.

use super::scene::Scene;
use super::{Subject, page};
use crate::time::Span;
use crate::trace::Stretch;

/// Shown before and after.
const AROUND: Span = Span::from_secs(5);

/// Five seconds on both sides of what happened first; nothing when nothing happened, or the run is no longer than that.
pub fn draw(subject: &Subject<'_>) -> Option<Scene> {
    let trace = subject.trace;
    let trip = trace.reaction.as_ref().and_then(|r| r.trip()).map(|(at, _)| at);
    // The violation that made the guard act is the one to look at; another one only when it never acted.
    let at = trip.or(trace.first_violation().map(|(_, v)| v.instant))?;
    let stretch = Stretch { from: (at - AROUND).max(trace.whole.from), to: (at + AROUND).min(trace.whole.to) };
    if stretch == trace.whole || stretch.span() <= Span::ZERO {
        return None;
    }
    let heading = format!("{AROUND} before and after {at}");
    Some(page::draw(
        subject,
        &page::Content { stretch, signals: true, lanes: true, margins: true, heading: Some(heading) },
    ))
}
