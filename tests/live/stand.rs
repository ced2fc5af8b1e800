//! The stand: a rig, its envelope and its scenarios in a folder of the test's own.

use super::process::{Ended, Running, program, run};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/stand");

/// A rig on a port, and where its runs go.
pub struct Stand {
    folder: TempDir,
}

impl Stand {
    /// A stand whose machine is behind this port (`twin`: nowhere).
    pub fn on(port: &str) -> Stand {
        Stand::with(port, "10 s")
    }

    /// Like [`Stand::on`]; the first rung of the ladder is given this long.
    pub fn with(port: &str, land_within: &str) -> Stand {
        let stand = Stand { folder: tempfile::tempdir().expect("a temporary folder can be made") };
        for file in ["rig.yaml", "envelope.yaml", "hop.yaml", "asked.yaml"] {
            let text = std::fs::read_to_string(Path::new(FILES).join(file)).expect("the fixture is there");
            let text = text.replace("PORT", port).replace("LAND_WITHIN", land_within);
            std::fs::write(stand.file(file), text).expect("it can be written");
        }
        stand
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), text).expect("it can be written");
    }

    /// Where the state of its rig is kept.
    pub fn state(&self) -> PathBuf {
        self.file("state")
    }

    /// `rigs …` on the state of its rig.
    #[track_caller]
    pub fn rigs(&self, arguments: &[&str]) -> Ended {
        Running::start(program([&["rigs"], arguments].concat()).env("CHECKREIN_STATE", self.state())).end()
    }

    pub fn runs(&self) -> PathBuf {
        self.file("runs")
    }

    /// `run` of one of its scenarios, without plots.
    pub fn arguments(&self, scenario: &str, more: &[&str]) -> Vec<String> {
        let path = |name: &str| self.file(name).display().to_string();
        let mut all = vec!["run".to_owned(), path(scenario), "--rig".into(), path("rig.yaml"), "--no-plots".into()];
        if !more.contains(&"--runs") {
            all.extend(["--runs".to_owned(), path("runs")]);
        }
        all.extend(more.iter().map(|word| (*word).to_owned()));
        all
    }

    pub fn start(&self, scenario: &str, more: &[&str]) -> Running {
        Running::start(program(self.arguments(scenario, more)).env("CHECKREIN_STATE", self.state()))
    }

    #[track_caller]
    pub fn run(&self, scenario: &str, more: &[&str]) -> Ended {
        self.start(scenario, more).end()
    }

    /// The folder of the one run there was.
    #[track_caller]
    pub fn only_run(&self) -> PathBuf {
        let all: Vec<PathBuf> = std::fs::read_dir(self.runs())
            .map(|folder| folder.map(|entry| entry.expect("it can be listed").path()).collect())
            .unwrap_or_default();
        let [only] = all.as_slice() else { panic!("not one run: {all:?}") };
        only.clone()
    }

    #[track_caller]
    pub fn no_run_was_made(&self) {
        assert!(!self.runs().exists(), "nothing may be made of a run that cannot begin");
    }

    #[track_caller]
    pub fn verdict(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.only_run().join("verdict.json")).expect("the verdict was written");
        serde_json::from_str(&text).expect("the verdict is JSON")
    }
}

/// Folds the recording of a run again: identical, or the test fails.
#[track_caller]
pub fn replays(run_folder: &Path) -> String {
    run([Path::new("replay"), run_folder]).with(0).stdout
}
