//! NMEA 0183: sentences of positioning receivers over a serial line.
//!
//! A sentence is `$`, an address (talker and three letters), fields behind commas, `*`, two hexadecimal digits of an exclusive
//! or over everything between, and a line end. A sentence without a check sum is no sentence here.

pub mod device;
pub mod host;
pub mod sentence;
