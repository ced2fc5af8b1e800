//! The lease of a real rig around a run: taken before anything is opened, given back when the rig is known to be safe.
//!
//! Twins need none: each run makes a world of its own.

use super::say;
use crate::guard::{Cause, LadderId};
use crate::io::host::Fold;
use crate::io::queue::{Post, Poster};
use crate::io::state::{Held, Lease, Refused, State};
use crate::run::event::EventKind;
use crate::run::{Effect, Effects, Input, LeaseState, OperatorOrder, Run};
use crate::scenario::plan::{Mode, Plan};
use crate::time::{Span, Time};
use crate::trace::words;
use crate::units::Quantity;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a lease without `--lease` has above the longest that the run can take by its own deadlines.
const SPARE: Span = Span::from_secs(60);

/// A rig that is lent to this run.
pub struct Leased {
    held: Held,
    lasts: Span,
    /// When it ends by the clock that nobody sets.
    ends: Instant,
    /// What a person says of the trip of an earlier run.
    reset: Option<OperatorOrder>,
}

/// Reads `--lease 2h`.
pub fn parse_lasts(text: &str) -> Result<Span, String> {
    let quantity = Quantity::parse(text).map_err(|problem| problem.message)?;
    let seconds = Quantity::parse("1 s").map_err(|problem| problem.message)?;
    if quantity.unit.dimension != seconds.unit.dimension || quantity.si() < 1.0 {
        return Err(format!("`{text}` is no time of at least a second, such as 2h"));
    }
    Ok(Span::from_seconds(quantity.si()))
}

/// Takes the rig of a plan on real devices. The error says in words why the run is blocked.
pub fn take(plan: &Plan, asked: Option<Span>) -> Result<Option<Leased>, String> {
    if plan.mode != Mode::Rig {
        return Ok(None);
    }
    let longest = plan.longest();
    let lasts = asked.unwrap_or(longest + SPARE);
    if lasts < longest {
        say::aside(format!(
            "warning: the lease of {lasts} is shorter than what the run can take ({longest}): when it runs out the ladders run"
        ));
    }
    let duration = Duration::from_nanos(lasts.nanos().max(0).unsigned_abs());
    let held =
        State::find()?.lease(&plan.rig.name, &plan.name, "", duration).map_err(|why| refused(&plan.rig.name, why))?;
    if let Some(found) = &held.found {
        say::aside(format!("rig {}: {found}", plan.rig.name));
    }
    // A lease of centuries ends when the clock does.
    let now = Instant::now();
    let ends = now.checked_add(duration).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()));
    Ok(Some(Leased { held, lasts, ends, reset: None }))
}

/// Why a rig cannot be had, for people.
pub fn refused(rig: &str, why: Refused) -> String {
    match why {
        Refused::Leased(Some(lease)) => leased(rig, &lease),
        Refused::Leased(None) => format!("rig {rig} is leased to another run, whose lease file cannot be read"),
        Refused::Quarantined(quarantine) => format!(
            "rig {rig} is quarantined: {}; look at it, then `checkrein rigs release {rig} --inspected-by NAME`",
            quarantine.why
        ),
        Refused::Broken(why) => why,
    }
}

fn leased(rig: &str, lease: &Lease) -> String {
    let until = instant(lease.until);
    let over =
        if lease.until < crate::io::state::unix_seconds() { ", which is over: it is being made safe" } else { "" };
    format!("rig {rig} is leased to {} until {until}{over}", lease.holder())
}

/// Seconds since 1970 as people read them.
pub fn instant(unix_seconds: u64) -> String {
    words::utc(i64::try_from(unix_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000))
}

impl Leased {
    /// The run's folder, for whoever finds the lease.
    pub fn name_run(&mut self, folder: &Path) {
        self.held.lease.run = folder.display().to_string();
    }

    /// A person answered for the trip of an earlier run: the run is told.
    pub fn tell_reset(&mut self, order: OperatorOrder) {
        self.reset = Some(order);
    }

    /// The wires are about to be opened: tells the run that the rig is its own, and when that ends.
    pub fn begin(&mut self, runtime: &tokio::runtime::Handle, poster: &Poster) -> Result<(), String> {
        self.held.wires_opened().map_err(|why| format!("the lease of the rig cannot be kept: {why}"))?;
        let state = LeaseState::Taken { by: self.held.lease.holder(), lasts: self.lasts };
        poster.post_blocking(Post::Input(Input::Lease { at: poster.clock().now(), state }));
        if let Some(order) = self.reset.take() {
            poster.post_blocking(Post::Input(Input::Operator { at: poster.clock().now(), order }));
        }
        let (ends, poster) = (self.ends, poster.clone());
        runtime.spawn(async move {
            tokio::time::sleep_until(ends.into()).await;
            let at = poster.clock().now();
            poster.post(Post::Input(Input::Lease { at, state: LeaseState::Expired })).await
        });
        Ok(())
    }

    /// Gives the rig back, into quarantine where a ladder could not be confirmed.
    pub fn end(self, unconfirmed: &[String]) {
        let rig = self.held.lease.rig.clone();
        let why = (!unconfirmed.is_empty()).then(|| {
            let (what, verb) = if unconfirmed.len() == 1 { ("device", "was") } else { ("devices", "were") };
            format!("{what} {} {verb} not confirmed safe by the ladder", unconfirmed.join(", "))
        });
        match self.held.give_back(why) {
            Ok(None) => {}
            Ok(Some(quarantine)) => say::aside(format!(
                "rig {rig} is quarantined: {}; look at it, then `checkrein rigs release {rig} --inspected-by NAME`",
                quarantine.why
            )),
            // The lease file stays behind, and whoever finds it takes the rig for quarantined.
            Err(why) => say::aside(format!("warning: the rig could not be given back: {why}")),
        }
    }
}

/// Which ladders were started, and which of them stand confirmed: known even when the run's own thread is lost.
#[derive(Debug, Default)]
pub struct Safing {
    started: AtomicU16,
    safe: AtomicU16,
    armed: AtomicBool,
    /// The cause said last: the highest.
    tripped: Mutex<Option<Cause>>,
}

impl Safing {
    fn see(&self, effects: &Effects) {
        let bit = |ladder: LadderId| 1u16.checked_shl(ladder.0.into()).unwrap_or(0);
        for effect in &effects.list {
            match effect {
                Effect::Rung { ladder, .. } => {
                    self.started.fetch_or(bit(*ladder), Ordering::Relaxed);
                    self.safe.fetch_and(!bit(*ladder), Ordering::Relaxed);
                }
                Effect::Emit(event) => match event.kind {
                    EventKind::DeviceSafe { ladder } => {
                        self.safe.fetch_or(bit(ladder), Ordering::Relaxed);
                    }
                    EventKind::DeviceUnsafe { ladder } => {
                        self.safe.fetch_and(!bit(ladder), Ordering::Relaxed);
                    }
                    EventKind::Armed => self.armed.store(true, Ordering::Relaxed),
                    EventKind::Tripped { cause } => {
                        *self.tripped.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// Whether the run was armed, so that something could be energised.
    pub fn was_armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
    }

    /// Why the guard acted, if it did.
    pub fn tripped(&self) -> Option<Cause> {
        *self.tripped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Devices whose ladder was started and does not stand confirmed; with `lost`, every device that has one.
    pub fn unconfirmed(&self, plan: &Plan, lost: bool) -> Vec<String> {
        let open = self.started.load(Ordering::Relaxed) & !self.safe.load(Ordering::Relaxed);
        let left = |ladder: &&crate::scenario::plan::Ladder| lost || open & (1 << ladder.id.0) != 0;
        plan.ladders.iter().filter(left).map(|ladder| words::device(plan, ladder.device)).collect()
    }
}

/// The run with an eye on its ladders.
pub struct Watched {
    pub run: Run,
    pub safing: Arc<Safing>,
}

impl Fold for Watched {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        self.run.handle(input, out);
        self.safing.see(out);
    }
    fn next_deadline(&self) -> Option<Time> {
        self.run.next_deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::RungId;
    use crate::run::{Event, SendId};

    #[test]
    fn a_lease_lasts_a_time_and_no_length() {
        assert_eq!(parse_lasts("2h"), Ok(Span::from_secs(7200)));
        assert_eq!(parse_lasts("90 min"), Ok(Span::from_secs(5400)));
        for wrong in ["", "2", "2 m", "0 s", "-1 h", "soon"] {
            assert!(parse_lasts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_safe_and_is_no_more_is_unconfirmed() {
        let plan = crate::log::fixture::plan();
        let safing = Safing::default();
        let ladder = LadderId(0);
        let tell = |effect: Effect| safing.see(&Effects { list: vec![effect], samples: Vec::new() });
        let emit = |kind| tell(Effect::Emit(Event { at: Time::ZERO, kind }));
        assert!(safing.unconfirmed(&plan, false).is_empty(), "nothing was started");
        assert_eq!(safing.unconfirmed(&plan, true), ["fc"], "with the thread lost nobody knows");
        tell(Effect::Rung { id: SendId(1), ladder, rung: RungId(0) });
        assert_eq!(safing.unconfirmed(&plan, false), ["fc"]);
        emit(EventKind::DeviceSafe { ladder });
        assert!(safing.unconfirmed(&plan, false).is_empty());
        emit(EventKind::DeviceUnsafe { ladder });
        assert_eq!(safing.unconfirmed(&plan, false), ["fc"]);
    }
}
