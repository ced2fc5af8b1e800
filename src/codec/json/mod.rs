//! JSON objects over MQTT.

pub mod device;
pub mod host;
