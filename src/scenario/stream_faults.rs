//! The faults that act on streams: what is told, what is said, what goes over a link.

use super::fault_parameters::Want;
use super::faults::{Effect, Fault, Given, On, Param};
use crate::fault::PipeFault;

/// Whatever comes one after the other.
const ANY: &[On] = &[On::Tells, On::Signal, On::Says, On::Arg, On::Link];
/// Whole tellings, commands and frames.
const WHOLE: &[On] = &[On::Tells, On::Says, On::Link];
const SAYS: &[On] = &[On::Says];
const BYTES: &[On] = &[On::Link];
/// One number after the other.
const NUMBERS: &[On] = &[On::Signal, On::Arg];
const EVERY_NUMBER: &[On] = &[On::Tells, On::Signal, On::Arg];
const NONE: &[Param] = &[];

const fn fault(name: &'static str, on: &'static [On], params: &'static [Param], make: fn(&Given) -> Effect) -> Fault {
    Fault { name, on, params, make }
}

use Effect::Pipe;

/// Every fault on a stream.
pub(super) static STREAM_FAULTS: &[Fault] = &[
    fault("delay", ANY, &[Param("by", Want::Time, None)], |g| Pipe(PipeFault::Delay { by: g.span(0) })),
    fault("jitter", WHOLE, &[Param("sigma", Want::Time, None), Param("reorder", Want::Flag, Some(0.0))], |g| {
        Pipe(PipeFault::Jitter { sigma: g.span(0), reorder: g.numbers[1] != 0.0 })
    }),
    fault("drop", ANY, &[Param("share", Want::Share, None)], |g| Pipe(PipeFault::Drop { share: g.numbers[0] })),
    fault(
        "burst-loss",
        ANY,
        &[
            Param("worse", Want::Share, None),
            Param("better", Want::Share, None),
            Param("lost_while_good", Want::Share, Some(0.0)),
            Param("lost_while_bad", Want::Share, Some(1.0)),
        ],
        |g| {
            let [worse, better, lost_good, lost_bad] = [0, 1, 2, 3].map(|place| g.numbers[place]);
            Pipe(PipeFault::Burst { worse, better, lost_good, lost_bad })
        },
    ),
    fault("outages", ANY, &[Param("good", Want::Period, None), Param("bad", Want::Period, None)], |g| {
        Pipe(PipeFault::Outages { good: g.span(0), bad: g.span(1) })
    }),
    fault("off", ANY, NONE, |_| Pipe(PipeFault::Off)),
    fault("intermittent", ANY, &[Param("period", Want::Period, None), Param("lost", Want::Share, Some(0.5))], |g| {
        Pipe(PipeFault::Intermittent { period: g.span(0), lost: g.numbers[1] })
    }),
    fault("slow", ANY, &[Param("one_in", Want::Index, None)], |g| {
        Pipe(PipeFault::Slow { one_in: g.numbers[0] as u32 })
    }),
    fault("duplicate", WHOLE, &[Param("share", Want::Share, None)], |g| {
        Pipe(PipeFault::Duplicate { share: g.numbers[0] })
    }),
    fault("redeliver", SAYS, &[Param("share", Want::Share, None)], |g| {
        Pipe(PipeFault::Redeliver { share: g.numbers[0] })
    }),
    fault("retained", SAYS, NONE, |_| Pipe(PipeFault::Retained)),
    fault("reorder", WHOLE, &[Param("share", Want::Share, None), Param("depth", Want::Index, Some(2.0))], |g| {
        Pipe(PipeFault::Reorder { share: g.numbers[0], depth: g.numbers[1] as u32 })
    }),
    fault("freeze", ANY, NONE, |_| Pipe(PipeFault::Freeze)),
    fault("partition", WHOLE, NONE, |_| Pipe(PipeFault::Partition)),
    fault("replay", ANY, &[Param("age", Want::Time, None)], |g| Pipe(PipeFault::Replay { age: g.span(0) })),
    fault("repeat", &[On::Says, On::Link], &[Param("every", Want::Period, None)], |g| {
        Pipe(PipeFault::Repeat { every: g.span(0) })
    }),
    fault("corrupt", BYTES, &[Param("rate", Want::Share, None)], |g| {
        Pipe(PipeFault::Corrupt { bit_error_rate: g.numbers[0] })
    }),
    fault("bit-burst", BYTES, &[Param("share", Want::Share, None), Param("bits", Want::Index, Some(3.0))], |g| {
        Pipe(PipeFault::BitBurst { share: g.numbers[0], bits: g.numbers[1] as u32 })
    }),
    fault("truncate", BYTES, &[Param("share", Want::Share, None)], |g| {
        Pipe(PipeFault::Truncate { share: g.numbers[0] })
    }),
    fault("wrong-baud", BYTES, &[Param("ratio", Want::Times, None)], |g| {
        Pipe(PipeFault::WrongBaud { ratio: g.numbers[0] })
    }),
    fault("line-noise", BYTES, &[Param("rate", Want::Bytes, None)], |g| {
        Pipe(PipeFault::LineNoise { rate: g.numbers[0] })
    }),
    fault("bias", NUMBERS, &[Param("by", Want::LikeSignal, None)], |g| Pipe(PipeFault::Bias { by: g.numbers[0] })),
    fault("drift", NUMBERS, &[Param("rate", Want::SignalRate, None), Param("cap", Want::LikeSignal, Some(0.0))], |g| {
        Pipe(PipeFault::Drift { rate: g.numbers[0], cap: g.numbers[1] })
    }),
    fault("scale", EVERY_NUMBER, &[Param("gain", Want::Gain, None)], |g| Pipe(PipeFault::Scale { gain: g.numbers[0] })),
    fault("noise", NUMBERS, &[Param("sigma", Want::LikeSignal, None)], |g| {
        Pipe(PipeFault::Noise { sigma: g.numbers[0] })
    }),
    fault("garbage", NUMBERS, &[Param("from", Want::RangeLow, None), Param("to", Want::RangeHigh, None)], |g| {
        Pipe(PipeFault::Garbage { lo: g.numbers[0], hi: g.numbers[1] })
    }),
    fault("stuck", NUMBERS, &[Param("at", Want::OfSignal, None)], |g| Pipe(PipeFault::Stuck { at: g.numbers[0] })),
    fault("spike", NUMBERS, &[Param("share", Want::Share, None), Param("size", Want::LikeSignal, None)], |g| {
        Pipe(PipeFault::Spike { share: g.numbers[0], size: g.numbers[1] })
    }),
    fault("quantise", NUMBERS, &[Param("step", Want::LikeSignal, None)], |g| {
        Pipe(PipeFault::Quantise { step: g.numbers[0] })
    }),
    fault("saturate", NUMBERS, &[Param("from", Want::RangeLow, None), Param("to", Want::RangeHigh, None)], |g| {
        Pipe(PipeFault::Saturate { lo: g.numbers[0], hi: g.numbers[1] })
    }),
    fault("nan", EVERY_NUMBER, NONE, |_| Pipe(PipeFault::NotANumber)),
    fault("wrong-unit", NUMBERS, &[Param("unit", Want::ReadUnit, None)], |g| {
        Pipe(PipeFault::Misread { gain: g.numbers[0], offset: g.offset })
    }),
    fault("partial-loss", &[On::Tells], &[Param("share", Want::Share, None)], |g| {
        Pipe(PipeFault::PartialLoss { share: g.numbers[0] })
    }),
    fault(
        "oscillate",
        NUMBERS,
        &[Param("size", Want::LikeSignal, None), Param("frequency", Want::Frequency, None)],
        |g| Pipe(PipeFault::Oscillate { amplitude: g.numbers[0], hertz: g.numbers[1] }),
    ),
    fault(
        "clock",
        &[On::Tells],
        &[Param("offset", Want::Shift, Some(0.0)), Param("skew", Want::Gain, Some(0.0))],
        |g| Pipe(PipeFault::Clock { offset: g.span(0), skew: g.numbers[1] }),
    ),
];
