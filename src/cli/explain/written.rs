//! Rules and signals that were written on the command line.

use super::{ExplainArguments, Refusal, Subject, rig_file};
use crate::cli::check::print_diagnostics;
use crate::command::RuleId;
use crate::diag::{Diagnostic, Source};
use crate::expr::Scope;
use crate::io::Disk;
use crate::rig::{Names, Origin, Rule, load};
use crate::stl::{self, TextRule};
use crate::units::Problem;
use std::sync::Arc;

/// The rules of `--rule` over the signals of the rig, if one is named, and of `--signal`.
pub fn subject(arguments: &ExplainArguments, file: Option<&str>) -> Result<Subject, Refusal> {
    let rig = match (file, &arguments.rig) {
        (Some(file), _) => Some(file.to_owned()),
        (None, Some(rig)) => Some(rig_file(rig)?),
        (None, None) => None,
    };
    let mut names = Names::default();
    let mut devices = Vec::new();
    let title = rig.clone().unwrap_or_else(|| "the command line".into());
    if let Some(path) = rig {
        let loaded = load(&path, &Disk).map_err(|why| Refusal::Say(format!("error: {path} cannot be read: {why}")))?;
        if loaded.rig.is_none() {
            print_diagnostics(&loaded.into_problems());
            return Err(Refusal::Said);
        }
        devices = loaded.devices.iter().map(|(name, ..)| name.clone()).collect();
        names = loaded.names;
    }
    let mut problems = Vec::new();
    for text in &arguments.signals {
        match stl::signal(text) {
            Ok(def) => {
                let length = def.name.len();
                let message = format!("`{}` is described twice", def.name);
                if names.signals.add(def).is_none() {
                    let twice =
                        Problem { severity: crate::diag::Severity::Error, span: 0..length, message, remedy: None };
                    problems.push(diagnostic("--signal", text, twice));
                }
            }
            Err(problem) => problems.push(diagnostic("--signal", text, problem)),
        }
    }
    let scope =
        Scope { signals: &names.signals, defines: &names.defines, parameters: None, run_names: false, future: true };
    let mut rules = Vec::new();
    for (place, text) in arguments.rules.iter().enumerate() {
        match stl::rule(text, RuleId(u16::try_from(place).unwrap_or(u16::MAX)), &scope) {
            Ok(read) => {
                let hints = read.checked.hints.iter().map(|hint| diagnostic("--rule", text, hint.clone()));
                print_diagnostics(&hints.collect::<Vec<_>>());
                rules.push(rule(read, place));
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| diagnostic("--rule", text, problem))),
        }
    }
    if problems.is_empty() {
        return Ok(Subject { title, rules, signals: names.signals, devices });
    }
    print_diagnostics(&problems);
    if problems.iter().any(|problem| problem.message.starts_with("unknown signal")) {
        return Err(Refusal::Say(
            "say what a signal is with --signal 'altitude: m, every 20 ms', or name a --rig".into(),
        ));
    }
    Err(Refusal::Said)
}

fn diagnostic(name: &str, text: &str, problem: Problem) -> Diagnostic {
    Diagnostic {
        severity: problem.severity,
        source: Arc::new(Source { name: name.into(), text: text.to_owned() }),
        span: problem.span,
        message: problem.message,
        remedy: problem.remedy,
    }
}

fn rule(mut read: TextRule, place: usize) -> Rule {
    let name = read.name.take().unwrap_or_else(|| format!("rule {}", place + 1));
    Rule::judged(name, read, Origin::Scenario)
}
