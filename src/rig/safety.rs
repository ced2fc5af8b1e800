//! The way to safe: `safe`, `ladder`, `after`, and the rule that whatever can energise is covered.

use super::commands::call;
use super::devices::Draft;
use super::keys::RUNG;
use super::model::{BringUp, DeviceDef, Reaction, Rule, RungDef, StopCategory};
use super::names::{Names, Place, beside};
use super::yaml::{Kind, Node, Page, Word};
use crate::command::{Command, CommandId, CommandTable};
use crate::expr::ir::Formula;
use crate::guard::RUNGS_MAX;
use crate::signal::{Every, SignalId};
use crate::time::Span;
use crate::wire::DeviceId;
use std::collections::BTreeSet;
use std::ops::Range;

/// `safe` and `ladder` of a device, as read.
pub(super) struct Way {
    pub safe: Option<(Formula, String)>,
    pub ladder: Vec<RungDef>,
    /// The keys are there, right or wrong.
    pub has_safe: bool,
    pub has_ladder: bool,
}

/// Reads the way to safe of a device.
pub(super) fn read(
    page: &mut Page,
    draft: &Draft<'_>,
    names: &Names,
    commands: &CommandTable,
    broken: &BTreeSet<String>,
) -> Way {
    let safe_entry = draft.fields.entry("safe");
    let ladder_entry = draft.fields.entry("ladder");
    let mut shown_every = None;
    let safe = safe_entry.and_then(|entry| {
        let word = page.scalar(&entry.value, "a formula such as `not fc.armed`")?;
        let checked = names.formula(page, word, Place::Device)?;
        if !super::stops::is_momentary(&checked.formula) {
            page.error(
                word.span.clone(),
                "`safe` looks into the past: what was before a rung proves nothing of what it did".into(),
                Some("compare what the signals tell now".into()),
            );
            return None;
        }
        shown_every = slowest(page, word, names, &checked.signals);
        if checked.signals.is_empty() {
            page.error(word.span.clone(), "`safe` reads no signal, so it shows nothing".into(), None);
            return None;
        }
        Some((checked.formula, word.text.clone()))
    });
    let ladder =
        ladder_entry.map(|entry| rungs(page, &entry.value, names, commands, broken, shown_every)).unwrap_or_default();
    match (safe_entry, ladder_entry) {
        (Some(entry), None) => page.error(
            entry.key.span.clone(),
            format!("`{}` has a `safe` but no `ladder` that leads there", draft.word.text),
            Some("add `ladder: [ { do: …, within: … } ]`".into()),
        ),
        (None, Some(entry)) => page.error(
            entry.key.span.clone(),
            format!("`{}` has a `ladder` but no `safe` that shows it worked", draft.word.text),
            Some("add `safe:` with a formula over its signals".into()),
        ),
        _ => {}
    }
    Way { safe, ladder, has_safe: safe_entry.is_some(), has_ladder: ladder_entry.is_some() }
}

/// The signal of `safe` that comes least often, and its period. One that comes only on change shows a rung's effect only if the
/// device says it anew for each order, which is told.
fn slowest(page: &mut Page, word: &Word, names: &Names, signals: &[SignalId]) -> Option<(String, Span)> {
    let mut slowest: Option<(String, Span)> = None;
    for def in signals.iter().map(|signal| names.signals.def(*signal)) {
        match def.every {
            Every::Period(period) if slowest.as_ref().is_none_or(|(_, longest)| period > *longest) => {
                slowest = Some((def.name.clone(), period));
            }
            Every::Period(_) => {}
            Every::Change => page.warn(
                word.span.clone(),
                format!(
                    "`{}` comes only when it changes, and a rung is believed only on word that came after it",
                    def.name
                ),
                Some(
                    "see that the device says it anew after each order of its ladder, or give it a period in `every`"
                        .into(),
                ),
            ),
        }
    }
    slowest
}

fn rungs(
    page: &mut Page,
    node: &Node,
    names: &Names,
    commands: &CommandTable,
    broken: &BTreeSet<String>,
    shown_every: Option<(String, Span)>,
) -> Vec<RungDef> {
    let Some(items) = page.list(node, "`ladder`") else { return Vec::new() };
    if items.is_empty() {
        page.error(node.span.clone(), "a ladder without rungs".into(), Some("add `{ do: …, within: … }`".into()));
    }
    if let Some(first_too_many) = items.get(RUNGS_MAX) {
        let message = format!("the ladder has {} rungs; at most {RUNGS_MAX} are possible", items.len());
        page.error(first_too_many.head(), message, None);
    }
    let mut ladder = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let Some(fields) = page.fields(item, &RUNG) else { continue };
        let commands = fields.get("do").and_then(|node| orders(page, node, fields.get("with"), commands, broken));
        let within = fields.get("within").and_then(|node| page.time(node, "20 s", false));
        if let (Some(within), Some((signal, every)), Some(node)) = (within, &shown_every, fields.get("within"))
            && within < *every
        {
            page.warn(
                node.span.clone(),
                format!("this rung is given up before its effect can be seen: `{signal}` comes every {every}"),
                Some(format!("give it at least {every}, and the time that the machine takes")),
            );
        }
        let when = fields.get("when").and_then(|node| {
            let word = page.scalar(node, "a formula")?;
            if i + 1 == items.len() {
                page.error(
                    word.span.clone(),
                    "the last rung has a `when`; nothing would be left if it does not hold".into(),
                    Some("remove the `when`, or add a rung after it".into()),
                );
            }
            let checked = names.formula(page, word, Place::Device)?;
            Some((checked.formula, word.text.clone()))
        });
        let blind = fields.get("blind").is_some_and(|node| page.flag(node).unwrap_or(false));
        let category = fields.get("category").and_then(|node| category(page, node, i + 1 == items.len()));
        if let (Some(commands), Some(within)) = (commands, within) {
            let rehearse = fields.get("rehearse").and_then(|node| bring_up(page, node));
            let not_rehearsed = fields
                .get("not_rehearsed")
                .and_then(|node| page.text(node, "why it is not tried"))
                .map(|w| w.text.clone());
            if let (Some(_), Some(node)) = (&not_rehearsed, fields.get("rehearse")) {
                page.error(node.head(), "a rung that is `not_rehearsed` needs no `rehearse`".into(), None);
            }
            ladder.push(RungDef { commands, within, when, blind, category, rehearse, not_rehearsed });
        }
    }
    if let (Some(first), Some(head)) = (ladder.first(), items.first())
        && first.when.is_some()
        && ladder.iter().all(|rung| !rung.blind)
    {
        page.warn(
            head.head(),
            "the first rung has a `when`, which a watchdog cannot see: if the harness dies, nothing is sent".into(),
            Some("mark the rung that may be sent by whoever sees nothing `blind: true`".into()),
        );
    }
    ladder
}

/// How a device is brought up for a rehearsal: steps as they are written, or a fragment beside the rig file. The steps
/// themselves are checked with the rehearsal, since only a scenario's reader knows them.
pub(super) fn bring_up(page: &mut Page, node: &Node) -> Option<BringUp> {
    if let Kind::List(_) = &node.kind {
        let text = &page.source.text;
        let line_start = text[..node.span.start].rfind('\n').map_or(0, |end| end + 1);
        // A block begins with the indentation of its line; a list in brackets where the bracket is.
        let flow = text[node.span.start..].starts_with('[');
        let start = if flow { node.span.start } else { line_start };
        return Some(BringUp::Steps {
            text: text[start..node.span.end].to_owned(),
            line: page.line_of(start),
            column: u32::try_from(start - line_start + 1).unwrap_or(1),
        });
    }
    let word = page.text(node, "a list of steps, or the path of a fragment")?;
    Some(BringUp::File(beside(&page.source.name, &word.text)))
}

/// The stop category of a rung; the last one ought to take the power away.
fn category(page: &mut Page, node: &Node, last: bool) -> Option<StopCategory> {
    let number = page.whole(node, 0..=2, "a stop category of IEC 60204-1")?;
    let category = match number {
        0 => StopCategory::Zero,
        1 => StopCategory::One,
        _ => StopCategory::Two,
    };
    if last && category == StopCategory::Two {
        page.warn(
            node.span.clone(),
            "the last rung leaves the power on (category 2): whatever made the rungs before it fail can still act"
                .into(),
            Some("let the last rung take the power away (category 0 or 1), where the machine has a way to".into()),
        );
    }
    Some(category)
}

/// The commands of a rung: harmless, with constant arguments.
fn orders(
    page: &mut Page,
    node: &Node,
    with: Option<&Node>,
    commands: &CommandTable,
    broken: &BTreeSet<String>,
) -> Option<Vec<Command>> {
    let items = match &node.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        page.wrong(node, "a command or a list of commands");
        return None;
    }
    if let (Some(with), true) = (with, items.len() > 1) {
        page.error(
            with.head(),
            "`with` goes with one command; `do` is a list".into(),
            Some("make it several rungs".into()),
        );
        return None;
    }
    let mut list = Vec::new();
    let mut good = true;
    for item in items {
        let command = (|| {
            let word = page.text(item, "the name of a command")?;
            let id = known(page, word, commands, broken)?;
            if !commands.def(id).harmless {
                page.error(
                    word.span.clone(),
                    format!("`{}` may energise; a rung is made of harmless commands", word.text),
                    Some("mark the command `harmless: true` if it is".into()),
                );
                return None;
            }
            call(page, word, id, commands, with, &mut |page, word| {
                if word.text.starts_with('$') {
                    page.error(
                        word.span.clone(),
                        "a rung has constant arguments; a rig has no parameters".into(),
                        None,
                    );
                    return None;
                }
                page.quantity_of(word)
            })
        })();
        match command {
            Some(command) => list.push(command),
            None => good = false,
        }
    }
    good.then_some(list)
}

/// The command of that name; a name whose own line is wrong is not told again.
pub(crate) fn known(
    page: &mut Page,
    word: &Word,
    commands: &CommandTable,
    broken: &BTreeSet<String>,
) -> Option<CommandId> {
    let found = commands.find(&word.text);
    if found.is_none() && !broken.contains(&word.text) {
        page.unknown(word, format!("command `{}` is not in this rig", word.text), commands.names());
    }
    found
}

/// A rung leaves in one write on one link; what is on another link has a ladder of its own.
pub(super) fn one_link(page: &mut Page, drafts: &[Draft<'_>], ways: &[Way], commands: &CommandTable) {
    let link = |command: &Command| drafts[usize::from(commands.def(command.id).device.0)].link;
    for (draft, way) in drafts.iter().zip(ways) {
        for rung in &way.ladder {
            let other = rung.commands.iter().find(|command| link(command) != link(&rung.commands[0]));
            let (Some(other), Some(entry)) = (other, draft.fields.entry("ladder")) else { continue };
            let name = |command: &Command| commands.def(command.id).name.clone();
            page.error(
                entry.key.span.clone(),
                format!(
                    "one rung of `{}` gives `{}` and `{}`, which go over different links",
                    draft.word.text,
                    name(&rung.commands[0]),
                    name(other)
                ),
                Some("make them rungs of their own, or give the other device a ladder (`after` orders them)".into()),
            );
        }
    }
}

/// Reads the `after` of every device and refuses circles.
pub(super) fn after(page: &mut Page, drafts: &[Draft<'_>], ways: &[Way]) -> Vec<Vec<DeviceId>> {
    let mut all: Vec<Vec<DeviceId>> = Vec::new();
    for draft in drafts {
        let mut list = Vec::new();
        if let Some(node) = draft.fields.get("after")
            && let Some(items) = page.list(node, "`after`")
        {
            for item in items {
                let Some(word) = page.text(item, "the name of a device") else { continue };
                match drafts.iter().position(|d| d.word.text == word.text) {
                    Some(place) if ways[place].has_ladder => list.push(drafts[place].id),
                    Some(_) => {
                        page.error(word.span.clone(), format!("`{}` has no ladder to wait for", word.text), None);
                    }
                    None => {
                        let message = format!("device `{}` is not in this rig", word.text);
                        page.unknown(word, message, drafts.iter().map(|d| d.word.text.as_str()));
                    }
                }
            }
        }
        all.push(list);
    }
    for (i, draft) in drafts.iter().enumerate() {
        let mut reached = BTreeSet::new();
        let mut waiting = all[i].clone();
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(all.get(usize::from(next.0)).into_iter().flatten());
            }
        }
        if reached.contains(&draft.id) {
            let span = draft.fields.get("after").map_or(draft.word.span.clone(), |n| n.span.clone());
            page.error(span, format!("the ladder of `{}` would wait for itself", draft.word.text), None);
        }
    }
    all
}

/// A rule of the envelope with the signals it reads.
pub(super) struct Covering<'a> {
    pub rule: &'a Rule,
    pub signals: &'a [SignalId],
}

/// Every command that is not harmless needs `safe`, `ladder` and a stopping envelope rule on its device.
pub(super) fn cover(
    page: &mut Page,
    draft: &Draft<'_>,
    way: &Way,
    made: &[(CommandId, Range<usize>)],
    commands: &CommandTable,
    names: &Names,
    rules: Option<&[Covering<'_>]>,
) {
    let Some((id, span)) = made.iter().find(|(id, _)| !commands.def(*id).harmless) else { return };
    let name = &commands.def(*id).name;
    let device = &draft.word.text;
    let mut lacks = Vec::new();
    if !way.has_safe {
        lacks.push("a `safe`");
    }
    if !way.has_ladder {
        lacks.push("a `ladder`");
    }
    let covered = rules.is_none_or(|rules| {
        rules.iter().any(|c| {
            matches!(&c.rule.reaction, Reaction::Stop(devices) if devices.contains(&draft.id))
                && c.signals.iter().any(|s| names.signals.def(*s).device == Some(draft.id))
        })
    });
    if !covered && names.broken.is_empty() {
        lacks.push("an envelope rule over its signals that stops it");
    }
    if !lacks.is_empty() {
        page.error(
            span.clone(),
            format!("`{name}` may energise `{device}`, which lacks {}", lacks.join(" and ")),
            Some("add what is missing, or mark the command `harmless: true` if it is".into()),
        );
    }
    if way.has_ladder && draft.dead_man.is_none() && draft.fields.get("dead_man").is_none() {
        page.warn(
            draft.word.span.clone(),
            format!("`{device}` has no dead-man of its own: if harness and watchdog both die, nothing stops it"),
            Some("name the device's own in `dead_man: { loses: heartbeat, safe_within: … }`".into()),
        );
    }
}

/// The longest time that a ladder can take, all rungs one after the other.
pub(super) fn longest(device: &DeviceDef) -> Span {
    device.ladder.iter().fold(Span::ZERO, |sum, rung| sum + rung.within)
}
