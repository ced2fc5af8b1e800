//! Habits of the code: what may not stand in it anywhere, or not outside the hands.

use crate::sight::{SightKind, sights};
use crate::source::{Breach, Source};

/// The one file that may hold `unsafe`.
const UNSAFE_ROOM: &str = "src/io/os.rs";
/// Longest file in lines: more is two reasons in one room.
pub const LINES_MAX: usize = 900;

const HANDS: &[&str] = &["io", "live", "cli", "main"];
/// Modules of the standard library that touch the world.
const WORLD: &[&str] = &["net", "fs", "thread", "process", "env"];
/// Words that bring in a clock, an order that differs from run to run, or chance that no seed fixes.
const UNREPEATABLE: &[(&str, &str)] = &[
    ("Instant", "take the time as an argument"),
    ("SystemTime", "take the time as an argument"),
    ("HashMap", "use BTreeMap: its order is the same in every run"),
    ("HashSet", "use BTreeSet: its order is the same in every run"),
    ("RandomState", "use BTreeMap, or fault::Dice with the run's seed"),
    ("thread_rng", "use fault::Dice with the run's seed"),
    ("from_os_rng", "use fault::Dice with the run's seed"),
    ("from_entropy", "use fault::Dice with the run's seed"),
    ("getrandom", "use fault::Dice with the run's seed"),
];
/// Functions whose last bit depends on the machine's C library or compiler.
const INEXACT: &[&str] = &[
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sin_cos", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "powi", "hypot", "cbrt",
];

/// Everything in this file that is no good habit.
pub fn breaches(source: &Source) -> Vec<Breach> {
    let mut found = Vec::new();
    let hands = HANDS.contains(&source.room());
    for sight in sights(source) {
        let mut say = |what: String, remedy: &'static str| {
            found.push(Breach { file: source.path.clone(), line: sight.line, what, remedy });
        };
        match &sight.kind {
            SightKind::Path { segments, glob, reexport } => {
                let words: Vec<&str> = segments.iter().map(String::as_str).collect();
                if *glob && *reexport {
                    say(format!("re-exports {}::*", segments.join("::")), "name what the room gives away");
                }
                if words.starts_with(&["super", "super"]) {
                    say("climbs with super::super".into(), "write the path from `crate::`");
                }
                if words == ["unsafe"] && source.path != UNSAFE_ROOM {
                    say("unsafe".into(), "keep it in src/io/os.rs behind a safe function, with its SAFETY comment");
                }
                if sight.test || hands {
                    continue;
                }
                if words.len() > 1 && matches!(words[0], "std" | "core") && WORLD.contains(&words[1]) {
                    say(format!("uses {}", segments.join("::")), "only io, live and cli touch the world");
                }
                if words.len() > 1
                    && matches!(words[words.len() - 2], "f64" | "f32")
                    && INEXACT.contains(&words[words.len() - 1])
                {
                    say(format!("calls {}", segments.join("::")), LIBM);
                }
                for (word, remedy) in UNREPEATABLE {
                    if words.contains(word) {
                        say(format!("uses {word}"), remedy);
                    }
                }
            }
            SightKind::Method(name) if INEXACT.contains(&name.as_str()) && !sight.test && !hands => {
                say(format!("calls .{name}()"), LIBM);
            }
            SightKind::Macro(name) if matches!(name.as_str(), "todo" | "unimplemented" | "dbg") => {
                say(format!("{name}!"), "finish it, or leave it out");
            }
            SightKind::Attribute(name) if name == "ignore" => {
                say("#[ignore]".into(), "a test that is not run proves nothing: mend it or delete it");
            }
            SightKind::Method(_) | SightKind::Macro(_) | SightKind::Attribute(_) => {}
        }
    }
    found
}

const LIBM: &str = "call the function of that name in crate libm: results must not differ between machines";

/// What a file must open with, and how long it may be.
pub fn shape(source: &Source) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut say = |line: usize, what: String, remedy: &'static str| {
        found.push(Breach { file: source.path.clone(), line, what, remedy });
    };
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        say(LINES_MAX + 1, format!("{lines} lines, more than {LINES_MAX}"), "split it by reasons to change");
    }
    let docs: Vec<&str> = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
    // What a `mod tests;` holds is told by the file that it tests.
    let explained = source.test && source.path.starts_with("src/");
    if docs.is_empty() && !explained {
        say(1, "does not open with //! docs".into(), "say in one line what the file is for");
    }
    let is_room = source.module.len() == 1 && source.room() != "main";
    if is_room && !docs.iter().any(|line| line.starts_with("//! Invariant:")) {
        say(1, "the room has no `//! Invariant:` line".into(), "say what is absent from it, so that nobody adds it");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(module: &[&str], text: &str) -> Vec<(usize, String)> {
        breaches(&Source::snippet(module, text)).into_iter().map(|breach| (breach.line, breach.what)).collect()
    }

    #[test]
    fn the_world_is_for_the_hands() {
        for (text, what) in [
            ("use std::fs;", "uses std::fs"),
            ("use std::{fmt, net::TcpStream};", "uses std::net::TcpStream"),
            ("fn f() { std::thread::spawn(|| ()); }", "uses std::thread::spawn"),
            ("fn f() { assert!(std::process::id() > 0); }", "uses std::process::id"),
            ("use std::time::Instant;", "uses Instant"),
            ("use std::time::{Duration, SystemTime as Clock};", "uses SystemTime"),
            ("type T = std::collections::HashMap<u8, u8>;", "uses HashMap"),
            ("fn f() -> HashSet<u8> { todo() }", "uses HashSet"),
        ] {
            assert_eq!(found(&["run"], text), [(1, what.to_string())], "{text}");
            assert_eq!(found(&["io"], text), [], "{text}");
            assert_eq!(found(&["run"], &format!("#[cfg(test)] mod tests {{ {text} }}")), [], "{text}");
        }
    }

    #[test]
    fn sines_come_from_libm() {
        assert_eq!(found(&["sim"], "fn f(x: f64) -> f64 {\n x.sin() }"), [(2, "calls .sin()".to_string())]);
        assert_eq!(
            found(&["sim"], "fn f(x: f64) { vec![x].into_iter().map(f64::exp); }"),
            [(1, "calls f64::exp".to_string())]
        );
        assert_eq!(
            found(&["sim"], "fn f(x: f64) { println!(\"{}\", 2.0_f64.powi(3)); }"),
            [(1, "calls .powi()".to_string())]
        );
        assert_eq!(found(&["sim"], "fn f(x: f64) -> f64 { libm::sin(x) + x.sqrt() + w.exp }"), []);
        assert_eq!(found(&["sim"], "fn f(x: u8) { for _ in 0..log(x) {} }"), [], "the end of a range is no method");
    }

    #[test]
    fn what_may_stand_nowhere_is_found_in_tests_too() {
        for (text, what) in [
            ("pub use inner::*;", "re-exports inner::*"),
            ("pub(crate) use inner::{deep::*};", "re-exports inner::deep::*"),
            ("use super::super::x;", "climbs with super::super"),
            ("fn f() { unsafe { g() } }", "unsafe"),
            ("fn f() { todo!() }", "todo!"),
            ("fn f() { std::dbg!(1); }", "dbg!"),
            ("#[ignore] fn f() {}", "#[ignore]"),
        ] {
            assert!(found(&["run"], text).iter().any(|(_, found)| found == what), "{text}");
            let tested = format!("#[cfg(test)] mod tests {{ {text} }}");
            assert!(found(&["io"], &tested).iter().any(|(_, found)| found == what), "{tested}");
        }
        assert_eq!(
            found(&["run"], "use inner::*; pub use inner::One; // unsafe todo!()\nconst S: &str = \"unsafe\";"),
            []
        );
        assert_eq!(found(&["io", "os"], "fn f() { unsafe { g() } }"), []);
    }

    #[test]
    fn a_file_says_what_it_is_for_and_is_not_endless() {
        let what = |module: &[&str], text: &str| -> Vec<String> {
            shape(&Source::snippet(module, text)).into_iter().map(|breach| breach.what).collect()
        };
        assert_eq!(what(&["run"], "//! The run.\n//!\n//! Invariant: no clock.\nfn f() {}"), [""; 0]);
        assert_eq!(what(&["run"], "//! The run.\n"), ["the room has no `//! Invariant:` line"]);
        assert_eq!(what(&["run", "event"], "//! Events.\n"), [""; 0]);
        assert_eq!(what(&["run", "event"], "fn f() {}"), ["does not open with //! docs"]);
        let tests = Source { test: true, ..Source::snippet(&["run", "tests"], "fn f() {}") };
        assert_eq!(shape(&tests), []);
        let long = format!("//! Long.\n{}", "\n".repeat(LINES_MAX));
        assert_eq!(what(&["run", "event"], &long), ["901 lines, more than 900"]);
    }
}
