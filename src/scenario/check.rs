//! The check: three files in, a plan or every mistake out.

use super::Request;
use super::keys::SCENARIO;
use super::ladders;
use super::parameters::Parameters;
use super::plan::{FileRole, GateMode, InputFile, Mode, Plan, Reserved, Told};
use super::rehearsal::{self, REHEARSAL};
use super::steps::{Author, Sheet};
use super::survey::{Survey, survey};
use crate::command::RuleId;
use crate::diag::{Diagnostic, Files, Severity, Source};
use crate::rig::twins::POLICY;
use crate::rig::yaml::{self, Fields, Node, Page};
use crate::rig::{
    FileKind, LinkKind, Loaded, Names, Origin, Place, PortName, ReadRule, Rig, Role, load, named_policy,
    policy_misfits, read_rules, tidy_path,
};
use crate::signal::{Every, SignalDef, SignalId, SignalKind};
use crate::time::Span;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Checks scenario, rig and envelope; every mistake of every file at once, warnings beside the plan.
pub fn check(request: &Request, files: &dyn Files) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    if request.scenario != REHEARSAL {
        return check_files(request, files);
    }
    let path = request.rig.clone().unwrap_or_default();
    let loaded = load(&path, files).map_err(|why| vec![unreadable(&path, "rig", &why)])?;
    let Some(rig) = loaded.rig.clone() else { return Err(loaded.into_problems()) };
    match rehearsal::made(&rig, mode(request, &loaded), files) {
        Ok(made) => check_files(request, &rehearsal::Overlay { files, made }),
        Err(why) => Err(vec![Diagnostic { message: why, ..unreadable(&path, "rig", "") }]),
    }
}

fn check_files(request: &Request, files: &dyn Files) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let path = tidy_path(&request.scenario, request.scenario.starts_with('/'));
    let bytes = match files.read(&request.scenario) {
        Ok(bytes) => bytes,
        Err(why) => return Err(vec![unreadable(&request.scenario, "scenario", &why)]),
    };
    let (page, node) = yaml::load(&request.scenario, &bytes);
    let mut desk = Desk { request, files, page, bytes };
    let Some(node) = node else {
        let mut problems = desk.page.into_problems();
        // The rig is checked all the same when the user named it.
        if let Some(rig) = &request.rig {
            match load(rig, files) {
                Ok(loaded) => problems.extend(loaded.into_problems()),
                Err(why) => problems.push(unreadable(rig, "rig", &why)),
            }
        }
        return Err(problems);
    };
    let Some(top) = desk.page.fields(&node, &SCENARIO) else { return Err(desk.page.into_problems()) };
    let root = scenarios_root(&path);
    // Without a rig the rest of the scenario is read all the same, its names unchecked.
    let mut loaded = desk.rig(&top, &root).unwrap_or_else(Loaded::unread);
    if let Some(node) = top.get("twins") {
        desk.cast(node, &mut loaded);
    }
    desk.plan(&top, &root, loaded)
}

/// A plan that judges the envelope of a rig on recorded inputs and sends nothing.
pub fn observe(rig: &str, files: &dyn Files, seed: u64) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let loaded = load(rig, files).map_err(|why| vec![unreadable(rig, "rig", &why)])?;
    let Some(rig) = loaded.rig.clone() else { return Err(loaded.into_problems()) };
    let reserved = reserved(&loaded);
    let rules: Vec<ReadRule> = loaded.rules.clone();
    let Some(reserved) = reserved else { return Err(loaded.into_problems()) };
    let (ladders, _) = ladders::encode(&rig);
    let plan = Plan {
        name: rig.name.clone(),
        about: rig.about.clone(),
        rules: rules.iter().map(|r| r.rule.clone()).collect(),
        exercises: Vec::new(),
        phases: vec!["none".into()],
        reserved,
        steps: Vec::new(),
        finally: Vec::new(),
        titles: Vec::new(),
        parameters: Vec::new(),
        ladders,
        guard: ladders::guard(&rig),
        horizon: horizon(rules.iter()),
        arm_within: loaded.arm_within,
        files: rig_files(&loaded),
        seed,
        mode: Mode::Observe,
        gate: GateMode::Enforce,
        rig,
    };
    Ok((plan, loaded.into_problems()))
}

/// A file that is not there has no text to point into; its name is all there is.
fn unreadable(path: &str, what: &str, why: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        source: Arc::new(Source { name: path.into(), text: String::new() }),
        span: 0..0,
        message: format!("the {what} cannot be read: {why}"),
        remedy: None,
    }
}

/// The folder `scenarios` above the file, or the file's own folder.
fn scenarios_root(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let end = match parts.iter().rposition(|p| *p == "scenarios") {
        Some(place) if place + 1 < parts.len() => place + 1,
        _ => parts.len() - 1,
    };
    parts[..end].join("/")
}

fn horizon<'r>(rules: impl Iterator<Item = &'r ReadRule>) -> Span {
    rules.filter_map(|r| r.horizon).max().unwrap_or(Span::ZERO)
}

fn input(role: FileRole, path: &str, bytes: &[u8]) -> InputFile {
    InputFile { role, path: path.into(), bytes: bytes.to_vec(), sha256: Sha256::digest(bytes).into() }
}

fn rig_files(loaded: &Loaded) -> Vec<InputFile> {
    let role = |kind| match kind {
        FileKind::Rig => FileRole::Rig,
        FileKind::Envelope => FileRole::Envelope,
        FileKind::Dialect => FileRole::Dialect,
        FileKind::Policy => FileRole::Policy,
        FileKind::Mapping => FileRole::Mapping,
    };
    loaded.files.iter().map(|f| input(role(f.kind), &f.path, &f.bytes)).collect()
}

fn reserved(loaded: &Loaded) -> Option<Reserved> {
    let signals = &loaded.names.signals;
    let commands = loaded
        .devices
        .iter()
        .zip(&loaded.roles)
        .filter(|(_, role)| **role == Role::Controller)
        .filter_map(|((name, id, _), _)| Some((*id, signals.find(&format!("{name}.command"))?)))
        .collect();
    let fallbacks = loaded
        .devices
        .iter()
        .filter_map(|(name, id, _)| Some((*id, signals.find(&format!("{name}.fallback"))?)))
        .collect();
    Some(Reserved {
        phase: signals.find("phase")?,
        step: signals.find("step")?,
        guard_tripped: signals.find("guard.tripped")?,
        guard_reaction: signals.find("guard.reaction")?,
        operator_reset: signals.find("operator.reset")?,
        commands,
        fallbacks,
        told: Vec::new(),
    })
}

/// Adds what controllers are told as signals of their own: `pilot.tells.fc.altitude`. The envelope was read without
/// them, so that it cannot judge what a fault made of the truth.
fn told_signals(loaded: &Loaded, names: &mut Names) -> Vec<Told> {
    let mut all = Vec::new();
    for config in loaded.links.iter().flat_map(|link| &link.codec.devices) {
        let Some(tells) = &config.tells else { continue };
        for field in &tells.fields {
            let def = SignalDef {
                name: format!("{}.tells.{}", config.name, field.name),
                device: Some(config.device),
                kind: names.signals.def(field.signal).kind.clone(),
                every: Every::Change,
                stale_after: None,
            };
            if let Some(told) = names.signals.add(def) {
                all.push(Told { device: config.device, truth: field.signal, told });
            }
        }
    }
    all
}

/// A scenario on the way to its plan.
struct Desk<'d> {
    request: &'d Request,
    files: &'d dyn Files,
    page: Page,
    bytes: Vec<u8>,
}

impl Desk<'_> {
    /// Loads the rig that the scenario names.
    fn rig(&mut self, top: &Fields<'_>, root: &str) -> Option<Loaded> {
        let word = top.get("rig").and_then(|n| self.page.text(n, "the name of a rig"));
        let path = match (&self.request.rig, word) {
            (Some(path), _) => path.clone(),
            (None, Some(word)) => {
                let beside = root.strip_suffix("scenarios").unwrap_or(root).trim_end_matches('/');
                let absolute = root.starts_with('/');
                tidy_path(&format!("{beside}/rigs/{}/rig.yaml", word.text), absolute)
            }
            (None, None) => return None,
        };
        let loaded = match load(&path, self.files) {
            Ok(loaded) => loaded,
            Err(why) => {
                let span = word.map_or(0..0, |w| w.span.clone());
                let message = format!("the rig `{path}` cannot be read: {why}");
                let remedy = "a rig named `x` is `rigs/x/rig.yaml` beside `scenarios/`; `--rig PATH` names another";
                self.page.error(span, message, Some(remedy.into()));
                return None;
            }
        };
        if let (Some(word), Some(rig)) = (word, &loaded.rig)
            && rig.name != word.text
        {
            let message = format!("the scenario is for rig `{}`; `{path}` is `{}`", word.text, rig.name);
            if self.request.rig.is_some() {
                self.page.warn(word.span.clone(), message, None);
            } else {
                self.page.error(word.span.clone(), message, None);
            }
        }
        Some(loaded)
    }

    /// Gives controllers the policies that the scenario names in place of the rig's twins.
    fn cast(&mut self, node: &Node, loaded: &mut Loaded) {
        let Some(entries) = self.page.map(node, "`twins`") else { return };
        for entry in entries {
            let Some(place) = loaded.devices.iter().position(|(name, ..)| *name == entry.key.text) else {
                let message = format!("device `{}` is not in this rig", entry.key.text);
                let known = loaded.devices.iter().map(|(name, ..)| name.as_str());
                self.page.unknown(&entry.key, message, known);
                continue;
            };
            let base = loaded.rig_page.source.name.clone();
            let role = loaded.roles[place];
            let read = named_policy(&mut self.page, &entry.value, &base, role, self.files, &mut loaded.others);
            let Some(read) = read else { continue };
            let device = loaded.devices[place].1;
            let config = loaded.links.iter().flat_map(|link| &link.codec.devices).find(|c| c.device == device);
            for (message, remedy) in config.map(|c| policy_misfits(c, &read.policy.mapping)).unwrap_or_default() {
                self.page.error(entry.value.head(), message, remedy);
            }
            loaded.twins[place] = Some(POLICY.to_owned());
            loaded.keep(FileKind::Policy, read.net);
            loaded.keep(FileKind::Mapping, read.mapping);
            if let Some(def) = loaded.rig.iter_mut().flat_map(|rig| &mut rig.devices).find(|d| d.id == device) {
                def.twin = Some(POLICY.to_owned());
                def.policy = Some(read.policy);
            }
        }
    }

    fn plan(
        mut self,
        top: &Fields<'_>,
        root: &str,
        loaded: Loaded,
    ) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
        let name = top.get("scenario").and_then(|n| self.page.text(n, "what it is called")).map(|w| w.text.clone());
        let about = top.get("about").and_then(|n| self.page.text(n, "text")).map(|w| w.text.clone());
        let mut parameters = Parameters::read(&mut self.page, top.get("parameters"));
        let mut overrides = Vec::new();
        for (place, (name, text)) in self.request.overrides.iter().enumerate() {
            let before = self.request.overrides[..place].iter().find(|(other, _)| other == name);
            overrides.extend(parameters.set(name, text, before.map(|(_, text)| text.as_str())));
        }
        let mut look = survey(&[top.get("steps"), top.get("finally")], root, self.files);
        if look.too_many {
            self.page.error(top.head.clone(), "the scenario has too many steps".into(), None);
        }
        let mode = mode(self.request, &loaded);
        let confirmed = look.energised && mode == Mode::Rig;
        if confirmed {
            // Its title is made when the steps are read; a name of its own keeps the others' apart.
            look.steps.insert(1, "energised faults".into());
        }
        let mut names = loaded.names.clone();
        let told = if look.tells { told_signals(&loaded, &mut names) } else { Vec::new() };
        let states = reserved(&loaded).map(|r| (r.phase, r.step));
        if let Some((phase, step)) = states {
            names.signals.redefine(phase, SignalKind::States { names: look.phases.clone() });
            names.signals.redefine(step, SignalKind::States { names: look.steps.clone() });
        }
        let rules = self.rules(top, &loaded, &names, &mut parameters);
        let exercises = self.exercises(top, &loaded, &rules);
        let first_file = u16::try_from(loaded.files.len()).expect("a rig has few files");
        let mut author =
            Author::new(&loaded, &names, &mut look, root, first_file, mode, self.request.scenario == REHEARSAL);
        let mut sheet = Sheet { page: &mut self.page, parameters: &mut parameters, file: first_file };
        let mut steps = Vec::new();
        if confirmed {
            steps.push(author.confirm(sheet.page.line_of(top.head.start)));
        }
        steps.extend(top.get("steps").map(|n| author.list(&mut sheet, n, 0)).unwrap_or_default());
        let finally = top.get("finally").map(|n| author.list(&mut sheet, n, 0)).unwrap_or_default();
        let (titles, expects, used, blind) = (author.titles, author.expects, author.used, author.blind);
        if !blind {
            parameters.unused(&mut self.page);
        }
        if !expects && top.get("exercises").is_none() && top.get("rules").is_none() {
            self.page.error(
                top.head.clone(),
                "nothing in this scenario can be wrong: it has no `exercises`, no `rules` and no `expect`".into(),
                Some("say what must be tested, such as `exercises: [ceiling]`".into()),
            );
        }
        self.twins(top, &loaded);
        let gate = self.gate(top, &loaded);
        let phases = look.phases.clone();
        let mut files = rig_files(&loaded);
        files.push(input(FileRole::Scenario, &self.request.scenario, &self.bytes));
        for path in &used {
            if let Some(Ok(fragment)) = look.fragments.get(path) {
                files.push(input(FileRole::Fragment, path, &fragment.bytes));
            }
        }
        let rig = loaded.rig.clone().map(|rig| titled(rig, &names, states, &titles, &look));
        let reserved = reserved(&loaded).map(|reserved| Reserved { told, ..reserved });
        let arm_within = loaded.arm_within;
        let all_rules: Vec<ReadRule> = loaded.rules.iter().chain(&rules).cloned().collect();
        let ladder_spans = loaded.ladder_spans.clone();
        let mut loaded = loaded;
        let made = rig.as_ref().map(|rig| {
            let (ladders, unprotected) = ladders::encode(rig);
            for one in unprotected {
                let span = ladder_spans.get(usize::from(one.device.0)).cloned().unwrap_or(0..0);
                // Its frames are all that anybody sends on a trip: without them the rung would be silent.
                loaded.rig_page.error(
                    span,
                    format!("rung `{}` has no form that can be sent at any time: {}", one.command, one.why),
                    Some("let the rung use another command".into()),
                );
            }
            ladders
        });
        let mut problems = overrides;
        problems.extend(self.page.into_problems());
        problems.extend(fragment_problems(look));
        problems.extend(loaded.into_problems());
        if problems.iter().any(|p| p.severity == Severity::Error) {
            return Err(problems);
        }
        let (Some(name), Some(rig), Some(reserved), Some(ladders)) = (name, rig, reserved, made) else {
            return Err(problems);
        };
        let plan = Plan {
            name,
            about: about.unwrap_or_default(),
            rules: all_rules.iter().map(|r| r.rule.clone()).collect(),
            exercises,
            phases,
            reserved,
            steps,
            finally,
            titles,
            parameters: parameters.listed(),
            guard: ladders::guard(&rig),
            ladders,
            horizon: horizon(all_rules.iter()),
            arm_within,
            files,
            seed: self.request.seed,
            mode,
            gate,
            rig,
        };
        Ok((plan, problems))
    }

    /// The scenario's own rules.
    fn rules(
        &mut self,
        top: &Fields<'_>,
        loaded: &Loaded,
        names: &Names,
        parameters: &mut Parameters,
    ) -> Vec<ReadRule> {
        let Some(node) = top.get("rules") else { return Vec::new() };
        if names.signals.is_empty() {
            parameters.mark_text(&self.page.source.text[node.span.clone()]);
            return Vec::new();
        }
        let place = Place::Rule(&parameters.values);
        let first = loaded.rules.len();
        let rules = read_rules(&mut self.page, node, names, place, Origin::Scenario, first, &loaded.devices);
        for rule in &rules {
            if loaded.rules.iter().any(|r| r.rule.name == rule.rule.name) {
                self.page.error(
                    rule.name_span.clone(),
                    format!("the envelope has a rule `{}`; a scenario adds rules and replaces none", rule.rule.name),
                    Some("choose another name".into()),
                );
            }
        }
        for rule in &rules {
            parameters.mark(&rule.parameters);
        }
        if matches!(&node.kind, yaml::Kind::Map(entries) if entries.len() > rules.len()) {
            // A rule that could not be read may have used any of them.
            parameters.mark_text(&self.page.source.text[node.span.clone()]);
        }
        rules
    }

    /// The rules that must be tested.
    fn exercises(&mut self, top: &Fields<'_>, loaded: &Loaded, own: &[ReadRule]) -> Vec<RuleId> {
        let mut list = Vec::new();
        let Some(items) = top.get("exercises").and_then(|node| list_of(&mut self.page, node)) else { return list };
        for item in items {
            let Some(word) = self.page.text(item, "the name of a rule") else { continue };
            let all = || loaded.rules.iter().chain(own);
            match all().find(|r| r.rule.name == word.text) {
                Some(read) => list.push(read.rule.spec.id),
                // A rule that could not be read is told where it stands.
                None if self.is_written(top, loaded, &word.text) => {}
                None => {
                    let message = format!("rule `{}` is neither in the envelope nor in this scenario", word.text);
                    self.page.unknown(word, message, all().map(|r| r.rule.name.as_str()));
                }
            }
        }
        list
    }

    /// Whether a rule of that name stands in a file that is wrong elsewhere.
    fn is_written(&self, top: &Fields<'_>, loaded: &Loaded, name: &str) -> bool {
        let own = match top.get("rules").map(|n| &n.kind) {
            Some(yaml::Kind::Map(entries)) => entries.iter().any(|e| e.key.text == name),
            _ => false,
        };
        own || loaded.rig.is_none()
    }

    /// The mode of the gate; `fallback` needs a rig that has one.
    fn gate(&mut self, top: &Fields<'_>, loaded: &Loaded) -> GateMode {
        let Some(node) = top.get("gate") else { return GateMode::default() };
        let Some(mode) = self.page.choice(node, "mode of the gate", &GateMode::ALL) else { return GateMode::default() };
        let none = loaded.rig.as_ref().is_some_and(|rig| rig.devices.iter().all(|device| device.fallback.is_none()));
        if mode == GateMode::Fallback && none {
            self.page.error(
                node.span.clone(),
                "no controller of this rig has a `fallback`".into(),
                Some("give the controller one in the rig file, or write `gate: enforce`".into()),
            );
        }
        mode
    }

    /// Whether every device can be simulated, where that is asked for.
    fn twins(&mut self, top: &Fields<'_>, loaded: &Loaded) {
        if mode(self.request, loaded) != Mode::Sim {
            return;
        }
        let span = top.get("rig").map_or(0..0, |n| n.span.clone());
        for ((name, _, _), twin) in loaded.devices.iter().zip(&loaded.twins) {
            if twin.is_none() {
                let message = format!("device `{name}` of this rig has no twin, so the rig cannot be simulated");
                self.page.error(span.clone(), message, Some(format!("give `{name}` a `twin`, or run on the real rig")));
            }
        }
    }
}

/// A rig that names no port yet runs on its twins, asked for or not.
fn mode(request: &Request, loaded: &Loaded) -> Mode {
    let mut ports = loaded.links.iter().filter_map(|link| match &link.kind {
        LinkKind::Serial(serial) => Some(&serial.port),
        LinkKind::Mqtt(_) => None,
    });
    let serial = ports.clone().next().is_some();
    let unattached = serial && ports.all(|port| *port == PortName::Twin);
    if request.mode == Mode::Rig && unattached { Mode::Sim } else { request.mode }
}

fn list_of<'n>(page: &mut Page, node: &'n Node) -> Option<&'n [Node]> {
    page.list(node, "`exercises`")
}

/// The rig with the states of `phase` and `step`: a step is called by its name or its title.
fn titled(
    mut rig: Rig,
    names: &Names,
    states: Option<(SignalId, SignalId)>,
    titles: &[super::plan::StepTitle],
    look: &Survey,
) -> Rig {
    rig.signals = names.signals.clone();
    if let Some((_, step)) = states {
        let mut called = look.steps.clone();
        for (place, title) in titles.iter().enumerate() {
            if let Some(state) = called.get_mut(place + 1)
                && state.contains(' ')
            {
                *state = format!("{} {}", place + 1, title.title);
            }
        }
        rig.signals.redefine(step, SignalKind::States { names: called });
    }
    rig
}

fn fragment_problems(look: Survey) -> Vec<Diagnostic> {
    look.fragments.into_values().filter_map(Result::ok).flat_map(|f| f.page.into_problems()).collect()
}
