//! `checkrein check`: every mistake of every file, before anything is opened.

use super::Exit;
use super::say;
use crate::diag::{Diagnostic, report};
use crate::io::Disk;
use crate::rig;
use crate::scenario::plan::{GateMode, Mode, Plan, Rung};
use crate::scenario::{self, Request};
use clap::Args;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Arguments of `check`.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// Scenario files, or rig files: a rig is checked with its envelope by itself
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    #[command(flatten)]
    choice: PlanChoice,
}

/// What every command that makes a plan lets its user choose.
#[derive(Args, Debug, Clone)]
pub struct PlanChoice {
    /// Rig file; by default rigs/<name>/rig.yaml, by the scenario's `rig:`
    #[arg(long, value_name = "FILE")]
    pub rig: Option<String>,
    /// Override a parameter: --set wind=8m/s
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_override)]
    pub overrides: Vec<(String, String)>,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What the gate does with a controller's commands, in place of what the scenario says
    #[arg(long, value_name = "MODE", value_parser = parse_gate)]
    pub gate: Option<GateMode>,
}

fn parse_gate(text: &str) -> Result<GateMode, String> {
    let found = GateMode::ALL.iter().find(|(word, _)| *word == text);
    found.map(|(_, mode)| *mode).ok_or_else(|| "it is observe, enforce or fallback".to_owned())
}

pub fn parse_override(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name.trim().trim_start_matches('$').to_owned(), value.trim().to_owned()))
        }
        _ => Err(format!("`{text}` is not NAME=VALUE, such as wind=8m/s")),
    }
}

/// Makes the plan, or prints every diagnostic and gives `None`. Warnings are printed either way.
pub fn plan(scenario: &str, choice: &PlanChoice, mode: Mode) -> Option<Plan> {
    let request = Request {
        scenario: scenario.to_owned(),
        rig: choice.rig.clone(),
        overrides: choice.overrides.clone(),
        seed: choice.seed,
        mode,
    };
    match scenario::check(&request, &Disk) {
        Ok((plan, warnings)) => {
            print_diagnostics(&warnings);
            match choice.gate {
                None => Some(plan),
                Some(gate) => plan.with_gate(gate).map_err(|why| say::aside(format!("error: --gate: {why}"))).ok(),
            }
        }
        Err(diagnostics) => {
            print_diagnostics(&diagnostics);
            None
        }
    }
}

/// Prints diagnostics on standard error.
pub fn print_diagnostics(diagnostics: &[Diagnostic]) {
    if !diagnostics.is_empty() {
        say::aside(report(diagnostics, std::io::stderr().is_terminal()).trim_end_matches('\n'));
    }
}

/// Checks all files given; the exit code is 64 if any is wrong.
pub fn check(arguments: &CheckArguments) -> ExitCode {
    let mut good = true;
    for file in &arguments.files {
        let plan = if rig::is_rig(file, &Disk) {
            rig_alone(file, arguments.choice.seed).inspect(|plan| print_rig(file, plan))
        } else {
            plan(file, &arguments.choice, Mode::Rig).inspect(|plan| print_plan(file, plan))
        };
        good &= plan.is_some();
    }
    if good { Exit::Good.into() } else { Exit::Usage.into() }
}

/// A rig with its envelope, without any scenario; prints every diagnostic.
fn rig_alone(file: &str, seed: u64) -> Option<Plan> {
    match scenario::observe(file, &Disk, seed) {
        Ok((plan, warnings)) => {
            print_diagnostics(&warnings);
            Some(plan)
        }
        Err(diagnostics) => {
            print_diagnostics(&diagnostics);
            None
        }
    }
}

/// Says what was understood of a rig.
fn print_rig(file: &str, plan: &Plan) {
    let rig = &plan.rig;
    let stopping = stopping(plan);
    let told = rig.signals.iter().filter(|(_, def)| def.device.is_some()).count();
    say::line(format!("{file}: good"));
    say::line(format!(
        "  rig {}: {} links, {} devices, {told} signals of devices, {} commands, {} rules ({stopping} of them stop the rig)",
        rig.name,
        rig.links.len(),
        rig.devices.len(),
        rig.commands.iter().count(),
        plan.rules.len(),
    ));
    print_rules_and_ladders(plan);
    print_tightest(plan);
}

fn stopping(plan: &Plan) -> usize {
    plan.rules.iter().filter(|rule| matches!(rule.reaction, rig::Reaction::Stop(_))).count()
}

/// Says what was understood and what was worked out.
fn print_plan(scenario: &str, plan: &Plan) {
    let stopping = stopping(plan);
    say::line(format!("{scenario}: good"));
    say::line(format!("  {} on {}", plan.name, plan.rig.name));
    say::line(format!(
        "  {} steps, {} rules ({stopping} of them stop the rig), {} signals",
        plan.titles.len(),
        plan.rules.len(),
        plan.rig.signals.len()
    ));
    for (name, value) in &plan.parameters {
        say::line(format!("  ${name} = {value}"));
    }
    say::line(format!("  armed within {}, obligations decided within {}", plan.arm_within, plan.horizon));
    print_rules_and_ladders(plan);
    say::line(format!("  over after at most {}; a real rig is leased for that and a minute", plan.longest()));
    print_tightest(plan);
}

/// What the rules need, and how each device is made safe.
fn print_rules_and_ladders(plan: &Plan) {
    let rules: Vec<&crate::rig::Rule> = plan.rules.iter().collect();
    let facts = super::explain::facts(&super::explain::Subject::of(plan), &rules);
    say::line(format!(
        "  memory of the rules: {}, taken before the first sample",
        say::bytes(super::explain::engine(&plan.rules, &plan.rig.signals).bytes())
    ));
    for rule in facts.iter().filter(|rule| rule.entries() > 0 && !rule.undeclared().is_empty()) {
        say::line(format!(
            "    of {}: planned from an assumed rate of {}, which declares none",
            rule.name,
            rule.undeclared().join(", ")
        ));
    }
    for ladder in &plan.ladders {
        let device = &plan.rig.devices[ladder.device.0 as usize].name;
        let rungs: Vec<String> = ladder.rungs.iter().map(rung_in_words).collect();
        let total = ladder.rungs.iter().fold(crate::time::Span::ZERO, |sum, r| sum + r.within);
        say::line(format!("  ladder of {device}: {}; safe or alarm after at most {total}", rungs.join(", then ")));
    }
    for one in super::rehearse::relied_on(plan) {
        say::line(format!("  {}: {}", one.what, one.text));
    }
}

fn print_tightest(plan: &Plan) {
    let tightest = plan.rules.iter().filter_map(|r| r.react_within.map(|span| (span, &r.name))).min();
    if let Some((span, name)) = tightest {
        say::line(format!("  tightest reaction: {span} (rule {name})"));
    }
}

/// `fc.land (within 20 s, category 1: controlled stop, then power off)`.
fn rung_in_words(rung: &Rung) -> String {
    let category = rung.category.map_or_else(String::new, |c| format!(", category {}: {}", c.number(), c.words()));
    format!("{} (within {}{category})", rung.title, rung.within)
}
