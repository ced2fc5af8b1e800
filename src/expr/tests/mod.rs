//! What formulas mean, which are refused, and what is worked out of them.

mod bench;
mod limits;
mod meaning;
mod random;
mod say;
mod typed;

use bench::Bench;
