//! The kinds of fault that act on a stream, with their parameters in SI.

use crate::time::Span;

/// A fault on a stream of samples, commands or frames. An *item* is one telling, one command or one frame.
///
/// Kinds that concern *when* things come act on any stream; kinds that concern *values* act on numbers that are told or
/// asked for; kinds that concern *bytes* act on frames. What a kind cannot act on it leaves as it is.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum PipeFault {
    // When things come.
    /// Everything arrives this much later, in order. One signal: it shows what it was so long ago.
    Delay { by: Span },
    /// Everything arrives later by a draw of its own, the size of a normal draw of this standard deviation. Without
    /// `reorder` nothing overtakes.
    Jitter { sigma: Span, reorder: bool },
    /// Each item is lost with this probability, 0..=1, whatever became of the others.
    Drop { share: f64 },
    /// Losses in bursts after Gilbert (1960) and Elliott (1963), item by item: a good link turns bad with probability
    /// `worse`, a bad one good with `better`; what is lost while good and while bad. With 0 and 1 for these the share of
    /// lost items is `worse / (worse + better)`, and a burst is `1 / better` items long on average.
    Burst { worse: f64, better: f64, lost_good: f64, lost_bad: f64 },
    /// The same by time: everything arrives for `good`, nothing for `bad`, both means of exponential draws.
    Outages { good: Span, bad: Span },
    /// Nothing arrives, and it is lost.
    Off,
    /// Nothing arrives in the first `lost` (0..=1) of every period.
    Intermittent { period: Span, lost: f64 },
    /// One item in so many arrives, beginning with the first. One signal: it keeps its value in between.
    Slow { one_in: u32 },
    /// Each item arrives twice with this probability.
    Duplicate { share: f64 },
    /// Each item arrives twice with this probability, and the second is marked as delivered again (MQTT's DUP at QoS 1).
    Redeliver { share: f64 },
    /// Each item arrives behind so many of those after it, with this probability.
    Reorder { share: f64, depth: u32 },
    /// What came last before the fault stands in the place of all that comes.
    Freeze,
    /// Nothing arrives while it lasts, and everything at its end, as after a broken connection.
    Partition,
    /// Everything arrives, and once more this much later. One signal: what it showed in the first `age` is shown over and
    /// over.
    Replay { age: Span },
    /// What came last before the fault comes again every so often, besides all that comes.
    Repeat { every: Span },
    /// What came last before the fault comes once more, marked as kept by the broker (MQTT's RETAIN).
    Retained,

    // Bytes.
    /// Each bit is flipped with this probability.
    Corrupt { bit_error_rate: f64 },
    /// In this share of frames so many neighbouring bits are flipped.
    BitBurst { share: f64, bits: u32 },
    /// This share of frames ends early, somewhere.
    Truncate { share: f64 },
    /// The receiver of 8N1 characters samples at `ratio` times the sender's baud rate.
    WrongBaud { ratio: f64 },
    /// Random bytes before frames, so many a second.
    LineNoise { rate: f64 },

    // Values.
    /// Added to every number.
    Bias { by: f64 },
    /// Added to every number, growing by `rate` a second from 0, as far as `cap` (0: without end).
    Drift { rate: f64, cap: f64 },
    /// Every number is multiplied.
    Scale { gain: f64 },
    /// Normal noise of this standard deviation is added.
    Noise { sigma: f64 },
    /// Every number is a draw evenly from this range.
    Garbage { lo: f64, hi: f64 },
    /// Every number is this one.
    Stuck { at: f64 },
    /// In this share of items, `size` is added or taken away.
    Spike { share: f64, size: f64 },
    /// Every number is rounded to whole steps.
    Quantise { step: f64 },
    /// No number is outside of this range.
    Saturate { lo: f64, hi: f64 },
    /// No number is one.
    NotANumber,
    /// The number is read in a wrong unit: multiplied, and then `offset` added.
    Misread { gain: f64, offset: f64 },
    /// This share of the signals of every telling is unknown, drawn anew each time.
    PartialLoss { share: f64 },
    /// A sine is added: this amplitude, so many periods a second, 0 at the start.
    Oscillate { amplitude: f64, hertz: f64 },
    /// The time stamps of what is told are off by `offset`, and by `skew` seconds more for every second of the fault.
    Clock { offset: Span, skew: f64 },
}

/// Where a kind of fault can act.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Concerns {
    /// When items come.
    Arrival,
    Bytes,
    Values,
    /// The stamps of tellings.
    Stamps,
}

impl PipeFault {
    /// What the kind of fault changes.
    pub fn concerns(&self) -> Concerns {
        match self {
            PipeFault::Delay { .. }
            | PipeFault::Jitter { .. }
            | PipeFault::Drop { .. }
            | PipeFault::Burst { .. }
            | PipeFault::Outages { .. }
            | PipeFault::Off
            | PipeFault::Intermittent { .. }
            | PipeFault::Slow { .. }
            | PipeFault::Duplicate { .. }
            | PipeFault::Redeliver { .. }
            | PipeFault::Reorder { .. }
            | PipeFault::Freeze
            | PipeFault::Partition
            | PipeFault::Replay { .. }
            | PipeFault::Repeat { .. }
            | PipeFault::Retained => Concerns::Arrival,
            PipeFault::Corrupt { .. }
            | PipeFault::BitBurst { .. }
            | PipeFault::Truncate { .. }
            | PipeFault::WrongBaud { .. }
            | PipeFault::LineNoise { .. } => Concerns::Bytes,
            PipeFault::Bias { .. }
            | PipeFault::Drift { .. }
            | PipeFault::Scale { .. }
            | PipeFault::Noise { .. }
            | PipeFault::Garbage { .. }
            | PipeFault::Stuck { .. }
            | PipeFault::Spike { .. }
            | PipeFault::Quantise { .. }
            | PipeFault::Saturate { .. }
            | PipeFault::NotANumber
            | PipeFault::Misread { .. }
            | PipeFault::PartialLoss { .. }
            | PipeFault::Oscillate { .. } => Concerns::Values,
            PipeFault::Clock { .. } => Concerns::Stamps,
        }
    }
}
