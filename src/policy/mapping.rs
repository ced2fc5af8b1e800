//! How the numbers of a net stand for values in messages: checked words of a mapping file, which `rig` reads.

use crate::time::Span;

/// A mapping file, complete.
#[derive(Clone, PartialEq, Debug)]
pub struct Mapping {
    /// What it is called.
    pub name: String,
    /// How often the policy thinks and speaks.
    pub every: Span,
    pub inputs: Vec<Input>,
    /// Places in `inputs`, in the order in which the net takes their numbers.
    pub given: Vec<usize>,
    /// In the order in which the net's numbers come out.
    pub outputs: Vec<Output>,
    pub says: Vec<Say>,
}

/// A value that is heard.
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    pub name: String,
    /// The topic it is heard on; `None` on a serial line.
    pub topic: Option<String>,
    /// Where it stands in the message: `/fc.altitude`.
    pub pointer: String,
    pub kind: Heard,
    pub holds: Holds,
    /// What stands in for it until it is heard: another input, or a value in SI.
    pub until_heard: Option<Instead>,
    /// Lowest and highest value in SI that the policy was made for.
    pub range: Option<(f64, f64)>,
    pub outside: Outside,
    pub view: View,
}

/// How what is heard becomes a value.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// SI = raw * scale + offset.
    Number { scale: f64, offset: f64 },
    /// Texts, with the number that each stands for.
    States(Vec<(String, f64)>),
    /// True is 1.
    Flag,
}

/// How long a value may be used.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Holds {
    /// Until it is so old; then nothing is said.
    For(Span),
    /// Until the next one comes.
    Latest,
    /// The first one is kept for good.
    First,
}

/// What stands in for a value that was not heard yet.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Instead {
    /// The present value of the input at this place.
    Input(usize),
    /// This value, in SI.
    Value(f64),
}

/// What becomes of a value outside its range.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Outside {
    /// The net sees it as it is, outside of what it was trained for.
    Pass,
    /// The net sees the nearest one within.
    Clamp,
    /// Nothing is said.
    Silent,
}

/// Which values in SI the net sees as 0 and as 1.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct View {
    pub zero: f64,
    pub one: f64,
}

/// One value that the net works out.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    pub name: String,
    pub kind: Answer,
}

/// What the net's numbers mean.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// One number, held within the range if there is one, and then brought to the nearest whole multiple of `step` (SI).
    Number { view: View, range: Option<(f64, f64)>, step: Option<f64> },
    /// One number: true above this.
    Flag { above: f64 },
    /// As many numbers as words: the word of the greatest.
    Pick(Vec<String>),
}

/// A message that is said each time the policy has thought.
#[derive(Clone, PartialEq, Debug)]
pub struct Say {
    /// `None` on a serial line.
    pub topic: Option<String>,
    /// Place of an output that is a flag: only while it is true.
    pub when: Option<usize>,
    pub with: Vec<(String, Said)>,
}

/// A value in a message.
#[derive(Clone, PartialEq, Debug)]
pub enum Said {
    /// The output at this place; a number as (SI - offset) / scale.
    Output {
        index: usize,
        scale: f64,
        offset: f64,
    },
    /// The input at this place, a number as above.
    Input {
        index: usize,
        scale: f64,
        offset: f64,
    },
    Number(f64),
    Text(String),
    Flag(bool),
}

impl View {
    /// SI itself.
    pub const SI: View = View { zero: 0.0, one: 1.0 };
    /// What the net sees.
    pub fn seen(self, si: f64) -> f64 {
        (si - self.zero) / (self.one - self.zero)
    }
    /// What the net means, in SI.
    pub fn meant(self, number: f64) -> f64 {
        self.zero + number * (self.one - self.zero)
    }
}

impl Answer {
    /// How many of the net's numbers it takes.
    pub fn count(&self) -> usize {
        match self {
            Answer::Number { .. } | Answer::Flag { .. } => 1,
            Answer::Pick(words) => words.len(),
        }
    }
}

impl Mapping {
    /// Why the mapping does not fit a net that takes and gives so many numbers, in words; `None` if it does.
    pub fn misfit(&self, inputs: usize, outputs: usize) -> Option<String> {
        let answers: usize = self.outputs.iter().map(|output| output.kind.count()).sum();
        if self.given.len() != inputs {
            Some(format!("the net takes {inputs} numbers, and `given` names {}", self.given.len()))
        } else if answers != outputs {
            Some(format!("the net gives {outputs} numbers, and `outputs` names {answers}"))
        } else {
            None
        }
    }
    /// The topics that are listened to, each once.
    pub fn topics(&self) -> Vec<&str> {
        let mut topics: Vec<&str> = self.inputs.iter().filter_map(|input| input.topic.as_deref()).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }
}
