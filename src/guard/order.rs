//! What the guard tells its caller to do, in a buffer of fixed size.

use crate::guard::cause::Cause;
use crate::guard::ladder::{LADDERS_MAX, LadderId, RUNGS_MAX, RungId};

/// What the guard tells its caller to do or to note, in order.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Order {
    /// The first cause, or one that outranks the one before, was latched.
    Tripped { cause: Cause },
    /// Write this rung's frames now.
    Issue { ladder: LadderId, rung: RungId },
    /// This rung was passed over since its `when` did not hold.
    Skipped { ladder: LadderId, rung: RungId },
    /// `safe` was confirmed.
    Safe { ladder: LadderId },
    /// The last rung was not confirmed in time: a person must look.
    Alarm { ladder: LadderId },
}

/// Fixed room for the orders of one call: 16 ladders can pass over all their rungs and issue one, with the trip itself.
pub const ORDERS_MAX: usize = LADDERS_MAX * (RUNGS_MAX + 2) + 2;

/// Orders of one call, in order; no allocation. The caller clears it once it has carried them out.
#[derive(Clone, Debug)]
pub struct Rungs {
    len: usize,
    orders: [Order; ORDERS_MAX],
}

impl Default for Rungs {
    fn default() -> Rungs {
        Rungs::new()
    }
}

impl Rungs {
    /// None yet.
    pub const fn new() -> Rungs {
        Rungs { len: 0, orders: [Order::Alarm { ladder: LadderId(0) }; ORDERS_MAX] }
    }
    /// Forgets all orders.
    pub fn clear(&mut self) {
        self.len = 0;
    }
    /// Adds an order. The room suffices by construction; a full buffer is our bug and panics.
    pub fn push(&mut self, order: Order) {
        self.orders[self.len] = order;
        self.len += 1;
    }
    /// The orders so far.
    pub fn as_slice(&self) -> &[Order] {
        &self.orders[..self.len]
    }
}
