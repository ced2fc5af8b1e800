//! What a person's hand stops: the wired e-stop and the hold-to-run key.
//!
//! The e-stop acts by itself, on a wire that no program touches. The run hears that it was pressed, closes its own lane,
//! walks the ladders, and holds the machine to its word: motion ends in time, and does not begin again.

use super::Effects;
use super::core::Core;
use super::event::{EventKind, Motion};
use super::judging::{ProbeId, ProbeTable};
use crate::expr::walk::signals_of;
use crate::guard::Cause;
use crate::scenario::plan::Plan;
use crate::signal::SignalId;
use crate::stl::Truth;
use crate::time::{Span, Time};

/// E-stop and hold-to-run of a run.
#[derive(Default)]
pub(super) struct Stops {
    estop: Option<EStop>,
    held: Option<ProbeId>,
    /// What either reads.
    pub signals: Vec<SignalId>,
    pub press: Option<Press>,
    /// The key was let go while something could move; `Some(true)`: nobody knew whether it was held.
    pub released: Option<bool>,
}

struct EStop {
    pressed: ProbeId,
    stopped: ProbeId,
    stopped_signals: Vec<SignalId>,
    within: Span,
}

/// The e-stop was pressed, and what was seen of the motion since.
#[derive(Copy, Clone, Debug)]
pub(super) struct Press {
    at: Time,
    /// Nobody knew whether it was.
    pub unknown: bool,
    pub within: Span,
    /// When motion was first seen to have ended, counted from the press.
    pub ended: Option<Span>,
    /// The time was over; `Some(true)`: nobody saw whether motion had ended.
    pub overdue: Option<bool>,
    pub began_again: bool,
}

impl Stops {
    /// Gives the formulas their probes; called once, before the probe engine is built.
    pub fn prepare(plan: &Plan, probes: &mut ProbeTable) -> Stops {
        let mut stops = Stops::default();
        if let Some(def) = &plan.rig.estop {
            let stopped_signals = signals_of(&def.stopped.0);
            stops.signals.extend(signals_of(&def.pressed.0));
            stops.signals.extend(&stopped_signals);
            stops.estop = Some(EStop {
                pressed: probes.place(&def.pressed.0),
                stopped: probes.place(&def.stopped.0),
                stopped_signals,
                within: def.within,
            });
        }
        if let Some(def) = &plan.rig.hold_to_run {
            stops.signals.extend(signals_of(&def.held.0));
            stops.held = Some(probes.place(&def.held.0));
        }
        stops
    }

    /// Somebody still waits to see motion end.
    pub fn watching(&self) -> bool {
        self.next_deadline().is_some()
    }

    /// When motion must have ended.
    pub fn next_deadline(&self) -> Option<Time> {
        let press = self.press.filter(|press| press.ended.is_none() && press.overdue.is_none())?;
        Some(press.at + press.within)
    }
}

impl Core {
    /// Why a person's hand keeps the run from being armed, in words.
    pub(super) fn held_up_by_hand(&self) -> Vec<String> {
        let mut why = Vec::new();
        if let Some(estop) = &self.stops.estop {
            match self.truth(estop.pressed) {
                Truth::False => {}
                Truth::True => why.push("the e-stop is pressed".to_owned()),
                Truth::Unknown => why.push("nobody knows whether the e-stop is pressed".to_owned()),
            }
        }
        if let Some(held) = self.stops.held {
            match self.truth(held) {
                Truth::True => {}
                Truth::False => why.push("the hold-to-run key is not held".to_owned()),
                Truth::Unknown => why.push("nobody knows whether the hold-to-run key is held".to_owned()),
            }
        }
        why
    }

    /// Looks at what the hand tells at this instant, and at the motion after a press.
    pub(super) fn watch_stops(&mut self, out: &mut Effects) {
        if self.judging.armed_at.is_none() {
            return;
        }
        self.watch_estop(out);
        // Letting go when nothing can be told to move any more is no lapse.
        if let Some(held) = self.stops.held
            && self.reacting.guard.open()
            && self.truth(held) != Truth::True
        {
            let unknown = self.truth(held) == Truth::Unknown;
            self.stops.released = Some(unknown);
            self.trip(Cause::Released, self.reacting.every_ladder(), None, out);
            self.emit(EventKind::Released { unknown }, out);
        }
        self.watch_motion(out);
    }

    fn watch_estop(&mut self, out: &mut Effects) {
        let Some(EStop { pressed, within, .. }) = self.stops.estop else { return };
        let truth = self.truth(pressed);
        if self.stops.press.is_some() || truth == Truth::False {
            return;
        }
        let unknown = truth == Truth::Unknown;
        let press = Press { at: self.now, unknown, within, ended: None, overdue: None, began_again: false };
        self.stops.press = Some(press);
        self.trip(Cause::EmergencyStop, self.reacting.every_ladder(), None, out);
        self.emit(EventKind::EmergencyStop { unknown }, out);
    }

    fn watch_motion(&mut self, out: &mut Effects) {
        let (Some(estop), Some(mut press)) = (&self.stops.estop, self.stops.press) else { return };
        // What was heard with the press, or before it, says nothing of what came of it.
        let later = estop.stopped_signals.iter().all(|signal| self.judging.arrived_at(*signal) > press.at);
        let truth = if later { self.truth(estop.stopped) } else { Truth::Unknown };
        let mut seen = None;
        match (truth, press.ended) {
            (Truth::True, None) => {
                let after = self.now.since(press.at);
                press.ended = Some(after);
                seen = Some(Motion::Ended { after });
            }
            (Truth::False, Some(_)) if !press.began_again => {
                press.began_again = true;
                seen = Some(Motion::BeganAgain);
            }
            (_, None) if press.overdue.is_none() && self.now >= press.at + press.within => {
                let unknown = truth == Truth::Unknown;
                press.overdue = Some(unknown);
                seen = Some(Motion::NotEnded { within: press.within, unknown });
            }
            _ => {}
        }
        if let Some(what) = seen {
            self.stops.press = Some(press);
            self.emit(EventKind::Motion { what }, out);
        }
    }
}
