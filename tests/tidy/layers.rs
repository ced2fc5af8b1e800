//! Who may import whom. The table of ARCHITECTURE.md as code; change both together, with the reason.

use crate::sight::{Sight, SightKind, sights};
use crate::source::{Breach, Source};

/// The rooms from the bottom up. A room imports only rooms that stand before it.
pub const ROOMS: &[&str] = &[
    // words
    "time", "wire", "diag", "units", "signal", "command", //
    // the safety kernel
    "guard", //
    // meaning
    "expr", "stl", "codec", "fault", "policy", "rig", "scenario", //
    // judgement
    "run", "log", "sim", "virtual", "import", //
    // hands
    "io", //
    // eyes
    "trace", "judge", "report", "plot", "live", "html", "campaign", "cli", //
    "main",
];

/// Rooms that may import no more than this, though more stands below them.
const ONLY: &[(&str, &[&str])] = &[("guard", &["time", "wire", "signal", "command"])];

/// Arrows that would point down and are forbidden all the same.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("io", &["codec", "stl", "expr", "virtual"], "io moves bytes; let `run` decide what they mean"),
    ("sim", &["scenario", "run", "log"], "a twin knows the rig and its world, not the script that tests it"),
    ("trace", &["io", "sim", "virtual"], "eyes look at the log, not at the wire"),
    ("judge", &["io", "sim", "virtual"], "eyes look at the log, not at the wire"),
    ("report", &["io", "sim", "virtual"], "eyes look at the log, not at the wire"),
    ("plot", &["io", "sim", "virtual"], "eyes look at the log, not at the wire"),
    ("live", &["io", "sim", "virtual"], "the live view may look, or send an order; give it a channel"),
    ("html", &["io", "sim", "virtual"], "eyes look at the log, not at the wire"),
    ("campaign", &["io"], "a planner says what to run; `cli` runs it"),
];

/// Crates that do input and output: for the hands alone.
const HANDS: &[&str] = &["io", "live", "cli", "main"];
const HANDS_CRATES: &[&str] =
    &["tokio", "tokio_serial", "serialport", "rumqttc", "mqtt5", "tokio_rustls", "rustix", "libc"];

/// Everything in this file that points where it may not.
pub fn breaches(source: &Source) -> Vec<Breach> {
    let room = source.room();
    if room == "lib" {
        return Vec::new();
    }
    let mut found = Vec::new();
    if !ROOMS.contains(&room) {
        found.push(breach(
            source,
            1,
            format!("the room `{room}` is not in the table"),
            "give it its place in ROOMS in tests/tidy/layers.rs and in ARCHITECTURE.md",
        ));
        return found;
    }
    for sight in sights(source).iter().filter(|sight| !sight.test) {
        let SightKind::Path { segments, .. } = &sight.kind else { continue };
        if let Some(target) = target(sight, segments)
            && target != room
            && let Some((what, remedy)) = forbidden(room, &target)
        {
            found.push(breach(source, sight.line, what, remedy));
        }
        if segments.len() > 1 && HANDS_CRATES.contains(&segments[0].as_str()) && !HANDS.contains(&room) {
            let what = format!("{room} uses {}", segments.join("::"));
            found.push(breach(source, sight.line, what, "only io, live and cli touch the world; hand the rest values"));
        }
    }
    found.dedup();
    found
}

/// The top room that a path leads to, if it stays within the crate.
fn target(sight: &Sight, segments: &[String]) -> Option<String> {
    let mut module = sight.module.clone();
    let mut rest = segments;
    match segments[0].as_str() {
        "crate" | "checkrein" => {
            module.clear();
            rest = &segments[1..];
        }
        "super" | "self" => {
            while let Some((first, others)) = rest.split_first() {
                match first.as_str() {
                    "super" => drop(module.pop()),
                    "self" => {}
                    _ => break,
                }
                rest = others;
            }
        }
        _ => return None,
    }
    module.extend(rest.iter().cloned());
    // A word that is no room is an item of the crate's root, which has none worth forbidding.
    module.into_iter().next().filter(|name| ROOMS.contains(&name.as_str()))
}

fn forbidden(room: &str, target: &str) -> Option<(String, &'static str)> {
    let what = format!("{room} imports {target}");
    if let Some((_, only)) = ONLY.iter().find(|(name, _)| *name == room)
        && !only.contains(&target)
    {
        return Some((what, "the guard rests on time, wire, signal and command alone; hand it plain values"));
    }
    if let Some((_, _, remedy)) = NEVER.iter().find(|(name, never, _)| *name == room && never.contains(&target)) {
        return Some((what, remedy));
    }
    let place = |name: &str| ROOMS.iter().position(|other| *other == name);
    (place(target) >= place(room))
        .then_some((what, "arrows point down: move what both need into a room below, or turn the call around"))
}

fn breach(source: &Source, line: usize, what: String, remedy: &'static str) -> Breach {
    Breach { file: source.path.clone(), line, what, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(module: &[&str], text: &str) -> Vec<(usize, String)> {
        breaches(&Source::snippet(module, text)).into_iter().map(|breach| (breach.line, breach.what)).collect()
    }

    fn one(line: usize, what: &str) -> Vec<(usize, String)> {
        vec![(line, what.to_string())]
    }

    #[test]
    fn arrows_down_are_fine() {
        assert_eq!(
            found(&["run", "event"], "use crate::guard::{Cause, Guard};\nuse crate::run::Run; use super::Input;"),
            []
        );
        assert_eq!(found(&["cli"], "use crate::io::host; fn f() { crate::plot::draw(); }"), []);
        assert_eq!(found(&["guard"], "use crate::{command::Bound, time::Time, wire::LinkId, signal::SignalId};"), []);
    }

    #[test]
    fn arrows_up_are_found_in_every_disguise() {
        let up = "signal imports run";
        for text in [
            "use crate::run::Run;",
            "use crate::{time::Time, run::{self, Run}};",
            "fn f() { crate::run::go() }",
            "fn f() { println!(\"{}\", crate::run::go()) }",
            "use super::super::run::Run;",
            "#[derive(crate::run::Derive)] struct S;",
            "mod inner { use super::super::super::run::Run; }",
        ] {
            assert!(found(&["signal", "sample"], text).contains(&(1, up.to_string())), "{text}");
        }
        assert_eq!(found(&["sim"], "use crate::r#virtual::Driver;"), one(1, "sim imports virtual"));
    }

    #[test]
    fn special_bans_hold_though_the_arrow_points_down() {
        assert_eq!(found(&["guard", "gate"], "\nuse crate::units::Unit;"), one(2, "guard imports units"));
        assert_eq!(found(&["io", "host"], "use crate::codec::Codec;"), one(1, "io imports codec"));
        assert_eq!(found(&["io"], "use crate::stl::Engine;"), one(1, "io imports stl"));
        assert_eq!(found(&["plot"], "use crate::io::clock;"), one(1, "plot imports io"));
        assert_eq!(found(&["sim"], "use crate::run::Run;"), one(1, "sim imports run"));
    }

    #[test]
    fn crates_that_touch_the_world_are_for_the_hands() {
        assert_eq!(found(&["run"], "use tokio::net::TcpStream;"), one(1, "run uses tokio::net::TcpStream"));
        assert_eq!(found(&["log"], "#[tokio::main] fn f() {}"), one(1, "log uses tokio::main"));
        assert_eq!(found(&["io"], "use tokio::net::TcpStream;"), []);
    }

    #[test]
    fn tests_may_look_anywhere_and_unknown_rooms_are_refused() {
        assert_eq!(found(&["signal"], "#[cfg(test)]\nmod tests { use crate::run::Run; }"), []);
        assert_eq!(
            found(&["signal"], "#[cfg(test)]\nmod tests { }\nuse crate::run::Run;"),
            one(3, "signal imports run")
        );
        assert_eq!(found(&["cellar"], ""), one(1, "the room `cellar` is not in the table"));
    }
}
