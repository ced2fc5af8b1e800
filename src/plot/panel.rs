//! One signal over time: what it did, what it was allowed to do, and where it was not.

use super::axis::Axis;
use super::decimate::decimate;
use super::limits::{self, Allowed, Limit};
use super::page::Page;
use super::place::{Labels, Look, along, around};
use super::scene::{Anchor, Area, BLACK, BLUE, GREY, PALE, PURPLE, Scene, VERMILLION};
use super::strip::{COLUMN, blind, diamond};
use crate::expr::walk::signals_of;
use crate::rig::Rule;
use crate::signal::{SignalId, SignalKind, Value};
use crate::time::{Span, Time};
use crate::trace::{Column, RuleTrace, Stretch, Told, words};
use crate::units::Unit;

const SIZE: f64 = 9.5;
/// A limit this many times farther off than the signal moves is told, not drawn: it would flatten the signal.
const FAR: f64 = 9.0;
/// Samples at least this far apart on the page are drawn as dots too.
const DOT_SPACING: f64 = 5.0;

/// Lines of (place on the page, value in the unit).
type Pieces = Vec<Vec<(f64, f64)>>;

/// Draws one signal.
pub fn draw(scene: &mut Scene, page: &Page<'_>, signal: SignalId, area: Area) {
    let plan = page.subject.plan;
    let def = plan.rig.signals.def(signal);
    let SignalKind::Number { unit, .. } = &def.kind else { return };
    let Some(column) = page.subject.trace.column(signal) else { return };
    let pieces = pieces(page, column, unit);
    let readers = readers(page, signal);
    let bounds: Vec<(&Rule, Limit)> = readers
        .iter()
        .flat_map(|(rule, _)| limits::of_rule(rule, page.subject.trace).into_iter().map(move |l| (*rule, l)))
        .filter(|(_, limit)| limit.signal == signal)
        .collect();
    let told: Vec<(&Told, Pieces)> = page
        .subject
        .trace
        .told
        .iter()
        .filter(|told| told.column.signal == signal)
        .map(|told| (told, self::pieces(page, &told.column, unit)))
        .collect();
    let (axis, far) = value_axis(&pieces, &told, &bounds, unit, area);
    let near: Vec<&(&Rule, Limit)> =
        bounds.iter().filter(|(_, l)| (axis.lo..=axis.hi).contains(&unit.from_si(l.value))).collect();

    for (_, limit) in &near {
        forbidden(scene, page, limit, axis, unit, area);
    }
    for (rule, trace) in &readers {
        for stretch in &trace.broken {
            if let Some((left, right)) = page.shown(*stretch) {
                // Where another signal of the rule was the one outside, a faint shade says that it is not this one.
                let own = outside(page, rule, column, &bounds, *stretch);
                let opacity = if own { 0.14 } else { 0.04 };
                scene.fill(Area { left, right: right.max(left + 1.0), ..area }, VERMILLION, opacity);
            }
        }
    }
    for gap in &column.gaps {
        if let Some((left, right)) = page.shown(*gap) {
            blind(scene, Area { left, right: right.max(left + 1.0), ..area });
        }
    }
    grid(scene, page, axis, area);
    page.trip_line(scene, area.top, area.bottom);
    let drawn = lines(scene, &pieces, axis);
    let mut labels = Labels::new(area, drawn.clone());
    let ends: Vec<_> = told.iter().map(|(told, pieces)| (told, told_lines(scene, pieces, axis, &mut labels))).collect();
    for (_, limit) in &near {
        limit_line(scene, page, limit, axis, unit);
    }
    header(scene, page, column, &def.name, unit, &pieces, drawn.len(), &far, area);
    let marked: Vec<(&Rule, &RuleTrace)> =
        readers.iter().filter(|(rule, _)| bounds.iter().any(|(r, _)| r.spec.id == rule.spec.id)).copied().collect();
    markers(scene, page, column, unit, &marked, &bounds, axis, area, &mut labels);
    for (rule, limit) in &near {
        limit_label(scene, page, rule, limit, axis, unit, &mut labels);
    }
    for (told, places) in ends {
        told_label(scene, page, told, &places, area, &mut labels);
    }
    gap_labels(scene, page, column, area, &mut labels);
}

/// Rules that read the signal, with what became of them.
fn readers<'a>(page: &Page<'a>, signal: SignalId) -> Vec<(&'a Rule, &'a RuleTrace)> {
    page.subject
        .plan
        .rules
        .iter()
        .filter(|rule| signals_of(&rule.spec.body).contains(&signal))
        .filter_map(|rule| Some((rule, page.subject.trace.rule(rule.spec.id)?)))
        .collect()
}

/// Whether the signal was beyond its own limit in an episode of the rule, or the one that decided it.
fn outside(page: &Page<'_>, rule: &Rule, column: &Column, bounds: &[(&Rule, Limit)], stretch: Stretch) -> bool {
    let from = column.times.partition_point(|t| *t < stretch.from);
    let to = column.times.partition_point(|t| *t <= stretch.to).max(from);
    let beyond = |limit: &Limit| {
        let samples = column.times[from..to].iter().zip(&column.values[from..to]);
        samples.into_iter().any(|(at, value)| match value {
            Value::Number(si) => !limit.conditional && limit.counts_at(*at) && limit.room(*si) < 0.0,
            _ => false,
        })
    };
    bounds.iter().any(|(r, limit)| r.spec.id == rule.spec.id && beyond(limit))
        || decides(page, rule, column.signal, stretch.from)
}

/// Whether the rule's margin at an instant came from this signal; from a rule without bounds it comes from all that it reads.
fn decides(page: &Page<'_>, rule: &Rule, signal: SignalId, at: Time) -> bool {
    let decisive = limits::decisive(rule, page.subject.plan, page.subject.trace, at);
    decisive.is_empty() || decisive.contains(&signal)
}

/// Points (place on the page, value in the unit) between gaps, cut to what is shown.
fn pieces(page: &Page<'_>, column: &Column, unit: &Unit) -> Pieces {
    let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut gaps = column.gaps.iter().peekable();
    // One sample more on each side, so that the line goes to the edge.
    let first = column.times.partition_point(|t| *t < page.stretch.from).saturating_sub(1);
    let last = (column.times.partition_point(|t| *t <= page.stretch.to) + 1).min(column.times.len());
    let mut before: Option<Time> = None;
    for i in first..last {
        let at = column.times[i];
        while gaps.peek().is_some_and(|g| g.from < at) {
            let gap = gaps.next().expect("just peeked");
            if before.is_some_and(|b| b <= gap.from) {
                pieces.push(Vec::new());
            }
        }
        before = Some(at);
        if let Value::Number(si) = column.values[i]
            && si.is_finite()
        {
            pieces.last_mut().expect("never empty").push((page.x(at), unit.from_si(si)));
        }
    }
    pieces.retain(|p| !p.is_empty());
    for piece in &mut pieces {
        cut(piece, page.time.from, page.time.to);
    }
    pieces.retain(|p| !p.is_empty());
    pieces
}

/// Cuts a line to a range of x; where it crosses the edge it ends on it.
fn cut(piece: &mut Vec<(f64, f64)>, left: f64, right: f64) {
    let cross = |a: (f64, f64), b: (f64, f64), x: f64| (x, a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0));
    if let Some(inside) = piece.iter().position(|p| p.0 >= left)
        && inside > 0
    {
        let edge = cross(piece[inside - 1], piece[inside], left);
        piece.drain(..inside - 1);
        piece[0] = edge;
    }
    if let Some(inside) = piece.iter().rposition(|p| p.0 <= right)
        && inside + 1 < piece.len()
    {
        let edge = cross(piece[inside], piece[inside + 1], right);
        piece.truncate(inside + 1);
        piece.push(edge);
    }
    piece.retain(|p| p.0 >= left && p.0 <= right);
}

/// An axis over data and limits; the second part names limits that are too far off.
fn value_axis(
    pieces: &[Vec<(f64, f64)>],
    told: &[(&Told, Pieces)],
    bounds: &[(&Rule, Limit)],
    unit: &Unit,
    area: Area,
) -> (Axis, Vec<String>) {
    let values = || pieces.iter().flatten().map(|p| p.1);
    let (mut lo, mut hi) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), y| (lo.min(y), hi.max(y)));
    let nothing = lo > hi;
    if nothing {
        (lo, hi) = bounds
            .iter()
            .map(|(_, l)| unit.from_si(l.value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), y| (lo.min(y), hi.max(y)));
        if lo > hi {
            (lo, hi) = (0.0, 1.0);
        }
    }
    let moved = (hi - lo).max(hi.abs().max(lo.abs()) * 0.05);
    let (data_lo, data_hi) = (lo, hi);
    let mut far = Vec::new();
    for (rule, limit) in bounds {
        let value = unit.from_si(limit.value);
        let reach = (value - data_hi).max(data_lo - value);
        if nothing || reach <= moved * FAR {
            lo = lo.min(value);
            hi = hi.max(value);
        } else {
            far.push(format!("{} {} {}", rule.name, sign(limit.allowed), words::value(unit, limit.value)));
        }
    }
    // What a controller was told may be any number: it must not flatten what was.
    let (said_lo, said_hi) = told
        .iter()
        .flat_map(|(_, pieces)| pieces.iter().flatten())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), (_, y)| (lo.min(*y), hi.max(*y)));
    if said_lo <= said_hi {
        lo = lo.min(said_lo.max(data_lo - moved * FAR));
        hi = hi.max(said_hi.min(data_hi + moved * FAR));
    }
    let axis = Axis::padded(lo, hi, 0.09, area.bottom, area.top);
    if said_lo < axis.lo || said_hi > axis.hi {
        far.push("some of what was told".into());
    }
    (axis, far)
}

fn sign(allowed: Allowed) -> &'static str {
    match allowed {
        Allowed::Below => "≤",
        Allowed::Above => "≥",
    }
}

/// Where a limit counts, on the page.
fn active(page: &Page<'_>, limit: &Limit) -> Vec<(f64, f64)> {
    match &limit.active {
        None => vec![(page.time.from, page.time.to)],
        Some(stretches) => stretches.iter().filter_map(|s| page.shown(*s)).collect(),
    }
}

fn forbidden(scene: &mut Scene, page: &Page<'_>, limit: &Limit, axis: Axis, unit: &Unit, area: Area) {
    if limit.conditional {
        return;
    }
    let y = axis.place(unit.from_si(limit.value));
    for (left, right) in active(page, limit) {
        let zone = match limit.allowed {
            Allowed::Below => Area { left, right, top: area.top, bottom: y },
            Allowed::Above => Area { left, right, top: y, bottom: area.bottom },
        };
        scene.fill(zone, VERMILLION, 0.06);
        scene.hatch(zone, 8.0, super::scene::Colour(0xf3, 0xcf, 0xb2), 0.6);
    }
}

fn limit_line(scene: &mut Scene, page: &Page<'_>, limit: &Limit, axis: Axis, unit: &Unit) {
    let y = axis.place(unit.from_si(limit.value));
    let dash = if limit.conditional { (2.0, 4.0) } else { (7.0, 4.0) };
    for (left, right) in active(page, limit) {
        scene.dashes((left, y), (right, y), dash, VERMILLION, 1.4);
    }
}

fn limit_label(
    scene: &mut Scene,
    page: &Page<'_>,
    rule: &Rule,
    limit: &Limit,
    axis: Axis,
    unit: &Unit,
    labels: &mut Labels,
) {
    let y = axis.place(unit.from_si(limit.value));
    let unless = if limit.conditional { " (not always)" } else { "" };
    let text = format!("{} {} {}{unless}", rule.name, sign(limit.allowed), words::value(unit, limit.value));
    let places: Vec<_> = active(page, limit).into_iter().rev().flat_map(|(l, r)| along(y, l, r, SIZE)).collect();
    labels.write(scene, &text, Look { size: SIZE, colour: BLACK, frame: None }, places);
}

fn grid(scene: &mut Scene, page: &Page<'_>, axis: Axis, area: Area) {
    for tick in page.time.ticks(11) {
        let x = page.time.place(tick.value);
        scene.line(vec![(x, area.top), (x, area.bottom)], PALE, 0.4);
    }
    let wanted = (area.height() / 28.0) as usize;
    for tick in axis.ticks(wanted.max(2)) {
        let y = axis.place(tick.value);
        scene.line(vec![(area.left, y), (area.right, y)], PALE, 0.4);
        scene.line(vec![(area.left - 4.0, y), (area.left, y)], BLACK, 0.8);
        scene.text((area.left - 7.0, y + 3.3), &tick.label, SIZE, BLACK, Anchor::Right);
    }
    scene.frame(area, GREY, 0.7);
}

/// Draws the lines; returns every point drawn.
fn lines(scene: &mut Scene, pieces: &[Vec<(f64, f64)>], axis: Axis) -> Vec<(f64, f64)> {
    let mut drawn = Vec::new();
    for piece in pieces {
        let points: Vec<(f64, f64)> = decimate(piece, COLUMN).into_iter().map(|(x, y)| (x, axis.place(y))).collect();
        let spread = points.last().expect("pieces are not empty").0 - points[0].0;
        let sparse = points.len() < 2 || spread / (points.len() - 1) as f64 >= DOT_SPACING;
        if sparse {
            for (x, y) in &points {
                let r = 1.8;
                scene.polygon(vec![(x - r, *y), (*x, y - r), (x + r, *y), (*x, y + r)], BLUE);
            }
        }
        drawn.extend(&points);
        scene.line(points, BLUE, 1.4);
    }
    drawn
}

/// Draws what a controller was told; returns places for its name.
fn told_lines(scene: &mut Scene, pieces: &Pieces, axis: Axis, labels: &mut Labels) -> Vec<(f64, f64)> {
    let mut drawn = Vec::new();
    for piece in pieces {
        let points: Vec<(f64, f64)> =
            decimate(piece, COLUMN).into_iter().map(|(x, y)| (x, axis.place_within(y))).collect();
        drawn.extend(&points);
        scene.dashed_line(&points, (4.0, 2.5), PURPLE, 1.0);
    }
    labels.spare(&drawn);
    // Where it is farthest from the signal is not known here; the places are spread over its length.
    let count = drawn.len();
    [3, 2, 1].iter().filter_map(|quarter| drawn.get(count * quarter / 4).copied()).collect()
}

/// Says whose sight the dashed line is.
fn told_label(scene: &mut Scene, page: &Page<'_>, told: &Told, points: &[(f64, f64)], area: Area, labels: &mut Labels) {
    let text = format!("what {} was told", words::device(page.subject.plan, told.controller));
    let look = Look { size: 8.5, colour: GREY, frame: Some(PURPLE) };
    let places: Vec<_> = points.iter().flat_map(|point| around(*point, area, look.size)).collect();
    let near = |label: Area| {
        let middle = ((label.left + label.right) / 2.0, (label.top + label.bottom) / 2.0);
        let distance = |p: &&(f64, f64)| (p.0 - middle.0) * (p.0 - middle.0) + (p.1 - middle.1) * (p.1 - middle.1);
        points.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied()
    };
    let written = labels.write(scene, &text, look, places);
    if let Some(mark) = written.and_then(near) {
        leader(scene, mark, written);
    }
}

#[allow(clippy::too_many_arguments)]
fn header(
    scene: &mut Scene,
    page: &Page<'_>,
    column: &Column,
    name: &str,
    unit: &Unit,
    pieces: &[Vec<(f64, f64)>],
    drawn: usize,
    far: &[String],
    area: Area,
) {
    let unit = if unit.text.is_empty() { "1" } else { &unit.text };
    let title = scene.text((area.left, area.top - 5.0), &format!("{name} [{unit}]"), 11.0, BLACK, Anchor::Left);
    let points: usize = pieces.iter().map(Vec::len).sum();
    let mut notes = Vec::new();
    if !far.is_empty() {
        notes.push(format!("off this scale: {}", far.join(", ")));
    }
    let gaps: Vec<Span> =
        column.gaps.iter().filter(|g| g.from < page.stretch.to && g.to > page.stretch.from).map(|g| g.span()).collect();
    if !gaps.is_empty() {
        let total = gaps.iter().fold(Span::ZERO, |sum, g| sum + *g);
        let word = if gaps.len() == 1 { "gap" } else { "gaps" };
        notes.push(format!("{} {word}, {}", gaps.len(), words::span(total)));
    }
    notes.push(match points {
        0 => "no sample".into(),
        _ => format!("{drawn} of {points} points drawn"),
    });
    let room = area.right - title.right - 120.0;
    let text = super::scene::fit(&notes.join("  ·  "), 9.0, room);
    scene.text((area.right, area.top - 5.0), &text, 9.0, GREY, Anchor::Right);
}

/// First violation and worst point of each rule that limits the signal.
#[allow(clippy::too_many_arguments)]
fn markers(
    scene: &mut Scene,
    page: &Page<'_>,
    column: &Column,
    unit: &Unit,
    readers: &[(&Rule, &RuleTrace)],
    bounds: &[(&Rule, Limit)],
    axis: Axis,
    area: Area,
    labels: &mut Labels,
) {
    let point = |at: Time| {
        page.shown(Stretch { from: at, to: at })?;
        let si = column.number_at(at)?;
        Some(((page.x(at), axis.place_within(unit.from_si(si))), si))
    };
    for (rule, trace) in readers {
        let Some(violation) = trace.violated else { continue };
        if let Some((place, si)) = point(violation.instant)
            && decides(page, rule, column.signal, violation.instant)
        {
            triangle(scene, place);
            labels.keep_free(Area {
                left: place.0 - 5.0,
                top: place.1 - 10.0,
                right: place.0 + 5.0,
                bottom: place.1 + 1.0,
            });
            let own = bounds.iter().filter(|(r, _)| r.spec.id == rule.spec.id).map(|(_, limit)| limit.value);
            let beyond: Vec<f64> = own.collect();
            let text = violation_words(page, rule, trace, unit, (si, &beyond), violation.instant);
            let look = Look { size: SIZE, colour: BLACK, frame: Some(VERMILLION) };
            let written = labels.write(scene, &text, look, around(place, area, SIZE));
            leader(scene, (place.0, place.1 - 4.0), written);
        }
        let worst = trace.judgement.as_ref().and_then(|j| Some((j.worst_at?, j.margin.lo)));
        if let Some((at, margin)) = worst
            && let Some((place, _)) = point(at)
            && decides(page, rule, column.signal, at)
        {
            diamond(scene, place);
            let text = format!("{} worst: {}", rule.name, words::margin(rule, margin));
            let look = Look { size: SIZE, colour: BLACK, frame: None };
            let written = labels.write(scene, &text, look, around(place, area, SIZE));
            leader(scene, place, written);
        }
    }
}

/// A thin line from a mark to its label, where they stand apart.
fn leader(scene: &mut Scene, mark: (f64, f64), label: Option<Area>) {
    let Some(label) = label else { return };
    let near = (mark.0.clamp(label.left, label.right), mark.1.clamp(label.top, label.bottom));
    let (dx, dy) = (near.0 - mark.0, near.1 - mark.1);
    if (dx * dx + dy * dy).sqrt() > 12.0 {
        scene.line(vec![mark, near], GREY, 0.6);
    }
}

/// A value with as many digits as it takes to see that it is beyond the limits: `6.002 m`, where 6 m is allowed.
fn apart(unit: &Unit, si: f64, limits: &[f64]) -> String {
    let short = words::value(unit, si);
    if !limits.iter().any(|limit| words::value(unit, *limit) == short) {
        return short;
    }
    let longer = (3..=6).map(|decimals| {
        let said = |si: f64| format!("{:.decimals$}", unit.from_si(si));
        (said(si), limits.iter().any(|limit| said(*limit) == said(si)))
    });
    let mut told =
        longer.filter(|(_, same)| !same).map(|(text, _)| format!("{text} {}", unit.text).trim_end().to_string());
    told.next().unwrap_or(short)
}

fn violation_words(
    page: &Page<'_>,
    rule: &Rule,
    trace: &RuleTrace,
    unit: &Unit,
    (si, beyond): (f64, &[f64]),
    instant: Time,
) -> String {
    let mut text = format!("{} broken at {instant}: {}", rule.name, apart(unit, si, beyond));
    let margin = trace.margins.iter().find(|(at, _)| *at == instant).map(|(_, m)| m.lo);
    if let Some(margin) = margin.filter(|m| *m < 0.0) {
        text += &format!(", margin {}", words::margin(rule, margin));
    }
    let reaction = page.subject.trace.reaction.as_ref();
    if let Some(reaction) = reaction
        && reaction.trip().is_some_and(|(_, cause)| cause == crate::guard::Cause::Rule(rule.spec.id))
        && let Some(time) = reaction.time()
    {
        text += &format!(", reacted in {}", words::span(time));
    }
    text
}

fn triangle(scene: &mut Scene, (x, y): (f64, f64)) {
    scene.polygon(vec![(x, y), (x - 5.0, y - 9.0), (x + 5.0, y - 9.0)], BLACK);
    scene.polygon(vec![(x, y - 1.8), (x - 3.6, y - 8.2), (x + 3.6, y - 8.2)], VERMILLION);
}

fn gap_labels(scene: &mut Scene, page: &Page<'_>, column: &Column, area: Area, labels: &mut Labels) {
    for gap in &column.gaps {
        let Some((left, right)) = page.shown(*gap) else { continue };
        let text = format!("gap {}", words::span(gap.span()));
        let middle = (left + right) / 2.0;
        let places = [area.top + 13.0, area.bottom - 5.0].map(|y| ((middle, y), Anchor::Middle));
        // A gap that is too narrow for its text is counted above the panel.
        if super::font::width(&text, 8.5) < (right - left) * 1.6 {
            labels.write(scene, &text, Look { size: 8.5, colour: GREY, frame: None }, places);
        }
    }
}
