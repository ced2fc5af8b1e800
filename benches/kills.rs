//! What becomes of a flying machine when its harness is killed, frozen, loses its broker or its wire, at random moments.
//!
//! `cargo bench --bench kills [-- N [kill|freeze|broker|unplug …]]`: N (200) seeded moments per hazard, one flight each,
//! one after the other. The shipped drone rig flies: the machine's twin and the pilot's twin are processes of their own, and
//! between harness and machine the bench itself is the wire, so that it sees every byte and when it came. The moment is
//! drawn evenly from the four seconds that begin with the order to arm: arming, climb and hover.
//!
//! A trial counts only if the twin itself said that it obeys the order to land, and later that it is disarmed. Where the
//! wire is cut nothing can be ordered: then it is the machine's own dead-man that is seen to act.

#[path = "kills/harness.rs"]
mod harness;
mod support;
#[path = "kills/wire.rs"]
mod wire;

use checkrein::fault::Dice;
use harness::{Flight, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};
use support::percentile;

/// The moments are drawn from this much time after the order to arm.
const WINDOW: Duration = Duration::from_secs(4);
const SEED: u64 = 4;

#[derive(Copy, Clone, PartialEq, Eq)]
enum Hazard {
    /// SIGKILL to the harness.
    Kill,
    /// SIGSTOP to the harness; it is woken when the machine is safe.
    Freeze,
    /// SIGKILL to the embedded broker: the harness lives, and its pilot is cut off.
    Broker,
    /// The harness's end of the wire is pulled out.
    Unplug,
}

const ALL: [(&str, Hazard); 4] =
    [("kill", Hazard::Kill), ("freeze", Hazard::Freeze), ("broker", Hazard::Broker), ("unplug", Hazard::Unplug)];

/// What one trial showed, each from the moment of the hazard.
struct Trial {
    /// In the air when it happened.
    flew: bool,
    /// The first order to land came out of the wire; on a cut wire: the machine left the pilot's mode by itself.
    landing: Duration,
    /// The machine said that it obeys.
    obeyed: Option<Duration>,
    /// It said that it is disarmed.
    safe: Duration,
    /// The harness said that it trips.
    tripped: Option<Duration>,
}

fn main() {
    let trials = support::count(200);
    let named: Vec<String> = std::env::args().skip(1).filter(|word| ALL.iter().any(|(name, _)| name == word)).collect();
    println!("{}", support::machine());
    println!("{trials} moments per hazard, seed {SEED}; milliseconds from the hazard");
    println!("hazard  what                      seen      p50      p99    worst");
    for (place, (name, hazard)) in ALL.iter().enumerate() {
        if !named.is_empty() && !named.iter().any(|word| word == name) {
            continue;
        }
        let mut dice = Dice::new(SEED, place as u64);
        let mut seen = Vec::new();
        let mut failed = 0;
        for number in 0..trials {
            let moment = WINDOW.mul_f64(dice.uniform());
            match (0..5).find_map(|_| trial(*hazard, moment, number as u64).transpose()) {
                Some(Ok(one)) => seen.push(one),
                None => {
                    failed += 1;
                    eprintln!("{name} {number}: five times the harness had tripped by itself before");
                }
                Some(Err(why)) => {
                    failed += 1;
                    eprintln!("{name} {number}, {moment:?} after the order to arm: {why}");
                }
            }
        }
        show(name, *hazard, &seen);
        let flew = seen.iter().filter(|trial| trial.flew).count();
        println!("{name:7} {} of {trials} safe, {flew} of them were in the air; {failed} failed", seen.len());
        assert_eq!(failed, 0, "every one must become safe");
    }
}

fn show(name: &str, hazard: Hazard, seen: &[Trial]) {
    let landing = if hazard == Hazard::Unplug { "left the pilot's mode" } else { "safe frame at the twin" };
    row(name, landing, seen.iter().map(|trial| trial.landing).collect());
    row(name, "twin said it obeys", seen.iter().filter_map(|trial| trial.obeyed).collect());
    row(name, "harness said TRIP", seen.iter().filter_map(|trial| trial.tripped).collect());
    row(name, "twin disarmed", seen.iter().map(|trial| trial.safe).collect());
}

fn row(name: &str, what: &str, mut times: Vec<Duration>) {
    if times.is_empty() {
        return;
    }
    times.sort();
    let ms = |share| percentile(&times, share) / 1e3;
    println!("{name:7} {what:24} {:5} {:8.2} {:8.2} {:8.2}", times.len(), ms(0.5), ms(0.99), ms(1.0));
}

/// `Ok(None)`: on a busy computer the harness had tripped by itself before the moment came, so there was nothing to see.
fn trial(hazard: Hazard, moment: Duration, seed: u64) -> Result<Option<Trial>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut flight = up(folder.path(), seed)?;
    let broker = flight.child("broker");
    // A random moment is waited for, and nothing else.
    std::thread::sleep(moment);
    let flew = flight.wire.seen().altitude > 0.1;
    if !flight.wire.seen().land.is_empty() {
        eprintln!("begun anew: it was told to land before the moment came");
        return Ok(None);
    }
    let harness = Pid::from_child(&flight.process);
    let at = match hazard {
        Hazard::Kill => strike(harness, Signal::KILL)?,
        Hazard::Freeze => strike(harness, Signal::STOP)?,
        Hazard::Broker => strike(Pid::from_raw(broker).ok_or("the broker has no number")?, Signal::KILL)?,
        Hazard::Unplug => flight.wire.cut(),
    };
    let tripped = match hazard {
        Hazard::Kill | Hazard::Freeze => None,
        Hazard::Broker | Hazard::Unplug => Some(flight.until("TRIP")?.0.saturating_duration_since(at)),
    };
    let first = |times: &[Instant]| times.iter().find(|time| **time >= at).map(|time| *time - at);
    let (landing, obeyed) = if hazard == Hazard::Unplug {
        // It obeys nobody any more; on the ground, before it was armed, it may have had nothing to leave.
        let left = |seen: &wire::Seen| seen.left_guided.is_some_and(|left| left >= at);
        let idle =
            |seen: &wire::Seen| seen.armed.is_some_and(|(armed, when)| !armed && when > at + Duration::from_secs(8));
        if !flight.wire.until(PATIENCE, |seen| left(seen) || idle(seen)) {
            return Err("the machine never left the pilot's mode".into());
        }
        let seen = flight.wire.seen();
        (seen.left_guided.map_or(Duration::ZERO, |left| left.saturating_duration_since(at)), None)
    } else {
        if !flight.wire.until(PATIENCE, |seen| first(&seen.obeyed).is_some()) {
            return Err(format!("the machine never obeyed; orders: {}", flight.wire.seen().land.len()));
        }
        let seen = flight.wire.seen();
        (first(&seen.land).ok_or("it obeyed what it never heard")?, first(&seen.obeyed))
    };
    let after = at + obeyed.unwrap_or(landing);
    let is_safe = |seen: &wire::Seen| seen.armed.filter(|(armed, when)| !armed && *when > after).map(|(_, when)| when);
    if !flight.wire.until(PATIENCE, |seen| is_safe(seen).is_some()) {
        return Err("the machine stayed armed".into());
    }
    let safe = is_safe(&flight.wire.seen()).map_or(Duration::ZERO, |when| when - at);
    if hazard == Hazard::Freeze {
        strike(harness, Signal::CONT)?;
        flight.until("TRIP")?;
        let code = flight.end();
        if code != Some(2) {
            return Err(format!("the woken harness ended with {code:?}:\n{}", flight.said.join("\n")));
        }
    }
    Ok(Some(Trial { flew, landing, obeyed, safe, tripped }))
}

/// A flight under way. On a busy computer a run may be blocked, as it should be, before anything moves: that is said, and
/// begun anew.
fn up(folder: &std::path::Path, seed: u64) -> Result<Flight, String> {
    let mut why = String::new();
    for attempt in 0..5 {
        let place = folder.join(attempt.to_string());
        std::fs::create_dir(&place).map_err(|error| error.to_string())?;
        match Flight::start(&place, seed) {
            Ok(flight) => return Ok(flight),
            Err(blocked) => why = blocked,
        }
        eprintln!("begun anew: {}", why.lines().last().unwrap_or_default());
    }
    Err(format!("it never flew: {why}"))
}

/// The instant just before the signal was given.
fn strike(process: Pid, signal: Signal) -> Result<Instant, String> {
    let at = Instant::now();
    kill_process(process, signal).map_err(|error| error.to_string())?;
    Ok(at)
}
