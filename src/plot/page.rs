//! One page: title, panels over one time axis, footer.

use super::axis::Axis;
use super::scene::{Anchor, Area, BLACK, BLUE, Colour, GREEN, GREY, PALE, PURPLE, Scene, VERMILLION, fit};
use super::{Subject, lane, panel, strip};
use crate::expr::walk::signals_of;
use crate::run::event::RunVerdict;
use crate::signal::{SignalId, SignalKind};
use crate::trace::{Bar, Lane, Stretch, Tone, words};

/// A4 on its side, in 1/96 inch; a page with much to show is longer.
pub(super) const WIDTH: f64 = 1123.0;
const HEIGHT: f64 = 794.0;
const LEFT: f64 = 112.0;
/// Room for half of the last number under the axis.
const RIGHT: f64 = 32.0;
const HEAD: f64 = 66.0;
const AXIS: f64 = 40.0;
const FOOT: f64 = 34.0;
const SIGNAL_HEIGHT_MIN: f64 = 96.0;
const SIGNAL_HEIGHT_MAX: f64 = 230.0;
const STRIP_HEIGHT_MIN: f64 = 46.0;
const STRIP_HEIGHT_MAX: f64 = 130.0;
/// More would be too thin to read on one page.
const SIGNALS_MAX: usize = 8;

/// Said on every page.
const NOTICE: &str = "Not certified functional safety; no substitute for a wired e-stop.";

/// What a page shows.
pub struct Content {
    pub stretch: Stretch,
    pub signals: bool,
    pub lanes: bool,
    pub margins: bool,
    /// Under the title; `None`: what the scenario is about.
    pub heading: Option<String>,
}

/// What every panel of a page shares.
pub struct Page<'a> {
    pub subject: &'a Subject<'a>,
    pub stretch: Stretch,
    pub time: Axis,
}

impl Page<'_> {
    /// Where an instant is, in page units; outside of the page when it is not shown.
    pub fn x(&self, at: crate::time::Time) -> f64 {
        self.time.place(at.seconds())
    }

    /// The part of a stretch that is shown.
    pub fn shown(&self, stretch: Stretch) -> Option<(f64, f64)> {
        let from = stretch.from.max(self.stretch.from);
        let to = stretch.to.min(self.stretch.to);
        (from <= to).then(|| (self.x(from), self.x(to)))
    }

    /// The moment of the trip, when it is shown.
    pub fn trip_line(&self, scene: &mut Scene, top: f64, bottom: f64) {
        let Some((at, _)) = self.subject.trace.reaction.as_ref().and_then(|r| r.trip()) else { return };
        if self.shown(Stretch { from: at, to: at }).is_some() {
            scene.line(vec![(self.x(at), top), (self.x(at), bottom)], BLACK, 1.2);
        }
    }
}

/// Draws a page.
pub fn draw(subject: &Subject<'_>, content: &Content) -> Scene {
    let (plan, trace) = (subject.plan, subject.trace);
    let (from, to) = (content.stretch.from.seconds(), content.stretch.to.seconds());
    let page =
        Page { subject, stretch: content.stretch, time: Axis { lo: from, hi: to, from: LEFT, to: WIDTH - RIGHT } };

    let judged = judged_signals(subject);
    let numbers: Vec<SignalId> =
        judged.iter().copied().filter(|s| matches!(plan.rig.signals.def(*s).kind, SignalKind::Number { .. })).collect();
    let left_out = numbers.len().saturating_sub(SIGNALS_MAX);
    let numbers = if content.signals { &numbers[..numbers.len() - left_out] } else { &[] };
    let mut lanes: Vec<Lane> = if content.signals { state_lanes(subject, &judged) } else { Vec::new() };
    if content.lanes {
        lanes.extend(trace.lanes.iter().cloned());
    }
    let laid_out: Vec<lane::Layout> = lanes.iter().map(|l| lane::layout(l, &page)).collect();
    let lanes_height: f64 = laid_out.iter().map(lane::Layout::height).sum::<f64>() + 10.0;
    let strips = if content.margins { plan.rules.len() } else { 0 };

    // Where lanes come first, the word at the trip needs a line of its own.
    let head = if numbers.is_empty() { HEAD + 14.0 } else { HEAD };
    let room = HEIGHT - head - AXIS - FOOT - lanes_height;
    let strip_height = if numbers.is_empty() {
        (room / strips.max(1) as f64).clamp(STRIP_HEIGHT_MIN, STRIP_HEIGHT_MAX)
    } else {
        STRIP_HEIGHT_MIN
    };
    let strips_height = strips as f64 * strip_height;
    let signal_height =
        ((room - strips_height) / numbers.len().max(1) as f64).clamp(SIGNAL_HEIGHT_MIN, SIGNAL_HEIGHT_MAX);
    let body = numbers.len() as f64 * signal_height + lanes_height + strips_height;
    let height = (head + body + AXIS + FOOT).max(HEIGHT).ceil();

    let title = words::sentence(trace);
    let mut scene = Scene::new(WIDTH, height, title.clone(), description(subject));
    title_lines(&mut scene, subject, content.heading.as_deref(), &title);

    let mut top = head;
    // First, so that texts stand on them and not under them.
    through_lines(&mut scene, &page, HEAD + 16.0, top + body);
    for signal in numbers {
        let area = Area { left: LEFT, top: top + 18.0, right: WIDTH - RIGHT, bottom: top + signal_height - 6.0 };
        panel::draw(&mut scene, &page, *signal, area);
        top += signal_height;
    }
    if left_out > 0 && content.signals {
        let text = format!("{left_out} more judged signals are in the recording, not on this page");
        scene.text((WIDTH - RIGHT, HEAD + 4.0), &text, 9.0, GREY, Anchor::Right);
    }
    top += 4.0;
    for layout in &laid_out {
        lane::draw(&mut scene, &page, layout, top);
        top += layout.height();
    }
    top += 6.0;
    for rule in &plan.rules {
        if !content.margins {
            break;
        }
        let area = Area { left: LEFT, top: top + 4.0, right: WIDTH - RIGHT, bottom: top + strip_height - 4.0 };
        strip::draw(&mut scene, &page, rule, area);
        top += strip_height;
    }
    time_axis(&mut scene, &page, top);
    foot(&mut scene, subject, height);
    scene
}

/// Signals that rules read, each once; those that the run itself tells have lanes of their own.
fn judged_signals(subject: &Subject<'_>) -> Vec<SignalId> {
    let mut all: Vec<SignalId> = Vec::new();
    for rule in &subject.plan.rules {
        for formula in [Some(&rule.spec.body), rule.spec.when.as_ref()].into_iter().flatten() {
            for signal in signals_of(formula) {
                if !all.contains(&signal) && subject.plan.rig.signals.def(signal).device.is_some() {
                    all.push(signal);
                }
            }
        }
    }
    all
}

/// States and flags that rules read, as bars.
fn state_lanes(subject: &Subject<'_>, judged: &[SignalId]) -> Vec<Lane> {
    use crate::signal::Value;
    let mut lanes = Vec::new();
    for signal in judged {
        let def = subject.plan.rig.signals.def(*signal);
        let Some(column) = subject.trace.column(*signal) else { continue };
        let label = |value: Value| match (&def.kind, value) {
            (SignalKind::States { names }, Value::State(s)) => names.get(usize::from(s)).cloned(),
            (SignalKind::Flag, Value::Flag(true)) => Some("true".into()),
            (SignalKind::Flag, Value::Flag(false)) => Some("false".into()),
            _ => None,
        };
        let mut bars: Vec<Bar> = Vec::new();
        for (i, from) in column.times.iter().enumerate() {
            let next = column.times.get(i + 1).copied().unwrap_or(subject.trace.whole.to);
            // What went stale ended there.
            let to = column.gaps.iter().find(|g| g.from >= *from && g.from < next).map_or(next, |g| g.from);
            let Some(label) = label(column.values[i]) else { continue };
            match bars.last_mut() {
                Some(last) if last.label == label && last.stretch.to == *from => last.stretch.to = to,
                _ => bars.push(Bar { stretch: Stretch { from: *from, to }, label, tone: Tone::Plain }),
            }
        }
        if !bars.is_empty() {
            lanes.push(Lane { name: def.name.clone(), bars });
        }
    }
    lanes
}

/// Verdict and what the page is about; without a heading, how the reaction was.
pub(super) fn title_lines(scene: &mut Scene, subject: &Subject<'_>, heading: Option<&str>, title: &str) {
    let (mark, colour) = verdict_mark(subject);
    let square = Area { left: 24.0, top: 16.0, right: 50.0, bottom: 42.0 };
    scene.fill(square, colour, 1.0);
    scene.text((37.0, 35.5), mark, 18.0, Colour(255, 255, 255), Anchor::Middle);
    let mut chars = title.chars();
    let title: String = chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default();
    scene.text((60.0, 33.0), &fit(&title, 17.0, WIDTH - 60.0 - RIGHT), 17.0, BLACK, Anchor::Left);
    let mut parts = vec![subject.plan.name.clone(), format!("rig {}", subject.plan.rig.name)];
    match heading {
        Some(heading) => parts.push(heading.to_owned()),
        None => parts.extend(reaction_words(subject)),
    }
    let line = fit(&parts.join("  ·  "), 11.0, WIDTH - 60.0 - RIGHT);
    scene.text((60.0, 51.0), &line, 11.0, GREY, Anchor::Left);
}

fn verdict_mark(subject: &Subject<'_>) -> (&'static str, Colour) {
    match subject.trace.outcome.as_ref().map(|o| o.verdict) {
        Some(RunVerdict::Pass) => ("✓", GREEN),
        Some(RunVerdict::Fail) => ("✗", VERMILLION),
        Some(RunVerdict::Inconclusive) | None => ("?", GREY),
        Some(RunVerdict::Blocked | RunVerdict::Aborted) => ("–", BLUE),
    }
}

fn reaction_words(subject: &Subject<'_>) -> Vec<String> {
    let Some(reaction) = &subject.trace.reaction else { return Vec::new() };
    let mut parts = Vec::new();
    let Some((at, cause)) = reaction.trip() else { return parts };
    if let Some(time) = reaction.time() {
        let budget = match cause {
            crate::guard::Cause::Rule(id) => subject.plan.rules.get(usize::from(id.0)).and_then(|r| r.react_within),
            _ => None,
        };
        let budget = budget.map(|b| format!(" of {b} allowed")).unwrap_or_default();
        parts.push(format!("reacted in {}{budget}", words::span(time)));
    }
    for (safe_at, ladder) in &reaction.safe {
        parts.push(format!("{} safe {} later", words::ladder(subject.plan, *ladder), words::span(safe_at.since(at))));
    }
    parts
}

/// Lines through all panels: trip and ends of faults.
fn through_lines(scene: &mut Scene, page: &Page<'_>, top: f64, bottom: f64) {
    let trace = page.subject.trace;
    for bar in trace.lanes.iter().flat_map(|l| &l.bars).filter(|b| b.tone == Tone::Fault) {
        for at in [bar.stretch.from, bar.stretch.to] {
            if page.shown(Stretch { from: at, to: at }).is_some() {
                scene.dashes((page.x(at), top), (page.x(at), bottom), (2.0, 3.0), PURPLE, 1.0);
            }
        }
    }
    let Some((at, _)) = trace.reaction.as_ref().and_then(|r| r.trip()) else { return };
    if page.shown(Stretch { from: at, to: at }).is_some() {
        let x = page.x(at);
        page.trip_line(scene, top - 2.0, bottom);
        let text = format!("trip {at}");
        let anchor = if x > WIDTH - 140.0 { Anchor::Right } else { Anchor::Middle };
        scene.text((x, top - 5.0), &text, 10.0, BLACK, anchor);
    }
}

fn time_axis(scene: &mut Scene, page: &Page<'_>, top: f64) {
    let (left, right) = (page.time.from, page.time.to);
    scene.line(vec![(left, top), (right, top)], BLACK, 1.0);
    for tick in page.time.ticks(11) {
        let x = page.time.place(tick.value);
        scene.line(vec![(x, top), (x, top + 4.0)], BLACK, 1.0);
        scene.text((x, top + 15.0), &tick.label, 10.0, BLACK, Anchor::Middle);
    }
    let text =
        format!("time since the start of the run [s]; 0 s is {}", words::utc(page.subject.wall_clock_unix_nanos));
    scene.text(((left + right) / 2.0, top + 30.0), &text, 10.0, GREY, Anchor::Middle);
}

/// Which run it is, and what it is not.
pub(super) fn foot(scene: &mut Scene, subject: &Subject<'_>, height: f64) {
    let y = height - 22.0;
    scene.line(vec![(24.0, y - 11.0), (WIDTH - RIGHT, y - 11.0)], PALE, 0.8);
    let mut parts = vec![format!("run {}", subject.run)];
    if !subject.recording_sha256.is_empty() {
        let prefix: String = subject.recording_sha256.chars().take(12).collect();
        parts.push(format!("recording SHA-256 {prefix}…"));
    }
    parts.push(format!("Checkrein {}", subject.tool));
    parts.push(format!("verdict {}", subject.trace.outcome.as_ref().map_or("none", |o| o.verdict.word())));
    let notice = super::font::width(NOTICE, 9.0);
    let line = fit(&parts.join("  ·  "), 9.0, WIDTH - RIGHT - 24.0 - notice - 20.0);
    scene.text((24.0, y), &line, 9.0, GREY, Anchor::Left);
    scene.text((WIDTH - RIGHT, y), NOTICE, 9.0, GREY, Anchor::Right);
    if let Some(loss) = &subject.trace.loss {
        scene.text((24.0, y + 12.0), &fit(&loss.to_string(), 9.0, WIDTH - RIGHT - 24.0), 9.0, BLACK, Anchor::Left);
    }
}

/// For those who do not see the figure.
fn description(subject: &Subject<'_>) -> String {
    let rules: Vec<String> = subject
        .plan
        .rules
        .iter()
        .zip(&subject.trace.rules)
        .map(|(rule, trace)| match &trace.judgement {
            Some(j) => {
                format!("{}: {}, margin {}", rule.name, words::verdict(j.verdict), words::margin(rule, j.margin.lo))
            }
            None => format!("{}: not judged", rule.name),
        })
        .collect();
    format!("{}. {}. {}.", subject.plan.name, words::sentence(subject.trace), rules.join("; "))
}
