use super::charts::charts;
use super::*;
use crate::log::fixture;
use crate::scenario::plan::Plan;
use crate::trace::Trace;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

fn subject<'a>(plan: &'a Plan, trace: &'a Trace) -> Subject<'a> {
    Subject {
        plan,
        trace,
        run: "20261122T120000Z-delayed-feed",
        recording_sha256: "3f1a09c2d4e5f60718293a4b5c6d7e8f",
        tool: "0.1.0",
        wall_clock_unix_nanos: fixture::WALL_CLOCK,
    }
}

fn flight() -> (Plan, Trace) {
    let (plan, recording) = fixture::recorded_flight();
    let trace = Trace::new(&plan, &recording);
    (plan, trace)
}

/// What stands between two words.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).expect("both stand there").0
}

/// The page without the charting library, which is somebody else's text.
fn own_text(page: &str) -> String {
    assert_eq!(page.matches(library()).count(), 1);
    page.replace(library(), "")
}

#[test]
fn the_verdict_comes_first_and_why_is_said_in_sentences() {
    let (plan, trace) = flight();
    let page = own_text(&report(&subject(&plan, &trace), &[]));
    let body = page.split_once("<body>").expect("a page has a body").1;
    let first = between(body, "<h1>", "</h1>");
    assert!(first.contains("FAIL") && first.contains(&plan.name), "{first}");
    let sentences = between(body, "<ul class=\"sentences\">", "</ul>");
    insta::assert_snapshot!(sentences);
    for chapter in ["understand", "explain", "control", "protect"] {
        assert!(body.contains(&format!("<section id=\"{chapter}\"")), "{chapter}");
    }
    assert!(body.contains("no substitute for a wired e-stop"));
}

#[test]
fn the_page_needs_nothing_but_itself_and_allows_only_its_own_scripts() {
    let (plan, trace) = flight();
    let page = report(&subject(&plan, &trace), &[]);
    let own = own_text(&page);
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        let rest = own.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !rest.contains(outside),
            "{outside}: {}",
            &rest[rest.find(outside).unwrap_or(0)..].chars().take(80).collect::<String>()
        );
    }
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"").replace("&#x27;", "'");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("connect-src"), "{policy}");
    let scripts: Vec<&str> =
        page.split("<script>").skip(1).map(|rest| rest.split_once("</script>").expect("it ends").0).collect();
    assert_eq!(scripts.len(), 2);
    for script in scripts {
        assert!(policy.contains(&script_hash(script)), "a script that its own page forbids");
    }
    assert!(library().len() > 1_000_000, "the library is there");
}

#[test]
fn what_a_file_says_is_text_and_nothing_else() {
    let (mut plan, trace) = flight();
    plan.about = "<img onerror=alert(1)> & \"quoted\"".into();
    plan.rules[0].because = Some("</script><script>alert(2)</script>".into());
    let attempts = [Attempt { run: "<b>".into(), verdict: "pass".into(), reason: "</li>".into(), this: true }];
    let page = own_text(&report(&subject(&plan, &trace), &attempts));
    assert!(!page.contains("<img") && !page.contains("alert(2)</script>") && !page.contains("<b>"));
    assert!(page.contains("&lt;img onerror=alert(1)&gt;"));
    assert_eq!(page.matches("<script").count(), 3, "the data and two scripts");
}

#[test]
fn the_same_recording_gives_the_same_bytes() {
    let (plan, trace) = flight();
    assert!(report(&subject(&plan, &trace), &[]) == report(&subject(&plan, &trace), &[]));
}

#[test]
fn a_run_without_data_says_so() {
    let plan = fixture::plan();
    let trace = Trace::of_entries(&plan, &[], None);
    let page = own_text(&report(&subject(&plan, &trace), &[]));
    assert!(page.contains("There is no data: not one sample of any signal was recorded."));
    assert!(page.contains("NO VERDICT"));
    assert!(page.contains("never heard"));
}

/// The numbers of a line, unpacked.
fn unpacked(series: &Value) -> Vec<(u32, f32)> {
    let bytes = |name: &str| STANDARD.decode(series[name].as_str().expect("text")).expect("base 64");
    let ticks = bytes("ticks");
    let values = bytes("values");
    let four = |bytes: &[u8]| [bytes[0], bytes[1], bytes[2], bytes[3]];
    let ticks = ticks.chunks(4).map(|b| u32::from_le_bytes(four(b)));
    ticks.zip(values.chunks(4).map(|b| f32::from_le_bytes(four(b)))).collect()
}

/// Goal: however long a run is, the page holds its peaks and stays small. Method: a signal of 400,000 samples with spikes of
/// one sample in drawn places, and a gap.
#[test]
fn a_long_line_keeps_its_peaks_its_gaps_and_its_bounds() {
    use crate::signal::Value as Said;
    use crate::time::{Span, Time};
    use crate::trace::Stretch;
    use rand_core::{Rng, SeedableRng};
    let (plan, mut trace) = flight();
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(3);
    let column =
        trace.columns.iter_mut().find(|c| matches!(c.values.first(), Some(Said::Number(_)))).expect("a number");
    let at = |place: i64| Time::from_nanos(place * 9_000_000);
    column.times = (0..400_000).map(at).collect();
    let mut numbers: Vec<f64> = (0..400_000).map(|place| f64::from(place % 1000) / 1000.0).collect();
    for spike in 0..50u32 {
        let place = random.next_u32() as usize % numbers.len();
        numbers[place] = if spike % 2 == 0 { 1000.0 + f64::from(spike) } else { -1000.0 - f64::from(spike) };
    }
    column.values = numbers.iter().map(|number| Said::Number(*number)).collect();
    column.gaps = vec![Stretch { from: at(100_000) + Span::from_nanos(1), to: at(100_001) }];
    let signal = column.signal;
    trace.whole = Stretch { from: Time::ZERO, to: at(400_000) };
    let data = serde_json::to_value(charts(&subject(&plan, &trace), 2_500_000)).expect("it is plain data");
    let name = &plan.rig.signals.def(signal).name;
    let chart =
        data["charts"].as_array().expect("a list").iter().find(|chart| chart["title"] == **name).expect("drawn");
    let series = &chart["series"][0];
    let points = unpacked(series);
    assert!(
        points.len() < 100_000 && points.len() as u64 >= series["drawn"].as_u64().expect("a count"),
        "{}",
        points.len()
    );
    assert_eq!(series["of"], 400_000);
    assert!(points.is_sorted_by_key(|(tick, _)| *tick));
    let unit = match &plan.rig.signals.def(signal).kind {
        crate::signal::SignalKind::Number { unit, .. } => unit,
        other => panic!("{other:?}"),
    };
    // Every spike is there, at its instant.
    let tick_s = data["tick_s"].as_f64().expect("a number");
    for (place, number) in numbers.iter().enumerate().filter(|(_, number)| number.abs() > 500.0) {
        let wanted = unit.from_si(*number) as f32;
        let there = points.iter().any(|(tick, y)| {
            *y == wanted && (f64::from(*tick) * tick_s - at(place as i64).seconds()).abs() <= 2.0 * tick_s
        });
        assert!(there, "the spike {number} at {place}");
    }
    assert_eq!(points.iter().filter(|(_, y)| y.is_nan()).count(), 1, "the line is broken at its gap");
}
