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
    "backto",
    "always",
    "eventually",
    "historically",
    "once",
];

/// True of a word that means something by itself, so that no signal can have it for a name.
pub fn is_taken(word: &str) -> bool {
    KEYWORDS.contains(&word) || matches!(word, "true" | "false")
}

/// Longest first, so that `<=` is never `<` and `=`.
const SYMBOLS: &[&str] =
    &["->", "<=", ">=", "==", "!=", "..", "(", ")", "[", "]", "{", "}", ",", ":", "+", "-", "*", "/", "<", ">"];

/// What people write out of habit: found, taken for, what to write.
const HABITS: &[(&str, &str, &str)] = &[
    ("<=>", "iff", "write `iff`"),
    ("<->", "iff", "write `iff`"),
    ("==>", "implies", "write `implies`"),
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
        if first == '#' || rest.starts_with("//") {
            let found = if first == '#' { "#" } else { "//" };
            let message = format!("`{found}` is not part of the formula language");
            problems.push(problem(at..at + found.len(), message, Some("a comment stands outside the formula".into())));
            break;
        }
        let (kind, length) = if first.is_ascii_digit() {
            number(text, at, problems)
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
                ';' => Some("leave it out: one formula, one text".into()),
                _ => None,
            };
            let shown =
                if first.is_control() { format!("character {:#06x}", first as u32) } else { format!("`{first}`") };
            let message = format!("{shown} is not part of the formula language");
            // One word on a pair of quotes is enough.
            if !problems.iter().any(|p| p.message == message) {
                problems.push(problem(at..at + first.len_utf8(), message, remedy));
            }
            if first == '^' {
                // As an operator it keeps both its sides from being taken for more than they are.
                out.push(Token { kind: Kind::Symbol("^"), span: at..at + 1 });
            }
            at += first.len_utf8();
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
    (rest.starts_with("==") && !rest.starts_with("==>")) || rest.starts_with("!=")
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
    // A name that ends in a dot is one that was not finished.
    if rest[end..].starts_with('.') && !rest[end..].starts_with("..") {
        end += 1;
    }
    end
}

/// Digits that stand apart in what was meant as one number: `1_000`, `1.`. How long they are.
fn apart(rest: &str, problems: &mut Vec<Problem>, at: usize) -> usize {
    let more = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'_').count();
    // A state may be called `3_4EO`.
    let is_word = rest[more..].starts_with(is_name_char);
    if rest.starts_with('_') && more > 1 && !is_word {
        problems.push(problem(at..at + more, "digits stand together in a number", Some("leave out the `_`".into())));
        more
    } else if rest.starts_with('.') && !rest.starts_with("..") {
        problems.push(problem(
            at..at + 1,
            "digits are wanted after the point of a number",
            Some("write `1.0` or `1`".into()),
        ));
        1
    } else {
        0
    }
}

fn number(text: &str, at: usize, problems: &mut Vec<Problem>) -> (Kind, usize) {
    let digits = at..at + number_length(&text[at..]);
    let digits_end = digits.end + apart(&text[digits.end..], problems, digits.end);
    let after = &text[digits_end..];
    let gap = after.len() - after.trim_start().len();
    let unit_at = digits_end + gap;
    let rest = &text[unit_at..];
    let none = || (Kind::Number { digits: digits.clone(), unit: digits_end..digits_end }, digits_end - at);
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
