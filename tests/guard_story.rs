//! Stories of the guard with time as an argument, and every short sequence of inputs held against what must always be so.

use checkrein::command::{Authority, Bound, Command, CommandId, RuleId};
use checkrein::guard::{
    Cause, Decision, GateConfig, Guard, GuardConfig, LadderConfig, LadderId, LadderSet, Order, RUNGS_MAX, Refusal,
    RungId, Rungs, SilenceConfig, Stage,
};
use checkrein::time::{Span, Time};
use checkrein::wire::DeviceId;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

const DRONE: LadderId = LadderId(0);
const SCANNER: LadderId = LadderId(1);
const PILOT: DeviceId = DeviceId(9);
const CEILING: Cause = Cause::Rule(RuleId(3));
const NO_LIMITS: GateConfig = GateConfig { max_age: None, min_interval: None };

/// A guard with a pen: it notes the orders in words, so that a story reads like one.
struct Story {
    guard: Guard,
    out: Rungs,
}

impl Story {
    fn of(config: &GuardConfig) -> Story {
        Story { guard: Guard::new(config), out: Rungs::new() }
    }

    fn armed(config: &GuardConfig) -> Story {
        let mut story = Story::of(config);
        story.guard.arm(Time::ZERO);
        story
    }

    fn stop(&mut self, millis: i64, cause: Cause, ladders: LadderSet) -> Vec<String> {
        self.guard.observe(at(millis), cause, ladders, &mut self.out);
        self.told()
    }

    fn safe(&mut self, millis: i64, ladder: LadderId, safe: bool) -> Vec<String> {
        self.guard.confirmed(ladder, at(millis), safe, &mut self.out);
        self.told()
    }

    fn tick(&mut self, millis: i64) -> Vec<String> {
        self.guard.tick(at(millis), &mut self.out);
        self.told()
    }

    fn ask(&mut self, millis: i64, from: Authority) -> Decision {
        let mut command = Command::new(CommandId(0), &[1.0]).expect("one argument");
        self.guard.gate(at(millis), from, Span::ZERO, &mut command, &[], &NO_LIMITS)
    }

    fn told(&mut self) -> Vec<String> {
        let told = self.out.as_slice().iter().map(words).collect();
        self.out.clear();
        told
    }
}

fn words(order: &Order) -> String {
    let name = |ladder: &LadderId| if *ladder == DRONE { "drone" } else { "scanner" };
    match order {
        Order::Tripped { cause } => format!("tripped by {cause:?}"),
        Order::Issue { ladder, rung } => format!("{} rung {}", name(ladder), rung.0),
        Order::Skipped { ladder, rung } => format!("{} passes over rung {}", name(ladder), rung.0),
        Order::Safe { ladder } => format!("{} safe", name(ladder)),
        Order::Alarm { ladder } => format!("{} alarm", name(ladder)),
    }
}

fn at(millis: i64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

fn nothing() -> Vec<String> {
    Vec::new()
}

fn only(ladder: LadderId) -> LadderSet {
    LadderSet::NONE.with(ladder)
}

fn ladder(device: u16, within_millis: &[i64], conditional: &[u8], after: LadderSet) -> LadderConfig {
    let mut within = [Span::ZERO; RUNGS_MAX];
    for (slot, millis) in within.iter_mut().zip(within_millis) {
        *slot = Span::from_millis(*millis);
    }
    let mut flags = [false; RUNGS_MAX];
    for rung in conditional {
        flags[*rung as usize] = true;
    }
    LadderConfig { device: DeviceId(device), rungs: within_millis.len() as u8, within, conditional: flags, after }
}

/// The ladder of the drone rig: land 20 s, kill 1 s when low, terminate 1 s.
fn drone() -> GuardConfig {
    let mut config = GuardConfig::empty();
    config.add_ladder(ladder(0, &[20_000, 1_000, 1_000], &[1], LadderSet::NONE)).expect("a good ladder");
    config.add_silence(SilenceConfig { device: PILOT, silent_for: Span::from_millis(500) }).expect("a good dead-man");
    config
}

/// The drone, and a scanner that may only be switched off once the drone is over.
fn drone_and_scanner() -> GuardConfig {
    let mut config = drone();
    config.add_ladder(ladder(1, &[100, 100], &[], only(DRONE))).expect("a good ladder");
    config
}

#[test]
fn nothing_passes_before_arming_and_nothing_after_the_trip() {
    let mut story = Story::of(&drone());
    assert_eq!(story.ask(0, Authority::Person), Decision::Reject(Refusal::Closed));
    story.guard.arm(at(1));
    assert_eq!(story.ask(2, Authority::Controller), Decision::Pass);
    assert_eq!(story.stop(3, CEILING, only(DRONE)), ["tripped by Rule(RuleId(3))", "drone rung 0"]);
    assert_eq!(story.ask(3, Authority::Person), Decision::Reject(Refusal::Closed));
    story.guard.arm(at(4));
    assert_eq!(story.ask(4, Authority::Person), Decision::Reject(Refusal::Closed), "arming again opens nothing");
    assert_eq!(story.guard.tripped(), Some(CEILING));
}

#[test]
fn the_drone_lands_and_is_shown_to_be_safe() {
    let mut story = Story::armed(&drone());
    story.stop(1_000, CEILING, only(DRONE));
    assert_eq!(story.guard.next_deadline(), Some(at(21_000)));
    assert!(!story.guard.settled());
    assert_eq!(story.safe(5_000, DRONE, false), nothing(), "not yet safe is nothing new");
    assert_eq!(story.safe(9_000, DRONE, true), ["drone safe"]);
    assert_eq!(story.safe(9_001, DRONE, true), nothing(), "said once");
    assert!(story.guard.settled());
    assert_eq!(story.guard.next_deadline(), None);
}

#[test]
fn a_trip_starts_the_ladder_even_if_the_device_looks_safe() {
    let mut story = Story::armed(&drone());
    assert_eq!(story.safe(1, DRONE, true), nothing(), "no rung was issued: proves nothing");
    assert_eq!(story.stop(2, CEILING, only(DRONE)), ["tripped by Rule(RuleId(3))", "drone rung 0"]);
    assert_eq!(story.safe(3, DRONE, true), ["drone safe"]);
}

#[test]
fn a_rung_whose_when_does_not_hold_is_passed_over_and_said_so() {
    let mut story = Story::armed(&drone());
    story.stop(0, CEILING, only(DRONE));
    assert_eq!(story.tick(19_999), nothing());
    assert_eq!(story.tick(20_000), ["drone passes over rung 1", "drone rung 2"]);
    assert_eq!(story.guard.next_deadline(), Some(at(21_000)));
}

#[test]
fn a_rung_whose_when_holds_is_taken() {
    let mut story = Story::armed(&drone());
    story.guard.condition(DRONE, RungId(1), true);
    story.stop(0, CEILING, only(DRONE));
    assert_eq!(story.tick(20_000), ["drone rung 1"]);
    story.guard.condition(DRONE, RungId(1), false);
    assert_eq!(story.tick(21_000), ["drone rung 2"]);
}

#[test]
fn the_last_rung_calls_a_person_once_and_never_gives_up() {
    let mut story = Story::armed(&drone());
    story.stop(0, CEILING, only(DRONE));
    story.tick(20_000);
    assert_eq!(story.tick(21_000), ["drone alarm", "drone rung 2"]);
    assert!(story.guard.settled(), "in alarm: nobody needs to wait for it");
    assert_eq!(story.tick(21_999), nothing());
    assert_eq!(story.tick(22_000), ["drone rung 2"], "again, without a second alarm");
    assert_eq!(story.safe(22_500, DRONE, true), ["drone safe"], "late is better than never");
    assert_eq!(story.guard.next_deadline(), None);
}

#[test]
fn safe_that_breaks_is_followed_by_the_next_rung_and_at_the_end_by_the_last_again() {
    let mut story = Story::armed(&drone());
    story.stop(0, CEILING, only(DRONE));
    story.safe(1_000, DRONE, true);
    assert_eq!(story.safe(2_000, DRONE, false), ["drone passes over rung 1", "drone rung 2"]);
    assert!(!story.guard.settled());
    assert_eq!(story.safe(2_100, DRONE, true), ["drone safe"]);
    assert_eq!(story.safe(2_200, DRONE, false), ["drone rung 2"]);
    assert_eq!(story.tick(3_200), ["drone alarm", "drone rung 2"]);
}

#[test]
fn a_late_tick_takes_one_rung_at_a_time() {
    let mut story = Story::armed(&drone());
    story.guard.condition(DRONE, RungId(1), true);
    story.stop(0, CEILING, only(DRONE));
    assert_eq!(story.tick(60_000), ["drone rung 1"], "each rung has its time from when it was really issued");
    assert_eq!(story.guard.next_deadline(), Some(at(61_000)));
}

#[test]
fn a_second_ctrl_c_goes_straight_to_the_last_rung_and_a_third_changes_nothing() {
    let mut story = Story::armed(&drone());
    story.guard.condition(DRONE, RungId(1), true);
    assert_eq!(story.stop(0, Cause::Operator, only(DRONE)), ["tripped by Operator", "drone rung 0"]);
    assert_eq!(story.stop(10, Cause::OperatorAgain, only(DRONE)), ["tripped by OperatorAgain", "drone rung 2"]);
    assert_eq!(story.guard.next_deadline(), Some(at(1_010)));
    assert_eq!(story.stop(20, Cause::OperatorAgain, only(DRONE)), nothing());
    assert_eq!(story.guard.next_deadline(), Some(at(1_010)));
    assert_eq!(story.tick(1_010), ["drone alarm", "drone rung 2"]);
    assert_eq!(story.stop(1_020, Cause::OperatorAgain, only(DRONE)), nothing());
}

#[test]
fn what_is_safe_is_not_terminated_by_a_second_ctrl_c_unless_it_breaks() {
    let mut story = Story::armed(&drone());
    story.guard.condition(DRONE, RungId(1), true);
    story.stop(0, Cause::Operator, only(DRONE));
    story.safe(5, DRONE, true);
    assert_eq!(story.stop(10, Cause::OperatorAgain, only(DRONE)), ["tripped by OperatorAgain"]);
    assert_eq!(story.safe(20, DRONE, false), ["drone rung 2"], "no gentle rung any more");
}

#[test]
fn a_higher_cause_is_latched_and_a_lower_one_is_not() {
    let mut story = Story::armed(&drone());
    assert_eq!(
        story.stop(0, Cause::Unknown(RuleId(1)), only(DRONE)),
        ["tripped by Unknown(RuleId(1))", "drone rung 0"]
    );
    assert_eq!(story.stop(1, CEILING, only(DRONE)), ["tripped by Rule(RuleId(3))"]);
    assert_eq!(story.stop(2, Cause::Rule(RuleId(7)), only(DRONE)), nothing(), "the first rule broken stays named");
    assert_eq!(story.stop(3, Cause::Stall, only(DRONE)), nothing());
    assert_eq!(story.guard.tripped(), Some(CEILING));
}

#[test]
fn the_end_of_a_run_is_no_trip_but_walks_the_same_way() {
    let mut story = Story::armed(&drone());
    assert_eq!(story.stop(0, Cause::Finish, only(DRONE)), ["drone rung 0"]);
    assert_eq!(story.guard.tripped(), None);
    assert!(!story.guard.open());
    assert_eq!(story.tick(600), nothing(), "a controller that falls silent now harms nobody");
    assert_eq!(story.stop(700, CEILING, only(DRONE)), ["tripped by Rule(RuleId(3))"], "still watched");
    assert_eq!(story.safe(800, DRONE, true), ["drone safe"]);
}

#[test]
fn the_end_of_a_run_leaves_alone_what_the_caller_knows_to_be_safe() {
    let mut story = Story::armed(&drone_and_scanner());
    assert_eq!(
        story.stop(0, Cause::Finish, only(SCANNER)),
        ["scanner rung 0"],
        "a ladder never started holds nobody up"
    );
    assert_eq!(story.guard.stage(DRONE), Stage::Idle);
}

#[test]
fn a_silent_controller_stops_every_device() {
    let mut story = Story::of(&drone_and_scanner());
    story.guard.heard(PILOT, at(-5_000));
    assert_eq!(story.guard.next_deadline(), None, "nothing counts before arming");
    story.guard.arm(at(100));
    assert_eq!(story.guard.next_deadline(), Some(at(600)));
    story.guard.heard(PILOT, at(400));
    story.guard.heard(DeviceId(77), at(550));
    story.guard.heard(PILOT, at(300));
    assert_eq!(story.tick(899), nothing());
    assert_eq!(story.tick(900), ["tripped by Silence(DeviceId(9))", "drone rung 0"]);
    assert_eq!(story.guard.stage(SCANNER), Stage::Waiting);
    assert_eq!(story.tick(5_000), nothing(), "silence is said once");
}

#[test]
fn a_ladder_waits_for_the_one_it_comes_after() {
    let mut story = Story::armed(&drone_and_scanner());
    let both = only(DRONE).with(SCANNER);
    assert_eq!(story.stop(0, CEILING, both), ["tripped by Rule(RuleId(3))", "drone rung 0"]);
    assert_eq!(story.safe(10, SCANNER, true), nothing(), "it was not started");
    assert_eq!(story.safe(50, DRONE, true), ["drone safe", "scanner rung 0"]);
    assert_eq!(story.tick(150), ["scanner rung 1"]);
    assert_eq!(story.safe(160, SCANNER, true), ["scanner safe"]);
    assert!(story.guard.settled());
}

#[test]
fn an_alarm_frees_the_ladder_that_waited() {
    let mut story = Story::armed(&drone_and_scanner());
    story.stop(0, CEILING, only(DRONE).with(SCANNER));
    story.tick(20_000);
    assert_eq!(story.tick(21_000), ["drone alarm", "drone rung 2", "scanner rung 0"]);
}

#[test]
fn a_second_ctrl_c_waits_for_nobody() {
    let mut story = Story::armed(&drone_and_scanner());
    story.stop(0, CEILING, only(DRONE).with(SCANNER));
    let told = story.stop(5, Cause::OperatorAgain, LadderSet::first(2));
    assert_eq!(told, ["tripped by OperatorAgain", "drone rung 2", "scanner rung 1"]);
}

#[test]
fn ladders_that_wait_for_each_other_run_side_by_side() {
    let mut config = GuardConfig::empty();
    config.add_ladder(ladder(0, &[100], &[], only(SCANNER))).expect("a good ladder");
    config.add_ladder(ladder(1, &[100], &[], only(DRONE))).expect("a good ladder");
    let mut story = Story::armed(&config);
    let told = story.stop(0, CEILING, LadderSet::first(2));
    assert_eq!(told, ["tripped by Rule(RuleId(3))", "drone rung 0", "scanner rung 0"]);
}

#[test]
fn a_person_who_holds_the_device_outranks_script_and_controller() {
    let mut story = Story::armed(&drone());
    story.guard.set_holder(Authority::Person);
    assert_eq!(story.ask(0, Authority::Controller), Decision::Reject(Refusal::Outranked));
    assert_eq!(story.ask(0, Authority::Script), Decision::Reject(Refusal::Outranked));
    assert_eq!(story.ask(0, Authority::Person), Decision::Pass);
    story.guard.set_holder(Authority::Controller);
    assert_eq!(story.ask(1, Authority::Controller), Decision::Pass);
}

#[test]
fn the_gate_asks_in_its_order() {
    let mut guard = Guard::new(&drone());
    let limits = GateConfig { max_age: Some(Span::from_millis(250)), min_interval: Some(Span::from_millis(20)) };
    let bounds =
        [Bound { arg: 0, lo: 0.0, hi: 8.0, rule: None }, Bound { arg: 0, lo: 0.0, hi: 6.0, rule: Some(RuleId(2)) }];
    let ask = |guard: &mut Guard, millis: i64, age: i64, value: f64| {
        let mut command = Command::new(CommandId(0), &[value]).expect("one argument");
        let decision =
            guard.gate(at(millis), Authority::Controller, Span::from_millis(age), &mut command, &bounds, &limits);
        (decision, command.args()[0])
    };
    // Everything is wrong with this one; each answer is the first reason still standing.
    assert_eq!(ask(&mut guard, 0, 900, f64::NAN).0, Decision::Reject(Refusal::Closed));
    guard.arm(at(0));
    assert_eq!(ask(&mut guard, 0, 0, 1.0).0, Decision::Pass);
    guard.set_holder(Authority::Script);
    assert_eq!(ask(&mut guard, 5, 900, f64::NAN).0, Decision::Reject(Refusal::Outranked));
    guard.set_holder(Authority::Controller);
    assert_eq!(ask(&mut guard, 5, 900, f64::NAN).0, Decision::Reject(Refusal::Stale));
    assert_eq!(ask(&mut guard, 5, 0, f64::NAN).0, Decision::Reject(Refusal::TooFast));
    assert_eq!(ask(&mut guard, 30, 0, f64::NAN).0, Decision::Reject(Refusal::NotANumber { arg: 0 }));
    assert_eq!(ask(&mut guard, 30, 0, 9.0).0, Decision::Reject(Refusal::OutOfRange { arg: 0 }));
    let clamped = Decision::Clamp { arg: 0, from: 7.0, to: 6.0, rule: Some(RuleId(2)) };
    assert_eq!(ask(&mut guard, 30, 0, 7.0), (clamped, 6.0));
}

/// What can happen to the guard in one step of the exhaustive search.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Happening {
    Arm,
    Observe(Cause, LadderSet),
    Confirmed(LadderId, bool),
    Condition(bool),
    Command,
    /// The controller speaks.
    Heard,
    /// Time goes on to the next deadline, or by a second where there is none.
    Deadline,
    /// The caller was late: the next deadline is long over when it looks.
    Late,
}

const BOTH: LadderSet = LadderSet(0b11);
const ALPHABET: [Happening; 17] = [
    Happening::Arm,
    Happening::Observe(Cause::Finish, BOTH),
    Happening::Observe(Cause::Unknown(RuleId(1)), LadderSet(0b10)),
    Happening::Observe(Cause::Released, BOTH),
    Happening::Observe(CEILING, BOTH),
    Happening::Observe(Cause::EmergencyStop, BOTH),
    Happening::Observe(Cause::Operator, BOTH),
    Happening::Observe(Cause::OperatorAgain, BOTH),
    Happening::Confirmed(DRONE, true),
    Happening::Confirmed(DRONE, false),
    Happening::Confirmed(SCANNER, true),
    Happening::Condition(true),
    Happening::Condition(false),
    Happening::Command,
    Happening::Heard,
    Happening::Deadline,
    Happening::Late,
];

/// A guard on its way through one sequence, with what must be remembered to hold it to its word.
#[derive(Clone)]
struct Trial {
    guard: Guard,
    now: Time,
    path: Vec<Happening>,
    lane_closed_for_good: bool,
    /// Per ladder: the last rung issued since it was last safe.
    climbing: [Option<u8>; 2],
    alarms: [u32; 2],
}

impl Trial {
    fn new(config: &GuardConfig) -> Trial {
        Trial {
            guard: Guard::new(config),
            now: Time::ZERO,
            path: Vec::new(),
            lane_closed_for_good: false,
            climbing: [None; 2],
            alarms: [0; 2],
        }
    }

    fn step(&mut self, happening: Happening, config: &GuardConfig) {
        self.path.push(happening);
        let before = self.guard.tripped();
        let stages_before = [self.guard.stage(DRONE), self.guard.stage(SCANNER)];
        let mut out = Rungs::new();
        match happening {
            Happening::Arm => self.guard.arm(self.now),
            Happening::Observe(cause, set) => {
                self.guard.observe(self.now, cause, set, &mut out);
                self.lane_closed_for_good = true;
            }
            Happening::Confirmed(ladder, safe) => self.guard.confirmed(ladder, self.now, safe, &mut out),
            Happening::Condition(holds) => self.guard.condition(DRONE, RungId(1), holds),
            Happening::Command => self.command(),
            Happening::Heard => self.guard.heard(PILOT, self.now),
            Happening::Deadline | Happening::Late => {
                let due = self.guard.next_deadline().unwrap_or(self.now + Span::from_secs(1));
                self.now = due.max(self.now);
                if happening == Happening::Late {
                    self.now += Span::from_secs(100);
                }
                self.guard.tick(self.now, &mut out);
                self.lane_closed_for_good |= self.guard.tripped().is_some();
                if let Some(next) = self.guard.next_deadline() {
                    assert!(next > self.now, "{:?}: after a tick the next deadline lies ahead", self.path);
                }
            }
        }
        self.hold_to_its_word(before, stages_before, out.as_slice(), config);
    }

    fn command(&mut self) {
        let mut command = Command::new(CommandId(0), &[1.0]).expect("one argument");
        let decision = self.guard.gate(self.now, Authority::Person, Span::ZERO, &mut command, &[], &NO_LIMITS);
        if self.lane_closed_for_good || !self.path.contains(&Happening::Arm) {
            assert_eq!(decision, Decision::Reject(Refusal::Closed), "{:?}", self.path);
        } else {
            assert_eq!(decision, Decision::Pass, "{:?}", self.path);
        }
    }

    fn hold_to_its_word(&mut self, before: Option<Cause>, stages: [Stage; 2], orders: &[Order], config: &GuardConfig) {
        let path = &self.path;
        let after = self.guard.tripped();
        if let Some(before) = before {
            let after = after.unwrap_or_else(|| panic!("{path:?}: un-tripped"));
            assert!(!before.outranks(after), "{path:?}: the cause went down");
        }
        let tripped = orders.iter().filter(|order| matches!(order, Order::Tripped { .. })).count();
        assert_eq!(tripped, usize::from(before != after), "{path:?}: a change of cause is said, and nothing else is");
        for order in orders {
            match *order {
                Order::Issue { ladder, rung } => {
                    let last = config.ladders[ladder.0 as usize].rungs - 1;
                    let climbing = &mut self.climbing[ladder.0 as usize];
                    match *climbing {
                        // Only the last rung is ever repeated; a safe device whose `safe` breaks never goes back either.
                        Some(previous) => {
                            assert!(rung.0 > previous || (rung.0 == last && previous == last), "{path:?}")
                        }
                        None => assert!(!stages[ladder.0 as usize].is_over(), "{path:?}"),
                    }
                    if after == Some(Cause::OperatorAgain) {
                        assert_eq!(rung.0, last, "{path:?}: after a second stop nothing gentle is tried");
                    }
                    *climbing = Some(rung.0);
                }
                Order::Skipped { ladder, rung } => {
                    assert_eq!((ladder, rung), (DRONE, RungId(1)), "{path:?}: the only rung with a `when`");
                }
                Order::Safe { ladder } => {
                    assert!(self.climbing[ladder.0 as usize].is_some(), "{path:?}: safe without a rung");
                    self.alarms[ladder.0 as usize] = 0;
                }
                Order::Alarm { ladder } => {
                    self.alarms[ladder.0 as usize] += 1;
                    assert_eq!(self.alarms[ladder.0 as usize], 1, "{path:?}: one alarm until it is safe again");
                }
                Order::Tripped { .. } => {}
            }
        }
        for (place, was) in stages.into_iter().enumerate() {
            let is = self.guard.stage(LadderId(place as u8));
            if was != Stage::Idle {
                assert_ne!(is, Stage::Idle, "{path:?}: a started ladder was cancelled");
            }
        }
    }

    /// From here on nobody confirms anything: every started ladder must be over within its rungs' time,
    /// counted from the end of the ladders it waits for, and keep issuing its last rung from then on.
    fn run_out(mut self, config: &GuardConfig) {
        if !self.lane_closed_for_good {
            return;
        }
        let budget: i64 = config.ladders[..config.ladder_count as usize]
            .iter()
            .map(|ladder| ladder.within[..ladder.rungs as usize].iter().map(|within| within.nanos()).sum::<i64>())
            .sum();
        let end = self.now + Span::from_nanos(budget);
        while !self.guard.settled() {
            let due = self.guard.next_deadline();
            let due = due.unwrap_or_else(|| panic!("{:?}: waits for nothing, for ever", self.path));
            assert!(due <= end, "{:?}: neither safe nor in alarm within the ladder's budget", self.path);
            self.step(Happening::Deadline, config);
        }
        for ladder in [DRONE, SCANNER] {
            if let Stage::Alarm { deadline } = self.guard.stage(ladder) {
                let mut out = Rungs::new();
                self.guard.tick(deadline, &mut out);
                let last = RungId(config.ladders[ladder.0 as usize].rungs - 1);
                assert!(out.as_slice().contains(&Order::Issue { ladder, rung: last }), "{:?}: gave up", self.path);
            }
        }
    }
}

/// Everything that decides what can follow, in 128 bits: two sequences that end in the same state have the same future.
fn state_of(trial: &Trial) -> u128 {
    let Trial { guard, now, path, lane_closed_for_good, climbing, alarms } = trial;
    let armed = path.contains(&Happening::Arm);
    let half = |salt: u8| {
        let mut digest = DefaultHasher::new();
        (salt, guard, now, armed, lane_closed_for_good, climbing, alarms).hash(&mut digest);
        u128::from(digest.finish())
    };
    half(0) << 64 | half(1)
}

/// Tries everything that can follow, one happening after the other, and counts the sequences. Where many sequences come
/// to one state, what follows from there is tried once and counted for all of them.
fn explore(trial: &Trial, config: &GuardConfig, depth: u32) -> u64 {
    let mut level = BTreeMap::from([(state_of(trial), (trial.clone(), 1))]);
    for _ in 0..depth {
        let mut next: BTreeMap<u128, (Trial, u64)> = BTreeMap::new();
        for (trial, ways) in level.values() {
            for happening in ALPHABET {
                let mut trial = trial.clone();
                trial.step(happening, config);
                next.entry(state_of(&trial)).or_insert((trial, 0)).1 += ways;
            }
        }
        level = next;
    }
    let tried = level.values().map(|(_, ways)| ways).sum();
    level.into_values().for_each(|(trial, _)| trial.run_out(config));
    tried
}

/// All sequences of up to this length: the shorter ones are the beginnings of the longer.
const LENGTH: u32 = 6;

#[test]
fn every_sequence_of_six_happenings_keeps_the_guards_word() {
    let config = drone_and_scanner();
    let tried = explore(&Trial::new(&config), &config, LENGTH);
    assert_eq!(tried, (ALPHABET.len() as u64).pow(LENGTH), "nothing was left out");
}

#[test]
fn after_a_trip_every_sequence_of_six_happenings_keeps_the_guards_word() {
    let config = drone_and_scanner();
    let mut tripped = Trial::new(&config);
    tripped.step(Happening::Arm, &config);
    tripped.step(Happening::Observe(CEILING, BOTH), &config);
    let tried = explore(&tripped, &config, LENGTH);
    assert_eq!(tried, (ALPHABET.len() as u64).pow(LENGTH), "nothing was left out");
}

#[test]
fn the_fullest_rig_fits_the_buffer() {
    let mut config = GuardConfig::empty();
    for device in 0..16 {
        config.add_ladder(ladder(device, &[100; 8], &[0, 1, 2, 3, 4, 5, 6], LadderSet::NONE)).expect("a good ladder");
    }
    let mut guard = Guard::new(&config);
    let mut out = Rungs::new();
    guard.arm(at(0));
    guard.observe(at(0), CEILING, config.all(), &mut out);
    assert_eq!(out.as_slice().len(), 1 + 16 * 8, "the trip, and per ladder seven rungs passed over and one issued");
    out.clear();
    guard.tick(at(100), &mut out);
    assert_eq!(out.as_slice().len(), 16 * 2, "per ladder an alarm and the last rung again");
}
