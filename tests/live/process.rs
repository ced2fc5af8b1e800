//! The program as a child of the test: what it prints, line by line, and how it ends.

use checkrein::io::pty::Pty;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_checkrein");
/// No test waits longer for anything: what hangs is a failure, with all that was said until then.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program with nothing of the test's own terminal.
pub fn program<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    // Tests run side by side, and their rigs have the same name: each call has a state folder of its own.
    static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let call = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let state = format!("{}/state-{}-{call}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let mut command = Command::new(PROGRAM);
    command
        .env("CHECKREIN_STATE", state)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CHECKREIN_TWINS_GRACE_MS", "1000")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A terminal of its own as the program's standard input: what is written to its master was typed.
pub fn at_a_terminal(command: &mut Command) -> Pty {
    let terminal = Pty::open().expect("a pseudo-terminal can be had");
    let end = std::fs::File::options().read(true).write(true).open(&terminal.path).expect("it is there");
    command.stdin(end);
    terminal
}

/// How a process ended, and everything it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The end with this exit code; anything else fails the test with all that was said.
    #[track_caller]
    pub fn with(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }
    /// These words were said, on either stream.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Ended {
        assert!(self.stdout.contains(words) || self.stderr.contains(words), "no word of `{words}`:\n{self:#?}");
        self
    }
    #[track_caller]
    pub fn says_not(&self, words: &str) -> &Ended {
        assert!(!self.stdout.contains(words) && !self.stderr.contains(words), "`{words}`:\n{self:#?}");
        self
    }
}

/// A running process whose standard output is read line by line.
pub struct Running {
    process: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    asides: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        let mut process = command.spawn().expect("the program can be started");
        let (say, lines) = channel();
        if let Some(out) = process.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if say.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let (whisper, asides) = channel();
        let errors = process.stderr.take().map(|stderr| {
            std::thread::spawn(move || {
                let mut text = String::new();
                let mut bytes = Vec::new();
                let mut stderr = BufReader::new(stderr);
                while stderr.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                    // A harness that was killed may leave half a character.
                    let line = String::from_utf8_lossy(&bytes).into_owned();
                    text.push_str(&line);
                    bytes.clear();
                    // Nobody need listen.
                    let _ = whisper.send(line);
                }
                text
            })
        });
        Running { process, lines, seen: Vec::new(), asides, errors }
    }

    pub fn stdin(&mut self) -> ChildStdin {
        self.process.stdin.take().expect("standard input is a pipe")
    }

    /// Waits for a line with these words.
    #[track_caller]
    pub fn until(&mut self, words: &str) -> String {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
        let said = self.seen.join("\n");
        let _ = self.process.kill();
        let errors = self.errors.take().map(|thread| thread.join().expect("it only reads")).unwrap_or_default();
        panic!("`{words}` was never said:\n{said}\n{errors}");
    }

    /// Waits for a line on standard error with these words.
    #[track_caller]
    pub fn until_aside(&mut self, words: &str) -> String {
        while let Ok(line) = self.asides.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return line;
            }
        }
        let _ = self.process.kill();
        panic!("`{words}` was never said aside");
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there");
    }

    /// The running children of the process with this word in their command line.
    pub fn children(&self, word: &str) -> Vec<Pid> {
        children_of(self.process.id()).into_iter().filter(|pid| command_line(*pid).contains(word)).collect()
    }

    /// Waits for the end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        // The end of standard output comes with the end of the process, since no child of its own holds it.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let pid = self.pid();
        let left = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).and_then(|fd| {
            let timeout = rustix::event::Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
            rustix::event::poll(&mut [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)], Some(&timeout))
        });
        if left != Ok(1) {
            let _ = self.process.kill();
            panic!("it did not end:\n{}", self.seen.join("\n"));
        }
        let status = self.process.wait().expect("it is our child");
        let stderr = self.errors.take().map(|thread| thread.join().expect("it only reads")).unwrap_or_default();
        let stdout = self.seen.iter().map(|line| format!("{line}\n")).collect();
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs to the end.
#[track_caller]
pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ended {
    Running::start(&mut program(arguments)).end()
}

fn command_line(pid: Pid) -> String {
    std::fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default().replace('\0', " ")
}

fn children_of(parent: u32) -> Vec<Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).expect("the process is there");
    let listed = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let all: Vec<String> = tasks.flatten().map(listed).collect();
    all.iter()
        .flat_map(|line| line.split_whitespace())
        .filter_map(|word| word.parse().ok().and_then(Pid::from_raw))
        .collect()
}

/// Waits for the end of a process that is not our child.
#[track_caller]
pub fn await_end(pid: Pid) {
    let Ok(fd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else { return };
    let timeout = rustix::event::Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let ready =
        rustix::event::poll(&mut [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)], Some(&timeout));
    assert_eq!(ready, Ok(1), "process {pid:?} is still there: {}", command_line(pid));
}
