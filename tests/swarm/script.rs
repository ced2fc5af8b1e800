//! Draws scenarios for the drone bench: every verb, every kind of fault that it knows, nested, in any order that the
//! checker allows. Nothing is made to make sense: a script that asks for nonsense must end safe as well.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::fmt::Write as _;

/// The fragment that drawn scenarios use.
pub const FRAGMENT: &str = "fragment: Down\nabout: Lands, and waits for it.\nparameters:\n  patience: { default: 8 s, range: 1 s .. 30 s }\nsteps:\n  - do: fc.land\n    within: 2 s\n  - wait: not fc.armed\n    within: $patience\n";

/// Faults with all that they need but `for`.
const FAULTS: &[&str] = &[
    "fault: delay, on: pilot.tells, by: 700 ms",
    "fault: delay, on: pilot.tells.fc.altitude, by: 400 ms",
    "fault: delay, on: pilot.says, by: 300 ms",
    "fault: delay, on: telem, by: 250 ms",
    "fault: drop, on: pilot.tells, share: 60 %",
    "fault: drop, on: pilot.says, share: 30 %",
    "fault: drop, on: telem, share: 20 %",
    "fault: off, on: pilot.tells",
    "fault: off, on: pilot.says",
    "fault: off, on: telem",
    "fault: duplicate, on: pilot.says, share: 50 %",
    "fault: duplicate, on: telem, share: 50 %",
    "fault: corrupt, on: telem, rate: 1 %",
    "fault: freeze, on: pilot.tells",
    "fault: freeze, on: pilot.tells.fc.x",
    "fault: bias, on: pilot.tells.fc.altitude, by: -3 m",
    "fault: bias, on: pilot.tells.fc.x, by: 5 m",
    "fault: scale, on: pilot.tells.fc.altitude, gain: 0.3",
    "fault: noise, on: pilot.tells.fc.altitude, sigma: 1 m",
    "fault: wind, on: world, speed: 9 m/s, from: 30 deg",
    "fault: wind, on: world, speed: 25 m/s",
    "fault: silence, on: fc",
    "fault: silence, on: pilot",
    "fault: restart, on: fc",
    "fault: restart, on: pilot",
    "fault: deaf, on: fc",
    "fault: deaf, on: pilot",
    "fault: garbage, on: fc, rate: 900 B/s",
    "fault: battery, on: fc, level: 11 %",
    "fault: motor, on: fc, index: 2, gain: 60 %",
    "fault: motor, on: fc, index: 4, gain: 0 %",
    "fault: sensor-bias, on: fc, field: altitude, by: 2 m",
    "fault: jitter, on: pilot.tells, sigma: 100 ms, reorder: true",
    "fault: burst-loss, on: pilot.says, preset: lossy",
    "fault: burst-loss, on: telem, worse: 5 %, better: 20 %, direction: both",
    "fault: outages, on: pilot.tells, good: 1 s, bad: 600 ms",
    "fault: intermittent, on: pilot.tells, period: 1 s, lost: 50 %",
    "fault: slow, on: pilot.tells, one_in: 10",
    "fault: redeliver, on: pilot.says, share: 20 %",
    "fault: retained, on: pilot.says",
    "fault: reorder, on: pilot.says, share: 20 %, depth: 3",
    "fault: freeze, on: pilot.says",
    "fault: partition, on: pilot.tells",
    "fault: partition, on: telem, direction: in",
    "fault: replay, on: pilot.says, age: 1 s",
    "fault: replay, on: pilot.tells, age: 2 s",
    "fault: repeat, on: pilot.says, every: 20 ms",
    "fault: corrupt, on: telem, rate: 1e-3, direction: in",
    "fault: bit-burst, on: telem, share: 20 %, bits: 3, direction: both",
    "fault: truncate, on: telem, share: 20 %, direction: in",
    "fault: wrong-baud, on: telem, ratio: 0.5",
    "fault: line-noise, on: telem, rate: 500 B/s, direction: both",
    "fault: drift, on: pilot.tells.fc.x, rate: 1 m/s",
    "fault: garbage, on: pilot.tells.fc.altitude",
    "fault: garbage, on: pilot.says.fc.goto.z",
    "fault: stuck, on: pilot.tells.fc.altitude, at: 1 m",
    "fault: spike, on: pilot.tells.fc.x, share: 5 %, size: 8 m",
    "fault: quantise, on: pilot.tells.fc.altitude, step: 1 m",
    "fault: saturate, on: pilot.tells.fc.x, from: -1 m, to: 1 m",
    "fault: nan, on: pilot.tells.fc.y",
    "fault: nan, on: pilot.says.fc.goto.x",
    "fault: wrong-unit, on: pilot.tells.fc.altitude, unit: ft",
    "fault: partial-loss, on: pilot.tells, share: 30 %",
    "fault: oscillate, on: pilot.says.fc.goto.x, size: 2 m, frequency: 2 Hz",
    "fault: clock, on: pilot.tells, offset: 1 s",
    "fault: motor-stuck, on: fc, index: 1, at: 95 %",
    "fault: motor-slow, on: fc, lag: 300 ms",
    "fault: motor-reversed, on: fc, index: 3",
    "fault: power-off, on: fc",
    "fault: power-off, on: pilot",
    "fault: brown-out, on: fc, to: 4.2 V, length: 500 ms",
    "fault: boot-storm, on: fc, every: 1 s",
    "fault: watchdog-reset, on: fc, after: 300 ms",
    "fault: gps-step, on: fc, by: 20 m",
    "fault: gps-drag, on: fc, speed: 3 m/s",
    "fault: gps-jam, on: fc",
    "fault: clock-step, on: fc, by: -1 s",
    "fault: clock-step, on: fc, by: -10 s",
    "fault: clock-skew, on: fc, by: 1e-4",
    "fault: clock-date, on: fc, year: 2038",
    "fault: spike, on: fc.sensors.altitude, share: 10 %, size: 3 m",
    "fault: nan, on: fc.sensors.altitude",
    "fault: stale-output, on: pilot, every: 1 s",
    "fault: latency, on: pilot, by: 800 ms",
    "fault: beyond-range, on: pilot",
    "fault: not-a-number, on: pilot",
    "fault: limit-cycle, on: pilot, frequency: 2 Hz, size: 2 m",
    "fault: confident-wrong, on: pilot, by: 4 m",
    "fault: rate, on: pilot, times: 10",
    "fault: unknown-commands, on: pilot",
    "fault: frozen, on: pilot",
];

/// What steps may ask about.
const FORMULAS: &[&str] = &[
    "fc.altitude > 1 m",
    "fc.altitude < 6 m",
    "not fc.armed",
    "fc.armed",
    "fc.mode == GUIDED",
    "abs(fc.x) < 2 m",
    "tilt < 20 deg",
    "historically[0, 500 ms] fc.altitude > 2 m",
    "once[0, 3 s] fc.armed",
    "rate(fc.altitude) > 0 m/s",
    "age(pilot.command) < 1 s",
    "fraction[1 s](fc.armed) > 50 %",
];

struct Draw {
    rng: Pcg64Mcg,
    text: String,
    phases: usize,
    /// Steps that may still be drawn.
    left: usize,
}

/// The scenario of a seed.
pub fn scenario(seed: u64) -> String {
    let mut draw = Draw {
        rng: Pcg64Mcg::seed_from_u64(seed ^ 0x7363_7269),
        text: "scenario: Drawn\nrig: drone-bench\nabout: For a test.\nexercises: [ceiling]\n".to_owned(),
        phases: 0,
        left: 12,
    };
    if draw.one_in(3) {
        draw.text.push_str(
            "rules:\n  low:\n    always: fc.altitude <= 5 m\n    on_violation: stop\n    react_within: 100 ms\n",
        );
    }
    draw.text.push_str("steps:\n");
    // Two thirds of the scenarios get the machine into the air before anything else happens.
    if !draw.one_in(3) {
        let height = 1 + draw.up_to(6);
        let up = [
            "do: fc.guided\n    within: 2 s",
            "do: fc.arm\n    within: 2 s",
            &format!("do: fc.takeoff\n    with: {{ altitude: {height} m }}\n    within: 2 s"),
            &format!("do: pilot.fly_to\n    with: {{ x: 0 m, y: 0 m, z: {height} m }}"),
        ];
        for step in up {
            let _ = writeln!(draw.text, "  - {step}");
        }
        let hold = 500 + draw.up_to(4_000);
        draw.line(1, &format!("- hold: {hold} ms"));
    }
    draw.steps(1, 1, 6);
    if draw.one_in(2) {
        draw.text.push_str("finally:\n");
        draw.left = 3;
        draw.steps(1, 3, 2);
    }
    draw.text
}

impl Draw {
    fn up_to(&mut self, end: u64) -> u64 {
        self.rng.next_u64() % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.up_to(n) == 0
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.up_to(list.len() as u64) as usize]
    }

    fn steps(&mut self, indent: usize, depth: usize, most: u64) {
        for _ in 0..=self.up_to(most) {
            self.step(indent, depth);
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.text, "{:1$}{text}", "", indent * 2);
    }

    fn step(&mut self, indent: usize, depth: usize) {
        if self.left == 0 {
            let hold = format!("- hold: {} ms", 1 + self.up_to(300));
            return self.line(indent, &hold);
        }
        self.left -= 1;
        let nested = if depth < 3 { 5 } else { 0 };
        match self.up_to(14 + nested) {
            0..=4 => {
                let fault = self.of(FAULTS);
                let lasts = match self.up_to(4) {
                    0 => String::new(),
                    _ => format!(", for: {} ms", 50 + self.up_to(5_000)),
                };
                self.line(indent, &format!("- inject: {{ {fault}{lasts} }}"));
            }
            5..=6 => {
                let hold = format!("- hold: {} ms", 1 + self.up_to(3_000));
                self.line(indent, &hold);
            }
            7 => {
                let command = self.of(&["fc.land", "fc.arm", "fc.guided", "fc.disarm", "fc.rtl", "fc.kill"]);
                self.line(indent, &format!("- do: {command}"));
                let within = 100 + self.up_to(2_000);
                self.line(indent + 1, &format!("within: {within} ms"));
            }
            8 => {
                let (x, y, z) = (self.up_to(11) as i64 - 5, self.up_to(11) as i64 - 5, self.up_to(8));
                self.line(indent, "- do: pilot.fly_to");
                self.line(indent + 1, &format!("with: {{ x: {x} m, y: {y} m, z: {z} m }}"));
            }
            9 | 10 => {
                let (verb, formula) = (self.of(&["wait", "expect"]), self.of(FORMULAS));
                self.line(indent, &format!("- {verb}: {formula}"));
                let within = 1 + self.up_to(3_000);
                self.line(indent + 1, &format!("within: {within} ms"));
            }
            11 => {
                self.line(indent, "- prompt: Go on?");
                self.line(indent + 1, "within: 5 s");
            }
            12 => {
                self.line(indent, "- use: common/down.yaml");
                let patience = 1 + self.up_to(9);
                self.line(indent + 1, &format!("with: {{ patience: {patience} s }}"));
            }
            13 => {
                let formula = self.of(FORMULAS);
                self.line(indent, &format!("- when: {formula}"));
                self.line(indent + 1, "steps:");
                self.steps(indent + 2, depth + 1, 2);
            }
            14 | 15 => {
                self.phases += 1;
                let phase = self.phases;
                self.line(indent, &format!("- phase: part_{phase}"));
                self.line(indent + 1, "steps:");
                self.steps(indent + 2, depth + 1, 3);
            }
            16 => {
                let times = 1 + self.up_to(3);
                self.line(indent, &format!("- repeat: {times}"));
                self.line(indent + 1, "steps:");
                self.steps(indent + 2, depth + 1, 2);
            }
            _ => {
                self.line(indent, "- parallel:");
                for _ in 0..2 + self.up_to(2) {
                    // A lane is a list in the list: its first step stands behind two dashes.
                    let begin = self.text.len();
                    self.steps(indent + 3, depth + 1, 1);
                    let lane = self.text.split_off(begin);
                    let _ = write!(self.text, "{:1$}- {2}", "", (indent + 2) * 2, lane.trim_start());
                }
            }
        }
    }
}
