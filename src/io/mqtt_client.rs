//! rumqttc's two clients, 3.1.1 and 5, behind one face.
//!
//! Invariant: TCP_NODELAY is on, the session is clean, and an error ends the client: whoever wants another makes one.

use crate::io::mqtt::{Config, PACKET_MAX};
use crate::io::tunnel::connect_words;
use crate::wire::FrameFlags;
use rumqttc::{Outgoing, v5};
use std::path::Path;
use std::time::Duration;

/// Requests that wait in the client: more than the link's own task ever gives it.
const CHANNEL: usize = 1024;

/// What happens on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    Connected,
    /// The broker answered our subscriptions; these (by place) it refused.
    Subscribed(Vec<usize>),
    Message {
        topic: String,
        bytes: Vec<u8>,
        flags: FrameFlags,
    },
    /// The oldest publish that had not left yet was written to the socket.
    PublishLeft,
    /// The broker answered an unsubscription, and so has read all that was said before it.
    Unsubscribed,
    Other,
}

/// A connection to a broker, not cancel-safe: a task of its own asks for what is next.
pub struct Client {
    kind: Kind,
    host: String,
    port: u16,
}

enum Kind {
    Three(rumqttc::AsyncClient, Box<rumqttc::EventLoop>),
    Five(v5::AsyncClient, Box<v5::EventLoop>),
}

/// Gives work to a [`Client`].
#[derive(Clone)]
pub enum Sender {
    Three(rumqttc::AsyncClient),
    Five(v5::AsyncClient),
}

impl Client {
    /// Connects by itself to the configured host.
    pub fn direct(config: &Config) -> Client {
        Client::make(config, None)
    }
    /// Connects to a Unix socket behind which the broker is.
    pub fn through(config: &Config, socket: &Path) -> Client {
        Client::make(config, Some(socket))
    }

    fn make(config: &Config, socket: Option<&Path>) -> Client {
        let keep_alive = config.keep_alive.max(Duration::from_secs(1));
        let address = socket.map_or_else(|| config.host.clone(), |path| path.display().to_string());
        let kind = if config.version == 5 {
            let mut options = v5::MqttOptions::new(&config.client_id, address, config.port);
            options.set_keep_alive(keep_alive).set_clean_start(true).set_max_packet_size(Some(PACKET_MAX as u32));
            let mut network = options.network_options();
            network.set_tcp_nodelay(true);
            options.set_network_options(network);
            if socket.is_some() {
                options.set_transport(rumqttc::Transport::unix());
            }
            if let Some(login) = &config.login {
                options.set_credentials(&login.user, &login.password);
            }
            if let Some(will) = &config.will {
                let qos = qos_five(will.qos);
                let will = v5::mqttbytes::v5::LastWill::new(&will.topic, will.payload.clone(), qos, will.retain, None);
                options.set_last_will(will);
            }
            let (client, events) = v5::AsyncClient::new(options, CHANNEL);
            Kind::Five(client, Box::new(events))
        } else {
            let mut options = rumqttc::MqttOptions::new(&config.client_id, address, config.port);
            options.set_keep_alive(keep_alive).set_clean_session(true).set_max_packet_size(PACKET_MAX, PACKET_MAX);
            if socket.is_some() {
                options.set_transport(rumqttc::Transport::unix());
            }
            if let Some(login) = &config.login {
                options.set_credentials(&login.user, &login.password);
            }
            if let Some(will) = &config.will {
                let qos = qos_three(will.qos);
                options.set_last_will(rumqttc::LastWill::new(&will.topic, will.payload.clone(), qos, will.retain));
            }
            let (client, mut events) = rumqttc::AsyncClient::new(options, CHANNEL);
            let mut network = rumqttc::NetworkOptions::new();
            network.set_tcp_nodelay(true);
            events.set_network_options(network);
            Kind::Three(client, Box::new(events))
        };
        Client { kind, host: config.host.clone(), port: config.port }
    }

    /// The end that gives work.
    pub fn sender(&self) -> Sender {
        match &self.kind {
            Kind::Three(client, _) => Sender::Three(client.clone()),
            Kind::Five(client, _) => Sender::Five(client.clone()),
        }
    }

    /// What happens next. An error says in words why the connection ended, and is the last thing that happens.
    pub async fn next(&mut self) -> Result<Happening, String> {
        match &mut self.kind {
            Kind::Three(_, events) => {
                events.poll().await.map(happened_three).map_err(|error| words_three(&self.host, self.port, &error))
            }
            Kind::Five(_, events) => {
                happened_five(events.poll().await.map_err(|error| words_five(&self.host, self.port, &error))?)
            }
        }
    }
}

impl Sender {
    /// Asks for the topics, at QoS 1 at most.
    pub fn subscribe(&self, filters: &[String]) -> Result<(), String> {
        match self {
            Sender::Three(client) => {
                let filters = filters
                    .iter()
                    .map(|filter| rumqttc::SubscribeFilter::new(filter.clone(), rumqttc::QoS::AtLeastOnce));
                client.try_subscribe_many(filters).map_err(|error| error.to_string())
            }
            Sender::Five(client) => {
                let filters = filters
                    .iter()
                    .map(|filter| v5::mqttbytes::v5::Filter::new(filter.clone(), v5::mqttbytes::QoS::AtLeastOnce));
                client.try_subscribe_many(filters).map_err(|error| error.to_string())
            }
        }
    }
    /// Publishes; waits while the client's channel is full.
    pub async fn publish(&self, topic: &str, flags: FrameFlags, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Sender::Three(client) => client
                .publish(topic, qos_three(flags.qos), flags.retained, bytes)
                .await
                .map_err(|error| error.to_string()),
            Sender::Five(client) => client
                .publish(topic, qos_five(flags.qos), flags.retained, bytes)
                .await
                .map_err(|error| error.to_string()),
        }
    }
    /// Takes a subscription back; waits while the client's channel is full.
    pub async fn unsubscribe(&self, filter: &str) -> Result<(), String> {
        match self {
            Sender::Three(client) => client.unsubscribe(filter).await.map_err(|error| error.to_string()),
            Sender::Five(client) => client.unsubscribe(filter).await.map_err(|error| error.to_string()),
        }
    }
    /// Says good-bye, so that the will does not fire.
    pub async fn disconnect(&self) {
        // A client whose connection is gone needs no good-bye.
        let _ = match self {
            Sender::Three(client) => client.disconnect().await.is_ok(),
            Sender::Five(client) => client.disconnect().await.is_ok(),
        };
    }
}

fn qos_three(qos: u8) -> rumqttc::QoS {
    match qos {
        0 => rumqttc::QoS::AtMostOnce,
        1 => rumqttc::QoS::AtLeastOnce,
        _ => rumqttc::QoS::ExactlyOnce,
    }
}

fn qos_five(qos: u8) -> v5::mqttbytes::QoS {
    match qos {
        0 => v5::mqttbytes::QoS::AtMostOnce,
        1 => v5::mqttbytes::QoS::AtLeastOnce,
        _ => v5::mqttbytes::QoS::ExactlyOnce,
    }
}

fn happened_three(event: rumqttc::Event) -> Happening {
    use rumqttc::{Event, Packet, SubscribeReasonCode};
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
        Event::Incoming(Packet::SubAck(ack)) => {
            let refused = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Failure);
            Happening::Subscribed(places(&ack.return_codes, refused))
        }
        Event::Incoming(Packet::Publish(publish)) => Happening::Message {
            topic: publish.topic,
            bytes: publish.payload.to_vec(),
            flags: FrameFlags { retained: publish.retain, duplicate: publish.dup, qos: publish.qos as u8 },
        },
        Event::Outgoing(Outgoing::Publish(_)) => Happening::PublishLeft,
        Event::Incoming(Packet::UnsubAck(_)) => Happening::Unsubscribed,
        _ => Happening::Other,
    }
}

fn happened_five(event: v5::Event) -> Result<Happening, String> {
    use v5::Event;
    use v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
    Ok(match event {
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
        Event::Incoming(Packet::SubAck(ack)) => {
            let refused = |code: &SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
            Happening::Subscribed(places(&ack.return_codes, refused))
        }
        Event::Incoming(Packet::Publish(publish)) => Happening::Message {
            topic: String::from_utf8(publish.topic.to_vec()).map_err(|_| "a topic of the broker's is no text")?,
            bytes: publish.payload.to_vec(),
            flags: FrameFlags { retained: publish.retain, duplicate: publish.dup, qos: publish.qos as u8 },
        },
        Event::Outgoing(Outgoing::Publish(_)) => Happening::PublishLeft,
        Event::Incoming(Packet::UnsubAck(_)) => Happening::Unsubscribed,
        _ => Happening::Other,
    })
}

fn places<T>(codes: &[T], refused: impl Fn(&T) -> bool) -> Vec<usize> {
    codes.iter().enumerate().filter(|(_, code)| refused(code)).map(|(place, _)| place).collect()
}

const BAD_LOGIN: &str = "the broker refuses our user and password";

fn words_three(host: &str, port: u16, error: &rumqttc::ConnectionError) -> String {
    use rumqttc::{ConnectReturnCode, ConnectionError, StateError};
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => format!("{host}:{port}: {BAD_LOGIN}"),
        ConnectionError::ConnectionRefused(code) => format!("{host}:{port}: the broker refuses us: {code:?}"),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => format!("{host}:{port} does not answer"),
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => io_words(host, port, error),
        ConnectionError::MqttState(StateError::AwaitPingResp) => format!("{host}:{port} no longer answers"),
        ConnectionError::MqttState(StateError::ConnectionAborted) => closed(host, port),
        other => format!("{host}:{port}: {other}"),
    }
}

fn words_five(host: &str, port: u16, error: &v5::ConnectionError) -> String {
    use v5::mqttbytes::v5::ConnectReturnCode;
    use v5::{ConnectionError, StateError};
    match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
                format!("{host}:{port}: {BAD_LOGIN}")
            }
            code => format!("{host}:{port}: the broker refuses us: {code:?}"),
        },
        ConnectionError::Timeout(_) => format!("{host}:{port} does not answer"),
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => io_words(host, port, error),
        ConnectionError::MqttState(StateError::AwaitPingResp) => format!("{host}:{port} no longer answers"),
        ConnectionError::MqttState(StateError::ConnectionAborted) => closed(host, port),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            format!("{host}:{port}: the broker sends us away: {reason_code:?}")
        }
        other => format!("{host}:{port}: {other}"),
    }
}

fn io_words(host: &str, port: u16, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionAborted
        | std::io::ErrorKind::ConnectionReset
        | std::io::ErrorKind::BrokenPipe
        | std::io::ErrorKind::UnexpectedEof => closed(host, port),
        _ => connect_words(host, port, error),
    }
}

fn closed(host: &str, port: u16) -> String {
    format!("{host}:{port} closed the connection")
}
