//! What every protocol must keep, protocol by protocol.

mod any_bytes;
mod binary;
mod can_stream;
mod can_values;
mod captures;
mod framed;
mod framed_bytes;
mod grbl;
mod json;
mod json_lines;
mod lines;
mod mavlink_bench;
mod mavlink_orders;
mod mavlink_questions;
mod mavlink_safe;
mod mavlink_stream;
mod mistakes;
mod modbus;
mod nmea;
mod protobuf;
mod sparkplug;
mod sparkplug_captures;
