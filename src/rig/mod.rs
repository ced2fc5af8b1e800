//! Rig and envelope files -> [`Rig`]: links, devices, signals, commands, ladders, rules.
//!
//! Invariant: a `Rig` is complete and consistent: whatever could be wrong with the files was said before one exists.

mod bounds;
mod budget;
mod commands;
mod controllers;
mod devices;
mod envelope;
mod fallback;
mod keys;
mod links;
mod load;
mod model;
mod names;
mod policies;
mod protocols;
mod rules;
mod safety;
mod signals;
mod stops;
pub mod twins;
pub(crate) mod yaml;

pub use bounds::{LookAhead, look_ahead};
pub use budget::KEEP_ALIVE;
pub(crate) use commands::call;
pub(crate) use envelope::for_trace as rules_for_trace;
pub(crate) use keys::RULE as RULE_KEYS;
pub use keys::{envelope_schema, schema};
pub(crate) use load::{FileKind, Loaded, load};
pub use load::{is_rig, name_in};
pub use model::{
    ACTS_WITHIN, BringUp, Broker, DeadMan, DeviceDef, EStopDef, FallbackArg, FallbackDef, Flow, HandBackDef, HoldDef,
    LinkDef, LinkKind, MarginUnit, MayDef, MqttDef, Origin, Parity, PortName, Reaction, Rig, Role, Rule, RungDef,
    Secret, SerialDef, StopCategory, Tls, WorldDef,
};
pub(crate) use names::{Names, Place, tidy_path};
pub use policies::schema as mapping_schema;
pub(crate) use policies::{TWIN as POLICY_TWIN, misfits as policy_misfits, named as named_policy, read as read_policy};
pub(crate) use rules::{Read as ReadRule, read as read_rules};
pub(crate) use safety::known;
