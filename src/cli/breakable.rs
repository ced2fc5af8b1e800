//! The run as the host's fold. In builds with debug assertions it can be told to break, so that tests see what becomes of
//! a machine whose harness has a bug: `CHECKREIN_TEST_BREAK=panic:hold` panics when a step whose title holds `hold` begins.
//!
//! Invariant: a release build reads no such variable.

use crate::io::host::Fold;
use crate::run::event::EventKind;
use crate::run::{Effect, Effects, Event, Input};
use crate::scenario::plan::Plan;
use crate::time::Time;
use std::sync::Arc;

/// How a run breaks.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum How {
    /// Its thread panics.
    Panic,
    /// Its thread stands still for ever, as in a deadlock; all others go on.
    Hang,
    /// The process aborts.
    Abort,
}

/// A run on wires.
pub struct Breakable<F> {
    run: F,
    plan: Arc<Plan>,
    /// How, and at which step.
    breaks: Option<(How, String)>,
}

impl<F> Breakable<F> {
    /// The run, which breaks only where a test asks for it.
    pub fn new(run: F, plan: Arc<Plan>) -> Breakable<F> {
        let asked = if cfg!(debug_assertions) { std::env::var("CHECKREIN_TEST_BREAK").ok() } else { None };
        Breakable { run, plan, breaks: asked.as_deref().and_then(read) }
    }
    fn begins(&self, effect: &Effect, title: &str) -> bool {
        let Effect::Emit(Event { kind: EventKind::StepStarted { step, .. }, .. }) = effect else { return false };
        self.plan.titles.get(step.0 as usize).is_some_and(|step| step.title.contains(title))
    }
}

fn read(asked: &str) -> Option<(How, String)> {
    let (how, title) = asked.split_once(':')?;
    let how = match how {
        "panic" => How::Panic,
        "hang" => How::Hang,
        "abort" => How::Abort,
        _ => return None,
    };
    Some((how, title.to_owned()))
}

impl<F: Fold> Fold for Breakable<F> {
    fn handle(&mut self, input: &Input, out: &mut Effects) {
        self.run.handle(input, out);
        let Some((how, title)) = &self.breaks else { return };
        if !out.list.iter().any(|effect| self.begins(effect, title)) {
            return;
        }
        match how {
            How::Panic => panic!("a test asked for it"),
            How::Abort => std::process::abort(),
            How::Hang => loop {
                std::thread::park();
            },
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        self.run.next_deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_wishes_are_understood() {
        assert_eq!(read("panic:do fc.arm"), Some((How::Panic, "do fc.arm".into())));
        assert_eq!(read("hang:hold"), Some((How::Hang, "hold".into())));
        assert_eq!(read("hold"), None);
        assert_eq!(read("explode:hold"), None);
    }
}
