//! Words that may stand in no text of the repository: excuses, and traces of the place where it was written.
//! This file alone is exempt, since it must name them.

use crate::source::Breach;

/// A word with what to do about it. `whole`: not as a part of another word. `exact`: in this case alone.
struct Word {
    text: &'static str,
    whole: bool,
    exact: bool,
    remedy: &'static str,
}

const EXCUSE: &str = "finish it, or say in the issue what is missing";
const TRACE: &str = "leave it out: a reader elsewhere has no such thing";
const PLAIN: &str = "say what it does and why";

const WORDS: &[Word] = &[
    Word { text: "for now", whole: true, exact: false, remedy: EXCUSE },
    Word { text: "hack", whole: true, exact: false, remedy: PLAIN },
    Word { text: "hacky", whole: true, exact: false, remedy: PLAIN },
    Word { text: "placeholder", whole: true, exact: false, remedy: EXCUSE },
    Word { text: "not yet implemented", whole: false, exact: false, remedy: EXCUSE },
    Word { text: "hopefully", whole: true, exact: false, remedy: PLAIN },
    Word { text: "quick fix", whole: true, exact: false, remedy: EXCUSE },
    Word { text: "FIXME", whole: true, exact: true, remedy: EXCUSE },
    Word { text: "TODO", whole: true, exact: true, remedy: EXCUSE },
    Word { text: "tbd", whole: true, exact: false, remedy: EXCUSE },
    Word { text: "XXX", whole: true, exact: true, remedy: EXCUSE },
    Word { text: concat!("/wo", "rk/"), whole: false, exact: true, remedy: TRACE },
    Word { text: concat!("/fa", "rm/"), whole: false, exact: true, remedy: TRACE },
    Word { text: "/root/", whole: false, exact: true, remedy: TRACE },
    Word { text: "/home/", whole: false, exact: true, remedy: TRACE },
    Word { text: concat!("bash_", "jobs"), whole: false, exact: false, remedy: TRACE },
    Word { text: concat!("pypi", ".org"), whole: false, exact: false, remedy: TRACE },
    Word { text: concat!("deb.", "debian.org"), whole: false, exact: false, remedy: TRACE },
    Word { text: concat!("index.", "crates.io"), whole: false, exact: false, remedy: TRACE },
    Word { text: concat!("static.", "crates.io"), whole: false, exact: false, remedy: TRACE },
    Word { text: concat!("clau", "de"), whole: true, exact: false, remedy: TRACE },
    Word { text: concat!("anthro", "pic"), whole: true, exact: false, remedy: TRACE },
    Word { text: concat!("chat", "gpt"), whole: true, exact: false, remedy: TRACE },
    Word { text: "ai assistant", whole: true, exact: false, remedy: TRACE },
    Word { text: "subagent", whole: true, exact: false, remedy: TRACE },
];

/// Whether the text stands under the words' rule.
pub fn is_judged(path: &str) -> bool {
    path != "tests/tidy/words.rs"
}

/// Every banned word in the text.
pub fn breaches(file: &str, text: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let lower = line.to_lowercase();
        for word in WORDS {
            if occurs(if word.exact { line } else { &lower }, word) {
                let what = format!("says \"{}\"", word.text);
                found.push(Breach { file: file.to_string(), line: number + 1, what, remedy: word.remedy });
            }
        }
    }
    found
}

fn occurs(line: &str, word: &Word) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word.text).any(|(start, text)| {
        let before = line[..start].chars().next_back();
        let after = line[start + text.len()..].chars().next();
        !word.whole || (!is_part(before) && !is_part(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        breaches("a.md", text).into_iter().map(|breach| (breach.line, breach.what)).collect()
    }

    #[test]
    fn banned_words_are_found_with_their_line() {
        assert_eq!(found("fine\nGood enough For Now."), [(2, "says \"for now\"".to_string())]);
        assert_eq!(found("// a Hack"), [(1, "says \"hack\"".to_string())]);
        assert_eq!(found("see /work/x"), [(1, "says \"/work/\"".to_string())]);
        assert_eq!(found("// FIXME: it"), [(1, "says \"FIXME\"".to_string())]);
    }

    #[test]
    fn parts_of_other_words_are_not() {
        assert_eq!(found("a shack for nowhere; the hackney carriage; a todo list; /workshop/"), []);
    }
}
