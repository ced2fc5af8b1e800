//! Modbus RTU over a serial line. We are the client: nothing is heard that was not asked for.
//!
//! After the Modbus Application Protocol 1.1b3 and Modbus over Serial Line 1.02 (Modbus Organization).
//!
//! Invariant: one request is under way at a time, and silence of 3.5 characters parts it from the next.

pub mod device;
mod field;
pub mod frame;
pub mod host;
mod plan;

pub use field::{Cell, Kind, Table, WordOrder};
