//! What a net does, step by step, on one row of numbers that holds every tensor.
//!
//! A step reads tensors that stand before the one it writes, so that one split of the row gives both.

use super::shape::RANK_MAX;
use std::ops::Range;

/// One number to another.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Unary {
    Relu,
    Tanh,
    Sigmoid,
    Clip { least: f32, most: f32 },
}

/// Two numbers to one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

/// A tensor that is stretched over the one that is written.
#[derive(Clone, PartialEq, Debug)]
pub struct Spread {
    pub from: Range<usize>,
    pub strides: [usize; RANK_MAX],
}

/// One step; ranges are places in the row.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    Unary {
        what: Unary,
        from: Range<usize>,
        to: Range<usize>,
    },
    Binary {
        what: Binary,
        a: Spread,
        b: Spread,
        /// Sizes of what is written, padded with ones at the end.
        sizes: [usize; RANK_MAX],
        to: Range<usize>,
    },
    /// `alpha * A B + beta * C`.
    Product {
        a: Range<usize>,
        b: Range<usize>,
        rows: usize,
        inner: usize,
        columns: usize,
        /// How far one goes in A for the next row and the next of the inner axis; in B for the inner axis and the next column.
        a_steps: (usize, usize),
        b_steps: (usize, usize),
        alpha: f32,
        /// C and beta.
        add: Option<(Spread, f32)>,
        to: Range<usize>,
    },
    /// Copies runs of numbers: of each part, so many in a row, as often as the blocks are.
    Concat {
        parts: Vec<(Range<usize>, usize)>,
        blocks: usize,
        to: Range<usize>,
    },
}

impl Unary {
    fn of(self, x: f32) -> f32 {
        match self {
            // Not `max`, which would swallow what is not a number.
            Unary::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Unary::Tanh => libm::tanhf(x),
            Unary::Sigmoid => 1.0 / (1.0 + libm::expf(-x)),
            Unary::Clip { least, most } => {
                // In the order of the operator's definition: where the limits cross, the upper one counts.
                let x = if x < least { least } else { x };
                if x > most { most } else { x }
            }
        }
    }
}

impl Binary {
    fn of(self, a: f32, b: f32) -> f32 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
        }
    }
}

/// Does one step. Allocates nothing.
pub fn run(step: &Step, row: &mut [f32]) {
    match step {
        Step::Unary { what, from, to } => {
            let (before, after) = row.split_at_mut(to.start);
            for (out, x) in after[..to.len()].iter_mut().zip(&before[from.clone()]) {
                *out = what.of(*x);
            }
        }
        Step::Binary { what, a, b, sizes, to } => {
            let (before, after) = row.split_at_mut(to.start);
            let (left, right) = (&before[a.from.clone()], &before[b.from.clone()]);
            let mut index = [0; RANK_MAX];
            for out in &mut after[..to.len()] {
                *out = what.of(left[place(&index, &a.strides)], right[place(&index, &b.strides)]);
                next(&mut index, sizes);
            }
        }
        Step::Product { a, b, rows, inner, columns, a_steps, b_steps, alpha, add, to } => {
            let (before, after) = row.split_at_mut(to.start);
            let (left, right) = (&before[a.clone()], &before[b.clone()]);
            for r in 0..*rows {
                for c in 0..*columns {
                    let mut sum = 0.0;
                    for k in 0..*inner {
                        sum += left[r * a_steps.0 + k * a_steps.1] * right[k * b_steps.0 + c * b_steps.1];
                    }
                    let mut out = alpha * sum;
                    if let Some((spread, beta)) = add {
                        let at = r * spread.strides[0] + c * spread.strides[1];
                        out += beta * before[spread.from.clone()][at];
                    }
                    after[r * columns + c] = out;
                }
            }
        }
        Step::Concat { parts, blocks, to } => {
            let (before, after) = row.split_at_mut(to.start);
            let mut at = 0;
            for block in 0..*blocks {
                for (from, run) in parts {
                    let begin = from.start + block * run;
                    after[at..at + run].copy_from_slice(&before[begin..begin + run]);
                    at += run;
                }
            }
        }
    }
}

fn place(index: &[usize; RANK_MAX], strides: &[usize; RANK_MAX]) -> usize {
    index.iter().zip(strides).map(|(i, s)| i * s).sum()
}

/// The next place of a tensor, the last axis first.
fn next(index: &mut [usize; RANK_MAX], sizes: &[usize; RANK_MAX]) {
    for axis in (0..RANK_MAX).rev() {
        index[axis] += 1;
        if index[axis] < sizes[axis] {
            return;
        }
        index[axis] = 0;
    }
}
