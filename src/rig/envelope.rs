//! The envelope file.

use super::keys::ENVELOPE;
use super::model::Origin;
use super::names::{Names, Place};
use super::rules::{self, Read, Stoppable};
use super::yaml::{Node, Page};

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
