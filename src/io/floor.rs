//! The self-test's floor: how soon the loop answers on a wire of its own, with nothing on it to decode, judge or record.
//!
//! A thread at the far end of a private pseudo-terminal writes its clock; the loop reads it among everything else that it
//! does, writes it back, and takes the time. So the stamps are of one clock, and the far end's own sleep is not in them.
//!
//! Invariant: the loop never waits for the far end.

use crate::io::clock::Clock;
use crate::io::os;
use crate::io::pty::Pty;
use crate::io::serial::{Port, READ_MAX};
use crate::rig::{Flow, Parity, PortName, SerialDef};
use crate::run::{Input, SelfTest, TestedWire};
use crate::time::{Span, Time};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::task::{Context, Poll};
use std::time::Duration;

/// Questions to the loop: with a millisecond between them a fifth of a second, in which the links come up anyway.
const SAMPLES: usize = 200;
/// Between two questions: the loop goes to sleep again, as it does on a rig.
const PAUSE: Duration = Duration::from_millis(1);
/// A far end that says nothing for so long is broken.
const PATIENCE: Span = Span::from_secs(5);
/// Bytes of one question: the far end's clock.
const QUESTION: usize = 8;
/// Of the far end, where it is granted: the run's own.
const PRIORITY: i32 = 50;

/// A floor that is being measured.
#[derive(Debug)]
pub struct FloorTest {
    port: Port,
    clock: Clock,
    took: Vec<Span>,
    half: Vec<u8>,
    give_up_at: Time,
}

impl FloorTest {
    /// Opens the wire and starts its far end; needs the runtime's reactor around it.
    pub fn start(clock: Clock) -> Result<FloorTest, String> {
        let pty = Pty::open().map_err(|error| format!("no pseudo-terminal: {error}"))?;
        let def = SerialDef {
            port: PortName::Path(pty.path.clone()),
            baud: 921_600,
            parity: Parity::None,
            flow: Flow::None,
            stop_bits: 1,
        };
        let port = Port::open(&def)?;
        std::thread::Builder::new()
            .name("self-test".into())
            .spawn(move || ask(&pty, clock))
            .map_err(|error| format!("no thread for the far end: {error}"))?;
        let give_up_at = clock.now() + PATIENCE;
        Ok(FloorTest { port, clock, took: Vec::with_capacity(SAMPLES), half: Vec::with_capacity(QUESTION), give_up_at })
    }

    /// When it wants to be called at the latest.
    pub fn next_deadline(&self) -> Time {
        self.give_up_at
    }

    /// Answers what was asked. The input is the last word: the test is over.
    pub fn poll(&mut self, cx: &mut Context<'_>, buffer: &mut [u8; READ_MAX]) -> Option<Input> {
        let failed = |at, why| Input::SelfTest { at, state: SelfTest::Failed { wire: TestedWire::Loop, why } };
        while let Poll::Ready(read) = self.port.poll_read(cx, buffer) {
            let count = match read {
                Ok(count) => count,
                Err(gone) => return Some(failed(self.clock.now(), gone.0)),
            };
            for byte in &buffer[..count] {
                self.half.push(*byte);
                let Ok(asked) = <[u8; QUESTION]>::try_from(self.half.as_slice()) else { continue };
                self.half.clear();
                if let Err(gone) = self.port.write(&asked) {
                    return Some(failed(self.clock.now(), gone.0));
                }
                let now = self.clock.now();
                self.took.push(now.since(Time::from_nanos(i64::from_le_bytes(asked))));
                if self.took.len() == SAMPLES {
                    return Some(Input::SelfTest { at: now, state: floor(TestedWire::Loop, &mut self.took) });
                }
            }
        }
        let now = self.clock.now();
        let why = || format!("its far end fell silent after {} of {SAMPLES} questions", self.took.len());
        (now >= self.give_up_at).then(|| failed(now, why()))
    }
}

/// The floor of these times, of which there is at least one.
pub fn floor(wire: TestedWire, took: &mut [Span]) -> SelfTest {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    SelfTest::Floor { wire, samples: took.len() as u32, p50: at(0.5), p99: at(0.99), max: at(1.0) }
}

/// The far end: its clock, an answer, a pause; until the loop closes its end.
fn ask(pty: &Pty, clock: Clock) {
    os::sharp_timers();
    // Refused, it goes without; a far end that is late to write counts against the loop, which is the safe side.
    let _ = os::real_time(PRIORITY);
    let patience = Timespec { tv_sec: 1, tv_nsec: 0 };
    for _ in 0..SAMPLES {
        std::thread::sleep(PAUSE);
        if rustix::io::write(&pty.master, &clock.now().nanos().to_le_bytes()).is_err() {
            return;
        }
        let mut heard = 0;
        while heard < QUESTION {
            let mut ready = [PollFd::new(&pty.master, PollFlags::IN)];
            if !matches!(poll(&mut ready, Some(&patience)), Ok(1..)) {
                return;
            }
            let Ok(count @ 1..) = rustix::io::read(&pty.master, &mut [0; QUESTION]) else { return };
            heard += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_is_the_sorted_times_at_their_shares() {
        let mut took: Vec<Span> = (1..=200).rev().map(Span::from_micros).collect();
        let SelfTest::Floor { samples, p50, p99, max, .. } = floor(TestedWire::Loop, &mut took) else {
            panic!("a floor is a floor")
        };
        let us = Span::from_micros;
        assert_eq!((samples, p50, p99, max), (200, us(100), us(198), us(200)));
    }

    #[test]
    fn every_question_is_answered_and_timed() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let told = runtime.block_on(async {
            let mut test = FloorTest::start(Clock::start()).unwrap();
            let mut buffer = [0; READ_MAX];
            std::future::poll_fn(|cx| test.poll(cx, &mut buffer).map_or(Poll::Pending, Poll::Ready)).await
        });
        let Input::SelfTest { state: SelfTest::Floor { samples, p50, max, .. }, .. } = told else { panic!("{told:?}") };
        assert_eq!(samples as usize, SAMPLES);
        assert!(Span::ZERO < p50 && p50 <= max);
    }
}
