//! Compiles the guard a second time, without the standard library, so that the compiler proves what the room promises:
//! no clock, no IO, no allocation.

use crate::source::root;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The crate: the guard and the four files it rests on, each at the path by which the guard knows it.
fn crate_text(extra: &str) -> String {
    let at = |file: &str| format!("{:?}", root().join("src").join(file));
    format!(
        "#![no_std]\n\
         #![allow(dead_code, unused_imports, rustdoc::broken_intra_doc_links)]\n\
         #[path = {}]\npub mod time;\n\
         pub mod wire {{\n    #[path = {}]\n    pub mod ids;\n    pub use ids::{{DeviceId, Lane, LinkId}};\n}}\n\
         pub mod signal {{\n    #[path = {}]\n    mod sample;\n    pub use sample::{{SignalId, Value}};\n}}\n\
         pub mod command {{\n    #[path = {}]\n    mod call;\n    pub use call::{{ARGS_MAX, Authority, Bound, Command, CommandId, RuleId, Ticket}};\n}}\n\
         #[path = {}]\npub mod guard;\n{extra}\n",
        at("time.rs"),
        at("wire/ids.rs"),
        at("signal/sample.rs"),
        at("command/call.rs"),
        at("guard/mod.rs"),
    )
}

/// Compiles the crate with `extra` at its end; the compiler's words where it refuses.
fn compile(folder: &Path, extra: &str) -> Result<(), String> {
    let file = folder.join("bare_guard.rs");
    fs::write(&file, crate_text(extra)).expect("a temporary folder can be written");
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(&compiler)
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--out-dir"])
        .arg(folder)
        .arg(&file)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn the_guard_compiles_without_the_standard_library() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Err(words) = compile(folder.path(), "") {
        panic!("the guard may use `core` alone: no Vec, Box, String, clock or IO\n{words}");
    }
}

#[test]
fn and_the_compiler_would_notice_an_allocation_or_a_clock() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (breach, complaint) in [
        ("pub fn grow() -> Vec<u8> { Vec::new() }", "cannot find type `Vec`"),
        ("pub fn text() -> Box<u8> { Box::new(1) }", "cannot find type `Box`"),
        ("pub fn now() -> std::time::Instant { std::time::Instant::now() }", "std"),
    ] {
        let words = compile(folder.path(), breach).expect_err(breach);
        assert!(words.contains(complaint), "{breach}: refused for another reason:\n{words}");
    }
}
