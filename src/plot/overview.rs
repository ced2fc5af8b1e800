//! The whole run on one page.

use super::scene::Scene;
use super::{Subject, page};

/// Every judged signal with its limits, what was done meanwhile, and the margin of every rule.
pub fn draw(subject: &Subject<'_>) -> Option<Scene> {
    if subject.trace.whole.span() <= crate::time::Span::ZERO {
        return None;
    }
    Some(page::draw(
        subject,
        &page::Content { stretch: subject.trace.whole, signals: true, lanes: true, margins: true, heading: None },
    ))
}
