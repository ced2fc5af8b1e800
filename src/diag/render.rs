//! Diagnostics as a person reads them on a terminal.

use super::{Diagnostic, Severity, Spot};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::borrow::Cow;
use std::ops::Range;

/// A line longer than this is cut around the place: a formula of a million characters is one line.
const LINE_MAX: usize = 200;
/// A place that spans more lines than this is shown by its first line.
const LINES_MAX: usize = 8;

/// The greatest character boundary of `text` at or before `at`.
pub(super) fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

pub(super) fn one(diagnostic: &Diagnostic, colour: bool) -> String {
    let (excerpt, span, first_line) = excerpt(&diagnostic.source.text, &diagnostic.span);
    let name = printable(&diagnostic.source.name);
    let snippet = Snippet::source(excerpt)
        .line_start(first_line)
        .path(name)
        .fold(false)
        .annotation(AnnotationKind::Primary.span(span));
    let titled = level(diagnostic.severity).primary_title(printable(&diagnostic.message));
    closed(titled.element(snippet), diagnostic.remedy.as_deref(), colour)
}

pub(super) fn spot(spot: &Spot, colour: bool) -> String {
    let titled = level(spot.severity).primary_title(printable(&spot.message));
    let name = printable(&spot.file);
    let group = match &spot.excerpt {
        Some((line, span)) => {
            let (line, span, _) = excerpt(line, span);
            let snippet = Snippet::source(line)
                .line_start(usize::try_from(spot.line.unwrap_or(1)).unwrap_or(usize::MAX))
                .path(name)
                .fold(false)
                .annotation(AnnotationKind::Primary.span(span));
            titled.element(snippet)
        }
        None => {
            let origin = Origin::path(name);
            titled.element(match spot.line.and_then(|line| usize::try_from(line).ok()) {
                Some(line) => origin.line(line),
                None => origin,
            })
        }
    };
    closed(group, spot.remedy.as_deref(), colour)
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    }
}

fn closed<'a>(mut group: Group<'a>, remedy: Option<&'a str>, colour: bool) -> String {
    if let Some(remedy) = remedy {
        group = group.element(Level::HELP.message(printable(remedy)));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// Control characters would move the cursor or colour the terminal: they come from files, and are shown as �.
fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| c.is_control() && c != '\n') {
        Cow::Owned(text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The whole lines of `span`, the span within them, and the number of the first.
fn excerpt(text: &str, span: &Range<usize>) -> (String, Range<usize>, usize) {
    let start = floor_char(text, span.start);
    let end = floor_char(text, span.end.max(start));
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line_end = |from: usize| text[from..].find('\n').map_or(text.len(), |i| from + i);
    let first_end = line_end(start);
    let many = text[start..end].bytes().filter(|b| *b == b'\n').count();
    let (end, shown_end) = if many >= LINES_MAX { (end.min(first_end), first_end) } else { (end, line_end(end)) };
    let first_line = text[..line_start].bytes().filter(|b| *b == b'\n').count() + 1;
    if shown_end - line_start <= LINE_MAX * LINES_MAX
        && text[line_start..shown_end].lines().all(|line| line.len() <= LINE_MAX)
    {
        return (text[line_start..shown_end].to_owned(), start - line_start..end - line_start, first_line);
    }
    // A giant line: what stands around the beginning of the place.
    let end = end.min(first_end).min(floor_char(text, start + LINE_MAX / 2)).max(start);
    let from = floor_char(text, start.saturating_sub(LINE_MAX / 3).max(line_start));
    let to = floor_char(text, (end + LINE_MAX / 3).min(first_end));
    let (head, tail) = (if from > line_start { "… " } else { "" }, if to < first_end { " …" } else { "" });
    let shift = head.len();
    (format!("{head}{}{tail}", &text[from..to]), start - from + shift..end - from + shift, first_line)
}

/// All of them in order of file and place, each once, with a closing count; empty text when there are none.
pub fn report(diagnostics: &[Diagnostic], colour: bool) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.span.start, d.span.end, std::cmp::Reverse(d.severity));
        (a.source.name.cmp(&b.source.name)).then(key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
    });
    sorted.dedup_by(|a, b| {
        a.source.name == b.source.name && a.span == b.span && a.message == b.message && a.severity == b.severity
    });
    let mut out = String::new();
    for diagnostic in &sorted {
        out.push_str(&one(diagnostic, colour));
        out.push_str("\n\n");
    }
    if let Some(line) = count_line(&sorted) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// `2 errors, 1 warning in 2 files`; `None` when there is nothing to count.
pub fn count_line(diagnostics: &[&Diagnostic]) -> Option<String> {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let files = diagnostics.iter().map(|d| d.source.name.as_str()).collect::<std::collections::BTreeSet<_>>().len();
    let counted = |n: usize, word: &str| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{n} {word}s")),
    };
    let parts: Vec<String> = [counted(errors, "error"), counted(warnings, "warning")].into_iter().flatten().collect();
    let files = counted(files, "file")?;
    Some(format!("{} in {files}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn at(name: &str, text: &str, span: Range<usize>, severity: Severity, message: &str) -> Diagnostic {
        let source = Arc::new(crate::diag::Source { name: name.into(), text: text.into() });
        Diagnostic { severity, source, span, message: message.into(), remedy: None }
    }

    #[test]
    fn looks_like_rustc_and_points_at_the_word() {
        let mut d =
            at("rig.yaml", "rig: x\nbaud: 12 V\n", 13..17, Severity::Error, "a bit rate is wanted, not a voltage");
        d.remedy = Some("write `115200`".into());
        let wanted = "\
error: a bit rate is wanted, not a voltage
 --> rig.yaml:2:7
  |
2 | baud: 12 V
  |       ^^^^
  |
  = help: write `115200`";
        assert_eq!(d.render(false), wanted);
        assert_eq!(d.place(), (2, 7));
        assert!(d.render(true).contains("\u{1b}["), "asked for colour");
    }

    #[test]
    fn places_count_characters_not_bytes() {
        assert_eq!(at("f", "ä: °x\nzß", 4..5, Severity::Error, "m").place(), (1, 4));
        assert_eq!(at("f", "ä: °x\nzß", 8..9, Severity::Error, "m").place(), (2, 1));
    }

    #[test]
    fn spans_beyond_the_text_or_inside_a_character_are_moved_not_fatal() {
        for span in [0..0, 1..1, 2..3, 7..900, 900..901, 5..5] {
            let d = at("f", "°°\nab", span, Severity::Warning, "odd place");
            assert!(d.render(false).starts_with("warning: odd place"), "{}", d.render(false));
        }
        assert!(at("f", "", 0..0, Severity::Error, "empty").render(false).contains("f:1:1"));
    }

    #[test]
    fn a_giant_line_is_cut_around_the_place() {
        let text = format!("{}WRONG{}", "a ".repeat(500_000), "b ".repeat(500_000));
        let shown = at("f", &text, 1_000_000..1_000_005, Severity::Error, "m").render(false);
        assert!(shown.len() < 2_000, "{}", shown.len());
        assert!(shown.contains("WRONG") && shown.contains("^^^^^"), "{shown}");
        assert!(!shown.contains("^^^^^^"), "{shown}");
    }

    #[test]
    fn a_report_is_sorted_says_each_thing_once_and_counts() {
        let a = at("b.yaml", "one two", 4..7, Severity::Warning, "second");
        let b = at("b.yaml", "one two", 0..3, Severity::Error, "first");
        let c = at("a.yaml", "x", 0..1, Severity::Error, "zeroth");
        let text = report(&[a.clone(), b.clone(), a, c, b], false);
        let order: Vec<usize> = ["zeroth", "first", "second"].iter().map(|w| text.find(w).unwrap()).collect();
        assert!(order.is_sorted(), "{text}");
        assert_eq!(text.matches("second").count(), 1);
        assert!(text.ends_with("2 errors, 1 warning in 2 files\n"), "{text}");
        assert_eq!(report(&[], false), "");
    }

    #[test]
    fn a_spot_shows_its_line_with_its_number_without_the_file() {
        let mut spot = Spot {
            severity: Severity::Error,
            file: "flight.csv".into(),
            line: Some(1_000_017),
            excerpt: Some(("12.5,abc,3".into(), 5..8)),
            message: "`abc` is no number".into(),
            remedy: None,
        };
        let wanted = "\
error: `abc` is no number
       --> flight.csv:1000017:6
        |
1000017 | 12.5,abc,3
        |      ^^^";
        assert_eq!(spot.render(false), wanted);
        spot.excerpt = None;
        assert_eq!(spot.render(false), "error: `abc` is no number\n--> flight.csv:1000017");
        spot.excerpt = Some((format!("{},abc", "9".repeat(1_000_000)), 1_000_001..1_000_004));
        let shown = spot.render(false);
        assert!(shown.len() < 2_000 && shown.contains("abc") && shown.contains(":1000017:"), "{shown}");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let d = at("f", "a\u{1b}[31mb", 0..1, Severity::Error, "unknown name `\u{1b}[2J`");
        assert!(!d.render(false).contains('\u{1b}'), "{:?}", d.render(false));
    }
}
