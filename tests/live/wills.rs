//! Machines on a broker when the harness is gone: the watchdog's own words, and the last will of each of them.

use super::cell::Cell;
use super::process::await_end;
use super::stand::replays;
use rustix::process::{Signal, kill_process};

/// A cell whose two machines run, and the harness waits.
fn at_work(version: u8, after: &str) -> Cell {
    let mut cell = Cell::start(version, after, &["--set", "held=10min"]);
    cell.running().until("> hold");
    assert!(cell.state().arm_live && cell.state().belt_runs, "both work");
    cell
}

#[test]
fn every_machine_on_a_broker_is_made_safe_when_the_harness_is_killed() {
    for version in [5, 3] {
        let mut cell = at_work(version, "[]");
        let children = cell.running().children("child");
        assert_eq!(children.len(), 2, "broker and watchdog: {children:?}");
        cell.running().signal(Signal::KILL);
        cell.until("both safe", |state| state.is_safe());
        // A will is said once; who says it again is the watchdog, through the broker that lives on.
        cell.until("the watchdog's repeats", |state| state.times("arm/stop") > 2 && state.times("belt/halt") > 2);
        for pid in children {
            await_end(pid);
        }
    }
}

#[test]
fn every_machine_has_a_last_will_of_its_own_for_when_the_watchdog_is_dead_too() {
    for version in [5, 3] {
        let mut cell = at_work(version, "[]");
        let watchdogs = cell.running().children("child watchdog");
        assert_eq!(watchdogs.len(), 1);
        // The harness must not notice that its watchdog dies, or it would trip: it stands still first.
        cell.running().signal(Signal::STOP);
        kill_process(watchdogs[0], Signal::KILL).expect("it is there");
        cell.running().signal(Signal::KILL);
        cell.until("both safe", |state| state.is_safe());
        cell.until("the broker's end", |state| state.broker_is_gone);
        let state = cell.state();
        // The watchdog may have spoken before it died; the broker has spoken once for each.
        assert!(state.times("arm/stop") >= 1 && state.times("belt/halt") >= 1, "{:?}", state.heard);
        assert_eq!(state.times("arm/cut"), 0, "{:?}", state.heard);
    }
}

#[test]
fn a_frozen_harness_is_spoken_for_long_before_the_broker_would_miss_it() {
    let mut cell = at_work(5, "[]");
    cell.running().signal(Signal::STOP);
    // The will goes out once, after one and a half keep-alives: three repeats by then are the watchdog's.
    cell.until("the watchdog", |state| state.is_safe() && state.times("arm/stop") > 2 && state.times("belt/halt") > 2);
    cell.running().signal(Signal::CONT);
    let ended = cell.running.take().expect("it runs").end().with(2);
    ended.says("the harness stood still for").says("TRIP").says("confirmed safe");
    let runs = std::fs::read_dir(cell.runs()).expect("there was a run");
    for run in runs {
        replays(&run.expect("it can be listed").path());
    }
}

#[test]
fn a_frozen_harness_without_a_watchdog_is_spoken_for_by_the_broker() {
    let mut cell = at_work(5, "[]");
    let watchdogs = cell.running().children("child watchdog");
    cell.running().signal(Signal::STOP);
    kill_process(watchdogs[0], Signal::KILL).expect("it is there");
    cell.until("the wills", |state| state.is_safe());
    cell.running().signal(Signal::KILL);
}

#[test]
fn the_watchdog_climbs_to_blind_rungs_alone_and_keeps_the_order_of_the_rig() {
    let mut cell = at_work(5, "[arm]");
    cell.state().arm_is_deaf_to_stop = true;
    // Stopped, not killed: a will knows no order, and would be said for both at once.
    cell.running().signal(Signal::STOP);
    cell.until("the brake", |state| state.times("arm/brake") > 0);
    assert_eq!(cell.state().times("belt/halt"), 0, "the belt waits for the arm: {:?}", cell.state().heard);
    cell.until("the belt", |state| state.is_safe());
    assert_eq!(cell.state().times("arm/cut"), 0, "not a blind rung: {:?}", cell.state().heard);
    cell.running().signal(Signal::KILL);
}

#[test]
fn a_run_that_ends_in_order_leaves_no_will_behind() {
    let mut cell = Cell::start(5, "[]", &[]);
    cell.running.take().expect("it runs").end().with(0).says("PASS");
    cell.until("the broker's end", |state| state.broker_is_gone);
    let state = cell.state();
    // The script's word and the ladder's, for it ended less than half a second after; a will would be the third.
    assert_eq!((state.times("arm/stop"), state.times("belt/halt")), (2, 2), "{:?}", state.heard);
}
