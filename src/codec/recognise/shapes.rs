//! Which shapes the lines of a device have: what stands in every line of a shape, and the numbers that change in it.

/// Most shapes: a device that says more kinds of lines is described by hand.
const SHAPES_MAX: usize = 8;

/// Lines that differ in their numbers alone, and in a word here and there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The template that the `lines` codec reads them with.
    pub template: String,
    /// Names in the template that stand for numbers.
    pub numbers: Vec<String>,
    /// When each of them came, in milliseconds.
    pub times_ms: Vec<u64>,
    /// One of them.
    pub example: String,
}

/// What stands between two blanks.
#[derive(Clone, PartialEq, Debug)]
enum Token {
    /// Text and numbers in turn: one text more than numbers, and any of them may be empty.
    Mixed { texts: Vec<String>, numbers: Vec<Number> },
    /// A word that was not the same in every line, behind this beginning.
    Word(String),
}

#[derive(Clone, PartialEq, Debug)]
struct Number {
    text: String,
    /// A letter stands before it: `P17` may be a name.
    glued: bool,
    changes: bool,
}

struct Group {
    tokens: Vec<Token>,
    times_ms: Vec<u64>,
    example: String,
}

/// The shapes of lines with their times, what has the most plain text first: a line belongs to the first that fits.
pub fn shapes(lines: &[(u64, String)]) -> Vec<Shape> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, line) in lines {
        let tokens: Vec<Token> = line.split_whitespace().map(token).collect();
        match groups.iter_mut().find(|group| fits(&group.tokens, &tokens)) {
            Some(group) => {
                group.tokens.iter_mut().zip(tokens).for_each(|(known, new)| widen(known, new));
                group.times_ms.push(*at);
            }
            None => groups.push(Group { tokens, times_ms: vec![*at], example: line.clone() }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.times_ms.len()));
    groups.truncate(SHAPES_MAX);
    let mut shapes: Vec<(usize, Shape)> = groups.into_iter().map(shape).collect();
    shapes.sort_by_key(|(plain, _)| std::cmp::Reverse(*plain));
    shapes.into_iter().map(|(_, shape)| shape).collect()
}

fn token(word: &str) -> Token {
    let (mut texts, mut numbers) = (vec![String::new()], Vec::new());
    let mut rest = word;
    while let Some(letter) = rest.chars().next() {
        let text = texts.last_mut().expect("it begins with one");
        let glued = text.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = number_length(rest);
        // Two numbers with nothing between them cannot be told apart by a template; so what follows a number is no sign.
        if length > 0 && (!text.is_empty() || numbers.is_empty()) {
            numbers.push(Number { text: rest[..length].to_owned(), glued, changes: false });
            texts.push(String::new());
            rest = &rest[length..];
        } else {
            text.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    Token::Mixed { texts, numbers }
}

/// Bytes of the number at the beginning, with its sign: `Y-2.5` and `Y2.5` are one shape, and no sign is lost.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let count = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        return if count > 0 { count + 2 } else { 0 };
    }
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let mut length = sign + whole;
    let part = if bytes.get(length) == Some(&b'.') { digits(length + 1) } else { 0 };
    if part > 0 {
        length += 1 + part;
    }
    length
}

fn fits(known: &[Token], new: &[Token]) -> bool {
    if known.len() != new.len() {
        return false;
    }
    let (mut same_numbers, mut other_words) = (false, 0);
    for pair in known.iter().zip(new) {
        match pair {
            (Token::Mixed { texts: a, .. }, Token::Mixed { texts: b, .. }) if a == b => same_numbers |= a.len() > 1,
            (Token::Mixed { texts: a, .. }, Token::Mixed { texts: b, .. }) if a.len() == 1 && b.len() == 1 => {
                other_words += 1;
            }
            (Token::Word(_), Token::Mixed { texts, .. }) if texts.len() == 1 => {}
            _ => return false,
        }
    }
    other_words == 0 || (other_words == 1 && same_numbers)
}

fn widen(known: &mut Token, new: Token) {
    let Token::Mixed { texts: new_texts, numbers: new_numbers } = new else { return };
    match known {
        Token::Mixed { texts, numbers } if *texts == new_texts => {
            for (number, new) in numbers.iter_mut().zip(new_numbers) {
                number.changes |= number.text != new.text;
            }
        }
        Token::Mixed { texts, .. } => {
            let end = texts[0].rfind(['=', ':']).map_or(0, |place| place + 1);
            let beginning = texts[0][..end].to_owned();
            *known = Token::Word(if new_texts[0].starts_with(&beginning) { beginning } else { String::new() });
        }
        Token::Word(beginning) if !new_texts[0].starts_with(beginning.as_str()) => beginning.clear(),
        Token::Word(_) => {}
    }
}

/// The shape, and how much plain text it has.
fn shape(group: Group) -> (usize, Shape) {
    let (mut template, mut plain) = (String::new(), 0);
    let (mut names, mut numbers): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut put = |template: &mut String, text: &str| {
        plain += text.len();
        template.push_str(&text.replace('{', "{{").replace('}', "}}"));
    };
    let mut before = String::new();
    for (place, token) in group.tokens.iter().enumerate() {
        if place > 0 {
            template.push(' ');
        }
        let beginning = template.len();
        match token {
            Token::Word(start) => {
                put(&mut template, start);
                let name = unused(&format!("{}_word", name_in(start, &before)), &mut names);
                template.push_str(&format!("{{{name}}}"));
            }
            Token::Mixed { texts, numbers: found } => {
                put(&mut template, &texts[0]);
                for (number, (text, next)) in found.iter().zip(texts.iter().zip(&texts[1..])) {
                    if number.glued && !number.changes {
                        put(&mut template, &number.text);
                    } else {
                        let name = unused(&name_in(text, &before), &mut names);
                        template.push_str(&format!("{{{name}}}"));
                        numbers.push(name);
                    }
                    put(&mut template, next);
                }
            }
        }
        before = template[beginning..].to_owned();
    }
    let shape = Shape { template, numbers, times_ms: group.times_ms, example: group.example };
    (plain, shape)
}

/// What a number is called: by the word before it, with or without a blank between, or `value`.
fn name_in(text: &str, before: &str) -> String {
    let word = |text: &str| {
        let text = text.trim_end_matches(['=', ':', '_', '-']);
        let from = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |place| place + 1);
        let word = text[from..].trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        word.to_ascii_lowercase()
    };
    let own = word(text);
    let own = if own.is_empty() && text.is_empty() && !before.ends_with('}') { word(before) } else { own };
    if own.is_empty() { "value".to_owned() } else { own }
}

fn unused(name: &str, names: &mut Vec<String>) -> String {
    let mut found = name.to_owned();
    let mut count = 2;
    while names.contains(&found) {
        found = format!("{name}_{count}");
        count += 1;
    }
    names.push(found.clone());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::lines::Pattern;

    fn of(lines: &[&str]) -> Vec<Shape> {
        shapes(
            &lines.iter().enumerate().map(|(place, line)| (place as u64 * 10, (*line).to_owned())).collect::<Vec<_>>(),
        )
    }

    /// Template, numbers and count of each.
    fn told(lines: &[&str]) -> Vec<(String, Vec<String>, usize)> {
        let found = of(lines);
        // Whatever is inferred reads the lines that it was inferred from.
        for line in lines {
            let fits = |shape: &&Shape| Pattern::new(&shape.template).expect("a template").fits(line);
            let shape = found.iter().find(fits).unwrap_or_else(|| panic!("none of {found:?} fits {line}"));
            let pattern = Pattern::new(&shape.template).expect("a template");
            for (name, text) in pattern.read(line).expect("it fits") {
                let is_number = text.parse::<f64>().is_ok() || text.starts_with("0x");
                assert!(is_number || !shape.numbers.iter().any(|number| number == name), "{name} is {text} in {line}");
            }
        }
        found.into_iter().map(|shape| (shape.template, shape.numbers, shape.times_ms.len())).collect()
    }

    fn one(template: &str, numbers: &[&str], count: usize) -> (String, Vec<String>, usize) {
        (template.to_owned(), numbers.iter().map(|name| (*name).to_owned()).collect(), count)
    }

    #[test]
    fn numbers_become_fields_by_the_word_before_them() {
        assert_eq!(told(&["T=21.5 P=30 S=HEAT", "T=-3 P=31 S=HEAT"]), [one("T={t} P={p} S=HEAT", &["t", "p"], 2)]);
        assert_eq!(told(&["temp: 21.5 C", "temp: 21.6 C"]), [one("temp: {temp} C", &["temp"], 2)]);
        assert_eq!(
            told(&["1.5,-2,0x1F", "1.5,-3,0x20"]),
            [one("{value},{value_2},{value_3}", &["value", "value_2", "value_3"], 2)]
        );
        assert_eq!(told(&["X10.0 Y-2.5", "X10.1 Y2.6"]), [one("X{x} Y{y}", &["x", "y"], 2)]);
        assert_eq!(
            told(&["2026-11-23 at 5", "2026-11-24 at 6"]),
            [one("{value}-{value_2}-{value_3} at {at}", &["value", "value_2", "value_3", "at"], 2)]
        );
        assert_eq!(told(&["{a} 5", "{a} 6"]), [one("{{a}} {value}", &["value"], 2)]);
    }

    #[test]
    fn a_word_that_changes_is_a_field_and_no_number() {
        assert_eq!(told(&["T=21.5 S=HEAT", "T=22 S=COLD", "T=23 S=HEAT"]), [one("T={t} S={s_word}", &["t"], 3)]);
        assert_eq!(told(&["up 5 now", "down 6 now"]), [one("{value_word} {value} now", &["value"], 2)]);
    }

    #[test]
    fn a_digit_of_a_name_stays_text_until_it_changes() {
        assert_eq!(told(&["P17 v=1", "P17 v=2"]), [one("P17 v={v}", &["v"], 2)]);
        assert_eq!(told(&["unit-3 5"]), [one("unit-3 {value}", &["value"], 1)]);
    }

    #[test]
    fn kinds_of_lines_are_told_apart_and_the_plainest_comes_first() {
        let found = told(&["5", "weight 10 kg", "ready", "6", "weight 11 kg"]);
        let wanted = [one("weight {weight} kg", &["weight"], 2), one("ready", &[], 1), one("{value}", &["value"], 2)];
        assert_eq!(found, wanted);
        let many: Vec<String> = ('a'..='z').map(|letter| format!("{letter}{letter}{letter}")).collect();
        assert_eq!(of(&many.iter().map(String::as_str).collect::<Vec<_>>()).len(), SHAPES_MAX);
    }
}
