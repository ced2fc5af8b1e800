//! GRBL 1.1: a motion controller that is sent lines of G-code and real-time bytes, and answers in lines of text.
//!
//! Invariant: no check sums are invented: GRBL has none, so a flipped digit of a report is a number like any other.

pub mod device;
pub mod host;
pub mod report;
mod words;

/// Bytes that the controller's receive buffer holds: `RX_BUFFER_SIZE` of GRBL 1.1 on an ATmega328.
pub const RX_BYTES: usize = 128;
/// Longest line without its end: `LINE_BUFFER_SIZE` of GRBL 1.1 less the closing zero.
pub const LINE_BYTES: usize = 79;
/// Soft reset.
pub const RESET: u8 = 0x18;
/// Safety door: stops under control and switches the tool off.
pub const DOOR: u8 = 0x84;
/// Jog cancel.
pub const JOG_CANCEL: u8 = 0x85;
/// A byte that GRBL passes over: what a watchdog on its line can live on.
pub const HEARTBEAT: u8 = 0xFF;
