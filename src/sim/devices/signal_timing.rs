//! The twin of a signal-timing controller: it is told queues and calls as JSON, and asks for the stage that should have green.
//!
//! It serves the longer queue and changes its mind only for a clearly longer one; whoever waits to cross counts as vehicles.

use super::active::ActiveFaults;
use super::talker::{Ask, Law, Talker, Wiring, beyond, named, number};
use crate::codec::DeviceConfig;
use crate::codec::json::device::Word;
use crate::fault::TwinFault;
use crate::sim::random::Noise;
use crate::time::{Span, Time};
use crate::wire::{Frame, LinkId};

/// It speaks this often.
const SAYS_EVERY: Span = Span::from_millis(200);
/// It stops speaking when it has been told nothing for this long.
const BLIND_AFTER: Span = Span::from_secs(2);
/// A queue must be longer by this many vehicles before the other stage is asked for.
const HYSTERESIS: f64 = 2.0;
/// Somebody who waits to cross counts as so many vehicles on the side road.
const CALL_WEIGHT: f64 = 4.0;

/// The controller of one junction.
pub(super) struct SignalTiming {
    wiring: Wiring,
    /// When it was told, both queues in vehicles, and whether somebody waits to cross.
    told: Option<(Time, f64, f64, bool)>,
    stage: f64,
}

/// The controller of a device of the rig; the error says what the rig does not give it.
pub(super) fn new(device: &DeviceConfig, link: LinkId, noise: Noise) -> Result<Talker<SignalTiming>, String> {
    let wiring = Wiring::read("signal-timing", device, &["stage"])?;
    Ok(Talker::new(SignalTiming { wiring, told: None, stage: 0.0 }, link, noise))
}

impl Law for SignalTiming {
    fn every(&self) -> Span {
        SAYS_EVERY
    }
    fn topics(&self) -> Vec<String> {
        self.wiring.topics()
    }
    fn hear(&mut self, at: Time, frame: &Frame) {
        let Some((told, false)) = self.wiring.read_message(frame) else { return };
        if let (Some(main), Some(side)) = (number(&told, "main_queue"), number(&told, "side_queue")) {
            self.told = Some((at, main, side, named(&told, "call") == Some(&Word::Flag(true))));
        }
    }
    fn forget(&mut self) {
        (self.told, self.stage) = (None, 0.0);
    }
    fn think(&mut self, at: Time, faults: &ActiveFaults) -> Option<Vec<Ask>> {
        let (_, main, side, call) = self.told.filter(|(heard, ..)| at.since(*heard) <= BLIND_AFTER)?;
        let side = side + if call { CALL_WEIGHT } else { 0.0 };
        if main > side + HYSTERESIS {
            self.stage = 0.0;
        } else if side > main + HYSTERESIS {
            self.stage = 1.0;
        }
        let mut stage = self.stage;
        for active in faults.iter() {
            match active.fault {
                // Sure of the wrong stage: it starves the longer queue.
                TwinFault::ConfidentWrong { .. } => stage = 1.0 - self.stage,
                TwinFault::Oscillate { hertz, .. } => {
                    let turns = hertz * at.since(active.since).seconds();
                    stage = f64::from(turns - turns.floor() >= 0.5);
                }
                _ => {}
            }
        }
        let stage = stage + beyond(faults);
        Some(self.wiring.ask(|_| stage))
    }
}
