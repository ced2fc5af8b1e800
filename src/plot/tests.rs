use super::*;
use crate::log::fixture;

fn subject<'a>(plan: &'a Plan, trace: &'a Trace) -> Subject<'a> {
    Subject {
        plan,
        trace,
        run: "2026-11-22T120000-delayed-feed",
        recording_sha256: "3f1a09c2d4e5f60718293a4b5c6d7e8f",
        tool: "0.1.0",
        wall_clock_unix_nanos: fixture::WALL_CLOCK,
    }
}

#[test]
fn look() {
    let (plan, recording) = fixture::recorded_flight();
    let trace = Trace::new(&plan, &recording);
    for figure in ALL {
        let scene = (figure.draw)(&subject(&plan, &trace)).unwrap();
        std::fs::write(format!("/tmp/{}.png", figure.name), png(&scene)).unwrap();
        std::fs::write(format!("/tmp/{}.svg", figure.name), svg(&scene)).unwrap();
    }
}
