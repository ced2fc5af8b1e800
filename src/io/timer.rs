//! One alarm of the kernel's on the monotonic clock. The runtime's own timers are up to 2 ms late; this one is not.

use crate::io::clock::Clock;
use crate::time::Time;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use tokio::io::unix::AsyncFd;

/// An alarm; needs the runtime's reactor around it.
#[derive(Debug)]
pub struct Timer {
    fd: AsyncFd<OwnedFd>,
    clock: Clock,
    set: Option<Time>,
}

impl Timer {
    /// An alarm that is not set.
    pub fn new(clock: Clock) -> io::Result<Timer> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Timer { fd: crate::io::os::watch(fd)?, clock, set: None })
    }
    /// Sets the alarm, or takes it back.
    pub fn set(&mut self, at: Option<Time>) -> io::Result<()> {
        if at == self.set {
            return Ok(());
        }
        // Zero would take the alarm back, so an alarm in the past is set to the first nanosecond.
        let nanos = at.map_or(0, |at| self.clock.monotonic_nanos(at).max(1));
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec { tv_sec: nanos / 1_000_000_000, tv_nsec: nanos % 1_000_000_000 };
        timerfd_settime(
            self.fd.get_ref(),
            TimerfdTimerFlags::ABSTIME,
            &Itimerspec { it_interval: zero, it_value: value },
        )?;
        self.set = at;
        Ok(())
    }
    /// Ready when the alarm has gone off; it is not set then.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Poll::Ready(Ok(mut guard)) = self.fd.poll_read_ready(cx) else { return Poll::Pending };
            let mut expirations = [0; 8];
            match rustix::io::read(self.fd.get_ref(), &mut expirations) {
                Ok(_) => {
                    self.set = None;
                    return Poll::Ready(());
                }
                Err(_) => guard.clear_ready(),
            }
        }
    }
}
