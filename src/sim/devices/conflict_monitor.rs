//! The twin of a conflict monitor: it looks at the terminals and at its supply, and drops the junction into flash by itself. A small
//! gateway beside it speaks lines on a port of its own, which shares no way with what is watched.
//!
//! | line | what |
//! |---|---|
//! | `MON R=on W=BEAT K=off D=off U=230 F=50 C=24` | every 50 ms: relay dropped, why, conflict, dark, mains in V and Hz, cabinet in V |
//! | `RELEASE` | lets the controller have the lamps: `OK`, or `ERR latched` after a conflict, until a person resets the monitor |
//! | `FLASH` | drops the relay: `OK` |
//! | `BEAT` | the bench lives; without it for a second the relay drops |
//! | `ID?` | `ID M7` |

use super::Machine;
use super::active::ActiveFaults;
use super::power::{Power, Supply};
use super::readings::Readings;
use crate::codec::lines::Filling;
use crate::codec::lines::device::{Device, Heard};
use crate::codec::{DeviceConfig, FieldValue, Protocol};
use crate::command::CommandId;
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::sim::world::World;
use crate::sim::world::junction::{Junction, TURN};
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It acts on a conflict after this long: not under 200 ms, and over in 450 ms (NEMA TS 2).
const ACTS_AFTER: Span = Span::from_millis(300);
/// A cabinet's supply of 24 V, as a share of the mains that feed it.
const CABINET_SHARE: f64 = 24.0 / 230.0;
/// It reports this often: ours.
const REPORTS_EVERY: Span = Span::from_millis(50);
/// Without a beat for so long it lets go of its relay by itself: ours.
const BEAT_WITHIN: Span = Span::from_secs(1);
/// What it calls itself where the rig does not ask for another name.
const NAME: &str = "M7";

/// What it reads that can be off. `patience` is how much longer than it should it watches a conflict.
pub const FIELDS: [&str; 4] = ["mains_volts", "mains_hertz", "cabinet_volts", "patience"];

/// Why the relay is dropped.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Why {
    /// It is not.
    Nothing,
    Order,
    Beat,
    /// Until a person resets it.
    Conflict,
}

impl Why {
    fn word(self) -> &'static str {
        match self {
            Why::Nothing => "NONE",
            Why::Order => "ORDER",
            Why::Beat => "BEAT",
            Why::Conflict => "CONFLICT",
        }
    }
}

/// The monitor in its cabinet.
pub struct ConflictMonitor {
    mouth: Device,
    release: Option<CommandId>,
    flash: Option<CommandId>,
    name: String,
    why: Why,
    readings: Readings<4>,
    conflict_for: Span,
    beat: Time,
    reports_next: Time,
    outbox: Vec<Vec<u8>>,
    power: Power,
    faults: ActiveFaults,
    noise: Noise,
}

impl ConflictMonitor {
    /// A monitor that nobody has spoken to yet: its relay is dropped. The error says what the rig does not give it.
    pub fn new(config: &DeviceConfig, mut noise: Noise, world: &mut dyn World) -> Result<ConflictMonitor, String> {
        let name = &config.name;
        if world.as_any().downcast_mut::<Junction>().is_none() {
            return Err(format!("the twin `conflict-monitor` of `{name}` stands in the world `junction` alone"));
        }
        if !matches!(config.protocol, Protocol::Lines(_)) {
            return Err(format!("the twin `conflict-monitor` of `{name}` speaks lines alone"));
        }
        let mouth = Device::new(config).map_err(|problems| {
            let list: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
            format!("the twin `conflict-monitor` of `{name}`: {}", list.join("; "))
        })?;
        let of = |line: &str| config.commands.iter().find(|map| map.send == line).map(|map| map.command);
        let id = config.identity.iter().find_map(|(fact, value)| match value {
            FieldValue::Text(text) if fact == "name.id" => Some(text.clone()),
            _ => None,
        });
        let seed = noise.seed();
        let monitor = ConflictMonitor {
            mouth,
            release: of("RELEASE"),
            flash: of("FLASH"),
            name: id.unwrap_or_else(|| NAME.to_owned()),
            why: Why::Beat,
            readings: Readings::new(FIELDS, seed, [230.0, 50.0, 24.0, 0.0]),
            conflict_for: Span::ZERO,
            beat: Time::ZERO,
            reports_next: Time::ZERO,
            outbox: Vec::new(),
            power: Power::new(),
            faults: ActiveFaults::default(),
            noise,
        };
        // A report that the rig reads otherwise would leave its signals silent; it is told before anything runs.
        monitor
            .report(&[0.0; 3], false, false)
            .map_err(|why| format!("the twin `conflict-monitor` of `{name}`: {why}"))?;
        Ok(monitor)
    }
    fn report(&self, [mains, hertz, cabinet]: &[f64; 3], conflict: bool, dark: bool) -> Result<Vec<u8>, String> {
        let flag = |on| Filling::Text(if on { "on" } else { "off" });
        self.mouth.say("report", |name| match name {
            "relay" => Some(flag(self.why != Why::Nothing)),
            "why" => Some(Filling::Text(self.why.word())),
            "conflict" => Some(flag(conflict)),
            "dark" => Some(flag(dark)),
            "mains" => Some(Filling::Number(*mains)),
            "hertz" => Some(Filling::Number(*hertz)),
            "cabinet" => Some(Filling::Number(*cabinet)),
            _ => None,
        })
    }
    fn answer(&mut self, heard: Heard, at: Time) {
        let line = match heard {
            Heard::Heartbeat => {
                self.beat = at;
                return;
            }
            Heard::Ask(_) => format!("ID {}", self.name),
            Heard::Command { command, .. } if Some(command) == self.flash => {
                self.drop_for(Why::Order);
                "OK".to_owned()
            }
            Heard::Command { command, .. } if Some(command) == self.release => match self.why {
                Why::Conflict => "ERR latched".to_owned(),
                _ => {
                    self.why = Why::Nothing;
                    "OK".to_owned()
                }
            },
            Heard::Command { .. } | Heard::Other(_) => "ERR unknown".to_owned(),
            Heard::Garbage(_) => return,
        };
        let bytes = self.mouth.say_line(&line);
        self.outbox.push(bytes);
    }
    /// Drops the relay; what is latched stays so.
    fn drop_for(&mut self, why: Why) {
        if self.why != Why::Conflict {
            self.why = why;
        }
    }
    fn restart(&mut self) {
        self.conflict_for = Span::ZERO;
        self.outbox.clear();
        // The latch outlives a loss of power; all else is let go.
        self.drop_for(Why::Beat);
        let bytes = self.mouth.say_line("conflict monitor v1");
        self.outbox.push(bytes);
    }
}

fn junction(world: &mut dyn World) -> &mut Junction {
    world.as_any().downcast_mut().expect("it was set up in this junction")
}

impl Machine for ConflictMonitor {
    fn receive(&mut self, at: Time, frame: &Frame, world: &mut dyn World) {
        if self.faults.has(&TwinFault::Deaf) || self.power.supply(at) > Supply::On {
            return;
        }
        for heard in self.mouth.hear(&frame.bytes) {
            self.answer(heard, at);
        }
        junction(world).flash_relay = self.why != Why::Nothing;
    }
    fn turn(&mut self, at: Time, world: &mut dyn World) {
        let world = junction(world);
        if self.power.boots(at) {
            self.restart();
        }
        if self.power.supply(at) >= Supply::Hung {
            // The relay is held by the monitor: without it the junction flashes.
            world.flash_relay = true;
            return;
        }
        if at.since(self.beat) > BEAT_WITHIN && self.why == Why::Nothing {
            self.drop_for(Why::Beat);
        }
        let true_ones = [world.mains_volts, world.mains_hertz, world.mains_volts * CABINET_SHARE, 0.0];
        let [mains, hertz, cabinet, patience] = self.readings.pass(at, true_ones, &self.faults);
        let conflict = world.conflict();
        self.conflict_for = if conflict { self.conflict_for + TURN } else { Span::ZERO };
        if conflict && self.conflict_for >= ACTS_AFTER + Span::from_seconds(patience.clamp(0.0, 3600.0)) {
            self.why = Why::Conflict;
        }
        world.flash_relay = self.why != Why::Nothing;
        if at < self.reports_next {
            return;
        }
        self.reports_next = at + REPORTS_EVERY;
        if let Ok(line) = self.report(&[mains, hertz, cabinet], conflict, world.dark()) {
            self.outbox.push(line);
        }
        for active in self.faults.iter() {
            if let TwinFault::Garbage { rate } = active.fault {
                let bytes = (rate * REPORTS_EVERY.seconds()).clamp(1.0, 10_000.0) as usize;
                self.outbox.push((0..bytes).map(|_| self.noise.byte()).collect());
            }
        }
    }
    fn take(&mut self, link: LinkId, out: &mut Vec<Frame>) {
        let said = std::mem::take(&mut self.outbox);
        if !self.faults.has(&TwinFault::Silence) {
            out.extend(said.into_iter().map(|bytes| Frame::serial(link, bytes)));
        }
    }
    fn start_fault(&mut self, at: Time, fault: &TwinFault, _world: &mut dyn World) {
        let key = self.faults.start(at, fault);
        if let Some(active) = self.faults.latest(|a| (a.key == key).then(|| a.clone())) {
            self.power.start(&active);
            self.readings.start(&active);
        }
        if *fault == TwinFault::Restart {
            self.restart();
        }
    }
    fn stop_fault(&mut self, fault: &TwinFault, _world: &mut dyn World) {
        if let Some(active) = self.faults.stop(fault) {
            self.power.stop(active.key);
            self.readings.stop(&active);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;
    use crate::sim::devices::Shipped;

    /// The monitor of the shipped rig at an empty junction, and a mouth that speaks as the bench does.
    struct Cabinet {
        monitor: ConflictMonitor,
        world: Junction,
        now: Time,
    }

    impl Cabinet {
        fn new() -> Cabinet {
            let (plan, _) = scenario::observe("rigs/junction/rig.yaml", &Shipped, 1).expect("it is shipped");
            let mut devices = plan.rig.links.iter().flat_map(|link| &link.codec.devices);
            let config = devices.find(|device| device.name == "monitor").expect("the rig has one");
            let mut world = Junction::new(1, &[]).expect("no settings");
            let monitor = ConflictMonitor::new(config, Noise::new(1, 2), &mut world).expect("as the rig has it");
            Cabinet { monitor, world, now: Time::ZERO }
        }
        /// Says a line with its check sum, and hears for so many turns; the lines without theirs.
        fn say(&mut self, line: &str, turns: usize) -> Vec<String> {
            let bytes = self.monitor.mouth.say_line(line);
            self.monitor.receive(self.now, &Frame::serial(LinkId(0), bytes), &mut self.world);
            let mut out = Vec::new();
            for _ in 0..turns {
                self.now += TURN;
                self.world.turn();
                self.monitor.turn(self.now, &mut self.world);
            }
            self.monitor.take(LinkId(0), &mut out);
            let text: Vec<u8> = out.into_iter().flat_map(|frame| frame.bytes).collect();
            let text = String::from_utf8(text).expect("lines are text");
            text.lines().map(|line| line.rsplit_once('*').expect("each has a sum").0.to_owned()).collect()
        }
        /// Why its relay is dropped, by its report after that line.
        fn why(&mut self, line: &str) -> String {
            let said = self.say(line, 1);
            let report = said.iter().rev().find(|line| line.starts_with("MON ")).expect("it reports every turn");
            report.split("W=").nth(1).and_then(|rest| rest.split(' ').next()).expect("it says why").to_owned()
        }
    }

    #[test]
    fn it_does_what_it_is_told_and_answers_each_line() {
        let mut cabinet = Cabinet::new();
        assert!(cabinet.world.flash_relay, "nobody has released it");
        assert!(cabinet.say("ID?", 1).contains(&"ID M7".to_owned()));
        cabinet.say("BEAT", 1);
        assert!(cabinet.say("RELEASE", 1).contains(&"OK".to_owned()) && !cabinet.world.flash_relay);
        assert!(cabinet.say("FLASH", 1).contains(&"OK".to_owned()) && cabinet.world.flash_relay);
        assert!(cabinet.say("OPEN", 1).contains(&"ERR unknown".to_owned()));
    }

    #[test]
    fn without_a_beat_it_drops_its_relay_and_can_be_released_again() {
        let mut cabinet = Cabinet::new();
        cabinet.say("RELEASE", 0);
        for _ in 0..40 {
            assert_eq!(cabinet.why("BEAT"), "NONE");
        }
        cabinet.say("", 22);
        assert_eq!(cabinet.why(""), "BEAT");
        assert!(cabinet.world.flash_relay);
        cabinet.say("BEAT", 1);
        assert_eq!(cabinet.why("RELEASE"), "NONE");
    }

    #[test]
    fn a_conflict_is_latched_until_a_person_resets_it_and_outlives_its_power() {
        let mut cabinet = Cabinet::new();
        cabinet.say("BEAT", 1);
        cabinet.say("RELEASE", 1);
        for approach in &mut cabinet.world.approaches {
            approach.terminals = [0.0, 0.0, 230.0];
        }
        let mut millis = 0;
        while !cabinet.world.flash_relay {
            cabinet.say("BEAT", 1);
            millis += 50;
            assert!(millis <= 450, "NEMA TS 2: within 450 ms");
        }
        assert!(millis > 200, "NEMA TS 2: not under 200 ms, and it was {millis}");
        cabinet.world.approaches[1].terminals = [230.0, 0.0, 0.0];
        assert!(cabinet.say("RELEASE", 1).contains(&"ERR latched".to_owned()));
        cabinet.monitor.start_fault(cabinet.now, &TwinFault::PowerOff, &mut cabinet.world);
        assert!(cabinet.say("", 10).is_empty() && cabinet.world.flash_relay);
        cabinet.monitor.stop_fault(&TwinFault::PowerOff, &mut cabinet.world);
        assert!(cabinet.say("", 20).contains(&"conflict monitor v1".to_owned()));
        assert_eq!(cabinet.why("RELEASE"), "CONFLICT");
    }
}
