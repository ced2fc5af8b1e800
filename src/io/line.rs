//! One serial link of a run: the port while it is there, its lanes, its watchdog, and the way back after a loss.
//!
//! Invariant: a port that comes back is reported and nothing more: what waited for the old one is forgotten.

use crate::io::clock::Clock;
use crate::io::lanes::{Lanes, Left, Waiting};
use crate::io::queue::Poster;
use crate::io::serial::{Gone, Port};
use crate::io::watchdog::{self, Watchdog};
use crate::rig::SerialDef;
use crate::run::SendId;
use crate::time::{Span, Time};
use crate::wire::{Frame, Lane, LinkId};
use std::path::PathBuf;
use std::task::Context;

/// How often a lost port is looked for.
const LOOK_EVERY: Span = Span::from_millis(250);

/// A serial link as the rig has it.
#[derive(Clone, Debug)]
pub struct SerialLink {
    pub id: LinkId,
    pub def: SerialDef,
    /// For links over which something can be energised.
    pub watchdog: Option<watchdog::Setup>,
}

/// What lines share: where watchdogs come from and whom they tell.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub clock: Clock,
    /// This program, to start children of.
    pub program: PathBuf,
    pub poster: Poster,
    /// The runtime beside the run thread, on which watchdogs are listened to.
    pub runtime: tokio::runtime::Handle,
    pub tightest_reaction: Span,
}

/// A serial link of a run.
#[derive(Debug)]
pub struct Line {
    link: SerialLink,
    open: Option<Open>,
    look_at: Option<Time>,
}

/// A port that is there.
#[derive(Debug)]
pub struct Open {
    pub port: Port,
    pub lanes: Lanes,
    pub waiting: Waiting,
    watchdog: Option<Watchdog>,
}

impl Line {
    /// Opens the port and starts its watchdog. The error says in words why the run is blocked.
    pub fn open(link: SerialLink, around: &Surroundings) -> (Line, Result<(), String>) {
        let mut line = Line { link, open: None, look_at: None };
        let result = line.reopen(around);
        (line, result)
    }

    fn reopen(&mut self, around: &Surroundings) -> Result<(), String> {
        let port = Port::open(&self.link.def)?;
        let watchdog = match &self.link.watchdog {
            Some(setup) => Some(
                self.guarded(&port, setup, around)
                    .map_err(|error| format!("{}: its watchdog could not be started: {error}", port.path()))?,
            ),
            None => None,
        };
        let lanes = Lanes::new(&port, around.tightest_reaction);
        self.open = Some(Open { port, lanes, waiting: Waiting::Nothing, watchdog });
        self.look_at = None;
        Ok(())
    }

    fn guarded(&self, port: &Port, setup: &watchdog::Setup, around: &Surroundings) -> std::io::Result<Watchdog> {
        let watchdog = Watchdog::start(&around.program, port.duplicate()?, setup)?;
        around.runtime.spawn(watchdog::listen(watchdog.ear()?, self.link.id, around.poster.clone()));
        Ok(watchdog)
    }

    /// Which link it is.
    pub fn id(&self) -> LinkId {
        self.link.id
    }
    /// The port, while it is there.
    pub fn port(&mut self) -> Option<&mut Open> {
        self.open.as_mut()
    }
    /// The device is gone: everything that waited for it is forgotten, and the port is looked for from now on.
    pub fn lose(&mut self, now: Time, around: &Surroundings) {
        if let Some(open) = self.open.take()
            && let Some(watchdog) = open.watchdog
        {
            // It holds a descriptor of the port that is gone, and could write to nobody. Its end is no news, and is
            // waited for elsewhere.
            around.runtime.spawn_blocking(|| watchdog.disarm());
        }
        self.look_at = Some(now + LOOK_EVERY);
    }
    /// Looks for a lost port when it is time to; true when it is back.
    pub fn look(&mut self, now: Time, around: &Surroundings) -> bool {
        if self.look_at.is_none_or(|at| at > now) {
            return false;
        }
        self.look_at = Some(now + LOOK_EVERY);
        // Why it cannot be opened yet is no news: it was said that the link is lost.
        self.reopen(around).is_ok()
    }
    /// When the line wants to be called next, by its own account.
    pub fn next_deadline(&self) -> Option<Time> {
        let open = self.open.as_ref();
        let beat = open.and_then(|open| open.watchdog.as_ref()).map(Watchdog::beat_at);
        let drain = open.and_then(|open| match open.waiting {
            Waiting::Drain(at) => Some(at),
            Waiting::Nothing | Waiting::Room => None,
        });
        [beat, drain, self.look_at].into_iter().flatten().min()
    }
    /// The run is over: the watchdog leaves without writing, and the port is closed.
    pub fn close(self) -> Result<(), String> {
        let watchdog = self.open.and_then(|open| open.watchdog);
        watchdog.map_or(Ok(()), Watchdog::disarm).map_err(|error| format!("a watchdog did not leave: {error}"))
    }
}

impl Open {
    /// Tells the watchdog that we live, when it is time to.
    pub fn beat(&mut self, now: Time) {
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.beat(now);
        }
    }
    /// Writes the frames of a rung now, ahead of everything else; what does not fit goes first into the Safe lane.
    /// The first trip throws away what the port still queues.
    pub fn rung(&mut self, id: SendId, frames: &[&Frame], clock: &Clock, left: &mut Vec<Left>) -> Result<(), Gone> {
        let begun = clock.now();
        let queued_ahead = self.port.queued();
        let last = frames.len().saturating_sub(1);
        let mut full = !self.lanes.safe_is_empty();
        for (place, frame) in frames.iter().enumerate() {
            let id = (place == last).then_some(id);
            let written = if full { 0 } else { self.port.write(&frame.bytes)? };
            if written == frame.bytes.len() {
                left.push(Left { id, begun, done: clock.now(), queued_ahead, frame: (*frame).clone() });
            } else {
                full = true;
                self.lanes.push_half(id, (*frame).clone(), written, begun, queued_ahead);
            }
        }
        if full {
            self.waiting = Waiting::Drain(begun);
        }
        Ok(())
    }
    /// Hands over what may go now.
    pub fn pump(&mut self, clock: &Clock, cx: &mut Context<'_>, left: &mut Vec<Left>) -> Result<(), Gone> {
        self.waiting = self.lanes.pump(&mut self.port, clock, cx, left)?;
        Ok(())
    }
    /// Adds a frame to its lane; it goes with the next [`Open::pump`].
    pub fn push(&mut self, lane: Lane, id: SendId, frame: Frame) {
        self.lanes.push(lane, Some(id), frame);
    }
}
