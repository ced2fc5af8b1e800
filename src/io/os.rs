//! What the C library alone can do: the only `unsafe` of the crate.
//!
//! Invariant: every call here is either harmless when it fails or says that it failed; nothing panics.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Asks for the real-time scheduler (SCHED_FIFO) for the calling thread. Needs CAP_SYS_NICE or an rtprio limit.
pub fn real_time(priority: i32) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: priority };
    // Children and threads of this thread start as ordinary ones: the favour is for this thread alone.
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: `param` is a valid, initialised structure that outlives the call; 0 names the calling thread.
    match unsafe { libc::sched_setscheduler(0, policy, &param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Asks that timers of the calling thread be not rounded (the kernel may be 50 us late by default).
pub fn sharp_timers() {
    // SAFETY: PR_SET_TIMERSLACK takes a plain number and touches no memory of ours. A refusal costs 50 us at most.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}

/// Signals that a child must live through.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Deaf {
    /// A closing terminal and a Ctrl-C meant for the harness.
    Terminal,
    /// Those, and a request to terminate: a watchdog leaves when its machine is safe, not before.
    TerminalAndTerminate,
}

/// Makes the process ignore these signals, and broken pipes, which come back as errors of `write` instead.
pub fn ignore_signals(which: Deaf) {
    let mut signals = vec![libc::SIGINT, libc::SIGHUP, libc::SIGPIPE, libc::SIGQUIT, libc::SIGTTOU, libc::SIGTTIN];
    if which == Deaf::TerminalAndTerminate {
        signals.push(libc::SIGTERM);
    }
    for signal in signals {
        // SAFETY: SIG_IGN installs no handler of ours, so nothing can run in signal context.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Bytes handed to a port that have not left the machine yet, as far as its driver tells; 0 where it does not.
pub fn queued(port: &impl AsRawFd) -> u32 {
    let mut count: libc::c_int = 0;
    // SAFETY: TIOCOUTQ writes one int, which is owned by this frame.
    if unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCOUTQ, &mut count) } != 0 {
        return 0;
    }
    u32::try_from(count).unwrap_or(0)
}

/// Asks that this process be the last one the kernel ends when memory runs out, and that what it has touched stay in
/// memory. Each may be refused to an ordinary user, and changes nothing then.
pub fn stay_in_memory() {
    use rustix::mm::{MlockAllFlags, mlockall};
    // From -1000 (never) to 1000, see proc_pid_oom_score_adj(5).
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT);
}

/// A second descriptor of the same open file: it shares position, locks and O_NONBLOCK with the first.
pub fn duplicate(file: &impl AsRawFd) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is open for as long as `file` is borrowed, which is until after the call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(file.as_raw_fd()) };
    borrowed.try_clone_to_owned()
}

/// `struct serial_struct` of `linux/serial.h`.
#[repr(C)]
#[derive(Default)]
struct SerialStruct {
    kind: libc::c_int,
    line: libc::c_int,
    port: libc::c_uint,
    irq: libc::c_int,
    flags: libc::c_int,
    xmit_fifo_size: libc::c_int,
    custom_divisor: libc::c_int,
    baud_base: libc::c_int,
    close_delay: libc::c_ushort,
    io_type: libc::c_char,
    reserved_char: [libc::c_char; 1],
    hub6: libc::c_int,
    closing_wait: libc::c_ushort,
    closing_wait2: libc::c_ushort,
    iomem_base: usize,
    iomem_reg_shift: libc::c_ushort,
    port_high: libc::c_uint,
    iomap_base: libc::c_ulong,
}

/// `ASYNC_LOW_LATENCY` of `linux/tty_flags.h`: bit 13.
const ASYNC_LOW_LATENCY: libc::c_int = 1 << 13;

/// Asks the driver to hand bytes over at once (an FTDI adapter otherwise collects them for 16 ms).
/// True where the driver knows the flag; many have no use for it and say so.
pub fn low_latency(port: &impl AsRawFd) -> bool {
    let mut settings = SerialStruct::default();
    // SAFETY: TIOCGSERIAL fills a `struct serial_struct`; ours has its layout and is owned by this frame.
    if unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCGSERIAL, &mut settings) } != 0 {
        return false;
    }
    settings.flags |= ASYNC_LOW_LATENCY;
    // SAFETY: TIOCSSERIAL reads the same structure, which was filled by the driver just now.
    unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCSSERIAL, &settings) == 0 }
}

/// Registers a descriptor with the runtime's reactor; needs a runtime around it.
pub fn watch(fd: OwnedFd) -> io::Result<tokio::io::unix::AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor until it is dropped, which the registration's own drop precedes.
    unsafe { tokio::io::unix::AsyncFd::register(fd) }.map_err(io::Error::from)
}
