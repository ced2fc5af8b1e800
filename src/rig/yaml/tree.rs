//! The tree of a file: maps, lists and words, each with the bytes where it stands.

use super::page::Page;
use super::{quote, traps};
use crate::diag::Source;
use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};
use std::ops::Range;
use std::sync::Arc;

/// The largest file that is read: a scenario of thousands of steps stays far below.
pub(crate) const BYTES_MAX: usize = 1 << 20;
/// The deepest nesting that is read.
const DEPTH_MAX: usize = 48;

/// A map, a list or a word, and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node {
    pub span: Range<usize>,
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Kind {
    Map(Vec<Entry>),
    List(Vec<Node>),
    Word(Word),
    /// Nothing is written where a value should be.
    Nothing,
}

/// A key with its value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub key: Word,
    pub value: Node,
}

/// A scalar as text.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Word {
    pub text: String,
    /// The whole scalar, quotes included.
    pub span: Range<usize>,
    /// Quoted or a block: meant as text.
    pub quoted: bool,
    /// Where the text begins in the file, when it stands there letter for letter.
    pub exact: Option<usize>,
}

impl Word {
    /// The bytes of the file that a part of the text stands for; the whole scalar when they cannot be told.
    pub fn part(&self, part: Range<usize>) -> Range<usize> {
        match self.exact {
            Some(start) if part.start <= part.end && part.end <= self.text.len() => {
                start + part.start..start + part.end
            }
            _ => self.span.clone(),
        }
    }
    /// A part of the word as a word of its own.
    pub fn slice(&self, part: Range<usize>) -> Word {
        Word {
            text: self.text[part.clone()].to_string(),
            span: self.part(part.clone()),
            quoted: self.quoted,
            exact: self.exact.map(|start| start + part.start),
        }
    }
}

impl Node {
    /// The word, when it is one.
    pub fn word(&self) -> Option<&Word> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
    /// What it is, for people.
    pub fn described(&self) -> String {
        match &self.kind {
            Kind::Map(_) => "a map".into(),
            Kind::List(_) => "a list".into(),
            Kind::Word(word) => format!("`{}`", shortened(&word.text)),
            Kind::Nothing => "nothing".into(),
        }
    }
    /// Where to point when something is missing in it: its first key, or itself.
    pub fn head(&self) -> Range<usize> {
        match &self.kind {
            Kind::Map(entries) => entries.first().map_or(self.span.clone(), |e| e.key.span.clone()),
            _ => self.span.clone(),
        }
    }
}

/// Long words are cut for messages.
pub(crate) fn shortened(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &one_line[..cut]),
        None => one_line,
    }
}

/// Reads the bytes of a file. The page holds what is wrong with it; without a node there is nothing to go on with.
pub(crate) fn load(name: &str, bytes: &[u8]) -> (Page, Option<Node>) {
    let refuse = |text: String, span: Range<usize>, message: String, remedy: &str| {
        let mut page = Page::new(Source { name: name.into(), text });
        page.error(span, message, Some(remedy.into()));
        (page, None)
    };
    if bytes.len() > BYTES_MAX {
        let message = format!("the file has {} bytes; at most {BYTES_MAX} are read", bytes.len());
        return refuse(String::new(), 0..0, message, "split it, or look whether it is the right file");
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(wrong) => {
            let at = wrong.valid_up_to();
            let line = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
            let message = format!("this is no text file: byte 0x{:02x} in line {line} is not UTF-8", bytes[at]);
            return refuse(String::new(), 0..0, message, "a YAML text file in UTF-8 is wanted");
        }
    };
    if let Some((at, odd)) = text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        let line = text[..at].matches('\n').count() + 1;
        let message = format!("this is no text file: control character 0x{:02x} in line {line}", odd as u32);
        return refuse(String::new(), 0..0, message, "a YAML text file in UTF-8 is wanted");
    }
    let mut page = Page::new(Source { name: name.into(), text: text.into() });
    let node = grow(&mut page);
    (page, node)
}

/// A collection that is still open.
struct Open {
    span: Range<usize>,
    flow: bool,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Word> },
}

/// Builds the tree from the parser's events.
fn grow(page: &mut Page) -> Option<Node> {
    let source: Arc<Source> = page.source.clone();
    let text = source.text.as_str();
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut stack: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, place) = match next {
            Ok(pair) => pair,
            Err(wrong) => {
                quote::explain(page, &wrong);
                return None;
            }
        };
        let span = place.byte_range().unwrap_or(0..0);
        match event {
            Event::Comment(words, _) => traps::comment(page, span, &words),
            Event::Anchor(_, name) => traps::anchor(page, span, &name),
            Event::DocumentStart(..) if root.is_some() => {
                page.error(
                    span,
                    "a second document begins here; a file holds one".into(),
                    Some("remove the `---`, or make two files".into()),
                );
                return None;
            }
            Event::Alias(_) => {
                let name = text[span.clone()].trim_start_matches('*').to_string();
                traps::alias(page, span.clone(), &name);
                put(page, &mut stack, &mut root, Node { span, kind: Kind::Nothing });
            }
            Event::UnresolvedAlias(name) => {
                traps::alias(page, span.clone(), &name);
                put(page, &mut stack, &mut root, Node { span, kind: Kind::Nothing });
            }
            Event::Scalar(value, style, _, tag) => {
                if tag.is_some() {
                    traps::tag(page, place.tag_span().and_then(|s| s.byte_range()).unwrap_or(span.clone()));
                }
                let kind = if span.is_empty() && style == ScalarStyle::Plain {
                    Kind::Nothing
                } else {
                    Kind::Word(word(text, value.into_owned(), span.clone(), style))
                };
                let span = match &kind {
                    Kind::Word(word) => word.span.clone(),
                    _ => span,
                };
                put(page, &mut stack, &mut root, Node { span, kind });
            }
            Event::SequenceStart(style, _, ref tag) | Event::MappingStart(style, _, ref tag) => {
                if tag.is_some() {
                    traps::tag(page, place.tag_span().and_then(|s| s.byte_range()).unwrap_or(span.clone()));
                }
                let map = matches!(event, Event::MappingStart(..));
                stack.push(open(span, style == StructureStyle::Flow, map));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = stack.pop() else { continue };
                let node = closed(done, span);
                put(page, &mut stack, &mut root, node);
            }
            _ => {}
        }
    }
    if root.is_none() && !page.has_errors() {
        page.error(0..0, "the file is empty".into(), None);
    }
    root
}

fn open(span: Range<usize>, flow: bool, map: bool) -> Open {
    let items = if map { Items::Map { entries: Vec::new(), key: None } } else { Items::List(Vec::new()) };
    Open { span, flow, items }
}

fn closed(done: Open, end: Range<usize>) -> Node {
    let (kind, inner) = match done.items {
        Items::List(list) => {
            let inner = list.first().zip(list.last()).map(|(a, b)| a.span.start..b.span.end);
            (Kind::List(list), inner)
        }
        Items::Map { entries, .. } => {
            let inner = entries.first().zip(entries.last()).map(|(a, b)| a.key.span.start..b.value.span.end);
            (Kind::Map(entries), inner)
        }
    };
    let span = match inner {
        _ if done.flow => done.span.start..end.end,
        Some(inner) => inner,
        None => done.span,
    };
    Node { span, kind }
}

/// A scalar with its text trimmed of the line break that YAML hangs on a block.
fn word(text: &str, value: String, span: Range<usize>, style: ScalarStyle) -> Word {
    let value = match style {
        ScalarStyle::Folded | ScalarStyle::Literal => value.trim_end().to_string(),
        _ => value,
    };
    let written = &text[span.clone()];
    // Trailing line breaks are no part of what a person would point at.
    let span = span.start..span.start + written.trim_end().len();
    let inside = match style {
        ScalarStyle::Plain => Some(span.start),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Some(span.start + 1),
        _ => None,
    };
    let exact = inside.filter(|start| text.get(*start..*start + value.len()) == Some(value.as_str()));
    Word { text: value, span, quoted: style != ScalarStyle::Plain, exact }
}

/// Puts a finished node where it belongs.
fn put(page: &mut Page, stack: &mut [Open], root: &mut Option<Node>, node: Node) {
    match stack.last_mut().map(|open| &mut open.items) {
        None => *root = Some(node),
        Some(Items::List(list)) => list.push(node),
        Some(Items::Map { entries, key }) => match key.take() {
            Some(key) => {
                if let Some(first) = entries.iter().find(|e| e.key.text == key.text) {
                    let line = page.line_of(first.key.span.start);
                    page.error(
                        key.span.clone(),
                        format!("`{}` stands twice in one map; first in line {line}", key.text),
                        Some("keep one of them".into()),
                    );
                } else {
                    entries.push(Entry { key, value: node });
                }
            }
            None => {
                *key = Some(match node.kind {
                    Kind::Word(word) => word,
                    _ => {
                        if !page.has_error_at(&node.span) {
                            let found = node.described();
                            page.error(node.span.clone(), format!("a key is a word; found {found}"), None);
                        }
                        // Never equal to another key, so that no false duplicate follows.
                        Word { text: format!("?{}", node.span.start), span: node.span, quoted: true, exact: None }
                    }
                });
            }
        },
    }
}
