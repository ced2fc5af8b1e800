//! A flood on the broker that is faster than the run: nothing that waited is taken for news, and the machine is made safe.

use super::attack::{ENVELOPE, RIG, SCENARIO, Shared, login, plug_in, plug_in_arm, publish, until};
use super::process::{Running, program};
use checkrein::io::clock::Clock;
use checkrein::wire::Lane;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rules that cost the run thread time for each message, and never trip.
const RULES: usize = 400;

#[test]
fn a_flood_faster_than_the_run_is_told_trips_and_leaves_the_machine_safe() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut envelope = ENVELOPE.to_owned();
    for nth in 0..RULES {
        writeln!(
            envelope,
            "  costs_{nth}:\n    always: age(pilot.beat) < {} s or age(arm.pos) < 90 s\n    on_violation: fail\n    because: It costs time.",
            60 + nth
        )
        .expect("writing to memory cannot fail");
    }
    for (name, text) in [("rig.yaml", RIG), ("envelope.yaml", &envelope), ("attack.yaml", SCENARIO)] {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    }
    let arguments = ["run", &path("attack.yaml"), "--rig", &path("rig.yaml"), "--no-plots", "--runs", &path("runs")];
    let mut command = program(arguments);
    let mut running = Running::start(command.env("CHECKREIN_STATE", folder.path().join("state")));
    let told = running.until_aside("the embedded broker listens");
    let place = told.trim_end().rsplit(' ').next().expect("the path comes last");
    let logins = std::fs::read_to_string(place).expect("the logins were written before they were named");
    let logins: serde_json::Value = serde_json::from_str(&logins).expect("they are JSON");

    let shared: Shared = Arc::default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be had");
    let _arm = plug_in_arm(&runtime, &logins, &shared);
    let beat = || publish("pilot/beat", "{\"n\":1}");
    let pilot = plug_in(&runtime, &logins, Some(login(&logins, "pilot")), &[], beat, |_| ());
    running.until("> hold");
    until(&shared, "the arm's start", |arm| arm.live);
    // As fast as the broker takes it, until the machine is at rest.
    let over = Arc::new(AtomicBool::new(false));
    let (flooding, clock) = (over.clone(), Clock::start());
    let flooder = std::thread::spawn(move || {
        while !flooding.load(Ordering::Relaxed) {
            for _ in 0..256 {
                pilot.send(clock.now(), Lane::Normal, None, publish("pilot/beat", "{\"n\":2}"));
            }
            std::thread::yield_now();
        }
    });
    until(&shared, "the arm's stop", |arm| !arm.live);
    over.store(true, Ordering::Relaxed);
    flooder.join().expect("it does not panic");
    let ended = running.end();
    ended.says("more arrived than the harness could take").says("TRIP").says("confirmed safe");
    assert_ne!(ended.code, Some(0), "{ended:#?}");
}
