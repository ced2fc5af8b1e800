//! Sparkplug B 3.0 over MQTT, from the side of the primary host; [`device`] is its mirror, an edge node.
//!
//! Invariant: a metric's value is used only after a birth certificate announced it, and no command is ever retained.

pub mod device;
pub mod host;
pub mod payload;
mod plan;
pub mod state;

/// The namespace: first level of every topic.
pub const NAMESPACE: &str = "spBv1.0";
/// The metric by which an edge node is asked for its birth certificates (specification 3.0, 6.4.17).
pub const REBIRTH: &str = "Node Control/Rebirth";
/// The metric that ties a death certificate to its birth.
pub const BD_SEQ: &str = "bdSeq";

/// What an edge node publishes, and what it hears.
pub fn topics(group: &str, node: &str) -> (Vec<String>, Vec<String>) {
    let topic = |kind: &str, tail: &str| format!("{NAMESPACE}/{group}/{kind}/{node}{tail}");
    let publishes = vec![
        topic("NBIRTH", ""),
        topic("NDATA", ""),
        topic("NDEATH", ""),
        topic("DBIRTH", "/+"),
        topic("DDATA", "/+"),
        topic("DDEATH", "/+"),
    ];
    (publishes, vec![topic("NCMD", ""), topic("DCMD", "/+")])
}

/// Where an edge node, or a device of it, is told something.
pub fn told_on(group: &str, node: &str, device: Option<&str>) -> String {
    match device {
        None => format!("{NAMESPACE}/{group}/NCMD/{node}"),
        Some(device) => format!("{NAMESPACE}/{group}/DCMD/{node}/{device}"),
    }
}

/// The parts of a topic: group, kind of message, edge node, device.
pub(crate) fn parts(topic: &str) -> Option<(&str, &str, &str, Option<&str>)> {
    let mut levels = topic.split('/');
    let (namespace, group, kind, node) = (levels.next()?, levels.next()?, levels.next()?, levels.next()?);
    let device = levels.next();
    (namespace == NAMESPACE && levels.next().is_none()).then_some((group, kind, node, device))
}
