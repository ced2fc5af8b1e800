//! Stories of the arm, in frames of its own protocol.

use super::servo::Mode;
use super::*;
use crate::codec::framed::{Covers, FramedConfig, Framing, Order, Sum, WITHIN, Wire};
use crate::codec::protobuf::{ProtoSource, ProtobufConfig};
use crate::codec::{Body, Codec, CommandMap, Decode, LinkConfig, Note, Protocol, SignalMap, Turn, build};
use crate::command::{Command, CommandId, Ticket};
use crate::signal::{SignalId, Value};
use crate::wire::{DeviceId, Lane};

const LINK: LinkId = LinkId(1);
const ORDERS: [&str; 5] = ["enable", "move", "hold", "brake", "off"];
const FIELDS: [&str; 6] = ["mode", "x", "y", "tool_speed", "force", "brakes"];

/// The arm, and the harness's end of its link.
struct Bench {
    world: Cell,
    arm: Twin,
    host: Box<dyn Codec>,
    at: Time,
    told: [f64; 6],
    notes: Vec<Note>,
    /// The greatest force that was told.
    pressed: f64,
    alive: bool,
}

fn config() -> DeviceConfig {
    let source = ProtoSource::collect("arm.proto", include_str!("../../../../proto/arm.proto").to_owned(), |_| None);
    let sum = Sum { name: "CRC-16/KERMIT".into(), order: Order::Little, covers: Covers::Content };
    let framed = FramedConfig {
        wire: Wire { framing: Framing::Cobs, sum: Some(sum), longest: None },
        asks: Vec::new(),
        within: WITHIN,
        refuses: Some("refusal".into()),
        restarts: Some("started".into()),
    };
    let protocol = ProtobufConfig { framed, source, says: "FromArm".into(), hears: Some("ToArm".into()) };
    let signal = |(place, field): (usize, &&str)| SignalMap {
        signal: SignalId(place as u32),
        field: format!("State.{field}"),
        scale: 1.0,
        offset: 0.0,
        decode: Decode::Number,
        every: None,
    };
    let arg = |index| FieldValue::Arg { index, scale: 1.0, offset: 0.0 };
    let with = |order: &str| match order {
        "move" => [("x", 0), ("y", 1), ("speed", 2)].map(|(name, place)| (name.to_owned(), arg(place))).to_vec(),
        _ => Vec::new(),
    };
    let orders = ORDERS.iter().enumerate().map(|(place, order)| CommandMap {
        command: CommandId(place as u16),
        send: order.to_string(),
        with: with(order),
        ack: Some("ack".into()),
    });
    DeviceConfig {
        device: DeviceId(1),
        name: "arm".into(),
        protocol: Protocol::Protobuf(std::sync::Arc::new(protocol)),
        signals: FIELDS.iter().enumerate().map(signal).collect(),
        commands: orders.collect(),
        identity: vec![("hello.serial".into(), FieldValue::Text("ARM-7".into()))],
        heartbeat: Some(("alive".into(), Span::from_millis(100))),
        poll: None,
        tells: None,
        may: Vec::new(),
    }
}

impl Bench {
    fn new() -> Bench {
        let mut world = Cell::new(&[]).expect("no settings");
        let device = config();
        let arm = Twin::new(&device, Noise::new(1, 1), &mut world).unwrap_or_else(|why| panic!("{why}"));
        let link = LinkConfig { link: LINK, devices: vec![device] };
        let host = build(&link).unwrap_or_else(|problems| panic!("{problems:?}"));
        let (at, told, notes) = (Time::ZERO, [f64::NAN; 6], Vec::new());
        let mut bench = Bench { world, arm, host, at, told, notes, pressed: 0.0, alive: true };
        bench.wait(0.2);
        bench
    }
    /// An arm under power, ready.
    fn ready() -> Bench {
        let mut bench = Bench::new();
        bench.order("enable", &[]);
        bench.wait(0.2);
        assert_eq!(bench.mode(), Mode::Ready);
        bench
    }
    fn hear(&mut self, mut turn: Turn) {
        for (_, frame) in turn.sends.drain(..) {
            self.arm.receive(self.at, &frame, &mut self.world);
        }
        let mut said = Vec::new();
        self.arm.take(LINK, &mut said);
        for frame in said {
            turn.clear();
            self.host.feed(self.at, &frame, &mut turn);
            for message in &turn.messages {
                let Body::Samples(range) = &message.body else { continue };
                for (signal, value) in &turn.samples[range.clone()] {
                    if let Value::Number(number) = value {
                        self.told[signal.0 as usize] = *number;
                    }
                }
            }
            self.notes.append(&mut turn.notes);
        }
        self.pressed = self.pressed.max(self.told[4]);
    }
    fn wait(&mut self, seconds: f64) {
        for _ in 0..(seconds / TURN.seconds()).round() as usize {
            self.at += TURN;
            let mut turn = Turn::default();
            if self.alive {
                self.host.tick(self.at, &mut turn);
            }
            self.arm.turn(self.at, &mut self.world);
            self.hear(turn);
        }
    }
    fn order(&mut self, name: &str, args: &[f64]) {
        let place = ORDERS.iter().position(|order| *order == name).expect("an order of the arm");
        let mut turn = Turn::default();
        let command = Command::new(CommandId(place as u16), args).expect("few arguments");
        self.host.order(self.at, &command, Ticket(1), &mut turn).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(turn.sends.last().map(|(lane, _)| *lane), Some(Lane::Normal), "{name}");
        self.hear(turn);
    }
    fn mode(&self) -> Mode {
        self.arm.servo.mode()
    }
    fn number(&self, field: &str) -> f64 {
        self.told[FIELDS.iter().position(|known| *known == field).expect("a field that is told")]
    }
    fn begin(&mut self, fault: &TwinFault) {
        self.arm.start_fault(self.at, fault, &mut self.world);
    }
    fn end(&mut self, fault: &TwinFault) {
        self.arm.stop_fault(fault, &mut self.world);
    }
    fn refusals(&self) -> Vec<&str> {
        let reasons = self.notes.iter().map(|note| match note {
            Note::Refused { reason, .. } => reason.as_str(),
            _ => "",
        });
        reasons.filter(|reason| !reason.is_empty()).collect()
    }
}

#[test]
fn it_goes_straight_to_a_place_and_is_there() {
    let mut bench = Bench::ready();
    bench.order("move", &[0.5, -0.1, 0.2]);
    let (mut fastest, mut aside) = (0.0f64, 0.0f64);
    for _ in 0..200 {
        bench.wait(0.01);
        fastest = fastest.max(bench.number("tool_speed"));
        // The line from (0.4, 0.2) to (0.5, -0.1).
        let (x, y) = (bench.number("x") - 0.4, bench.number("y") - 0.2);
        aside = aside.max((0.3 * x + 0.1 * y).abs() / 0.1f64.hypot(0.3));
    }
    assert!((0.19..0.22).contains(&fastest), "{fastest} m/s");
    assert!(aside < 0.001, "{aside} m beside the line");
    assert!((bench.number("x") - 0.5).abs() < 1e-5 && (bench.number("y") + 0.1).abs() < 1e-5);
    assert_eq!((bench.mode(), bench.number("tool_speed") < 1e-4), (Mode::Ready, true));
    assert!(bench.refusals().is_empty());
}

#[test]
fn orders_that_do_not_fit_are_refused_with_the_reason() {
    let mut bench = Bench::new();
    bench.order("move", &[0.5, 0.0, 0.1]);
    bench.wait(0.05);
    bench.order("enable", &[]);
    bench.order("move", &[0.72, 0.3, 0.1]);
    bench.wait(0.05);
    bench.order("move", &[0.5, 0.0, 0.7]);
    bench.wait(0.05);
    bench.order("move", &[0.5, 0.0, 0.1]);
    bench.order("enable", &[]);
    bench.wait(0.05);
    let wanted = ["it is not ready", "it is out of reach", "it goes at 1 mm/s to 500 mm/s", "it is moving"];
    assert_eq!(bench.refusals(), wanted.map(|why| format!("Refusal why {why}")));
}

#[test]
fn a_hold_stays_under_power_a_brake_parks_and_off_needs_no_time() {
    for (order, mode, brakes) in [("hold", Mode::Held, 0.0), ("brake", Mode::Parked, 3.0), ("off", Mode::Parked, 3.0)] {
        let mut bench = Bench::ready();
        bench.order("move", &[0.5, 0.0, 0.2]);
        bench.wait(0.5);
        assert!(bench.number("tool_speed") > 0.15);
        bench.order(order, &[]);
        if order == "off" {
            assert_eq!(bench.mode(), Mode::Parked, "at once");
        }
        bench.wait(0.4);
        assert_eq!((bench.mode(), bench.number("brakes")), (mode, brakes), "{order}");
        assert!(bench.number("tool_speed") < 0.001, "{order}: {} m/s", bench.number("tool_speed"));
        let there = bench.arm.body.tool();
        bench.wait(2.0);
        let now = bench.arm.body.tool();
        assert!(libm::hypot(now[0] - there[0], now[1] - there[1]) < 1e-4, "{order}: it sinks");
        bench.order("move", &[0.5, 0.0, 0.2]);
        bench.wait(0.1);
        assert_eq!(bench.refusals(), ["Refusal why it is not ready"], "{order} is latched");
    }
}

#[test]
fn under_a_hold_it_gives_way_to_what_it_presses_on() {
    let mut bench = Bench::ready();
    bench.order("move", &[0.59, 0.2, 0.2]);
    bench.wait(2.0);
    bench.order("move", &[0.606, 0.2, 0.02]);
    bench.wait(2.0);
    let pressed = bench.number("force");
    assert!((100.0..280.0).contains(&pressed), "{pressed} N");
    bench.order("brake", &[]);
    bench.wait(1.0);
    assert!(bench.number("force") > 0.8 * pressed, "brakes do not let go: {} N", bench.number("force"));
    bench.order("enable", &[]);
    bench.wait(0.1);
    bench.order("hold", &[]);
    bench.wait(1.5);
    assert!(bench.number("force") < 20.0, "{} N", bench.number("force"));
    assert_eq!(bench.mode(), Mode::Held);
}

#[test]
fn nobody_speaks_to_it_and_it_parks_by_itself() {
    let mut bench = Bench::ready();
    bench.order("move", &[0.5, -0.3, 0.05]);
    bench.wait(0.5);
    bench.alive = false;
    bench.wait(0.45);
    assert_eq!(bench.mode(), Mode::Moving);
    bench.wait(0.4);
    assert_eq!((bench.mode(), bench.number("brakes")), (Mode::Parked, 3.0));
}

#[test]
fn without_power_its_brakes_close_and_with_it_it_says_that_it_started() {
    for (fault, parked) in [
        (TwinFault::PowerOff, true),
        (TwinFault::Restart, true),
        (TwinFault::WatchdogReset { hang: Span::from_millis(300) }, true),
        (TwinFault::Silence, false),
    ] {
        let mut bench = Bench::ready();
        bench.order("move", &[0.5, -0.3, 0.05]);
        bench.wait(0.5);
        bench.notes.clear();
        bench.begin(&fault);
        bench.wait(0.5);
        assert_eq!(bench.mode() == Mode::Parked, parked, "{fault:?}");
        assert_eq!(bench.arm.body.is_braked(0) && bench.arm.body.is_braked(1), parked, "{fault:?}");
        bench.end(&fault);
        bench.wait(0.1);
        let started = bench.notes.contains(&Note::Restart { device: DeviceId(1) });
        assert_eq!(started, parked, "{fault:?}: {:?}", bench.notes);
    }
}

#[test]
fn a_drive_that_is_ill_is_felt_at_the_tool_until_it_is_well() {
    for (fault, most) in [
        (TwinFault::Motor { index: 1, gain: 0.5 }, 0.2),
        (TwinFault::MotorSlow { index: Some(1), lag: Span::from_millis(5) }, 0.2),
        (TwinFault::MotorStuck { index: Some(2), at: Some(0.2) }, 2.0),
        (TwinFault::MotorReversed { index: None }, 2.0),
    ] {
        let mut bench = Bench::ready();
        let there = bench.arm.body.tool();
        bench.begin(&fault);
        let mut apart = 0.0f64;
        for _ in 0..40 {
            bench.wait(0.005);
            let now = bench.arm.body.tool();
            apart = apart.max(libm::hypot(now[0] - there[0], now[1] - there[1]));
        }
        let slow = matches!(fault, TwinFault::MotorSlow { .. });
        assert!(apart < most && (slow || apart > 0.000_5), "{fault:?}: {apart} m");
        bench.end(&fault);
        bench.order("brake", &[]);
        bench.wait(2.0);
        assert_eq!(bench.mode(), Mode::Parked, "{fault:?}");
        assert!(bench.number("tool_speed") < 0.001, "{fault:?}");
    }
}
