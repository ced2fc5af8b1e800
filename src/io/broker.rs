//! The embedded broker: a child process, so that it outlives a killed harness and its clients' wills still go out.
//!
//! The library is `mqtt5`, with its storage off. One user, password and access list per device, made for one run.
//!
//! Invariant: nobody without a list publishes or subscribes, and the broker is heard on the loopback alone.

use crate::io::child::{self, Lines};
use crate::io::os::{self, Deaf};
use mqtt5::broker::MqttBroker;
use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::broker::config::{BrokerConfig, StorageBackend, StorageConfig};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long the broker stays at least when the harness is gone, so that wills fire and twins hear them.
pub const GRACE: Duration = Duration::from_secs(3);

/// Who may do what: one per device, and one for the harness.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    pub password: String,
    /// Topics it may publish to; may hold the wildcards `+` and `#`.
    pub publish: Vec<String>,
    /// Topics it may subscribe to; may hold the wildcards `+` and `#`.
    pub subscribe: Vec<String>,
}

impl User {
    /// A user with a password of its own, drawn anew.
    pub fn new(name: &str, publish: Vec<String>, subscribe: Vec<String>) -> std::io::Result<User> {
        Ok(User { name: name.to_owned(), password: random_word()?, publish, subscribe })
    }
    /// The harness itself: it may do everything.
    pub fn harness() -> std::io::Result<User> {
        User::new("checkrein", vec!["#".into()], vec!["#".into()])
    }
}

/// Sixteen random bytes of the system as text: nobody guesses it.
pub fn random_word() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[derive(Serialize, Deserialize)]
struct Setup {
    users: Vec<User>,
    grace_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Ready {
    port: u16,
}

/// A running embedded broker. Dropping it closes its standard input: it then waits a grace and leaves.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    child: child::Child,
}

impl Broker {
    /// Starts the child (`program child broker`) and waits until it listens.
    pub fn start(program: &Path, users: &[User]) -> Result<Broker, String> {
        Broker::start_for(program, users, GRACE)
    }
    /// Like [`Broker::start`]; it stays for this long when the harness is gone.
    pub fn start_for(program: &Path, users: &[User], grace: Duration) -> Result<Broker, String> {
        let setup = Setup { users: users.to_vec(), grace_ms: grace.as_millis() as u64 };
        let mut child = child::Child::start(program, "broker", &setup)?;
        let ready: Ready = child.line()?;
        Ok(Broker { port: ready.port, child })
    }
    /// The port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }
    /// Stops it at once, and waits for its end.
    pub fn stop(mut self) -> Result<(), String> {
        self.child.say(&"stop")?;
        self.child.wait()
    }
}

/// Access lists by user name.
struct Gate(BTreeMap<String, User>);

impl AuthProvider for Gate {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _from: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = mqtt5::error::Result<AuthResult>> + Send + 'a>> {
        let user = connect.username.as_deref().and_then(|name| self.0.get(name));
        let known = user.filter(|user| connect.password.as_deref() == Some(user.password.as_bytes()));
        // The will is said in the user's name, so it is held to the user's list.
        let will_allowed = |user: &User| {
            connect.will.as_ref().is_none_or(|will| user.publish.iter().any(|list| covers(list, &will.topic)))
        };
        let result = match known {
            Some(user) if will_allowed(user) => AuthResult::success_with_user(user.name.clone()),
            Some(_) => AuthResult::fail(ReasonCode::NotAuthorized),
            None => AuthResult::fail(ReasonCode::BadUsernameOrPassword),
        };
        Box::pin(std::future::ready(Ok(result)))
    }
    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let user = user_id.and_then(|name| self.0.get(name));
        let allowed = user.is_some_and(|user| user.publish.iter().any(|list| covers(list, topic)));
        Box::pin(std::future::ready(allowed))
    }
    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        filter: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let user = user_id.and_then(|name| self.0.get(name));
        let allowed = user.is_some_and(|user| user.subscribe.iter().any(|list| covers(list, filter)));
        Box::pin(std::future::ready(allowed))
    }
}

/// True when everything that `asked` (a topic or a filter) can match is matched by `allowed`.
fn covers(allowed: &str, asked: &str) -> bool {
    // What brokers say of themselves ($SYS) is nobody's, and a shared subscription is judged by what it shares.
    let asked = match asked.strip_prefix("$share/").and_then(|rest| rest.split_once('/')) {
        Some((_, shared)) => shared,
        None if asked.starts_with('$') => return false,
        None => asked,
    };
    let mut theirs = asked.split('/');
    for level in allowed.split('/') {
        let their_level = theirs.next();
        match (level, their_level) {
            ("#", _) => return true,
            (_, None | Some("#")) => return false,
            ("+", Some(_)) => (),
            (level, Some(their_level)) if level == their_level => (),
            _ => return false,
        }
    }
    theirs.next().is_none()
}

/// The child: `checkrein child broker`.
pub fn child() -> ExitCode {
    os::ignore_signals(Deaf::Terminal);
    let (setup, lines): (Setup, Lines) = match child::hear_setup() {
        Ok(heard) => heard,
        Err(why) => return child::fail(&why),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return child::fail(&error.to_string()),
    };
    match runtime.block_on(serve(setup, lines)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => child::fail(&why),
    }
}

async fn serve(setup: Setup, mut lines: Lines) -> Result<(), String> {
    let config = BrokerConfig {
        bind_addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        max_packet_size: crate::io::mqtt::PACKET_MAX,
        // Deep enough that QoS 0 is not shed while a client catches up: 20 s of 5,000 messages a second.
        client_channel_capacity: 100_000,
        sys_topics_enabled: false,
        storage_config: StorageConfig::default().with_backend(StorageBackend::Memory).with_persistence(false),
        ..BrokerConfig::default()
    };
    let grace = Duration::from_millis(setup.grace_ms);
    let gate = Gate(setup.users.into_iter().map(|user| (user.name.clone(), user)).collect());
    let mut broker =
        MqttBroker::with_config(config).await.map_err(|error| error.to_string())?.with_auth_provider(Arc::new(gate));
    let port = broker.local_addr().ok_or("the broker has no port")?.port();
    let (stop, mut ready) = (broker.shutdown_handle(), broker.ready_receiver());
    let serving = tokio::spawn(async move { broker.run().await });
    // Before that a word to stop would reach nobody, and the broker would stay.
    if ready.wait_for(|ready| *ready).await.is_err() {
        serving.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        return Err("the broker ended before it was ready".into());
    }
    child::print(&Ready { port })?;
    while let Some(line) = lines.next().await {
        if line == "\"stop\"" {
            stop.shutdown();
            return serving.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string());
        }
    }
    // The harness is gone without a word: its will goes out now, and the twins may still need us to be safe.
    tokio::time::sleep(grace).await;
    stop.shutdown();
    serving.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_cover_what_they_say_and_no_more() {
        let cases = [
            ("#", "a/b", true),
            ("#", "#", true),
            ("#", "$SYS/broker", false),
            ("pilot/#", "pilot", true),
            ("pilot/#", "pilot/cmd", true),
            ("pilot/#", "pilots/cmd", false),
            ("pilot/+", "pilot/cmd", true),
            ("pilot/+", "pilot/#", false),
            ("pilot/+", "pilot/cmd/go", false),
            ("pilot/cmd", "pilot/+", false),
            ("pilot/cmd", "#", false),
            ("pilot/cmd", "pilot", false),
            ("pilot/cmd", "$share/team/pilot/cmd", true),
            ("pilot/cmd", "$share/team/fc/cmd", false),
        ];
        for (allowed, asked, expected) in cases {
            assert_eq!(covers(allowed, asked), expected, "{allowed} covers {asked}");
        }
    }

    #[test]
    fn passwords_are_long_and_never_the_same() {
        let (one, other) = (User::harness().unwrap(), User::harness().unwrap());
        assert_eq!(one.password.len(), 32);
        assert_ne!(one.password, other.password);
    }
}
