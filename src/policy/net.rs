//! A net that was read and checked, ready to think.

use super::build;
use super::ops::{self, Step};
use std::ops::Range;

/// What is wrong with a file, or not supported, in words for people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NetError(pub String);

/// A tensor that goes in or comes out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// Its name in the file.
    pub name: String,
    /// Its sizes; a size that the file leaves open counts as 1.
    pub sizes: Vec<usize>,
    pub(super) place: Range<usize>,
}

/// A feed-forward net of `f32`. It keeps room for every number that it works out.
#[derive(Clone, PartialEq, Debug)]
pub struct Net {
    pub(super) thinker: Thinker,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
}

/// What works the answer out.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Thinker {
    Own {
        /// Constants, inputs, and everything that is worked out, in the order of the work.
        row: Vec<f32>,
        steps: Vec<Step>,
    },
    #[cfg(feature = "onnx")]
    Foreign(super::foreign::Foreign),
}

impl Port {
    /// How many numbers it has.
    pub fn count(&self) -> usize {
        self.place.len()
    }
}

impl Net {
    /// Reads an ONNX file. The error names what is wrong with it, or what it needs that is not supported.
    ///
    /// What our own evaluator cannot think, a program built with `--features onnx` gives to crate `tract`.
    pub fn read(bytes: &[u8]) -> Result<Net, NetError> {
        let own = build::read(bytes);
        #[cfg(feature = "onnx")]
        if let Err(why) = &own
            && bytes.len() <= build::FILE_MAX
            && build::is_beyond(bytes)
        {
            return match super::foreign::read(bytes) {
                Ok((foreign, inputs, outputs)) => Ok(Net { thinker: Thinker::Foreign(foreign), inputs, outputs }),
                Err(theirs) => Err(NetError(format!("{why}; and by tract: {theirs}"))),
            };
        }
        own
    }
    /// Whether it thinks with our own evaluator: without allocating, and the same to the bit on every machine.
    pub fn is_own(&self) -> bool {
        matches!(self.thinker, Thinker::Own { .. })
    }
    /// What goes in, in the order of the file.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }
    /// What comes out, in the order of the file.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }
    /// How many numbers go in, all inputs together.
    pub fn input_count(&self) -> usize {
        self.inputs.iter().map(Port::count).sum()
    }
    /// How many numbers come out, all outputs together.
    pub fn output_count(&self) -> usize {
        self.outputs.iter().map(Port::count).sum()
    }
    /// Thinks: `given` holds the numbers of all inputs one after the other, `answer` takes those of all outputs.
    ///
    /// Allocates nothing, if the net is one of our own evaluator's. It is a mistake of the caller's to bring another number of them
    /// than the net has.
    pub fn think(&mut self, given: &[f32], answer: &mut [f32]) {
        assert_eq!(given.len(), self.input_count(), "numbers that go in");
        assert_eq!(answer.len(), self.output_count(), "numbers that come out");
        match &mut self.thinker {
            Thinker::Own { row, steps } => {
                let mut at = 0;
                for port in &self.inputs {
                    row[port.place.clone()].copy_from_slice(&given[at..at + port.count()]);
                    at += port.count();
                }
                for step in steps.iter() {
                    ops::run(step, row);
                }
                let mut at = 0;
                for port in &self.outputs {
                    answer[at..at + port.count()].copy_from_slice(&row[port.place.clone()]);
                    at += port.count();
                }
            }
            #[cfg(feature = "onnx")]
            Thinker::Foreign(foreign) => foreign.think(&self.inputs, given, &self.outputs, answer),
        }
    }
}
