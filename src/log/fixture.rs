//! A small drone rig and one flight on it that breaks the ceiling: made by hand for the tests of the rooms that read recordings.

use super::{Entry, Head, Recorder, Recording, Reliance, open};
use crate::codec::LinkConfig;
use crate::command::{ArgDef, ArgKind, CommandDef};
use crate::command::{Command, CommandId, CommandTable, RuleId, Ticket};
use crate::expr::ir::{Comparison, Formula, Number, Window};
use crate::fault::{FaultSpec, FaultTarget, PipeFault};
use crate::guard::{
    Cause, Decision, GuardConfig, LADDERS_MAX, LadderConfig, LadderId, LadderSet, RUNGS_MAX, RungId, SILENCES_MAX,
    SilenceConfig,
};
use crate::rig::{
    ACTS_WITHIN, Broker, DeviceDef, Flow, LinkDef, LinkKind, MarginUnit, MqttDef, Origin, Parity, PortName, Reaction,
    Rig, Role, Rule, SerialDef, StopCategory, WorldDef,
};
use crate::run::event::{AckedBy, Event, EventKind, Outcome, RunVerdict, StepOutcome, TripId};
use crate::run::{Input, LinkState, SendId};
use crate::scenario::plan::{
    FileRole, GateMode, InputFile, Ladder, Mode, Plan, Reserved, Rung, Step, StepId, StepKind, StepTitle,
};
use crate::signal::{Every, Sample, SignalDef, SignalId, SignalKind, SignalTable, Value};
use crate::stl::{Judgement, Margin, RuleSpec, RuleVerdict};
use crate::time::{Span, Time};
use crate::units::{Dimension, Unit};
use crate::wire::{DeviceId, Frame, LinkId};
use sha2::{Digest, Sha256};

pub const FC: DeviceId = DeviceId(0);
pub const PILOT: DeviceId = DeviceId(1);
pub const ALTITUDE: SignalId = SignalId(0);
pub const ROLL: SignalId = SignalId(1);
pub const MODE: SignalId = SignalId(2);
pub const ARMED: SignalId = SignalId(3);
pub const BATTERY: SignalId = SignalId(4);
pub const PILOT_COMMAND: SignalId = SignalId(5);
pub const PHASE: SignalId = SignalId(6);
pub const CEILING: RuleId = RuleId(0);
pub const TILT: RuleId = RuleId(1);
pub const OFFBOARD: RuleId = RuleId(2);
pub const HOLDS: RuleId = RuleId(3);
/// 2026-11-22 12:00:00 UTC.
pub const WALL_CLOCK: i64 = 1_795_348_800_000_000_000;

pub fn ms(millis: i64) -> Time {
    Time::from_nanos(millis * 1_000_000)
}

fn unit(text: &str, scale: f64, dimension: Dimension) -> Unit {
    Unit { dimension, scale, offset: 0.0, text: text.into() }
}

pub fn metre() -> Unit {
    unit("m", 1.0, Dimension { length: 1, ..Dimension::default() })
}

pub fn degree() -> Unit {
    unit("deg", std::f64::consts::PI / 180.0, Dimension { angle: 1, ..Dimension::default() })
}

fn percent() -> Unit {
    unit("%", 0.01, Dimension::default())
}

fn signals() -> SignalTable {
    let mut table = SignalTable::new();
    let number = |unit, lo, hi| SignalKind::Number { unit, range: Some((lo, hi)) };
    let states = |names: &[&str]| SignalKind::States { names: names.iter().map(|n| n.to_string()).collect() };
    let fast = (Every::Period(Span::from_millis(20)), Some(Span::from_millis(60)));
    let slow = (Every::Period(Span::from_secs(1)), Some(Span::from_secs(3)));
    let own = (Every::Change, None);
    for (name, device, kind, (every, stale_after)) in [
        ("fc.altitude", Some(FC), number(metre(), -1.0, 40.0), fast),
        ("fc.roll", Some(FC), number(degree(), -std::f64::consts::PI, std::f64::consts::PI), fast),
        ("fc.mode", Some(FC), states(&["STABILIZE", "GUIDED", "LAND"]), slow),
        ("fc.armed", Some(FC), SignalKind::Flag, slow),
        ("fc.battery", Some(FC), number(percent(), 0.0, 1.0), slow),
        ("pilot.command", Some(PILOT), SignalKind::Pulse, own),
        ("phase", None, states(&["climb", "gust"]), own),
        ("step", None, states(&["none"]), own),
        ("guard.tripped", None, SignalKind::Flag, own),
        ("guard.reaction", None, SignalKind::Flag, own),
        ("operator.reset", None, SignalKind::Pulse, own),
    ] {
        table.add(SignalDef { name: name.into(), device, kind, every, stale_after }).expect("names differ");
    }
    table
}

fn device(id: DeviceId, name: &str, link: u16, role: Role) -> DeviceDef {
    DeviceDef {
        id,
        name: name.into(),
        link: LinkId(link),
        role,
        twin: None,
        policy: None,
        safe: Some((Formula::Not(Box::new(Formula::Flag(ARMED))), "not fc.armed".into())),
        ladder: Vec::new(),
        after: Vec::new(),
        acts_within: ACTS_WITHIN,
        dead_man: None,
        rehearse: None,
        rehearse_dead_man: None,
        may: Vec::new(),
        fallback: None,
    }
}

fn compare(op: Comparison, left: Number, right: f64) -> Formula {
    Formula::Compare { op, left, right: Number::Constant(right), scale: 1.0 }
}

fn rule(name: &str, text: &str, spec: RuleSpec, unit: Unit) -> Rule {
    Rule {
        name: name.into(),
        origin: Origin::Envelope,
        text: text.into(),
        when_text: None,
        because: None,
        source: None,
        warn_at: None,
        react_within: Some(Span::from_millis(100)),
        safe_within: Some(Span::from_secs(25)),
        process_safety_time: None,
        reaction: Reaction::Stop(vec![FC]),
        margin: MarginUnit::Unit(unit),
        spec,
    }
}

fn rules() -> Vec<Rule> {
    let tilt = Number::Abs(Box::new(Number::Signal(ROLL)));
    let mut ceiling = rule(
        "ceiling",
        "always: fc.altitude <= 8 m",
        RuleSpec { id: CEILING, body: compare(Comparison::LessEqual, Number::Signal(ALTITUDE), 8.0), when: None },
        metre(),
    );
    ceiling.because = Some("The net hangs at 10 m; 2 m are the stopping distance at 3 m/s.".into());
    ceiling.warn_at = Some(1.0);
    let window = Window { from: Span::ZERO, to: Some(Span::from_millis(300)) };
    let too_steep = compare(Comparison::Greater, tilt, 60.0f64.to_radians());
    let tilt = rule(
        "tilt",
        "never: historically[0, 300 ms] tilt > 60 deg",
        RuleSpec {
            id: TILT,
            body: Formula::Not(Box::new(Formula::Historically(window, Box::new(too_steep)))),
            when: None,
        },
        degree(),
    );
    let mut offboard = rule(
        "offboard-loss",
        "always: age(pilot.command) <= 1 s",
        RuleSpec {
            id: OFFBOARD,
            body: compare(Comparison::LessEqual, Number::Age(PILOT_COMMAND), 1.0),
            when: Some(Formula::State { signal: MODE, any_of: vec![1] }),
        },
        unit("s", 1.0, Dimension { time: 1, ..Dimension::default() }),
    );
    offboard.when_text = Some("fc.mode == GUIDED".into());
    let mut holds = rule(
        "holds-height",
        "always: abs(fc.altitude - $height) <= 1 m",
        RuleSpec {
            id: HOLDS,
            body: compare(
                Comparison::LessEqual,
                Number::Abs(Box::new(Number::Subtract(
                    Box::new(Number::Signal(ALTITUDE)),
                    Box::new(Number::Constant(5.0)),
                ))),
                1.0,
            ),
            when: Some(Formula::State { signal: PHASE, any_of: vec![1] }),
        },
        metre(),
    );
    holds.origin = Origin::Scenario;
    holds.when_text = Some("phase == gust".into());
    holds.react_within = None;
    holds.safe_within = None;
    holds.reaction = Reaction::Fail;
    vec![ceiling, tilt, offboard, holds]
}

fn link(id: u16, name: &str, kind: LinkKind) -> LinkDef {
    let id = LinkId(id);
    LinkDef { id, name: name.into(), kind, codec: LinkConfig { link: id, devices: Vec::new() } }
}

fn rig() -> Rig {
    let mut commands = CommandTable::new();
    for (name, harmless, args) in [
        ("fc.arm", false, vec![]),
        (
            "fc.goto",
            false,
            vec![ArgDef {
                name: "z".into(),
                kind: ArgKind::Number { unit: metre(), lo: 0.0, hi: 8.0 },
                drives: Some(ALTITUDE),
                carries: None,
            }],
        ),
        ("fc.land", true, vec![]),
    ] {
        commands.add(CommandDef { name: name.into(), device: FC, args, harmless, acked: true }).expect("names differ");
    }
    Rig {
        estop: None,
        hold_to_run: None,
        name: "drone-bench".into(),
        about: "One quadrotor on a gimbal stand.".into(),
        links: vec![
            link(
                0,
                "telem",
                LinkKind::Serial(SerialDef {
                    port: PortName::Path("/dev/serial/by-id/x".into()),
                    baud: 921_600,
                    parity: Parity::None,
                    flow: Flow::None,
                    stop_bits: 1,
                }),
            ),
            link(
                1,
                "local",
                LinkKind::Mqtt(MqttDef { broker: Broker::Embedded, version: 5, user: None, password: None }),
            ),
        ],
        devices: vec![device(FC, "fc", 0, Role::Machine), device(PILOT, "pilot", 1, Role::Controller)],
        signals: signals(),
        commands,
        rules: rules()[..3].to_vec(),
        world: WorldDef::default(),
    }
}

fn guard() -> GuardConfig {
    let ladder = LadderConfig {
        device: FC,
        rungs: 2,
        within: [Span::from_secs(20); RUNGS_MAX],
        conditional: [false; RUNGS_MAX],
        after: LadderSet(0),
    };
    GuardConfig {
        ladders: [ladder; LADDERS_MAX],
        ladder_count: 1,
        silences: [SilenceConfig { device: PILOT, silent_for: Span::from_millis(500) }; SILENCES_MAX],
        silence_count: 1,
        ..GuardConfig::empty()
    }
}

const TITLES: [(&str, u16); 7] = [
    ("do fc.arm", 0),
    ("do pilot.fly_to z: 5 m", 0),
    ("wait abs(fc.altitude - $height) < 0.3 m", 0),
    ("phase gust", 0),
    ("inject delay on pilot.tells", 1),
    ("hold 8 s", 1),
    ("expect not fc.armed", 0),
];

fn step(id: u32, kind: StepKind) -> Step {
    Step { id: StepId(id), kind }
}

fn steps() -> (Vec<Step>, Vec<Step>) {
    let within = Span::from_secs(10);
    let command = |id| Command::new(CommandId(id), &[]).expect("no arguments");
    let near = compare(Comparison::Less, Number::Abs(Box::new(Number::Signal(ALTITUDE))), 0.3);
    let fault = FaultSpec {
        name: "delay".into(),
        target: FaultTarget::Tells {
            device: PILOT,
            signal: None,
            fault: PipeFault::Delay { by: Span::from_millis(400) },
        },
        lasts: Some(Span::from_secs(5)),
    };
    (
        vec![
            step(0, StepKind::Do { command: command(0), within }),
            step(1, StepKind::Do { command: command(1), within }),
            step(2, StepKind::Wait { formula: near, within }),
            step(
                3,
                StepKind::Phase {
                    phase: 1,
                    steps: vec![
                        step(4, StepKind::Inject { fault, visible: None }),
                        step(5, StepKind::Hold { span: Span::from_secs(8) }),
                    ],
                },
            ),
        ],
        vec![step(6, StepKind::Expect { formula: Formula::Not(Box::new(Formula::Flag(ARMED))), within })],
    )
}

fn file(role: FileRole, path: &str, text: &str) -> InputFile {
    InputFile { role, path: path.into(), bytes: text.into(), sha256: Sha256::digest(text.as_bytes()).into() }
}

/// The plan of the flight.
pub fn plan() -> Plan {
    let (steps, finally) = steps();
    let safe = Formula::Not(Box::new(Formula::Flag(ARMED)));
    Plan {
        name: "Hover through a delayed feed".into(),
        about: "The pilot sees the altitude late and climbs through the ceiling.".into(),
        rig: rig(),
        rules: rules(),
        exercises: vec![CEILING],
        phases: vec!["climb".into(), "gust".into()],
        reserved: Reserved {
            phase: PHASE,
            step: SignalId(7),
            guard_tripped: SignalId(8),
            guard_reaction: SignalId(9),
            operator_reset: SignalId(10),
            commands: vec![(PILOT, PILOT_COMMAND)],
            fallbacks: Vec::new(),
            told: Vec::new(),
        },
        steps,
        finally,
        titles: TITLES
            .iter()
            .enumerate()
            .map(|(i, (title, depth))| StepTitle {
                title: title.to_string(),
                depth: *depth,
                line: i as u32 + 10,
                file: 2,
            })
            .collect(),
        parameters: vec![("height".into(), "5 m".into())],
        ladders: vec![Ladder {
            id: LadderId(0),
            device: FC,
            safe,
            safe_signals: vec![ARMED],
            rungs: [("fc.land", 20), ("fc.kill", 1)]
                .iter()
                .enumerate()
                .map(|(i, (title, within))| Rung {
                    id: RungId(i as u8),
                    title: title.to_string(),
                    frames: vec![Frame::serial(LinkId(0), [0xfd, 1, 2, 3])],
                    within: Span::from_secs(*within),
                    when: None,
                    blind: false,
                    category: Some([StopCategory::One, StopCategory::Zero][i]),
                })
                .collect(),
        }],
        guard: guard(),
        horizon: Span::from_millis(500),
        arm_within: Span::from_secs(5),
        files: vec![
            file(FileRole::Rig, "rigs/drone-bench/rig.yaml", "rig: drone-bench\n"),
            file(FileRole::Envelope, "rigs/drone-bench/envelope.yaml", "envelope: Drone in the netted hall\n"),
            file(FileRole::Scenario, "scenarios/drone-bench/delayed-feed.yaml", "scenario: Hover\n"),
            file(FileRole::Policy, "rigs/drone-bench/learned/pilot.onnx", "\u{8}\u{8}"),
            file(FileRole::Mapping, "rigs/drone-bench/learned/pilot.yaml", "mapping: A pilot\n"),
        ],
        seed: 0x7f3a,
        mode: Mode::Sim,
        gate: GateMode::Enforce,
    }
}

/// The head of the flight's recording.
pub fn head(plan: &Plan) -> Head {
    Head {
        format: super::FORMAT,
        tool: "0.1.0".into(),
        wall_clock_unix_nanos: WALL_CLOCK,
        scenario_path: "scenarios/drone-bench/delayed-feed.yaml".into(),
        rig_path: "rigs/drone-bench/rig.yaml".into(),
        overrides: vec![("height".into(), "5 m".into())],
        seed: plan.seed,
        mode: plan.mode,
        gate: Some(plan.gate),
        files: plan.files.clone(),
        relies_on: vec![
            Reliance {
                what: "rung 1 of fc (fc.land)".into(),
                text: "rehearsed 2026-11-21T09:00:00Z, safe after 12.3 s".into(),
                shown: true,
            },
            Reliance { what: "rung 2 of fc (fc.kill)".into(), text: "declared, not rehearsed".into(), shown: false },
        ],
    }
}

/// Altitude in m at a time in s: climbs to 5 m, overshoots under the late feed, is landed.
fn altitude(t: f64) -> f64 {
    let smooth = |x: f64| {
        let x = x.clamp(0.0, 1.0);
        x * x * (3.0 - 2.0 * x)
    };
    let hover = 5.0 * smooth((t - 1.5) / 4.0) + 0.06 * libm::sin(7.0 * t) * smooth((t - 1.5) / 4.0);
    if t < 9.0 {
        hover
    } else if t < 12.8 {
        hover + 3.45 * smooth((t - 9.0) / 3.6)
    } else {
        8.5 * (1.0 - smooth((t - 12.9) / 7.0))
    }
}

fn roll(t: f64) -> f64 {
    let sway = if t > 8.0 && t < 14.0 { 14.0 } else { 3.0 };
    (sway * libm::sin(3.1 * t) + 1.2 * libm::sin(23.0 * t)).to_radians()
}

/// First instant above the ceiling in the samples of [`altitude`].
pub const VIOLATED: i64 = 11_760;

fn event(at: Time, kind: EventKind) -> (Time, Entry) {
    (at, Entry::Event(Event { at, kind }))
}

/// Inputs, samples, frames and events of the flight in order of time.
pub fn flight() -> Vec<Entry> {
    let mut timed: Vec<(Time, Entry)> = Vec::new();
    for link in [0, 1] {
        timed.push((ms(0), Entry::Input(Input::Link { at: ms(0), link: LinkId(link), state: LinkState::Up })));
        timed.push(event(ms(0), EventKind::LinkUp { link: LinkId(link) }));
    }
    let end = 22_000;
    for millis in (100..end).step_by(20) {
        // The link drops out for 0.8 s while it climbs.
        if (4_000..4_800).contains(&millis) {
            continue;
        }
        let at = ms(millis);
        let t = millis as f64 / 1e3;
        let frame = Frame::serial(LinkId(0), (millis as u32).to_le_bytes().to_vec());
        timed.push((at, Entry::Input(Input::bytes(at, frame))));
        let number = |signal, n| Sample { at, signal, value: Value::Number(n) };
        let mut samples = vec![number(ALTITUDE, altitude(t)), number(ROLL, roll(t))];
        if millis % 1_000 == 100 {
            let mode = if millis < 1_500 {
                0
            } else if millis < 12_500 {
                1
            } else {
                2
            };
            samples.push(Sample { at, signal: MODE, value: Value::State(mode) });
            samples.push(Sample { at, signal: ARMED, value: Value::Flag(millis > 1_000 && millis < 20_500) });
            samples.push(number(BATTERY, 0.92 - t * 0.004));
        }
        timed.push((at, Entry::Samples(samples)));
        if millis % 100 == 0 && millis > 1_500 {
            let t = millis as f64 / 1e3;
            for (rule, margin) in [(CEILING, 8.0 - altitude(t)), (TILT, 60f64.to_radians() - roll(t).abs())] {
                let kind = EventKind::RuleMargin { rule, instant: at, margin: Margin { lo: margin, hi: margin } };
                timed.push(event(at, kind));
            }
            if (8_000..11_800).contains(&millis) {
                let margin = 1.0 - (altitude(t) - 5.0).abs();
                let kind =
                    EventKind::RuleMargin { rule: HOLDS, instant: at, margin: Margin { lo: margin, hi: margin } };
                timed.push(event(at, kind));
            }
        }
    }
    timed.extend(story(end));
    timed.sort_by_key(|(at, _)| *at);
    timed.into_iter().map(|(_, entry)| entry).collect()
}

fn story(end: i64) -> Vec<(Time, Entry)> {
    let arm = Command::new(CommandId(0), &[]).expect("no arguments");
    let goto = Command::new(CommandId(1), &[9.0]).expect("one argument");
    let step = |at, step, outcome| event(ms(at), EventKind::StepEnded { step: StepId(step), outcome });
    let started = |at, step| event(ms(at), EventKind::StepStarted { step: StepId(step) });
    let (ladder, land) = (LadderId(0), RungId(0));
    let v = VIOLATED;
    let at_trip = 8.0 - altitude(v as f64 / 1e3);
    let mut story = vec![
        event(ms(300), EventKind::Identified { device: FC }),
        event(ms(1_500), EventKind::Armed),
        started(1_500, 0),
        event(ms(1_500), EventKind::CommandGiven { command: arm, ticket: Ticket(1) }),
        event(ms(1_530), EventKind::CommandAcked { ticket: Ticket(1), after: Span::from_millis(30) }),
        step(1_530, 0, StepOutcome::Done),
        started(1_530, 1),
        step(1_600, 1, StepOutcome::Done),
        event(ms(1_600), EventKind::Phase { phase: Some(0) }),
        (ms(1_600), Entry::Samples(vec![Sample { at: ms(1_600), signal: PHASE, value: Value::State(0) }])),
        started(1_600, 2),
        event(
            ms(2_000),
            EventKind::CommandGated {
                device: PILOT,
                command: goto,
                decision: Decision::Clamp { arg: 0, from: 9.0, to: 8.0, rule: Some(CEILING) },
                age: Span::from_millis(3),
                state: Some(7.75),
                enforced: true,
            },
        ),
        step(8_000, 2, StepOutcome::Done),
        started(8_000, 3),
        event(ms(8_000), EventKind::Phase { phase: Some(1) }),
        (ms(8_000), Entry::Samples(vec![Sample { at: ms(8_000), signal: PHASE, value: Value::State(1) }])),
        event(ms(8_000), EventKind::RuleTested { rule: HOLDS }),
        event(ms(8_000), EventKind::FaultStarted { fault: "delay 400 ms".into(), on: "pilot.tells".into() }),
        started(8_000, 4),
        step(8_000, 4, StepOutcome::Done),
        started(8_000, 5),
        event(ms(10_280), EventKind::RuleViolated { rule: HOLDS, instant: ms(10_280) }),
        event(ms(10_280), EventKind::RuleEpisode { rule: HOLDS, broken: true, instant: ms(10_280) }),
        event(
            ms(v),
            EventKind::RuleMargin { rule: CEILING, instant: ms(v), margin: Margin { lo: at_trip, hi: at_trip } },
        ),
        event(ms(v), EventKind::RuleViolated { rule: CEILING, instant: ms(v) }),
        event(ms(v), EventKind::RuleEpisode { rule: CEILING, broken: true, instant: ms(v) }),
        event(ms(v), EventKind::Tripped { cause: Cause::Rule(CEILING) }),
        event(ms(v), EventKind::RungIssued { ladder, rung: land }),
        event(
            ms(v),
            EventKind::TripOpened {
                trip: TripId(0),
                cause: Cause::Rule(CEILING),
                violated_at: Some(ms(v)),
                known_at: ms(v),
                taken_at: ms(v),
                begins: LadderSet(1),
                waits: LadderSet::NONE,
                under_way: LadderSet::NONE,
            },
        ),
        (ms(v), Entry::Sent { at: ms(v), frame: Frame::serial(LinkId(0), [0xfd, 1, 2, 3]) }),
        (
            ms(v) + Span::from_micros(412),
            Entry::Input(Input::Sent {
                at: ms(v) + Span::from_micros(412),
                id: SendId(9),
                begun: ms(v) + Span::from_micros(380),
                done: ms(v) + Span::from_micros(412),
                queued_ahead: 0,
            }),
        ),
        event(
            ms(v) + Span::from_micros(412),
            EventKind::RungSent { ladder, rung: land, reaction: Some(Span::from_micros(380)) },
        ),
        event(
            ms(v) + Span::from_micros(412),
            EventKind::RungWritten {
                ladder,
                rung: land,
                trip: Some(TripId(0)),
                begun: ms(v) + Span::from_micros(380),
                done: ms(v) + Span::from_micros(412),
            },
        ),
        event(
            ms(v + 21),
            EventKind::RungAcked {
                ladder,
                rung: land,
                by: AckedBy::Protocol { refused: None },
                after: Span::from_micros(20_620),
            },
        ),
        step(v + 1, 5, StepOutcome::Skipped("after the trip".into())),
        step(v + 1, 3, StepOutcome::Skipped("after the trip".into())),
        event(ms(v + 1), EventKind::Phase { phase: None }),
        event(ms(v + 1), EventKind::RuleEpisode { rule: HOLDS, broken: false, instant: ms(v + 1) }),
        event(ms(13_000), EventKind::FaultEnded { fault: "delay 400 ms".into(), on: "pilot.tells".into() }),
        event(ms(13_940), EventKind::RuleEpisode { rule: CEILING, broken: false, instant: ms(13_940) }),
        started(13_100, 6),
        event(ms(21_100), EventKind::DeviceSafe { ladder }),
        step(21_100, 6, StepOutcome::Done),
    ];
    story.extend(verdicts(end));
    story
}

fn verdicts(end: i64) -> Vec<(Time, Entry)> {
    let judged = |rule, verdict, lo: f64, worst: Option<i64>, violated: Option<i64>| {
        event(
            ms(end),
            EventKind::RuleJudged {
                judgement: Judgement {
                    rule,
                    verdict,
                    margin: Margin { lo, hi: lo },
                    worst_at: worst.map(ms),
                    violated_at: violated.map(ms),
                },
            },
        )
    };
    vec![
        event(
            ms(end),
            EventKind::TripJudged {
                trip: TripId(0),
                reaction: Some(Span::from_micros(380)),
                react_within: Some(Span::from_millis(100)),
                safe_after: Some(Span::from_millis(21_100 - VIOLATED)),
                safe_within: Some(Span::from_secs(25)),
                late: false,
            },
        ),
        judged(CEILING, RuleVerdict::Fail, -0.509_829_568_346_56, Some(12_780), Some(VIOLATED)),
        judged(TILT, RuleVerdict::Pass, 44.845f64.to_radians(), Some(11_680), None),
        judged(OFFBOARD, RuleVerdict::Untested, f64::INFINITY, None, None),
        judged(HOLDS, RuleVerdict::Fail, -2.009_919_437_6, Some(11_760), Some(10_280)),
        event(
            ms(end),
            EventKind::Finished {
                outcome: Outcome {
                    verdict: RunVerdict::Fail,
                    reasons: vec![
                        "rule `ceiling` was broken at 11.760 s".into(),
                        "rule `holds-height` was broken at 10.280 s".into(),
                    ],
                },
            },
        ),
    ]
}

/// Writes entries as a run would, with a flush every 50 of them.
pub fn record(plan: &Plan, entries: &[Entry]) -> Vec<u8> {
    let out = std::io::Cursor::new(Vec::new());
    let mut recorder = Recorder::start(out, &head(plan), plan).expect("memory takes everything");
    for (i, entry) in entries.iter().enumerate() {
        write(&mut recorder, entry).expect("memory takes everything");
        if i % 50 == 49 {
            recorder.flush().expect("memory takes everything");
        }
    }
    recorder.finish().expect("memory takes everything").into_inner()
}

/// Writes one entry.
pub fn write<W: std::io::Write + std::io::Seek>(recorder: &mut Recorder<W>, entry: &Entry) -> std::io::Result<()> {
    match entry {
        Entry::Input(input) => recorder.input(input),
        Entry::Event(event) => recorder.event(event),
        Entry::Samples(samples) => recorder.samples(samples),
        Entry::Sent { at, frame } => recorder.sent(*at, frame),
    }
}

/// The flight, recorded and opened again.
pub fn recorded_flight() -> (Plan, Recording) {
    let plan = plan();
    let recording = open(&record(&plan, &flight())).expect("just written");
    (plan, recording)
}
