//! What the nodes of the graph do, in words.

use super::graph::{Before, Key, Op};
use super::ops::Promise;
use crate::time::Span;

/// A stretch of time in slots or for ever.
fn window(slots: Option<i64>) -> String {
    match slots {
        Some(slots) => format!("the last {}", Span::from_nanos(slots / 2)),
        None => "all time since the start".into(),
    }
}

fn points(points: &[(Key, Key)]) -> String {
    let words: Vec<String> = points.iter().map(|(x, y)| format!("({}, {})", x.get(), y.get())).collect();
    words.join(" ")
}

impl Op {
    /// In words, with signals by number.
    pub(super) fn words(&self) -> String {
        match self {
            Op::Constant(key) => format!("{}", key.get()),
            Op::Truth => "true".into(),
            Op::Nothing => "never decided".into(),
            Op::InScope => "within the scope".into(),
            Op::Signal(s) => format!("signal {s}"),
            Op::Rate(s) => format!("rate of signal {s}"),
            Op::Age(s) => format!("age of signal {s}"),
            Op::Flag(s) => format!("signal {s} is set"),
            Op::State(s, places) => format!("signal {s} is in state {places:?}"),
            Op::Changed(s) => format!("signal {s} changed"),
            Op::Limit { signal, limit, above, strict, .. } => {
                let sign = match (above, strict) {
                    (true, true) => ">",
                    (true, false) => ">=",
                    (false, true) => "<",
                    (false, false) => "<=",
                };
                format!("signal {signal} {sign} {}", limit.get())
            }
            Op::Negate => "minus".into(),
            Op::Add => "sum".into(),
            Op::Subtract => "difference".into(),
            Op::Multiply => "product".into(),
            Op::Divide => "quotient".into(),
            Op::Abs => "size".into(),
            Op::Min => "smallest of".into(),
            Op::Max => "largest of".into(),
            Op::Clamp => "clamped between".into(),
            Op::Sqrt => "square root".into(),
            Op::Sin => "sine".into(),
            Op::Cos => "cosine".into(),
            Op::Atan2 => "angle of".into(),
            Op::Norm => "norm of".into(),
            Op::Outside(corners) => format!("distance outside {}", points(corners)),
            Op::Table(corners) => format!("table {}", points(corners)),
            Op::Mean(ticks, _) => format!("mean over the last {}", Span::from_nanos(*ticks)),
            Op::Indicator => "1 while true, else 0".into(),
            Op::Compare { strict, .. } => if *strict { "greater than" } else { "at least" }.into(),
            Op::Sign => "holds or not".into(),
            Op::And => "all of".into(),
            Op::Rise => "becomes true".into(),
            Op::Once { width, .. } => format!("once in {}", window(*width)),
            Op::Since { width, .. } => format!("the first since the second, in {}", window(*width)),
            Op::Until { width } => format!("the first until the second, over {}", window(Some(*width))),
            Op::Delay { ticks, before } => {
                let before = match before {
                    Before::False => " (false before the start)",
                    Before::WarmUp | Before::Nothing => "",
                };
                format!("as it was {} ago{before}", Span::from_nanos(*ticks))
            }
            Op::Waiting { width } => format!("asked and not answered, in {}", window(*width)),
            Op::Liveness => "asked and not yet answered".into(),
            Op::Early(Promise::Always { to, .. }) => {
                format!("watch for the first break after asking, in {}", window(*to))
            }
            Op::Early(Promise::Eventually { to, .. }) => {
                format!("watch for an answer that can't come in time, in {}", window(Some(*to)))
            }
            Op::Early(Promise::Until { to, .. }) => format!("watch for a break before the answer, in {}", window(*to)),
        }
    }
}
