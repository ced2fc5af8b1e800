use super::scene::{Area, Shape, text_area};
use super::*;
use crate::expr::ir::{Comparison, Formula, Number, Window};
use crate::log::Entry;
use crate::log::fixture::{self, ms};
use crate::run::event::{Event, EventKind};
use crate::scenario::plan::Plan;
use crate::signal::{Sample, SignalId, Value};
use crate::time::Span;
use crate::trace::Stretch;
use crate::trace::Trace;
use axis::Axis;
use decimate::decimate;
use limits::{Allowed, Limit};
use proptest::prelude::*;
use std::sync::LazyLock;

fn subject<'a>(plan: &'a Plan, trace: &'a Trace) -> Subject<'a> {
    Subject {
        plan,
        trace,
        run: "2026-11-22T120000-delayed-feed",
        recording_sha256: "3f1a09c2d4e5f60718293a4b5c6d7e8f",
        tool: "0.1.0",
        wall_clock_unix_nanos: fixture::WALL_CLOCK,
    }
}

fn flight() -> &'static (Plan, Trace) {
    static FLIGHT: LazyLock<(Plan, Trace)> = LazyLock::new(|| {
        let (plan, recording) = fixture::recorded_flight();
        let trace = Trace::new(&plan, &recording);
        (plan, trace)
    });
    &FLIGHT
}

fn figures() -> &'static [(&'static str, Scene)] {
    static FIGURES: LazyLock<Vec<(&str, Scene)>> = LazyLock::new(|| {
        let (plan, trace) = flight();
        let draw = |figure: &Figure| (figure.draw)(&subject(plan, trace)).expect("the flight has something for each");
        ALL.iter().map(|figure| (figure.name, draw(figure))).collect()
    });
    &FIGURES
}

fn texts(scene: &Scene) -> Vec<(String, Area)> {
    scene
        .shapes
        .iter()
        .filter_map(|shape| match shape {
            Shape::Text { at, text, size, anchor, .. } => Some((text.clone(), text_area(*at, text, *size, *anchor))),
            _ => None,
        })
        .collect()
}

/// Lines of a colour and width: what kind of thing they draw.
fn lines(scene: &Scene, kind: (scene::Colour, f64)) -> Vec<&Vec<(f64, f64)>> {
    scene
        .shapes
        .iter()
        .filter_map(|shape| match shape {
            Shape::Line { points, colour, width } if (*colour, *width) == kind => Some(points),
            _ => None,
        })
        .collect()
}

const SIGNAL_LINE: (scene::Colour, f64) = (scene::BLUE, 1.4);
const LIMIT_LINE: (scene::Colour, f64) = (scene::VERMILLION, 1.4);
const PANEL_FRAME: (scene::Colour, f64) = (scene::GREY, 0.7);

#[test]
fn no_text_covers_another_and_none_leaves_the_page() {
    for (name, scene) in figures() {
        let page = Area { left: 0.0, top: 0.0, right: scene.width, bottom: scene.height };
        let texts = texts(scene);
        assert!(texts.len() > 20, "{name} has {} texts", texts.len());
        for (i, (text, area)) in texts.iter().enumerate() {
            assert!(page.holds(*area), "{name}: `{text}` leaves the page");
            for (other, theirs) in &texts[i + 1..] {
                assert!(!area.overlaps(*theirs), "{name}: `{text}` and `{other}` cover each other");
            }
        }
    }
}

#[test]
fn the_reaction_is_drawn_part_by_part_against_what_was_allowed() {
    let figures = figures();
    let (_, scene) = figures.iter().find(|(name, _)| *name == "reaction").expect("there is such a figure");
    let words: Vec<String> = texts(scene).into_iter().map(|(text, _)| text).collect();
    for wanted in [
        "rule `ceiling` was broken — known at 11.760 s",
        "fc: first byte of fc.land",
        "0.38 ms of 100 ms allowed",
        "fc: acknowledged",
        "21 ms",
        "9.34 s of 25 s allowed",
    ] {
        assert!(words.iter().any(|text| text == wanted), "no `{wanted}` in {words:#?}");
    }
    let (plan, trace) = flight();
    let mut late = trace.clone();
    let judged = late.chains[0].judged.as_mut().expect("the run was judged");
    judged.react_within = Some(Span::from_micros(100));
    let scene = reaction::draw(&subject(plan, &late)).expect("there is a chain");
    assert!(texts(&scene).iter().any(|(text, _)| text == "0.38 ms  LATE: 0.1 ms allowed"));
    late.chains.clear();
    assert!(reaction::draw(&subject(plan, &late)).is_none());
}

#[test]
fn the_overview_says_what_was_judged() {
    let figures = figures();
    let words: Vec<String> = texts(&figures[0].1).into_iter().map(|(text, _)| text).collect();
    for wanted in [
        "Fail: rule `ceiling` was broken at 11.760 s",
        "fc.altitude [m]",
        "fc.roll [deg]",
        "ceiling ≤ 8 m",
        "holds-height ≤ 6 m",
        "holds-height ≥ 4 m",
        "tilt ≤ 60 deg",
        "tilt ≥ -60 deg",
        "ceiling broken at 11.760 s: 8.01 m, margin -0.00992 m, reacted in 0.38 ms",
        "ceiling worst: -0.51 m",
        "1 gap, 760 ms  ·  1055 of 1055 points drawn",
        "gap 760 ms",
        "gust",
        "delay 400 ms on pilot.tells",
        "fc.land",
        "untested: `fc.mode == GUIDED` never held",
        "time since the start of the run [s]; 0 s is 2026-11-22 12:00:00 UTC",
        "run 2026-11-22T120000-delayed-feed  ·  recording SHA-256 3f1a09c2d4e5…  ·  Checkrein 0.1.0  ·  verdict fail",
    ] {
        assert!(words.iter().any(|w| w == wanted), "`{wanted}` is not among {words:#?}");
    }
}

#[test]
fn files_are_the_same_each_time_and_tell_their_title() {
    let (_, scene) = &figures()[0];
    let text = svg(scene);
    assert_eq!(text, svg(scene));
    assert!(text.contains("<title>fail: rule `ceiling` was broken at 11.760 s</title>"));
    assert!(text.contains("tilt: pass, margin 44.8 deg"));
    assert!(text.contains(">\nceiling ≤ 8 m\n</text>"), "texts stay texts");
    let tree = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(tree.root_element().attribute("width"), Some("1123"));
    let picture = png(scene);
    assert_eq!(picture, png(scene));
    let reader = ::png::Decoder::new(std::io::Cursor::new(&picture)).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (2246, 1588));
}

#[test]
fn nothing_happened_means_no_zoom_and_an_empty_recording_no_figure() {
    let plan = fixture::plan();
    let sample = |i: i64| Sample { at: ms(i * 20), signal: fixture::ALTITUDE, value: Value::Number(1.0) };
    let quiet: Vec<Entry> = (0..1000).map(|i| Entry::Samples(vec![sample(i)])).collect();
    let trace = Trace::of_entries(&plan, &quiet, None);
    assert!(zoom::draw(&subject(&plan, &trace)).is_none());
    assert!(overview::draw(&subject(&plan, &trace)).is_some());
    let nothing = Trace::of_entries(&plan, &[], None);
    assert!(ALL.iter().all(|f| (f.draw)(&subject(&plan, &nothing)).is_none()));
}

#[test]
fn a_recording_that_ends_before_its_verdict_says_so() {
    let plan = fixture::plan();
    let entries: Vec<Entry> = fixture::flight().into_iter().take(800).collect();
    let loss = crate::log::Loss { whole_until: ms(9_000), bytes: 17, why: "it was cut".into() };
    let trace = Trace::of_entries(&plan, &entries, Some(loss));
    let scene = overview::draw(&subject(&plan, &trace)).unwrap();
    let words: Vec<String> = texts(&scene).into_iter().map(|(text, _)| text).collect();
    assert!(words.iter().any(|w| w == "No verdict: the recording ends before the run did"), "{words:#?}");
    assert!(words.iter().any(|w| w.starts_with("the recording is whole up to 9.000 s; 17 bytes")), "{words:#?}");
}

#[test]
fn a_gap_breaks_the_line() {
    let (plan, trace) = flight();
    let scene = overview::draw(&subject(plan, trace)).unwrap();
    let time = Axis { lo: 0.0, hi: 22.0, from: 112.0, to: 1123.0 - 32.0 };
    let (from, to) = (time.place(4.1), time.place(4.7));
    let lines = lines(&scene, SIGNAL_LINE);
    assert_eq!(lines.len(), 4, "two signals, each before and after the gap");
    assert!(lines.iter().all(|line| line.windows(2).all(|p| !(p[0].0 <= from && p[1].0 >= to))));
}

/// A spike of one sample survives at every zoom: what is drawn reaches as far as what was measured.
#[test]
fn the_drawn_line_reaches_as_far_as_the_data_at_ten_zooms() {
    let plan = fixture::plan();
    const SPIKE: i64 = 12_345;
    let value = |i: i64| if i == SPIKE { 7.5 } else { 2.0 + libm::sin(i as f64 * 0.013) };
    let sample = |i| Sample { at: ms(i * 20), signal: fixture::ALTITUDE, value: Value::Number(value(i)) };
    let mut entries: Vec<Entry> = (0..20_000).map(|i| Entry::Samples(vec![sample(i)])).collect();
    entries.push(Entry::Event(Event { at: ms(400_000), kind: EventKind::Remark { text: "end".into() } }));
    let trace = Trace::of_entries(&plan, &entries, None);
    let subject = subject(&plan, &trace);
    for zoom in 0..10 {
        let half = 200_000 >> zoom;
        let middle = SPIKE * 20;
        let stretch = Stretch { from: ms((middle - half).max(0)), to: ms((middle + half).min(399_980)) };
        let content = page::Content { stretch, signals: true, lanes: false, margins: false, heading: None };
        let scene = page::draw(&subject, &content);
        let drawn: Vec<(f64, f64)> = lines(&scene, SIGNAL_LINE).into_iter().flatten().copied().collect();
        let highest = drawn.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        // Two limits with known values say where 7.5 m must be: the ceiling at 8 m, holds-height at 4 m.
        let levels: Vec<f64> = lines(&scene, LIMIT_LINE).iter().map(|p| p[0].1).collect();
        let top = lines(&scene, PANEL_FRAME)[0][0].1;
        let ceiling = levels.iter().copied().fold(f64::INFINITY, f64::min);
        let bottom = lines(&scene, PANEL_FRAME)[0][2].1;
        let shown: Vec<f64> =
            (0..20_000).filter(|i| (stretch.from..=stretch.to).contains(&ms(i * 20))).map(value).collect();
        let least = shown.iter().copied().fold(4.0, f64::min);
        let axis = Axis::padded(least, 8.0, 0.09, bottom, top);
        assert!((ceiling - axis.place(8.0)).abs() < 0.1, "zoom {zoom}: the axis is another one");
        assert!((highest - axis.place(7.5)).abs() < 0.1, "zoom {zoom}: drawn up to {highest}");
        assert!(drawn.len() <= 4 * 2 * 980 + 8, "zoom {zoom} draws {} points", drawn.len());
    }
}

proptest! {
    #[test]
    fn decimation_keeps_extremes_ends_and_order(
        ys in proptest::collection::vec(-1e6f64..1e6, 1..400),
        column in 0.1f64..50.0,
    ) {
        let points: Vec<(f64, f64)> = ys.iter().enumerate().map(|(i, y)| (i as f64 * 0.37, *y)).collect();
        let kept = decimate(&points, column);
        let greatest = |p: &[(f64, f64)]| p.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        let least = |p: &[(f64, f64)]| p.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        prop_assert_eq!(greatest(&kept), greatest(&points));
        prop_assert_eq!(least(&kept), least(&points));
        prop_assert_eq!(kept.first(), points.first());
        prop_assert_eq!(kept.last(), points.last());
        prop_assert!(kept.windows(2).all(|w| w[0].0 < w[1].0));
        let columns = (points.last().unwrap().0 / column) as usize + 2;
        prop_assert!(kept.len() <= 4 * columns);
    }

    #[test]
    fn ticks_are_round_and_inside(lo in -1e5f64..1e5, range in 1e-3f64..1e5) {
        let axis = Axis::new(lo, lo + range, 0.0, 100.0);
        let ticks = axis.ticks(6);
        prop_assert!((3..=13).contains(&ticks.len()), "{} ticks", ticks.len());
        for tick in &ticks {
            prop_assert!(tick.value >= axis.lo - range * 1e-6 && tick.value <= axis.hi + range * 1e-6);
            let said: f64 = tick.label.parse().unwrap();
            prop_assert!((said - tick.value).abs() <= range * 1e-6, "{} is written {}", tick.value, tick.label);
        }
    }
}

#[test]
fn ticks_step_by_one_two_or_five() {
    let labels = |lo, hi, wanted| {
        Axis::new(lo, hi, 0.0, 1.0).ticks(wanted).into_iter().map(|t| t.label).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels(0.0, 22.0, 11), "0 2 4 6 8 10 12 14 16 18 20 22");
    assert_eq!(labels(-0.25, 0.25, 5), "-0.2 -0.1 0 0.1 0.2");
    assert_eq!(labels(0.0, 1.0, 2), "0 0.5 1.0");
    assert_eq!(labels(3.0, 3.0, 2), "2 3 4", "a constant gets one unit of room on each side");
}

fn signal(id: u32) -> Number {
    Number::Signal(SignalId(id))
}

fn compare(op: Comparison, left: Number, right: Number) -> Formula {
    Formula::Compare { op, left, right, scale: 1.0 }
}

fn limits_of(body: Formula, when: Option<Formula>) -> Vec<Limit> {
    let (plan, trace) = flight();
    let mut rule = plan.rules[0].clone();
    rule.spec.body = body;
    rule.spec.when = when;
    limits::of_rule(&rule, trace)
}

fn short(limits: &[Limit]) -> Vec<(u32, f64, Allowed, bool)> {
    limits.iter().map(|l| (l.signal.0, l.value, l.allowed, l.conditional)).collect()
}

#[test]
fn limits_are_read_from_the_formula() {
    use Allowed::{Above, Below};
    use Comparison::{Greater, GreaterEqual, LessEqual};
    let number = Number::Constant;
    let le = compare(LessEqual, signal(0), number(8.0));
    assert_eq!(short(&limits_of(le.clone(), None)), [(0, 8.0, Below, false)]);
    // 2 * (3 - x) >= 1 is x <= 2.5.
    let difference = Number::Subtract(Box::new(number(3.0)), Box::new(signal(0)));
    let turned = Number::Multiply(Box::new(number(2.0)), Box::new(difference));
    assert_eq!(short(&limits_of(compare(GreaterEqual, turned, number(1.0)), None)), [(0, 2.5, Below, false)]);
    // 8 >= x
    assert_eq!(short(&limits_of(compare(GreaterEqual, number(8.0), signal(0)), None)), [(0, 8.0, Below, false)]);
    // never: historically max(|a|, |b|) > 1
    let steep = Number::Max(vec![Number::Abs(Box::new(signal(0))), Number::Abs(Box::new(signal(1)))]);
    let window = Window { from: Span::ZERO, to: Some(Span::from_millis(300)) };
    let lasting = Formula::Historically(window, Box::new(compare(Greater, steep, number(1.0))));
    let expected = [(0, 1.0, Below, false), (0, -1.0, Above, false), (1, 1.0, Below, false), (1, -1.0, Above, false)];
    assert_eq!(short(&limits_of(Formula::Not(Box::new(lasting)), None)), expected);
    let inside = Formula::In { expr: signal(0), lo: number(4.0), hi: number(6.0), scale: 1.0 };
    assert_eq!(short(&limits_of(inside, None)), [(0, 4.0, Above, false), (0, 6.0, Below, false)]);
    let either = Formula::Or(vec![le.clone(), Formula::Flag(fixture::ARMED)]);
    assert_eq!(short(&limits_of(either, None)), [(0, 8.0, Below, true)], "beyond it the rule may hold");
    let eventually = Formula::Eventually(window, Box::new(le));
    assert_eq!(short(&limits_of(eventually, None)), [(0, 8.0, Below, true)]);
    assert_eq!(limits_of(compare(LessEqual, signal(0), signal(1)), None), [], "no single signal is bounded");
}

#[test]
fn a_limit_counts_where_its_condition_held() {
    let le = compare(Comparison::LessEqual, signal(0), Number::Constant(8.0));
    let gust = Formula::State { signal: fixture::PHASE, any_of: vec![1] };
    let during = Some(vec![Stretch { from: ms(8_000), to: ms(22_000) }]);
    assert_eq!(limits_of(le.clone(), Some(gust.clone()))[0].active, during);
    let implied = Formula::Implies(Box::new(gust.clone()), Box::new(le.clone()));
    assert_eq!(limits_of(implied, None)[0].active, during);
    let before = Some(vec![Stretch { from: ms(0), to: ms(8_000) }]);
    assert_eq!(limits_of(le.clone(), Some(Formula::Not(Box::new(gust))))[0].active, before);
    let high = compare(Comparison::Greater, signal(1), Number::Constant(0.0));
    let limit = &limits_of(le, Some(high))[0];
    assert!(limit.active.is_none() && limit.conditional, "a condition on a number is not drawn");
}

#[test]
fn every_axis_has_two_numbers() {
    let labels = |axis: Axis, wanted| axis.ticks(wanted).into_iter().map(|t| t.label).collect::<Vec<_>>().join(" ");
    assert_eq!(labels(Axis::new(-0.07, 0.09, 0.0, 1.0), 2), "-0.05 0 0.05");
    for (lo, hi) in [(-0.9, 0.95), (0.0, 5.5), (97.9, 100.1), (-3.4, 1.2), (1.0e-7, 9.0e-7)] {
        let axis = Axis::new(lo, hi, 0.0, 1.0);
        assert!(axis.ticks(2).len() >= 2, "{lo} to {hi}: {}", labels(axis, 2));
        let edge = (hi - lo) * 0.06;
        let inner = axis.ticks_between(2, lo + edge, hi - edge);
        assert!(inner.len() >= 2 && inner.iter().all(|t| t.value >= lo + edge && t.value <= hi - edge));
    }
}

#[test]
fn no_text_of_a_lane_stands_on_a_bar_or_text_of_its_row() {
    use crate::trace::{Bar, Lane, Tone};
    let (plan, trace) = flight();
    let subject = subject(plan, trace);
    let stretch = Stretch { from: ms(0), to: ms(20_000) };
    let page = page::Page { subject: &subject, stretch, time: Axis { lo: 0.0, hi: 20.0, from: 112.0, to: 1091.0 } };
    let bar = |from, to, label: &str| Bar {
        stretch: Stretch { from: ms(from), to: ms(to) },
        label: label.into(),
        tone: Tone::Plain,
    };
    // More at once than there are rows, then one that lasts, all within the width of their texts.
    let mut bars: Vec<Bar> = (0..7).map(|i| bar(40 + i, 40 + i, "do fc.something.rather.long")).collect();
    bars.push(bar(300, 9_000, "wait abs(fc.altitude - $height) < 0.3 m"));
    bars.push(bar(9_000, 9_000, "do fc.land"));
    let layout = lane::layout(&Lane { name: "step".into(), bars }, &page);
    let mut scene = Scene::new(1123.0, 200.0, String::new(), String::new());
    lane::draw(&mut scene, &page, &layout, 0.0);
    let texts = texts(&scene);
    assert!(texts.iter().any(|(text, _)| text == "wait abs(fc.altitude - $height) < 0.3 m"));
    assert!(texts.iter().filter(|(text, _)| text.starts_with("do fc.some")).count() >= 3);
    let long: Area = scene
        .shapes
        .iter()
        .find_map(|shape| match shape {
            Shape::Fill { area, .. } if area.width() > 300.0 => Some(*area),
            _ => None,
        })
        .unwrap();
    for (i, (text, area)) in texts.iter().enumerate() {
        for (other, theirs) in &texts[i + 1..] {
            assert!(!area.overlaps(*theirs), "`{text}` and `{other}` cover each other");
        }
        assert!(text.starts_with("wait") || !area.overlaps(long), "`{text}` stands on the bar that lasts");
    }
}

/// A plan whose first rule keeps two signals of one unit inside of 8 m, and the id of the second.
fn fence() -> (Plan, SignalId) {
    let mut plan = fixture::plan();
    let def = crate::signal::SignalDef { name: "fc.x".into(), ..plan.rig.signals.def(fixture::ALTITUDE).clone() };
    let x = plan.rig.signals.add(def).unwrap();
    let below = |id| {
        let size = Number::Abs(Box::new(Number::Signal(id)));
        compare(Comparison::LessEqual, size, Number::Constant(8.0))
    };
    plan.rules[0].spec.body = Formula::And(vec![below(fixture::ALTITUDE), below(x)]);
    (plan, x)
}

fn values(at: i64, pairs: &[(SignalId, f64)]) -> Entry {
    Entry::Samples(
        pairs.iter().map(|(signal, v)| Sample { at: ms(at), signal: *signal, value: Value::Number(*v) }).collect(),
    )
}

#[test]
fn the_signal_beyond_its_own_limit_decides_else_the_nearest() {
    let (plan, x) = fence();
    let z = fixture::ALTITUDE;
    let entries = [
        values(0, &[(z, 1.0), (x, 8.5)]),
        values(20, &[(z, -9.0), (x, 8.5)]),
        values(40, &[(z, 7.0), (x, -7.5)]),
        values(60, &[(z, 7.0), (x, 0.0), (fixture::ROLL, 0.1)]),
    ];
    let trace = Trace::of_entries(&plan, &entries, None);
    let decisive = |rule: &crate::rig::Rule, at| limits::decisive(rule, &plan, &trace, ms(at));
    let rule = &plan.rules[0];
    assert_eq!(decisive(rule, 0), [x]);
    assert_eq!(decisive(rule, 30), [z, x]);
    assert_eq!(decisive(rule, 40), [x]);
    assert_eq!(decisive(rule, 60), [z]);
    let mut mixed = rule.clone();
    let roll = compare(Comparison::LessEqual, Number::Signal(fixture::ROLL), Number::Constant(1.0));
    mixed.spec.body = Formula::And(vec![rule.spec.body.clone(), roll]);
    assert_eq!(decisive(&mixed, 60), [z, fixture::ROLL, x], "metres and degrees cannot be compared");
}

#[test]
fn a_violation_is_marked_only_where_the_limit_was_exceeded() {
    let (plan, x) = fence();
    let event = |at, kind| Entry::Event(Event { at: ms(at), kind });
    let (rule, instant) = (fixture::CEILING, ms(1_000));
    let mut entries: Vec<Entry> =
        (0..100).map(|i| values(i * 20, &[(fixture::ALTITUDE, 6.0), (x, if i < 50 { 6.0 } else { 8.002 })])).collect();
    entries.push(event(1_000, EventKind::RuleViolated { rule, instant }));
    entries.push(event(1_000, EventKind::RuleEpisode { rule, broken: true, instant }));
    let trace = Trace::of_entries(&plan, &entries, None);
    let content = page::Content { stretch: trace.whole, signals: true, lanes: false, margins: false, heading: None };
    let scene = page::draw(&subject(&plan, &trace), &content);
    let texts = texts(&scene);
    let marks: Vec<&(String, Area)> = texts.iter().filter(|(text, _)| text.contains("broken at")).collect();
    assert_eq!(marks.len(), 1, "{texts:#?}");
    assert_eq!(marks[0].0, "ceiling broken at 1.000 s: 8.002 m", "enough digits to see that it is more than 8 m");
    let panel = |name: &str| texts.iter().find(|(text, _)| text == name).unwrap().1.top;
    assert!(marks[0].1.top > panel("fc.x [m]"));
    let shade = |wanted: f64| -> Vec<f64> {
        let fill = |shape: &Shape| match shape {
            Shape::Fill { area, opacity, colour } if *opacity == wanted && *colour == scene::VERMILLION => {
                Some(area.top)
            }
            _ => None,
        };
        scene.shapes.iter().filter_map(fill).collect()
    };
    assert!(shade(0.14).iter().all(|top| *top > panel("fc.x [m]")) && shade(0.14).len() == 1);
    assert!(shade(0.04).iter().all(|top| *top < panel("fc.x [m]")) && shade(0.04).len() == 1);
}

#[test]
fn what_the_pilot_was_told_is_drawn_beside_what_was() {
    const TOLD_LINE: (scene::Colour, f64) = (scene::PURPLE, 1.0);
    let (plan, trace) = flight();
    let mut trace = trace.clone();
    let content = |trace: &Trace| page::Content {
        stretch: trace.whole,
        signals: true,
        lanes: false,
        margins: false,
        heading: None,
    };
    let before = page::draw(&subject(plan, &trace), &content(&trace));
    let said = |scene: &Scene| texts(scene).iter().filter(|(text, _)| text == "what pilot was told").count();
    let dashes = |scene: &Scene| lines(scene, TOLD_LINE).len();
    assert_eq!(said(&before), 0);
    let times: Vec<_> = (9_000..12_000).step_by(20).map(ms).collect();
    trace.told.push(crate::trace::Told {
        controller: fixture::PILOT,
        column: crate::trace::Column {
            signal: fixture::ALTITUDE,
            values: times.iter().map(|_| Value::Number(3.0)).collect(),
            times,
            gaps: Vec::new(),
        },
    });
    let after = page::draw(&subject(plan, &trace), &content(&trace));
    assert_eq!(said(&after), 1);
    // 3 of 22 s on 979 units, in dashes of 4 with 2.5 between; the ends of the fault are dashed too.
    let added = dashes(&after) - dashes(&before);
    assert!((19..=22).contains(&added), "{added} dashes");
}

#[test]
fn dashes_go_on_around_corners() {
    let mut scene = Scene::new(100.0, 100.0, String::new(), String::new());
    scene.dashed_line(&[(0.0, 0.0), (5.0, 0.0), (5.0, 5.0), (5.0, 8.0)], (3.0, 1.0), scene::BLACK, 1.0);
    let drawn = lines(&scene, (scene::BLACK, 1.0));
    let expected: [&[(f64, f64)]; 4] = [
        &[(0.0, 0.0), (3.0, 0.0)],
        &[(4.0, 0.0), (5.0, 0.0), (5.0, 2.0)],
        &[(5.0, 3.0), (5.0, 5.0), (5.0, 6.0)],
        &[(5.0, 7.0), (5.0, 8.0)],
    ];
    assert_eq!(drawn, expected);
}
