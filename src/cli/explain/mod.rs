//! `checkrein explain`: what a rule means, what it rests on, and what judging it costs.

mod facts;
mod page;
mod words;
mod written;

use super::Exit;
use super::check::{PlanChoice, plan, print_diagnostics};
use super::say;
use crate::diag::{Files, nearest};
use crate::io::Disk;
use crate::rig::{Rule, tidy_path};
use crate::scenario;
use crate::scenario::plan::{FileRole, Mode, Plan};
use crate::signal::SignalTable;
use clap::Args;
use facts::Facts;
pub use facts::{engine, of as facts};
use std::process::ExitCode;

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// Names of rules, and at most one file: a rig, its envelope, or a scenario. Without a name: every rule
    #[arg(value_name = "RULE|FILE")]
    words: Vec<String>,
    /// Rig: its name under rigs/, or its file; by default the only one under rigs/
    #[arg(long, value_name = "NAME|FILE")]
    rig: Option<String>,
    /// A rule that stands in no file: 'altitude <= 8 m', 'NAME: when: …; always: …'; over the signals of --rig, --signal
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// What a --rule reads: 'altitude: -1 m .. 40 m, every 20 ms, stale after 60 ms'
    #[arg(long = "signal", value_name = "SIGNAL")]
    signals: Vec<String>,
    /// Override a parameter of the scenario: --set wind=8m/s
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = super::check::parse_override)]
    overrides: Vec<(String, String)>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Rules and signals to speak of.
pub struct Subject {
    /// What the rules belong to: a rig's name.
    title: String,
    rules: Vec<Rule>,
    signals: SignalTable,
    /// Names by the id of the device.
    devices: Vec<String>,
}

impl Subject {
    /// The rules of a plan: the envelope's, then the scenario's.
    pub fn of(plan: &Plan) -> Subject {
        Subject {
            title: plan.rig.name.clone(),
            rules: plan.rules.clone(),
            signals: plan.rig.signals.clone(),
            devices: plan.rig.devices.iter().map(|device| device.name.clone()).collect(),
        }
    }
}

/// Explains the rules asked for; the exit code is 64 if there is no such rule or its file is wrong.
pub fn explain(arguments: &ExplainArguments) -> ExitCode {
    match told(arguments) {
        Ok(text) => {
            say::text(&text);
            Exit::Good.into()
        }
        Err(Refusal::Said) => Exit::Usage.into(),
        Err(Refusal::Say(words)) => {
            say::aside(words);
            Exit::Usage.into()
        }
    }
}

/// Why nothing is explained.
enum Refusal {
    /// The diagnostics are printed already.
    Said,
    Say(String),
}

fn told(arguments: &ExplainArguments) -> Result<String, Refusal> {
    let is_file = |word: &&String| word.contains('/') || word.ends_with(".yaml") || word.ends_with(".yml");
    let files: Vec<&String> = arguments.words.iter().filter(is_file).collect();
    let names: Vec<&String> = arguments.words.iter().filter(|word| !is_file(word)).collect();
    if files.len() > 1 {
        return Err(Refusal::Say(format!("error: one file at a time, not `{}` and `{}`", files[0], files[1])));
    }
    let file = files.first().map(|file| file.as_str());
    let subject = if arguments.rules.is_empty() {
        if !arguments.signals.is_empty() {
            return Err(Refusal::Say("error: `--signal` says what a `--rule` reads; there is none".into()));
        }
        subject(file, arguments)?
    } else {
        written::subject(arguments, file)?
    };
    let rules = &subject.rules;
    let wanted: Vec<&Rule> = if names.is_empty() {
        rules.iter().collect()
    } else {
        names.iter().map(|name| find(name, rules)).collect::<Result<_, _>>()?
    };
    if wanted.is_empty() {
        return Err(Refusal::Say("error: there are no rules here".into()));
    }
    let facts: Vec<Facts> = facts(&subject, &wanted);
    if arguments.json {
        let all: Vec<serde_json::Value> = facts.iter().map(page::json).collect();
        return Ok(format!("{:#}\n", serde_json::Value::Array(all)));
    }
    let brief = names.is_empty() && arguments.rules.is_empty();
    let pages: Vec<String> =
        facts.iter().map(|facts| if brief { page::brief(facts) } else { page::whole(facts) }).collect();
    let mut text = pages.join("\n");
    if brief {
        text.push_str(&format!("\n{}\n", page::footer(&subject.title, &facts)));
    }
    Ok(text)
}

fn find<'a>(name: &str, rules: &'a [Rule]) -> Result<&'a Rule, Refusal> {
    if let Some(rule) = rules.iter().find(|rule| rule.name == name) {
        return Ok(rule);
    }
    let names = || rules.iter().map(|rule| rule.name.as_str());
    let remedy = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(Refusal::Say(format!("error: there is no rule `{name}`\n  = help: {remedy}")))
}

/// What a file is, by its first keys.
fn role(text: &str) -> Option<FileRole> {
    let has = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    // A scenario names its rig, a rig its envelope.
    match () {
        () if has("scenario") => Some(FileRole::Scenario),
        () if has("rig") => Some(FileRole::Rig),
        () if has("envelope") => Some(FileRole::Envelope),
        () => None,
    }
}

fn subject(file: Option<&str>, arguments: &ExplainArguments) -> Result<Subject, Refusal> {
    let rig = arguments.rig.as_deref().map(rig_file).transpose()?;
    let Some(file) = file else {
        let rig = match rig {
            Some(rig) => rig,
            None => only_rig()?,
        };
        return Ok(Subject::of(&observed(&rig)?));
    };
    let unreadable = |why: String| Refusal::Say(format!("error: {file} cannot be read: {why}"));
    let bytes = Disk.read(file).map_err(unreadable)?;
    match role(&String::from_utf8_lossy(&bytes)) {
        Some(FileRole::Scenario) => {
            let choice = PlanChoice { rig, overrides: arguments.overrides.clone(), seed: 1, gate: None };
            Ok(Subject::of(&plan(file, &choice, Mode::Rig).ok_or(Refusal::Said)?))
        }
        Some(FileRole::Rig) => Ok(Subject::of(&observed(file)?)),
        Some(FileRole::Envelope) => {
            let beside = match file.rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/rig.yaml"),
                None => "rig.yaml".to_owned(),
            };
            let rig = rig.unwrap_or(beside);
            let plan = observed(&rig)?;
            let same = |path: &str| tidy_path(path, path.starts_with('/')) == tidy_path(file, file.starts_with('/'));
            if !plan.files.iter().any(|f| f.role == FileRole::Envelope && same(&f.path)) {
                return Err(Refusal::Say(format!(
                    "error: {file} is not the envelope of {rig}\n  = help: name its rig: --rig FILE"
                )));
            }
            Ok(Subject::of(&plan))
        }
        _ => Err(Refusal::Say(format!(
            "error: {file} is no rig, envelope or scenario\n  = help: its first key says what it is: `rig:`, `envelope:` or `scenario:`"
        ))),
    }
}

/// A rig by name or by file.
fn rig_file(said: &str) -> Result<String, Refusal> {
    if said.contains('/') || said.ends_with(".yaml") {
        return Ok(said.to_owned());
    }
    let file = format!("rigs/{said}/rig.yaml");
    if std::path::Path::new(&file).exists() {
        return Ok(file);
    }
    let rigs = rigs();
    let names = rigs.iter().filter_map(|path| path.split('/').nth(1));
    let remedy = match nearest(said, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None if rigs.is_empty() => "name its file: --rig FILE".into(),
        None => format!(
            "there are {}",
            rigs.iter().filter_map(|path| path.split('/').nth(1)).collect::<Vec<_>>().join(", ")
        ),
    };
    Err(Refusal::Say(format!("error: there is no rig `{said}`: {file} is not there\n  = help: {remedy}")))
}

/// The rig files under rigs/.
fn rigs() -> Vec<String> {
    let folders = std::fs::read_dir("rigs").map(|all| all.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
    let files = folders.unwrap_or_default().into_iter().map(|folder| folder.join("rig.yaml"));
    let mut rigs: Vec<String> = files.filter(|file| file.is_file()).map(|file| file.display().to_string()).collect();
    rigs.sort();
    rigs
}

fn only_rig() -> Result<String, Refusal> {
    let rigs = rigs();
    match &rigs[..] {
        [only] => Ok(only.clone()),
        [] => Err(Refusal::Say("error: no rig is named, and there is none under rigs/\n  = help: --rig FILE".into())),
        many => Err(Refusal::Say(format!("error: no rig is named\n  = help: --rig with one of {}", many.join(", ")))),
    }
}

fn observed(rig: &str) -> Result<Plan, Refusal> {
    match scenario::observe(rig, &Disk, 1) {
        Ok((plan, warnings)) => {
            print_diagnostics(&warnings);
            Ok(plan)
        }
        Err(diagnostics) => {
            print_diagnostics(&diagnostics);
            Err(Refusal::Said)
        }
    }
}
