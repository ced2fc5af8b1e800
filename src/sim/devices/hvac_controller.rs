//! The twin of a building controller: it is told rooms and plant as JSON and asks for positions of damper, valves and fan.
//!
//! Scripted: integral control of the supply air towards what warms the rooms to its goal, fresh air by the worst CO2, and no
//! output that moves faster than the 25 % per minute of ASHRAE Guideline 36. It does not know how old its sight is.

use super::active::ActiveFaults;
use super::talker::{Ask, Law, Talker, Wiring, beyond, sure_of, swing};
use crate::codec::DeviceConfig;
use crate::codec::json::device::Told;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often, and stops when it was told nothing for so long.
const SAYS_EVERY: Span = Span::from_secs(10);
const BLIND_AFTER: Span = Span::from_secs(120);
/// No output moves further in one word: 3.5 % in 10 s are 21 % in a minute.
const STEP_MAX: f64 = 3.5;
/// What the rooms are to be, in degC, until a task says otherwise.
const GOAL: f64 = 21.5;
/// Share of fresh air at 700 ppm and below, and per ppm above, in percent.
const FRESH: (f64, f64) = (25.0, 0.25);
/// Supply air in degC that it asks for, at least and at most.
const SUPPLY: (f64, f64) = (16.0, 32.0);
const FAN: f64 = 60.0;
/// Arguments it knows how to fill, all in percent.
const KNOWN: [&str; 4] = ["damper", "heat", "cool", "fan"];

/// The controller of one air handler.
pub(super) struct HvacController {
    wiring: Wiring,
    told: Option<(Time, Told)>,
    goal: f64,
    /// What it asked for last, in the order of [`KNOWN`].
    outputs: Option<[f64; 4]>,
}

/// The controller of a device of the rig; the error says what the rig does not give it.
pub(super) fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<Talker<HvacController>, String> {
    let wiring = Wiring::read("hvac-controller", device, &KNOWN)?;
    Ok(Talker::new(HvacController { wiring, told: None, goal: GOAL, outputs: None }, link, noise))
}

impl Law for HvacController {
    fn every(&self) -> Span {
        SAYS_EVERY
    }
    fn looks_again_after(&self) -> Span {
        Span::from_secs(1)
    }
    fn topics(&self) -> Vec<String> {
        self.wiring.topics()
    }
    fn hear(&mut self, at: Time, frame: &Frame) {
        match self.wiring.read_message(frame) {
            Some((told, false)) => self.told = Some((at, told)),
            Some((told, true)) => self.goal = told.number("temperature").unwrap_or(self.goal),
            None => {}
        }
    }
    fn forget(&mut self) {
        (self.told, self.outputs, self.goal) = (None, None, GOAL);
    }
    fn think(&mut self, at: Time, faults: &ActiveFaults) -> Option<Vec<Ask>> {
        let (wrong, _) = sure_of(faults);
        let outputs = self.positions(at, wrong)?;
        let mut asked = outputs.map(|output| output + 100.0 * beyond(faults));
        let swing = 10.0 * swing(faults, at);
        if swing != 0.0 {
            asked = asked.map(|output| (output + swing).clamp(0.0, 100.0));
        }
        let share = |arg: &str| KNOWN.iter().position(|known| *known == arg).map_or(0.0, |place| asked[place] / 100.0);
        Some(self.wiring.ask(share))
    }
}

impl HvacController {
    /// What it asks for, in percent, by what it is wrong about the rooms in K; nothing while it does not know enough.
    fn positions(&mut self, at: Time, wrong: f64) -> Option<[f64; 4]> {
        let (heard, told) = self.told.as_ref()?;
        if at.since(*heard) > BLIND_AFTER {
            return None;
        }
        let ending = |end: &str| -> Vec<f64> {
            let named = told.0.iter().filter(|(name, _)| name.rsplit('.').next() == Some(end));
            named.filter_map(|(name, _)| told.number(name)).collect()
        };
        let rooms = ending("temperature");
        let supply = *ending("supply").first()?;
        if rooms.is_empty() {
            return None;
        }
        let mean = rooms.iter().sum::<f64>() / rooms.len() as f64;
        let worst = ending("co2").into_iter().fold(0.0, f64::max);
        let goal = self.goal - wrong;
        let wanted = (goal + 4.0 * (goal - mean)).clamp(SUPPLY.0, SUPPLY.1);
        // It takes over where the plant stands.
        let now = KNOWN.map(|name| ending(name).first().copied().unwrap_or(0.0));
        let before = self.outputs.unwrap_or(now);
        let fresh = (FRESH.0 + FRESH.1 * (worst - 700.0).max(0.0)).min(100.0);
        let cool = if mean > goal + 1.5 && before[1] <= 0.0 { before[2] + 2.0 } else { 0.0 };
        let heat = if before[2] > 0.0 { 0.0 } else { before[1] + 0.4 * (wanted - supply) };
        let next = [fresh, heat, cool, FAN];
        let outputs: [f64; 4] =
            std::array::from_fn(|i| before[i] + (next[i].clamp(0.0, 100.0) - before[i]).clamp(-STEP_MAX, STEP_MAX));
        self.outputs = Some(outputs);
        Some(outputs)
    }
}
