//! What the template is given: every word and number of the page.

use super::tables::{Table, overview, rules};
use super::{Attempt, Subject, sentences};
use crate::live::{Weight, describe, weight};
use crate::plot;
use crate::report::{Quality, Verdict, quality, verdict};
use crate::run::event::EventKind;
use crate::stl::RuleVerdict;
use crate::trace::{Lane, Tone, words};
use serde::Serialize;

/// Lines of the story that are shown; the recording has all.
const STORY_MAX: usize = 400;

/// The page.
#[derive(Serialize)]
pub(super) struct View {
    /// `FAIL`, or `NO VERDICT`.
    word: String,
    /// The class of the word: `pass`, `fail`, `open`.
    tone: &'static str,
    title: String,
    about: String,
    sentences: Vec<Sentence>,
    /// Untested, inconclusive and unjudged rules.
    not_tested: Vec<String>,
    verdict: Verdict,
    quality: Quality,
    /// What of the run cannot be seen, said loudly.
    warnings: Vec<String>,
    figures: Vec<FigureView>,
    faults: Vec<FaultRow>,
    story: Vec<StoryLine>,
    story_left_out: usize,
    attempts: Vec<Attempt>,
    duration: String,
    is_empty: bool,
}

#[derive(Serialize)]
struct Sentence {
    tone: &'static str,
    text: String,
    rule: String,
    /// The window that its chart should show, in seconds, as the address says it.
    window: Option<String>,
}

#[derive(Serialize)]
struct FigureView {
    name: &'static str,
    about: &'static str,
    chapter: &'static str,
    svg: String,
    table: Option<Table>,
}

#[derive(Serialize)]
struct FaultRow {
    what: String,
    from_s: f64,
    to_s: f64,
    seen: String,
}

#[derive(Serialize)]
struct StoryLine {
    at_s: f64,
    tone: &'static str,
    text: String,
}

impl View {
    /// Bytes of all figures.
    pub(super) fn figures_bytes(&self) -> usize {
        self.figures.iter().map(|figure| figure.svg.len()).sum()
    }
}

/// Collects everything.
pub(super) fn view(subject: &Subject<'_>, attempts: &[Attempt]) -> View {
    let (plan, trace) = (subject.plan, subject.trace);
    let (verdict, quality) = (verdict(subject), quality(plan, trace));
    let word = verdict.verdict.unwrap_or("no verdict").to_uppercase();
    let told = sentences::of_rules(subject);
    let not_tested = told
        .iter()
        .filter(|(verdict, _)| matches!(verdict, RuleVerdict::Untested | RuleVerdict::Inconclusive))
        .map(|(_, text)| text.clone())
        .collect();
    let mut story: Vec<StoryLine> = trace
        .events
        .iter()
        .filter_map(|event| {
            let weight = weight(&event.kind);
            if weight == Weight::Quiet {
                return None;
            }
            let tone = match weight {
                Weight::Quiet | Weight::Plain => "plain",
                Weight::Warning => "warning",
                Weight::Alarm => "alarm",
            };
            Some(StoryLine { at_s: event.at.seconds(), tone, text: describe(plan, &event.kind)? })
        })
        .collect();
    let story_left_out = story.len().saturating_sub(STORY_MAX);
    if story_left_out > 0 {
        // What matters stays: plain lines go first, from the end.
        let mut plain_left = story_left_out;
        for place in (0..story.len()).rev() {
            if plain_left > 0 && story[place].tone == "plain" {
                story.remove(place);
                plain_left -= 1;
            }
        }
        story.truncate(STORY_MAX);
    }
    View {
        tone: match verdict.verdict {
            Some("pass") => "pass",
            Some("fail") => "fail",
            _ => "open",
        },
        word,
        title: format!("{} on {}", plan.name, plan.rig.name),
        about: plan.about.clone(),
        sentences: sentence_views(subject, told),
        not_tested,
        warnings: warnings(subject, &quality),
        figures: figures(subject),
        faults: faults(subject),
        story,
        story_left_out,
        attempts: attempts.to_vec(),
        duration: words::span(trace.whole.to.since(crate::time::Time::ZERO)),
        is_empty: trace.columns.iter().all(|column| column.times.is_empty()),
        verdict,
        quality,
    }
}

fn sentence_views(subject: &Subject<'_>, told: Vec<(RuleVerdict, String)>) -> Vec<Sentence> {
    let window = |name: &str| {
        let place = subject.plan.rules.iter().position(|rule| rule.name == name)?;
        let trace = subject.trace.rules.get(place)?;
        let judgement = trace.judgement.as_ref()?;
        let at = trace.violated.map(|v| v.instant).or(judgement.worst_at)?.seconds();
        let (from, to) = (subject.trace.whole.from.seconds(), subject.trace.whole.to.seconds());
        Some(format!("{:.3}..{:.3}", (at - 5.0).max(from), (at + 5.0).min(to)))
    };
    told.into_iter()
        .map(|(verdict, text)| {
            // A rule's name is one word, and the first of its sentence.
            let rule = text.split(' ').next().unwrap_or_default().to_owned();
            Sentence {
                tone: match verdict {
                    RuleVerdict::Pass => "pass",
                    RuleVerdict::Fail => "fail",
                    RuleVerdict::Untested | RuleVerdict::Inconclusive => "open",
                },
                window: window(&rule),
                rule,
                text,
            }
        })
        .collect()
}

fn warnings(subject: &Subject<'_>, quality: &Quality) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(quality.recording_loss.clone().map(|loss| format!("The recording is not whole: {loss}.")));
    if subject.trace.columns.iter().all(|column| column.times.is_empty()) {
        warnings.push("There is no data: not one sample of any signal was recorded.".into());
    }
    let never: Vec<&str> = quality.signals.iter().filter(|s| s.received == 0).map(|s| s.signal.as_str()).collect();
    if !never.is_empty() && never.len() < quality.signals.len() {
        warnings.push(format!("Never heard: {}.", never.join(", ")));
    }
    for merged in &quality.merged_rules {
        warnings.push(format!("{merged}: its signals came faster than declared, so its margins may be too wide."));
    }
    warnings
}

fn figures(subject: &Subject<'_>) -> Vec<FigureView> {
    let drawn = plot::ALL.iter().filter_map(|figure| Some((figure, (figure.draw)(subject)?)));
    drawn
        .map(|(figure, scene)| FigureView {
            name: figure.name,
            about: figure.about,
            chapter: match figure.name {
                "overview" => "understand",
                "reaction" => "control",
                _ => "explain",
            },
            svg: plot::svg(&scene),
            table: match figure.name {
                "overview" => Some(overview(subject)),
                "margins" | "zoom" => Some(rules(subject)),
                // The chains of the reactions stand as a table of their own beside it.
                _ => None,
            },
        })
        .collect()
}

fn faults(subject: &Subject<'_>) -> Vec<FaultRow> {
    let lanes = subject.trace.lanes.iter().filter(|lane: &&Lane| lane.bars.iter().any(|bar| bar.tone == Tone::Fault));
    let seen = |label: &str| {
        let mut told = subject.trace.events.iter().filter_map(|event| match &event.kind {
            EventKind::FaultSeen { fault, on, .. } if label.contains(fault.as_str()) && label.contains(on.as_str()) => {
                describe(subject.plan, &event.kind)
            }
            _ => None,
        });
        told.next_back().unwrap_or_else(|| "not told".into())
    };
    lanes
        .flat_map(|lane| lane.bars.iter().filter(|bar| bar.tone == Tone::Fault))
        .map(|bar| FaultRow {
            what: bar.label.clone(),
            from_s: bar.stretch.from.seconds(),
            to_s: bar.stretch.to.seconds(),
            seen: seen(&bar.label),
        })
        .collect()
}
