//! What a connection to a broker tells others of who holds it.

use std::sync::Arc;

/// That somebody is there, and that they are gone. Who holds the connection says it, since it is bound to that: retained, at
/// QoS 1, when the subscriptions stand; and as the connection's will. What the words look like is the protocol's business.
/// Times are in milliseconds since 1970, UTC.
#[derive(Clone, Debug)]
pub struct Presence {
    /// Where it is said.
    pub topic: Arc<str>,
    /// The payload that says so (`true`: there) at that time.
    pub says: fn(bool, u64) -> Vec<u8>,
    /// The answer to a payload on the topic, where it denies what was said at that time.
    pub contradicts: fn(u64, &[u8]) -> Option<Vec<u8>>,
}
