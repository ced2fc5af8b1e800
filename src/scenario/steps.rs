//! Steps: from the file to the plan.

use super::faults::{self, time};
use super::keys::{FRAGMENT, REHEARSAL_VERBS, VERBS};
use super::parameters::Parameters;
use super::plan::{Mode, Step, StepId, StepKind, StepTitle};
use super::survey::{Survey, fragment_path, refused, verb};
use crate::fault::FaultTarget;
use crate::guard::{LadderId, RungId};
use crate::rig::yaml::{Entry, Fields, Kind, Node, Page, Word, shortened};
use crate::rig::{DeadMan, Loaded, Names, Place, call, known};
use crate::time::Span;
use std::collections::BTreeSet;

/// How long an acknowledgement may take where the step says nothing.
const DO_WITHIN: Span = Span::from_secs(5);
/// How long a person may take to say that energised faults may begin.
const CONFIRM_WITHIN: Span = Span::from_secs(60);
/// How often a `repeat` may repeat.
const REPEAT_MAX: u64 = 100_000;

/// Reads steps into the plan; what is wrong goes to the page that the step stands on.
pub(super) struct Author<'c> {
    pub loaded: &'c Loaded,
    /// With the states of `phase` and `step`.
    pub names: &'c Names,
    pub survey: &'c mut Survey,
    pub root: &'c str,
    pub titles: Vec<StepTitle>,
    /// Some step requires something.
    pub expects: bool,
    /// Fragments used, by path, in order of first use: their place in the plan's files follows from it.
    pub used: Vec<String>,
    /// Place of the scenario's own file in the plan's files; fragments follow.
    pub first_file: u16,
    /// The rig could not be read at all: names are not checked.
    pub blind: bool,
    mode: Mode,
    /// This is the rehearsal of the rig.
    rehearsal: bool,
    names_taken: BTreeSet<String>,
    open: Vec<String>,
}

/// The file that a step stands in, with its parameters.
pub(super) struct Sheet<'p> {
    pub page: &'p mut Page,
    pub parameters: &'p mut Parameters,
    pub file: u16,
}

impl<'c> Author<'c> {
    /// An author who has read nothing yet.
    pub fn new(
        loaded: &'c Loaded,
        names: &'c Names,
        survey: &'c mut Survey,
        root: &'c str,
        first_file: u16,
        mode: Mode,
        rehearsal: bool,
    ) -> Author<'c> {
        let blind = names.signals.find("phase").is_none();
        Author {
            loaded,
            names,
            survey,
            root,
            titles: Vec::new(),
            expects: false,
            used: Vec::new(),
            first_file,
            blind,
            mode,
            rehearsal,
            names_taken: BTreeSet::new(),
            open: Vec::new(),
        }
    }

    /// The question before anything that could move a real machine otherwise than it was asked to.
    pub fn confirm(&mut self, line: u32) -> Step {
        let id = StepId(u32::try_from(self.titles.len()).expect("fewer than 2^32 steps: the survey counts them"));
        let text =
            "This run injects faults into what the real machines are told. Everybody clear? Start it?".to_owned();
        let title = StepTitle { title: "prompt energised faults".into(), depth: 0, line, file: self.first_file };
        self.titles.push(title);
        Step { id, kind: StepKind::Prompt { text, within: CONFIRM_WITHIN } }
    }

    /// Reads a list of steps.
    pub fn list(&mut self, sheet: &mut Sheet<'_>, node: &Node, depth: u16) -> Vec<Step> {
        let Some(items) = sheet.page.list(node, "steps") else { return Vec::new() };
        if items.is_empty() {
            sheet.page.error(
                node.span.clone(),
                "a list without steps".into(),
                Some("add a step, or remove the list".into()),
            );
        }
        let mut steps = Vec::new();
        for item in items {
            self.step(sheet, item, depth, &mut steps);
        }
        steps
    }

    fn step(&mut self, sheet: &mut Sheet<'_>, node: &Node, depth: u16, out: &mut Vec<Step>) {
        let Some(entries) = sheet.page.map(node, "a step") else { return };
        let verbs = || VERBS.iter().map(|(verb, _)| *verb);
        // Rungs one by one are for the rehearsal itself: neither a scenario nor what brings a device up has a use for them.
        let rehearses = self.rehearsal && sheet.file == self.first_file;
        let own = |verb: &&Entry| rehearses || VERBS.iter().any(|(name, _)| *name == verb.key.text);
        let Some(verb) = verb(entries).filter(own) else {
            match entries.first() {
                Some(first) => {
                    sheet.page.unknown(&first.key, format!("`{}` is no kind of step", first.key.text), verbs());
                }
                None => sheet.page.error(node.span.clone(), "a step without a verb".into(), None),
            }
            return;
        };
        let (_, record) = VERBS
            .iter()
            .chain(REHEARSAL_VERBS)
            .find(|(name, _)| *name == verb.key.text)
            .expect("the verb was found in this table");
        let other = entries.iter().find(|e| e.key.text != verb.key.text && verbs().any(|v| v == e.key.text));
        if let Some(other) = other {
            sheet.page.error(
                other.key.span.clone(),
                format!("a step does one thing; this one says `{}` and `{}`", verb.key.text, other.key.text),
                Some(format!("begin a new step: `- {}: …`", other.key.text)),
            );
            return;
        }
        let fields = sheet.page.checked(entries, node.head(), record);
        let value = &verb.value;
        if verb.key.text == "use" {
            self.fragment(sheet, value, &fields, depth, out);
            return;
        }
        let id = StepId(u32::try_from(self.titles.len()).expect("fewer than 2^32 steps: the survey counts them"));
        let line = sheet.page.line_of(verb.key.span.start);
        let name = self.name(sheet.page, &fields);
        self.titles.push(StepTitle { title: String::new(), depth, line, file: sheet.file });
        let made = self.kind(sheet, verb.key.text.as_str(), value, &fields, depth);
        if let Some((kind, title)) = made {
            self.titles[id.0 as usize].title = match name {
                Some(name) => format!("{title} ({name})"),
                None => title,
            };
            out.push(Step { id, kind });
        }
    }

    /// The step's name, once per run.
    fn name(&mut self, page: &mut Page, fields: &Fields<'_>) -> Option<String> {
        let word = page.name(fields.get("name")?, "a step's name")?;
        if word.text == "none" || !self.names_taken.insert(word.text.clone()) {
            page.error(
                word.span.clone(),
                format!("a step `{}` is there already", word.text),
                Some("choose another name: `step == …` must mean one step".into()),
            );
        }
        Some(word.text.clone())
    }

    fn kind(
        &mut self,
        sheet: &mut Sheet<'_>,
        verb: &str,
        value: &Node,
        fields: &Fields<'_>,
        depth: u16,
    ) -> Option<(StepKind, String)> {
        let within = fields.get("within").map(|node| time(sheet.page, node, sheet.parameters));
        match verb {
            "do" => {
                let word = sheet.page.text(value, "the name of a command, `device.name`")?;
                if self.blind {
                    return None;
                }
                let (table, broken) = (&self.loaded.commands, &self.loaded.broken_commands);
                let id = known(sheet.page, word, table, broken);
                let Some(id) = id else {
                    mark_all(sheet, fields.get("with"));
                    return None;
                };
                let parameters = &mut *sheet.parameters;
                let command = call(sheet.page, word, id, table, fields.get("with"), &mut |page, word| {
                    parameters.look_up(page, word)
                });
                let within = within.unwrap_or(Some(DO_WITHIN));
                Some((StepKind::Do { command: command?, within: within? }, format!("do {}", word.text)))
            }
            "expect" | "wait" => {
                self.expects |= verb == "expect";
                let (formula, text) = self.formula(sheet, value)?;
                let title = format!("{verb} {text}");
                let within = within??;
                Some(match verb {
                    "expect" => (StepKind::Expect { formula, within }, title),
                    _ => (StepKind::Wait { formula, within }, title),
                })
            }
            "hold" => {
                let span = time(sheet.page, value, sheet.parameters)?;
                Some((StepKind::Hold { span }, format!("hold {span}")))
            }
            "inject" => {
                if self.blind {
                    return None;
                }
                let injection = faults::read(sheet.page, value, self.loaded, sheet.parameters, self.mode)?;
                let faults::Injection { spec: fault, title, visible } = injection;
                let visible = match visible {
                    Some(word) => {
                        sheet.parameters.mark_text(&word.text);
                        let checked = self.names.formula(sheet.page, &word, Place::Step(&sheet.parameters.values))?;
                        sheet.parameters.mark(&checked.parameters);
                        Some(checked.formula)
                    }
                    None => None,
                };
                if self.mode == Mode::Rig
                    && matches!(fault.target, FaultTarget::Twin { .. } | FaultTarget::World { .. })
                {
                    sheet.page.warn(
                        value.head(),
                        format!(
                            "fault `{}` is acted out by twins alone; on the real rig it does not happen",
                            fault.name
                        ),
                        Some("run this scenario with --sim".into()),
                    );
                }
                Some((StepKind::Inject { fault, visible }, title))
            }
            "prompt" => {
                let text = shortened(&sheet.page.text(value, "a question for the person beside the rig")?.text);
                let title = format!("prompt {text}");
                Some((StepKind::Prompt { text, within: within?? }, title))
            }
            "phase" => {
                let word = sheet.page.name(value, "a phase's name");
                if let Some(word) = word
                    && word.text == "none"
                {
                    sheet.page.error(word.span.clone(), "`none` is what `phase` is outside of all phases".into(), None);
                }
                let steps = self.inner(sheet, fields, depth);
                let word = word?;
                let place = self.survey.phases.iter().position(|p| *p == word.text)?;
                let phase = u16::try_from(place).ok()?;
                Some((StepKind::Phase { phase, steps: steps? }, format!("phase {}", word.text)))
            }
            "parallel" => {
                let lanes: Vec<_> = sheet
                    .page
                    .list(value, "lists of steps")?
                    .iter()
                    .map(|lane| self.list(sheet, lane, depth + 1))
                    .collect();
                if lanes.len() < 2 {
                    sheet.page.error(value.span.clone(), "side by side are at least two lists".into(), None);
                }
                let title = format!("parallel, {} lists", lanes.len());
                Some((StepKind::Parallel { lanes }, title))
            }
            "repeat" => {
                let times = self.times(sheet, value);
                let steps = self.inner(sheet, fields, depth);
                let times = times?;
                Some((StepKind::Repeat { times, steps: steps? }, format!("repeat {times} times")))
            }
            "when" => {
                let formula = self.formula(sheet, value);
                let steps = self.inner(sheet, fields, depth);
                let (formula, text) = formula?;
                Some((StepKind::When { formula, steps: steps? }, format!("when {text}")))
            }
            "rung" | "mute" => self.rehearsed(sheet, verb, value, fields),
            _ => None,
        }
    }

    /// A rung or a dead-man that is tried by itself.
    fn rehearsed(
        &mut self,
        sheet: &mut Sheet<'_>,
        verb: &str,
        value: &Node,
        fields: &Fields<'_>,
    ) -> Option<(StepKind, String)> {
        self.expects = true;
        let word = sheet.page.text(value, "the name of a device")?;
        let rig = self.loaded.rig.as_ref()?;
        let with_ladder = || rig.devices.iter().filter(|device| !device.ladder.is_empty());
        let Some(place) = with_ladder().position(|device| device.name == word.text) else {
            let message = format!("`{}` is no device with a ladder", word.text);
            sheet.page.unknown(word, message, with_ladder().map(|device| device.name.as_str()));
            return None;
        };
        let device = with_ladder().nth(place)?;
        let ladder = LadderId(u8::try_from(place).ok()?);
        if verb == "mute" {
            let Some(DeadMan::LosesHeartbeat { safe_within }) = device.dead_man else {
                sheet.page.error(
                    word.span.clone(),
                    format!("`{}` has no dead-man that loses a heartbeat", word.text),
                    None,
                );
                return None;
            };
            let kind = StepKind::Mute { device: device.id, ladder, within: safe_within };
            return Some((kind, format!("rehearse the dead-man of {}", device.name)));
        }
        let last = device.ladder.len() as u64;
        let rung = sheet.page.whole(fields.get("place")?, 1..=last, "which rung")? - 1;
        let commands = &device.ladder[rung as usize].commands;
        let titles: Vec<&str> = commands.iter().map(|c| rig.commands.def(c.id).name.as_str()).collect();
        let kind = StepKind::Rung { ladder, rung: RungId(u8::try_from(rung).ok()?) };
        Some((kind, format!("rehearse {}, rung {} of {}", titles.join(", "), rung + 1, device.name)))
    }

    fn inner(&mut self, sheet: &mut Sheet<'_>, fields: &Fields<'_>, depth: u16) -> Option<Vec<Step>> {
        let node = fields.get("steps")?;
        Some(self.list(sheet, node, depth + 1))
    }

    fn times(&mut self, sheet: &mut Sheet<'_>, node: &Node) -> Option<u32> {
        let given = node.word().filter(|w| w.text.starts_with('$'));
        let number = match given {
            Some(word) => {
                let quantity = sheet.parameters.look_up(sheet.page, word)?;
                let whole = quantity.unit.dimension == crate::units::Dimension::default()
                    && quantity.si().fract() == 0.0
                    && (1.0..=REPEAT_MAX as f64).contains(&quantity.si());
                if !whole {
                    sheet.page.error(
                        word.span.clone(),
                        format!("`{}` = {quantity} is no number of times", word.text),
                        Some(format!("a whole number from 1 to {REPEAT_MAX} is wanted")),
                    );
                    return None;
                }
                quantity.si() as u64
            }
            None => sheet.page.whole(node, 1..=REPEAT_MAX, "how often")?,
        };
        u32::try_from(number).ok()
    }

    /// A step's formula with its text on one line.
    fn formula(&mut self, sheet: &mut Sheet<'_>, node: &Node) -> Option<(crate::expr::ir::Formula, String)> {
        let word = sheet.page.scalar(node, "a formula such as `fc.altitude > 4 m`")?;
        sheet.parameters.mark_text(&word.text);
        if self.blind {
            return None;
        }
        let checked = self.names.formula(sheet.page, word, Place::Step(&sheet.parameters.values))?;
        sheet.parameters.mark(&checked.parameters);
        Some((checked.formula, word.text.split_whitespace().collect::<Vec<_>>().join(" ")))
    }

    /// The steps of a fragment, in the place of the `use`.
    fn fragment(&mut self, sheet: &mut Sheet<'_>, value: &Node, fields: &Fields<'_>, depth: u16, out: &mut Vec<Step>) {
        let Some(word) = sheet.page.text(value, "the path of a fragment below `scenarios/`") else { return };
        let path = fragment_path(self.root, word);
        if word.text.starts_with('/') || word.text.split('/').any(|part| part == "..") {
            sheet.page.error(
                word.span.clone(),
                format!("`{}` leaves the folder of the scenarios", word.text),
                Some("a fragment's path starts at `scenarios/`, such as `common/land.yaml`".into()),
            );
            return;
        }
        if let Some(why) = refused(&self.open, &path) {
            sheet.page.error(word.span.clone(), why, None);
            return;
        }
        // Taken out while it is read, since the author needs the rest of the survey.
        let Some(taken) = self.survey.fragments.remove(&path) else { return };
        let mut fragment = match taken {
            Ok(fragment) => fragment,
            Err(why) => {
                sheet.page.error(word.span.clone(), format!("the fragment `{path}` cannot be read: {why}"), None);
                self.survey.fragments.insert(path, Err(why));
                return;
            }
        };
        let place = self.used.iter().position(|p| *p == path).unwrap_or_else(|| {
            self.used.push(path.clone());
            self.used.len() - 1
        });
        let file = self.first_file + 1 + u16::try_from(place).unwrap_or(u16::MAX - 1 - self.first_file);
        // What is wrong with a fragment is told once, however often it is used.
        let mut page = Page::new((*fragment.page.source).clone());
        if let Some(node) = fragment.node.clone()
            && let Some(top) = page.fields(&node, &FRAGMENT)
        {
            for key in ["fragment", "about"] {
                if let Some(node) = top.get(key) {
                    page.text(node, "text");
                }
            }
            let mut parameters = Parameters::read(&mut page, top.get("parameters"));
            self.with(sheet, fields.get("with"), &mut parameters);
            if let Some(steps) = top.get("steps") {
                self.open.push(path.clone());
                let mut inner = Sheet { page: &mut page, parameters: &mut parameters, file };
                out.extend(self.list(&mut inner, steps, depth));
                self.open.pop();
            }
            parameters.unused(&mut page);
        }
        fragment.page.absorb(page);
        self.survey.fragments.insert(path, Ok(fragment));
    }

    /// The values that a `use` gives to a fragment.
    fn with(&mut self, sheet: &mut Sheet<'_>, node: Option<&Node>, parameters: &mut Parameters) {
        let Some(entries) = node.and_then(|node| sheet.page.map(node, "`with`")) else { return };
        for entry in entries {
            let Some(word) = sheet.page.scalar(&entry.value, "a value such as `5 m`") else { continue };
            let word: &Word = word;
            if let Some(quantity) = sheet.parameters.look_up(sheet.page, word) {
                parameters.give(sheet.page, &entry.key, quantity, word);
            }
        }
    }
}

/// Counts parameters as used although their step could not be understood.
fn mark_all(sheet: &mut Sheet<'_>, node: Option<&Node>) {
    if let Some(Kind::Map(entries)) = node.map(|n| &n.kind) {
        for word in entries.iter().filter_map(|e| e.value.word()) {
            sheet.parameters.mark_text(&word.text);
        }
    }
}
