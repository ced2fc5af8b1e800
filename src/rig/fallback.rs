//! What stands in for a controller: its `fallback`, read and held against what it must not rest on.

use super::bounds::{LookAhead, look_ahead};
use super::devices::Draft;
use super::keys::{FALLBACK, HAND_BACK};
use super::model::{DeadMan, FallbackArg, FallbackDef, HandBackDef, Rig, Role};
use super::names::{Names, Place};
use super::safety::known;
use super::yaml::{Entry, Fields, Node, Page, Word};
use crate::command::{ArgDef, ArgKind, CommandTable};
use crate::expr::ir::Formula;
use crate::expr::{Checked, excludes_itself};
use crate::guard::FALLBACKS_MAX;
use crate::signal::SignalId;
use crate::time::Span;
use crate::units::Unit;
use std::collections::BTreeSet;
use std::ops::Range;

/// A fallback as read, with what the last check needs.
pub(super) struct ReadFallback {
    pub def: FallbackDef,
    /// By argument.
    args: Vec<ArgSite>,
}

/// An argument of the recovery function in the file, with the values that it can have.
struct ArgSite {
    span: Range<usize>,
    text: String,
    lo: f64,
    hi: f64,
}

/// Reads `fallback` of a device.
pub(super) fn read(
    page: &mut Page,
    draft: &Draft<'_>,
    names: &Names,
    commands: &CommandTable,
    broken: &BTreeSet<String>,
) -> Option<ReadFallback> {
    let entry = draft.fields.entry("fallback")?;
    if draft.role != Role::Controller {
        let message = format!("a `fallback` stands in for a controller; `{}` is a machine", draft.word.text);
        page.error(entry.key.span.clone(), message, Some("give it to the controller that commands the machine".into()));
        return None;
    }
    let fields = page.fields(&entry.value, &FALLBACK)?;
    let reading = Reader { draft, names, commands, broken };
    let monitor = reading.monitor(page, &fields, entry);
    let recovery = reading.recovery(page, &fields);
    let every = fields.get("every").and_then(|node| page.period(node, "50 ms"));
    let hand_back = match fields.get("hand_back") {
        Some(node) => Some(reading.hand_back(page, node, monitor.as_ref().and_then(|m| m.when.as_ref()))?),
        None => None,
    };
    let (monitor, (command, sources, args), every) = (monitor?, recovery?, every?);
    let Monitor { when, limits, silent_for } = monitor;
    let def = FallbackDef { when, limits, silent_for, command, args: sources, every, hand_back };
    Some(ReadFallback { def, args })
}

struct Monitor {
    when: Option<(Formula, String)>,
    limits: bool,
    silent_for: Option<Span>,
}

struct Reader<'r> {
    draft: &'r Draft<'r>,
    names: &'r Names,
    commands: &'r CommandTable,
    broken: &'r BTreeSet<String>,
}

type Recovery = (crate::command::CommandId, Vec<FallbackArg>, Vec<ArgSite>);

impl Reader<'_> {
    /// When it takes over.
    fn monitor(&self, page: &mut Page, fields: &Fields<'_>, entry: &Entry) -> Option<Monitor> {
        let when = match fields.get("when") {
            Some(node) => {
                let (checked, word) = self.condition(page, node)?;
                if checked.never || excludes_itself(&checked.formula) {
                    page.error(
                        word.span.clone(),
                        "this never holds, so the fallback would never take over".into(),
                        None,
                    );
                    return None;
                }
                Some((checked.formula, word.text.clone()))
            }
            None => None,
        };
        let limits = fields.get("limits").is_some_and(|node| page.flag(node).unwrap_or(false));
        let silent_for = match fields.get("silent_for") {
            Some(node) => {
                let span = page.time(node, "200 ms", false)?;
                if let Some(DeadMan::SilentFor(dead)) = self.draft.dead_man
                    && span >= dead
                {
                    page.error(
                        node.span.clone(),
                        format!("the dead-man of `{}` trips after {dead}, before the fallback", self.draft.word.text),
                        Some("let the fallback take over sooner, or the dead-man trip later".into()),
                    );
                    return None;
                }
                Some(span)
            }
            None => None,
        };
        if when.is_none() && !limits && silent_for.is_none() {
            page.error(
                entry.key.span.clone(),
                "nothing says when this fallback takes over".into(),
                Some("add `when:` with a formula, `limits: true` or `silent_for: 200 ms`".into()),
            );
            return None;
        }
        Some(Monitor { when, limits, silent_for })
    }

    /// A formula over signals of machines, about the past alone.
    fn condition<'n>(&self, page: &mut Page, node: &'n Node) -> Option<(Checked, &'n Word)> {
        let word = page.scalar(node, "a formula such as `fc.altitude > 7 m`")?;
        let checked = self.names.formula(page, word, Place::Device)?;
        self.of_the_machine(page, word, &checked.signals, false).then_some((checked, word))
    }

    /// Whether the fallback can have these signals when it needs them.
    fn of_the_machine(&self, page: &mut Page, word: &Word, signals: &[SignalId], recovering: bool) -> bool {
        for signal in signals {
            let def = self.names.signals.def(*signal);
            let why = match def.device {
                None => format!("`{}` is told by the run itself: it says nothing of the machine", def.name),
                Some(device) if recovering && device == self.draft.id => format!(
                    "`{}` comes from `{}`: what stands in for it cannot rest on what it says",
                    def.name, self.draft.word.text
                ),
                Some(_) => continue,
            };
            page.error(word.span.clone(), why, Some("use signals of the machine".into()));
            return false;
        }
        true
    }

    /// What it does: a command with its arguments.
    fn recovery(&self, page: &mut Page, fields: &Fields<'_>) -> Option<Recovery> {
        let word = fields.get("do").and_then(|node| page.text(node, "the name of a command"))?;
        let id = known(page, word, self.commands, self.broken)?;
        let def = self.commands.def(id);
        if def.device == self.draft.id {
            page.error(
                word.span.clone(),
                format!("`{}` is a command to the controller itself", def.name),
                Some("a fallback commands the machine".into()),
            );
            return None;
        }
        let entries: &[Entry] = match fields.get("with") {
            Some(node) => page.map(node, "`with`")?,
            None => &[],
        };
        let mut good = true;
        for entry in entries {
            if !def.args.iter().any(|arg| arg.name == entry.key.text) {
                let message = format!("`{}` has no argument `{}`", def.name, entry.key.text);
                page.unknown(&entry.key, message, def.args.iter().map(|arg| arg.name.as_str()));
                good = false;
            }
        }
        let (mut sources, mut sites) = (Vec::new(), Vec::new());
        for arg in &def.args {
            let Some(entry) = entries.iter().find(|entry| entry.key.text == arg.name) else {
                page.error(
                    word.span.clone(),
                    format!("`{}` needs the argument `{}`", def.name, arg.name),
                    Some(format!("add it to `with`, such as `{}: {}`", arg.name, example(&arg.kind))),
                );
                good = false;
                continue;
            };
            match self.argument(page, &entry.value, arg, &def.name) {
                Some((source, site)) => {
                    sources.push(source);
                    sites.push(site);
                }
                None => good = false,
            }
        }
        good.then_some((id, sources, sites))
    }

    fn argument(&self, page: &mut Page, node: &Node, arg: &ArgDef, command: &str) -> Option<(FallbackArg, ArgSite)> {
        let word = page.scalar(node, &format!("a quantity such as `{}`", example(&arg.kind)))?;
        let site = |lo, hi| ArgSite { span: word.span.clone(), text: word.text.clone(), lo, hi };
        match &arg.kind {
            ArgKind::States { names } => {
                let Some(place) = names.iter().position(|name| *name == word.text) else {
                    let message = format!("`{}` of `{command}` has no state `{}`", arg.name, word.text);
                    page.unknown(word, message, names.iter().map(String::as_str));
                    return None;
                };
                Some((FallbackArg::Constant(place as f64), site(place as f64, place as f64)))
            }
            ArgKind::Number { unit, .. } => {
                let quantity = self.names.quantity(page, word)?;
                if quantity.dimension != unit.dimension {
                    page.error(
                        word.span.clone(),
                        format!(
                            "`{}` is {}; argument `{}` of `{command}` is {}",
                            word.text,
                            quantity.dimension.words(),
                            arg.name,
                            unit.dimension.words()
                        ),
                        Some(format!("write it like `{}`", example(&arg.kind))),
                    );
                    return None;
                }
                if !self.of_the_machine(page, word, &quantity.signals, true) {
                    return None;
                }
                let source = match quantity.number {
                    crate::expr::ir::Number::Constant(si) => FallbackArg::Constant(si),
                    number => FallbackArg::Number(number),
                };
                Some((source, site(quantity.lo, quantity.hi)))
            }
        }
    }

    /// When it lets the controller have the machine again.
    fn hand_back(&self, page: &mut Page, node: &Node, when: Option<&(Formula, String)>) -> Option<HandBackDef> {
        let fields = page.fields(node, &HAND_BACK)?;
        let lasts = fields.get("for").and_then(|node| page.time(node, "2 s", false));
        let (checked, word) = self.condition(page, fields.get("when")?)?;
        if checked.never || excludes_itself(&checked.formula) {
            page.error(word.span.clone(), "this can never hold, so the fallback would never hand back".into(), None);
            return None;
        }
        if let Some((taking, text)) = when {
            // It hands back only while its `when` does not hold.
            let both = Formula::And(vec![checked.formula.clone(), Formula::Not(Box::new(taking.clone()))]);
            if checked.formula == *taking || excludes_itself(&both) {
                page.error(
                    word.span.clone(),
                    format!("this holds only where the fallback takes over (`{text}`), so it would never hand back"),
                    Some("name a state well inside of it".into()),
                );
                return None;
            }
        }
        Some(HandBackDef { when: (checked.formula, word.text.clone()), lasts: lasts? })
    }
}

fn example(kind: &ArgKind) -> String {
    match kind {
        ArgKind::Number { unit, lo, hi } => unit.show(lo + (hi - lo) / 2.0, 3),
        ArgKind::States { names } => names.first().cloned().unwrap_or_default(),
    }
}

/// More fallbacks than the guard has room for.
pub(super) fn count(page: &mut Page, drafts: &[Draft<'_>], read: &[Option<ReadFallback>]) {
    let with = drafts.iter().zip(read).filter(|(_, read)| read.is_some());
    if let Some((draft, _)) = with.clone().nth(FALLBACKS_MAX) {
        let message = format!("{} controllers have a fallback; at most {FALLBACKS_MAX} are possible", with.count());
        page.error(draft.word.span.clone(), message, None);
    }
}

/// What the gate would do with the recovery function's own commands must be nothing.
pub(super) fn hold_to_bounds(page: &mut Page, rig: &Rig, read: &ReadFallback) {
    let def = rig.commands.def(read.def.command);
    let mut told: Vec<u8> = Vec::new();
    for ahead in look_ahead(def, rig.rules.iter()) {
        // How far a pace may go depends on where the machine is.
        let LookAhead::Place(bound) = ahead else { continue };
        let (Some(site), Some(arg)) = (read.args.get(usize::from(bound.arg)), def.args.get(usize::from(bound.arg)))
        else {
            continue;
        };
        if (bound.lo <= site.lo && site.hi <= bound.hi) || told.contains(&bound.arg) {
            continue;
        }
        told.push(bound.arg);
        let ArgKind::Number { unit, .. } = &arg.kind else { continue };
        let by = match bound.rule {
            Some(rule) => format!("rule `{}` allows", rig.rules[usize::from(rule.0)].name),
            None => format!("argument `{}` of `{}` may be", arg.name, def.name),
        };
        let allowed = between(unit, bound.lo, bound.hi);
        let remedy = match site.lo == site.hi {
            true => "choose a value inside".to_owned(),
            false if site.text.starts_with("clamp(") => "let it clamp to less".to_owned(),
            false => format!("hold it: `clamp({}, lowest, highest)`", site.text),
        };
        page.error(
            site.span.clone(),
            format!("`{}` can be {}; {by} {allowed}", site.text, between(unit, site.lo, site.hi)),
            Some(remedy),
        );
    }
}

/// Values of a quantity, for people.
fn between(unit: &Unit, lo: f64, hi: f64) -> String {
    match (lo.is_finite(), hi.is_finite()) {
        (true, true) if lo == hi => unit.show(lo, 6),
        (true, true) => format!("{} .. {}", unit.show(lo, 6), unit.show(hi, 6)),
        (true, false) => format!("{} and more", unit.show(lo, 6)),
        (false, true) => format!("{} and less", unit.show(hi, 6)),
        (false, false) => "anything".to_owned(),
    }
}
