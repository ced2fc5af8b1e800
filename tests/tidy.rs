//! The house rules, held by a machine: who imports whom, what may stand where, and that the guard needs nothing.
//! Every breach is told with its file and line and what to do; each check is tried on snippets that break it.

#[path = "tidy/bare.rs"]
mod bare;
#[path = "tidy/habits.rs"]
mod habits;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/origins.rs"]
mod origins;
#[path = "tidy/sight.rs"]
mod sight;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/words.rs"]
mod words;

use source::{Breach, Source, files, reachable, root};

fn refuse(mut breaches: Vec<Breach>) {
    breaches.sort();
    breaches.dedup();
    let list: String = breaches.iter().map(|breach| format!("\n{breach}")).collect();
    assert!(breaches.is_empty(), "{} breach(es) of the house rules:{list}", breaches.len());
}

/// The crate's own sources; never none, or every check would pass.
fn crate_sources() -> Vec<Source> {
    let sources = reachable(&root().join("src"));
    for room in ["lib", "main", "guard", "run", "time"] {
        assert!(sources.iter().any(|source| source.room() == room), "the walk lost its way: no file of `{room}`");
    }
    sources
}

/// Sources of tests and benches, which belong to no room.
fn bystanders() -> Vec<Source> {
    let folders = ["tests", "benches"];
    let paths = folders.iter().flat_map(|folder| files(&root().join(folder), &[".rs"]));
    paths
        .filter_map(|path| source::text(&path))
        .map(|(path, text)| Source { path, module: vec!["tests".into()], test: true, text })
        .collect()
}

#[test]
fn arrows_point_down_only() {
    refuse(crate_sources().iter().flat_map(layers::breaches).collect());
}

#[test]
fn the_architecture_tells_of_every_room_in_the_table() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let (table, _) = text.split_once("## Who may import whom").expect("the rooms come first");
    let missing: Vec<_> = layers::ROOMS.iter().filter(|room| !table.contains(&format!("`{room}`"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md, \"The rooms, bottom to top\", does not tell of {missing:?}");
}

#[test]
fn habits_are_kept() {
    refuse(crate_sources().iter().chain(&bystanders()).flat_map(habits::breaches).collect());
}

#[test]
fn every_file_says_what_it_is_for_and_ends_in_time() {
    let mut breaches: Vec<Breach> = crate_sources().iter().flat_map(habits::shape).collect();
    breaches.extend(bystanders().iter().flat_map(habits::shape).filter(|breach| !breach.what.contains("Invariant")));
    refuse(breaches);
}

#[test]
fn every_number_of_a_world_says_what_it_rests_on() {
    let sources = crate_sources();
    assert!(sources.iter().any(|source| source.path == "src/sim/world/quadrotor.rs"), "the worlds have moved");
    refuse(sources.iter().flat_map(origins::breaches).collect());
}

#[test]
fn no_source_is_dead() {
    refuse(source::dead(&root().join("src"), &crate_sources()));
}

#[test]
fn no_text_makes_excuses_or_tells_where_it_was_written() {
    let endings = [
        ".rs",
        ".md",
        ".toml",
        ".yaml",
        ".yml",
        ".proto",
        ".py",
        ".sh",
        ".txt",
        ".json",
        ".xml",
        ".dbc",
        "run",
        "bare-root",
    ];
    let texts = files(root(), &endings).into_iter().filter_map(|path| source::text(&path));
    refuse(
        texts
            .filter(|(path, _)| words::is_judged(path))
            .flat_map(|(path, text)| words::breaches(&path, &text))
            .collect(),
    );
}

#[test]
fn a_file_that_nobody_declares_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("lib.rs", "pub mod open; mod inline { mod deep; } #[cfg(test)] mod tried; pub mod r#virtual;");
    write("open/mod.rs", "mod part;");
    write("open/part.rs", "");
    write("open/lost.rs", "");
    write("inline/deep.rs", "");
    write("tried.rs", "");
    write("virtual.rs", "");
    let sources = reachable(folder.path());
    let modules: Vec<(String, bool)> = sources.iter().map(|source| (source.module.join("::"), source.test)).collect();
    let expected = [
        ("", false),
        ("open", false),
        ("open::part", false),
        ("inline::deep", false),
        ("tried", true),
        ("virtual", false),
    ];
    assert_eq!(modules, expected.map(|(module, test)| (module.to_string(), test)));
    let dead: Vec<String> = source::dead(folder.path(), &sources).into_iter().map(|breach| breach.file).collect();
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert!(dead[0].ends_with("open/lost.rs"), "{dead:?}");
}
