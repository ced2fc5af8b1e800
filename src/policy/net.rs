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
    /// Constants, inputs, and everything that is worked out, in the order of the work.
    pub(super) row: Vec<f32>,
    pub(super) steps: Vec<Step>,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
}

impl Port {
    /// How many numbers it has.
    pub fn count(&self) -> usize {
        self.place.len()
    }
}

impl Net {
    /// Reads an ONNX file. The error names what is wrong with it, or what it needs that is not supported.
    pub fn read(bytes: &[u8]) -> Result<Net, NetError> {
        build::read(bytes)
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
    /// Allocates nothing. It is a mistake of the caller's to bring another number of them than the net has.
    pub fn think(&mut self, given: &[f32], answer: &mut [f32]) {
        assert_eq!(given.len(), self.input_count(), "numbers that go in");
        assert_eq!(answer.len(), self.output_count(), "numbers that come out");
        let mut at = 0;
        for port in &self.inputs {
            self.row[port.place.clone()].copy_from_slice(&given[at..at + port.count()]);
            at += port.count();
        }
        for step in &self.steps {
            ops::run(step, &mut self.row);
        }
        let mut at = 0;
        for port in &self.outputs {
            answer[at..at + port.count()].copy_from_slice(&self.row[port.place.clone()]);
            at += port.count();
        }
    }
}
