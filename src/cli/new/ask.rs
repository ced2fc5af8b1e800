//! What a person is asked for: a name, and a port by its number or path.

use crate::cli::say;
use crate::io::ports;
use std::io::{BufRead, stdin};

/// Puts a question on standard error and reads a line of an answer.
pub fn ask(question: &str) -> Result<String, String> {
    say::aside(format!("? {question}"));
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(|error| format!("no answer can be read: {error}"))?;
    match line.trim() {
        "" => Err("nothing was answered".to_owned()),
        answer => Ok(answer.to_owned()),
    }
}

/// Offers the ports that are there.
pub fn choose_port() -> Result<String, String> {
    let present = ports::present();
    if present.is_empty() {
        return ask("No serial port is there; which path is it?");
    }
    for (place, path) in present.iter().enumerate() {
        say::aside(format!("  {}  {path}", place + 1));
    }
    let answer = ask("Which port: its number, or a path?")?;
    match answer.parse::<usize>() {
        Ok(number) => number
            .checked_sub(1)
            .and_then(|place| present.get(place).cloned())
            .ok_or_else(|| format!("there is no port {number}")),
        Err(_) => Ok(answer),
    }
}

/// The name that will be the same tomorrow, where the machine has one.
pub fn stable(port: &str) -> String {
    let real = std::fs::canonicalize(port).map_or_else(|_| port.to_owned(), |real| real.display().to_string());
    if port.starts_with("/dev/serial/by-id/") {
        return port.to_owned();
    }
    ports::stable_names(&real).into_iter().next().unwrap_or_else(|| port.to_owned())
}
