//! From a cause to a safe machine, stamp by stamp: what the events of a reaction say, put together again.

use crate::guard::{Cause, LadderId, LadderSet, RungId};
use crate::run::event::{AckedBy, Event, EventKind, TripId};
use crate::time::{Span, Time};

/// What became of one cause.
#[derive(Clone, PartialEq, Debug)]
pub struct Chain {
    pub trip: TripId,
    pub cause: Cause,
    /// First instant judged false, where a broken rule is the cause.
    pub violated_at: Option<Time>,
    /// When that could first be known.
    pub known_at: Time,
    /// When the harness took it up and decided, in one call.
    pub taken_at: Time,
    /// By ladder.
    pub devices: Vec<ChainDevice>,
    /// Absent when the recording ends before the run did.
    pub judged: Option<ChainJudged>,
}

/// How it was held against what it was allowed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ChainJudged {
    pub reaction: Option<Span>,
    pub react_within: Option<Span>,
    pub safe_after: Option<Span>,
    pub safe_within: Option<Span>,
    pub late: bool,
}

/// One device that the cause stops.
#[derive(Clone, PartialEq, Debug)]
pub struct ChainDevice {
    pub ladder: LadderId,
    pub start: ChainStart,
    /// Issued from then on, in order; passed-over ones are left out.
    pub rungs: Vec<ChainRung>,
    /// First confirmed from then on.
    pub safe_at: Option<Time>,
}

/// How a ladder stood to the cause.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ChainStart {
    /// Its first rung was issued in the call that decided.
    Began,
    /// It had to wait for the ladder of another device.
    Waited,
    /// An earlier cause had started it.
    UnderWay,
}

/// One rung.
#[derive(Clone, PartialEq, Debug)]
pub struct ChainRung {
    pub rung: RungId,
    pub issued_at: Time,
    /// When its first byte left, and when its last one was handed over; absent when it never left.
    pub written: Option<(Time, Time)>,
    /// When the device first showed that it heard, and by what.
    pub heard: Option<(Time, AckedBy)>,
}

/// The chains that the events tell, in order of their causes.
pub(super) fn chains(events: &[Event]) -> Vec<Chain> {
    let mut chains = Vec::new();
    for event in events {
        let EventKind::TripOpened { trip, cause, violated_at, known_at, taken_at, begins, waits, under_way } =
            event.kind
        else {
            continue;
        };
        let judged = events.iter().find_map(|e| match e.kind {
            EventKind::TripJudged { trip: of, reaction, react_within, safe_after, safe_within, late } if of == trip => {
                Some(ChainJudged { reaction, react_within, safe_after, safe_within, late })
            }
            _ => None,
        });
        let mut devices = Vec::new();
        for (set, start) in
            [(begins, ChainStart::Began), (waits, ChainStart::Waited), (under_way, ChainStart::UnderWay)]
        {
            devices.extend(ladders_of(set).map(|ladder| device(events, event.at, ladder, start)));
        }
        devices.sort_by_key(|device| device.ladder);
        chains.push(Chain { trip, cause, violated_at, known_at, taken_at, devices, judged });
    }
    chains
}

fn ladders_of(set: LadderSet) -> impl Iterator<Item = LadderId> {
    (0..u16::BITS as u8).map(LadderId).filter(move |ladder| set.contains(*ladder))
}

fn device(events: &[Event], opened_at: Time, of: LadderId, start: ChainStart) -> ChainDevice {
    let mut device = ChainDevice { ladder: of, start, rungs: Vec::new(), safe_at: None };
    let mut safe_before = false;
    for event in events {
        let before = event.at < opened_at;
        match &event.kind {
            EventKind::DeviceSafe { ladder } if *ladder == of && before => safe_before = true,
            EventKind::DeviceUnsafe { ladder } if *ladder == of && before => safe_before = false,
            EventKind::DeviceSafe { ladder } if *ladder == of => {
                device.safe_at = device.safe_at.or(Some(event.at));
            }
            _ if before => {}
            EventKind::RungIssued { ladder, rung } if *ladder == of => {
                device.rungs.push(ChainRung { rung: *rung, issued_at: event.at, written: None, heard: None });
            }
            EventKind::RungWritten { ladder, rung, begun, done, .. } if *ladder == of => {
                let rung = device.rungs.iter_mut().find(|run| run.rung == *rung && run.written.is_none());
                rung.into_iter().for_each(|run| run.written = Some((*begun, *done)));
            }
            EventKind::RungAcked { ladder, rung, by, after } if *ladder == of => {
                let rung = device.rungs.iter_mut().rev().find(|run| run.rung == *rung && run.heard.is_none());
                if let Some(run) = rung
                    && let Some((first_byte, _)) = run.written
                {
                    run.heard = Some((first_byte + *after, by.clone()));
                }
            }
            _ => {}
        }
    }
    if safe_before {
        device.safe_at = Some(opened_at);
    }
    device
}
