//! Every shipped scenario ends on its twins as its rig's page says, no scenario is missing there, and every machine is left at
//! rest or in alarm.

mod common;

use checkrein::run::RunVerdict;
use checkrein::run::event::EventKind;
use checkrein::r#virtual::Options;
use std::collections::BTreeMap;

#[test]
fn every_scenario_ends_as_its_rigs_page_says() {
    let pages = common::told_scenarios();
    let told: BTreeMap<(&str, &str), &str> =
        pages.iter().map(|[rig, name, word, _]| ((rig.as_str(), name.as_str()), word.as_str())).collect();
    let mut shipped = 0;
    for rig in common::folders("scenarios").into_iter().filter(|rig| common::root().join("rigs").join(rig).is_dir()) {
        let mut words = Vec::new();
        let files =
            std::fs::read_dir(common::root().join("scenarios").join(&rig)).expect("it was just listed").flatten();
        for file in files.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
            let Some(name) = file.strip_suffix(".yaml") else { continue };
            let word = told.get(&(rig.as_str(), name));
            let word = word.unwrap_or_else(|| panic!("rigs/{rig}/README.md does not say how `{name}` ends"));
            ends(&format!("scenarios/{rig}/{file}"), word);
            words.push(*word);
            shipped += 1;
        }
        // A rig on which nothing can fail or go untested shows nobody what it is for.
        for wanted in ["pass", "fail", "inconclusive"] {
            assert!(words.contains(&wanted), "{rig}: no scenario ends with {wanted}");
        }
        assert!(words.len() >= 5, "{rig}: {words:?}");
    }
    assert_eq!(shipped, told.len(), "a page names a scenario that is not there");
}

fn ends(scenario: &str, word: &str) {
    let plan = common::plan(scenario, 1);
    let (outcome, kept) = common::run(&plan, &Options::default());
    let verdict = match outcome.verdict {
        RunVerdict::Pass => "pass",
        RunVerdict::Fail => "fail",
        RunVerdict::Inconclusive => "inconclusive",
        RunVerdict::Blocked => "blocked",
        RunVerdict::Aborted => "aborted",
    };
    assert_eq!(verdict, word, "{scenario}: {:?}", outcome.reasons);
    let alarmed = kept.events().iter().any(|event| matches!(event.kind, EventKind::Alarm { .. }));
    assert!(!alarmed, "{scenario}: a machine was not made safe: {:?}", outcome.reasons);
}
