//! Whether somebody may publish on a topic of a broker: tried, since no broker tells its access lists.
//!
//! Invariant: what is published is empty, is not retained, and goes only to topics that the caller names.

use crate::io::mqtt::Config;
use crate::io::mqtt_client::{Client, Happening, Sender};
use crate::io::tunnel::Tunnel;
use crate::wire::FrameFlags;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

/// How long a broker may take to let somebody in, and to bring a message.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a message may take from one client of a broker to the other.
const SILENCE: Duration = Duration::from_millis(500);

/// What somebody may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// The broker does not let them in, with its reason in words.
    Out(String),
    /// They are let in; these of the topics take what they publish.
    In(Vec<String>),
}

/// A client with a task of its own, since asking for what is next cannot be given up in the middle.
struct Tasked {
    sender: Sender,
    happenings: UnboundedReceiver<Result<Happening, String>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Tasked {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Tasked {
    async fn start(config: &Config) -> Result<Tasked, String> {
        let tunnel = match &config.tls {
            Some(settings) => Some(Tunnel::open(&config.host, config.port, settings).await?),
            None => None,
        };
        let mut client = match &tunnel {
            Some(tunnel) => Client::through(config, &tunnel.path()),
            None => Client::direct(config),
        };
        let sender = client.sender();
        let (tell, happenings) = unbounded_channel();
        let mut tasks = Vec::new();
        if let Some(tunnel) = tunnel {
            tasks.push(tokio::spawn(async { drop(tunnel.carry().await) }));
        }
        tasks.push(tokio::spawn(async move {
            loop {
                let happening = client.next().await;
                let over = happening.is_err();
                if tell.send(happening).is_err() || over {
                    return;
                }
            }
        }));
        Ok(Tasked { sender, happenings, tasks })
    }

    /// Waits for a happening of this kind. The error: the broker's, or that it does not answer.
    async fn until(&mut self, wanted: impl Fn(&Happening) -> bool) -> Result<Happening, String> {
        let wait = async {
            while let Some(happening) = self.happenings.recv().await {
                let happening = happening?;
                if wanted(&happening) {
                    return Ok(happening);
                }
            }
            Err("the connection ended".to_owned())
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| Err("the broker does not answer".to_owned()))
    }
}

/// Tries whether `speaker` may publish on these topics, heard by `listener`, which must be allowed to subscribe to them. The
/// error: the listener cannot listen.
pub async fn try_publish(listener: &Config, speaker: &Config, topics: &[String]) -> Result<Access, String> {
    let mut open = Vec::new();
    for topic in topics {
        let mut ear = Tasked::start(listener).await?;
        ear.until(|happening| *happening == Happening::Connected).await?;
        ear.sender.subscribe(std::slice::from_ref(topic))?;
        match ear.until(|happening| matches!(happening, Happening::Subscribed(_))).await? {
            Happening::Subscribed(refused) if refused.is_empty() => {}
            _ => return Err(format!("our own user may not subscribe to {topic}")),
        }
        let mut mouth = match Tasked::start(speaker).await {
            Ok(mouth) => mouth,
            Err(why) => return Ok(Access::Out(why)),
        };
        if let Err(why) = mouth.until(|happening| *happening == Happening::Connected).await {
            return Ok(Access::Out(why));
        }
        let flags = FrameFlags { qos: 1, ..FrameFlags::default() };
        if mouth.sender.publish(topic, flags, Vec::new()).await.is_err() {
            continue;
        }
        // Retained messages come with the subscription; what is published now is not retained.
        let heard = ear.until(|happening| {
            matches!(happening, Happening::Message { bytes, flags, .. } if bytes.is_empty() && !flags.retained)
        });
        if tokio::time::timeout(SILENCE, heard).await.is_ok_and(|heard| heard.is_ok()) {
            open.push(topic.clone());
        }
    }
    Ok(Access::In(open))
}
