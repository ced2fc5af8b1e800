//! A rule's margin over time: how far it was from being broken.

use super::axis::Axis;
use super::decimate::decimate;
use super::page::Page;
use super::place::{Labels, Look, around};
use super::scene::{Anchor, Area, BLACK, BLUE, BROKEN, GREY, PALE, Scene, VERMILLION, fit};
use crate::expr::walk::signals_of;
use crate::rig::{MarginUnit, Rule};
use crate::stl::RuleVerdict;
use crate::time::Time;
use crate::trace::{RuleTrace, Stretch, words};

const SIZE: f64 = 9.5;
/// Columns in which the extremes of a line are kept.
pub(super) const COLUMN: f64 = 0.5;

/// Draws one strip.
pub fn draw(scene: &mut Scene, page: &Page<'_>, rule: &Rule, area: Area) {
    let Some(trace) = page.subject.trace.rule(rule.spec.id) else { return };
    let verdict = trace.judgement.as_ref().map(|j| j.verdict);
    name(scene, rule, verdict, area);
    for stretch in &trace.broken {
        if let Some((left, right)) = page.shown(*stretch) {
            scene.fill(Area { left, right: right.max(left + 1.0), ..area }, VERMILLION, 0.14);
        }
    }
    for stretch in &trace.blind {
        if let Some((left, right)) = page.shown(*stretch) {
            blind(scene, Area { left, right, ..area });
        }
    }
    scene.frame(area, PALE, 0.6);
    let unit = words::margin_number(rule, 0.0).1;
    let pieces = pieces(page, rule, trace, area);
    let points: Vec<(f64, f64)> = pieces.concat();
    let mut labels = Labels::new(area, Vec::new());
    let said = |text: &str| text.to_string();
    if points.is_empty() {
        let text = match verdict {
            Some(RuleVerdict::Untested) => match &rule.when_text {
                Some(when) => format!("untested: `{when}` never held"),
                None => said("untested"),
            },
            Some(RuleVerdict::Inconclusive) => said("inconclusive: data missing"),
            Some(RuleVerdict::Pass) => said("held throughout"),
            Some(RuleVerdict::Fail) if matches!(rule.margin, MarginUnit::Truth) => said("broken where shaded"),
            _ => said("no margin decided here"),
        };
        if verdict == Some(RuleVerdict::Untested) {
            scene.hatch(area, 9.0, PALE, 0.5);
        }
        let middle = (area.left + 10.0, (area.top + area.bottom) / 2.0 + SIZE * 0.35);
        labels.write(scene, &text, Look { size: SIZE, colour: BLACK, frame: None }, [(middle, Anchor::Left)]);
        return;
    }
    let (lo, hi) = points.iter().fold((0.0f64, 0.0f64), |(lo, hi), (_, y)| (lo.min(*y), hi.max(*y)));
    let axis = Axis::padded(lo, hi, 0.12, area.bottom, area.top);
    numbers(scene, axis, area);
    let lines: Vec<Vec<(f64, f64)>> = pieces
        .iter()
        .map(|piece| decimate(piece, COLUMN).into_iter().map(|(x, y)| (x, axis.place(y))).collect())
        .collect();
    let zero = axis.place(0.0);
    for line in &lines {
        below_zero(scene, line, zero);
    }
    page.trip_line(scene, area.top, area.bottom);
    scene.line(vec![(area.left, zero), (area.right, zero)], BLACK, 0.9);
    for line in &lines {
        scene.line(line.clone(), BLUE, 1.3);
    }
    // The judgement knows the least margin to the instant; the points were thinned.
    let judged = trace.judgement.as_ref().and_then(|j| Some((j.worst_at?, j.margin.lo)));
    let judged = judged.filter(|(at, lo)| lo.is_finite() && page.shown(Stretch { from: *at, to: *at }).is_some());
    let least = match judged {
        Some((at, lo)) => Some((page.x(at), words::margin_number(rule, lo).0, at.to_string())),
        None => points
            .iter()
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(x, y)| (*x, *y, format!("{} s", seconds_at(page, *x)))),
    };
    if let Some((x, y, when)) = least {
        let at = (x, axis.place_within(y));
        diamond(scene, at);
        let text = format!("least {} {unit} at {when}", words::number(y));
        let mut labels = Labels::new(area, lines.concat());
        let look = Look { size: SIZE, colour: BLACK, frame: None };
        labels.write(scene, &text, look, around(at, area, SIZE));
    }
}

/// Decided margins (place on the page, margin in the rule's unit), broken where a signal of the rule was unknown.
fn pieces(page: &Page<'_>, rule: &Rule, trace: &RuleTrace, area: Area) -> Vec<Vec<(f64, f64)>> {
    let signals = signals_of(&rule.spec.body);
    let columns = signals.iter().filter_map(|s| page.subject.trace.column(*s));
    let mut breaks: Vec<Time> = columns.flat_map(|c| &c.gaps).chain(&trace.blind).map(|unknown| unknown.from).collect();
    breaks.sort();
    let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut before: Option<Time> = None;
    for (at, margin) in &trace.margins {
        let (x, y) = (page.x(*at), words::margin_number(rule, margin.lo).0);
        if x < area.left || x > area.right {
            continue;
        }
        let broken = before.is_some_and(|b| breaks.partition_point(|t| *t < b) < breaks.partition_point(|t| t < at));
        if broken || !y.is_finite() {
            pieces.push(Vec::new());
        }
        if y.is_finite() {
            pieces.last_mut().expect("never empty").push((x, y));
        }
        before = Some(*at);
    }
    pieces.retain(|p| !p.is_empty());
    pieces
}

fn seconds_at(page: &Page<'_>, x: f64) -> String {
    let share = (x - page.time.from) / (page.time.to - page.time.from);
    format!("{:.2}", page.time.lo + share * (page.time.hi - page.time.lo))
}

fn name(scene: &mut Scene, rule: &Rule, verdict: Option<RuleVerdict>, area: Area) {
    let room = area.left - 44.0;
    let mid = (area.top + area.bottom) / 2.0;
    let unit = words::margin_number(rule, 0.0).1;
    let unit = if unit.is_empty() { "margin".to_string() } else { format!("margin [{unit}]") };
    let right = area.left - 34.0;
    scene.text((right, mid - 6.0), &fit(&rule.name, 10.0, room), 10.0, BLACK, Anchor::Right);
    scene.text((right, mid + 5.0), &fit(&unit, 8.5, room), 8.5, GREY, Anchor::Right);
    let word = verdict.map_or("not judged", words::verdict);
    scene.text((right, mid + 15.5), word, 8.5, BLACK, Anchor::Right);
}

fn numbers(scene: &mut Scene, axis: Axis, area: Area) {
    let wanted = if area.height() > 70.0 { 4 } else { 2 };
    // A number at the very edge would run into the neighbour's.
    let edge = (axis.hi - axis.lo) / area.height() * 2.0;
    for tick in axis.ticks_between(wanted, axis.lo + edge, axis.hi - edge) {
        let y = axis.place(tick.value);
        scene.line(vec![(area.left - 3.0, y), (area.left, y)], BLACK, 0.8);
        scene.text((area.left - 5.0, y + 3.0), &tick.label, 8.5, BLACK, Anchor::Right);
    }
}

/// Fills what lies between zero and a line under it; one shape for each dip, so that no seams show.
fn below_zero(scene: &mut Scene, line: &[(f64, f64)], zero: f64) {
    // On the page a greater y is further down.
    let below = |p: (f64, f64)| p.1 > zero;
    let crossing = |a: (f64, f64), b: (f64, f64)| (a.0 + (b.0 - a.0) * (zero - a.1) / (b.1 - a.1), zero);
    let mut dip: Vec<(f64, f64)> = Vec::new();
    let mut before: Option<(f64, f64)> = None;
    for point in line.iter().copied() {
        match (before, below(point)) {
            (Some(b), true) if !below(b) => dip.push(crossing(b, point)),
            (None, true) => dip.push((point.0, zero)),
            (Some(b), false) if below(b) => {
                dip.push(crossing(b, point));
                scene.polygon(std::mem::take(&mut dip), BROKEN);
            }
            _ => {}
        }
        if below(point) {
            dip.push(point);
        }
        before = Some(point);
    }
    if let Some(last) = dip.last().copied() {
        dip.push((last.0, zero));
        scene.polygon(dip, BROKEN);
    }
}

/// A band where nothing was known.
pub(super) fn blind(scene: &mut Scene, area: Area) {
    scene.fill(area, GREY, 0.12);
    scene.hatch(area, 5.0, GREY, 0.5);
}

pub(super) fn diamond(scene: &mut Scene, (x, y): (f64, f64)) {
    scene.polygon(vec![(x, y - 4.0), (x + 4.0, y), (x, y + 4.0), (x - 4.0, y)], BLACK);
    scene.polygon(vec![(x, y - 2.6), (x + 2.6, y), (x, y + 2.6), (x - 2.6, y)], VERMILLION);
}
