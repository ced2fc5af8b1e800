//! `checkrein replay RUN… --envelope FILE`: what recorded runs are worth by another envelope, and what that changes.

use super::Exit;
use super::check::print_diagnostics;
use super::replay::load;
use super::say;
use crate::diag::Diagnostic;
use crate::io::Disk;
use crate::judge::{OtherRules, Unfit, again};
use crate::rig::{Origin, Rule};
use crate::run::RunVerdict;
use crate::run::event::EventKind;
use crate::stl::{Judgement, RuleVerdict};
use crate::trace::words;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What one rule says, in words.
#[derive(Clone, PartialEq, Eq, Serialize)]
struct Said {
    verdict: &'static str,
    margin: String,
    /// When it was broken first.
    broken_from: Option<String>,
}

/// One rule before and after; `None`: the envelope has no such rule.
#[derive(Serialize)]
struct Row {
    rule: String,
    was: Option<Said>,
    is: Option<Said>,
    changed: bool,
}

/// One run before and after.
#[derive(Serialize)]
struct Rejudged {
    run: String,
    was: &'static str,
    is: &'static str,
    rules: Vec<Row>,
}

/// Judges each run by the rules of the file; prints what changes.
pub fn rejudge(runs: &[PathBuf], envelope: &str, all: bool, json: bool) -> ExitCode {
    let mut rejudged = Vec::new();
    let mut unread = false;
    let mut warned = false;
    for run in runs {
        match one(run, envelope) {
            Ok((one, warnings)) => {
                if !std::mem::replace(&mut warned, true) {
                    print_diagnostics(&warnings);
                }
                rejudged.push(one);
            }
            Err(Unfit::Unread(why)) => {
                say::aside(format!("error: {why}"));
                unread = true;
            }
            Err(Unfit::Wrong(diagnostics)) => {
                print_diagnostics(&diagnostics);
                say::aside(format!("error: {envelope} does not fit the rig of {}", run.display()));
                unread = true;
            }
        }
    }
    if json {
        let text = serde_json::to_string_pretty(&rejudged).expect("it is plain data");
        say::line(text);
    } else {
        rejudged.iter().for_each(|one| say::text(&table(one, all)));
    }
    if unread {
        return Exit::Usage.into();
    }
    let any = |word: &str| rejudged.iter().any(|one| one.is == word);
    match (any("fail"), any("inconclusive")) {
        (true, _) => Exit::Verdict(RunVerdict::Fail).into(),
        (false, true) => Exit::Verdict(RunVerdict::Inconclusive).into(),
        (false, false) => Exit::Good.into(),
    }
}

fn one(run: &Path, envelope: &str) -> Result<(Rejudged, Vec<Diagnostic>), Unfit> {
    let (recording, recorded) = load(run).map_err(Unfit::Unread)?;
    let others = OtherRules::read(envelope, &Disk, &recording)?;
    let Some(judged) = again(&recording, &recorded, &others) else {
        let why = format!("{}: the run was never armed, so that no envelope watched it", run.display());
        return Err(Unfit::Unread(why));
    };
    let told: Vec<Judgement> = recording
        .events()
        .filter_map(|event| match &event.kind {
            EventKind::RuleJudged { judgement } => Some(judgement.clone()),
            _ => None,
        })
        .collect();
    let mut rules: Vec<Row> = others
        .rules
        .iter()
        .map(|rule| {
            let was = recorded.rules.iter().find(|other| other.name == rule.name && other.origin == Origin::Envelope);
            let was = was.and_then(|was| said(was, &told));
            let is = said(rule, &judged);
            Row { rule: rule.name.clone(), changed: was != is, was, is }
        })
        .collect();
    let gone = recorded.rules.iter().filter(|rule| rule.origin == Origin::Envelope);
    let gone = gone.filter(|rule| others.rules.iter().all(|other| other.name != rule.name));
    rules.extend(gone.map(|rule| Row { rule: rule.name.clone(), was: said(rule, &told), is: None, changed: true }));
    let rejudged = Rejudged {
        run: run.display().to_string(),
        was: overall(rules.iter().filter_map(|row| row.was.as_ref())),
        is: overall(rules.iter().filter_map(|row| row.is.as_ref())),
        rules,
    };
    Ok((rejudged, others.warnings))
}

/// What was found of the rule.
fn said(rule: &Rule, judged: &[Judgement]) -> Option<Said> {
    let judgement = judged.iter().find(|judgement| judgement.rule == rule.spec.id)?;
    Some(Said {
        verdict: words::verdict(judgement.verdict),
        margin: match judgement.verdict {
            RuleVerdict::Untested => "untested".into(),
            _ => words::margin_between(rule, judgement.margin),
        },
        broken_from: judgement.violated_at.map(|at| format!("{:.3} s", at.seconds())),
    })
}

/// All rules of an envelope together: one that was never tested fails nothing.
fn overall<'s>(said: impl Iterator<Item = &'s Said> + Clone) -> &'static str {
    let any = |word: RuleVerdict| said.clone().any(|said| said.verdict == words::verdict(word));
    match (any(RuleVerdict::Fail), any(RuleVerdict::Inconclusive), any(RuleVerdict::Pass)) {
        (true, ..) => "fail",
        (false, true, _) => "inconclusive",
        (false, false, true) => "pass",
        (false, false, false) => "untested",
    }
}

fn table(one: &Rejudged, all: bool) -> String {
    let turned = |was: &str, is: &str| if was == is { is.to_owned() } else { format!("{was} -> {is}") };
    let mut text = format!("{}: {}\n", one.run, turned(one.was, one.is));
    let shown: Vec<&Row> = one.rules.iter().filter(|row| all || row.changed).collect();
    let wide = shown.iter().map(|row| row.rule.chars().count()).max().unwrap_or(0);
    for row in &shown {
        let both = |of: &dyn Fn(&Said) -> String| match (&row.was, &row.is) {
            (Some(was), Some(is)) => turned(&of(was), &of(is)),
            (None, Some(is)) => of(is),
            (Some(was), None) => of(was),
            (None, None) => String::new(),
        };
        let news = match (&row.was, &row.is) {
            (None, Some(_)) => "  (new)",
            (Some(_), None) => "  (gone)",
            _ => "",
        };
        let broken = both(&|said| said.broken_from.clone().unwrap_or_else(|| "never".into()));
        let broken = if broken == "never" { "never broken".to_owned() } else { format!("broken from {broken}") };
        text += &format!(
            "  {:<wide$}  {:<20}  margin {}; {broken}{news}\n",
            row.rule,
            both(&|said| said.verdict.to_owned()),
            both(&|said| said.margin.clone()),
        );
    }
    match one.rules.len() - shown.len() {
        0 => {}
        1 => text += "  1 rule says the same\n",
        same => text += &format!("  {same} rules say the same\n"),
    }
    text
}
