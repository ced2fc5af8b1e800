//! Judges traces of others' making: columns and rules in, one account per rule out.
//!
//! Two passes over the trace, and a third where something is to be explained: the first ([`scan`](self)) learns what each column holds, since a formula is checked against
//! kinds and units; the second pushes row after row into the engine that runs are judged with. Memory does not grow with
//! the trace, but for the lists of what was found, which are bounded.
//!
//! What cannot be read is unknown at its instant, told with its line, and never guessed.
//!
//! Invariant: no file is opened here; the trace is lent as a function that reads it from its beginning.

mod account;
mod again;
mod feed;
mod json;
mod rules;
mod samples;
mod scan;
mod table;
mod text;
mod why;

pub use account::{Account, Late, RuleAccount, Stretches, Violation};
pub use again::{OtherRules, Unfit, again};
pub use json::{
    Blind, Document, HeardLate, Interval, LateDocument, RuleDocument, Stamp, Stretch, StretchesDocument, Trouble,
    ViolationDocument, WhyDocument, document, sample_line,
};
pub use samples::AtSample;
pub use text::{listing, sample_heading, sample_words, summary};
pub use why::Behind;

use crate::diag::{Diagnostic, Files, Severity, Spot, report};
use crate::import::{Refusal, Sink};
use crate::stl::Outside;
use crate::time::{Span, Time};

/// Reads the trace from its beginning to its end.
pub type ReadTrace<'a> = dyn FnMut(&mut dyn Sink) -> Result<(), Refusal> + 'a;

/// What is asked for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// The trace, as people know it.
    pub trace: String,
    /// Rules as text: `ceiling: altitude <= 8 m`.
    pub rules: Vec<String>,
    /// An envelope file.
    pub rule_file: Option<String>,
    /// A rig file, which lends its signals and definitions.
    pub rig: Option<String>,
    /// Signals as text, for what the trace does not say: `altitude: -1 m .. 40 m, stale after 60 ms`.
    pub signals: Vec<String>,
    /// How long samples hold, where nothing else is said; `None`: until the next one.
    pub stale_after: Option<Span>,
    pub from: From,
    pub outside: Outside,
    /// Margin and truth of each rule's body at each stamp are wanted.
    pub at_samples: bool,
}

/// Where the scope of the rules begins.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum From {
    /// At the first row; of a recording of a run, when every signal was heard, since runs are judged from there.
    #[default]
    Auto,
    /// At the first row.
    First,
    /// When every signal of every rule was heard.
    Heard,
    /// At this stamp of the trace.
    At(Time),
}

/// What stands in the way of judging.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Refused {
    /// What is wrong with rules, rig and the description of signals.
    pub diagnostics: Vec<Diagnostic>,
    /// What is wrong with the trace.
    pub troubles: Troubles,
}

impl Refused {
    /// As a person reads it.
    pub fn render(&self, colour: bool) -> String {
        let mut out = self.troubles.render(colour);
        if !self.diagnostics.is_empty() {
            out.push_str(&report(&self.diagnostics, colour));
        }
        out
    }
}

/// Troubles that are shown; of the others only their number is kept.
pub const TROUBLES_SHOWN: usize = 20;

/// What is wrong with a trace: the first of it, and how much there is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Troubles {
    pub shown: Vec<Spot>,
    pub errors: u64,
    pub warnings: u64,
}

impl Troubles {
    /// Notes one.
    pub fn push(&mut self, spot: Spot) {
        self.push_with(spot.severity, || spot);
    }

    /// Notes one that is made only when it will be shown.
    pub fn push_with(&mut self, severity: Severity, spot: impl FnOnce() -> Spot) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if self.shown.len() < TROUBLES_SHOWN {
            self.shown.push(spot());
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.errors + self.warnings
    }

    /// As a person reads it; empty when there are none.
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for spot in &self.shown {
            out.push_str(&spot.render(colour));
            out.push_str("\n\n");
        }
        let rest = self.count() - self.shown.len() as u64;
        if rest > 0 {
            out.push_str(&format!("and {rest} more like these\n"));
        }
        out
    }
}

/// Judges a trace. `read` is called twice, and once more for why a rule is broken or could not be judged; `at_sample` takes margins at stamps when they were asked for.
pub fn judge(
    request: &Request,
    files: &dyn Files,
    read: &mut ReadTrace<'_>,
    at_sample: &mut dyn FnMut(AtSample<'_>),
) -> Result<Account, Refused> {
    let texts = rules::Texts::load(request, files)?;
    let contents = scan::scan(request, &texts.words(), read)?;
    let mut request = request.clone();
    if request.from == From::Auto {
        request.from = if contents.is_recording() { From::Heard } else { From::First };
    }
    let request = &request;
    let set = rules::check(request, &texts, &contents).map_err(|mut refused| {
        // A signal may be missing because the rest of the trace is.
        contents.cut.iter().for_each(|spot| refused.troubles.push(spot.clone()));
        refused
    })?;
    let ask = why::Ask::new(&set, &contents);
    let (mut account, begun_at) = feed::feed(request, set, contents, read, at_sample)?;
    ask.answer(request, &mut account, begun_at, read);
    Ok(account)
}

/// What a trace holds, without judging it.
pub fn contents(request: &Request, read: &mut ReadTrace<'_>) -> Result<String, Refused> {
    let mut contents = scan::scan(request, &scan::Words::All, read)?;
    if let Some(spot) = contents.cut.take() {
        contents.troubles.push(spot);
    }
    Ok(listing(&contents))
}
