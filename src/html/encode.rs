//! Bytes as text of a page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Numbers as base 64 of their four bytes, the low one first: a page that holds a million of them stays small.
pub(super) fn packed<const N: usize>(numbers: impl Iterator<Item = [u8; N]>) -> String {
    STANDARD.encode(numbers.flatten().collect::<Vec<u8>>())
}

/// How a content security policy names a script of the page (CSP level 3, section 2.3.1).
pub(super) fn script_hash(script: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(script.as_bytes())))
}
