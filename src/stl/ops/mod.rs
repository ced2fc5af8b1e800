//! One file per operator with a memory. Each is told the value of its operand when that changes, and says its own
//! value and the next slot at which that will change if the operand doesn't.
//!
//! Invariant: no operator looks at the future: a future operator is judged when its window has passed.

mod delay;
mod early;
mod liveness;
mod mean;
mod ring;
mod rise;
mod since;
mod until;
mod waiting;
mod wedge;
mod window;

pub(super) use delay::Delay;
pub(super) use early::{Early, Lasts, Promise};
pub(super) use liveness::Liveness;
pub(super) use mean::Mean;
pub(super) use rise::Rise;
pub(super) use since::Since;
pub(super) use until::Until;
pub(super) use waiting::Waiting;
pub(super) use window::Once;
