//! What stands in a file, seen token by token, so that macro bodies and nested `use` lists are not overlooked.

use crate::source::{Source, plain};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::str::FromStr;

/// Something seen in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    pub line: usize,
    /// Within `#[cfg(test)]`, or in a file that is.
    pub test: bool,
    /// The module it stands in, inline modules included.
    pub module: Vec<String>,
    pub kind: SightKind,
}

/// The kinds of things that the checks care about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SightKind {
    /// A path or a lone word; `use a::{b, c::*}` is two of them.
    Path { segments: Vec<String>, glob: bool, reexport: bool },
    /// `.name(` or `.name::<`.
    Method(String),
    /// `name!(…)`.
    Macro(String),
    /// `#[name…]`, first word alone.
    Attribute(String),
}

/// Everything in the file, in order.
pub fn sights(source: &Source) -> Vec<Sight> {
    let stream = TokenStream::from_str(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
    let mut eye = Eye { test: source.test, reexport: false, module: source.module.clone(), seen: Vec::new() };
    eye.walk(&stream.into_iter().collect::<Vec<_>>());
    eye.seen
}

struct Eye {
    test: bool,
    reexport: bool,
    module: Vec<String>,
    seen: Vec<Sight>,
}

impl Eye {
    fn note(&mut self, token: &TokenTree, kind: SightKind) {
        let line = token.span().start().line;
        self.seen.push(Sight { line, test: self.test, module: self.module.clone(), kind });
    }

    fn walk(&mut self, tokens: &[TokenTree]) {
        let mut place = 0;
        while place < tokens.len() {
            place = self.step(tokens, place);
        }
    }

    /// Looks at what begins at `place`; returns the place behind it.
    fn step(&mut self, tokens: &[TokenTree], place: usize) -> usize {
        match &tokens[place] {
            TokenTree::Group(group) => {
                self.walk(&inside(group));
                place + 1
            }
            TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(tokens, place),
            TokenTree::Ident(word) => match word.to_string().as_str() {
                "pub" => self.visibility(tokens, place),
                "mod" => self.inline_module(tokens, place),
                _ if is_member(tokens, place) => self.member(tokens, place),
                _ => self.path(tokens, place, &[]),
            },
            TokenTree::Punct(_) | TokenTree::Literal(_) => place + 1,
        }
    }

    fn attribute(&mut self, tokens: &[TokenTree], place: usize) -> usize {
        let bracket = place + if is_punct(tokens.get(place + 1), '!') { 2 } else { 1 };
        let Some(TokenTree::Group(group)) = tokens.get(bracket) else { return place + 1 };
        let content = inside(group);
        if let Some(name @ TokenTree::Ident(word)) = content.first() {
            self.note(name, SightKind::Attribute(word.to_string()));
        }
        self.walk(&content);
        let words: String = group.stream().to_string().split_whitespace().collect();
        if words == "cfg(test)" || words.starts_with("cfg(all(test,") {
            let end = bracket + 1 + item_length(&tokens[bracket + 1..]);
            let outer = std::mem::replace(&mut self.test, true);
            self.walk(&tokens[bracket + 1..end]);
            self.test = outer;
            return end;
        }
        bracket + 1
    }

    /// `pub use …;` is watched for globs.
    fn visibility(&mut self, tokens: &[TokenTree], place: usize) -> usize {
        let next = place + if matches!(tokens.get(place + 1), Some(TokenTree::Group(_))) { 2 } else { 1 };
        if !is_word(tokens.get(next), "use") {
            return next;
        }
        let end = tokens[next..].iter().position(|token| is_punct(Some(token), ';')).map_or(tokens.len(), |n| next + n);
        self.reexport = true;
        self.walk(&tokens[next + 1..end]);
        self.reexport = false;
        end
    }

    fn inline_module(&mut self, tokens: &[TokenTree], place: usize) -> usize {
        match (tokens.get(place + 1), tokens.get(place + 2)) {
            (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) if body.delimiter() == Delimiter::Brace => {
                self.module.push(plain(&name.to_string()));
                self.walk(&inside(body));
                self.module.pop();
                place + 3
            }
            (Some(TokenTree::Ident(_)), _) => place + 2,
            _ => place + 1,
        }
    }

    fn member(&mut self, tokens: &[TokenTree], place: usize) -> usize {
        let called = matches!(tokens.get(place + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        if called || is_punct(tokens.get(place + 1), ':') {
            self.note(&tokens[place], SightKind::Method(tokens[place].to_string()));
        }
        place + 1
    }

    /// A path with everything that hangs on it; `before` are the segments outside a `use` list.
    fn path(&mut self, tokens: &[TokenTree], place: usize, before: &[String]) -> usize {
        let mut segments = before.to_vec();
        segments.push(plain(&tokens[place].to_string()));
        let mut end = place + 1;
        while is_punct(tokens.get(end), ':') && is_punct(tokens.get(end + 1), ':') {
            match tokens.get(end + 2) {
                Some(TokenTree::Ident(word)) => segments.push(plain(&word.to_string())),
                Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Brace => {
                    self.list(&inside(list), &segments);
                    return end + 3;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                    let kind = SightKind::Path { segments, glob: true, reexport: self.reexport };
                    self.note(&tokens[place], kind);
                    return end + 3;
                }
                _ => break,
            }
            end += 3;
        }
        let is_macro = is_punct(tokens.get(end), '!') && matches!(tokens.get(end + 1), Some(TokenTree::Group(_)));
        if is_macro && let Some(name) = segments.last() {
            self.note(&tokens[place], SightKind::Macro(name.clone()));
        }
        self.note(&tokens[place], SightKind::Path { segments, glob: false, reexport: self.reexport });
        end
    }

    fn list(&mut self, tokens: &[TokenTree], before: &[String]) {
        for entry in tokens.split(|token| is_punct(Some(token), ',')) {
            match entry.first() {
                Some(TokenTree::Ident(_)) => {
                    self.path(entry, 0, before);
                }
                Some(star) if is_punct(Some(star), '*') => {
                    let kind = SightKind::Path { segments: before.to_vec(), glob: true, reexport: self.reexport };
                    self.note(star, kind);
                }
                _ => {}
            }
        }
    }
}

fn inside(group: &proc_macro2::Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_word(token: Option<&TokenTree>, wanted: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(word)) if word == wanted)
}

/// Behind one dot; behind two it is the end of a range.
fn is_member(tokens: &[TokenTree], place: usize) -> bool {
    let dot = |back: usize| place >= back && is_punct(tokens.get(place - back), '.');
    dot(1) && !dot(2)
}

/// How many tokens the item takes: to its body in braces or to its semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(Some(token), ';'),
    };
    tokens.iter().position(is_end).map_or(tokens.len(), |end| end + 1)
}
