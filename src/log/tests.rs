use super::fixture::{self, ms};
use super::*;
use crate::command::{Authority, Command, CommandId, RuleId, Ticket};
use crate::diag::Files;
use crate::guard::{Cause, Decision, LadderId, LadderSet, Refusal, RungId};
use crate::run::event::{AckedBy, EventKind, FallbackWhy, Motion, Outcome, RunVerdict, StepOutcome, TripId};
use crate::run::{LeaseState, LinkState, OperatorOrder, RecorderState, SelfTest, SendId, TestedWire};
use crate::scenario::plan::StepId;
use crate::signal::{SignalId, Value};
use crate::stl::{Judgement, Margin, RuleVerdict};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, FrameFlags, LinkId};
use proptest::prelude::*;
use std::cell::RefCell;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::rc::Rc;

/// Bytes after each flush of a small recording, with the number of entries written by then.
fn small_recording() -> (Vec<u8>, Vec<Entry>, Vec<(usize, usize)>) {
    let plan = fixture::plan();
    let entries: Vec<Entry> = fixture::flight().into_iter().take(36).collect();
    let out = SharedFile::default();
    let mut recorder = Recorder::start(out.clone(), &fixture::head(&plan), &plan).unwrap();
    let mut flushed = vec![(out.len(), 0)];
    for (i, entry) in entries.iter().enumerate() {
        fixture::write(&mut recorder, entry).unwrap();
        if i % 5 == 4 {
            recorder.flush().unwrap();
            flushed.push((out.len(), i + 1));
        }
    }
    recorder.finish().unwrap();
    (out.bytes.borrow().clone(), entries, flushed)
}

/// A file in memory that somebody else can look into, and that may be full.
#[derive(Clone, Default)]
struct SharedFile {
    bytes: Rc<RefCell<Vec<u8>>>,
    room: Option<usize>,
}

impl SharedFile {
    fn len(&self) -> usize {
        self.bytes.borrow().len()
    }
}

impl Write for SharedFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut bytes = self.bytes.borrow_mut();
        let room = self.room.map_or(buffer.len(), |room| room.saturating_sub(bytes.len()).min(buffer.len()));
        if room == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"));
        }
        bytes.extend_from_slice(&buffer[..room]);
        Ok(room)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(0) => Ok(self.len() as u64),
            _ => Err(io::Error::other("a recording is written front to back")),
        }
    }
}

/// Place of each variant; a new variant does not compile until it is listed here and in [`every_event`].
fn event_place(kind: &EventKind) -> usize {
    match kind {
        EventKind::LinkUp { .. } => 0,
        EventKind::LinkLost { .. } => 1,
        EventKind::WireTrouble { .. } => 2,
        EventKind::Identified { .. } => 3,
        EventKind::WrongIdentity { .. } => 4,
        EventKind::Restarted { .. } => 5,
        EventKind::DeviceText { .. } => 6,
        EventKind::Armed => 7,
        EventKind::Blocked { .. } => 8,
        EventKind::StepStarted { .. } => 9,
        EventKind::StepEnded { .. } => 10,
        EventKind::Phase { .. } => 11,
        EventKind::PromptAsked { .. } => 12,
        EventKind::PromptAnswered { .. } => 13,
        EventKind::FaultStarted { .. } => 14,
        EventKind::FaultEnded { .. } => 15,
        EventKind::CommandGiven { .. } => 16,
        EventKind::CommandAcked { .. } => 17,
        EventKind::CommandRefused { .. } => 18,
        EventKind::CommandUnanswered { .. } => 19,
        EventKind::CommandGated { .. } => 20,
        EventKind::CommandMalformed { .. } => 21,
        EventKind::RuleTested { .. } => 22,
        EventKind::RuleViolated { .. } => 23,
        EventKind::RuleEpisode { .. } => 24,
        EventKind::RuleBlind { .. } => 25,
        EventKind::RuleMargin { .. } => 26,
        EventKind::Tripped { .. } => 27,
        EventKind::RungIssued { .. } => 28,
        EventKind::RungSkipped { .. } => 29,
        EventKind::RungSent { .. } => 30,
        EventKind::DeviceSafe { .. } => 31,
        EventKind::DeviceUnsafe { .. } => 32,
        EventKind::Alarm { .. } => 33,
        EventKind::Operator { .. } => 34,
        EventKind::RecorderTrouble { .. } => 35,
        EventKind::Settling { .. } => 36,
        EventKind::Remark { .. } => 37,
        EventKind::RuleJudged { .. } => 38,
        EventKind::Finished { .. } => 39,
        EventKind::RuleLate { .. } => 40,
        EventKind::RuleMerged { .. } => 41,
        EventKind::AuthorityChanged { .. } => 42,
        EventKind::FallbackEngaged { .. } => 43,
        EventKind::FallbackOver { .. } => 44,
        EventKind::RungRehearsed { .. } => 45,
        EventKind::DeadManRehearsed { .. } => 46,
        EventKind::Leased { .. } => 47,
        EventKind::TripOpened { .. } => 48,
        EventKind::RungWritten { .. } => 49,
        EventKind::RungAcked { .. } => 50,
        EventKind::TripJudged { .. } => 51,
        EventKind::EmergencyStop { .. } => 52,
        EventKind::Motion { .. } => 53,
        EventKind::Released { .. } => 54,
        EventKind::Reset { .. } => 55,
        EventKind::SelfTested { .. } => 56,
        EventKind::FaultSeen { .. } => 57,
        EventKind::CommandAsked { .. } => 58,
        EventKind::Firmware { .. } => 59,
        EventKind::DeviceClock { .. } => 60,
        EventKind::RoundTrip { .. } => 61,
    }
}
const EVENT_KINDS: usize = 62;

/// What the chain of evidence of a trip is told by.
fn chain_events(ladder: LadderId, rung: RungId) -> Vec<EventKind> {
    let trip = TripId(u16::MAX);
    let opened = |violated_at| EventKind::TripOpened {
        trip,
        cause: Cause::Rule(RuleId(2)),
        violated_at,
        known_at: ms(-3),
        taken_at: Time::MAX,
        begins: LadderSet(u16::MAX),
        waits: LadderSet(1),
        under_way: LadderSet::NONE,
    };
    let acked = |by| EventKind::RungAcked { ladder, rung, by, after: Span::from_nanos(-1) };
    let written = |trip| EventKind::RungWritten { ladder, rung, trip, begun: Time::ZERO, done: ms(7) };
    let self_tested = |wire, allowed, enough| EventKind::SelfTested {
        wire,
        samples: u32::MAX,
        p50: Span::from_nanos(-1),
        p99: Span::ZERO,
        max: Span::MAX,
        allowed,
        enough,
    };
    let judged = |span, late| EventKind::TripJudged {
        trip,
        reaction: span,
        react_within: Some(Span::ZERO),
        safe_after: span,
        safe_within: None,
        late,
    };
    vec![
        opened(None),
        opened(Some(Time::ZERO)),
        written(None),
        written(Some(TripId(0))),
        acked(AckedBy::Protocol { refused: None }),
        acked(AckedBy::Protocol { refused: Some(String::new()) }),
        acked(AckedBy::Sample(SignalId(0))),
        self_tested(TestedWire::Loop, None, false),
        self_tested(TestedWire::Broker(LinkId(0)), Some(Span::ZERO), true),
        judged(None, true),
        judged(Some(Span::from_micros(380)), false),
    ]
}

fn every_event() -> Vec<EventKind> {
    let (link, device, step, rule) = (LinkId(3), DeviceId(65_535), StepId(70_000), RuleId(2));
    let (ladder, rung, ticket) = (LadderId(15), RungId(7), Ticket(u64::MAX));
    let text = || "Höhe φ₁\n".to_string();
    let command = Command::new(CommandId(4), &[1.5, -0.0, f64::INFINITY, 1e-300]).unwrap();
    let margin = Margin { lo: f64::NEG_INFINITY, hi: 0.1 + 0.2 };
    let mut all = vec![
        EventKind::LinkUp { link },
        EventKind::LinkLost { link, why: text() },
        EventKind::WireTrouble { link, noise_bytes: 1, corrupt_frames: u64::MAX, foreign_frames: 3, lost_messages: 4 },
        EventKind::Identified { device },
        EventKind::WrongIdentity { device, fact: text(), found: "a".into(), wanted: "b".into() },
        EventKind::Restarted { device },
        EventKind::DeviceText { device, severity: 255, text: text() },
        EventKind::Firmware { device, version: text() },
        EventKind::DeviceClock { device, told: Span::from_nanos(i64::MAX), unix: true },
        EventKind::RoundTrip { device, took: Span::from_nanos(-1) },
        EventKind::Armed,
        EventKind::Blocked { why: text() },
        EventKind::StepStarted { step },
        EventKind::Phase { phase: None },
        EventKind::Phase { phase: Some(0) },
        EventKind::PromptAsked { step, text: text() },
        EventKind::PromptAnswered { step, yes: true },
        EventKind::FaultStarted { fault: text(), on: "fc".into() },
        EventKind::FaultEnded { fault: text(), on: "fc".into() },
        EventKind::FaultSeen { fault: text(), on: "fc".into(), items: u64::MAX, altered: 3, visible: true },
        EventKind::CommandAsked { device, command, stale: true },
        EventKind::CommandGiven { command, ticket },
        EventKind::CommandAcked { ticket, after: Span::from_nanos(-5) },
        EventKind::CommandRefused { ticket, reason: text() },
        EventKind::CommandUnanswered { ticket },
        EventKind::CommandMalformed { device, why: text() },
        EventKind::RuleTested { rule },
        EventKind::RuleViolated { rule, instant: Time::MIN },
        EventKind::RuleEpisode { rule, broken: true, instant: ms(-3) },
        EventKind::RuleBlind { rule, signal: SignalId(u32::MAX), unknown: true },
        EventKind::RuleLate { rule, signal: SignalId(7), count: u64::MAX, behind: Span::from_nanos(-1) },
        EventKind::RuleMerged { rule },
        EventKind::RuleMargin { rule, instant: Time::MAX, margin },
        EventKind::RungIssued { ladder, rung },
        EventKind::RungSkipped { ladder, rung },
        EventKind::RungSent { ladder, rung, reaction: None },
        EventKind::RungSent { ladder, rung, reaction: Some(Span::ZERO) },
        EventKind::DeviceSafe { ladder },
        EventKind::DeviceUnsafe { ladder },
        EventKind::Alarm { ladder },
        EventKind::Operator { again: true },
        EventKind::RecorderTrouble { why: text() },
        EventKind::Settling { at_most: Span::MAX },
        EventKind::Remark { text: text() },
        EventKind::RungRehearsed { ladder, rung, first_byte: Some(Span::ZERO), safe: Some(Span::MAX) },
        EventKind::RungRehearsed { ladder, rung, first_byte: None, safe: None },
        EventKind::DeadManRehearsed { device, safe: Some(Span::from_millis(3)) },
        EventKind::DeadManRehearsed { device, safe: None },
        EventKind::Leased { by: text(), lasts: Span::MAX },
        EventKind::EmergencyStop { unknown: true },
        EventKind::Motion { what: Motion::Ended { after: Span::from_nanos(-1) } },
        EventKind::Motion { what: Motion::NotEnded { within: Span::MAX, unknown: true } },
        EventKind::Motion { what: Motion::NotEnded { within: Span::ZERO, unknown: false } },
        EventKind::Motion { what: Motion::BeganAgain },
        EventKind::Released { unknown: false },
        EventKind::Reset { by: text(), after: String::new() },
    ];
    all.extend(chain_events(ladder, rung));
    for outcome in [
        StepOutcome::Done,
        StepOutcome::Failed(text()),
        StepOutcome::Inconclusive(text()),
        StepOutcome::Aborted(text()),
        StepOutcome::Skipped(String::new()),
    ] {
        all.push(EventKind::StepEnded { step, outcome });
    }
    for decision in [
        Decision::Pass,
        Decision::Clamp { arg: 15, from: f64::INFINITY, to: 8.0, rule: Some(rule) },
        Decision::Clamp { arg: 0, from: -1.0, to: 0.0, rule: None },
        Decision::Reject(Refusal::Closed),
        Decision::Reject(Refusal::Outranked),
        Decision::Reject(Refusal::Stale),
        Decision::Reject(Refusal::TooFast),
        Decision::Reject(Refusal::NotANumber { arg: 1 }),
        Decision::Reject(Refusal::OutOfRange { arg: 0 }),
        Decision::Reject(Refusal::NoRoom { arg: 3, rule }),
    ] {
        for (state, enforced) in [(Some(-0.0), true), (None, false)] {
            let age = Span::from_millis(3);
            all.push(EventKind::CommandGated { device, command, decision, age, state, enforced });
        }
    }
    for holder in [Authority::Controller, Authority::Fallback, Authority::Script, Authority::Person] {
        all.push(EventKind::AuthorityChanged { holder });
    }
    for why in [FallbackWhy::Condition, FallbackWhy::Limit, FallbackWhy::Silence] {
        all.push(EventKind::FallbackEngaged { controller: device, why });
    }
    for handed_back in [true, false] {
        all.push(EventKind::FallbackOver { controller: device, handed_back });
    }
    for cause in [
        Cause::Finish,
        Cause::Unknown(rule),
        Cause::Silence(device),
        Cause::Restart(device),
        Cause::WrongIdentity(device),
        Cause::LinkLost(link),
        Cause::Recorder,
        Cause::Stall,
        Cause::Watchdog(link),
        Cause::FallbackLost(device),
        Cause::LeaseExpired,
        Cause::Released,
        Cause::Rule(rule),
        Cause::EmergencyStop,
        Cause::Operator,
        Cause::OperatorAgain,
    ] {
        all.push(EventKind::Tripped { cause });
    }
    for verdict in [RuleVerdict::Pass, RuleVerdict::Fail, RuleVerdict::Untested, RuleVerdict::Inconclusive] {
        let judgement = Judgement { rule, verdict, margin, worst_at: None, violated_at: Some(ms(7)) };
        all.push(EventKind::RuleJudged { judgement });
    }
    for verdict in
        [RunVerdict::Pass, RunVerdict::Fail, RunVerdict::Inconclusive, RunVerdict::Blocked, RunVerdict::Aborted]
    {
        all.push(EventKind::Finished { outcome: Outcome { verdict, reasons: vec![text(), String::new()] } });
    }
    all
}

/// Place of each variant, as for events.
fn input_place(input: &Input) -> usize {
    match input {
        Input::Bytes { .. } => 0,
        Input::Samples { .. } => 1,
        Input::Link { .. } => 2,
        Input::Sent { .. } => 3,
        Input::Tick { .. } => 4,
        Input::Operator { .. } => 5,
        Input::Watchdog { .. } => 6,
        Input::Recorder { .. } => 7,
        Input::Lease { .. } => 8,
        Input::SelfTest { .. } => 9,
        Input::Lapsed { .. } => 10,
        Input::Choked { .. } => 11,
    }
}
const INPUT_KINDS: usize = 12;

fn every_input() -> Vec<Input> {
    let (at, link) = (ms(17), LinkId(1));
    let mut all = vec![
        Input::bytes(at, Frame::serial(link, vec![0, 255, 10])),
        Input::Lapsed { at, id: SendId(u64::MAX) },
        Input::Choked { at },
        Input::Bytes {
            at,
            waited: Span::from_millis(7),
            frame: Frame {
                link,
                topic: Some("".into()),
                flags: FrameFlags { retained: true, duplicate: true, qos: 2 },
                bytes: Vec::new(),
                not_after: None,
                order: None,
            },
        },
        Input::Samples {
            at,
            batch: vec![
                (SignalId(0), Value::Number(-0.0)),
                (SignalId(1), Value::State(65_535)),
                (SignalId(2), Value::Flag(false)),
                (SignalId(3), Value::Pulse),
                (SignalId(4), Value::Unknown),
            ],
        },
        Input::Samples { at, batch: Vec::new() },
        Input::Sent { at, id: SendId(1 << 40), begun: ms(-1), done: Time::MAX, queued_ahead: u32::MAX },
        Input::Tick { at: Time::MIN },
        Input::SelfTest { at, state: SelfTest::Begins { wires: u16::MAX } },
        Input::SelfTest {
            at,
            state: SelfTest::Floor {
                wire: TestedWire::Broker(LinkId(0)),
                samples: 200,
                p50: Span::ZERO,
                p99: Span::from_nanos(-1),
                max: Span::MAX,
            },
        },
        Input::SelfTest { at, state: SelfTest::Failed { wire: TestedWire::Loop, why: "Höhe".into() } },
        Input::Watchdog { at, link, fired: false },
    ];
    for state in [LinkState::Up, LinkState::Lost("gone".into()), LinkState::Refused(String::new())] {
        all.push(Input::Link { at, link, state });
    }
    for order in [
        OperatorOrder::Stop,
        OperatorOrder::Answer { yes: true },
        OperatorOrder::Answer { yes: false },
        OperatorOrder::TakeOver,
        OperatorOrder::HandBack,
        OperatorOrder::Reset { by: "Ada".into(), after: "Höhe φ₁".into() },
    ] {
        all.push(Input::Operator { at, order });
    }
    for state in [RecorderState::Full, RecorderState::Dead("disk full".into()), RecorderState::Dropped(0)] {
        all.push(Input::Recorder { at, state });
    }
    for state in [LeaseState::Taken { by: "A. Person".into(), lasts: Span::MAX }, LeaseState::Expired] {
        all.push(Input::Lease { at, state });
    }
    all
}

#[test]
fn every_input_and_event_comes_back_as_it_was() {
    let mut entries: Vec<Entry> = every_input().into_iter().map(Entry::Input).collect();
    entries.extend(
        every_event().into_iter().enumerate().map(|(i, kind)| Entry::Event(Event { at: ms(i as i64 - 3), kind })),
    );
    entries.push(Entry::Sent { at: ms(99), frame: Frame::publish(LinkId(1), "pilot/state", *b"{}") });
    let mut event_seen = [false; EVENT_KINDS];
    let mut input_seen = [false; INPUT_KINDS];
    for entry in &entries {
        match entry {
            Entry::Event(event) => event_seen[event_place(&event.kind)] = true,
            Entry::Input(input) => input_seen[input_place(input)] = true,
            _ => {}
        }
    }
    assert!(event_seen.iter().all(|seen| *seen), "a kind of event has no sample: {event_seen:?}");
    assert!(input_seen.iter().all(|seen| *seen), "a kind of input has no sample: {input_seen:?}");
    let plan = fixture::plan();
    let recording = open(&fixture::record(&plan, &entries)).unwrap();
    assert_eq!(recording.head, fixture::head(&plan));
    assert_eq!(recording.loss, None);
    assert_eq!(recording.entries.len(), entries.len());
    for (was, is) in entries.iter().zip(&recording.entries) {
        assert_eq!(was, is);
    }
}

#[test]
fn minus_zero_and_nan_keep_their_bits() {
    let plan = fixture::plan();
    let nan = f64::from_bits(0x7ff8_0000_0000_1234);
    let batch = vec![(SignalId(0), Value::Number(nan)), (SignalId(0), Value::Number(-0.0))];
    let recording = open(&fixture::record(&plan, &[Entry::Input(Input::Samples { at: ms(1), batch })])).unwrap();
    let Entry::Input(Input::Samples { batch, .. }) = &recording.entries[0] else { panic!("{recording:?}") };
    let bits: Vec<u64> = batch
        .iter()
        .map(|(_, value)| match value {
            Value::Number(number) => number.to_bits(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bits, [nan.to_bits(), (-0.0f64).to_bits()]);
}

proptest! {
    #[test]
    fn any_bytes_and_samples_come_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        at in -1_000_000_000_000i64..1_000_000_000_000,
        altitude in any::<f64>().prop_filter("NaN is not equal to itself", |n| !n.is_nan()),
        state in 0u16..5,
        flag in any::<bool>(),
    ) {
        let at = Time::from_nanos(at);
        let sample = |signal, value| crate::signal::Sample { at, signal, value };
        let known = if state < 3 { Value::State(state) } else { Value::Unknown };
        let entries = [
            Entry::Input(Input::bytes(at, Frame::serial(LinkId(0), bytes))),
            Entry::Samples(vec![
                sample(fixture::ALTITUDE, Value::Number(altitude)),
                sample(fixture::MODE, known),
                sample(fixture::ARMED, Value::Flag(flag)),
                sample(fixture::ROLL, Value::Unknown),
            ]),
            Entry::Samples(vec![sample(fixture::PILOT_COMMAND, Value::Pulse)]),
        ];
        let recording = open(&fixture::record(&fixture::plan(), &entries)).unwrap();
        prop_assert_eq!(&recording.entries[..], &entries[..]);
    }

    #[test]
    fn a_signal_in_another_unit_comes_back_to_the_last_place(roll in -4.0f64..4.0) {
        let sample = crate::signal::Sample { at: ms(1), signal: fixture::ROLL, value: Value::Number(roll) };
        let recording = open(&fixture::record(&fixture::plan(), &[Entry::Samples(vec![sample])])).unwrap();
        let Entry::Samples(samples) = &recording.entries[0] else { panic!("{recording:?}") };
        let Value::Number(back) = samples[0].value else { panic!("{samples:?}") };
        prop_assert!((back - roll).abs() <= roll.abs() * f64::EPSILON, "{} became {}", roll, back);
    }

    #[test]
    fn random_bytes_are_no_recording(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(open(&bytes).is_err());
        let mut dressed = mcap::MAGIC.to_vec();
        dressed.extend(&bytes);
        prop_assert!(open(&dressed).is_err());
    }
}

#[test]
fn one_batch_is_split_by_device_instant_and_repetition() {
    let sample = |at, signal, number| crate::signal::Sample { at: ms(at), signal, value: Value::Number(number) };
    let pulse = crate::signal::Sample { at: ms(1), signal: fixture::PILOT_COMMAND, value: Value::Pulse };
    let (a, b) = (sample(1, fixture::ALTITUDE, 1.0), sample(1, fixture::BATTERY, 0.5));
    let (again, later) = (sample(1, fixture::ALTITUDE, 2.0), sample(2, fixture::ALTITUDE, 3.0));
    let recording =
        open(&fixture::record(&fixture::plan(), &[Entry::Samples(vec![a, b, again, pulse, later])])).unwrap();
    let expected = [vec![a, b], vec![again], vec![pulse], vec![later]].map(Entry::Samples);
    assert_eq!(recording.entries, expected);
}

#[test]
fn cut_at_every_byte_it_opens_with_everything_flushed_before() {
    let (bytes, entries, flushed) = small_recording();
    assert!(flushed.len() > 5 && flushed[0].0 > 0);
    // The index at the end repeats the descriptors in clear: some of its many bytes will do.
    let records_end = flushed.last().unwrap().0 + 600;
    for length in (0..bytes.len()).filter(|l| *l < records_end || l % 29 == 0 || l + 60 > bytes.len()) {
        let opened = open(&bytes[..length]);
        if length < flushed[0].0 {
            // The head itself may be whole a little before the files beside it are.
            if let Ok(recording) = &opened {
                assert!(recording.entries.is_empty() && recording.loss.is_some());
            }
            continue;
        }
        let recording = opened.unwrap_or_else(|e| panic!("cut at {length}: {e}"));
        let at_least = flushed.iter().rev().find(|(end, _)| *end <= length).unwrap().1;
        assert!(recording.entries.len() >= at_least, "cut at {length}: {} < {at_least}", recording.entries.len());
        assert_eq!(recording.entries[..], entries[..recording.entries.len()], "cut at {length}");
        let loss = recording.loss.unwrap_or_else(|| panic!("cut at {length} lost nothing"));
        assert!(loss.bytes <= length as u64);
        assert!(recording.entries.last().is_none_or(|e| e.at().unwrap() <= loss.whole_until));
    }
    assert_eq!(open(&bytes).unwrap().loss, None);
}

#[test]
fn any_flipped_bit_is_told_and_nothing_wrong_comes_out() {
    let (bytes, entries, flushed) = small_recording();
    // Around the seams and at the end each byte, elsewhere some: a debug build needs a millisecond for each.
    let near_seam = |byte: usize| flushed.iter().any(|(end, _)| byte.abs_diff(*end) < 60) || byte + 300 > bytes.len();
    for byte in (0..bytes.len()).filter(|byte| byte % 29 == 0 || near_seam(*byte)) {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1 << (byte % 8);
        match open(&damaged) {
            Err(NotARecording(why)) => assert!(!why.is_empty()),
            Ok(recording) => {
                assert!(recording.loss.is_some(), "the flipped bit in byte {byte} went unseen");
                assert_eq!(recording.entries[..], entries[..recording.entries.len()], "byte {byte}");
            }
        }
    }
}

#[test]
fn lengths_that_lie_are_damage_and_cost_no_memory() {
    let (bytes, _, flushed) = small_recording();
    for record in [flushed[1].0, flushed[2].0] {
        let mut damaged = bytes.clone();
        damaged[record + 1..record + 9].copy_from_slice(&u64::MAX.to_le_bytes());
        let recording = open(&damaged).unwrap();
        assert_eq!(recording.loss.unwrap().bytes, (bytes.len() - record) as u64);
    }
}

#[test]
fn a_record_that_reaches_out_of_its_block_is_damage() {
    // An uncompressed block of somebody else, well summed, whose only record is longer than the block.
    let mut file = mcap::MAGIC.to_vec();
    let header: Vec<u8> = [&4u32.to_le_bytes()[..], b"none", &0u32.to_le_bytes()[..]].concat();
    file.push(0x01);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(&header);
    let mut record = vec![0x05];
    record.extend(100u64.to_le_bytes());
    record.extend([0; 20]);
    let mut chunk = Vec::new();
    chunk.extend([0; 16]);
    chunk.extend((record.len() as u64).to_le_bytes());
    chunk.extend(1u32.to_le_bytes());
    chunk.extend(0u32.to_le_bytes());
    chunk.extend((record.len() as u64).to_le_bytes());
    chunk.extend(&record);
    file.push(0x06);
    file.extend((chunk.len() as u64).to_le_bytes());
    file.extend(&chunk);
    let why = open(&file).unwrap_err().0;
    assert!(why.contains("a record reaches out of its block"), "{why}");
}

#[test]
fn what_is_no_recording_is_said_in_words() {
    assert_eq!(open(&[]).unwrap_err().to_string(), "the file is empty");
    let words = open(b"scenario: Hover\n").unwrap_err().to_string();
    assert_eq!(words, "this is no recording: it does not begin like an MCAP file");
    let mut other = mcap::Writer::new(Cursor::new(Vec::new())).unwrap();
    let channel = other.add_channel(0, "/chat", "json", &Default::default()).unwrap();
    let header = mcap::records::MessageHeader { channel_id: channel, sequence: 0, log_time: 0, publish_time: 0 };
    other.write_to_known_channel(&header, b"{}").unwrap();
    other.finish().unwrap();
    let words = open(&other.into_inner().into_inner()).unwrap_err().to_string();
    assert_eq!(words, "this is an MCAP file, but no recording of Checkrein: its first record is no head");
}

#[test]
fn a_newer_format_is_refused() {
    let plan = fixture::plan();
    let mut head = fixture::head(&plan);
    head.format = FORMAT + 1;
    let recorder = Recorder::start(Cursor::new(Vec::new()), &head, &plan).unwrap();
    let words = open(&recorder.finish().unwrap().into_inner()).unwrap_err().to_string();
    assert!(words.starts_with("this recording has format 2, made by Checkrein 0.1.0;"), "{words}");
}

#[test]
fn a_recorded_file_that_was_altered_is_refused() {
    let mut plan = fixture::plan();
    plan.files[1].bytes.push(b' ');
    let recorder = Recorder::start(Cursor::new(Vec::new()), &fixture::head(&plan), &plan).unwrap();
    let words = open(&recorder.finish().unwrap().into_inner()).unwrap_err().to_string();
    assert!(words.contains("`rigs/drone-bench/envelope.yaml` does not match its own SHA-256"), "{words}");
}

#[test]
fn a_full_disk_is_an_error_and_what_was_flushed_opens() {
    let plan = fixture::plan();
    let entries = fixture::flight();
    // Kept in the unit of the rig, a number may come back with another last bit.
    let kept = fixture::recorded_flight().1.entries;
    let (whole, ..) = small_recording();
    for room in (0..whole.len()).step_by(97) {
        let file = SharedFile { room: Some(room), ..SharedFile::default() };
        let mut flushed = 0;
        let mut failed = false;
        match Recorder::start(file.clone(), &fixture::head(&plan), &plan) {
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::StorageFull);
                failed = true;
            }
            Ok(mut recorder) => {
                for (i, entry) in entries.iter().enumerate() {
                    let written = fixture::write(&mut recorder, entry);
                    let written = if i % 7 == 6 { written.and_then(|()| recorder.flush()) } else { written };
                    match written {
                        Ok(()) if i % 7 == 6 => flushed = i + 1,
                        Ok(()) => {}
                        Err(_) => {
                            failed = true;
                            // Whoever goes on anyway gets an error each time, never a panic.
                            assert!(fixture::write(&mut recorder, entry).is_err());
                            assert!(recorder.flush().is_err());
                            break;
                        }
                    }
                }
                drop(recorder);
            }
        }
        assert!(failed, "the flight is longer than {room} bytes");
        let bytes = file.bytes.borrow();
        if flushed > 0 {
            let recording = open(&bytes).unwrap();
            assert_eq!(recording.entries[..flushed], kept[..flushed]);
            assert!(recording.loss.is_some());
        }
    }
}

#[test]
fn the_recorded_files_are_lent_by_path() {
    let (plan, recording) = fixture::recorded_flight();
    let files = RecordedFiles::new(&recording.head);
    assert_eq!(files.read(&plan.files[0].path).unwrap(), plan.files[0].bytes);
    assert_eq!(files.read("x.yaml").unwrap_err(), "the recording holds no file `x.yaml`");
}

#[test]
fn the_first_difference_is_named() {
    let event = |at, kind| Event { at: ms(at), kind };
    let nan = Margin { lo: f64::NAN, hi: f64::NAN };
    let margin = |margin| event(1, EventKind::RuleMargin { rule: RuleId(0), instant: ms(1), margin });
    let was = vec![margin(nan), event(2, EventKind::Armed)];
    assert_eq!(compare_events(&was, &was), Ok(()));
    let late = vec![margin(nan), event(3, EventKind::Armed)];
    let words = compare_events(&was, &late).unwrap_err().to_string();
    assert_eq!(words, "event 2: recorded at 2000000 ns, replayed at 3000000 ns: Armed");
    let words = compare_events(&was, &was[..1]).unwrap_err().to_string();
    assert_eq!(words, "event 2: recorded Armed at 0.002 s, the replay ended before it");
    let words = compare_events(&was[..1], &was).unwrap_err().to_string();
    assert_eq!(words, "event 2: replayed Armed at 0.002 s, the recording ended before it");
    let zero = margin(Margin { lo: 0.0, hi: 0.0 });
    let minus = margin(Margin { lo: -0.0, hi: 0.0 });
    assert!(compare_events(&[zero], &[minus]).is_err());
}

#[test]
fn a_stranger_reads_the_signals_with_the_descriptors_alone() {
    let plan = fixture::plan();
    let bytes = fixture::record(&plan, &fixture::flight());
    let mut seen = 0;
    for message in mcap::MessageStream::new(&bytes).unwrap() {
        let message = message.unwrap();
        let schema = message.channel.schema.clone().unwrap();
        assert_eq!((schema.encoding.as_str(), message.channel.message_encoding.as_str()), ("protobuf", "protobuf"));
        let pool = prost_reflect::DescriptorPool::decode(&*schema.data).unwrap();
        let descriptor = pool.get_message_by_name(&schema.name).unwrap();
        let decoded = prost_reflect::DynamicMessage::decode(descriptor, &*message.data).unwrap();
        assert!(decoded.unknown_fields().next().is_none());
        if message.channel.topic != "signals/fc" || message.log_time != (fixture::WALL_CLOCK + 100_000_000) as u64 {
            continue;
        }
        seen += 1;
        assert_eq!(schema.name, "checkrein.signals.Fc");
        assert_eq!(message.channel.metadata["roll_deg.unit"], "deg");
        assert_eq!(message.channel.metadata["roll_deg.range"], "-180 .. 180");
        assert_eq!(message.channel.metadata["mode.states"], "STABILIZE, GUIDED, LAND");
        let number = |name: &str| decoded.get_field_by_name(name).unwrap().as_f64().unwrap();
        let Entry::Samples(samples) = fixture::flight().into_iter().find(|e| matches!(e, Entry::Samples(_))).unwrap()
        else {
            unreachable!()
        };
        let Value::Number(roll) = samples[1].value else { panic!("{samples:?}") };
        assert!((number("roll_deg") - roll.to_degrees()).abs() < 1e-12);
        assert!((number("battery_percent") - 91.96).abs() < 1e-9);
        assert_eq!(decoded.get_field_by_name("mode").unwrap().as_str(), Some("STABILIZE"));
        assert_eq!(decoded.get_field_by_name("armed").unwrap().as_bool(), Some(false));
        let stamp = decoded.get_field_by_name("timestamp").unwrap().as_message().unwrap().clone();
        assert_eq!(stamp.get_field_by_name("seconds").unwrap().as_i64(), Some(fixture::WALL_CLOCK / 1_000_000_000));
        assert_eq!(stamp.get_field_by_name("nanos").unwrap().as_i32(), Some(100_000_000));
    }
    assert_eq!(seen, 1);
}
