//! Rules and signals, checked against each other and against what the trace holds.

use super::scan::{Column, Contents, Nature, Words};
use super::table::Reader;
use super::{Refused, Request};
use crate::command::RuleId;
use crate::diag::{Diagnostic, Files, Severity, Source, Spot};
use crate::expr::Scope;
use crate::rig::{self, Loaded, Names, Origin, Rule};
use crate::signal::{Every, SignalDef, SignalId, SignalKind, SignalTable};
use crate::stl;
use crate::time::Span;
use crate::units::{Problem, Unit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stands for the states that a trace does not show.
const UNSEEN: &str = "…";

/// Everything that was written, before the trace is looked at.
pub struct Texts {
    rules: Vec<Arc<Source>>,
    file: Option<(String, Vec<u8>)>,
    rig: Option<Loaded>,
    signals: Vec<SignalDef>,
}

/// Rules ready for the engine.
pub struct RuleSet {
    pub signals: SignalTable,
    pub rules: Vec<Checked>,
    /// By column; `None` where no rule reads it.
    pub readers: Vec<Option<Reader>>,
    /// What is probably not meant.
    pub hints: Vec<Diagnostic>,
    /// Signals that rules read and the trace does not hold.
    pub missing: Vec<SignalId>,
}

/// A rule with what it reads.
pub struct Checked {
    pub rule: Rule,
    pub signals: Vec<SignalId>,
    /// Its margin is a share of what the trace shows, since no ranges are declared.
    pub observed_ranges: bool,
}

impl Texts {
    /// Reads what was written.
    pub fn load(request: &Request, files: &dyn Files) -> Result<Texts, Refused> {
        let mut refused = Refused::default();
        let several = request.rules.len() > 1;
        let name = |i: usize| if several { format!("--rule {}", i + 1) } else { "--rule".into() };
        let source = |(i, text): (usize, &String)| Arc::new(Source { name: name(i), text: text.clone() });
        let rules = request.rules.iter().enumerate().map(source).collect();
        let mut unread = |path: &str, why: String| {
            refused.troubles.push(Spot {
                severity: Severity::Error,
                file: path.to_owned(),
                line: None,
                excerpt: None,
                message: format!("the file cannot be read: {why}"),
                remedy: None,
            });
        };
        let mut file = None;
        if let Some(path) = &request.rule_file {
            match files.read(path) {
                Ok(bytes) => file = Some((path.clone(), bytes)),
                Err(why) => unread(path, why),
            }
        }
        let mut loaded = None;
        if let Some(path) = &request.rig {
            match rig::load(path, files) {
                Ok(found) => loaded = Some(found),
                Err(why) => unread(path, why),
            }
        }
        if let Some(found) = loaded.take() {
            if found.rig.is_some() {
                loaded = Some(found);
            } else {
                refused.diagnostics.extend(found.into_problems());
            }
        }
        let mut signals: Vec<SignalDef> = Vec::new();
        for text in &request.signals {
            match stl::signal(text) {
                Ok(def) if signals.iter().any(|s| s.name == def.name) => {
                    let message = format!("`{}` is described twice", def.name);
                    refused.diagnostics.push(diagnostic(&said(text), Problem::error(0..def.name.len(), message)));
                }
                Ok(def) => signals.push(def),
                Err(problem) => refused.diagnostics.push(diagnostic(&said(text), problem)),
            }
        }
        if refused.diagnostics.is_empty() && refused.troubles.count() == 0 {
            Ok(Texts { rules, file, rig: loaded, signals })
        } else {
            Err(refused)
        }
    }

    /// Every word that could name a signal.
    pub fn words(&self) -> Words {
        let file = self.file.as_ref().map(|(_, bytes)| String::from_utf8_lossy(bytes));
        let rig = self.rig.iter().flat_map(|rig| rig.names.defines.values().map(String::as_str));
        let rules = self.rules.iter().map(|source| source.text.as_str());
        Words::of(rules.chain(file.as_deref()).chain(rig))
    }
}

fn said(text: &str) -> Arc<Source> {
    Arc::new(Source { name: "--signal".into(), text: text.to_owned() })
}

impl Problem {
    fn error(span: std::ops::Range<usize>, message: String) -> Problem {
        Problem { severity: Severity::Error, span, message, remedy: None }
    }
}

fn diagnostic(source: &Arc<Source>, problem: Problem) -> Diagnostic {
    Diagnostic {
        severity: problem.severity,
        source: source.clone(),
        span: problem.span,
        message: problem.message,
        remedy: problem.remedy,
    }
}

/// Checks all rules against what the trace holds. Where dimensions mix and no range is declared, what the trace shows takes
/// the place of the ranges: it only weighs comparisons against each other.
pub fn check(request: &Request, texts: &Texts, contents: &Contents) -> Result<RuleSet, Refused> {
    let names = names(request, texts, contents, false)?;
    let mut observed = None;
    let mut refused = Refused::default();
    let mut hints = Vec::new();
    let mut rules: Vec<Checked> = Vec::new();
    let mut with_ranges = || -> Result<Names, Refused> {
        match &observed {
            Some(names) => Ok(Names::clone(names)),
            None => {
                let made = self::names(request, texts, contents, true)?;
                observed = Some(made.clone());
                Ok(made)
            }
        }
    };
    let single = texts.rules.len() == 1 && texts.file.is_none();
    for (place, source) in texts.rules.iter().enumerate() {
        let id = RuleId(place as u16);
        let (read, observed_ranges) = match stl::rule(&source.text, id, &scope(&names)) {
            Ok(read) => (Ok(read), false),
            Err(problems) => match stl::rule(&source.text, id, &scope(&with_ranges()?)) {
                Ok(read) => (Ok(read), true),
                Err(_) => (Err(problems), false),
            },
        };
        match read {
            Ok(read) => {
                if !observed_ranges {
                    hints.extend(read.checked.hints.iter().map(|p| diagnostic(source, p.clone())));
                }
                let unnamed = || if single { "rule".to_owned() } else { format!("rule-{}", place + 1) };
                let signals = read.checked.signals.clone();
                let rule = Rule::judged(read.name.clone().unwrap_or_else(unnamed), read, Origin::Envelope);
                rules.push(Checked { rule, signals, observed_ranges });
            }
            Err(problems) => {
                refused.diagnostics.extend(problems.into_iter().map(|p| diagnostic(source, of_states(p))));
            }
        }
    }
    if let Some((path, bytes)) = &texts.file {
        let (mut page, mut read) = rig::rules_for_trace(path, bytes, &names);
        let mut shared = Vec::new();
        if page.has_errors() {
            let (other, again) = rig::rules_for_trace(path, bytes, &with_ranges()?);
            if !other.has_errors() {
                // Those that check without are told as always.
                shared = again.iter().map(|r| !read.iter().any(|s| s.rule.name == r.rule.name)).collect();
                (page, read) = (other, again);
            }
        }
        let wrong = page.has_errors();
        let problems = page.into_problems();
        match wrong {
            true => refused.diagnostics.extend(problems),
            false if shared.is_empty() => hints.extend(problems),
            false => {}
        }
        for (place, read) in read.into_iter().enumerate() {
            let mut rule = read.rule;
            rule.spec.id = RuleId(rules.len() as u16);
            let observed_ranges = shared.get(place).copied().unwrap_or(false);
            rules.push(Checked { rule, signals: read.signals, observed_ranges });
        }
    }
    let mut seen = BTreeMap::new();
    for checked in &rules {
        *seen.entry(checked.rule.name.as_str()).or_insert(0) += 1;
    }
    if let Some((name, _)) = seen.iter().find(|(_, n)| **n > 1) {
        let source = texts.rules.first().cloned().unwrap_or_else(|| said(""));
        refused.diagnostics.push(diagnostic(&source, Problem::error(0..0, format!("two rules are called `{name}`"))));
    }
    if rules.len() > usize::from(u16::MAX) / 2 {
        let source = texts.rules.first().cloned().unwrap_or_else(|| said(""));
        refused.diagnostics.push(diagnostic(&source, Problem::error(0..0, "more than 32767 rules".into())));
    }
    let specs: Vec<stl::RuleSpec> = rules.iter().map(|checked| checked.rule.spec.clone()).collect();
    if let Some((message, remedy)) = stl::all_too_much(&specs, &names.signals) {
        let source = texts.rules.first().cloned().unwrap_or_else(|| said(""));
        let problem = Problem { remedy: Some(remedy), ..Problem::error(0..0, message) };
        refused.diagnostics.push(diagnostic(&source, problem));
    }
    if !refused.diagnostics.is_empty() {
        return Err(refused);
    }
    let readers = readers(request, contents, &names, &rules)?;
    let read_by_rule = |id: SignalId| rules.iter().any(|r| r.signals.contains(&id));
    let missing = (names.signals.iter().map(|(id, _)| id))
        .filter(|id| read_by_rule(*id) && !readers.iter().flatten().any(|r| r.signal == *id))
        .collect();
    Ok(RuleSet { signals: names.signals, rules, readers, hints, missing })
}

/// A state may be right though the trace never shows it.
fn of_states(mut problem: Problem) -> Problem {
    if let Some(remedy) = &mut problem.remedy
        && remedy.ends_with(UNSEEN)
    {
        remedy.push_str("; if there are more, name them all: --signal 'name: {A, B}'");
    }
    problem
}

fn scope(names: &Names) -> Scope<'_> {
    Scope { signals: &names.signals, defines: &names.defines, parameters: None, run_names: true, future: true }
}

/// The signals that formulas may speak of: those of the rig, those that were described, and the trace's columns.
fn names(request: &Request, texts: &Texts, contents: &Contents, observed: bool) -> Result<Names, Refused> {
    let mut names = texts.rig.as_ref().map(|rig| rig.names.clone()).unwrap_or_default();
    let mut refused = Refused::default();
    // `phase` and `step` are a scenario's; a trace that tells them tells their states, too.
    for column in &contents.columns {
        if let Some(id) = names.signals.find(&column.heading.name)
            && matches!(&names.signals.def(id).kind, SignalKind::States { names } if names.as_slice() == ["none"])
            && column.nature() == Nature::States
        {
            names.signals.redefine(id, SignalKind::States { names: seen_states(column) });
        }
    }
    let mut table = SignalTable::new();
    for (_, def) in names.signals.iter() {
        let said = texts.signals.iter().find(|s| s.name == def.name);
        table.add(said.unwrap_or(def).clone());
    }
    for def in &texts.signals {
        table.add(def.clone());
        if !contents.columns.iter().any(|c| c.heading.name == def.name) && names.signals.find(&def.name).is_none() {
            let near = crate::diag::nearest(&def.name, contents.columns.iter().map(|c| c.heading.name.as_str()));
            let mut problem = Problem::error(0..def.name.len(), format!("`{}` is not in {}", def.name, request.trace));
            problem.remedy = near.map(|near| format!("did you mean `{near}`?"));
            refused.diagnostics.push(diagnostic(&said(&def.name), problem));
        }
    }
    for column in &contents.columns {
        if table.find(&column.heading.name).is_none() {
            table.add(definition(column));
        }
    }
    table = planned(&table, request.stale_after, contents);
    if observed {
        for column in &contents.columns {
            observe(&mut table, column);
        }
    }
    if !refused.diagnostics.is_empty() {
        return Err(refused);
    }
    names.signals = table;
    Ok(names)
}

/// The states that a column shows, and whatever else there may be: no formula can name it, but none can rest on its absence.
fn seen_states(column: &Column) -> Vec<String> {
    column.states.iter().cloned().chain([UNSEEN.to_owned()]).collect()
}

/// Fills in how long a sample holds where nobody says it, and how often it comes: the trace is known, so that the engine's
/// memory has room for all of it, and no margin comes out wider for want of room.
fn planned(table: &SignalTable, stale: Option<Span>, contents: &Contents) -> SignalTable {
    let mut out = SignalTable::new();
    for (_, def) in table.iter() {
        let mut def = def.clone();
        def.stale_after = def.stale_after.or(stale);
        let column = contents.columns.iter().find(|c| c.heading.name == def.name);
        if let Some(seen) = column.and_then(Column::every) {
            def.every = match def.every {
                Every::Period(declared) => Every::Period(declared.min(seen)),
                Every::Change => Every::Period(seen),
            };
        }
        out.add(def);
    }
    out
}

fn definition(column: &Column) -> SignalDef {
    let kind = match column.nature() {
        Nature::Number => {
            SignalKind::Number { unit: column.heading.unit.clone().unwrap_or_else(Unit::one), range: None }
        }
        Nature::Flag => SignalKind::Flag,
        Nature::States => SignalKind::States { names: seen_states(column) },
        Nature::Pulse => SignalKind::Pulse,
    };
    let kind = column.heading.kind.clone().unwrap_or(kind);
    let name = column.heading.name.clone();
    SignalDef { name, device: None, kind, every: Every::Change, stale_after: None }
}

/// Takes what the trace shows for the range of a signal that declares none. One that never moves counts as if it had moved
/// by half its own size, up and down.
fn observe(table: &mut SignalTable, column: &Column) {
    let Some(id) = table.find(&column.heading.name) else { return };
    let SignalKind::Number { unit, range: None } = &table.def(id).kind else { return };
    let (lo, hi) = column.range.unwrap_or((0.0, 0.0));
    let half = if lo < hi {
        0.0
    } else if lo == 0.0 {
        0.5
    } else {
        lo.abs() / 2.0
    };
    let read = column.heading.unit.as_ref().unwrap_or(unit);
    let range = Some((read.to_si(lo - half), read.to_si(hi + half)));
    let kind = SignalKind::Number { unit: unit.clone(), range };
    table.redefine(id, kind);
}

fn readers(
    request: &Request,
    contents: &Contents,
    names: &Names,
    rules: &[Checked],
) -> Result<Vec<Option<Reader>>, Refused> {
    let mut refused = Refused::default();
    let mut readers = Vec::new();
    for column in &contents.columns {
        let heading = &column.heading;
        let Some(id) = names.signals.find(&heading.name).filter(|id| rules.iter().any(|r| r.signals.contains(id)))
        else {
            readers.push(None);
            continue;
        };
        let kind = &names.signals.def(id).kind;
        if let (Some(said), SignalKind::Number { unit, .. }) = (&heading.unit, kind)
            && said.dimension != unit.dimension
        {
            refused.troubles.push(Spot {
                severity: Severity::Error,
                file: request.trace.clone(),
                line: Some(1),
                excerpt: None,
                message: format!(
                    "the heading `{}` says {}, but the signal is {}",
                    heading.shown,
                    said.dimension.words(),
                    unit.dimension.words()
                ),
                remedy: None,
            });
        }
        readers.push(Some(Reader::new(id, kind, heading.unit.as_ref())));
    }
    if refused.troubles.count() > 0 { Err(refused) } else { Ok(readers) }
}
