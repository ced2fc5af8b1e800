use super::*;
use proptest::prelude::*;

fn si(text: &str) -> f64 {
    Quantity::parse(text).unwrap_or_else(|p| panic!("{text}: {p:?}")).si()
}

fn complaint(text: &str) -> (String, String, String) {
    let p = Quantity::parse(text).expect_err(text);
    (p.message, text[p.span].to_owned(), p.remedy.unwrap_or_default())
}

#[test]
fn everyday_units_reach_si() {
    let cases = [
        ("3.5 m/s^2", 3.5),
        ("36 km/h", 10.0),
        ("35 mm", 0.035),
        ("1 kg", 1.0),
        ("250 g", 0.25),
        ("20 %", 0.2),
        ("20%", 0.2),
        ("400 ppm", 0.0004),
        ("1 bar", 100_000.0),
        ("1013.25 hPa", 101_325.0),
        ("10 mbar", 1000.0),
        ("1 Ah", 3600.0),
        ("2200 mAh", 7920.0),
        ("1 kWh", 3_600_000.0),
        ("115200 bit/s", 115_200.0),
        ("1 kB", 8000.0),
        ("60 L/min", 0.001),
        ("2 N*m", 2.0),
        ("1 W/(m^2*K)", 1.0),
        ("5 1/s", 5.0),
        ("1e-3 m", 0.001),
        ("-2 m²", -2.0),
    ];
    for (text, wanted) in cases {
        assert!((si(text) - wanted).abs() <= wanted.abs() * 1e-15, "{text}: {}", si(text));
    }
    assert_eq!(si("35 mm"), si("0.035 m"));
    assert_eq!(si("180 deg"), std::f64::consts::PI);
    assert_eq!(si("60 rpm"), 2.0 * std::f64::consts::PI);
    assert!((si("1 kn") - 0.514_444_444_444).abs() < 1e-12);
}

#[test]
fn temperatures_are_places_and_their_differences_are_kelvin() {
    assert_eq!(si("21 degC"), 294.15);
    assert!((si("32 degF") - 273.15).abs() < 1e-9);
    let celsius = Unit::parse("degC").unwrap();
    assert_eq!(celsius.difference().text, "K");
    assert_eq!(celsius.difference().show(0.5, 3), "0.5 K");
    assert_eq!(celsius.show(294.15, 4), "21 degC");
    assert_eq!(Unit::parse("degC/s").unwrap_err().remedy.unwrap(), "differences are in `K`: write `K/s`, `W/K`");
}

#[test]
fn dimensions_keep_angle_and_information_apart() {
    let dimension = |text: &str| Unit::parse(text).unwrap().dimension;
    assert_ne!(dimension("deg/s"), dimension("Hz"));
    assert_ne!(dimension("bit/s"), dimension("1/s"));
    assert_eq!(dimension("rpm"), dimension("rad/s"));
    assert_eq!(dimension("V*A"), dimension("W"));
    assert_eq!(dimension("Nm"), dimension("N*m"));
    assert_eq!(dimension("lx"), dimension("lm/m^2"));
    assert_eq!(dimension("V/A"), dimension("Ohm"));
    assert_eq!(dimension("C/V"), dimension("F"));
    assert_eq!(dimension("Ohm*s"), dimension("H"));
    assert_eq!(dimension("V*s/m^2"), dimension("T"));
}

#[test]
fn words_for_dimensions() {
    let words = |text: &str| Unit::parse(text).unwrap().dimension.words();
    assert_eq!(words("km"), "length");
    assert_eq!(words("km/h"), "speed");
    assert_eq!(words("mV"), "voltage");
    assert_eq!(words("%"), "no unit");
    assert_eq!(words("deg/s"), "angle per time");
    assert_eq!(words("kg*m^4/s"), "kg*m^4/s");
    assert_eq!(words("1/(m*s)"), "1/(m*s)");
}

#[test]
fn spans_are_exact() {
    let span = |text: &str| Quantity::parse(text).unwrap().span().map(Span::nanos);
    assert_eq!(span("500 ms"), Some(500_000_000));
    assert_eq!(span("0.1 s"), Some(100_000_000));
    assert_eq!(span("0.3 ms"), Some(300_000));
    assert_eq!(span("1 ns"), Some(1));
    assert_eq!(span("-2 s"), Some(-2_000_000_000));
    assert_eq!(span("90 min"), Some(5_400_000_000_000));
    assert_eq!(span("9007199254740993 ns"), Some(9_007_199_254_740_992), "what f64 holds of it, no further rounding");
    assert_eq!(span("1e9 h"), None, "longer than 292 years");
    assert_eq!(span("5 m"), None);
    for ms in 0..20_000 {
        assert_eq!(span(&format!("{ms} ms")), Some(ms * 1_000_000));
    }
}

#[test]
fn mistakes_are_named_at_the_word() {
    assert_eq!(complaint("5 secs"), ("unknown unit `secs`".into(), "secs".into(), "did you mean `s`?".into()));
    assert_eq!(complaint("5 kph").2, "did you mean `km/h`?");
    assert_eq!(complaint("5 kgg"), ("unknown unit `kgg`".into(), "kgg".into(), "did you mean `kg`?".into()));
    assert_eq!(complaint("  3 m/S^2/kg").1, "/");
    assert_eq!(complaint("3 m/(s").0, "a `)` is missing in this unit");
    assert_eq!(complaint("3 m/").0, "a unit such as `m` is wanted here, found nothing");
    assert_eq!(complaint("3 m^0").1, "^0");
    assert_eq!(complaint(".5 m").2, "write `0.5 m`");
    assert_eq!(complaint("1,5 m").1, ",5 m");
    assert_eq!(complaint("1_000 m").1, "_000 m");
    assert_eq!(complaint("five m").0, "a quantity begins with a number, such as `5 m`");
    assert_eq!(complaint("").0, "a quantity such as `5 m` is wanted here");
    assert_eq!(complaint("1e999 m").0, "this number is too large to count with");
    assert_eq!(complaint("1e308 km").0, "this quantity is too large to count with");
    assert_eq!(complaint("5 m extra").1, "extra");
    assert_eq!(complaint("0 m .. 8 m").0, "one quantity is wanted here, found a range");
    assert!(Unit::parse(&"(".repeat(90)).is_err());
    assert!(Unit::parse(&"m*".repeat(1_000_000)).is_err());
    assert!(Unit::parse("km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9*km^9").is_err());
}

#[test]
fn ranges_need_both_units_in_order() {
    let (lo, hi) = Quantity::parse_range("-180 deg .. 180 deg").unwrap();
    assert_eq!((lo.to_string(), hi.to_string()), ("-180 deg".into(), "180 deg".into()));
    assert!(Quantity::parse_range("0 .. 8").is_ok(), "plain numbers have no unit to name");
    assert!(Quantity::parse_range("0mm..8m").is_ok());
    let wrong = |text: &str| Quantity::parse_range(text).unwrap_err();
    assert_eq!(wrong("0 .. 8 m").remedy.unwrap(), "write `0 m .. 8 m`");
    assert_eq!(wrong("0 m .. 8").remedy.unwrap(), "write `0 m .. 8 m`");
    assert_eq!(wrong("8 m .. 0 m").remedy.unwrap(), "write `0 m .. 8 m`");
    assert_eq!(wrong("0 m .. 8 V").message, "the ends do not fit: `0 m` is length, `8 V` is voltage");
    assert_eq!(wrong("0 m .. 8 mm/").span, 12..12);
    assert_eq!(wrong("5 m").message, "a range such as `0 m .. 8 m` is wanted here");
}

#[test]
fn shows_for_people() {
    let show = |unit: &str, si: f64, digits| Unit::parse(unit).unwrap().show(si, digits);
    assert_eq!(show("m", 0.400_000_000_1, 4), "0.4 m");
    assert_eq!(show("s", 12.312_4, 4), "12.31 s");
    assert_eq!(show("m", -0.0, 4), "0 m");
    assert_eq!(show("m", -0.000_000_000_000_4, 3), "-4e-13 m");
    assert_eq!(show("deg", std::f64::consts::PI, 3), "180 deg");
    assert_eq!(show("%", 0.015, 3), "1.5 %");
    assert_eq!(show("", 99_999.0, 3), "100000");
    assert_eq!(show("m", f64::INFINITY, 3), "∞ m");
    assert_eq!(show("m", f64::NAN, 3), "unknown");
    assert_eq!(Unit::parse("degC").unwrap().show(273.15, 3), "0 degC");
}

#[test]
fn a_unit_in_a_formula_ends_where_arithmetic_begins() {
    let taken = |text: &'static str| &text[..unit_length(text)];
    assert_eq!(taken("m/s^2 and"), "m/s^2");
    assert_eq!(taken("m*fc.x"), "m");
    assert_eq!(taken("m*min(1, 2)"), "m");
    assert_eq!(taken("m .. 8 m"), "m");
    assert_eq!(taken("m/s..8"), "m/s");
    assert_eq!(taken("W/(m^2*K) + 1"), "W/(m^2*K)");
    assert_eq!(taken("m/(fc.x)"), "m");
    assert_eq!(taken("% "), "%");
}

fn unit_text() -> impl Strategy<Value = String> {
    let names = table::names();
    let factor = (0..names.len(), 1..4u8, any::<bool>()).prop_map(move |(i, power, squared)| {
        let name = &names[i];
        if squared && power > 1 { format!("{name}^{power}") } else { name.clone() }
    });
    prop::collection::vec(factor, 0..3).prop_map(|factors| factors.join("*"))
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_the_same(number in any::<f64>(), unit in unit_text()) {
        prop_assume!(number.is_finite());
        // Products with an absolute temperature are refused; everything else is read.
        let Ok(unit) = Unit::parse(&unit) else {
            prop_assert!(unit.contains("deg") || unit.contains('°'));
            return Ok(());
        };
        let quantity = Quantity { number, unit };
        prop_assume!(quantity.si().is_finite());
        prop_assert_eq!(Quantity::parse(&quantity.to_string()).unwrap(), quantity);
    }

    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        for problem in [Quantity::parse(&text).err(), Quantity::parse_range(&text).err(), Unit::parse(&text).err()]
            .into_iter()
            .flatten()
        {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem);
        }
    }

    #[test]
    fn nearly_right_text_is_answered(text in "[-]?[0-9.e_,]{0,4} ?[msVk%°²^*/()1.-]{0,6}") {
        for problem in [Quantity::parse(&text).err(), Quantity::parse_range(&text).err(), Unit::parse(&text).err()]
            .into_iter()
            .flatten()
        {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem);
        }
    }

    #[test]
    fn si_and_back(number in -1e12..1e12f64, unit in unit_text()) {
        if let Ok(unit) = Unit::parse(&unit) {
            let back = unit.from_si(unit.to_si(number));
            prop_assert!((back - number).abs() <= number.abs() * 1e-12 + 1e-9 * unit.offset / unit.scale, "{} {}", back, number);
        }
    }
}
