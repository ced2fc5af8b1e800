//! What YAML allows and these files refuse, each by its name.

use super::page::Page;
use std::ops::Range;

/// `length: 5 m #1`: was `#1` meant?
pub(super) fn comment(page: &mut Page, span: Range<usize>, words: &str) {
    let source = page.source.clone();
    let before = source.text[..span.start].rsplit('\n').next().unwrap_or("");
    if before.trim().is_empty() || words.starts_with(char::is_whitespace) || words.is_empty() {
        return;
    }
    page.error(
        span,
        format!("was this cut off? YAML takes `#{}` for a comment", super::tree::shortened(words)),
        Some("put the value in quotes if it belongs to it, or a space behind the `#` if it is a comment".into()),
    );
}

/// `&name`
pub(super) fn anchor(page: &mut Page, span: Range<usize>, name: &str) {
    page.error(
        span,
        format!("anchors are not read here: `&{name}`"),
        Some("write the value out where it is used; a text that begins with `&` goes in quotes".into()),
    );
}

/// `*name`
pub(super) fn alias(page: &mut Page, span: Range<usize>, name: &str) {
    page.error(
        span,
        format!("aliases are not read here: `*{name}`"),
        Some("write the value out where it is used; a text that begins with `*` goes in quotes".into()),
    );
}

/// `!name`
pub(super) fn tag(page: &mut Page, span: Range<usize>) {
    let source = page.source.clone();
    let found = source.text.get(span.clone()).unwrap_or("!");
    page.error(
        span,
        format!("tags are not read here: `{found}`"),
        Some("a formula that begins with `!` is written `not …`; a text goes in quotes".into()),
    );
}
