//! After a scanner error: what is wrong in words, and the line as it should be quoted.

use super::page::Page;
use granit_parser::{ErrorKind, ScanError};

/// Keys whose values are formulas or prose: what people forget to quote.
const TEXT_KEYS: &[&str] = &[
    "always", "never", "when", "wait", "expect", "safe", "prompt", "because", "source", "about", "rig", "envelope",
    "scenario", "fragment",
];

/// Tells a scanner error.
pub(super) fn explain(page: &mut Page, wrong: &ScanError) {
    let source = page.source.clone();
    let text = source.text.as_str();
    let mark = wrong.marker();
    let at = mark.byte_offset().unwrap_or_else(|| byte_of(text, mark.index())).min(text.len());
    if matches!(wrong.kind(), ErrorKind::RecursionLimitExceeded) {
        page.error(at..at, "this is nested too deep to be meant".into(), None);
        return;
    }
    let line_number = text[..at].matches('\n').count();
    // The mistake often stands in the line before the one where the scanner gives up.
    for number in [Some(line_number), line_number.checked_sub(1)].into_iter().flatten() {
        let Some((start, line)) = nth_line(text, number) else { continue };
        if let Some((value, quoted)) = requoted(line) {
            let from = start + value.start;
            page.error(
                from..start + value.end,
                format!("YAML cannot read this line: {}", wrong.info()),
                Some(format!("put the value in quotes: {}", quoted.trim())),
            );
            return;
        }
    }
    let end = text[at..].chars().next().filter(|c| *c != '\n').map_or(at, |c| at + c.len_utf8());
    let remedy = text[..at]
        .rsplit('\n')
        .next()
        .is_some_and(|l| l.contains('\t'))
        .then(|| "indent with spaces, never with tabs".to_string());
    page.error(at..end, format!("YAML cannot read this: {}", wrong.info()), remedy);
}

fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

fn nth_line(text: &str, number: usize) -> Option<(usize, &str)> {
    let mut start = 0;
    for (i, line) in text.split('\n').enumerate() {
        if i == number {
            return Some((start, line));
        }
        start += line.len() + 1;
    }
    None
}

/// The bytes of an unquoted formula or prose in this line that hold what YAML stumbles over, and the line quoted.
fn requoted(line: &str) -> Option<(std::ops::Range<usize>, String)> {
    for key in TEXT_KEYS {
        let pattern = format!("{key}: ");
        for (at, _) in line.match_indices(&pattern) {
            let begins_word = line[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || "{,-[".contains(c));
            let start = at + pattern.len();
            let rest = line[start..].trim_end();
            if !begins_word || rest.is_empty() || rest.starts_with(['"', '\'', '>', '|']) {
                continue;
            }
            // Inside `{ }` the closing brace of the map itself stays outside the quotes.
            let in_flow = line[..at].contains('{');
            let value = if in_flow { rest.trim_end_matches('}').trim_end() } else { rest };
            if !value.contains(['{', '}', '#', '[', ']', ':', '"', '%', '@', '`', '*', '&', '!']) {
                continue;
            }
            let written = if value.contains('"') {
                format!("'{}'", value.replace('\'', "''"))
            } else {
                format!("\"{}\"", value.replace('\\', "\\\\"))
            };
            let span = start..start + value.len();
            let quoted = format!("{}{}{}", &line[..start], written, &line[start + value.len()..]);
            return Some((span, quoted));
        }
    }
    None
}
