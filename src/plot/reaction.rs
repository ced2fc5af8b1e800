//! From each cause to a safe machine: how long every part took, on a logarithmic axis, against what was allowed.

use super::Subject;
use super::page::{self, WIDTH};
use super::scene::{Anchor, Area, BLACK, BLUE, GREEN, GREY, PALE, Scene, VERMILLION, fit};
use crate::time::{Span, Time};
use crate::trace::{Chain, ChainStart, words};

const HEAD: f64 = 78.0;
const FOOT: f64 = 76.0;
const ROW: f64 = 19.0;
const SIZE: f64 = 9.5;
/// Names stand left of this, lengths of time right of the other.
const LEFT: f64 = 330.0;
const RIGHT: f64 = 850.0;
/// What is shorter is drawn as long as this: a microsecond is less than the stamps are apart.
const SHORTEST_NANOS: i64 = 1_000;
/// A microsecond to 31 years.
const DECADES_MAX: u32 = 15;
/// Later causes are in `verdict.json`: a page has an end.
const ROWS_MAX: usize = 60;

/// One line of the figure.
enum Row {
    Heading(String),
    /// `took`: since the cause could be known; `None`: it never happened.
    Part {
        name: String,
        took: Option<Span>,
        allowed: Option<Span>,
    },
}

/// Draws it; nothing where nothing tripped, or where the recording is of a version that kept no chains.
pub fn draw(subject: &Subject<'_>) -> Option<Scene> {
    let mut rows: Vec<Row> = subject.trace.chains.iter().flat_map(|chain| rows(subject, chain)).collect();
    if rows.is_empty() {
        return None;
    }
    let left_out = rows.len().saturating_sub(ROWS_MAX);
    rows.truncate(ROWS_MAX);
    let height = (HEAD + rows.len() as f64 * ROW + FOOT).ceil();
    let title = words::sentence(subject.trace);
    let description = rows.iter().map(said).collect::<Vec<_>>().join("; ");
    let mut scene = Scene::new(WIDTH, height, title.clone(), description);
    page::title_lines(&mut scene, subject, Some("reaction to each cause, from the instant it could be known"), &title);

    let longest = rows.iter().filter_map(|row| match row {
        Row::Part { took, allowed, .. } => (*took).max(*allowed),
        Row::Heading(_) => None,
    });
    let axis = LogAxis::up_to(longest.max().unwrap_or(Span::ZERO));
    let bottom = HEAD + rows.len() as f64 * ROW;
    for decade in 0..=axis.decades {
        let x = axis.at_decade(decade);
        scene.line(vec![(x, HEAD - 4.0), (x, bottom)], PALE, 0.6);
        let label = words::span(LogAxis::end_of(decade));
        scene.text((x, bottom + 13.0), &label, 9.0, BLACK, Anchor::Middle);
    }
    let what = "time since the cause could be known; the mark is what was allowed";
    scene.text(((LEFT + RIGHT) / 2.0, bottom + 28.0), what, 9.5, GREY, Anchor::Middle);
    for (place, row) in rows.iter().enumerate() {
        one(&mut scene, row, &axis, HEAD + place as f64 * ROW);
    }
    if left_out > 0 {
        let text = format!("{left_out} more lines are in verdict.json");
        scene.text((WIDTH - 32.0, bottom + 28.0), &text, 9.0, GREY, Anchor::Right);
    }
    page::foot(&mut scene, subject, height);
    Some(scene)
}

/// Decades from a microsecond up.
struct LogAxis {
    decades: u32,
}

impl LogAxis {
    /// As many decades as hold the span, at least one.
    fn up_to(longest: Span) -> LogAxis {
        let mut decades = 1;
        while decades < DECADES_MAX && LogAxis::end_of(decades) < longest {
            decades += 1;
        }
        LogAxis { decades }
    }
    fn end_of(decade: u32) -> Span {
        Span::from_nanos(SHORTEST_NANOS * 10_i64.pow(decade))
    }
    fn at_decade(&self, decade: u32) -> f64 {
        LEFT + f64::from(decade) / f64::from(self.decades) * (RIGHT - LEFT)
    }
    fn place(&self, span: Span) -> f64 {
        let decade = libm::log10((span.nanos() as f64 / SHORTEST_NANOS as f64).max(1.0)) / f64::from(self.decades);
        LEFT + decade.min(1.0) * (RIGHT - LEFT)
    }
}

fn one(scene: &mut Scene, row: &Row, axis: &LogAxis, top: f64) {
    let base = top + ROW * 0.68;
    match row {
        Row::Heading(text) => {
            scene.text((32.0, base), &fit(text, 11.0, WIDTH - 64.0), 11.0, BLACK, Anchor::Left);
        }
        Row::Part { name, took, allowed } => {
            let late = match (took, allowed) {
                (Some(took), Some(allowed)) => took > allowed,
                (None, _) => true,
                (Some(_), None) => false,
            };
            scene.text((LEFT - 10.0, base), &fit(name, SIZE, LEFT - 50.0), SIZE, BLACK, Anchor::Right);
            let colour = match (late, allowed) {
                (true, _) => VERMILLION,
                (false, Some(_)) => GREEN,
                (false, None) => BLUE,
            };
            let right = took.map_or(RIGHT, |took| axis.place(took).max(LEFT + 1.5));
            let bar = Area { left: LEFT, top: top + 5.0, right, bottom: top + ROW - 5.0 };
            match took {
                Some(_) => scene.fill(bar, colour, 0.85),
                None => scene.hatch(bar, 5.0, colour, 0.8),
            }
            if let Some(allowed) = allowed {
                let x = axis.place(*allowed);
                scene.line(vec![(x, top + 1.0), (x, top + ROW - 1.0)], BLACK, 1.6);
            }
            scene.text((RIGHT + 12.0, base), &fit(&outcome(*took, *allowed), SIZE, 230.0), SIZE, BLACK, Anchor::Left);
        }
    }
}

fn outcome(took: Option<Span>, allowed: Option<Span>) -> String {
    let took_words = took.map_or("never".to_owned(), words::span);
    match (took, allowed) {
        (took, Some(allowed)) if took.is_none_or(|took| took > allowed) => {
            format!("{took_words}  LATE: {} allowed", words::span(allowed))
        }
        (_, Some(allowed)) => format!("{took_words} of {} allowed", words::span(allowed)),
        (_, None) => took_words,
    }
}

fn said(row: &Row) -> String {
    match row {
        Row::Heading(text) => text.clone(),
        Row::Part { name, took, allowed } => format!("{name}: {}", outcome(*took, *allowed)),
    }
}

fn rows(subject: &Subject<'_>, chain: &Chain) -> Vec<Row> {
    let plan = subject.plan;
    let since = |at: Time| Some(at.since(chain.known_at));
    let budget = |of: fn(&crate::trace::ChainJudged) -> Option<Span>| chain.judged.as_ref().and_then(of);
    let mut rows = vec![
        Row::Heading(format!("{} — known at {}", words::cause(plan, chain.cause), chain.known_at)),
        Row::Part { name: "taken up and decided".into(), took: since(chain.taken_at), allowed: None },
    ];
    for device in &chain.devices {
        let name = words::ladder(plan, device.ladder);
        for (place, rung) in device.rungs.iter().enumerate() {
            let command = words::rung(plan, device.ladder, rung.rung);
            let first = place == 0 && device.start == ChainStart::Began;
            rows.push(Row::Part {
                name: format!("{name}: first byte of {command}"),
                took: rung.written.and_then(|(first_byte, _)| since(first_byte)),
                allowed: if first { budget(|judged| judged.react_within) } else { None },
            });
            if let Some((at, by)) = &rung.heard {
                let by = words::acked_by(plan, by);
                rows.push(Row::Part { name: format!("{name}: {by}"), took: since(*at), allowed: None });
            }
        }
        rows.push(Row::Part {
            name: format!("{name}: confirmed safe"),
            took: device.safe_at.and_then(since),
            allowed: budget(|judged| judged.safe_within),
        });
    }
    rows
}
