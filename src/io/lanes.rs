//! What waits to leave by one serial port: three lanes, and the frame that is half out.
//!
//! Invariant: nothing of Normal or Query is handed to the kernel while what is queued there would hold up a safe frame.

use crate::io::clock::Clock;
use crate::io::serial::{Gone, Port};
use crate::run::SendId;
use crate::time::{Span, Time};
use crate::wire::{Frame, Lane};
use std::collections::VecDeque;
use std::task::{Context, Poll};

/// A frame that left: for the run's `Sent` and for the recording.
#[derive(Clone, PartialEq, Debug)]
pub struct Left {
    /// `None` where this frame is only a part of what the id names.
    pub id: Option<SendId>,
    pub begun: Time,
    pub done: Time,
    pub queued_ahead: u32,
    pub frame: Frame,
}

/// What the lanes wait for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// Nothing waits.
    Nothing,
    /// The port is full; the task is woken when it has room.
    Room,
    /// What is queued in the kernel must drain; look again then.
    Drain(Time),
}

#[derive(Debug)]
struct Waiter {
    id: Option<SendId>,
    frame: Frame,
}

#[derive(Debug)]
struct Half {
    waiter: Waiter,
    lane: Lane,
    written: usize,
    /// (first byte handed over, bytes that waited before it)
    begun: Option<(Time, u32)>,
}

/// The lanes of one port.
#[derive(Debug)]
pub struct Lanes {
    safe: VecDeque<Waiter>,
    query: VecDeque<Waiter>,
    normal: VecDeque<Waiter>,
    half: Option<Half>,
    /// What was thrown away since its time to leave was over; whoever pumps takes it.
    pub lapsed: Vec<SendId>,
    /// Most bytes that may be queued in the kernel when Normal or Query adds a frame.
    most_queued: usize,
}

impl Lanes {
    /// Lanes for a port behind which a safe frame may wait a quarter of the tightest reaction time.
    pub fn new(port: &Port, tightest_reaction: Span) -> Lanes {
        Lanes {
            safe: VecDeque::new(),
            query: VecDeque::new(),
            normal: VecDeque::new(),
            half: None,
            lapsed: Vec::with_capacity(16),
            most_queued: port.bytes_within(tightest_reaction / 4),
        }
    }

    /// Adds a frame to its lane.
    pub fn push(&mut self, lane: Lane, id: Option<SendId>, frame: Frame) {
        let waiter = Waiter { id, frame };
        match lane {
            Lane::Safe => self.safe.push_back(waiter),
            Lane::Query => self.query.push_back(waiter),
            Lane::Normal => self.normal.push_back(waiter),
        }
    }

    /// Adds a safe frame of which a part was already written directly. Only the first may have such a part.
    pub fn push_half(&mut self, id: Option<SendId>, frame: Frame, written: usize, begun: Time, queued_ahead: u32) {
        let waiter = Waiter { id, frame };
        if written > 0 {
            self.half = Some(Half { waiter, lane: Lane::Safe, written, begun: Some((begun, queued_ahead)) });
        } else {
            self.safe.push_back(waiter);
        }
    }

    /// No safe frame waits or is half out.
    pub fn safe_is_empty(&self) -> bool {
        self.safe.is_empty() && self.half.as_ref().is_none_or(|half| half.lane != Lane::Safe)
    }

    /// On a trip: what waits in Normal is gone for good, and so is a frame that is half out (safe frames resynchronise).
    pub fn trip(&mut self) {
        self.normal.clear();
        if self.half.as_ref().is_some_and(|half| half.lane != Lane::Safe) {
            self.half = None;
        }
    }

    /// What waits in Normal is gone; a frame that is half out is finished, since the device has the other half.
    pub fn drop_normal(&mut self) {
        self.normal.clear();
        self.half.take_if(|half| half.lane == Lane::Normal && half.written == 0);
    }

    /// Forgets everything: the port is gone, and what waited for the old device is not for the next one.
    pub fn forget(&mut self) {
        self.safe.clear();
        self.query.clear();
        self.normal.clear();
        self.half = None;
    }

    /// True when something waits.
    pub fn is_empty(&self) -> bool {
        self.half.is_none() && self.safe.is_empty() && self.query.is_empty() && self.normal.is_empty()
    }

    /// Hands over what may go now; what left is added to `left`.
    pub fn pump(
        &mut self,
        port: &mut Port,
        clock: &Clock,
        cx: &mut Context<'_>,
        left: &mut Vec<Left>,
    ) -> Result<Waiting, Gone> {
        loop {
            self.lapse(clock);
            if self.half.is_none()
                && let Some(wait) = self.choose(port, clock)
            {
                return Ok(wait);
            }
            let Some(half) = self.half.as_mut() else { return Ok(Waiting::Nothing) };
            if half.begun.is_none() {
                half.begun = Some((clock.now(), port.queued()));
            }
            let rest = &half.waiter.frame.bytes[half.written..];
            let mut written = port.write(rest)?;
            if written == 0 && !rest.is_empty() {
                match port.poll_write(cx, rest) {
                    Poll::Pending => return Ok(Waiting::Room),
                    Poll::Ready(result) => written = result?,
                }
            }
            half.written += written;
            if half.written == half.waiter.frame.bytes.len()
                && let Some(Half { waiter, begun: Some((begun, queued_ahead)), .. }) = self.half.take()
            {
                left.push(Left { id: waiter.id, begun, done: clock.now(), queued_ahead, frame: waiter.frame });
            }
        }
    }

    /// Throws away what would be next and may not begin to leave any more.
    fn lapse(&mut self, clock: &Clock) {
        if let Some(half) = self.half.take_if(|half| half.written == 0 && half.waiter.frame.has_lapsed(clock.now())) {
            self.lapsed.extend(half.waiter.id);
        }
        if self.half.is_none() {
            while let Some(waiter) = self.normal.pop_front_if(|waiter| waiter.frame.has_lapsed(clock.now())) {
                self.lapsed.extend(waiter.id);
            }
        }
    }

    /// Takes the next frame that may go as the half-sent one; `Some` when none may.
    fn choose(&mut self, port: &Port, clock: &Clock) -> Option<Waiting> {
        if let Some(waiter) = self.safe.pop_front() {
            self.half = Some(Half { waiter, lane: Lane::Safe, written: 0, begun: None });
            return None;
        }
        let (lane, next) = match (self.query.front(), self.normal.front()) {
            (Some(waiter), _) => (Lane::Query, waiter),
            (None, Some(waiter)) => (Lane::Normal, waiter),
            (None, None) => return Some(Waiting::Nothing),
        };
        let queued = port.queued() as usize;
        let too_many = (queued + next.frame.bytes.len()).saturating_sub(self.most_queued);
        // A frame longer than the limit must go some time: when nothing is queued.
        if queued > 0 && too_many > 0 {
            let drained = port.time_for(too_many.min(queued)).max(Span::from_micros(200));
            return Some(Waiting::Drain(clock.now() + drained));
        }
        let queue = if lane == Lane::Query { &mut self.query } else { &mut self.normal };
        if let Some(waiter) = queue.pop_front() {
            self.half = Some(Half { waiter, lane, written: 0, begun: None });
        }
        None
    }
}
