//! The envelope file.

use super::keys::ENVELOPE;
use super::model::Origin;
use super::names::{Names, Place};
use super::rules::{self, Read, Stoppable};
use super::yaml::{self, Node, Page};

/// Reads the envelope's rules.
pub(super) fn read(page: &mut Page, node: &Node, names: &Names, devices: &Stoppable) -> Vec<Read> {
    let Some(fields) = page.fields(node, &ENVELOPE) else { return Vec::new() };
    for key in ["envelope", "about"] {
        if let Some(node) = fields.get(key) {
            page.text(node, "text");
        }
    }
    match fields.get("rules") {
        Some(node) => rules::read(page, node, names, Place::Envelope, Origin::Envelope, 0, devices),
        None => Vec::new(),
    }
}

/// Reads the rules of an envelope file to judge a trace with: nothing can be stopped any more, so that reactions are read
/// over. Hints stand on the page beside mistakes.
pub(crate) fn for_trace(path: &str, bytes: &[u8], names: &Names) -> (Page, Vec<Read>) {
    let (mut page, node) = yaml::load(path, bytes);
    let Some(node) = node else { return (page, Vec::new()) };
    let Some(fields) = page.fields(&node, &ENVELOPE) else { return (page, Vec::new()) };
    let rules = match fields.get("rules") {
        Some(node) => rules::read(&mut page, node, names, Place::Trace, Origin::Envelope, 0, &[]),
        None => Vec::new(),
    };
    (page, rules)
}
