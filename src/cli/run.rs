//! `checkrein run`: the main job, live on wires or in virtual time.

use super::Exit;
use super::check::{PlanChoice, plan};
use super::lease::{self, Leased};
use super::results;
use super::rundir::RunDir;
use super::say;
use crate::io::host::Quality;
use crate::live::Screen;
use crate::log::{FORMAT, Head, Recorder};
use crate::run::{Effect, Effects, Input, Outcome, RecorderState, RunVerdict};
use crate::scenario::plan::{FileRole, Mode, Plan};
use crate::sim::Bench;
use crate::time::{Span, Time};
use crate::r#virtual::{Options, Sink, drive};
use crate::wire::{DeviceId, Frame};
use clap::Args;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Stdout, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// The scenario file
    scenario: String,
    #[command(flatten)]
    choice: PlanChoice,
    /// Put every device's twin in its place; nothing else changes
    #[arg(long)]
    sim: bool,
    /// Run in virtual time, as fast as the machine can (twins only)
    #[arg(long)]
    fast: bool,
    /// Answer yes to every prompt (twins only)
    #[arg(long)]
    yes: bool,
    /// Where the run's folder is made
    #[arg(long, default_value = "runs", value_name = "FOLDER")]
    runs: PathBuf,
    /// How long the rig is lent to this run (the longest that it can take); when that is over the ladders run
    #[arg(long, value_name = "TIME", value_parser = lease::parse_lasts)]
    lease: Option<Span>,
    /// Draw no plots and write no report
    #[arg(long)]
    no_plots: bool,
    /// Print verdict.json instead of the summary
    #[arg(long)]
    json: bool,
}

/// What the live host and the virtual driver both need.
pub struct Prepared {
    pub plan: Arc<Plan>,
    pub head: Head,
    pub dir: RunDir,
    pub yes: bool,
    pub quiet: bool,
    /// On real devices: the rig is this run's own.
    pub lease: Option<Leased>,
}

/// Checks, prepares, runs, judges, writes the results.
pub fn run(arguments: &RunArguments) -> ExitCode {
    run_in(arguments).0
}

/// The same, with the run's folder where there was a run.
pub fn run_in(arguments: &RunArguments) -> (ExitCode, Option<PathBuf>) {
    let wanted = if arguments.sim || arguments.fast { Mode::Sim } else { Mode::Rig };
    let Some(plan) = plan(&arguments.scenario, &arguments.choice, wanted) else {
        return (Exit::Usage.into(), None);
    };
    if plan.mode != wanted {
        say::aside(format!("rig {} names no port yet: its twins take the devices' place", plan.rig.name));
    }
    if plan.mode == Mode::Rig && arguments.yes {
        say::aside("error: --yes answers for the person beside the rig, so it works on twins only (add --sim)");
        return (Exit::Usage.into(), None);
    }
    let mut lease = match lease::take(&plan, arguments.lease) {
        Ok(lease) => lease,
        Err(why) => {
            say::aside(format!("blocked: {why}\nnothing was opened"));
            return (Exit::Verdict(RunVerdict::Blocked).into(), None);
        }
    };
    let unanswered = lease.as_mut().and_then(|lease| super::reset::before(&plan.rig.name, lease).err());
    if let Some(why) = unanswered {
        say::aside(format!("blocked: {why}\nnothing was opened"));
        if let Some(lease) = lease {
            lease.end(&[]);
        }
        return (Exit::Verdict(RunVerdict::Blocked).into(), None);
    }
    let dir = match RunDir::create(&arguments.runs, &plan.name) {
        Ok(dir) => dir,
        Err(why) => {
            if let Some(lease) = lease {
                lease.end(&[]);
            }
            say::aside(format!("error: {why}\nnothing was opened; give another place with --runs FOLDER"));
            return (Exit::Usage.into(), None);
        }
    };
    let mut head = head(&plan, arguments);
    head.relies_on = super::rehearse::relied_on(&plan);
    super::rehearse::warn(&plan, &head.relies_on);
    if let Some(lease) = &mut lease {
        lease.name_run(&dir.path);
    }
    let mut prepared = Prepared { plan: Arc::new(plan), head, dir, yes: arguments.yes, quiet: arguments.json, lease };
    let ended = if arguments.fast { fast(&prepared) } else { super::live::live(&mut prepared) };
    if let Some(lease) = prepared.lease.take() {
        lease.end(ended.as_ref().map_or(&[], |done| &done.unconfirmed));
    }
    let done = match ended {
        Ok(done) => done,
        Err(why) => {
            say::aside(format!("blocked: {why}"));
            return (Exit::Verdict(RunVerdict::Blocked).into(), None);
        }
    };
    for warning in &done.warnings {
        say::aside(format!("warning: {warning}"));
    }
    let code = results::write(&prepared, &done, !arguments.no_plots, arguments.json);
    (code, Some(prepared.dir.path))
}

/// A run that came to its end.
pub struct Done {
    pub outcome: Outcome,
    /// How well the loop could do its work; `None` in virtual time.
    pub loop_quality: Option<Quality>,
    /// Why the recording is not whole, if it is not.
    pub recording: Result<(), String>,
    pub warnings: Vec<String>,
    /// Real devices whose ladder was started and does not stand confirmed.
    pub unconfirmed: Vec<String>,
}

fn head(plan: &Plan, arguments: &RunArguments) -> Head {
    let path = |role| plan.files.iter().find(|f| f.role == role).map_or(String::new(), |f| f.path.clone());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64);
    Head {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        wall_clock_unix_nanos: now,
        scenario_path: path(FileRole::Scenario),
        rig_path: path(FileRole::Rig),
        overrides: arguments.choice.overrides.clone(),
        seed: plan.seed,
        mode: plan.mode,
        gate: Some(plan.gate),
        files: plan.files.clone(),
        relies_on: Vec::new(),
    }
}

/// Virtual time: no wires, no threads, the same fold.
fn fast(prepared: &Prepared) -> Result<Done, String> {
    let plan = &prepared.plan;
    let devices: Vec<DeviceId> = plan.rig.devices.iter().filter(|d| d.twin.is_some()).map(|d| d.id).collect();
    let bench = Bench::new(&plan.rig, plan.seed, &devices)?;
    let path = prepared.dir.file("recording.mcap");
    let file = File::create(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let recorder = Recorder::start(BufWriter::new(file), &prepared.head, plan)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let screen = (!prepared.quiet).then(|| Screen::new(stdout(), plan.clone(), stdout().is_terminal()));
    let mut keeper = Keeper { recorder: Some(recorder), screen, trouble: None, said: false, flushed: Time::ZERO };
    // Virtual time waits for nobody, and twins hurt nobody: prompts are answered yes.
    let outcome = drive(plan.clone(), bench, &Options::default(), &mut keeper).map_err(|error| error.to_string())?;
    Ok(Done { outcome, loop_quality: None, recording: keeper.finish(), warnings: Vec::new(), unconfirmed: Vec::new() })
}

/// Virtual time between two flushes of the recording.
const FLUSH_EVERY: Span = Span::from_millis(100);

/// Records and shows a virtual run.
struct Keeper {
    recorder: Option<Recorder<BufWriter<File>>>,
    screen: Option<Screen<Stdout>>,
    trouble: Option<RecorderState>,
    said: bool,
    flushed: Time,
}

impl Keeper {
    fn keep(&mut self, write: impl FnOnce(&mut Recorder<BufWriter<File>>) -> std::io::Result<()>) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = write(recorder)
        {
            self.recorder = None;
            self.trouble = Some(RecorderState::Dead(format!("it cannot write: {error}")));
        }
    }

    fn finish(mut self) -> Result<(), String> {
        let closed = self.recorder.take().map_or(Ok(()), |recorder| recorder.finish().map(drop));
        closed.map_err(|error| format!("it could not be closed: {error}"))
    }
}

impl Sink for Keeper {
    fn input(&mut self, input: &Input) {
        self.keep(|recorder| recorder.input(input));
        // As often as on wires: damage to the file then costs as little.
        if input.at().since(self.flushed) >= FLUSH_EVERY {
            self.flushed = input.at();
            self.keep(Recorder::flush);
        }
    }
    fn effects(&mut self, _at: Time, effects: &Effects) {
        self.keep(|recorder| recorder.samples(&effects.samples));
        for effect in &effects.list {
            match effect {
                Effect::Emit(event) => {
                    self.keep(|recorder| recorder.event(event));
                    // A closed terminal must not stop a run.
                    if self.screen.as_mut().is_some_and(|screen| screen.event(event).is_err()) {
                        self.screen = None;
                    }
                }
                Effect::Flush => self.keep(Recorder::flush),
                _ => {}
            }
        }
    }
    fn sent(&mut self, at: Time, frame: &Frame) {
        self.keep(|recorder| recorder.sent(at, frame));
    }
    fn trouble(&mut self) -> Option<RecorderState> {
        if std::mem::replace(&mut self.said, self.trouble.is_some()) { None } else { self.trouble.clone() }
    }
}
