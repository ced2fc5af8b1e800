//! Flights of the whole bench: pilot and machine in one loop, wired as a harness wires them, in virtual time.

use crate::codec::mavlink::DialectSource;
use crate::codec::mavlink::device::{Received, Vehicle};
use crate::codec::{
    self, CommandMap, Decode, DeviceConfig, FieldValue, LinkConfig, May, Note, Protocol, SignalMap, Tells, Turn,
};
use crate::command::{Command, CommandId, CommandTable, Ticket};
use crate::fault::{PipeFault, TwinFault};
use crate::rig::twins::TwinKind;
use crate::rig::{
    ACTS_WITHIN, Broker, DeviceDef, Flow, LinkDef, LinkKind, MqttDef, Parity, PortName, Rig, Role, SerialDef, WorldDef,
};
use crate::signal::{SignalId, SignalTable};
use crate::sim::Bench;
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, LinkId};
use serde_json::{Value, json};
use std::collections::VecDeque;

mod faults;

const FC: DeviceId = DeviceId(0);
const PILOT: DeviceId = DeviceId(1);
const TELEM: LinkId = LinkId(0);
const LOCAL: LinkId = LinkId(1);

fn device(id: DeviceId, name: &str, protocol: Protocol) -> DeviceConfig {
    DeviceConfig {
        device: id,
        name: name.to_owned(),
        protocol,
        signals: Vec::new(),
        commands: Vec::new(),
        identity: Vec::new(),
        heartbeat: None,
        poll: None,
        tells: None,
        may: Vec::new(),
    }
}

/// The drone rig, as far as a bench looks at it.
fn rig() -> Rig {
    let dialect = DialectSource::Ardupilotmega;
    let mut fc = device(FC, "fc", Protocol::Mavlink { dialect, system: 1, component: 1 });
    fc.identity.push(("AUTOPILOT_VERSION.uid".to_owned(), FieldValue::Number(4660.0)));
    let mut pilot = device(PILOT, "pilot", Protocol::Json);
    pilot.tells = Some(Tells { topic: "pilot/state".to_owned(), every: Span::from_millis(20), fields: Vec::new() });
    let args = ["x", "y", "z", "vx", "vy", "climb"].map(|name| (name.to_owned(), 1.0, 0.0)).to_vec();
    pilot.may.push(May { command: CommandId(0), topic: "pilot/goto".to_owned(), args });
    pilot.commands.push(CommandMap {
        command: CommandId(1),
        send: "pilot/task".to_owned(),
        with: Vec::new(),
        ack: None,
    });
    let def = |id, name: &str, link, role, twin: &str| DeviceDef {
        id,
        name: name.to_owned(),
        link,
        role,
        twin: Some(twin.to_owned()),
        policy: None,
        safe: None,
        ladder: Vec::new(),
        after: Vec::new(),
        acts_within: ACTS_WITHIN,
        dead_man: None,
        rehearse: None,
        rehearse_dead_man: None,
        may: Vec::new(),
        fallback: None,
    };
    let port = SerialDef {
        port: PortName::Path("/dev/telem".to_owned()),
        baud: 921_600,
        parity: Parity::None,
        flow: Flow::None,
        stop_bits: 1,
    };
    let broker = MqttDef { broker: Broker::Embedded, version: 5, user: None, password: None };
    let link = |id, name: &str, kind, devices| LinkDef {
        id,
        name: name.to_owned(),
        kind,
        codec: LinkConfig { link: id, devices },
    };
    Rig {
        estop: None,
        hold_to_run: None,
        name: "drone-bench".to_owned(),
        about: String::new(),
        links: vec![
            link(TELEM, "telem", LinkKind::Serial(port), vec![fc]),
            link(LOCAL, "local", LinkKind::Mqtt(broker), vec![pilot]),
        ],
        devices: vec![
            def(FC, "fc", TELEM, Role::Machine, "quadrotor"),
            def(PILOT, "pilot", LOCAL, Role::Controller, "hover-pilot"),
        ],
        signals: SignalTable::new(),
        commands: CommandTable::new(),
        rules: Vec::new(),
        world: WorldDef { model: "hall".to_owned(), settings: vec![("wind".to_owned(), 0.0)] },
    }
}

/// The harness's part, without rules: tells the pilot, passes on what it says within the ranges of the rig.
struct Flight {
    bench: Bench,
    now: Time,
    ground: Vehicle,
    heard: Vec<Received>,
    /// What the pilot is told comes this much later.
    delay: Span,
    tellings: VecDeque<(Time, Frame)>,
    tells_next: Time,
    beats_next: Time,
    gotos: usize,
    /// Everything the pilot said, and when.
    said: Vec<(Time, Frame)>,
    /// What the pilot says reaches the machine.
    pass: bool,
    bytes: Vec<u8>,
    /// Greatest values since [`Flight::mark`].
    side: f64,
    high: f64,
    low: f64,
    tilt: f64,
}

impl Flight {
    fn new(seed: u64) -> Flight {
        let bench = Bench::new(&rig(), seed, &[FC, PILOT]).expect("the twins exist");
        let mut topics = bench.subscriptions(LOCAL);
        topics.sort();
        assert_eq!(topics, ["pilot/state", "pilot/task"]);
        assert!(bench.subscriptions(TELEM).is_empty());
        Flight {
            bench,
            now: Time::ZERO,
            ground: Vehicle::new(&DialectSource::Ardupilotmega, 255, 190).expect("the built-in dialect loads"),
            heard: Vec::new(),
            delay: Span::ZERO,
            tellings: VecDeque::new(),
            tells_next: Time::from_nanos(500_000_000),
            beats_next: Time::ZERO,
            gotos: 0,
            said: Vec::new(),
            pass: true,
            bytes: Vec::new(),
            side: 0.0,
            high: 0.0,
            low: 0.0,
            tilt: 0.0,
        }
    }
    /// A seed's flight with the pilot holding 4 m over home.
    fn holding(seed: u64) -> Flight {
        let mut flight = Flight::new(seed);
        flight.wait(1.0);
        flight.command(176.0, &[1.0, 4.0]);
        flight.command(400.0, &[1.0]);
        flight.command(22.0, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0]);
        flight.task(0.0, 0.0, 4.0);
        flight.wait(8.0);
        assert!(flight.gotos > 100);
        flight.mark();
        flight
    }
    fn send(&mut self, message: &str, fields: &[(&str, f64)]) {
        let mut bytes = Vec::new();
        self.ground.send(message, fields, &[], &mut bytes).expect("known names");
        let mut out = Vec::new();
        self.bench.receive(self.now, &Frame::serial(TELEM, bytes), &mut out);
        self.take(out);
    }
    fn command(&mut self, command: f64, params: &[f64]) {
        let names = ["param1", "param2", "param3", "param4", "param5", "param6", "param7"];
        let mut fields = vec![("command", command), ("target_system", 1.0), ("target_component", 1.0)];
        fields.extend(names.iter().zip(params).map(|(n, v)| (*n, *v)));
        self.send("COMMAND_LONG", &fields);
        let ack = self.heard.iter().rev().find(|m| m.name == "COMMAND_ACK").expect("it is answered");
        assert_eq!((ack.number("command"), ack.number("result")), (Some(command), Some(0.0)));
    }
    fn task(&mut self, x: f64, y: f64, z: f64) {
        let payload = json!({"x": x, "y": y, "z": z}).to_string();
        self.bench.receive(self.now, &Frame::publish(LOCAL, "pilot/task", payload), &mut Vec::new());
    }
    fn last(&self, message: &str, field: &str) -> f64 {
        let found = self.heard.iter().rev().find(|m| m.name == message).and_then(|m| m.number(field));
        found.unwrap_or_else(|| panic!("no {message}.{field} was heard"))
    }
    fn armed(&self) -> bool {
        self.last("HEARTBEAT", "base_mode") as u32 & 128 != 0
    }
    fn mark(&mut self) {
        (self.side, self.high, self.low, self.tilt) = (0.0, f64::MIN, f64::MAX, 0.0);
    }
    fn wait(&mut self, seconds: f64) {
        let end = self.now + Span::from_seconds(seconds);
        while self.now < end {
            let next = self.bench.next_deadline().expect("a bench with twins has always something to do");
            self.now = next.max(self.now).min(self.tells_next);
            let mut out = Vec::new();
            self.bench.tick(self.now, &mut out);
            self.take(out);
            self.tell();
            if self.now >= self.beats_next {
                self.beats_next += Span::from_secs(1);
                self.send("HEARTBEAT", &[("type", 6.0)]);
            }
        }
    }
    fn take(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            if frame.topic.is_some() {
                self.said.push((self.now, frame.clone()));
                if self.pass {
                    self.pass_on(&frame);
                }
                continue;
            }
            self.bytes.extend(&frame.bytes);
            let before = self.heard.len();
            self.ground.feed(&frame.bytes, &mut self.heard);
            let fresh = self.heard[before..].to_vec();
            for message in fresh {
                let number = |field| message.number(field).unwrap_or(0.0);
                match message.name.as_str() {
                    "LOCAL_POSITION_NED" => {
                        self.side = self.side.max(number("x").abs()).max(number("y").abs());
                        self.high = self.high.max(-number("z"));
                        self.low = self.low.min(-number("z"));
                    }
                    "ATTITUDE" => self.tilt = self.tilt.max(number("roll").abs()).max(number("pitch").abs()),
                    _ => {}
                }
            }
        }
    }
    /// What the pilot says goes to the machine, within the ranges of the rig's `goto`.
    fn pass_on(&mut self, frame: &Frame) {
        assert_eq!(frame.topic.as_deref(), Some("pilot/goto"));
        self.gotos += 1;
        let words: Value = serde_json::from_slice(&frame.bytes).expect("the pilot speaks JSON");
        let arg = |name: &str, most: f64| words[name].as_f64().expect("a number").clamp(-most, most);
        let fields = [
            ("target_system", 1.0),
            ("target_component", 1.0),
            ("coordinate_frame", 1.0),
            ("type_mask", 2496.0),
            ("x", arg("x", 6.0)),
            ("y", arg("y", 6.0)),
            ("z", -arg("z", 8.0).max(0.0)),
            ("vx", arg("vx", 3.0)),
            ("vy", arg("vy", 3.0)),
            ("vz", -arg("climb", 2.0)),
        ];
        self.send("SET_POSITION_TARGET_LOCAL_NED", &fields);
    }
    fn tell(&mut self) {
        if self.now >= self.tells_next {
            self.tells_next += Span::from_millis(20);
            let place = |field| self.last("LOCAL_POSITION_NED", field);
            let payload = json!({
                "fc.x": place("x"), "fc.y": place("y"), "fc.altitude": -place("z"),
                "fc.vx": place("vx"), "fc.vy": place("vy"), "fc.climb": -place("vz"),
            });
            self.tellings.push_back((self.now, Frame::publish(LOCAL, "pilot/state", payload.to_string())));
        }
        while self.tellings.front().is_some_and(|(told, _)| *told + self.delay <= self.now) {
            let (_, frame) = self.tellings.pop_front().expect("it was there a line ago");
            self.bench.receive(self.now, &frame, &mut Vec::new());
        }
    }
}

#[test]
fn the_pilot_holds_and_lands() {
    let mut flight = Flight::holding(1);
    flight.wait(10.0);
    assert!(flight.low > 3.7 && flight.high < 4.3, "between {} and {} m", flight.low, flight.high);
    assert!(flight.side < 0.3, "{} m aside", flight.side);
    flight.command(21.0, &[]);
    flight.wait(12.0);
    assert!(!flight.armed());
}

#[test]
fn the_pilot_survives_a_gust() {
    for seed in 1..6 {
        let mut flight = Flight::holding(seed);
        let wind = TwinFault::Wind { speed: 6.0, from: core::f64::consts::FRAC_PI_2 };
        flight.bench.fault(flight.now, None, &wind, true).expect("the hall has wind");
        flight.wait(3.0);
        flight.bench.fault(flight.now, None, &wind, false).expect("the hall has wind");
        flight.wait(5.0);
        assert!(flight.side > 0.06, "the gust is felt: {} m", flight.side);
        assert!(flight.side < 1.0, "seed {seed}: {} m aside", flight.side);
        assert!(flight.low > 3.3 && flight.high < 4.7, "seed {seed}: between {} and {} m", flight.low, flight.high);
        assert!(flight.tilt < 0.6, "seed {seed}: {} rad", flight.tilt);
    }
}

#[test]
fn the_pilot_goes_where_it_is_sent_without_leaving_the_geofence() {
    for seed in 1..6 {
        let mut flight = Flight::holding(seed);
        flight.task(4.0, 0.0, 4.0);
        flight.wait(8.0);
        assert!((flight.last("LOCAL_POSITION_NED", "x") - 4.0).abs() < 0.3);
        assert!(flight.side < 5.0, "seed {seed}: {} m", flight.side);
    }
}

#[test]
fn late_sight_drives_the_pilot_out_of_the_geofence() {
    for seed in 1..11 {
        let mut flight = Flight::holding(seed);
        flight.delay = Span::from_millis(800);
        flight.wait(0.8);
        flight.task(4.0, 0.0, 4.0);
        let mut seconds = 0.0;
        while flight.side < 6.0 && seconds < 20.0 {
            flight.wait(0.1);
            seconds += 0.1;
        }
        assert!(flight.side >= 6.0, "seed {seed}: it never left the geofence");
        flight.command(21.0, &[]);
        flight.wait(19.0);
        assert!(!flight.armed(), "seed {seed}: landed and disarmed within the ladder's first rung");
        assert!(flight.side < 8.0, "seed {seed}: the net stands at 8 m, it came to {} m", flight.side);
    }
}

#[test]
fn the_same_seed_flies_the_same_flight() {
    let fly = |seed| {
        let mut flight = Flight::holding(seed);
        flight.task(3.0, 1.0, 5.0);
        flight.wait(3.0);
        flight.bytes
    };
    let first = fly(7);
    assert!(first == fly(7));
    assert!(first != fly(8));
}

#[test]
fn a_twin_that_does_not_exist_is_named() {
    let mut other = rig();
    other.devices[0].twin = Some("octocopter".to_owned());
    let error = Bench::new(&other, 1, &[FC]).err().expect("there is no such twin");
    assert!(error.contains("`octocopter`") && error.contains("quadrotor"), "{error}");
    let mut other = rig();
    other.world.model = "moon".to_owned();
    let error = Bench::new(&other, 1, &[FC]).err().expect("there is no such world");
    assert!(error.contains("`moon`") && error.contains("hall"), "{error}");
}

#[test]
fn a_fault_that_cannot_be_acted_out_is_told_in_words() {
    let mut bench = Bench::new(&rig(), 1, &[FC, PILOT]).expect("the twins exist");
    let mut refused = |device, fault: TwinFault| bench.fault(Time::ZERO, device, &fault, true).unwrap_err();
    assert!(refused(None, TwinFault::Deaf).contains("world"));
    assert!(refused(Some(FC), TwinFault::Wind { speed: 1.0, from: 0.0 }).contains("world"));
    assert!(refused(Some(FC), TwinFault::Motor { index: 5, gain: 0.0 }).contains("motor 5"));
    assert!(refused(Some(PILOT), TwinFault::Battery { level: 0.5 }).contains("battery"));
    let unknown = TwinFault::SensorBias { field: "q".to_owned(), by: 1.0 };
    assert!(refused(Some(FC), unknown).contains("altitude"));
}

#[test]
fn a_scenario_is_held_against_what_the_twins_act_out() {
    let mut bench = Bench::new(&rig(), 1, &[FC, PILOT]).expect("the twins exist");
    let bias = |field: &str| TwinFault::SensorBias { field: field.to_owned(), by: 1.0 };
    let mut faults = vec![
        TwinFault::Silence,
        TwinFault::Deaf,
        TwinFault::Restart,
        TwinFault::Garbage { rate: 1.0 },
        TwinFault::Battery { level: 0.5 },
        TwinFault::Wind { speed: 1.0, from: 0.0 },
        bias("q"),
    ];
    faults.extend((0..=5).map(|index| TwinFault::MotorReversed { index: Some(index) }));
    faults.extend([
        TwinFault::MotorReversed { index: None },
        TwinFault::PowerOff,
        TwinFault::GpsJam,
        TwinFault::ClockStep { by: Span::from_secs(1) },
        TwinFault::Frozen,
        TwinFault::Wire { fault: PipeFault::Off },
        TwinFault::Wire { fault: PipeFault::Bias { by: 1.0 } },
        TwinFault::Sensor { field: "z".to_owned(), fault: PipeFault::Freeze },
        TwinFault::Sensor { field: "z".to_owned(), fault: PipeFault::Partition },
        TwinFault::Sensor { field: "q".to_owned(), fault: PipeFault::Freeze },
    ]);
    faults.extend((0..=5).map(|index| TwinFault::Motor { index, gain: 0.5 }));
    let quadrotor = TwinKind::find("quadrotor").expect("it is a twin");
    faults.extend(quadrotor.biases.iter().map(|field| bias(field)));
    for (device, twin) in [(FC, quadrotor), (PILOT, TwinKind::find("hover-pilot").expect("it is a twin"))] {
        for fault in &faults {
            let acted = bench.fault(Time::ZERO, Some(device), fault, true);
            assert_eq!(acted.is_ok(), twin.refuses(fault).is_none(), "{} and {fault:?}: {acted:?}", twin.name);
        }
    }
}

#[test]
fn the_end_of_one_fault_is_not_the_end_of_another() {
    let mut flight = Flight::holding(3);
    let short = TwinFault::Motor { index: 1, gain: 0.9 };
    let long = TwinFault::Motor { index: 1, gain: 0.0 };
    flight.bench.fault(flight.now, Some(FC), &long, true).expect("there is a motor 1");
    flight.bench.fault(flight.now, Some(FC), &short, true).expect("there is a motor 1");
    flight.bench.fault(flight.now, Some(FC), &short, false).expect("there is a motor 1");
    flight.wait(3.0);
    assert!(flight.low < 1.0, "the motor is still dead, and yet the machine stays at {} m", flight.low);
}

#[test]
fn a_dead_motor_is_a_crash_and_a_weak_one_is_flown() {
    let mut flight = Flight::holding(3);
    let weak = TwinFault::Motor { index: 1, gain: 0.85 };
    flight.bench.fault(flight.now, Some(FC), &weak, true).expect("there is a motor 1");
    flight.wait(5.0);
    assert!(flight.low > 3.0 && flight.tilt < 0.6, "{} m, {} rad", flight.low, flight.tilt);
    let dead = TwinFault::Motor { index: 1, gain: 0.0 };
    flight.bench.fault(flight.now, Some(FC), &dead, true).expect("there is a motor 1");
    flight.wait(8.0);
    assert!(flight.low < 0.5, "{} m", flight.low);
}

#[test]
fn a_bench_that_stood_still_does_not_pour_out_the_missed_time() {
    let mut bench = Bench::new(&rig(), 1, &[FC]).expect("the twin exists");
    let mut out = Vec::new();
    bench.tick(Time::ZERO, &mut out);
    bench.tick(Time::from_nanos(3_600_000_000_000), &mut out);
    assert!(out.len() < 500, "{} frames", out.len());
    let next = bench.next_deadline().expect("it goes on");
    assert!(next > Time::from_nanos(3_600_000_000_000) && next < Time::from_nanos(3_600_010_000_000));
}

/// Goal: the harness's own codec and the twin understand each other. Method: a session of the link identifies the machine, sets its
/// rates, reads a signal and has orders acknowledged and refused.
#[test]
fn the_host_codec_and_the_twin_understand_each_other() {
    let mut config = rig().links[0].codec.clone();
    let fc = &mut config.devices[0];
    fc.heartbeat = Some(("HEARTBEAT".to_owned(), Span::from_secs(1)));
    fc.signals.push(SignalMap {
        signal: SignalId(0),
        field: "EXTENDED_SYS_STATE.landed_state".to_owned(),
        scale: 1.0,
        offset: 0.0,
        decode: Decode::Number,
        every: Some(Span::from_millis(50)),
    });
    let order = |id, entry: &str, param1: f64| CommandMap {
        command: CommandId(id),
        send: "COMMAND_LONG".to_owned(),
        with: vec![
            ("command".to_owned(), FieldValue::Text(entry.to_owned())),
            ("param1".to_owned(), FieldValue::Number(param1)),
        ],
        ack: Some("COMMAND_ACK".to_owned()),
    };
    fc.commands.push(order(0, "MAV_CMD_COMPONENT_ARM_DISARM", 1.0));
    fc.commands.push(order(1, "MAV_CMD_NAV_TAKEOFF", 0.0));
    let mut host = codec::build(&config).expect("the configuration is right");
    let mut bench = Bench::new(&rig(), 1, &[FC]).expect("the twin exists");
    let mut turn = Turn::default();
    let (mut notes, mut samples) = (Vec::new(), 0);
    for step in 0..1200 {
        let at = Time::from_nanos(step * 2_500_000);
        turn.clear();
        host.tick(at, &mut turn);
        if step == 400 {
            let arm = Command::new(CommandId(0), &[]).expect("no arguments fit");
            host.order(at, &arm, Ticket(1), &mut turn).expect("it can be encoded");
        }
        if step == 800 {
            // The machine stands in STABILIZE: it does not take off from there.
            let up = Command::new(CommandId(1), &[]).expect("no arguments fit");
            host.order(at, &up, Ticket(2), &mut turn).expect("it can be encoded");
        }
        let mut frames = Vec::new();
        for (_, frame) in turn.sends.drain(..) {
            bench.receive(at, &frame, &mut frames);
        }
        bench.tick(at, &mut frames);
        for frame in frames {
            host.feed(at, &frame, &mut turn);
        }
        if step > 800 {
            samples += turn.samples.len();
        }
        notes.append(&mut turn.notes);
    }
    assert!(notes.contains(&Note::Identified { device: FC }), "{notes:?}");
    assert!(notes.contains(&Note::Acked { ticket: Ticket(1) }), "{notes:?}");
    assert!(notes.iter().any(|n| matches!(n, Note::Refused { ticket: Ticket(2), .. })), "{notes:?}");
    assert!((19..=21).contains(&samples), "20 Hz were asked for, {samples} came in a second");
    assert!(
        !notes.iter().any(|n| matches!(n, Note::Noise { .. } | Note::Corrupt { .. } | Note::Gap { .. })),
        "{notes:?}"
    );
}
