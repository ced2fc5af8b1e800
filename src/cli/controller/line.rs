//! The loop of a policy on a serial port: an object of JSON per line, both ways.

use super::say;
use super::talk::Work;
use crate::io::clock::Clock;
use crate::io::queue::StopSignals;
use crate::io::serial::{Port, READ_MAX};
use crate::io::timer::Timer;
use crate::policy::Policy;
use crate::rig::SerialDef;
use crate::time::{Span, Time};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// A longer line is noise.
const LINE_MAX: usize = 4096;
/// A port that is not there is looked for again this much later.
const AGAIN: Span = Span::from_secs(1);

/// Why the loop woke.
enum Woke {
    Read(Result<usize, String>),
    Time,
    Stop,
}

/// Cuts bytes into lines.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
    /// The line that is being read is too long, and is passed over to its end.
    skips: bool,
}

impl Lines {
    /// Takes bytes; hands every whole line to `take`.
    fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let whole = self.begun.trim_ascii();
                    if !self.skips && !whole.is_empty() {
                        take(whole);
                    }
                    self.begun.clear();
                    self.skips = false;
                }
                _ if self.begun.len() == LINE_MAX => self.skips = true,
                byte => self.begun.push(*byte),
            }
        }
    }
}

/// Talks by a serial port until a person stops it. A port that is gone is looked for.
pub(super) async fn over_serial(policy: &Arc<Policy>, def: SerialDef) -> Result<(), String> {
    let clock = Clock::start();
    let mut timer = Timer::new(clock).map_err(|error| format!("no timer can be had: {error}"))?;
    let stop = StopSignals::listen().map_err(|error| format!("Ctrl-C cannot be listened to: {error}"))?;
    let stop = stop.heard();
    tokio::pin!(stop);
    let mut work = Work::new(policy);
    let mut lines = Lines::default();
    let mut port: Option<Port> = None;
    let mut look = Time::ZERO;
    let mut told = String::new();
    loop {
        let now = clock.now();
        if port.is_none() && look <= now {
            look = now + AGAIN;
            let words = match Port::open(&def) {
                Ok(open) => {
                    let words = format!("talks by {}", open.path());
                    port = Some(open);
                    lines = Lines::default();
                    words
                }
                Err(why) => format!("no port yet, and is looked for: {why}"),
            };
            if words != told {
                say::aside(&words);
                told = words;
            }
        }
        work.turn(now, |_, mut bytes| {
            bytes.push(b'\n');
            // Half a line is worse than none: a port without room for all of it is left alone.
            match port.as_mut().filter(|open| open.queued() == 0) {
                // A port that is gone says so when it is read.
                Some(open) => open.write(&bytes).is_ok_and(|written| written == bytes.len()),
                None => false,
            }
        });
        let next = if port.is_none() { look.min(work.due) } else { work.due };
        timer.set(Some(next)).map_err(|error| error.to_string())?;
        let mut part = [0; READ_MAX];
        let woke = poll_fn(|cx| {
            if stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woke::Stop);
            }
            if let Some(open) = &mut port
                && let Poll::Ready(read) = open.poll_read(cx, &mut part)
            {
                return Poll::Ready(Woke::Read(read.map_err(|gone| gone.0)));
            }
            timer.poll(cx).map(|()| Woke::Time)
        })
        .await;
        match woke {
            Woke::Stop => break,
            Woke::Time => {}
            Woke::Read(Ok(count)) => {
                let at = clock.now();
                lines.feed(&part[..count], |line| {
                    if let Err(why) = work.mind.hear(at, None, false, line) {
                        say::aside(format!("not understood: {why}"));
                    }
                });
            }
            Woke::Read(Err(why)) => {
                told = format!("the port is gone, and is looked for: {why}");
                say::aside(&told);
                port = None;
                look = clock.now() + AGAIN;
            }
        }
    }
    work.tell();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut_and_noise_is_passed_over() {
        let long = vec![b'x'; LINE_MAX + 1];
        let text = [b"one\r\n\n  two \n", long.as_slice(), b"\nthree\nfour"].concat();
        for size in 1..20 {
            let (mut lines, mut whole) = (Lines::default(), Vec::new());
            for part in text.chunks(size) {
                lines.feed(part, |line| whole.push(String::from_utf8_lossy(line).into_owned()));
            }
            assert_eq!(whole, ["one", "two", "three"], "in parts of {size}");
        }
    }
}
