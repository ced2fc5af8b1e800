//! What passes between the program and the people around it: prompts, JSON, pipes and terminals.

use super::board::Board;
use super::process::{PROGRAM, Running, at_a_terminal, program, run};
use super::stand::Stand;
use checkrein::io::pty::Pty;
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

#[test]
fn yes_answers_prompts_of_twins_and_is_refused_for_a_real_rig() {
    let stand = Stand::on("twin");
    stand.run("asked.yaml", &["--yes"]).with(0).says("answered yes");
    let board = Board::new();
    let real = Stand::on(&board.path);
    real.run("asked.yaml", &["--yes"]).with(64).says("--yes answers for the person beside the rig");
    real.no_run_was_made();
    assert!(board.state().heard.is_empty());
}

#[test]
fn a_person_who_says_no_ends_the_run_and_one_who_says_yes_lets_it_go_on() {
    for (answer, code, word) in [("n\n", 4, "answered no"), ("what?\nYES\n", 0, "answered yes")] {
        let board = Board::new();
        let stand = Stand::on(&board.path);
        let mut command = program(stand.arguments("asked.yaml", &[]));
        let terminal = at_a_terminal(&mut command);
        let mut running = Running::start(&mut command);
        running.until("Stand clear?");
        assert!(board.state().heard_questions_only(), "nothing moves before the answer");
        rustix::io::write(&terminal.master, answer.as_bytes()).expect("the program listens");
        running.end().with(code).says(word);
    }
}

#[test]
fn a_pipe_is_no_person_beside_a_real_rig() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut command = program(stand.arguments("asked.yaml", &[]));
    let (reader, mut writer) = std::io::pipe().expect("a pipe can be had");
    writer.write_all(b"yes\nyes\n").expect("it has room");
    Running::start(command.stdin(reader)).end().with(4).says("answers at a terminal");
    assert!(!board.state().was_told_to_arm());
}

#[test]
fn nobody_there_to_answer_aborts_the_run() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    stand.run("asked.yaml", &["--set", "patience=300ms"]).with(4).says("ABORTED");
    // What cleans up may be said to it; nothing that energises.
    assert!(!board.state().was_told_to_arm());
}

#[test]
fn json_alone_is_printed_when_asked_for() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let ended = stand.run("hop.yaml", &["--json"]).with(0);
    let kept = std::fs::read_to_string(stand.only_run().join("verdict.json")).expect("it was written");
    assert_eq!(ended.stdout.trim_end(), kept.trim_end());
    let verdict: serde_json::Value = serde_json::from_str(&ended.stdout).expect("nothing but JSON");
    assert_eq!(verdict["verdict"], "pass");
}

#[test]
fn a_reader_who_leaves_does_not_stop_the_run() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let mut command = program(stand.arguments("hop.yaml", &[]));
    // Both streams into one pipe whose reader takes one line: `2>&1 | head -1`.
    let (reader, writer) = std::io::pipe().expect("a pipe can be had");
    command.stdout(writer.try_clone().expect("it is open")).stderr(writer);
    let running = Running::start(&mut command);
    drop(command);
    let mut first = String::new();
    BufReader::new(reader).read_line(&mut first).expect("something is said");
    running.end().with(0);
    assert_eq!(stand.verdict()["verdict"], "pass");
}

/// What a terminal of 80 columns shows: enough of ECMA-48 for what we write.
#[derive(Default)]
struct Terminal {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    no_wrap: bool,
}

impl Terminal {
    fn put(&mut self, c: char) {
        const COLUMNS: usize = 80;
        if self.column >= COLUMNS {
            if self.no_wrap {
                self.column = COLUMNS - 1;
            } else {
                self.row += 1;
                self.column = 0;
            }
        }
        if self.rows.len() <= self.row {
            self.rows.resize(self.row + 1, Vec::new());
        }
        let row = &mut self.rows[self.row];
        if row.len() <= self.column {
            row.resize(self.column + 1, ' ');
        }
        row[self.column] = c;
        self.column += 1;
    }

    fn show(text: &str) -> Vec<String> {
        let mut terminal = Terminal::default();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    terminal.row += 1;
                    terminal.column = 0;
                }
                '\r' => terminal.column = 0,
                '\x1b' => {
                    assert_eq!(chars.next(), Some('['));
                    let mut argument = String::new();
                    let order = loop {
                        match chars.next().expect("sequences are whole") {
                            order if order.is_ascii_alphabetic() => break order,
                            part => argument.push(part),
                        }
                    };
                    terminal.obey(&argument, order);
                }
                c => terminal.put(c),
            }
        }
        terminal.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect()
    }

    fn obey(&mut self, argument: &str, order: char) {
        match (argument, order) {
            (_, 'm') => (),
            ("?7", 'l') => self.no_wrap = true,
            ("?7", 'h') => self.no_wrap = false,
            (count, 'A') => self.row = self.row.saturating_sub(count.parse().expect("a number of rows")),
            ("", 'J') => {
                self.rows.truncate(self.row + 1);
                if let Some(row) = self.rows.get_mut(self.row) {
                    row.truncate(self.column);
                }
            }
            unknown => panic!("the terminal does not know {unknown:?}"),
        }
    }
}

/// Everything written to a terminal until the program ended.
fn on_a_terminal(stand: &Stand, scenario: &str, typed: Option<(&str, &[u8])>) -> (String, Option<i32>) {
    let mut terminal = Pty::open().expect("a pseudo-terminal can be had");
    let open = || -> OwnedFd {
        std::fs::File::options().read(true).write(true).open(&terminal.path).expect("it is there").into()
    };
    let mut child = Command::new(PROGRAM)
        .args(stand.arguments(scenario, &[]))
        .env("CHECKREIN_STATE", stand.state())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::from(open()))
        .stdout(Stdio::from(open()))
        .stderr(Stdio::from(open()))
        .spawn()
        .expect("the program can be started");
    terminal.release();
    let mut text = Vec::new();
    let mut typed = typed;
    loop {
        poll(&mut [PollFd::new(&terminal.master, PollFlags::IN)], None).expect("it is open");
        let mut part = [0; 4096];
        match rustix::io::read(&terminal.master, &mut part) {
            Ok(count) => text.extend_from_slice(&part[..count]),
            Err(_) => break,
        }
        if let Some((asked, answer)) = typed
            && String::from_utf8_lossy(&text).contains(asked)
        {
            rustix::io::write(&terminal.master, answer).expect("it is open");
            typed = None;
        }
    }
    let code = child.wait().expect("it is our child").code();
    (String::from_utf8(text).expect("text alone is written"), code)
}

#[test]
fn a_terminal_shows_a_status_that_leaves_nothing_behind() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let (text, code) = on_a_terminal(&stand, "hop.yaml", None);
    let screen = Terminal::show(&text).join("\n");
    assert_eq!(code, Some(0), "{screen}");
    assert!(text.contains("Ctrl-C") && text.contains("margins:"), "{text:?}");
    assert!(!screen.contains("Ctrl-C") && !screen.contains("margins:"), "{screen}");
    for words in ["> do fc.guided", "ok do fc.arm", "ok hold", "ok expect not fc.armed", "PASS  Hop on stand"] {
        assert_eq!(screen.matches(words).count(), 1, "{words}:\n{screen}");
    }
    assert!(!screen.contains("\n\n\n"), "{screen}");
}

#[test]
fn a_prompt_on_a_terminal_stands_below_the_list_and_is_not_drawn_over() {
    let board = Board::new();
    let stand = Stand::on(&board.path);
    let (text, code) = on_a_terminal(&stand, "asked.yaml", Some(("[y/n", b"y\n")));
    let screen = Terminal::show(&text).join("\n");
    assert_eq!(code, Some(0), "{screen}");
    for words in ["[y/n", "answered yes", "PASS"] {
        assert_eq!(screen.matches(words).count(), 1, "{words}:\n{screen}");
    }
    assert!(!screen.contains("Ctrl-C") && !screen.contains("margins:"), "{screen}");
}

#[test]
fn a_command_that_is_not_understood_is_a_usage_error() {
    run(["run"]).with(64).says("Usage");
    run(["fly"]).with(64).says("fly");
}
