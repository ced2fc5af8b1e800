//! Throughput: prepared MAVLink bytes from memory → codec → samples → 50 rules → recorder's thread → MCAP on disk.
//!
//! `cargo bench --bench throughput [-- SECONDS]`. A rig of one flight controller with 108 signals in 17 messages, in the
//! proportions in which an autopilot sends them, is judged by 50 rules; nothing is left out but the port. Time in the run
//! goes by the samples, one million a second; the wall clock tells how long it really took. The run's thread is pinned to
//! one core, the recorder's to another. When the recorder's queue is half full the run's thread waits for it, as a wire
//! would make it: so the slower of the two sets the figure. Afterwards the recording is opened and its samples counted.

mod support;

use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::Vehicle;
use checkrein::io::recorder::{self, Batch, FileSink, Item};
use checkrein::log::{Entry, open};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Effects, Input, LinkState, Run};
use checkrein::scenario::plan::Plan;
use checkrein::time::{Span, Time};
use checkrein::wire::{Frame, LinkId};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the host reads at once.
const CHUNK: usize = 1024;
/// Messages in the ring of prepared bytes; a multiple of 256, so that sequence numbers go on where it begins anew.
const RING: usize = 16_384;
/// Samples a second by the run's own clock.
const RATE: i64 = 1_000_000;
/// Records that the loop hands over at once, as in `io::host`.
const BATCH: usize = 4096;

/// A message, how often it comes in the mix, and its fields with unit and largest value.
struct Said {
    message: &'static str,
    share: usize,
    fields: &'static [&'static str],
    unit: &'static str,
    most: f64,
}

const MIX: &[Said] = &[
    Said {
        message: "ATTITUDE",
        share: 50,
        fields: &["roll", "pitch", "yaw", "rollspeed", "pitchspeed", "yawspeed"],
        unit: "1 rad",
        most: 1.0,
    },
    Said {
        message: "LOCAL_POSITION_NED",
        share: 50,
        fields: &["x", "y", "z", "vx", "vy", "vz"],
        unit: "1 m",
        most: 5.0,
    },
    Said {
        message: "HIGHRES_IMU",
        share: 50,
        fields: &[
            "xacc",
            "yacc",
            "zacc",
            "xgyro",
            "ygyro",
            "zgyro",
            "xmag",
            "ymag",
            "zmag",
            "abs_pressure",
            "diff_pressure",
            "pressure_alt",
            "temperature",
        ],
        unit: "1 m/s^2",
        most: 9.0,
    },
    Said { message: "ATTITUDE_QUATERNION", share: 25, fields: &["q1", "q2", "q3", "q4"], unit: "1", most: 1.0 },
    Said {
        message: "RAW_IMU",
        share: 25,
        fields: &["xacc", "yacc", "zacc", "xgyro", "ygyro", "zgyro", "xmag", "ymag", "zmag"],
        unit: "1",
        most: 900.0,
    },
    Said {
        message: "SCALED_IMU2",
        share: 25,
        fields: &["xacc", "yacc", "zacc", "xgyro", "ygyro", "zgyro", "xmag", "ymag", "zmag"],
        unit: "1",
        most: 900.0,
    },
    Said {
        message: "GLOBAL_POSITION_INT",
        share: 10,
        fields: &["lat", "lon", "alt", "relative_alt", "vx", "vy", "vz"],
        unit: "1",
        most: 9000.0,
    },
    Said {
        message: "VFR_HUD",
        share: 10,
        fields: &["airspeed", "groundspeed", "heading", "throttle", "alt", "climb"],
        unit: "1 m/s",
        most: 20.0,
    },
    Said {
        message: "SERVO_OUTPUT_RAW",
        share: 10,
        fields: &[
            "servo1_raw",
            "servo2_raw",
            "servo3_raw",
            "servo4_raw",
            "servo5_raw",
            "servo6_raw",
            "servo7_raw",
            "servo8_raw",
        ],
        unit: "1",
        most: 900.0,
    },
    Said {
        message: "RC_CHANNELS",
        share: 10,
        fields: &[
            "chan1_raw",
            "chan2_raw",
            "chan3_raw",
            "chan4_raw",
            "chan5_raw",
            "chan6_raw",
            "chan7_raw",
            "chan8_raw",
        ],
        unit: "1",
        most: 900.0,
    },
    Said {
        message: "NAV_CONTROLLER_OUTPUT",
        share: 10,
        fields: &["nav_roll", "nav_pitch", "alt_error", "aspd_error", "xtrack_error", "nav_bearing", "wp_dist"],
        unit: "1",
        most: 50.0,
    },
    Said {
        message: "SCALED_PRESSURE",
        share: 10,
        fields: &["press_abs", "press_diff", "temperature"],
        unit: "1 hPa",
        most: 900.0,
    },
    Said {
        message: "GPS_RAW_INT",
        share: 5,
        fields: &["lat", "lon", "alt", "eph", "epv", "vel", "cog"],
        unit: "1",
        most: 9000.0,
    },
    Said {
        message: "VIBRATION",
        share: 5,
        fields: &["vibration_x", "vibration_y", "vibration_z", "clipping_0", "clipping_1", "clipping_2"],
        unit: "1",
        most: 30.0,
    },
    Said {
        message: "SYS_STATUS",
        share: 2,
        fields: &["load", "voltage_battery", "current_battery", "battery_remaining"],
        unit: "1",
        most: 90.0,
    },
    Said { message: "POWER_STATUS", share: 2, fields: &["Vcc", "Vservo"], unit: "1 mV", most: 5000.0 },
    Said { message: "WIND", share: 2, fields: &["direction", "speed", "speed_z"], unit: "1 m/s", most: 10.0 },
];

fn main() {
    let seconds = support::count(10);
    println!("{}", support::machine());
    let plan = plan();
    let chunks = chunks();
    let place = tempfile::tempdir_in(std::env::var("TMPDIR").unwrap_or_else(|_| ".".into())).expect("a folder");
    pin(1);
    let sink = FileSink::create(place.path(), &support::head(&plan, 0), &plan).expect("a recording");
    let recorder = recorder::start(Box::new(sink), || ()).expect("the recorder");
    pin(0);
    let before = peak_rss();
    let fed = feed(&plan, &chunks, recorder, seconds);
    let after = peak_rss();
    let path = place.path().join("recording.mcap");
    let bytes = std::fs::read(&path).expect("the recording");
    let size = bytes.len();
    let recording = open(&bytes).expect("a recording");
    assert_eq!(recording.loss, None, "the recording is whole");
    let (mut samples, mut inputs) = (0, 0);
    for entry in &recording.entries {
        match entry {
            Entry::Samples(these) => samples += these.len(),
            Entry::Input(_) => inputs += 1,
            Entry::Event(_) | Entry::Sent { .. } => {}
        }
    }
    assert_eq!((samples, inputs), (fed.samples, fed.inputs), "every sample and every input is in the recording");
    let rate = fed.samples as f64 / fed.took.as_secs_f64();
    println!("{} signals, {} rules, {} samples in {} inputs", signals(), plan.rules.len(), fed.samples, fed.inputs);
    println!("{rate:.0} samples/s sustained, until the last one was on disk; {:.2} s", fed.took.as_secs_f64());
    println!(
        "  the run's thread computed for {:.2} s and waited for the recorder for {:.2} s",
        fed.busy(),
        fed.waited()
    );
    println!(
        "  nothing lost: {samples} samples and {inputs} inputs counted in the recording of {} MB",
        size / 1_000_000
    );
    println!("  peak memory {:.1} MB ({:.1} MB before the first byte)", after, before);
}

struct Fed {
    samples: usize,
    inputs: usize,
    took: Duration,
    waiting: Duration,
    computing: Duration,
}

impl Fed {
    fn busy(&self) -> f64 {
        (self.computing - self.waiting).as_secs_f64()
    }
    fn waited(&self) -> f64 {
        self.waiting.as_secs_f64()
    }
}

/// What `io::host` does for each read, without the port.
fn feed(plan: &Arc<Plan>, chunks: &[(Frame, usize)], mut recorder: recorder::Handle, seconds: usize) -> Fed {
    let mut run = Run::new(plan.clone());
    let mut effects = Effects::default();
    let mut batch = Batch::default();
    let mut fed =
        Fed { samples: 0, inputs: 0, took: Duration::ZERO, waiting: Duration::ZERO, computing: Duration::ZERO };
    let mut armed = false;
    let mut take = |input: Input, batch: &mut Batch, armed: &mut bool, samples: &mut usize| {
        effects.clear();
        batch.items.push(Item::Input(input));
        let Some(Item::Input(input)) = batch.items.last() else { unreachable!("it was pushed just now") };
        run.handle(input, &mut effects);
        *samples += effects.samples.len();
        batch.push_samples(&effects.samples);
        for effect in effects.list.drain(..) {
            match effect {
                Effect::Emit(event) => {
                    *armed |= matches!(event.kind, EventKind::Armed);
                    assert!(!matches!(event.kind, EventKind::Tripped { .. }), "nothing is to be violated: {event:?}");
                    batch.items.push(Item::Event(event));
                }
                Effect::Send { .. } => {}
                other => panic!("not expected: {other:?}"),
            }
        }
    };
    let begun = Instant::now();
    let mut at = Time::ZERO;
    take(Input::Link { at, link: LinkId(0), state: LinkState::Up }, &mut batch, &mut armed, &mut fed.samples);
    fed.inputs += 1;
    let wanted = seconds * RATE as usize;
    'all: loop {
        for (frame, messages) in chunks {
            at += Span::from_nanos(*messages as i64 * 1_000_000_000 / (RATE / 6));
            let input = Input::bytes(at, frame.clone());
            take(input, &mut batch, &mut armed, &mut fed.samples);
            fed.inputs += 1;
            if batch.len() >= BATCH {
                hand_over(&mut recorder, &mut batch, &mut fed.waiting);
            }
            if fed.samples >= wanted {
                break 'all;
            }
        }
        assert!(armed, "the rules are judged from the first round on");
    }
    hand_over(&mut recorder, &mut batch, &mut fed.waiting);
    fed.computing = begun.elapsed();
    recorder.finish().expect("the recording is whole");
    fed.took = begun.elapsed();
    fed
}

fn hand_over(recorder: &mut recorder::Handle, batch: &mut Batch, waiting: &mut Duration) {
    let begun = Instant::now();
    while recorder.half_full() {
        std::thread::sleep(Duration::from_micros(500));
    }
    *waiting += begun.elapsed();
    assert_eq!(recorder.hand_over(batch), None, "the queue holds what is handed over");
}

/// Puts the calling thread, and those it starts, on one core.
fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    // With one core alone there is nothing to choose.
    let _ = sched_setaffinity(None, &set);
}

/// The most memory that was ever resident, in MB.
fn peak_rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells of a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak is in it");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kib * 1024.0 / 1e6
}

fn signals() -> usize {
    MIX.iter().map(|said| said.fields.len()).sum()
}

fn name(said: &Said, field: &str) -> String {
    format!("{}_{field}", said.message.to_lowercase()).to_lowercase()
}

fn plan() -> Arc<Plan> {
    let mut rig = String::from(
        "rig: bench
about: One flight controller that tells much.
envelope: envelope.yaml
links:
  telem: { serial: /dev/null, baud: 921600 }
devices:
  fc:
    link: telem
    protocol: { mavlink: ardupilotmega, system: 1, component: 1 }
    identity: { HEARTBEAT.autopilot: 3 }
    safe: not fc.armed
    ladder:
      - { do: fc.land, within: 20 s }
    commands:
      land: { send: COMMAND_LONG, with: { command: MAV_CMD_NAV_LAND }, harmless: true }
    signals:
      armed: { field: HEARTBEAT.base_mode, bit: 7, every: 1 s, stale_after: 1 h }
",
    );
    for said in MIX {
        for field in said.fields {
            let (name, unit) = (name(said, field), said.unit);
            writeln!(
                rig,
                "      {name}: {{ field: {}.{field}, scale: {unit}, every: 200 ms, stale_after: 1 s }}",
                said.message
            )
            .expect("a String takes any text");
        }
    }
    let scenario = "scenario: Bench
rig: bench
about: Listens.
exercises: [rule1]
steps:
  - hold: 3600 s
";
    support::plan(rig, envelope(), scenario.into())
}

/// Fifty rules: 28 limits, 8 of several signals, 6 held for a while, 4 promises, 4 rates.
fn envelope() -> String {
    let mut text = String::from("envelope: Bench\nrules:\n");
    let mut count = 0;
    let mut rule = |formula: String| {
        count += 1;
        writeln!(text, "  rule{count}:\n    always: {formula}\n    because: It costs time.\n    source: the bench\n    react_within: 100 ms")
            .expect("a String takes any text");
    };
    let limit = |said: &Said, factor: f64| {
        let (amount, unit) = said.unit.split_once(' ').unwrap_or((said.unit, ""));
        assert_eq!(amount, "1", "one raw count is one unit");
        format!("{} {unit}", said.most * factor).trim().to_owned()
    };
    let signal = |said: &Said, field: usize| format!("fc.{}", name(said, said.fields[field]));
    for n in 0..28 {
        let said = &MIX[n % MIX.len()];
        let field = n / MIX.len();
        rule(format!("{} <= {}", signal(said, field), limit(said, 1.5)));
    }
    for said in &MIX[..8] {
        let parts = [signal(said, 0), signal(said, 1), signal(said, 2)];
        rule(format!("max(abs({}), abs({}), abs({})) <= {}", parts[0], parts[1], parts[2], limit(said, 1.5)));
    }
    for said in &MIX[..6] {
        rule(format!("not historically[0, 200 ms] {} > {}", signal(said, 1), limit(said, 1.5)));
    }
    for said in &MIX[..4] {
        let (first, second) = (signal(said, 0), signal(said, 1));
        let [high, low] = [1.5, 0.9].map(|factor| limit(said, factor));
        rule(format!("{first} > {high} implies eventually[0, 500 ms] {second} < {low}"));
    }
    for said in &MIX[..4] {
        rule(format!(
            "not ({} > {} and {} > {})",
            signal(said, 2),
            limit(said, 1.2),
            signal(said, 3),
            limit(said, 1.2)
        ));
    }
    assert_eq!(count, 50);
    text
}

/// The prepared bytes, cut as a port hands them over, with the messages that end in each chunk.
fn chunks() -> Vec<(Frame, usize)> {
    let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let total: usize = MIX.iter().map(|said| said.share).sum();
    let mut owed = vec![0; MIX.len()];
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for n in 0..RING {
        if n % 512 == 0 {
            let fields = [("autopilot", 3.0), ("base_mode", 128.0)];
            vehicle.send("HEARTBEAT", &fields, &[], &mut bytes).expect("known names");
            ends.push(bytes.len());
            continue;
        }
        // Whoever waited longest by its share comes next.
        owed.iter_mut().zip(MIX).for_each(|(owed, said)| *owed += said.share as i64);
        let next = (0..MIX.len()).max_by_key(|&place| owed[place]).expect("there are messages");
        owed[next] -= total as i64;
        let said = &MIX[next];
        let value = |field: usize| said.most * (0.5 + 0.5 * libm::sin(n as f64 * 0.01 + field as f64));
        let fields: Vec<(&str, f64)> = said.fields.iter().enumerate().map(|(i, field)| (*field, value(i))).collect();
        vehicle.send(said.message, &fields, &[], &mut bytes).expect("known names");
        ends.push(bytes.len());
    }
    let cut = |(place, chunk): (usize, &[u8])| {
        let range = place * CHUNK + 1..=place * CHUNK + chunk.len();
        (Frame::serial(LinkId(0), chunk), ends.iter().filter(|end| range.contains(end)).count())
    };
    bytes.chunks(CHUNK).enumerate().map(cut).collect()
}
