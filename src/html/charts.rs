//! What the charts of the page show: every signal and every margin, as few points as keep each peak.

use super::Subject;
use super::encode::packed;
use crate::expr::walk::signals_of;
use crate::plot::decimate;
use crate::plot::limits::{self, Allowed};
use crate::run::event::EventKind;
use crate::signal::{SignalId, SignalKind, Value};
use crate::time::{Span, Time};
use crate::trace::{Column, Lane, RuleTrace, Stretch, Tone, words};
use crate::units::Unit;
use serde::Serialize;

/// Bytes of a point in the page: two numbers of four bytes, in base 64.
const POINT_BYTES: usize = 11;
/// Fewest points of one chart, however many there are.
const POINTS_MIN: usize = 600;
/// Around a broken rule every sample is kept for so long on both sides.
const KEPT_AROUND: Span = Span::from_secs(2);
/// Points kept around broken rules, at most, for one chart.
const KEPT_MAX: usize = 4_000;

/// Everything that the page's script draws.
#[derive(Serialize)]
pub(super) struct Charts {
    /// Length of one tick of `Series::ticks` in seconds.
    tick_s: f64,
    from_s: f64,
    to_s: f64,
    /// The instant of the trip, if there was one.
    trip_s: Option<f64>,
    charts: Vec<Chart>,
    lanes: Vec<LaneBars>,
}

/// One chart.
#[derive(Serialize)]
struct Chart {
    id: String,
    title: String,
    unit: String,
    /// `signal` or `margin`.
    kind: &'static str,
    series: Vec<Series>,
    limits: Vec<LimitLine>,
    /// Where nothing was known.
    gaps_s: Vec<[f64; 2]>,
    /// Where a rule that reads it was broken.
    broken_s: Vec<[f64; 2]>,
    /// Names of the states that the numbers stand for.
    states: Vec<String>,
}

/// One line.
#[derive(Serialize)]
struct Series {
    name: String,
    /// `actual`, `told` (what the AI saw) or `asked` (what it wanted).
    role: &'static str,
    /// It holds until the next one.
    steps: bool,
    /// Unsigned 32-bit numbers: ticks since the start of the run.
    ticks: String,
    /// 32-bit floating point numbers; none where the line is broken.
    values: String,
    drawn: usize,
    of: usize,
}

/// A limit, from the rule that judged.
#[derive(Serialize)]
struct LimitLine {
    value: f64,
    text: String,
    /// What lies above it is allowed.
    above: bool,
    /// Where it counts; absent: throughout.
    active_s: Option<Vec<[f64; 2]>>,
}

/// Bars of one kind.
#[derive(Serialize)]
struct LaneBars {
    name: String,
    bars: Vec<LaneBar>,
}

#[derive(Serialize)]
struct LaneBar {
    from_s: f64,
    to_s: f64,
    label: String,
    tone: &'static str,
}

/// A line before it is packed: (instant, number), nothing where it breaks.
struct Line {
    name: String,
    role: &'static str,
    steps: bool,
    points: Vec<(Time, f64)>,
}

/// Collects them, in about so many bytes.
pub(super) fn charts(subject: &Subject<'_>, room_bytes: usize) -> Charts {
    let (plan, trace) = (subject.plan, subject.trace);
    let whole = trace.whole;
    // As fine as a microsecond, as coarse as 32 bits want it.
    let tick = Span::from_nanos((whole.to.nanos().max(0) / i64::from(u32::MAX) + 1).max(1_000));
    let judged: Vec<SignalId> = plan.rules.iter().flat_map(|rule| signals_of(&rule.spec.body)).collect();
    let mut columns: Vec<&Column> = trace.columns.iter().filter(|column| is_shown(subject, column)).collect();
    columns.sort_by_key(|column| !judged.contains(&column.signal));
    let has_margin = |rule: &RuleTrace| rule.margins.iter().any(|(_, margin)| margin.lo.is_finite());
    let margins = trace.rules.iter().filter(|rule| has_margin(rule)).count();
    let most = (room_bytes / POINT_BYTES / (columns.len() + margins).max(1)).max(POINTS_MIN);
    let packing = Packing { whole, tick, most };
    let signals = columns.iter().map(|column| signal_chart(subject, column, &packing));
    let margins = plan.rules.iter().zip(&trace.rules).filter(|(_, t)| has_margin(t)).map(|(rule, t)| {
        let (_, unit) = words::margin_number(rule, 0.0);
        // One that has no end on this side is not drawn: the rule is far from its limit, or not concerned.
        let number = |lo: f64| if lo.is_finite() { words::margin_number(rule, lo).0 } else { f64::NAN };
        let points = t.margins.iter().map(|(at, m)| (*at, number(m.lo))).collect();
        let line = Line { name: format!("margin of {}", rule.name), role: "actual", steps: true, points };
        Chart {
            id: format!("rule-{}", rule.name),
            title: format!("margin of {}", rule.name),
            unit,
            kind: "margin",
            series: vec![packing.pack(&line, &t.broken)],
            limits: vec![LimitLine { value: 0.0, text: rule.name.clone(), above: true, active_s: None }],
            gaps_s: t.blind.iter().map(seconds).collect(),
            broken_s: t.broken.iter().map(seconds).collect(),
            states: Vec::new(),
        }
    });
    Charts {
        tick_s: tick.seconds(),
        from_s: whole.from.seconds(),
        to_s: whole.to.seconds(),
        trip_s: trace.reaction.as_ref().and_then(|r| r.trip()).map(|(at, _)| at.seconds()),
        charts: signals.chain(margins).collect(),
        lanes: trace.lanes.iter().map(lane).collect(),
    }
}

/// What a controller was told is drawn with what was.
fn is_shown(subject: &Subject<'_>, column: &Column) -> bool {
    let told = subject.plan.reserved.told.iter().any(|told| told.told == column.signal);
    let def = subject.plan.rig.signals.def(column.signal);
    !told && def.device.is_some() && !column.times.is_empty() && !matches!(def.kind, SignalKind::Pulse)
}

fn seconds(stretch: &Stretch) -> [f64; 2] {
    [stretch.from.seconds(), stretch.to.seconds()]
}

fn lane(lane: &Lane) -> LaneBars {
    let bars = lane.bars.iter().map(|bar| LaneBar {
        from_s: bar.stretch.from.seconds(),
        to_s: bar.stretch.to.seconds(),
        label: bar.label.clone(),
        tone: match bar.tone {
            Tone::Plain => "plain",
            Tone::Fault => "fault",
            Tone::Bad => "bad",
            Tone::Good => "good",
            Tone::Faint => "faint",
        },
    });
    LaneBars { name: lane.name.clone(), bars: bars.collect() }
}

fn signal_chart(subject: &Subject<'_>, column: &Column, packing: &Packing) -> Chart {
    let (plan, trace) = (subject.plan, subject.trace);
    let def = plan.rig.signals.def(column.signal);
    let (unit, states) = match &def.kind {
        SignalKind::Number { unit, .. } => (Some(unit), Vec::new()),
        SignalKind::States { names } => (None, names.clone()),
        SignalKind::Flag => (None, vec!["false".into(), "true".into()]),
        SignalKind::Pulse => (None, Vec::new()),
    };
    let readers: Vec<_> = plan
        .rules
        .iter()
        .zip(&trace.rules)
        .filter(|(rule, _)| signals_of(&rule.spec.body).contains(&column.signal))
        .collect();
    let mut broken: Vec<Stretch> = readers.iter().flat_map(|(_, t)| t.broken.iter().copied()).collect();
    broken.sort_by_key(|stretch| (stretch.from, stretch.to));
    broken.dedup();
    let steps = unit.is_none();
    let mut lines = vec![Line { name: def.name.clone(), role: "actual", steps, points: points(column, unit) }];
    for told in trace.told.iter().filter(|told| told.column.signal == column.signal) {
        let name = format!("{} as {} was told", def.name, words::device(plan, told.controller));
        lines.push(Line { name, role: "told", steps, points: points(&told.column, unit) });
    }
    if let Some(unit) = unit {
        lines.extend(asked(subject, column.signal, unit));
    }
    let limits = unit.map_or_else(Vec::new, |unit| {
        let bounds =
            readers.iter().flat_map(|(rule, _)| limits::of_rule(rule, trace).into_iter().map(move |l| (*rule, l)));
        bounds
            .filter(|(_, limit)| limit.signal == column.signal)
            .map(|(rule, limit)| LimitLine {
                value: unit.from_si(limit.value),
                text: format!("{} {}", rule.name, words::value(unit, limit.value)),
                above: limit.allowed == Allowed::Above,
                active_s: limit.active.as_ref().map(|active| active.iter().map(seconds).collect()),
            })
            .collect()
    });
    Chart {
        id: format!("signal-{}", def.name),
        title: def.name.clone(),
        unit: unit.map_or_else(String::new, |unit| unit.text.clone()),
        kind: "signal",
        series: lines.iter().map(|line| packing.pack(line, &broken)).collect(),
        limits,
        gaps_s: column.gaps.iter().map(seconds).collect(),
        broken_s: broken.iter().map(seconds).collect(),
        states,
    }
}

/// Samples as numbers in the unit of people, states by their place; broken at gaps.
fn points(column: &Column, unit: Option<&Unit>) -> Vec<(Time, f64)> {
    let mut points = Vec::with_capacity(column.times.len() + column.gaps.len());
    let mut gaps = column.gaps.iter().peekable();
    for (at, value) in column.times.iter().zip(&column.values) {
        while let Some(gap) = gaps.next_if(|gap| gap.from < *at) {
            points.push((gap.from, f64::NAN));
        }
        points.push((
            *at,
            match value {
                Value::Number(si) => unit.map_or(*si, |unit| unit.from_si(*si)),
                Value::State(place) => f64::from(*place),
                Value::Flag(flag) => f64::from(u8::from(*flag)),
                Value::Pulse | Value::Unknown => f64::NAN,
            },
        ));
    }
    points.extend(gaps.map(|gap| (gap.from, f64::NAN)));
    points
}

/// What was ordered of a signal that an argument of a command drives, by the command.
fn asked(subject: &Subject<'_>, signal: SignalId, unit: &Unit) -> Vec<Line> {
    let mut lines = Vec::new();
    for (id, def) in subject.plan.rig.commands.iter() {
        for (place, _) in def.args.iter().enumerate().filter(|(_, arg)| arg.drives == Some(signal)) {
            let points: Vec<(Time, f64)> = subject
                .trace
                .events
                .iter()
                .filter_map(|event| match &event.kind {
                    EventKind::CommandGiven { command, .. } if command.id == id => {
                        Some((event.at, unit.from_si(*command.args().get(place)?)))
                    }
                    _ => None,
                })
                .collect();
            if !points.is_empty() {
                lines.push(Line { name: format!("asked by {}", def.name), role: "asked", steps: true, points });
            }
        }
    }
    lines
}

struct Packing {
    whole: Stretch,
    tick: Span,
    /// Most points of one line.
    most: usize,
}

impl Packing {
    /// The line with as many points as there is room for: in each of as many columns the first, least, greatest and last, and
    /// all around where a rule was broken.
    fn pack(&self, line: &Line, broken: &[Stretch]) -> Series {
        let of = line.points.iter().filter(|(_, y)| y.is_finite()).count();
        let mut points = if line.points.len() <= self.most { line.points.clone() } else { self.thinned(line, broken) };
        // What holds until the next one holds to the end; what was asked for did not.
        let holds = line.steps && line.role != "asked";
        let held = points.last().copied().filter(|(last, _)| holds && *last < self.whole.to);
        points.extend(held.map(|(_, y)| (self.whole.to, y)));
        let tick = self.tick.nanos();
        let ticks =
            points.iter().map(|(at, _)| u32::try_from(at.nanos().max(0) / tick).unwrap_or(u32::MAX).to_le_bytes());
        Series {
            name: line.name.clone(),
            role: line.role,
            steps: line.steps,
            ticks: packed(ticks),
            values: packed(points.iter().map(|(_, y)| (*y as f32).to_le_bytes())),
            drawn: points.iter().filter(|(_, y)| y.is_finite()).count().min(of),
            of,
        }
    }

    fn thinned(&self, line: &Line, broken: &[Stretch]) -> Vec<(Time, f64)> {
        let columns = (self.most / 4).max(1) as i64;
        let width = (self.whole.span().nanos() / columns).max(1);
        let mut kept: Vec<(Time, f64)> = Vec::with_capacity(self.most);
        // Breaks stand by themselves: they are neither least nor greatest.
        for piece in line.points.chunk_by(|a, b| a.1.is_finite() == b.1.is_finite()) {
            match piece.first() {
                Some((_, y)) if y.is_finite() => {
                    let places: Vec<(f64, f64)> = piece.iter().map(|(at, y)| (at.nanos() as f64, *y)).collect();
                    let thin = decimate(&places, width as f64);
                    kept.extend(thin.into_iter().map(|(at, y)| (Time::from_nanos(at as i64), y)));
                }
                Some(first) => kept.push(*first),
                None => {}
            }
        }
        let mut around = Vec::new();
        for stretch in broken {
            let from = line.points.partition_point(|(at, _)| *at < stretch.from - KEPT_AROUND);
            let to = line.points.partition_point(|(at, _)| *at <= stretch.to + KEPT_AROUND);
            let room = KEPT_MAX.saturating_sub(around.len());
            around.extend_from_slice(&line.points[from..to.min(from + room)]);
        }
        kept.extend(around);
        kept.sort_by_key(|(at, _)| *at);
        kept.dedup_by(|a, b| a.0 == b.0 && (a.1 == b.1 || a.1.is_nan() && b.1.is_nan()));
        kept
    }
}
