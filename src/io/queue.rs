//! The one bounded queue by which everything but serial bytes and time reaches the run thread.
//!
//! Invariant: who posts waits when the queue is full; nothing is dropped here.

use crate::io::clock::Clock;
use crate::io::lanes::Left;
use crate::run::{Input, OperatorOrder};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Posts that may wait: at 5,000 messages a second most of a second.
const CAPACITY: usize = 4096;

/// Something for the run thread, stamped when it arrived at this machine.
#[derive(Clone, PartialEq, Debug)]
pub enum Post {
    Input(Input),
    /// A frame left by a link that is not the run thread's own.
    Left(Left),
    /// Look again: the recorder died.
    Wake,
}

/// The posting end; cheap to copy.
#[derive(Clone, Debug)]
pub struct Poster {
    sender: mpsc::Sender<Post>,
    clock: Clock,
}

/// A queue and its clock.
pub fn queue(clock: Clock) -> (Poster, mpsc::Receiver<Post>) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (Poster { sender, clock }, receiver)
}

impl Poster {
    /// The clock that stamps.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
    /// Posts; waits while the queue is full. False when the run is over.
    pub async fn post(&self, post: Post) -> bool {
        self.sender.send(post).await.is_ok()
    }
    /// Posts from a thread outside any runtime. False when the run is over.
    pub fn post_blocking(&self, post: Post) -> bool {
        self.sender.blocking_send(post).is_ok()
    }
    /// Posts an order of a person, stamped now. False when the run is over.
    pub async fn order(&self, order: OperatorOrder) -> bool {
        self.post(Post::Input(Input::Operator { at: self.clock.now(), order })).await
    }
    /// Makes the run thread look around; when the queue is full it is looking anyway.
    pub fn wake(&self) {
        let _ = self.sender.try_send(Post::Wake);
    }
}

/// The signals by which a person, a terminal or the system asks a run to stop.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl StopSignals {
    /// From here on none of them ends the process; needs a runtime around it.
    pub fn listen() -> std::io::Result<StopSignals> {
        Ok(StopSignals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
    /// Waits for the first of them.
    pub async fn heard(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
            _ = self.hang_up.recv() => (),
        }
    }
    /// Turns them into orders to stop, for as long as the run lives: the first one walks the ladder, the second goes
    /// straight to its last rung.
    pub async fn give_orders(mut self, poster: Poster) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => (),
                _ = self.terminate.recv() => (),
                _ = self.hang_up.recv() => (),
            }
            if !poster.order(OperatorOrder::Stop).await {
                return;
            }
        }
    }
}
