//! MAVLink 1 and 2.

pub mod device;
pub mod dialect;
pub mod host;

pub use dialect::DialectSource;
