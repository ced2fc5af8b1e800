//! STATE: by which the nodes of a broker know whether their host is there (specification 3.0, chapters 4 and 5).
//!
//! The host says it retained, at QoS 1, as JSON, and leaves it as its last will. Birth and will carry the same time, so that
//! a will that comes late is known for older than the next birth. Dates are given by who has a clock: nothing here has one.

use super::NAMESPACE;
use crate::wire::Presence;

/// The name of a host whose rig gives it none.
pub const DEFAULT_HOST: &str = "checkrein";

/// The topic of a host's STATE.
pub fn topic(host: &str) -> String {
    format!("{NAMESPACE}/STATE/{host}")
}

/// What one STATE says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct State {
    pub online: bool,
    /// Milliseconds since 1970, UTC.
    pub timestamp: u64,
}

impl State {
    /// Its payload.
    pub fn write(&self) -> Vec<u8> {
        format!(r#"{{"online":{},"timestamp":{}}}"#, self.online, self.timestamp).into_bytes()
    }
    /// What a payload says; `None` where it lacks one of the two, or one is of another type.
    pub fn read(payload: &[u8]) -> Option<State> {
        let fields: serde_json::Value = serde_json::from_slice(payload).ok()?;
        Some(State { online: fields.get("online")?.as_bool()?, timestamp: fields.get("timestamp")?.as_u64()? })
    }
}

/// The presence of the host of that name.
pub fn presence(host: &str) -> Presence {
    Presence {
        topic: topic(host).into(),
        says: |online, timestamp| State { online, timestamp }.write(),
        contradicts: |born, payload| contradiction(born, payload).map(|state| state.write()),
    }
}

/// What to say to somebody who says on our topic that we are gone: that we are not. It is never earlier than theirs, or nodes
/// would take theirs for the newer word.
fn contradiction(born: u64, payload: &[u8]) -> Option<State> {
    let said = State::read(payload)?;
    (!said.online).then(|| State { online: true, timestamp: born.max(said.timestamp) })
}

/// What an edge node knows of its primary host.
#[derive(Clone, Debug)]
pub struct Primary {
    topic: String,
    /// What counts last.
    known: Option<State>,
}

impl Primary {
    /// Nothing is known of the host of that name.
    pub fn new(host: &str) -> Primary {
        Primary { topic: topic(host), known: None }
    }
    /// The topic that it listens to.
    pub fn topic(&self) -> &str {
        &self.topic
    }
    /// Whether the host is there.
    pub fn online(&self) -> bool {
        self.known.is_some_and(|state| state.online)
    }
    /// Takes a message; tells whether the host is there now, where that has changed. What is older than what is known does
    /// not count.
    pub fn hear(&mut self, topic: &str, payload: &[u8]) -> Option<bool> {
        let said = State::read(payload).filter(|_| topic == self.topic)?;
        if self.known.is_some_and(|known| said.timestamp < known.timestamp) {
            return None;
        }
        let was = self.online();
        self.known = Some(said);
        (was != said.online).then_some(said.online)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "spBv1.0/STATE/bench";

    fn said(online: bool, timestamp: u64) -> Vec<u8> {
        State { online, timestamp }.write()
    }

    #[test]
    fn a_state_reads_back_and_nothing_else_does() {
        assert_eq!(said(true, 1_700_000_000_123), br#"{"online":true,"timestamp":1700000000123}"#);
        let spaced = br#" { "timestamp" : 5, "online" : false, "more": 1 } "#;
        assert_eq!(State::read(spaced), Some(State { online: false, timestamp: 5 }));
        for wrong in [
            "OFFLINE",
            "",
            "{}",
            r#"{"online":1,"timestamp":5}"#,
            r#"{"online":true}"#,
            r#"{"online":true,"timestamp":-5}"#,
        ] {
            assert_eq!(State::read(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_newest_word_of_ones_own_host_counts() {
        let mut primary = Primary::new("bench");
        assert!(!primary.online());
        assert_eq!(primary.hear("spBv1.0/STATE/other", &said(true, 9)), None);
        assert_eq!(primary.hear(TOPIC, &said(true, 5)), Some(true));
        assert_eq!(primary.hear(TOPIC, &said(false, 4)), None, "the will of a session before this one");
        assert!(primary.online());
        assert_eq!(primary.hear(TOPIC, &said(true, 6)), None, "no news");
        assert_eq!(primary.hear(TOPIC, b"OFFLINE"), None);
        assert_eq!(primary.hear(TOPIC, &said(false, 6)), Some(false), "birth and will have the same time");
        assert!(!primary.online());
        assert_eq!(primary.hear(TOPIC, &said(true, 5)), None);
    }

    #[test]
    fn who_says_that_we_are_gone_is_contradicted_so_that_nodes_believe_it() {
        let ours = presence("bench");
        assert_eq!((&*ours.topic, (ours.says)(true, 7)), (TOPIC, said(true, 7)));
        assert_eq!((ours.contradicts)(7, &said(true, 3)), None);
        assert_eq!((ours.contradicts)(7, b"nonsense"), None);
        for theirs in [3, 9] {
            let mut primary = Primary::new("bench");
            primary.hear(TOPIC, &said(true, 7));
            primary.hear(TOPIC, &said(false, theirs));
            let word = (ours.contradicts)(7, &said(false, theirs)).expect("it is contradicted");
            assert!(State::read(&word).is_some_and(|word| word.timestamp >= 7));
            primary.hear(TOPIC, &word);
            assert!(primary.online(), "{theirs}");
        }
    }
}
