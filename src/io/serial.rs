//! Serial ports: opening them for us alone, reading and writing without ever waiting.
//!
//! Invariant: no call here blocks; `flush` (a blocking `tcdrain`) is never called.

use crate::io::{os, ports};
use crate::rig::{Flow, Parity, SerialDef};
use crate::time::Span;
use serialport::{ClearBuffer, DataBits, FlowControl, SerialPort, StopBits};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::SerialStream;

/// Most bytes taken from a port at once, so that no port can hold up the others.
pub const READ_MAX: usize = 1024;

/// The device behind the port is gone, with the reason in words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Gone(pub String);

/// An open port; nobody else can open it while it lives.
#[derive(Debug)]
pub struct Port {
    stream: SerialStream,
    path: String,
    /// Bits on the wire per byte (start, data, parity, stop) and bits per second.
    bits_per_byte: i64,
    baud: u32,
    low_latency: bool,
}

impl Port {
    /// Opens the port; needs the runtime's reactor around it. The error says in words what is wrong and what is there.
    pub fn open(def: &SerialDef) -> Result<Port, String> {
        let path = ports::resolve(&def.port)?;
        let builder = tokio_serial::new(&path, def.baud)
            .data_bits(DataBits::Eight)
            .parity(match def.parity {
                Parity::None => serialport::Parity::None,
                Parity::Even => serialport::Parity::Even,
                Parity::Odd => serialport::Parity::Odd,
            })
            .flow_control(match def.flow {
                Flow::None => FlowControl::None,
                Flow::Software => FlowControl::Software,
                Flow::Hardware => FlowControl::Hardware,
            })
            .stop_bits(if def.stop_bits == 2 { StopBits::Two } else { StopBits::One });
        let stream = SerialStream::open(&builder).map_err(|error| in_words(&path, &error))?;
        // What was in the buffers was meant for somebody else; a driver that cannot flush has nothing to flush.
        let _ = stream.clear(ClearBuffer::All);
        let low_latency = os::low_latency(&stream);
        let parity_bits = i64::from(def.parity != Parity::None);
        let bits_per_byte = 1 + 8 + parity_bits + i64::from(def.stop_bits);
        Ok(Port { stream, path, bits_per_byte, baud: def.baud.max(1), low_latency })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &str {
        &self.path
    }
    /// The driver took the wish for low latency.
    pub fn low_latency(&self) -> bool {
        self.low_latency
    }
    /// How long this many bytes take on the wire.
    pub fn time_for(&self, bytes: usize) -> Span {
        Span::from_nanos(bytes as i64 * self.bits_per_byte * 1_000_000_000 / i64::from(self.baud))
    }
    /// How many bytes go over the wire in this time.
    pub fn bytes_within(&self, span: Span) -> usize {
        (span.nanos().max(0) as i128 * i128::from(self.baud) / (i128::from(self.bits_per_byte) * 1_000_000_000))
            as usize
    }

    /// Takes what has arrived, at most [`READ_MAX`] bytes and never nothing.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8; READ_MAX]) -> Poll<Result<usize, Gone>> {
        let mut buffer = ReadBuf::new(into);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            // On a port end of file is a hang-up, and every further read would say the same again.
            Ok(()) if buffer.filled().is_empty() => Poll::Ready(Err(Gone(format!("{} was unplugged", self.path)))),
            Ok(()) => Poll::Ready(Ok(buffer.filled().len())),
            Err(error) => Poll::Ready(Err(self.gone(&error))),
        }
    }
    /// Takes what has arrived, whatever the reactor knows of it: perhaps nothing.
    pub fn read_now(&mut self, into: &mut [u8; READ_MAX]) -> Result<usize, Gone> {
        match self.stream.try_read(into) {
            Ok(0) => Err(Gone(format!("{} was unplugged", self.path))),
            Ok(count) => Ok(count),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
            Err(error) => Err(self.gone(&error)),
        }
    }
    /// Hands over what the port has room for: perhaps nothing.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Gone> {
        loop {
            return match self.stream.try_write(bytes) {
                Ok(written) => Ok(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(self.gone(&error)),
            };
        }
    }
    /// Like [`Port::write`]; where there is no room the task is woken when there is.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Gone>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        Poll::Ready(written.map_err(|error| self.gone(&error)))
    }
    /// Bytes handed over that have not left the machine yet, as far as the driver tells.
    pub fn queued(&self) -> u32 {
        self.stream.bytes_to_write().unwrap_or(0)
    }
    /// Throws away what was handed over and has not left yet.
    pub fn discard_output(&self) {
        // A port that is gone has nothing queued; the write that follows finds out and says so.
        let _ = self.stream.clear(ClearBuffer::Output);
    }
    /// A second descriptor of the open port, for the watchdog: the lock lives as long as either.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        os::duplicate(&self.stream)
    }

    fn gone(&self, error: &io::Error) -> Gone {
        let code = error.raw_os_error();
        if code == Some(libc::EIO) || code == Some(libc::ENXIO) || code == Some(libc::ENODEV) {
            Gone(format!("{} was unplugged", self.path))
        } else {
            Gone(format!("{}: {error}", self.path))
        }
    }
}

/// The library says "no device" for a port that somebody else holds; people are told what is the case.
fn in_words(path: &str, error: &serialport::Error) -> String {
    let text = error.to_string().to_lowercase();
    let locked = text.contains("exclusive lock") || text.contains("busy");
    match error.kind() {
        _ if locked => busy(path, &ports::holders(path)),
        serialport::ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
            format!("{path} may not be opened by this user: join the group that owns it (dialout on most systems)")
        }
        serialport::ErrorKind::Io(io::ErrorKind::NotFound) => format!("no such port: {path}"),
        _ if text.contains("not a typewriter") || text.contains("inappropriate ioctl") => {
            format!("{path} is no serial port")
        }
        _ => format!("{path}: {text}"),
    }
}

fn busy(path: &str, holders: &[ports::Holder]) -> String {
    if let Some(watchdog) = holders.iter().find(|holder| holder.is_left_behind()) {
        return format!("{path} is busy: the watchdog of an earlier run holds it (process {})", watchdog.pid);
    }
    if holders.iter().any(|holder| holder.pid == std::process::id()) {
        return format!("{path} is open in this program already: two links of the rig name one port");
    }
    // A watchdog beside its harness is the harness's affair; whoever this user may not see is just somebody.
    let others: Vec<String> =
        holders.iter().filter(|holder| !holder.is_watchdog).map(|holder| holder.pid.to_string()).collect();
    let open = if others.is_empty() { String::new() } else { format!(" (open in process {})", others.join(", ")) };
    format!("{path} is busy: another program holds it{open}")
}
