//! The whole way from a rig file to a [`Rig`]: what is read in which order, and what is said at the end.

use super::budget;
use super::commands;
use super::controllers;
use super::devices::{self, Draft};
use super::envelope;
use super::fallback;
use super::keys::{RIG, WORLD};
use super::links;
use super::model::{DeviceDef, LinkDef, LinkKind, Reaction, Rig, Role, WorldDef};
use super::names::{Names, Place, beside};
use super::policies;
use super::rules::Read;
use super::safety::{self, Covering, Way};
use super::signals;
use super::stops;
use super::twins::WORLDS;
use super::yaml::{self, Entry, Node, Page};
use crate::codec::{self, ConfigSite, Over};
use crate::command::{CommandId, CommandTable};
use crate::diag::{Diagnostic, Files};
use crate::guard::{LADDERS_MAX, SILENCES_MAX};
use crate::time::Span;
use std::collections::BTreeSet;
use std::ops::Range;

/// How long every signal of a stopping rule may take to be heard, where the rig says nothing.
const ARM_WITHIN: Span = Span::from_secs(10);

/// What a file was to the rig.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum FileKind {
    Rig,
    Envelope,
    Dialect,
    /// The net of a policy, and its mapping.
    Policy,
    Mapping,
}

/// A file that went into the rig.
#[derive(Clone, Debug)]
pub(crate) struct RigFile {
    pub kind: FileKind,
    pub path: String,
    pub bytes: Vec<u8>,
}

/// A rig file while it is read.
pub(super) struct Reading<'f> {
    pub page: Page,
    pub files: &'f dyn Files,
    pub kept: Vec<RigFile>,
    /// What is wrong with files beside rig and envelope.
    pub others: Vec<Diagnostic>,
}

impl Reading<'_> {
    /// Keeps a file for the record.
    pub fn keep(&mut self, kind: FileKind, path: &str, bytes: Vec<u8>) {
        if !self.kept.iter().any(|f| f.path == path) {
            self.kept.push(RigFile { kind, path: path.into(), bytes });
        }
    }
}

/// A rig with everything that the check of a scenario wants to know; names are there even when the rig is wrong.
pub(crate) struct Loaded {
    /// Only when nothing is wrong.
    pub rig: Option<Rig>,
    pub names: Names,
    pub commands: CommandTable,
    pub broken_commands: BTreeSet<String>,
    /// Every device: name, id, whether it has a ladder.
    pub devices: Vec<(String, crate::wire::DeviceId, bool)>,
    pub roles: Vec<Role>,
    pub twins: Vec<Option<String>>,
    pub links: Vec<LinkDef>,
    /// The envelope's rules as read.
    pub rules: Vec<Read>,
    pub arm_within: Span,
    pub files: Vec<RigFile>,
    pub rig_page: Page,
    pub envelope_page: Option<Page>,
    /// What is wrong with files beside those two; where that is a mistake, the rig's page has one too.
    pub others: Vec<Diagnostic>,
    /// Where the words stand that later checks point at.
    pub ladder_spans: Vec<Range<usize>>,
}

impl Loaded {
    /// All problems of rig and envelope.
    pub fn into_problems(self) -> Vec<Diagnostic> {
        let mut all = self.rig_page.into_problems();
        all.extend(self.envelope_page.into_iter().flat_map(Page::into_problems));
        all.extend(self.others);
        all
    }
}

impl Loaded {
    /// Keeps a file that a scenario adds, for the record.
    pub fn keep(&mut self, kind: FileKind, (path, bytes): (String, Vec<u8>)) {
        if !self.files.iter().any(|file| file.path == path) {
            self.files.push(RigFile { kind, path, bytes });
        }
    }
    /// A rig that could not be had: no name of it is known.
    pub fn unread() -> Loaded {
        let source = crate::diag::Source { name: String::new(), text: String::new() };
        nothing(Vec::new(), Page::new(source))
    }
}

/// The name that a rig file gives itself, without looking at the rest; `None` where there is none to be had.
pub fn name_in(path: &str, files: &dyn Files) -> Option<String> {
    let (_, node) = yaml::load(path, &files.read(path).ok()?);
    match node?.kind {
        yaml::Kind::Map(entries) => {
            entries.iter().find(|entry| entry.key.text == "rig")?.value.word().map(|word| word.text.clone())
        }
        _ => None,
    }
}

/// Whether a file is a rig by its keys, right or wrong: a scenario names its rig too, but lists no devices.
pub fn is_rig(path: &str, files: &dyn Files) -> bool {
    let Ok(bytes) = files.read(path) else { return false };
    match yaml::load(path, &bytes).1.map(|node| node.kind) {
        Some(yaml::Kind::Map(entries)) => {
            let has = |key: &str| entries.iter().any(|entry| entry.key.text == key);
            !has("scenario") && !has("steps") && !has("fragment") && (has("devices") || has("links"))
        }
        _ => false,
    }
}

/// Reads rig and envelope. The error: the file itself could not be had.
pub(crate) fn load(path: &str, files: &dyn Files) -> Result<Loaded, String> {
    let bytes = files.read(path)?;
    let (page, node) = yaml::load(path, &bytes);
    let mut reading = Reading { page, files, kept: Vec::new(), others: Vec::new() };
    reading.keep(FileKind::Rig, path, bytes);
    let Some(node) = node else { return Ok(nothing(reading.kept, reading.page)) };
    Ok(read(reading, &node))
}

/// A rig of which nothing could be read.
fn nothing(files: Vec<RigFile>, rig_page: Page) -> Loaded {
    Loaded {
        rig: None,
        names: Names::default(),
        commands: CommandTable::new(),
        broken_commands: BTreeSet::new(),
        devices: Vec::new(),
        roles: Vec::new(),
        twins: Vec::new(),
        links: Vec::new(),
        rules: Vec::new(),
        arm_within: ARM_WITHIN,
        files,
        rig_page,
        envelope_page: None,
        others: Vec::new(),
        ladder_spans: Vec::new(),
    }
}

fn read(mut reading: Reading<'_>, node: &Node) -> Loaded {
    let Some(top) = reading.page.fields(node, &RIG) else { return nothing(reading.kept, reading.page) };
    let text = |page: &mut Page, key: &str| top.get(key).and_then(|n| page.text(n, "text")).map(|w| w.text.clone());
    let name = text(&mut reading.page, "rig");
    let about = text(&mut reading.page, "about").unwrap_or_default();
    let arm_within = top.get("arm_within").and_then(|n| reading.page.time(n, "10 s", false)).unwrap_or(ARM_WITHIN);
    let (mut links, broken_links) = top.get("links").map(|n| links::read(&mut reading.page, n)).unwrap_or_default();
    let mut drafts = match top.get("devices") {
        Some(node) => devices::read(&mut reading, node, &links, &broken_links, top.get("envelope").is_some()),
        None => Vec::new(),
    };
    let mut names = Names::default();
    for draft in &mut drafts {
        let mqtt = links.iter().any(|l| Some(l.id) == draft.link && matches!(l.kind, LinkKind::Mqtt(_)));
        signals::read(&mut reading.page, draft, mqtt, &mut names);
    }
    let controllers: Vec<_> = drafts
        .iter()
        .filter(|d| d.role == Role::Controller)
        .map(|d| (d.id, d.word.text.clone(), d.fields.get("fallback").is_some()))
        .collect();
    names.add_reserved(&controllers);
    if let Some(node) = top.get("define") {
        defines(&mut reading.page, node, &mut names);
    }
    let mut commands = CommandTable::new();
    let mut broken = BTreeSet::new();
    let mut made: Vec<Vec<(CommandId, Range<usize>)>> = Vec::new();
    for draft in &mut drafts {
        made.push(commands::read(&mut reading.page, draft, &names, &mut commands, &mut broken));
    }
    let mut may = Vec::new();
    for draft in &mut drafts {
        may.push(controllers::read(&mut reading.page, draft, &names, &commands, &broken));
        let site = draft.fields.get("twin").map_or(draft.word.span.clone(), Node::head);
        if let (Some(policy), Some(codec)) = (&draft.policy, &draft.codec) {
            for (message, remedy) in policies::misfits(codec, &policy.mapping) {
                reading.page.error(site.clone(), message, remedy);
            }
        }
    }
    let fallbacks: Vec<_> =
        drafts.iter().map(|d| fallback::read(&mut reading.page, d, &names, &commands, &broken)).collect();
    fallback::count(&mut reading.page, &drafts, &fallbacks);
    let ways: Vec<Way> =
        drafts.iter().map(|d| safety::read(&mut reading.page, d, &names, &commands, &broken)).collect();
    safety::one_link(&mut reading.page, &drafts, &ways, &commands);
    let after = safety::after(&mut reading.page, &drafts, &ways);
    let world = top.get("world").map(|n| world(&mut reading.page, n)).unwrap_or_default();
    let roles: Vec<Role> = drafts.iter().map(|d| d.role).collect();
    let estop = top.get("estop").and_then(|n| stops::estop(&mut reading.page, n, &names, &roles));
    let hold_to_run = top.get("hold_to_run").and_then(|n| stops::hold_to_run(&mut reading.page, n, &names, &roles));
    limits(&mut reading.page, &drafts, &ways);
    for link in &mut links {
        link.codec.devices =
            drafts.iter().filter(|d| d.link == Some(link.id)).filter_map(|d| d.codec.clone()).collect();
        if !broken_links.contains(&link.id) {
            codecs(&mut reading.page, link, &drafts);
        }
    }
    let devices: Vec<_> =
        drafts.iter().zip(&ways).map(|(d, way)| (d.word.text.clone(), d.id, way.has_ladder)).collect();
    let (envelope_page, rules) = envelope(&mut reading, top.entry("envelope"), &names, &devices);
    // What an envelope that cannot be read covers is not known, and its absence was told.
    let known = match &envelope_page {
        Some(page) => !page.has_errors(),
        None => top.get("envelope").is_none(),
    };
    for ((draft, way), made) in drafts.iter().zip(&ways).zip(&made) {
        let covering: Vec<Covering<'_>> =
            rules.iter().map(|r| Covering { rule: &r.rule, signals: &r.signals }).collect();
        let rules = known.then_some(covering.as_slice());
        safety::cover(&mut reading.page, draft, way, made, &commands, &names, rules);
    }
    let ladder_spans =
        drafts.iter().map(|d| d.fields.entry("ladder").map_or(d.word.span.clone(), |e| e.key.span.clone())).collect();
    let mut defs = Vec::new();
    for ((((draft, way), after), may), read) in drafts.iter().zip(ways).zip(after).zip(may).zip(&fallbacks) {
        let Some(link) = draft.link else { continue };
        defs.push(DeviceDef {
            id: draft.id,
            name: draft.word.text.clone(),
            link,
            role: draft.role,
            twin: draft.twin.clone(),
            policy: draft.policy.clone(),
            safe: way.safe,
            ladder: way.ladder,
            after,
            acts_within: draft.acts_within,
            dead_man: draft.dead_man.clone(),
            rehearse: draft.rehearse.clone(),
            rehearse_dead_man: draft.rehearse_dead_man.clone(),
            may,
            fallback: read.as_ref().map(|read| read.def.clone()),
        });
    }
    let twins = drafts.iter().map(|d| d.twin.clone()).collect();
    let mut loaded = Loaded {
        rig: None,
        names,
        commands,
        broken_commands: broken,
        devices,
        roles,
        twins,
        links,
        rules,
        arm_within,
        files: reading.kept,
        rig_page: reading.page,
        envelope_page,
        others: reading.others,
        ladder_spans,
    };
    let wrong = loaded.rig_page.has_errors() || loaded.envelope_page.as_ref().is_some_and(Page::has_errors);
    if let (Some(name), false) = (name, wrong) {
        let rig = Rig {
            name,
            about,
            links: loaded.links.clone(),
            devices: defs,
            signals: loaded.names.signals.clone(),
            commands: loaded.commands.clone(),
            rules: loaded.rules.iter().map(|r| r.rule.clone()).collect(),
            world,
            estop,
            hold_to_run,
        };
        budget::check(&mut loaded, &rig);
        for read in fallbacks.iter().flatten() {
            fallback::hold_to_bounds(&mut loaded.rig_page, &rig, read);
        }
        if !loaded.rig_page.has_errors() && !loaded.envelope_page.as_ref().is_some_and(Page::has_errors) {
            loaded.rig = Some(rig);
        }
    }
    loaded
}

/// Reads `define:`; each is checked where it is used, and here for what stands alone.
fn defines(page: &mut Page, node: &Node, names: &mut Names) {
    let Some(entries) = page.map(node, "`define`") else { return };
    for entry in entries {
        if !page.is_name(&entry.key, "a definition's name") {
            continue;
        }
        let Some(word) = page.scalar(&entry.value, "a formula or a part of one") else {
            names.broken.insert(entry.key.text.clone());
            continue;
        };
        if names.signals.find(&entry.key.text).is_some() {
            let message = format!("`{}` is a name that the run keeps for itself", entry.key.text);
            page.error(entry.key.span.clone(), message, Some("choose another name".into()));
            continue;
        }
        names.defines.insert(entry.key.text.clone(), word.text.clone());
    }
    for entry in entries {
        let (Some(word), true) = (entry.value.word(), names.defines.contains_key(&entry.key.text)) else { continue };
        // A definition may be a quantity or a formula; it is wrong when it makes sense as neither. `changed` takes
        // anything that has a value, but only a bare signal; so both ways are tried on a page that is thrown away.
        let mut quiet = Page::new((*page.source).clone());
        if names.formula(&mut quiet, word, Place::Envelope).is_some() {
            continue;
        }
        let compared =
            super::yaml::Word { text: format!("({text}) <= ({text})", text = word.text), exact: None, ..word.clone() };
        if names.formula(&mut quiet, &compared, Place::Envelope).is_some() {
            continue;
        }
        // Told as a quantity, since most are; the place is the definition's own text.
        let mut told = Page::new((*page.source).clone());
        let shifted = super::yaml::Word { exact: word.exact.map(|at| at.saturating_sub(1)), ..compared };
        names.formula(&mut told, &shifted, Place::Envelope);
        let end = word.span.end;
        // The second copy of the text lies behind the word, and says the same again.
        let first = told.into_problems().into_iter().find(|p| p.span.start < end);
        if let Some(first) = first {
            page.error(first.span.start.max(word.span.start)..first.span.end.min(end), first.message, first.remedy);
            names.broken.insert(entry.key.text.clone());
        }
    }
}

fn world(page: &mut Page, node: &Node) -> WorldDef {
    let Some(fields) = page.fields(node, &WORLD) else { return WorldDef::default() };
    let model = fields.get("model").and_then(|n| page.text(n, "the name of a world"));
    let kind = model.and_then(|model| {
        let found = WORLDS.iter().find(|kind| kind.name == model.text);
        if found.is_none() {
            let message = format!("there is no world `{}`", model.text);
            page.unknown(model, message, WORLDS.iter().map(|kind| kind.name));
        }
        found
    });
    let mut settings = Vec::new();
    for entry in fields.iter().filter(|e| e.key.text != "model") {
        let Some(kind) = kind else { continue };
        let Some((name, dimension, example)) = kind.settings.iter().find(|s| s.0 == entry.key.text) else {
            let message = format!("the world `{}` has no setting `{}`", kind.name, entry.key.text);
            page.unknown(&entry.key, message, kind.settings.iter().map(|s| s.0));
            continue;
        };
        let Some(quantity) = page.quantity(&entry.value, &format!("a quantity such as `{example}`")) else { continue };
        if let Some(word) = page.scalar(&entry.value, name)
            && page.like(word, &quantity, *dimension, example)
        {
            settings.push((entry.key.text.clone(), quantity.si()));
        }
    }
    WorldDef { model: model.map_or(String::new(), |w| w.text.clone()), settings }
}

/// What the guard has room for.
fn limits(page: &mut Page, drafts: &[Draft<'_>], ways: &[Way]) {
    let with_ladder = drafts.iter().zip(ways).filter(|(_, way)| way.has_ladder);
    if let Some((draft, _)) = with_ladder.clone().nth(LADDERS_MAX) {
        let message = format!("{} devices have a ladder; at most {LADDERS_MAX} are possible", with_ladder.count());
        page.error(draft.word.span.clone(), message, None);
    }
    let silent = drafts.iter().filter(|d| matches!(d.dead_man, Some(super::model::DeadMan::SilentFor(_))));
    if let Some(draft) = silent.clone().nth(SILENCES_MAX) {
        let message = format!("{} controllers have a dead-man; at most {SILENCES_MAX} are possible", silent.count());
        page.error(draft.word.span.clone(), message, None);
    }
    for draft in drafts.iter().filter(|d| d.role == Role::Controller) {
        if draft.dead_man.is_none() && draft.fields.get("may").is_some() && draft.fields.get("dead_man").is_none() {
            page.warn(
                draft.word.span.clone(),
                format!("nothing notices when `{}` falls silent", draft.word.text),
                Some("add `dead_man: { silent_for: 500 ms }`".into()),
            );
        }
    }
}

/// Asks the link's codec whether it understands its part of the rig.
fn codecs(page: &mut Page, link: &LinkDef, drafts: &[Draft<'_>]) {
    let mixed = link.codec.devices.iter().any(|d| {
        matches!((&link.kind, d.protocol.over()), (LinkKind::Mqtt(_), Over::Serial) | (LinkKind::Serial(_), Over::Mqtt))
    });
    if mixed || link.codec.devices.is_empty() {
        return; // Told already, or nothing to ask.
    }
    let Err(problems) = codec::build(&link.codec) else { return };
    let mut addresses: Vec<_> = link.codec.devices.iter().filter_map(|device| device.protocol.address()).collect();
    let all = addresses.len();
    addresses.sort();
    addresses.dedup();
    // That two devices have one address was told already, and the codec would say it again.
    let told = addresses.len() < all;
    for problem in problems.into_iter().filter(|problem| !told || problem.site != ConfigSite::Protocol) {
        let Some(draft) = drafts.iter().find(|d| d.id == problem.device) else { continue };
        page.error(draft.sites.find(&problem), problem.message, problem.remedy);
    }
}

/// Reads the envelope file beside the rig.
fn envelope(
    reading: &mut Reading<'_>,
    entry: Option<&Entry>,
    names: &Names,
    devices: &super::rules::Stoppable,
) -> (Option<Page>, Vec<Read>) {
    let Some(entry) = entry else { return (None, Vec::new()) };
    let Some(word) = reading.page.text(&entry.value, "the path of the envelope file") else {
        return (None, Vec::new());
    };
    let path = beside(&reading.page.source.name, &word.text);
    let bytes = match reading.files.read(&path) {
        Ok(bytes) => bytes,
        Err(why) => {
            let message = format!("the envelope `{path}` cannot be read: {why}");
            reading.page.error(word.span.clone(), message, None);
            return (None, Vec::new());
        }
    };
    let (mut page, node) = yaml::load(&path, &bytes);
    reading.keep(FileKind::Envelope, &path, bytes);
    let rules = node.map(|node| envelope::read(&mut page, &node, names, devices)).unwrap_or_default();
    (Some(page), rules)
}

/// Devices that a rule stops.
pub(super) fn stopped(rule: &super::model::Rule) -> &[crate::wire::DeviceId] {
    match &rule.reaction {
        Reaction::Stop(list) => list,
        Reaction::Fail => &[],
    }
}
