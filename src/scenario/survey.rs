//! The first look at a scenario: which fragments it uses, which phases and steps it names, in the order of the run.
//!
//! Formulas may speak of phases and steps that come later, so that these must be known before the first is checked.

use super::keys::{REHEARSAL_VERBS, VERBS};
use crate::diag::Files;
use crate::rig::yaml::{self, Entry, Kind, Node, Page, Word};
use std::collections::BTreeMap;

/// How deep fragments may use fragments.
const USE_DEPTH_MAX: usize = 8;
/// The most steps of a run, fragments written out; what `repeat` repeats counts once.
const STEPS_MAX: usize = 10_000;

/// A fragment file as read.
pub(super) struct Fragment {
    pub page: Page,
    pub node: Option<Node>,
    pub bytes: Vec<u8>,
}

/// What the first look found.
#[derive(Default)]
pub(super) struct Survey {
    /// By path; the error says why a file could not be read.
    pub fragments: BTreeMap<String, Result<Fragment, String>>,
    /// In order of first appearance; 0 is `none`.
    pub phases: Vec<String>,
    /// The states of `step`: 0 is `none`, then every step by its name or its number.
    pub steps: Vec<String>,
    /// Some fault is marked as one that may act on a real machine.
    pub energised: bool,
    /// Some fault acts on what a controller is told.
    pub tells: bool,
    /// There are more steps than a run may have.
    pub too_many: bool,
}

/// Looks through lists of steps. `root`: the folder that `use` paths start from.
pub(super) fn survey(lists: &[Option<&Node>], root: &str, files: &dyn Files) -> Survey {
    let mut survey = Survey { phases: vec!["none".into()], steps: vec!["none".into()], ..Survey::default() };
    for list in lists.iter().flatten() {
        survey.list(list, root, files, &mut Vec::new());
    }
    survey
}

/// The step's verb: the first key that is one.
pub(super) fn verb(entries: &[Entry]) -> Option<&Entry> {
    entries.iter().find(|e| VERBS.iter().chain(REHEARSAL_VERBS).any(|(verb, _)| *verb == e.key.text))
}

/// The path of a fragment, as `Files` knows it.
pub(super) fn fragment_path(root: &str, word: &Word) -> String {
    if root.is_empty() { word.text.clone() } else { format!("{root}/{}", word.text) }
}

impl Survey {
    fn list(&mut self, node: &Node, root: &str, files: &dyn Files, open: &mut Vec<String>) {
        let Kind::List(items) = &node.kind else { return };
        for item in items {
            let Kind::Map(entries) = &item.kind else { continue };
            let Some(verb) = verb(entries) else { continue };
            if verb.key.text == "use" {
                self.fragment(&verb.value, root, files, open);
                continue;
            }
            if self.steps.len() > STEPS_MAX {
                self.too_many = true;
                return;
            }
            let name = entries.iter().find(|e| e.key.text == "name").and_then(|e| e.value.word());
            let number = self.steps.len();
            self.steps.push(name.map_or_else(|| format!("step {number}"), |word| word.text.clone()));
            if let ("phase", Some(word)) = (verb.key.text.as_str(), verb.value.word())
                && !self.phases.contains(&word.text)
            {
                self.phases.push(word.text.clone());
            }
            if let ("inject", Kind::Map(fault)) = (verb.key.text.as_str(), &verb.value.kind) {
                let says = |key: &str| fault.iter().find(|e| e.key.text == key).and_then(|e| e.value.word());
                self.energised |= says("energised").is_some_and(|word| word.text == "true");
                self.tells |= says("on").is_some_and(|word| {
                    word.text.split_once('.').is_some_and(|(_, rest)| rest == "tells" || rest.starts_with("tells."))
                });
            }
            if let ("parallel", Kind::List(lanes)) = (verb.key.text.as_str(), &verb.value.kind) {
                for lane in lanes {
                    self.list(lane, root, files, open);
                }
            }
            if let Some(steps) = entries.iter().find(|e| e.key.text == "steps") {
                self.list(&steps.value, root, files, open);
            }
        }
    }

    fn fragment(&mut self, node: &Node, root: &str, files: &dyn Files, open: &mut Vec<String>) {
        let Some(word) = node.word() else { return };
        let path = fragment_path(root, word);
        if open.contains(&path) || open.len() >= USE_DEPTH_MAX {
            return; // Told when the steps are read.
        }
        let fragment = self.fragments.entry(path.clone()).or_insert_with(|| {
            let bytes = files.read(&path)?;
            let (page, node) = yaml::load(&path, &bytes);
            Ok(Fragment { page, node, bytes })
        });
        let Ok(fragment) = fragment else { return };
        // Cloned, since the walk goes on into the same map of fragments.
        let Some(Kind::Map(entries)) = fragment.node.clone().map(|n| n.kind) else { return };
        open.push(path);
        if let Some(steps) = entries.iter().find(|e| e.key.text == "steps") {
            self.list(&steps.value, root, files, open);
        }
        open.pop();
    }
}

/// Whether a fragment would use itself, or fragments are nested too deep; in words.
pub(super) fn refused(open: &[String], path: &str) -> Option<String> {
    if open.iter().any(|p| p == path) {
        return Some(format!("fragment `{path}` would use itself"));
    }
    (open.len() >= USE_DEPTH_MAX).then(|| format!("fragments use fragments more than {USE_DEPTH_MAX} deep"))
}
