//! How fast bytes become samples, and how soon a dialect is ready. One thread, bytes from memory.

use checkrein::codec::mavlink::DialectSource;
use checkrein::codec::mavlink::device::Vehicle;
use checkrein::codec::{Decode, DeviceConfig, LinkConfig, Protocol, SignalMap, Turn, build};
use checkrein::signal::SignalId;
use checkrein::time::{Span, Time};
use checkrein::wire::{DeviceId, Frame, LinkId};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// Frames in the stream.
const FRAMES: u32 = 3_000;
/// What the host reads at once.
const CHUNK: usize = 1024;

fn config() -> LinkConfig {
    let fields = [
        "ATTITUDE.roll",
        "ATTITUDE.pitch",
        "ATTITUDE.yaw",
        "ATTITUDE.rollspeed",
        "ATTITUDE.pitchspeed",
        "ATTITUDE.yawspeed",
        "LOCAL_POSITION_NED.x",
        "LOCAL_POSITION_NED.y",
        "LOCAL_POSITION_NED.z",
        "LOCAL_POSITION_NED.vx",
        "LOCAL_POSITION_NED.vy",
        "LOCAL_POSITION_NED.vz",
        "SYS_STATUS.battery_remaining",
        "SYS_STATUS.voltage_battery",
    ];
    let signal = |(n, field): (usize, &&str)| SignalMap {
        signal: SignalId(n as u32),
        field: field.to_string(),
        scale: 0.5,
        offset: 1.0,
        decode: Decode::Number,
        every: None,
    };
    LinkConfig {
        link: LinkId(0),
        devices: vec![DeviceConfig {
            device: DeviceId(0),
            name: "fc".into(),
            protocol: Protocol::Mavlink { dialect: DialectSource::Ardupilotmega, system: 1, component: 1 },
            signals: fields.iter().enumerate().map(signal).collect(),
            commands: vec![],
            identity: vec![],
            heartbeat: None,
            poll: None,
            tells: None,
            may: vec![],
        }],
    }
}

fn stream() -> Vec<Frame> {
    let mut vehicle = Vehicle::new(&DialectSource::Ardupilotmega, 1, 1).expect("the built-in dialect loads");
    let mut bytes = Vec::new();
    for n in 0..FRAMES {
        let x = f64::from(n) * 0.01;
        let sent = match n % 3 {
            0 => vehicle.send("ATTITUDE", &[("roll", x), ("pitch", -x), ("yawspeed", x)], &[], &mut bytes),
            1 => vehicle.send("LOCAL_POSITION_NED", &[("x", x), ("z", -x), ("vz", x)], &[], &mut bytes),
            _ => vehicle.send("SYS_STATUS", &[("battery_remaining", 90.0), ("load", 300.0)], &[], &mut bytes),
        };
        sent.expect("known names");
    }
    bytes.chunks(CHUNK).map(|chunk| Frame::serial(LinkId(0), chunk)).collect()
}

/// Samples per second out of a stream of telemetry.
#[divan::bench]
fn mavlink_samples(bencher: Bencher) {
    let frames = stream();
    let mut host = build(&config()).expect("the bench's configuration is right");
    let mut turn = Turn::default();
    let samples = u64::from(FRAMES / 3) * 14;
    bencher.counter(ItemsCount::new(samples)).bench_local(|| {
        let mut heard = 0;
        for (n, frame) in frames.iter().enumerate() {
            turn.clear();
            host.feed(Time::ZERO + Span::from_micros(n as i64), frame, &mut turn);
            heard += turn.samples.len() as u64;
        }
        assert_eq!(heard, samples);
    });
}

/// From nothing to a session that speaks `ardupilotmega`, dialect read anew each time.
#[divan::bench]
fn mavlink_dialect(bencher: Bencher) {
    let mut config = config();
    // A dialect of one's own is read for every session; this one includes the whole built-in one.
    let text = "<mavlink><include>ardupilotmega.xml</include></mavlink>";
    let dialect = DialectSource::Xml(vec![("mine.xml".into(), text.into())]);
    config.devices[0].protocol = Protocol::Mavlink { dialect, system: 1, component: 1 };
    bencher.bench_local(|| build(&config).is_ok());
}
