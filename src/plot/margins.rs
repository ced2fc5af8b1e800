//! How near each rule came to being broken.

use super::scene::Scene;
use super::{Subject, page};

/// One strip for each rule.
pub fn draw(subject: &Subject<'_>) -> Option<Scene> {
    if subject.plan.rules.is_empty() || subject.trace.whole.span() <= crate::time::Span::ZERO {
        return None;
    }
    let heading = Some("margin of each rule: below zero it is broken".to_string());
    Some(page::draw(
        subject,
        &page::Content { stretch: subject.trace.whole, signals: false, lanes: true, margins: true, heading },
    ))
}
