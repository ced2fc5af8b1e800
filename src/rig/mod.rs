//! Rig and envelope files -> [`Rig`]: links, devices, signals, commands, ladders, rules.
//!
//! Invariant: a `Rig` is complete and consistent: whatever could be wrong with the files was said before one exists.

mod budget;
mod commands;
mod controllers;
mod devices;
mod envelope;
mod keys;
mod links;
mod load;
mod model;
mod names;
mod rules;
mod safety;
mod signals;
pub(crate) mod yaml;

pub use keys::{envelope_schema, schema};
pub(crate) use load::{Loaded, RULE_KEYS, load};
pub use model::{
    Broker, DeadMan, DeviceDef, Flow, LinkDef, LinkKind, MarginUnit, MayDef, MqttDef, Origin, Parity, PortName,
    Reaction, Rig, Role, Rule, RungDef, Secret, SerialDef, Tls, WorldDef,
};
