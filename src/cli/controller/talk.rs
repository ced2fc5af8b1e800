//! The loop of a policy on a broker, and what it tells people meanwhile.

use super::say;
use crate::io::clock::Clock;
use crate::io::mqtt::{self, Config, Handle};
use crate::io::queue::{Post, Poster, StopSignals, queue};
use crate::io::timer::Timer;
use crate::policy::{Mind, Nudge, Policy};
use crate::run::{Input, LinkState, SendId};
use crate::time::{Span, Time};
use crate::wire::{Frame, Lane, LinkId};
use std::future::poll_fn;
use std::sync::Arc;

/// A broker that refuses us, or is not there yet, is tried again this much later.
const AGAIN: Span = Span::from_secs(1);

/// A policy at its work: when it thinks next, and what people were told of it.
pub(super) struct Work {
    pub mind: Mind,
    pub due: Time,
    /// Why it is silent, as last told.
    silent: Option<String>,
    /// Which input is outside its range, as last told.
    outside: Option<String>,
    thoughts: u64,
    said: u64,
    strayed: u64,
}

impl Work {
    pub fn new(policy: &Arc<Policy>) -> Work {
        Work { mind: Mind::new(policy), due: Time::ZERO, silent: None, outside: None, thoughts: 0, said: 0, strayed: 0 }
    }
    /// Thinks, if it is time to; what it says goes to `send`, which tells whether it left.
    pub fn turn(&mut self, now: Time, mut send: impl FnMut(Option<&str>, Vec<u8>) -> bool) {
        if now < self.due {
            return;
        }
        let every = self.mind.mapping().every;
        self.due += every;
        if self.due <= now {
            // Held up: what was missed is not made up for.
            self.due = now + every;
        }
        self.thoughts += 1;
        let thought = self.mind.think(now);
        let silent = thought.err().map(|why| why.to_string());
        if silent != self.silent {
            match &silent {
                Some(why) => say::aside(format!("silent: {why}")),
                None => say::aside("speaks again"),
            }
        }
        self.silent = silent;
        if self.silent.is_some() {
            return;
        }
        let outside = self.mind.outside().map(ToOwned::to_owned);
        if let Some(name) = outside.as_ref().filter(|_| outside != self.outside) {
            say::aside(format!("`{name}` is outside the range that the policy was made for"));
        }
        self.strayed += u64::from(outside.is_some());
        self.outside = outside;
        for (topic, message) in self.mind.messages(Nudge::default()) {
            self.said += u64::from(send(topic, Mind::bytes(&message)));
        }
    }
    /// What became of it.
    pub fn tell(&self) {
        say::line(format!(
            "thought {} times, said {} messages, {} times outside the range it was made for",
            self.thoughts, self.said, self.strayed
        ));
    }
}

/// Talks by a broker until a person stops it. A broker that is gone is waited for.
pub(super) async fn over_mqtt(policy: &Arc<Policy>, config: Config) -> Result<(), String> {
    let clock = Clock::start();
    let (poster, mut posts) = queue(clock);
    let mut timer = Timer::new(clock).map_err(|error| format!("no timer can be had: {error}"))?;
    let stop = StopSignals::listen().map_err(|error| format!("Ctrl-C cannot be listened to: {error}"))?;
    let stop = stop.heard();
    tokio::pin!(stop);
    let subscriptions = policy.mapping.topics().into_iter().map(ToOwned::to_owned).collect();
    let mut broker = Broker { config: Config { subscriptions, ..config }, poster, handle: None, told: None, sent: 0 };
    let mut work = Work::new(policy);
    broker.connect();
    let mut again: Option<Time> = None;
    loop {
        let next = again.map_or(work.due, |again| again.min(work.due));
        timer.set(Some(next)).map_err(|error| error.to_string())?;
        tokio::select! {
            () = &mut stop => break,
            post = posts.recv() => match post {
                Some(Post::Input(Input::Bytes { at, frame, .. })) => {
                    let topic = frame.topic.as_deref();
                    if let Err(why) = work.mind.hear(at, topic, frame.flags.retained, &frame.bytes) {
                        say::aside(format!("not understood on {}: {why}", topic.unwrap_or("")));
                    }
                }
                Some(Post::Input(Input::Link { at, state, .. })) => {
                    let ended = broker.state(state);
                    again = ended.then_some(at + AGAIN);
                }
                Some(_) => {}
                None => return Err("the link's task is gone".into()),
            },
            () = poll_fn(|cx| timer.poll(cx)) => {}
        }
        let now = clock.now();
        if again.is_some_and(|again| again <= now) {
            again = None;
            broker.connect();
        }
        work.turn(now, |topic, bytes| broker.send(now, topic.unwrap_or_default(), bytes));
    }
    if let Some(handle) = broker.handle.take() {
        handle.close().await;
    }
    work.tell();
    Ok(())
}

/// The way to a broker, which may be gone.
struct Broker {
    config: Config,
    poster: Poster,
    handle: Option<Handle>,
    /// What people were told last of the link.
    told: Option<LinkState>,
    sent: u64,
}

impl Broker {
    fn connect(&mut self) {
        self.handle = Some(mqtt::start(&tokio::runtime::Handle::current(), self.config.clone(), self.poster.clone()));
    }
    /// Tells what became of the link; true when its task has given up.
    fn state(&mut self, state: LinkState) -> bool {
        let (host, port) = (&self.config.host, self.config.port);
        if self.told.as_ref() != Some(&state) {
            say::aside(match &state {
                LinkState::Up => format!("connected to {host}:{port}"),
                LinkState::Lost(why) => format!("the broker is gone, and is waited for: {why}"),
                LinkState::Refused(why) => format!("no way to {host}:{port} yet, and is tried again: {why}"),
            });
        }
        let ended = matches!(state, LinkState::Refused(_));
        self.told = Some(state);
        ended
    }
    /// Says something, if anybody is there: what is said while the broker is gone is not kept.
    fn send(&mut self, at: Time, topic: &str, bytes: Vec<u8>) -> bool {
        self.sent += 1;
        let frame = Frame::publish(LinkId(0), topic, bytes);
        self.handle.as_ref().is_some_and(|handle| handle.send(at, Lane::Normal, Some(SendId(self.sent)), frame))
    }
}
