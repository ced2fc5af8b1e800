//! Patterns that lines are read with, templates that they are written by.

use regex_lite::Regex;
use std::fmt::Write;

/// How a message is read: a template or, between slashes, a regular expression with named groups.
#[derive(Clone, Debug)]
pub struct Pattern {
    whole: Regex,
    groups: Vec<String>,
    /// A template's way through a line, where it can be gone without the expression.
    way: Option<Way>,
}

impl Pattern {
    /// Compiles it; the error says in words what is wrong.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let inner = text.strip_prefix('/').and_then(|t| t.strip_suffix('/'));
        let Some(source) = inner else { return Template::new(text)?.pattern() };
        // Compiled by itself first: a stray bracket must not close the anchors' group.
        Regex::new(source).map_err(|why| format!("is no regular expression: {why}"))?;
        let whole = Regex::new(&format!("^(?:{source})$")).map_err(|why| format!("is no regular expression: {why}"))?;
        let groups = whole.capture_names().flatten().map(str::to_string).collect();
        Ok(Pattern { whole, groups, way: None })
    }
    /// The names that it reads.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
    /// The whole line fits.
    pub fn fits(&self, line: &str) -> bool {
        match self.way.as_ref().map(|way| way.go(line)) {
            Some(Gone::Through(_)) => true,
            Some(Gone::Nowhere) => false,
            Some(Gone::Astray) | None => self.whole.is_match(line),
        }
    }
    /// What the names stand for in a line that fits; a name that took no part is left out.
    pub fn read<'l>(&self, line: &'l str) -> Option<Vec<(&str, &'l str)>> {
        match self.way.as_ref().map(|way| way.go(line)) {
            Some(Gone::Through(words)) => return Some(self.groups.iter().map(String::as_str).zip(words).collect()),
            Some(Gone::Nowhere) => return None,
            Some(Gone::Astray) | None => {}
        }
        let found = self.whole.captures(line)?;
        Some(self.groups.iter().filter_map(|g| Some((g.as_str(), found.name(g)?.as_str().trim()))).collect())
    }
}

/// How a line is written: text with `{name}` or `{name:.2}` (that many decimals) in it; `{{` and `}}` are braces.
#[derive(Clone, PartialEq, Debug)]
pub struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Text(String),
    Hole { name: String, decimals: Option<usize> },
}

/// A value in a line.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Filling<'a> {
    Number(f64),
    Text(&'a str),
}

/// Most decimals of a number, written or asked for.
const DECIMALS_MAX: usize = 9;
/// Decimals where the template does not say: beyond lies what a factor between units leaves of its rounding.
const DECIMALS: usize = 6;

impl Template {
    /// Reads it; the error says in words what is wrong.
    pub fn new(text: &str) -> Result<Template, String> {
        if text.is_empty() {
            return Err("is empty".into());
        }
        if text.contains(['\n', '\r']) {
            return Err("has a line end inside; one is added to every line".into());
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            match letter {
                '{' | '}' if rest.starts_with(letter) => {
                    rest = &rest[1..];
                    plain.push(letter);
                }
                '{' => {
                    let (inside, after) =
                        rest.split_once('}').ok_or("has a `{` that nothing closes (`{{` is a brace)")?;
                    rest = after;
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(hole(inside, &pieces)?);
                }
                '}' => return Err("has a `}` that nothing opens (`}}` is a brace)".into()),
                other => plain.push(other),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Template(pieces))
    }

    /// The names in it.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Hole { name, .. } => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The regular expression that reads what it writes.
    fn expression(&self) -> Result<String, String> {
        let mut source = String::new();
        let mut after_hole = false;
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => {
                    let blanks = text.split(' ').map(regex_lite::escape).collect::<Vec<_>>();
                    source.push_str(&blanks.join("[ \\t]+"));
                    after_hole = false;
                }
                Piece::Hole { name, .. } if after_hole => {
                    return Err(format!("has nothing between `{{{name}}}` and what stands before it"));
                }
                Piece::Hole { name, .. } => {
                    let _ = write!(source, "[ \\t]*(?<{name}>\\S+?)");
                    after_hole = true;
                }
            }
        }
        Ok(source)
    }

    fn way(&self) -> Way {
        let mut steps: Vec<Step> = Vec::new();
        for piece in &self.0 {
            let Piece::Text(text) = piece else {
                steps.push(Step::Word);
                continue;
            };
            for (place, part) in text.split(' ').enumerate() {
                match steps.last_mut() {
                    Some(Step::Blanks(count)) if place > 0 => *count += 1,
                    _ if place > 0 => steps.push(Step::Blanks(1)),
                    _ => {}
                }
                if !part.is_empty() {
                    steps.push(Step::Text(part.to_owned()));
                }
            }
        }
        Way(steps)
    }

    /// The pattern that reads what it writes.
    pub(super) fn pattern(&self) -> Result<Pattern, String> {
        let whole = Regex::new(&format!("^(?:{})$", self.expression()?)).map_err(|why| why.to_string())?;
        Ok(Pattern { groups: self.holes().map(str::to_string).collect(), whole, way: Some(self.way()) })
    }

    /// The line with these values; the error says which does not fit.
    pub fn write<'a>(&self, value_of: impl Fn(&str) -> Option<Filling<'a>>) -> Result<String, String> {
        let mut line = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => line.push_str(text),
                Piece::Hole { name, decimals } => match value_of(name) {
                    Some(Filling::Number(number)) => number_into(&mut line, name, number, *decimals)?,
                    Some(Filling::Text(text)) if text.is_empty() || text.chars().any(char::is_control) => {
                        return Err(format!("`{name}` would be empty or break the line"));
                    }
                    Some(Filling::Text(text)) => line.push_str(text),
                    None => return Err(format!("`{name}` was not given")),
                },
            }
        }
        Ok(line)
    }
}

fn hole(inside: &str, before: &[Piece]) -> Result<Piece, String> {
    let (name, decimals) = match inside.split_once(':') {
        None => (inside, None),
        Some((name, form)) => {
            let count = form.strip_prefix('.').and_then(|n| n.parse().ok()).filter(|n| *n <= DECIMALS_MAX);
            let count = count.ok_or_else(|| format!("says `:{form}`; `:.0` to `:.{DECIMALS_MAX}` are known"))?;
            (name, Some(count))
        }
    };
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("has `{{{inside}}}`, which holds no name"));
    }
    if before.iter().any(|piece| matches!(piece, Piece::Hole { name: earlier, .. } if earlier == name)) {
        return Err(format!("has `{{{name}}}` twice"));
    }
    Ok(Piece::Hole { name: name.to_string(), decimals })
}

fn number_into(line: &mut String, name: &str, number: f64, decimals: Option<usize>) -> Result<(), String> {
    // Beyond this a float has no decimals, and no device reads so many digits.
    const LARGEST: f64 = 1e15;
    if number.is_nan() || number.abs() >= LARGEST {
        return Err(format!("`{name}` would be {number}"));
    }
    let mut text = format!("{number:.*}", decimals.unwrap_or(DECIMALS));
    if decimals.is_none() && text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    let is_zero = text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    line.push_str(if is_zero { text.trim_start_matches('-') } else { &text });
    Ok(())
}

/// What a template's expression matches, step by step: most lines need no more, and it takes a hundredth of the time.
#[derive(Clone, Debug)]
struct Way(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Text(String),
    /// At least so many blanks or tabs.
    Blanks(usize),
    /// A word, behind any number of blanks.
    Word,
}

/// How a line was gone through.
enum Gone<'l> {
    /// It fits, and its words are these.
    Through(Vec<&'l str>),
    /// It fits in no way.
    Nowhere,
    /// It does not fit where each word is as short as can be; longer ones may.
    Astray,
}

impl Way {
    fn go<'l>(&self, line: &'l str) -> Gone<'l> {
        let mut rest = line;
        let mut words = Vec::new();
        let mut chose = false;
        let blank = |letter: char| letter == ' ' || letter == '\t';
        for (place, step) in self.0.iter().enumerate() {
            let after = match step {
                Step::Text(text) => rest.strip_prefix(text.as_str()),
                Step::Blanks(count) => {
                    let after = rest.trim_start_matches(blank);
                    (rest.len() - after.len() >= *count).then_some(after)
                }
                Step::Word => {
                    let from = rest.trim_start_matches(blank);
                    let solid = from.find(|letter: char| letter.is_ascii_whitespace() || letter == '\x0b');
                    let solid = &from[..solid.unwrap_or(from.len())];
                    let length = match self.0.get(place + 1) {
                        // As short as can be, but one letter at least.
                        Some(Step::Text(text)) => {
                            chose = true;
                            let first = solid.chars().next().map_or(0, char::len_utf8);
                            from.get(first..).and_then(|more| more.find(text.as_str())).map(|at| first + at)
                        }
                        _ => Some(solid.len()),
                    };
                    length.filter(|length| (1..=solid.len()).contains(length)).map(|length| {
                        words.push(&from[..length]);
                        &from[length..]
                    })
                }
            };
            match after {
                Some(after) => rest = after,
                None if chose => return Gone::Astray,
                None => return Gone::Nowhere,
            }
        }
        match (rest.is_empty(), chose) {
            (true, _) => Gone::Through(words),
            (false, true) => Gone::Astray,
            (false, false) => Gone::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_read_what_they_write() {
        let template = Template::new("V={volts} S={state} {{{n:.2}}}").expect("well formed");
        let values = |name: &str| match name {
            "volts" => Some(Filling::Number(0.1 + 0.2)),
            "state" => Some(Filling::Text("RUN")),
            _ => Some(Filling::Number(-0.001)),
        };
        let line = template.write(values).expect("all given");
        assert_eq!(line, "V=0.3 S=RUN {0.00}");
        let read = template.pattern().expect("separable");
        assert_eq!(read.read(&line), Some(vec![("volts", "0.3"), ("state", "RUN"), ("n", "0.00")]));
        assert_eq!(read.read("V=  12   S=A {1}").map(|v| v[0]), Some(("volts", "12")), "padded with blanks");
        for other in ["V=1 S=RUN {1", "xV=1 S=RUN {1}", "V=1 2 S=RUN {1}", ""] {
            assert_eq!(read.read(other), None, "{other}");
        }
    }

    /// Goal: the quick way and the expression agree. Method: templates and lines drawn from few letters, so that words hold what
    /// stands around them; what one reads the other must read.
    #[test]
    fn the_quick_way_reads_what_the_expression_reads() {
        use proptest::prelude::*;
        let template = prop::collection::vec(prop::sample::select(vec!["a", "b", " ", "  ", "=", "é", "{}"]), 1..7);
        let line = prop::collection::vec(prop::sample::select(vec!["a", "b", " ", "\t", "=", "é", "\x0b"]), 0..12);
        let counts = [std::cell::Cell::new(0_u32), std::cell::Cell::new(0)];
        proptest!(ProptestConfig::with_cases(20_000), |(parts in template, line in line)| {
            let mut names = 'a'..='z';
            let name = |part: &&str| match *part {
                "{}" => format!("{{{}}}", names.next().expect("few holes")),
                other => other.to_owned(),
            };
            let text: String = parts.iter().map(name).collect();
            // Holes side by side are refused.
            let Ok(pattern) = Pattern::new(&text) else { return Ok(()) };
            let slow = Pattern { way: None, ..pattern.clone() };
            let line = line.concat();
            prop_assert_eq!(pattern.read(&line), slow.read(&line), "{:?} of {:?}", text, line);
            prop_assert_eq!(pattern.fits(&line), slow.fits(&line), "{:?} of {:?}", text, line);
            let count = &counts[usize::from(slow.fits(&line))];
            count.set(count.get() + 1);
        });
        let [not, fits] = counts.map(|count| count.get());
        assert!(fits > 100 && not > 100, "{fits} fit and {not} do not");
    }

    #[test]
    fn bad_descriptions_are_told_in_words() {
        for (text, wanted) in [
            ("", "is empty"),
            ("a\nb", "line end inside"),
            ("V={volts", "nothing closes"),
            ("V=}", "nothing opens"),
            ("{a}{b}", "nothing between `{b}`"),
            ("{a} {a}", "`{a}` twice"),
            ("{1a}", "holds no name"),
            ("{a:d}", "`:.0` to `:.9`"),
            ("{a:.10}", "`:.0` to `:.9`"),
            ("/(?<v>/", "no regular expression"),
            ("/a)(b/", "no regular expression"),
        ] {
            let why = Pattern::new(text).expect_err(text);
            assert!(why.contains(wanted), "{text:?}: {why:?} lacks {wanted:?}");
        }
        assert!(Template::new("{a}").expect("fine").write(|_| Some(Filling::Number(f64::NAN))).is_err());
        assert!(Template::new("{a}").expect("fine").write(|_| Some(Filling::Text("x\ny"))).is_err());
    }
}
