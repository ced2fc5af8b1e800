//! Text to tokens. A number takes its unit with it: `8 m/s` is one token.

use super::parse::PROBLEMS_MAX;
use super::problem;
use crate::units::{Problem, is_unit_char, number_length, unit_length};
use std::ops::Range;

/// What a token is; its text is the slice of the formula at its span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Where its digits and its unit stand; the unit is empty when there is none.
    Number {
        digits: Range<usize>,
        unit: Range<usize>,
    },
    /// `$name`, the dollar included.
    Parameter,
    /// A name (`fc.altitude`) or a keyword.
    Word,
    Symbol(&'static str),
    End,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
}

/// Words that join or begin formulas, and so can be neither units nor names.
pub(super) const KEYWORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "implies",
    "iff",
    "in",
    "until",
    "unless",
    "since",
    "always",
    "eventually",
    "historically",
    "once",
];

/// Longest first, so that `<=` is never `<` and `=`.
const SYMBOLS: &[&str] =
    &["->", "<=", ">=", "==", "!=", "..", "(", ")", "[", "]", "{", "}", ",", ":", "+", "-", "*", "/", "<", ">"];

/// What people write out of habit: found, taken for, what to write.
const HABITS: &[(&str, &str, &str)] = &[
    ("&&", "and", "write `and`"),
    ("||", "or", "write `or`"),
    ("=>", "=>", "write `implies`, or `>=` for at least"),
    ("=<", "<=", "write `<=`"),
    ("<>", "!=", "write `!=`"),
    ("≤", "<=", "write `<=`"),
    ("≥", ">=", "write `>=`"),
    ("≠", "!=", "write `!=`"),
    ("−", "-", "write the plain minus sign `-`"),
    ("·", "*", "write `*`"),
    ("×", "*", "write `*`"),
    ("→", "->", "write `->`"),
    ("…", "..", "write `..`"),
    ("=", "==", "write `==` for states, `<=` or `>=` for quantities"),
    ("!", "not", "write `not`"),
];

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// All tokens, the last one `End`. What is no token is reported and skipped.
pub(super) fn tokens(text: &str, problems: &mut Vec<Problem>) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() && problems.len() < PROBLEMS_MAX {
        let rest = &text[at..];
        let first = rest.chars().next().expect("at stands before the end of the text, on a character");
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = if first.is_ascii_digit() {
            number(text, at)
        } else if let Some(name) = rest.strip_prefix('$') {
            let length: usize = name.chars().take_while(|c| is_name_char(*c)).map(char::len_utf8).sum();
            if length == 0 {
                problems.push(problem(at..at + 1, "a parameter's name is missing after `$`", None));
            }
            (Kind::Parameter, length + 1)
        } else if is_name_start(first) {
            (Kind::Word, name_length(rest))
        } else if let Some((found, meant, remedy)) =
            HABITS.iter().find(|(found, ..)| rest.starts_with(found) && !proper_symbol(rest))
        {
            problems.push(problem(
                at..at + found.len(),
                format!("`{found}` is not part of the formula language"),
                Some((*remedy).into()),
            ));
            // Going on with what was meant lets the rest be checked at once.
            (meant_kind(meant), found.len())
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            (Kind::Symbol(symbol), symbol.len())
        } else {
            let remedy = match first {
                '"' | '\'' | '`' => Some("names and states stand without quotes".into()),
                '^' => Some("powers are for units; write a product: `x * x`".into()),
                '|' => Some("write `abs(x)`".into()),
                '%' | '°' => Some("a unit follows its number: `20 %`".into()),
                '.' => Some("write numbers as `0.5`, ranges as `0 m .. 8 m`, names as `device.name`".into()),
                '#' => Some("a comment stands outside the formula".into()),
                _ => None,
            };
            let shown =
                if first.is_control() { format!("character {:#06x}", first as u32) } else { format!("`{first}`") };
            let message = format!("{shown} is not part of the formula language");
            // One word on a pair of quotes is enough.
            if !problems.iter().any(|p| p.message == message) {
                problems.push(problem(at..at + first.len_utf8(), message, remedy));
            }
            at += first.len_utf8();
            if first == '^' {
                at += text[at..].bytes().take_while(u8::is_ascii_digit).count();
            }
            continue;
        };
        out.push(Token { kind, span: at..at + length });
        at += length;
    }
    out.push(Token { kind: Kind::End, span: text.len()..text.len() });
    out
}

/// `=` and `!` begin proper symbols too.
fn proper_symbol(rest: &str) -> bool {
    rest.starts_with("==") || rest.starts_with("!=")
}

/// Words keep their place in the text, so a keyword that was meant is a symbol of the same name.
fn meant_kind(meant: &'static str) -> Kind {
    Kind::Symbol(meant)
}

/// `fc.altitude`: names joined by dots; never the first dot of `..`.
fn name_length(rest: &str) -> usize {
    let part = |text: &str| -> usize { text.chars().take_while(|c| is_name_char(*c)).map(char::len_utf8).sum() };
    let mut end = part(rest);
    while rest[end..].starts_with('.') && rest[end + 1..].starts_with(is_name_start) {
        end += 1 + part(&rest[end + 1..]);
    }
    end
}

fn number(text: &str, at: usize) -> (Kind, usize) {
    let digits = at..at + number_length(&text[at..]);
    let after = &text[digits.end..];
    let gap = after.len() - after.trim_start().len();
    let unit_at = digits.end + gap;
    let rest = &text[unit_at..];
    let none = || (Kind::Number { digits: digits.clone(), unit: digits.end..digits.end }, digits.len());
    if !rest.starts_with(is_unit_char) && !rest.starts_with("1/") {
        return none();
    }
    if rest.starts_with("1/") && (gap == 0 || !rest[2..].starts_with(is_unit_char)) {
        return none();
    }
    let word = &rest[..name_length(rest)];
    let next = rest[word.len()..].chars().next();
    // `5 and`, `5 fc.x` and `5 min(…)` hold no unit.
    if KEYWORDS.contains(&word) || word.contains('.') || (next == Some('(') && !word.is_empty()) {
        return none();
    }
    let length = if let Some(below) = rest.strip_prefix("1/") { 2 + unit_length(below) } else { unit_length(rest) };
    // `5 m2` is a mistake in the unit, not `5 m` and then `2`.
    let stray: usize = rest[length..].chars().take_while(|c| is_name_char(*c)).map(char::len_utf8).sum();
    let end = unit_at + length + stray;
    (Kind::Number { digits: digits.clone(), unit: unit_at..end }, end - at)
}
