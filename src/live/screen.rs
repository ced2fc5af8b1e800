//! The step list as it grows, with a status block below it on a terminal.

use super::lines::{Weight, describe, margin_in_words, weight};
use crate::command::RuleId;
use crate::run::event::{Event, EventKind};
use crate::scenario::plan::Plan;
use crate::stl::Margin;
use crate::time::{Span, Time};
use std::io::{self, Write};
use std::sync::Arc;

/// The status is redrawn at most this often (run time): faster than an eye reads, and it costs a terminal dearly.
const REDRAW_EVERY: Span = Span::from_millis(100);
/// The status names so many of the tightest rules.
const TIGHTEST: usize = 3;

/// Writes what happens as it happens.
pub struct Screen<W: Write> {
    out: W,
    plan: Arc<Plan>,
    /// Colours and a status block; otherwise plain lines.
    terminal: bool,
    margins: Vec<Option<Margin>>,
    /// The violation that was said last: the episode that begins with it need not be said too.
    violated: Option<(RuleId, Time)>,
    steps_done: usize,
    armed: bool,
    tripped: bool,
    status_lines: usize,
    /// A person is asked: the cursor is theirs until the answer.
    asking: bool,
    drawn_at: Option<Time>,
}

impl<W: Write> Screen<W> {
    /// A screen for this plan.
    pub fn new(out: W, plan: Arc<Plan>, terminal: bool) -> Screen<W> {
        let margins = vec![None; plan.rules.len()];
        Screen {
            out,
            plan,
            terminal,
            margins,
            violated: None,
            steps_done: 0,
            armed: false,
            tripped: false,
            status_lines: 0,
            asking: false,
            drawn_at: None,
        }
    }

    /// Shows an event. An error of the output is the caller's to swallow: the run does not wait for its viewer.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::RuleMargin { rule, margin, .. } => self.margins[rule.0 as usize] = Some(*margin),
            EventKind::PromptAsked { .. } => self.asking = true,
            EventKind::PromptAnswered { .. } => self.asking = false,
            EventKind::StepEnded { .. } => {
                self.steps_done += 1;
                // A prompt that nobody answered ends with its step.
                self.asking = false;
            }
            EventKind::Armed => self.armed = true,
            EventKind::Tripped { .. } => self.tripped = true,
            EventKind::RuleViolated { rule, instant } => self.violated = Some((*rule, *instant)),
            EventKind::RuleEpisode { rule, broken: true, instant } if self.violated == Some((*rule, *instant)) => {
                return Ok(());
            }
            _ => {}
        }
        let finished = matches!(event.kind, EventKind::Finished { .. });
        let weight = weight(&event.kind);
        if weight > Weight::Quiet
            && let Some(words) = describe(&self.plan, &event.kind)
            && !finished
        {
            self.clear_status()?;
            let (before, after) = match (self.terminal, weight) {
                (true, Weight::Warning) => ("\x1b[33m", "\x1b[0m"),
                (true, Weight::Alarm) => ("\x1b[1;31m", "\x1b[0m"),
                _ => ("", ""),
            };
            writeln!(self.out, "{:>9.3} s  {before}{words}{after}", event.at.seconds())?;
        }
        if finished {
            self.clear_status()?;
        } else if self.terminal && !self.asking && self.drawn_at.is_none_or(|at| event.at.since(at) >= REDRAW_EVERY) {
            self.draw_status(event.at)?;
        }
        self.out.flush()
    }

    /// Removes the status block, so that whatever follows starts on a clean line.
    pub fn clear_status(&mut self) -> io::Result<()> {
        // To the end of the screen: a terminal puts `^C` there by itself.
        match std::mem::take(&mut self.status_lines) {
            0 => (),
            lines => write!(self.out, "\x1b[{lines}A\r\x1b[J")?,
        }
        self.drawn_at = None;
        Ok(())
    }

    /// Two lines, cut at the right edge: a line that wraps would be two, and one of them would stay.
    fn draw_status(&mut self, at: Time) -> io::Result<()> {
        self.clear_status()?;
        let state = match (self.tripped, self.armed) {
            (true, _) => "\x1b[1;31mTRIPPED\x1b[0m",
            (false, true) => "\x1b[32marmed\x1b[0m",
            (false, false) => "coming up",
        };
        let total = self.plan.titles.len();
        writeln!(
            self.out,
            "\x1b[?7l\x1b[2m{:>9.3} s\x1b[0m  {state}  steps {}/{total}  (Ctrl-C: stop and make safe)\x1b[?7h",
            at.seconds(),
            self.steps_done.min(total)
        )?;
        let tightest = self.tightest();
        let shown: Vec<String> = tightest
            .iter()
            .map(|(rule, margin)| {
                format!("{} {}", self.plan.rules[*rule].name, margin_in_words(&self.plan, *rule, *margin))
            })
            .collect();
        writeln!(
            self.out,
            "\x1b[?7l             margins: {}\x1b[?7h",
            if shown.is_empty() { "none yet".to_owned() } else { shown.join(" | ") }
        )?;
        self.status_lines = 2;
        self.drawn_at = Some(at);
        Ok(())
    }

    /// The rules nearest to breaking, each measured against the width it warns at, or against 1 of its own unit.
    fn tightest(&self) -> Vec<(usize, Margin)> {
        let mut all: Vec<(usize, Margin)> = self
            .margins
            .iter()
            .enumerate()
            .filter_map(|(i, m)| m.map(|m| (i, m)))
            .filter(|(_, m)| m.lo.is_finite())
            .collect();
        all.sort_by(|a, b| self.urgency(a).total_cmp(&self.urgency(b)));
        all.truncate(TIGHTEST);
        all
    }

    fn urgency(&self, (rule, margin): &(usize, Margin)) -> f64 {
        margin.lo / self.plan.rules[*rule].warn_at.unwrap_or(1.0)
    }
}
