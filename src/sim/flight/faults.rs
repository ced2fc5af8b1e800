//! Faults as they are seen from outside, in the twins' own bytes, and that their end is the end of them.

use super::*;

impl Flight {
    fn begin(&mut self, device: DeviceId, fault: &TwinFault) {
        self.bench.fault(self.now, Some(device), fault, true).expect("the twin can act it out");
    }
    fn end(&mut self, device: DeviceId, fault: &TwinFault) {
        self.bench.fault(self.now, Some(device), fault, false).expect("the twin can act it out");
    }
    fn count(&self, message: &str) -> usize {
        self.heard.iter().filter(|m| m.name == message).count()
    }
    /// How many of a message come in so many seconds.
    fn heard_in(&mut self, message: &str, seconds: f64) -> usize {
        let before = self.count(message);
        self.wait(seconds);
        self.count(message) - before
    }
    /// It hovers at 4 m near home as it did before.
    fn holds(&mut self) {
        self.wait(6.0);
        self.mark();
        self.wait(3.0);
        assert!(self.low > 3.6 && self.high < 4.4, "between {} and {} m", self.low, self.high);
        assert!(self.side < 0.5, "{} m aside", self.side);
        assert_eq!(self.last("HEARTBEAT", "custom_mode"), 4.0);
    }
    fn texts(&self) -> Vec<&str> {
        self.heard.iter().filter_map(|m| m.text("text")).collect()
    }
    /// What the pilot says in so many seconds: instant and bytes.
    fn said(&mut self, seconds: f64) -> Vec<(Time, Frame)> {
        let before = self.said.len();
        self.wait(seconds);
        self.said[before..].to_vec()
    }
}

fn words(frame: &Frame) -> Value {
    serde_json::from_slice(&frame.bytes).expect("the pilot speaks JSON")
}

fn number(frame: &Frame, name: &str) -> f64 {
    words(frame)[name].as_f64().expect("a number")
}

#[test]
fn a_motor_that_is_stuck_for_a_moment_is_felt_and_forgotten() {
    let mut flight = Flight::holding(1);
    let stuck = TwinFault::MotorStuck { index: Some(2), at: Some(0.95) };
    flight.begin(FC, &stuck);
    flight.wait(0.4);
    flight.end(FC, &stuck);
    assert!(flight.tilt > 0.1, "{} rad", flight.tilt);
    flight.holds();
}

#[test]
fn motors_that_keep_their_speed_neither_steer_nor_fall_at_once() {
    let mut flight = Flight::holding(1);
    let stuck = TwinFault::MotorStuck { index: None, at: None };
    flight.begin(FC, &stuck);
    flight.wait(0.3);
    assert!(flight.low > 3.5, "they go on turning: {} m", flight.low);
    flight.wait(8.0);
    assert!(flight.tilt > 0.5 || flight.low < 1.0, "nobody flies it any more: {} rad, {} m", flight.tilt, flight.low);
}

#[test]
fn motors_that_are_slow_shake_the_machine_more_the_slower_they_are() {
    let tilt = |millis| {
        let mut flight = Flight::holding(2);
        let slow = TwinFault::MotorSlow { index: None, lag: Span::from_millis(millis) };
        flight.begin(FC, &slow);
        flight.wait(3.0);
        let tilt = flight.tilt;
        flight.end(FC, &slow);
        (tilt, flight)
    };
    let (mild, mut flight) = tilt(50);
    flight.holds();
    let (wild, _) = tilt(300);
    assert!(wild > 2.0 * mild && wild > 0.5, "{mild} rad at 50 ms, {wild} rad at 300 ms");
}

#[test]
fn a_motor_that_turns_backwards_is_a_crash() {
    let mut flight = Flight::holding(2);
    flight.begin(FC, &TwinFault::MotorReversed { index: Some(3) });
    flight.wait(4.0);
    assert!(flight.low < 0.5 && flight.tilt > 1.0, "{} m, {} rad", flight.low, flight.tilt);
}

#[test]
fn without_power_nothing_is_said_and_with_it_the_machine_starts_anew() {
    let mut flight = Flight::new(3);
    flight.wait(2.0);
    let boot = flight.last("ATTITUDE", "time_boot_ms");
    flight.begin(FC, &TwinFault::PowerOff);
    assert_eq!(flight.heard_in("ATTITUDE", 1.5), 0);
    flight.end(FC, &TwinFault::PowerOff);
    assert!(flight.heard_in("ATTITUDE", 1.0) > 40);
    assert!(flight.last("ATTITUDE", "time_boot_ms") < 1_100.0, "it counted to {boot} before");
}

/// Goal: a dip does what its depth does. Method: attitudes at 50 Hz, none of which comes during a dip of 1 s to 4.2 V, while the
/// machine flies on; a dip of 20 ms to 3 V in the air is a fall.
#[test]
fn a_brown_out_takes_the_radio_and_a_deeper_one_the_flight() {
    let mut flight = Flight::holding(3);
    flight.begin(FC, &TwinFault::BrownOut { volts: 4.2, length: Span::from_secs(1) });
    assert!(flight.heard_in("ATTITUDE", 0.99) == 0);
    assert!(flight.heard_in("ATTITUDE", 1.0) > 45);
    assert!(flight.last("ATTITUDE", "time_boot_ms") > 15_000.0);
    flight.holds();
    flight.begin(FC, &TwinFault::BrownOut { volts: 3.0, length: Span::from_millis(20) });
    flight.wait(3.0);
    assert!(flight.low < 0.1 && !flight.armed(), "{} m", flight.low);
    assert!(flight.last("ATTITUDE", "time_boot_ms") < 3_000.0);
}

#[test]
fn a_storm_of_boots_never_lets_it_settle() {
    let mut flight = Flight::new(4);
    flight.wait(1.0);
    let storm = TwinFault::BootStorm { every: Span::from_millis(700) };
    flight.begin(FC, &storm);
    let before = flight.heard.len();
    flight.wait(5.0);
    let boots = flight.heard[before..].iter().filter(|m| m.text("text").is_some_and(|t| t.contains("started"))).count();
    assert_eq!(boots, 8, "at 0, 0.7, … 4.9 s");
    flight.end(FC, &storm);
    flight.wait(3.0);
    assert!(flight.last("ATTITUDE", "time_boot_ms") > 3_000.0);
}

#[test]
fn a_hanging_program_keeps_its_motors_turning_until_its_watchdog_ends_it() {
    let mut flight = Flight::holding(4);
    flight.begin(FC, &TwinFault::WatchdogReset { hang: Span::from_millis(300) });
    assert_eq!(flight.heard_in("ATTITUDE", 0.29), 0);
    flight.wait(0.05);
    assert!(flight.last("LOCAL_POSITION_NED", "z") < -3.0, "it hung, the motors turned");
    flight.wait(2.0);
    assert!(flight.low < 0.5 && !flight.armed(), "and then it was a restart in the air");
}

#[test]
fn a_step_of_position_is_flown_after_and_flown_back() {
    let mut flight = Flight::holding(5);
    let step = TwinFault::GpsStep { by: 2.0, bearing: 0.0 };
    flight.begin(FC, &step);
    flight.wait(0.1);
    assert!((flight.last("LOCAL_POSITION_NED", "x") - 2.0).abs() < 0.4, "it believes to be 2 m north");
    flight.wait(6.0);
    assert!(flight.last("LOCAL_POSITION_NED", "x").abs() < 0.4, "and flies back, as it believes");
    flight.end(FC, &step);
    flight.wait(0.1);
    assert!((flight.last("LOCAL_POSITION_NED", "x") + 2.0).abs() < 0.6, "2 m south of home in truth");
    flight.holds();
}

#[test]
fn a_dragged_position_pulls_the_machine_away_unseen() {
    let mut flight = Flight::holding(5);
    let drag = TwinFault::GpsDrag { speed: 0.5, bearing: core::f64::consts::FRAC_PI_2 };
    flight.begin(FC, &drag);
    flight.wait(6.0);
    assert!(flight.last("LOCAL_POSITION_NED", "y").abs() < 1.0, "it believes to be where it was");
    flight.end(FC, &drag);
    flight.wait(0.1);
    assert!(flight.last("LOCAL_POSITION_NED", "y") < -2.0, "it was pulled 3 m to the west");
    flight.holds();
}

#[test]
fn a_jammed_receiver_makes_it_land() {
    let mut flight = Flight::holding(6);
    flight.begin(FC, &TwinFault::GpsJam);
    flight.wait(0.1);
    flight.command(512.0, &[24.0]);
    assert_eq!(flight.last("GPS_RAW_INT", "fix_type"), 1.0);
    flight.wait(1.5);
    assert_eq!(flight.last("HEARTBEAT", "custom_mode"), 9.0);
    assert!(flight.texts().iter().any(|t| t.contains("EKF failsafe: landing")), "{:?}", flight.texts());
    flight.wait(15.0);
    assert!(!flight.armed(), "{} m, {:?}", flight.last("LOCAL_POSITION_NED", "z"), flight.texts());
    flight.end(FC, &TwinFault::GpsJam);
    flight.wait(0.1);
    flight.command(512.0, &[24.0]);
    assert_eq!(flight.last("GPS_RAW_INT", "fix_type"), 3.0);
}

#[test]
fn a_clock_is_off_runs_fast_overflows_and_is_right_again() {
    let mut flight = Flight::new(7);
    flight.wait(2.0);
    let nominal = |flight: &Flight| 10_000.0 + flight.now.seconds() * 1e3;
    let off = |flight: &Flight| flight.last("ATTITUDE", "time_boot_ms") - nominal(flight);
    assert!(off(&flight).abs() < 30.0, "{}", off(&flight));
    for (fault, by) in [
        (TwinFault::ClockStep { by: Span::from_secs(-1) }, -1_000.0),
        (TwinFault::ClockStep { by: Span::from_millis(100) }, 100.0),
        (TwinFault::ClockSkew { share: 0.5 }, 500.0),
    ] {
        flight.begin(FC, &fault);
        flight.wait(1.0);
        assert!((off(&flight) - by).abs() < 30.0, "{fault:?}: {} ms", off(&flight));
        flight.end(FC, &fault);
        flight.wait(0.1);
        assert!(off(&flight).abs() < 30.0, "{fault:?} has ended: {} ms", off(&flight));
    }
    let roll = TwinFault::ClockRollover { after: Span::from_secs(1) };
    flight.begin(FC, &roll);
    flight.wait(0.5);
    assert!(flight.last("ATTITUDE", "time_boot_ms") > 4_294_966_000.0);
    flight.wait(1.0);
    assert!(flight.last("ATTITUDE", "time_boot_ms") < 600.0);
    flight.end(FC, &roll);
    let date = TwinFault::ClockDate { year: 2039 };
    let year = |flight: &Flight| 1970.0 + flight.last("SYSTEM_TIME", "time_unix_usec") / 1e6 / 31_556_952.0;
    flight.wait(1.0);
    assert!((year(&flight) - 2026.0).abs() < 0.1);
    flight.begin(FC, &date);
    flight.wait(1.1);
    assert!((year(&flight) - 2039.0).abs() < 0.1, "{}", year(&flight));
    flight.end(FC, &date);
    flight.wait(1.1);
    assert!((year(&flight) - 2026.0).abs() < 0.1);
}

/// Goal: what the host codec makes of a device's clock. Method: a step back of more than 5 s is a restart, an overflow and a step forward are none.
#[test]
fn the_host_codec_reads_a_long_step_back_as_a_restart_and_an_overflow_as_none() {
    let restarts = |fault: &TwinFault| {
        let mut flight = Flight::new(8);
        let mut host = codec::build(&rig().links[0].codec).expect("the configuration is right");
        let mut turn = Turn::default();
        flight.wait(2.0);
        host.feed(flight.now, &Frame::serial(TELEM, std::mem::take(&mut flight.bytes)), &mut turn);
        flight.begin(FC, fault);
        flight.wait(63.0);
        host.feed(flight.now, &Frame::serial(TELEM, std::mem::take(&mut flight.bytes)), &mut turn);
        turn.notes.iter().filter(|note| matches!(note, Note::Restart { .. })).count()
    };
    assert_eq!(restarts(&TwinFault::ClockStep { by: Span::from_secs(-8) }), 1);
    // So little may be a frame that was overtaken.
    assert_eq!(restarts(&TwinFault::ClockStep { by: Span::from_secs(-1) }), 0);
    assert_eq!(restarts(&TwinFault::ClockStep { by: Span::from_secs(5) }), 0);
    // Far enough ahead that the count is heard on its way up: nearer, its first number may be a frame from before an overflow.
    assert_eq!(restarts(&TwinFault::ClockRollover { after: Span::from_secs(61) }), 0);
    assert_eq!(restarts(&TwinFault::ClockSkew { share: 1e-4 }), 0);
}

#[test]
fn a_sensor_goes_through_the_faults_of_a_stream() {
    let sensor = |field: &str, fault| TwinFault::Sensor { field: field.to_owned(), fault };
    let mut flight = Flight::new(9);
    flight.wait(2.0);
    let told = |flight: &mut Flight, field: &str, fault: PipeFault| {
        let fault = sensor(field, fault);
        flight.begin(FC, &fault);
        flight.wait(0.5);
        let told = flight.last("LOCAL_POSITION_NED", "z");
        flight.end(FC, &fault);
        flight.wait(0.1);
        assert!(flight.last("LOCAL_POSITION_NED", "z").abs() < 0.1, "its end is the end of it");
        told
    };
    assert!((told(&mut flight, "altitude", PipeFault::Bias { by: 3.0 }) + 3.0).abs() < 0.1);
    assert!((told(&mut flight, "z", PipeFault::Bias { by: 3.0 }) - 3.0).abs() < 0.1);
    let before = flight.last("LOCAL_POSITION_NED", "z");
    assert!((told(&mut flight, "z", PipeFault::Freeze) - before).abs() < 0.05);
    assert!(
        (told(&mut flight, "z", PipeFault::Drift { rate: 2.0, cap: 0.0 }) - 1.0).abs() < 0.15,
        "half a second of it"
    );
    assert!((told(&mut flight, "z", PipeFault::Stuck { at: -7.0 }) + 7.0).abs() < 1e-6);
    assert_eq!(told(&mut flight, "z", PipeFault::Quantise { step: 0.5 }).rem_euclid(0.5), 0.0);
    // What is told of a frozen value never changes, though the noise goes on beneath it.
    let frozen = sensor("x", PipeFault::Freeze);
    flight.begin(FC, &frozen);
    flight.wait(0.1);
    let from = flight.heard.len();
    flight.wait(1.0);
    let values: Vec<f64> = flight.heard[from..].iter().filter_map(|m| m.number("x")).collect();
    assert!(values.len() > 40 && values.iter().all(|x| *x == values[0]), "{values:?}");
}

/// Goal: a value that is none is told and not flown by. Method: NaN on the way down and on height in a hover, over the wire.
#[test]
fn what_is_no_number_is_told_and_not_flown_by() {
    let mut flight = Flight::holding(9);
    let nan = TwinFault::Sensor { field: "z".to_owned(), fault: PipeFault::NotANumber };
    flight.begin(FC, &nan);
    flight.wait(0.5);
    assert!(flight.last("LOCAL_POSITION_NED", "z").is_nan());
    assert!(flight.last("LOCAL_POSITION_NED", "x").abs() < 0.5);
    assert!(flight.tilt < 0.3, "it goes on flying by its last good height");
    flight.end(FC, &nan);
    flight.holds();
    // Without a value at all the last one stands.
    let off = TwinFault::Sensor { field: "z".to_owned(), fault: PipeFault::Off };
    flight.begin(FC, &off);
    flight.wait(0.1);
    let held = flight.last("LOCAL_POSITION_NED", "z");
    flight.wait(0.5);
    assert_eq!(flight.last("LOCAL_POSITION_NED", "z"), held);
    flight.end(FC, &off);
    flight.holds();
}

#[test]
fn a_wire_loses_delays_and_bends_what_the_machine_sends() {
    let mut flight = Flight::new(10);
    flight.wait(1.0);
    let nominal = flight.heard_in("ATTITUDE", 2.0) as f64;
    let wire = |fault| TwinFault::Wire { fault };
    let mut share = |fault: PipeFault| {
        let fault = wire(fault);
        flight.begin(FC, &fault);
        let heard = flight.heard_in("ATTITUDE", 2.0) as f64;
        flight.end(FC, &fault);
        flight.wait(1.0);
        assert!((flight.heard_in("ATTITUDE", 2.0) as f64 - nominal).abs() <= 1.0, "its end is the end of it");
        heard / nominal
    };
    let lossy = share(PipeFault::Drop { share: 0.5 });
    assert!((0.35..0.65).contains(&lossy), "{lossy}");
    assert_eq!(share(PipeFault::Off), 0.0);
    assert!((share(PipeFault::Duplicate { share: 1.0 }) - 2.0).abs() < 0.03);
    let bent = share(PipeFault::Corrupt { bit_error_rate: 2e-3 });
    assert!((0.2..0.8).contains(&bent), "{bent} of the frames pass their check sums");
    assert!((share(PipeFault::Delay { by: Span::from_millis(500) }) - 0.75).abs() < 0.05);
}

#[test]
fn a_controller_without_power_and_one_that_hangs_say_nothing_and_forget() {
    let mut flight = Flight::holding(11);
    for (fault, length) in [
        (TwinFault::PowerOff, 2.0),
        (TwinFault::WatchdogReset { hang: Span::from_secs(1) }, 0.9),
        (TwinFault::BrownOut { volts: 3.0, length: Span::from_secs(1) }, 0.9),
    ] {
        flight.begin(PILOT, &fault);
        assert_eq!(flight.said(length).len(), 0, "{fault:?}");
        flight.end(PILOT, &fault);
        let said = flight.said(2.0);
        assert!(said.len() > 20, "{fault:?}: {}", said.len());
    }
}

#[test]
fn a_frozen_controller_repeats_its_last_words_for_ever() {
    let mut flight = Flight::holding(12);
    flight.begin(PILOT, &TwinFault::Frozen);
    let said = flight.said(4.0);
    assert!(said.len() > 90 && said.iter().all(|(_, frame)| frame.bytes == said[0].1.bytes));
    // It does so when it is told nothing any more, too.
    flight.begin(PILOT, &TwinFault::Deaf);
    assert!(flight.said(4.0).len() > 90);
    flight.end(PILOT, &TwinFault::Deaf);
    flight.end(PILOT, &TwinFault::Frozen);
    let said = flight.said(1.0);
    assert!(said.windows(2).any(|pair| pair[0].1.bytes != pair[1].1.bytes));
}

#[test]
fn a_stale_output_changes_only_when_it_is_thought_anew() {
    let mut flight = Flight::holding(12);
    let stale = TwinFault::StaleOutput { every: Span::from_millis(500) };
    flight.begin(PILOT, &stale);
    let said = flight.said(4.0);
    let changes = said.windows(2).filter(|pair| pair[0].1.bytes != pair[1].1.bytes).count();
    assert!((6..=9).contains(&changes) && said.len() > 90, "{changes} changes of {}", said.len());
    flight.end(PILOT, &stale);
    flight.holds();
}

#[test]
fn a_controller_asks_beyond_its_range_swings_and_is_sure_of_what_is_wrong() {
    let mut flight = Flight::holding(13);
    let beyond = TwinFault::OutOfRange { by: 100.0 };
    flight.begin(PILOT, &beyond);
    let said = flight.said(0.2);
    assert!(said.iter().skip(1).all(|(_, frame)| ["x", "y", "z"].iter().all(|n| number(frame, n) > 90.0)));
    flight.end(PILOT, &beyond);
    flight.holds();

    let swing = TwinFault::Oscillate { hertz: 2.0, size: 1.0 };
    flight.begin(PILOT, &swing);
    let said = flight.said(5.0);
    let up = said.windows(2).filter(|p| number(&p[0].1, "x") < 0.0 && number(&p[1].1, "x") >= 0.0).count();
    assert!((8..=12).contains(&up), "{up} swings in 5 s");
    flight.end(PILOT, &swing);
    flight.holds();

    let wrong = TwinFault::ConfidentWrong { by: 3.0, bearing: 0.0 };
    flight.begin(PILOT, &wrong);
    flight.wait(6.0);
    assert!((flight.last("LOCAL_POSITION_NED", "x") - 3.0).abs() < 0.4, "it went where nobody sent it");
    flight.end(PILOT, &wrong);
    flight.holds();
}

#[test]
fn a_controller_speaks_ten_times_as_often_and_no_more_afterwards() {
    let mut flight = Flight::holding(14);
    let rate = TwinFault::Rate { times: 10.0 };
    flight.begin(PILOT, &rate);
    let said = flight.said(1.0).len();
    assert!((245..=255).contains(&said), "{said} a second");
    flight.end(PILOT, &rate);
    let said = flight.said(1.0).len();
    assert!((24..=27).contains(&said), "{said} a second");
}

/// Goal: what cannot be understood is refused by the harness's own codec, word for word counted. Method: the host of the pilot's
/// link hears what the twin says.
#[test]
fn none_and_the_unknown_are_refused_by_the_host_codec() {
    for (fault, why) in [
        (TwinFault::NotANumber, "expected value at line 1"),
        (TwinFault::UnknownCommands, "`self_destruct` is no argument"),
        (TwinFault::Garbage { rate: 1.0 }, ""),
    ] {
        let mut flight = Flight::holding(15);
        flight.pass = false;
        let mut host = codec::build(&rig().links[1].codec).expect("the configuration is right");
        flight.begin(PILOT, &fault);
        let said = flight.said(2.0);
        let mut turn = Turn::default();
        said.iter().for_each(|(at, frame)| host.feed(*at, frame, &mut turn));
        let malformed: Vec<&String> = turn
            .notes
            .iter()
            .filter_map(|n| if let Note::Malformed { why, .. } = n { Some(why) } else { None })
            .collect();
        let foreign = turn.notes.iter().filter(|n| **n == Note::Foreign).count();
        assert_eq!(malformed.len() + foreign, said.len(), "{fault:?}: each one is accounted for");
        assert!(said.len() > 40 && malformed.iter().all(|w| w.contains(why)), "{fault:?}: {malformed:?}");
        assert_eq!(foreign > 10, fault == TwinFault::UnknownCommands, "{foreign}");
        flight.end(PILOT, &fault);
        flight.wait(0.1);
        let mut turn = Turn::default();
        flight.said(1.0).iter().for_each(|(at, frame)| host.feed(*at, frame, &mut turn));
        assert!(turn.notes.iter().all(|n| !matches!(n, Note::Malformed { .. } | Note::Foreign)), "{:?}", turn.notes);
        assert!(turn.messages.len() > 20);
    }
}

#[test]
fn a_slow_controller_says_late_what_it_thought() {
    let mut flight = Flight::holding(16);
    let late = TwinFault::Wire { fault: PipeFault::Delay { by: Span::from_millis(500) } };
    flight.begin(PILOT, &late);
    assert_eq!(flight.said(0.49).len(), 0);
    let said = flight.said(2.0).len();
    assert!((48..=52).contains(&said), "{said} in 2 s");
    flight.end(PILOT, &late);
    flight.holds();
}
