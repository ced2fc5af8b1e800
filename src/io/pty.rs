//! Pseudo-terminals: real serial bytes without hardware, for twins and tests.

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::OwnedFd;

/// The device's end of a pseudo-terminal, and the path by which the harness opens the other end.
#[derive(Debug)]
pub struct Pty {
    /// Bytes written here arrive at the harness, and the other way round. Non-blocking.
    pub master: OwnedFd,
    /// `/dev/pts/…`.
    pub path: String,
    /// Held open so that the master hears no hang-up while nobody else has the path open.
    keep: Option<OwnedFd>,
}

impl Pty {
    /// Opens a pair in raw mode: no echo, no translation, whoever opens the path.
    pub fn open() -> io::Result<Pty> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let path = name.into_string().map_err(|_| io::Error::other("the name of the pseudo-terminal is no text"))?;
        let slave = rustix::fs::open(path.as_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut settings = tcgetattr(&slave)?;
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        Ok(Pty { master, path, keep: Some(slave) })
    }
    /// Lets go of the harness's end, so that this end hears when the harness closes it.
    pub fn release(&mut self) {
        self.keep = None;
    }
}
