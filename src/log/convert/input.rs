//! Inputs of a run, and the frames it sent.

use super::{Misread, NOTHING, need, small, span, time};
use crate::log::proto;
use crate::log::proto::input::{Kind, lease, link_state, operator, recorder_state, self_test};
use crate::run::{Input, LeaseState, LinkState, OperatorOrder, RecorderState, SelfTest, SendId, TestedWire};
use crate::signal::{SignalId, Value};
use crate::time::Time;
use crate::wire::{Frame, FrameFlags, LinkId};

/// An input as the recording keeps it.
pub fn input_to(input: &Input) -> proto::Input {
    let kind = match input {
        Input::Bytes { at: _, waited: _, frame } => Kind::Bytes(frame_to(frame)),
        Input::Samples { at: _, batch } => Kind::Samples(proto::input::SampleBatch {
            samples: batch
                .iter()
                .map(|(signal, value)| proto::input::Sample { signal: signal.0, value: Some(value_to(*value)) })
                .collect(),
        }),
        Input::Link { at: _, link, state } => Kind::Link(proto::input::LinkState {
            link: link.0.into(),
            state: Some(match state {
                LinkState::Up => link_state::State::Up(NOTHING),
                LinkState::Lost(why) => link_state::State::Lost(why.clone()),
                LinkState::Refused(why) => link_state::State::Refused(why.clone()),
            }),
        }),
        Input::Sent { at: _, id, begun, done, queued_ahead } => Kind::WriteDone(proto::input::WriteDone {
            id: id.0,
            begun_nanos: begun.nanos(),
            done_nanos: done.nanos(),
            queued_ahead_bytes: *queued_ahead,
        }),
        Input::Lapsed { at: _, id } => Kind::Lapsed(id.0),
        Input::Choked { at: _ } => Kind::Choked(NOTHING),
        Input::Tick { at: _ } => Kind::Tick(NOTHING),
        Input::Operator { at: _, order } => Kind::Operator(proto::input::Operator {
            order: Some(match order {
                OperatorOrder::Stop => operator::Order::Stop(NOTHING),
                OperatorOrder::Answer { yes } => operator::Order::Answer(*yes),
                OperatorOrder::TakeOver => operator::Order::TakeOver(NOTHING),
                OperatorOrder::HandBack => operator::Order::HandBack(NOTHING),
                OperatorOrder::Reset { by, after } => {
                    operator::Order::Reset(proto::Reset { by: by.clone(), after: after.clone() })
                }
            }),
        }),
        Input::Watchdog { at: _, link, fired } => {
            Kind::Watchdog(proto::input::Watchdog { link: link.0.into(), fired: *fired })
        }
        Input::SelfTest { at: _, state } => Kind::SelfTest(proto::input::SelfTest {
            state: Some(match state {
                SelfTest::Begins { wires } => self_test::State::Begins((*wires).into()),
                SelfTest::Floor { wire, samples, p50, p99, max } => self_test::State::Floor(self_test::Floor {
                    broker_link: wire_to(*wire),
                    samples: *samples,
                    p50_nanos: p50.nanos(),
                    p99_nanos: p99.nanos(),
                    max_nanos: max.nanos(),
                }),
                SelfTest::Failed { wire, why } => {
                    self_test::State::Failed(self_test::Failed { broker_link: wire_to(*wire), why: why.clone() })
                }
            }),
        }),
        Input::Recorder { at: _, state } => Kind::Recorder(proto::input::RecorderState {
            state: Some(match state {
                RecorderState::Full => recorder_state::State::Full(NOTHING),
                RecorderState::Dead(why) => recorder_state::State::Dead(why.clone()),
                RecorderState::Dropped(count) => recorder_state::State::Dropped(*count),
            }),
        }),
        Input::Lease { at: _, state } => Kind::Lease(proto::input::Lease {
            state: Some(match state {
                LeaseState::Taken { by, lasts } => {
                    lease::State::Taken(lease::Taken { by: by.clone(), lasts_nanos: lasts.nanos() })
                }
                LeaseState::Expired => lease::State::Expired(NOTHING),
            }),
        }),
    };
    let waited = match input {
        Input::Bytes { waited, .. } => waited.nanos(),
        _ => 0,
    };
    proto::Input { at_nanos: input.at().nanos(), waited_nanos: waited, kind: Some(kind) }
}

/// An input as the run takes it.
pub fn input_from(input: proto::Input) -> Result<Input, Misread> {
    let at = time(input.at_nanos);
    Ok(match need(input.kind, "kind of input")? {
        Kind::Bytes(frame) => Input::Bytes { at, waited: span(input.waited_nanos), frame: frame_from(frame)? },
        Kind::Samples(batch) => Input::Samples {
            at,
            batch: batch
                .samples
                .into_iter()
                .map(|s| Ok((SignalId(s.signal), value_from(need(s.value, "value")?)?)))
                .collect::<Result<_, Misread>>()?,
        },
        Kind::Link(link) => Input::Link {
            at,
            link: LinkId(small(link.link, "link")?),
            state: match need(link.state, "state of a link")? {
                link_state::State::Up(_) => LinkState::Up,
                link_state::State::Lost(why) => LinkState::Lost(why),
                link_state::State::Refused(why) => LinkState::Refused(why),
            },
        },
        Kind::WriteDone(done) => Input::Sent {
            at,
            id: SendId(done.id),
            begun: time(done.begun_nanos),
            done: time(done.done_nanos),
            queued_ahead: done.queued_ahead_bytes,
        },
        Kind::Lapsed(id) => Input::Lapsed { at, id: SendId(id) },
        Kind::Choked(_) => Input::Choked { at },
        Kind::Tick(_) => Input::Tick { at },
        Kind::Operator(order) => Input::Operator {
            at,
            order: match need(order.order, "order of a person")? {
                operator::Order::Stop(_) => OperatorOrder::Stop,
                operator::Order::Answer(yes) => OperatorOrder::Answer { yes },
                operator::Order::TakeOver(_) => OperatorOrder::TakeOver,
                operator::Order::HandBack(_) => OperatorOrder::HandBack,
                operator::Order::Reset(reset) => OperatorOrder::Reset { by: reset.by, after: reset.after },
            },
        },
        Kind::Watchdog(dog) => Input::Watchdog { at, link: LinkId(small(dog.link, "link")?), fired: dog.fired },
        Kind::Lease(lease) => Input::Lease {
            at,
            state: match need(lease.state, "state of a lease")? {
                lease::State::Taken(taken) => LeaseState::Taken { by: taken.by, lasts: span(taken.lasts_nanos) },
                lease::State::Expired(_) => LeaseState::Expired,
            },
        },
        Kind::SelfTest(test) => Input::SelfTest {
            at,
            state: match need(test.state, "state of the self-test")? {
                self_test::State::Begins(wires) => SelfTest::Begins { wires: small(wires, "count of wires")? },
                self_test::State::Floor(floor) => SelfTest::Floor {
                    wire: wire_from(floor.broker_link)?,
                    samples: floor.samples,
                    p50: span(floor.p50_nanos),
                    p99: span(floor.p99_nanos),
                    max: span(floor.max_nanos),
                },
                self_test::State::Failed(failed) => {
                    SelfTest::Failed { wire: wire_from(failed.broker_link)?, why: failed.why }
                }
            },
        },
        Kind::Recorder(recorder) => Input::Recorder {
            at,
            state: match need(recorder.state, "state of the recorder")? {
                recorder_state::State::Full(_) => RecorderState::Full,
                recorder_state::State::Dead(why) => RecorderState::Dead(why),
                recorder_state::State::Dropped(count) => RecorderState::Dropped(count),
            },
        },
    })
}

/// The link whose broker was measured; `None`: the loop itself.
pub(super) fn wire_to(wire: TestedWire) -> Option<u32> {
    match wire {
        TestedWire::Loop => None,
        TestedWire::Broker(link) => Some(link.0.into()),
    }
}

pub(super) fn wire_from(broker_link: Option<u32>) -> Result<TestedWire, Misread> {
    broker_link.map_or(Ok(TestedWire::Loop), |link| Ok(TestedWire::Broker(LinkId(small(link, "link")?))))
}

/// A frame that was sent, as the recording keeps it.
pub fn sent_to(at: Time, frame: &Frame) -> proto::Sent {
    proto::Sent { at_nanos: at.nanos(), frame: Some(frame_to(frame)) }
}

/// A frame that was sent.
pub fn sent_from(sent: proto::Sent) -> Result<(Time, Frame), Misread> {
    Ok((time(sent.at_nanos), frame_from(need(sent.frame, "frame")?)?))
}

fn frame_to(frame: &Frame) -> proto::Frame {
    let Frame { link, topic, flags: FrameFlags { retained, duplicate, qos }, bytes, not_after: _, order: _ } = frame;
    proto::Frame {
        link: link.0.into(),
        topic: topic.as_ref().map(|t| t.to_string()),
        retained: *retained,
        duplicate: *duplicate,
        qos: (*qos).into(),
        bytes: bytes.clone(),
    }
}

fn frame_from(frame: proto::Frame) -> Result<Frame, Misread> {
    Ok(Frame {
        link: LinkId(small(frame.link, "link")?),
        topic: frame.topic.map(Into::into),
        flags: FrameFlags {
            retained: frame.retained,
            duplicate: frame.duplicate,
            qos: small(frame.qos, "quality of service")?,
        },
        bytes: frame.bytes,
        not_after: None,
        order: None,
    })
}

fn value_to(value: Value) -> proto::Value {
    use proto::value::Value as To;
    proto::Value {
        value: Some(match value {
            Value::Number(number) => To::Number(number),
            Value::State(state) => To::State(state.into()),
            Value::Flag(flag) => To::Flag(flag),
            Value::Pulse => To::Pulse(NOTHING),
            Value::Unknown => To::Unknown(NOTHING),
        }),
    }
}

fn value_from(value: proto::Value) -> Result<Value, Misread> {
    use proto::value::Value as From;
    Ok(match need(value.value, "value")? {
        From::Number(number) => Value::Number(number),
        From::State(state) => Value::State(small(state, "state")?),
        From::Flag(flag) => Value::Flag(flag),
        From::Pulse(_) => Value::Pulse,
        From::Unknown(_) => Value::Unknown,
    })
}
