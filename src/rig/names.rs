//! What formulas of a rig may speak of, and the one way in which files ask `expr` about a formula.

use super::yaml::{Page, Word};
use crate::expr::{self, Checked, CheckedQuantity, Scope};
use crate::signal::{Every, SignalDef, SignalKind, SignalTable};
use crate::stl;
use crate::units::{Dimension, Quantity, Unit};
use crate::wire::DeviceId;
use std::collections::{BTreeMap, BTreeSet};

/// Signals and definitions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub signals: SignalTable,
    pub defines: BTreeMap<String, String>,
    /// Names whose own line is wrong: what is wrong with a formula that reads them is not told again.
    pub broken: BTreeSet<String>,
}

/// Where a formula stands, and so what it may use.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Place<'a> {
    /// Envelope rules: no parameters, no run names, the future allowed.
    Envelope,
    /// Rules over a trace: nothing can be stopped any more, so that reactions are read over.
    Trace,
    /// `safe`, `when` of rungs, the trigger of an envelope rule is `Envelope`: the past alone.
    Device,
    /// A scenario's rule.
    Rule(&'a BTreeMap<String, Quantity>),
    /// A step.
    Step(&'a BTreeMap<String, Quantity>),
}

impl Names {
    /// Reads and checks a formula, tells what is wrong with it, and passes its hints on.
    pub fn formula(&self, page: &mut Page, word: &Word, place: Place<'_>) -> Option<Checked> {
        let (parameters, run_names, future) = match place {
            Place::Envelope => (None, false, true),
            Place::Trace => (None, true, true),
            Place::Device => (None, false, false),
            Place::Rule(parameters) => (Some(parameters), true, true),
            Place::Step(parameters) => (Some(parameters), true, false),
        };
        let scope = Scope { signals: &self.signals, defines: &self.defines, parameters, run_names, future };
        match expr::formula(&word.text, &scope) {
            Ok(checked) => {
                for hint in &checked.hints {
                    page.problem(word, hint.clone());
                }
                if let Some((message, remedy)) = stl::too_much(&checked.formula, &self.signals) {
                    page.error(word.span.clone(), message, Some(remedy));
                    return None;
                }
                Some(checked)
            }
            Err(problems) => {
                if !self.broken.iter().any(|name| mentions(&word.text, name)) {
                    for problem in problems {
                        page.problem(word, problem);
                    }
                }
                None
            }
        }
    }

    /// Reads and checks a quantity over signals, and tells what is wrong with it.
    pub fn quantity(&self, page: &mut Page, word: &Word) -> Option<CheckedQuantity> {
        let scope =
            Scope { signals: &self.signals, defines: &self.defines, parameters: None, run_names: false, future: false };
        match expr::quantity(&word.text, &scope) {
            Ok(checked) => {
                if let Some((message, remedy)) = stl::too_much(&checked.number.clone().probe(), &self.signals) {
                    page.error(word.span.clone(), message, Some(remedy));
                    return None;
                }
                Some(checked)
            }
            Err(problems) => {
                if !self.broken.iter().any(|name| mentions(&word.text, name)) {
                    problems.into_iter().for_each(|problem| page.problem(word, problem));
                }
                None
            }
        }
    }

    /// Adds the signals that the run itself tells. `phase` and `step` get their states from the scenario.
    /// Of each controller: its name, and whether it has a fallback.
    pub fn add_reserved(&mut self, controllers: &[(DeviceId, String, bool)]) {
        let none = || SignalKind::States { names: vec!["none".into()] };
        let seconds = Unit {
            dimension: Dimension { time: 1, ..Dimension::default() },
            scale: 1.0,
            offset: 0.0,
            text: "s".into(),
        };
        let reaction = SignalKind::Number { unit: seconds, range: None };
        let mut add = |name: &str, device, kind| {
            let def = SignalDef { name: name.into(), device, kind, every: Every::Change, stale_after: None };
            // Device names that could collide are refused, so that the name is free.
            self.signals.add(def);
        };
        add("phase", None, none());
        add("step", None, none());
        add("guard.tripped", None, SignalKind::Flag);
        add("guard.reaction", None, reaction);
        add("operator.reset", None, SignalKind::Pulse);
        for (device, name, _) in controllers {
            add(&format!("{name}.command"), Some(*device), SignalKind::Pulse);
        }
        for (_, name, _) in controllers.iter().filter(|(.., has_fallback)| *has_fallback) {
            // The guard's word, not the controller's: it does not go when the controller's link does.
            add(&format!("{name}.fallback"), None, SignalKind::Flag);
        }
    }
}

/// Device names that the run keeps for itself.
pub(super) const RESERVED_DEVICES: &[&str] = &["phase", "step", "guard", "operator", "world"];

/// Whether a formula's text holds the name as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_letter)
            && !text[at + name.len()..].chars().next().is_some_and(is_letter)
    })
}

/// The path `name` as seen from the folder of the file `path`; `..` and `.` are worked out.
pub(crate) fn beside(path: &str, name: &str) -> String {
    if name.starts_with('/') {
        return name.into();
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    tidy_path(&format!("{folder}/{name}"), path.starts_with('/'))
}

/// A path without `.` and `..` where they can be worked out.
pub(crate) fn tidy_path(path: &str, absolute: bool) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{beside, mentions};

    #[test]
    fn paths_are_seen_from_the_file_that_names_them() {
        assert_eq!(beside("rigs/drone/rig.yaml", "envelope.yaml"), "rigs/drone/envelope.yaml");
        assert_eq!(beside("rigs/drone/rig.yaml", "../common/e.yaml"), "rigs/common/e.yaml");
        assert_eq!(beside("rig.yaml", "../e.yaml"), "../e.yaml");
        assert_eq!(beside("/a/b/rig.yaml", "../../../e.yaml"), "/e.yaml");
        assert_eq!(beside("a/rig.yaml", "/etc/e.yaml"), "/etc/e.yaml");
    }

    #[test]
    fn a_name_is_a_word_of_its_own() {
        assert!(mentions("abs(fc.x) < 3 m", "fc.x"));
        assert!(!mentions("fc.xy < 3 m", "fc.x"));
        assert!(!mentions("a.fc.x < 3 m", "fc.x"));
    }
}
