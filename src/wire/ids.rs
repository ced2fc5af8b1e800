//! Small names for links, devices and lanes. `core` only: the guard rests on them.

/// A link of the rig: a serial port or a broker, by its place in the rig file.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u16);

/// A device of the rig, by its place in the rig file.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeviceId(pub u16);

/// Which queue an outgoing frame waits in. A trip closes `Normal` for good; `Query` can never energise.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lane {
    /// The ladder's frames.
    Safe,
    /// Polls, status requests, heartbeats.
    Query,
    /// Everything that may move something.
    Normal,
}
