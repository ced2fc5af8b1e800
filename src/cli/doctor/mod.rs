//! `checkrein rigs doctor RIG`: whether a run could start on this bench, and what is not as the rig file says.
//!
//! It looks through the same loop as a run, with a plan that sends nothing but questions, for as long as it takes to hear
//! every signal often enough. Only `--login` makes it publish, and then nothing but empty messages on command topics.

mod findings;
mod ports;
mod reading;
mod trying;

use super::observing::{Observing, begin, path_of, plan, unattached};
use super::{Exit, say};
use crate::diag::Diagnostic;
use crate::io::Disk;
use crate::io::feed::Seen;
use crate::io::queue::Post;
use crate::io::state::{Standing, State};
use crate::live::Vitals;
use crate::rig::DeadMan;
use crate::run::{Input, OperatorOrder, RunVerdict};
use crate::scenario;
use crate::scenario::plan::{Mode, Plan};
use crate::time::{Span, Time};
use crate::trace::words::span as in_words;
use clap::Args;
use findings::{Findings, Grade};
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trying::ControllerLogin;

/// Everything was heard: the rules have this long to be judged at all.
const JUDGED_WITHIN: Duration = Duration::from_millis(500);
/// The rules are judged: their margins have this long to be told.
const MARGINS_WITHIN: Duration = Duration::from_millis(100);

/// Arguments of `rigs doctor`.
#[derive(Args, Debug)]
pub struct DoctorArguments {
    /// The rig's name (rigs/NAME/rig.yaml), or its file
    rig: String,
    /// Examine the rig's twins
    #[arg(long)]
    sim: bool,
    /// Look for so long at most; it ends sooner when everything was heard
    #[arg(long = "for", default_value = "10s", value_name = "TIME", value_parser = super::monitor::parse_time)]
    at_most: Span,
    /// Look for this long at least: figures of noise and drift become better
    #[arg(long, value_name = "TIME", value_parser = super::monitor::parse_time)]
    at_least: Option<Span>,
    /// A controller's login at a broker outside (DEVICE=USER:env:VARIABLE or DEVICE=USER:file:PATH): tries, with empty
    /// messages, whether it can publish past the guard on topics of commands
    #[arg(long = "login", value_name = "LOGIN", value_parser = ControllerLogin::parse)]
    logins: Vec<ControllerLogin>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Examines; 0: a run could start, 3: it could not, 64: the files are wrong.
pub fn doctor(arguments: &DoctorArguments) -> ExitCode {
    let Some(looking) = plan(&arguments.rig) else { return Exit::Usage.into() };
    let twins = arguments.sim || unattached(&looking);
    // What a run would have: with its ladders and dead-men.
    let armed = match scenario::observe(path_of(&looking), &Disk, 1) {
        Ok((plan, _)) => Plan { mode: if twins { Mode::Sim } else { Mode::Rig }, ..plan },
        Err(problems) => return wrong(&problems),
    };
    if let Some(why) = arguments.logins.iter().find_map(|login| login.unfit(&armed)) {
        say::aside(format!("error: {why}"));
        return Exit::Usage.into();
    }
    let mut findings = Findings::default();
    files(&armed, twins, arguments.sim, &mut findings);
    if !twins {
        ports::read(&armed, &mut findings);
        ports::brokers(&armed, &mut findings);
    }
    let looking = Arc::new(looking);
    match look(&looking, twins, arguments) {
        Ok(seen) => {
            reading::read(&armed, &seen.vitals, seen.now, seen.wall_nanos, twins, &mut findings);
            findings.0.extend(seen.tried.0);
        }
        Err(why) => findings.add(Grade::Blocks, "rig", "links", why),
    }
    tell(&armed, twins, &findings, arguments.json);
    if findings.could_start() { Exit::Good.into() } else { Exit::Verdict(RunVerdict::Blocked).into() }
}

fn wrong(problems: &[Diagnostic]) -> ExitCode {
    super::check::print_diagnostics(problems);
    Exit::Usage.into()
}

fn tell(plan: &Plan, twins: bool, findings: &Findings, json: bool) {
    let on = if twins { "twins" } else { "devices" };
    if json {
        let text = serde_json::to_string_pretty(&findings.document(&plan.rig.name, on));
        say::line(text.expect("names and numbers always make JSON"));
        return;
    }
    say::line(format!("rig {} on its {on}", plan.rig.name));
    for line in findings.table() {
        say::line(line);
    }
    let blocks = findings.0.iter().filter(|finding| finding.grade == Grade::Blocks).count();
    let warnings = findings.0.iter().filter(|finding| finding.grade == Grade::Warning).count();
    say::line(match blocks {
        0 => format!("a run could start ({warnings} warnings)"),
        1 => format!("no run could start: 1 thing stands in the way ({warnings} warnings)"),
        _ => format!("no run could start: {blocks} things stand in the way ({warnings} warnings)"),
    });
}

/// The files, who has the rig, and what was rehearsed.
fn files(plan: &Plan, twins: bool, asked: bool, findings: &mut Findings) {
    findings.add(Grade::Good, "rig", "files", format!("{} and its envelope are good", path_of(plan)));
    if twins && !asked {
        findings.add(Grade::Warning, "rig", "port", "no serial link names a port yet: its twins were examined");
    }
    match State::find() {
        Ok(state) if !twins => standing(plan, &state, findings),
        Ok(_) => {}
        Err(why) => findings.add(Grade::Blocks, "rig", "lease", why),
    }
    for device in plan.rig.devices.iter().filter(|device| device.role == crate::rig::Role::Machine) {
        match &device.dead_man {
            Some(DeadMan::LosesHeartbeat { safe_within }) => {
                let words = format!("declared: without our heartbeat it is safe within {}", in_words(*safe_within));
                let figures = json!({ "safe_within_s": safe_within.seconds() });
                findings.with(Grade::Good, &device.name, "dead-man", words, figures);
            }
            // Silence is a controller's.
            Some(DeadMan::SilentFor(_)) => {}
            None => findings.add(
                Grade::Warning,
                &device.name,
                "dead-man",
                "none is declared: nothing makes it safe when the link is cut (`dead_man: { loses: heartbeat, … }`)",
            ),
        }
    }
    for one in super::rehearse::relied_on(plan) {
        let grade = if one.shown { Grade::Good } else { Grade::Warning };
        // `rung 1 of arm (arm.stop)`: the word, since `arm` stands in the name of `charm` as well.
        let names = |name: &str| one.what.split(' ').any(|word| word == name);
        let about = plan.rig.devices.iter().find(|d| names(&d.name)).map_or("rig", |d| d.name.as_str());
        findings.add(grade, about, "rehearsed", format!("{}: {}", one.what, one.text));
    }
}

fn standing(plan: &Plan, state: &State, findings: &mut Findings) {
    let name = &plan.rig.name;
    match state.standing(name) {
        Ok(Standing::Free) => findings.add(Grade::Good, "rig", "lease", "free"),
        Ok(Standing::Leased(lease)) => {
            let who = lease.map_or_else(|| "somebody".to_owned(), |lease| lease.holder());
            findings.add(Grade::Blocks, "rig", "lease", format!("leased to {who}"));
        }
        Ok(Standing::Quarantined(quarantine)) => findings.add(
            Grade::Blocks,
            "rig",
            "lease",
            format!(
                "quarantined: {}; look at it, then `checkrein rigs release {name} --inspected-by NAME`",
                quarantine.why
            ),
        ),
        Err(why) => findings.add(Grade::Blocks, "rig", "lease", why),
    }
    if let Some(tripped) = state.tripped(name).filter(|tripped| tripped.reset.is_none()) {
        let words =
            format!("{}; `checkrein rigs reset {name} --by NAME` answers for it", super::reset::in_words(&tripped));
        findings.add(Grade::Blocks, "rig", "trip", words);
    }
}

/// What came of looking.
struct Look {
    vitals: Vitals,
    now: Time,
    wall_nanos: i64,
    tried: Findings,
}

fn look(plan: &Arc<Plan>, twins: bool, arguments: &DoctorArguments) -> Result<Look, String> {
    let observing = begin(plan, twins, true)?;
    let mut vitals = Vitals::new(plan.clone());
    let begun = Instant::now();
    let nanos = |span: Span| Duration::from_nanos(span.nanos().unsigned_abs());
    let at_least = arguments.at_least.map_or(Duration::ZERO, nanos);
    let at_most = nanos(arguments.at_most).max(at_least);
    let mut heard_at: Option<Duration> = None;
    let tried = trying::tried(plan, &observing, twins, &arguments.logins);
    loop {
        let since = begun.elapsed();
        let look = observing.watcher.look(at_most.saturating_sub(since).min(Duration::from_millis(50)));
        for seen in look.seen {
            match seen {
                Seen::Event(event) => vitals.event(&event),
                Seen::Samples(samples) => vitals.samples(&samples),
                Seen::Prompt { .. } | Seen::Finished(_) => {}
            }
        }
        let since = begun.elapsed();
        if vitals.wanting().is_none() && vitals.floors.len() >= floors(plan) {
            heard_at.get_or_insert(since);
        }
        // What is judged shows its first margin a little later; what is not judged by then lacks something for good.
        let patience = if vitals.judged { MARGINS_WITHIN } else { JUDGED_WITHIN };
        let enough = since >= at_least && heard_at.is_some_and(|at| since >= at + patience);
        let hopeless = vitals.links().iter().all(|link| !link.was_up && link.why.is_some());
        if look.over || since >= at_most || enough || hopeless {
            break;
        }
    }
    let (now, wall_nanos) = (observing.clock.now(), observing.clock.wall_clock_unix_nanos());
    stop(&observing);
    observing.end()?;
    Ok(Look { vitals, now, wall_nanos, tried })
}

/// Wires that the harness measures by itself: its own loop, and each broker.
fn floors(plan: &Plan) -> usize {
    1 + plan.rig.links.iter().filter(|link| matches!(link.kind, crate::rig::LinkKind::Mqtt(_))).count()
}

fn stop(observing: &Observing) {
    let at = observing.clock.now();
    observing.poster.post_blocking(Post::Input(Input::Operator { at, order: OperatorOrder::Stop }));
}
