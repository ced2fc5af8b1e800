//! CAN over a serial adapter (SLCAN, as LAWICEL wrote it down), its signals from a DBC file, and questions of OBD-II.
//!
//! Invariant: no frame is guessed: a line that is not whole is noise, a signal that a frame does not carry is not told.

pub mod dbc;
pub mod device;
pub mod host;
mod isotp;
mod plan;
pub mod slcan;

/// The text of a DBC file with the name it goes by in messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DbcSource {
    pub name: String,
    pub text: String,
}

/// How a link's adapter is to be set up.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Setup {
    /// Bits per second: one of [`slcan::BIT_RATES`].
    pub bit_rate: u32,
}
