//! The one bounded queue by which everything but serial bytes and time reaches the run thread.
//!
//! It has two ways in: what people, watchdogs and our own writes have to say is read before what links bring, so that no
//! flood of messages holds up a stop.
//!
//! Invariant: who posts waits when the queue is full; nothing is dropped here, and that it was full is told.

use crate::io::clock::Clock;
use crate::io::lanes::Left;
use crate::run::{Input, OperatorOrder, SendId};
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Posts that may wait. A queue that is full ends a run, so it holds more than what comes together at a birth.
const CAPACITY: usize = 16_384;

/// Something for the run thread, stamped when it arrived at this machine.
#[derive(Clone, PartialEq, Debug)]
pub enum Post {
    Input(Input),
    /// A frame left by a link that is not the run thread's own.
    Left(Left),
    /// A frame was thrown away by such a link: its time to leave was over.
    Lapsed(SendId),
    /// Look again: the recorder died.
    Wake,
}

impl Post {
    /// Whether it is read after everything else: what links bring, and what they are, in the order in which it came.
    fn is_of_a_link(&self) -> bool {
        matches!(self, Post::Input(Input::Bytes { .. } | Input::Samples { .. } | Input::Link { .. }))
    }
}

/// The posting end; cheap to copy.
#[derive(Clone, Debug)]
pub struct Poster {
    first: mpsc::Sender<Post>,
    links: mpsc::Sender<Post>,
    choked: Arc<AtomicBool>,
    clock: Clock,
}

/// The reading end.
#[derive(Debug)]
pub struct Posts {
    first: mpsc::Receiver<Post>,
    links: mpsc::Receiver<Post>,
    choked: Arc<AtomicBool>,
}

/// A queue and its clock.
pub fn queue(clock: Clock) -> (Poster, Posts) {
    let (first, first_posts) = mpsc::channel(CAPACITY);
    let (links, link_posts) = mpsc::channel(CAPACITY);
    let choked = Arc::new(AtomicBool::new(false));
    let posts = Posts { first: first_posts, links: link_posts, choked: choked.clone() };
    (Poster { first, links, choked, clock }, posts)
}

impl Poster {
    /// The clock that stamps.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
    /// Posts; waits while the queue is full. False when the run is over.
    pub async fn post(&self, post: Post) -> bool {
        match self.try_post(post) {
            ControlFlow::Break(taken) => taken,
            ControlFlow::Continue((way, post)) => way.send(post).await.is_ok(),
        }
    }
    /// Posts from a thread outside any runtime. False when the run is over.
    pub fn post_blocking(&self, post: Post) -> bool {
        match self.try_post(post) {
            ControlFlow::Break(taken) => taken,
            ControlFlow::Continue((way, post)) => way.blocking_send(post).is_ok(),
        }
    }
    /// The way in and the post are given back where the queue is full, which the reader is told.
    fn try_post(&self, post: Post) -> ControlFlow<bool, (&mpsc::Sender<Post>, Post)> {
        let way = if post.is_of_a_link() { &self.links } else { &self.first };
        match way.try_send(post) {
            Ok(()) => ControlFlow::Break(true),
            Err(TrySendError::Closed(_)) => ControlFlow::Break(false),
            Err(TrySendError::Full(post)) => {
                self.choked.store(true, Ordering::Release);
                ControlFlow::Continue((way, post))
            }
        }
    }
    /// Posts an order of a person, stamped now. False when the run is over.
    pub async fn order(&self, order: OperatorOrder) -> bool {
        self.post(Post::Input(Input::Operator { at: self.clock.now(), order })).await
    }
    /// Whether what a link brings next would have to wait for room.
    pub fn is_full(&self) -> bool {
        self.links.capacity() == 0
    }
    /// Makes the run thread look around; when the queue is full it is looking anyway.
    pub fn wake(&self) {
        let _ = self.first.try_send(Post::Wake);
    }
}

impl Posts {
    /// The next post; `None` when nobody posts any more.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Post>> {
        match self.first.poll_recv(cx) {
            Poll::Ready(Some(post)) => Poll::Ready(Some(post)),
            // Both ways end together, with the last who posts; the second may still hold something then.
            Poll::Ready(None) | Poll::Pending => self.links.poll_recv(cx),
        }
    }
    /// Waits for the next post; `None` when nobody posts any more.
    pub async fn recv(&mut self) -> Option<Post> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }
    /// Like [`Posts::recv`], on a thread outside any runtime.
    pub fn blocking_recv(&mut self) -> Option<Post> {
        struct Unpark(std::thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            match self.poll_recv(&mut Context::from_waker(&waker)) {
                Poll::Ready(post) => return post,
                Poll::Pending => std::thread::park(),
            }
        }
    }
    /// Whether somebody had to wait for room since this was asked last.
    pub fn was_full(&self) -> bool {
        self.choked.swap(false, Ordering::AcqRel)
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
