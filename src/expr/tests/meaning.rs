use super::Bench;
use crate::expr::ir::{Comparison, Formula, Number, Window};
use crate::expr::{MarginKind, definition, formula, words};
use crate::time::Span;
use crate::units::Quantity;

fn span(text: &str) -> Span {
    Quantity::parse(text).unwrap().span().unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window { from: span(from), to: Some(span(to)) }
}

fn unit_of(margin: &MarginKind) -> &str {
    match margin {
        MarginKind::Unit(unit) => &unit.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_comparison_is_held_in_si_and_shown_in_its_own_unit() {
    let bench = Bench::new();
    let checked = bench.right("fc.altitude <= 800 cm");
    let altitude = bench.id("fc.altitude");
    let wanted = Formula::Compare {
        op: Comparison::LessEqual,
        left: Number::Signal(altitude),
        right: Number::Constant(8.0),
        scale: 1.0,
    };
    assert_eq!(checked.formula, wanted);
    assert_eq!(unit_of(&checked.margin), "cm");
    assert_eq!(checked.signals, [altitude]);
    assert_eq!((checked.horizon, checked.history), (Some(Span::ZERO), Some(Span::ZERO)));
    assert!(checked.hints.is_empty(), "{:?}", checked.hints);
}

#[test]
fn offboard_loss_reads_as_the_file_shows_it() {
    let bench = Bench::new();
    let checked = bench.right("age(pilot.command) > 1 s implies eventually[0, 500 ms] fc.mode != GUIDED");
    let (command, mode) = (bench.id("pilot.command"), bench.id("fc.mode"));
    let left = Formula::Compare {
        op: Comparison::Greater,
        left: Number::Age(command),
        right: Number::Constant(1.0),
        scale: 1.0,
    };
    let not_guided = Formula::Not(Box::new(Formula::State { signal: mode, any_of: vec![1] }));
    let right = Formula::Eventually(window("0 s", "500 ms"), Box::new(not_guided));
    assert_eq!(checked.formula, Formula::Implies(Box::new(left), Box::new(right)));
    assert_eq!(checked.horizon, Some(Span::from_millis(500)));
    assert_eq!(checked.signals, [command, mode]);
    assert_eq!(unit_of(&checked.margin), "s");
}

#[test]
fn definitions_are_written_out_where_they_are_used() {
    let bench = Bench::new();
    let checked = bench.right("historically[0, 300 ms] tilt > 60 deg");
    let (roll, pitch) = (bench.id("fc.roll"), bench.id("fc.pitch"));
    let abs = |id| Number::Abs(Box::new(Number::Signal(id)));
    let Formula::Historically(w, inner) = &checked.formula else { panic!("{:?}", checked.formula) };
    assert_eq!(*w, window("0 s", "300 ms"));
    let Formula::Compare { left, right, .. } = &**inner else { panic!("{inner:?}") };
    assert_eq!(*left, Number::Max(vec![abs(roll), abs(pitch)]));
    assert_eq!(*right, Number::Constant(60.0 * std::f64::consts::PI / 180.0));
    assert_eq!(checked.signals, [roll, pitch]);
    assert_eq!(checked.history, Some(Span::from_millis(300)));
    assert_eq!(unit_of(&checked.margin), "deg");
    assert_eq!(bench.right("flying implies tilt < 60 deg").margin, MarginKind::Share);
    assert_eq!(bench.right("rate(height) <= 3 m/s").signals, [bench.id("fc.altitude")]);
}

#[test]
fn parameters_are_constants_and_counted_once() {
    let bench = Bench::new();
    let checked = bench.right("abs(fc.altitude - $target) <= 1 m or fc.altitude > $target + 1 m");
    assert_eq!(checked.parameters, ["target"]);
    let Formula::Or(parts) = &checked.formula else { panic!() };
    assert!(matches!(&parts[1], Formula::Compare { right: Number::Constant(six), .. } if *six == 6.0));
    assert_eq!(bench.right("eventually[0, $settle] fc.armed").horizon, Some(Span::from_secs(2)));
}

#[test]
fn looser_operators_take_tighter_ones_whole() {
    let bench = Bench::new();
    let same = |a: &str, b: &str| assert_eq!(bench.right(a).formula, bench.right(b).formula, "{a} | {b}");
    same("fc.armed implies room.occupied implies fc.x > 1 m", "fc.armed implies (room.occupied implies (fc.x > 1 m))");
    same("not fc.armed and room.occupied", "(not fc.armed) and room.occupied");
    same("not fc.x > 1 m", "not (fc.x > 1 m)");
    same("once[0, 1 s] fc.armed and room.occupied", "(once[0, 1 s] fc.armed) and room.occupied");
    same("not fc.armed until[0, 1 s] room.occupied", "(not fc.armed) until[0, 1 s] room.occupied");
    same("fc.armed since room.occupied and fc.armed", "(fc.armed since room.occupied) and fc.armed");
    same("fc.x + 2 * fc.y > 1 m", "(fc.x + (2 * fc.y)) > 1 m");
    same("fc.x - 1 m - fc.y > 1 m", "((fc.x - 1 m) - fc.y) > 1 m");
    same("-fc.x * 2 > 1 m", "((-fc.x) * 2) > 1 m");
    same("fc.x in -1 m .. 1 m + 2 m", "fc.x in (-1 m) .. (1 m + 2 m)");
    same("fc.armed iff fc.mode == LAND", "fc.armed iff (fc.mode == LAND)");
    same("fc.x > -(1 m)", "fc.x > -1 m");
}

#[test]
fn the_weak_since_is_what_it_says() {
    let bench = Bench::new();
    let same = |a: &str, b: &str| assert_eq!(bench.right(a).formula, bench.right(b).formula, "{a} | {b}");
    same(
        "fc.armed backto[1 s, 2 s] room.occupied",
        "historically[0, 2 s] fc.armed or fc.armed since[1 s, 2 s] room.occupied",
    );
    same("fc.armed backto room.occupied", "historically fc.armed or fc.armed since room.occupied");
    same("not fc.armed backto room.occupied and fc.armed", "((not fc.armed) backto room.occupied) and fc.armed");
    assert_eq!(bench.right("fc.armed backto[1 s, 2 s] room.occupied").history, Some(Span::from_secs(2)));
    assert_eq!(bench.right("fc.armed backto room.occupied").history, None);
    // It looks back alone, so that steps may use it, and needs no window.
    assert!(formula("fc.armed backto room.occupied", &bench.step()).is_ok());
    let instead = formula("fc.armed unless room.occupied", &bench.step()).expect_err("it waits");
    assert_eq!(instead[0].remedy.as_deref(), Some("write `backto`"));
}

#[test]
fn flags_states_sets_and_events() {
    let bench = Bench::new();
    let (mode, armed) = (bench.id("fc.mode"), bench.id("fc.armed"));
    assert_eq!(bench.right("fc.mode in {LAND, RTL}").formula, Formula::State { signal: mode, any_of: vec![2, 3] });
    assert_eq!(bench.right("fc.armed").formula, Formula::Flag(armed));
    assert_eq!(bench.right("fc.armed").margin, MarginKind::Truth);
    assert_eq!(bench.right("rise(fc.armed)").formula, Formula::Rise(Box::new(Formula::Flag(armed))));
    let phase = bench.id("phase");
    assert_eq!(bench.right("phase == wind-gust").formula, Formula::State { signal: phase, any_of: vec![1] });
    for signal in ["fc.mode", "pilot.command", "fc.altitude", "fc.armed"] {
        assert_eq!(bench.right(&format!("changed({signal})")).formula, Formula::Changed(bench.id(signal)));
    }
}

#[test]
fn mixed_dimensions_are_weighed_by_what_each_comparison_can_be() {
    let bench = Bench::new();
    let checked = bench.right("fc.altitude <= 8 m and fc.battery >= 30 % and age(fc.x) <= 50 ms");
    assert_eq!(checked.margin, MarginKind::Share);
    let Formula::And(parts) = &checked.formula else { panic!() };
    let scales: Vec<f64> = parts
        .iter()
        .map(|part| match part {
            Formula::Compare { scale, .. } => *scale,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(scales, [41.0, 1.0, 0.05]);
    let missing = bench.wrong("fc.altitude <= 8 m and fc.current <= 5 A");
    assert_eq!(missing.len(), 1);
    assert!(missing[0].message.contains("`fc.current` has no declared range"), "{missing:?}");
    assert_eq!(unit_of(&bench.right("fc.current <= 5 A").margin), "A", "alone it needs no range");
    assert_eq!(bench.right("fc.altitude <= 8 m and clamp(fc.current, 0 A, 9 A) <= 5 A").margin, MarginKind::Share);
    // Inside `fraction` truth alone counts.
    assert_eq!(unit_of(&bench.right("fraction[10 s](fc.current > 5 A) <= 20 %").margin), "%");
}

#[test]
fn temperatures_are_places_their_differences_kelvins() {
    let bench = Bench::new();
    assert_eq!(unit_of(&bench.right("room.temperature <= 26 degC").margin), "K");
    let right = |text: &str| bench.right(text);
    right("abs(room.temperature - 21 degC) <= 2 K");
    right("room.temperature - room.outdoor <= 15 K");
    right("room.temperature + 2 K <= 30 degC");
    right("room.temperature in 18 degC .. 26 degC");
    right("max(room.temperature, room.outdoor) <= 300 K");
    right("delta[1 min](room.temperature) <= 1 K");
    right("rate(room.temperature) <= 0.1 K/s");
    right("mean[5 min](room.temperature) >= 18 degC");
    for text in [
        "room.temperature + room.outdoor <= 40 degC",
        "room.temperature - room.outdoor <= 15 degC",
        "2 * room.temperature <= 40 degC",
        "abs(room.temperature) <= 20 degC",
        "-room.temperature <= 20 degC",
        "delta[1 min](room.temperature) <= 1 degC",
        "(room.temperature - room.outdoor) - room.outdoor <= 1 K",
    ] {
        assert_eq!(bench.wrong(text).len(), 1, "{text}");
    }
    let Formula::Compare { right, .. } = bench.right("room.temperature <= -5 degC").formula else { panic!() };
    assert_eq!(right, Number::Constant(268.15));
}

#[test]
fn growing_quantities_are_compared_with_constants_only() {
    let bench = Bench::new();
    bench.right("age(fc.x) * 2 + 1 s <= 3 s");
    bench.right("1 s - age(fc.x) >= 0.5 s");
    bench.right("mean[2 s](fc.x) / 2 <= $target");
    bench.right("mean[2 s](fc.x + fc.y) in 1 m .. 5 m");
    for text in [
        "age(fc.x) + age(fc.y) <= 1 s",
        "age(fc.x) <= age(fc.y)",
        "abs(mean[2 s](fc.x)) <= 1 m",
        "max(age(fc.x), 1 s) <= 1 s",
        "1 / age(fc.x) <= 1 Hz",
        "mean[1 s](mean[1 s](fc.x)) <= 1 m",
        "mean[1 s](fc.x) <= fc.y",
        "fc.y in mean[1 s](fc.x) .. 3 m",
    ] {
        let problems = bench.wrong(text);
        assert!(problems[0].message.contains("grows between samples"), "{text}: {problems:?}");
    }
}

#[test]
fn how_far_it_looks() {
    let bench = Bench::new();
    let reach = |text: &str| {
        let checked = bench.right(text);
        (checked.horizon.map(Span::nanos), checked.history.map(Span::nanos))
    };
    let ms = |n: i64| Some(n * 1_000_000);
    assert_eq!(reach("always[0, 1 s] eventually[100 ms, 2 s] fc.armed"), (ms(3000), ms(0)));
    assert_eq!(reach("always fc.armed"), (None, ms(0)));
    assert_eq!(reach("fc.armed until room.occupied"), (None, ms(0)));
    assert_eq!(reach("once fc.armed"), (ms(0), None));
    assert_eq!(reach("fc.armed since[0, 1 s] once[0, 2 s] room.occupied"), (ms(0), ms(3000)));
    assert_eq!(reach("historically[0, 1 s] (mean[2 s](fc.x) > 1 m and delta[1 s](fc.y) < 1 m)"), (ms(0), ms(3000)));
    assert_eq!(reach("fraction[10 s](once[0, 1 s] fc.armed) < 0.5"), (ms(0), ms(11_000)));
}

#[test]
fn hints_tell_what_can_never_fail_or_never_hold() {
    let bench = Bench::new();
    let hint = |text: &str| {
        let hints = bench.right(text).hints;
        assert_eq!(hints.len(), 1, "{text}: {hints:?}");
        hints[0].message.clone()
    };
    assert_eq!(
        hint("fc.altitude <= 50 m"),
        "`fc.altitude <= 50 m` always holds over the declared ranges: `fc.altitude` lies in -1 m .. 40 m, \
         so the whole can never be false"
    );
    assert!(hint("fc.armed or fc.x > 30 m").contains("can never hold"));
    assert!(!hint("fc.armed or fc.x > 30 m").contains("the whole"));
    assert!(hint("norm(fc.vx, fc.vy) >= 22 m/s").contains("so the whole can never be true"));
    assert!(hint("outside([(0 m, 0 m), (9 m, 0 m), (9 m, 9 m)], fc.x, fc.y) >= -5 m").contains("always holds"));
    assert!(hint("fc.armed implies fc.x > 1 m").contains("shows whether it ever did"));
    assert!(bench.right("abs(fc.x) <= 19 m").hints.is_empty());
    let step = formula("fc.armed implies fc.x > 1 m", &bench.step()).unwrap();
    assert!(step.hints.is_empty(), "a step has no trigger");
}

#[test]
fn scopes_refuse_what_is_not_theirs() {
    let bench = Bench::new();
    let refused = |text: &str, scope| formula(text, &scope).expect_err(text)[0].message.clone();
    assert!(refused("fc.altitude < $target", bench.envelope()).contains("knows no parameters"));
    assert!(refused("phase == start", bench.envelope()).contains("holds in every scenario"));
    assert!(refused("eventually[0, 1 s] fc.armed", bench.step()).contains("only the past"));
    assert!(refused("always fc.armed", bench.step()).contains("only the past"));
    assert!(formula("once[0, 1 s] phase == start", &bench.step()).is_ok());
}

#[test]
fn every_mistake_is_told_at_once() {
    let bench = Bench::new();
    let text = "fc.altitud <= 8 m and fc.mode == GIUDED and fc.battery < 30 V and fc.x > 3 meters";
    let found: Vec<&str> = bench.wrong(text).iter().map(|p| &text[p.span.clone()]).collect();
    assert_eq!(found, ["fc.altitud", "GIUDED", "fc.battery < 30 V", "meters"]);
}

#[test]
fn definitions_are_checked_on_their_own_too() {
    let bench = Bench::new();
    assert!(definition("tilt", &bench.defines["tilt"], &bench.envelope()).is_empty());
    assert!(definition("flying", &bench.defines["flying"], &bench.envelope()).is_empty());
    let wrong = definition("wrong", &bench.defines["wrong"], &bench.envelope());
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].span, 0..bench.defines["wrong"].len());
    let circle = definition("loop_a", &bench.defines["loop_a"], &bench.envelope());
    assert!(circle[0].message.contains("loop_a → loop_b → loop_a"), "{circle:?}");
    assert!(bench.wrong("loop_a > 1 m")[0].message.contains("in a circle"));
    assert!(bench.wrong("fc.armed and wrong > 1 m")[0].message.starts_with("in the definition of `wrong`: cannot add"));
}

#[test]
fn giants_are_refused_in_bounded_time() {
    let bench = Bench::new();
    for text in [
        "(".repeat(10_000) + "fc.armed" + &")".repeat(10_000),
        "(".repeat(1_000_000),
        "not ".repeat(10_000) + "fc.armed",
        "-".repeat(10_000) + "fc.x > 1 m",
        "fc.x > ".to_owned() + &"1 m + ".repeat(5_000) + "1 m",
        "fc.armed implies ".repeat(3_000) + "fc.armed",
        "abs(".repeat(10_000) + "fc.x",
        "always[0, 1 s] ".repeat(4_000) + "fc.armed",
        "fc.armed until[0, 1 s] ".repeat(2_000) + "fc.armed",
        "a".repeat(1_000_000),
        "[".repeat(10_000),
        "in {".repeat(10_000),
    ] {
        let problems = bench.wrong(&text);
        assert!(!problems.is_empty() && problems.len() <= 20, "{}", problems.len());
    }
    let wide = vec!["fc.x < 1 m"; 3_000].join(" and ");
    assert!(bench.right(&wide).hints.is_empty(), "wide is not deep");
}

#[test]
fn definitions_cannot_explode() {
    let mut bench = Bench::new();
    bench.defines.insert("d0".into(), "fc.x".into());
    for i in 1..40 {
        bench.defines.insert(format!("d{i}"), format!("d{} + d{}", i - 1, i - 1));
    }
    let problems = bench.wrong("d39 > 1 m");
    assert!(problems.iter().any(|p| p.message.contains("grows too large")), "{problems:?}");
    for i in 1..300 {
        bench.defines.insert(format!("d{i}"), format!("-d{}", i - 1));
    }
    let problems = bench.wrong("d299 > 1 m");
    assert!(problems.iter().any(|p| p.message.contains("grows too deep")), "{problems:?}");
}

#[test]
fn a_checked_formula_is_told_in_words() {
    let bench = Bench::new();
    for text in [
        "fc.altitude <= 8 m",
        "age(pilot.command) > 1 s implies eventually[0, 500 ms] fc.mode != GUIDED",
        "fc.mode in {RTL, LAND} and not fc.armed",
        "abs(room.temperature - 21 degC) <= 2 K",
        "room.temperature + 2 K <= 30 degC",
        "fc.x in -5 m .. 5 m or (fc.armed and fc.battery < 30 %)",
        "norm(fc.vx, fc.vy) <= 3 m/s",
        "fc.armed since[0, 1 s] changed(fc.mode)",
        "fraction[10 s](fc.armed) <= 20 %",
        "mean[2 s](fc.x) * 2 <= 5 m",
        "outside([(0 m, 0 m), (10 m, 0 m), (10 m, 5 m)], fc.x, fc.y) <= 0 m",
        "delta[1 s](fc.altitude) - fc.x <= 0.5 m",
        "fc.altitude <= table(fc.vx: 0 m/s -> 2 m, 10 m/s -> 6 m)",
    ] {
        assert_eq!(words(&bench.right(text).formula, &bench.signals), text);
    }
}
