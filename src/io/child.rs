//! Children of this program that talk in lines of JSON: one line of setup in, lines of facts out, then lines of orders in.
//!
//! Invariant: a child runs in its own process group, and the end of its standard input is its harness's death.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitStatus;
use std::process::{ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a child that was told to leave may take.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The harness's end of a child.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    process: std::process::Child,
    orders: Option<ChildStdin>,
    facts: BufReader<ChildStdout>,
}

impl Child {
    /// Starts `program child <name>` and gives it its setup.
    pub fn start(program: &Path, name: &'static str, setup: &impl Serialize) -> Result<Child, String> {
        let mut process = Command::new(program)
            .args(["child", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("the {name} could not be started: {error}"))?;
        let (Some(orders), Some(facts)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(format!("the {name} was started without pipes"));
        };
        let mut child = Child { name, process, orders: Some(orders), facts: BufReader::new(facts) };
        child.say(setup)?;
        Ok(child)
    }
    /// The next fact; waits for it. The error is the child's end.
    pub fn line<T: DeserializeOwned>(&mut self) -> Result<T, String> {
        let mut line = String::new();
        match self.facts.read_line(&mut line) {
            Ok(0) | Err(_) => Err(format!("the {} ended before it was ready", self.name)),
            Ok(_) => serde_json::from_str(&line).map_err(|error| format!("the {} said {line:?}: {error}", self.name)),
        }
    }
    /// Gives an order; the error is the child's end.
    pub fn say(&mut self, order: &impl Serialize) -> Result<(), String> {
        let mut line = serde_json::to_vec(order).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let ended = |_| format!("the {} has ended", self.name);
        self.orders.as_mut().map_or(Ok(()), |orders| orders.write_all(&line).map_err(ended))
    }
    /// From now on an order that does not fit into the pipe is refused instead of waited for.
    pub fn never_wait(&mut self) -> Result<(), String> {
        let Some(orders) = &self.orders else { return Ok(()) };
        let flags = rustix::fs::fcntl_getfl(orders.as_fd()).map_err(|error| error.to_string())?;
        rustix::fs::fcntl_setfl(orders.as_fd(), flags | rustix::fs::OFlags::NONBLOCK).map_err(|e| e.to_string())
    }
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
    /// Waits for its end, after it was told to leave; the error is an end that is no success.
    pub fn wait(mut self) -> Result<(), String> {
        let status = wait_at_most(&mut self.process, LEAVE_WITHIN).map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the {} ended with {status}", self.name)) }
    }
}

/// The child's own standard input, line by line, read by a thread so that any runtime can wait for it.
#[derive(Debug)]
pub struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Lines that come from elsewhere, for tests.
    pub fn of(lines: mpsc::Receiver<String>) -> Lines {
        Lines(lines)
    }
    /// The next line; `None` when the harness is gone.
    pub async fn next(&mut self) -> Option<String> {
        self.0.recv().await
    }
    /// Like [`Lines::next`], for a loop that waits for several things.
    pub fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<String>> {
        self.0.poll_recv(cx)
    }
}

/// In the child: the setup, and what comes after it.
pub fn hear_setup<T: DeserializeOwned>() -> Result<(T, Lines), String> {
    let first = std::io::stdin().lines().next().and_then(Result::ok).ok_or("no setup came")?;
    let setup = serde_json::from_str(&first).map_err(|error| format!("the setup is not understood: {error}"))?;
    let (sender, receiver) = mpsc::channel(64);
    std::thread::Builder::new()
        .name("orders".into())
        .spawn(move || {
            // The standard library buffers standard input once for all: no line is lost between the two readers.
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        })
        .map_err(|error| error.to_string())?;
    Ok((setup, Lines(receiver)))
}

/// In the child: says a fact.
pub fn print(fact: &impl Serialize) -> Result<(), String> {
    let line = serde_json::to_string(fact).map_err(|error| error.to_string())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

/// In the child: says on standard error why it cannot go on.
pub fn fail(why: &str) -> ExitCode {
    complain(why);
    ExitCode::FAILURE
}

/// In the child: words on standard error, which is the harness's own and may have been closed long ago.
pub fn complain(words: &str) {
    let _ = std::io::stderr().lock().write_all(format!("checkrein child: {words}\n").as_bytes());
}

/// Waits for a child that was told to leave, and kills one that does not: the end of a run must not hang on it.
pub fn wait_at_most(process: &mut std::process::Child, at_most: Duration) -> std::io::Result<ExitStatus> {
    let pid = rustix::process::Pid::from_child(process);
    let left = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).and_then(|fd| {
        let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout))
    });
    // Where the kernel knows no such descriptors the child is waited for without a limit.
    if left == Ok(0) {
        process.kill()?;
        process.wait()?;
        return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it did not leave when told to, and was killed"));
    }
    process.wait()
}
