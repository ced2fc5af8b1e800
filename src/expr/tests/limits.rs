use super::Bench;
use crate::expr::{Limit, Side, limits};

fn told(bench: &Bench, text: &str) -> Vec<String> {
    let show = |limit: Limit| {
        let sign = match (limit.side, limit.strict) {
            (Side::Upper, false) => "<=",
            (Side::Upper, true) => "<",
            (Side::Lower, false) => ">=",
            (Side::Lower, true) => ">",
        };
        let when = if limit.unconditional { "" } else { " at times" };
        format!("{} {sign} {}{when}", bench.signals.def(limit.signal).name, limit.value_si)
    };
    limits(&bench.right(text).formula).into_iter().map(show).collect()
}

#[test]
fn plain_limits_are_found() {
    let bench = Bench::new();
    for (text, wanted) in [
        ("fc.altitude <= 8 m", &["fc.altitude <= 8"][..]),
        ("8 m > fc.altitude", &["fc.altitude < 8"]),
        ("not fc.altitude > 8 m", &["fc.altitude <= 8"]),
        ("abs(fc.x) <= 5 m", &["fc.x <= 5", "fc.x >= -5"]),
        ("abs(fc.x - 2 m) < 5 m", &["fc.x < 7", "fc.x > -3"]),
        ("abs(fc.x) >= 5 m", &[]),
        ("fc.x in -5 m .. 6 m", &["fc.x >= -5", "fc.x <= 6"]),
        ("fc.x < 1 m and fc.y > 2 m", &["fc.x < 1", "fc.y > 2"]),
        ("fc.x < 1 m or fc.y > 2 m", &[]),
        ("not (fc.x < 1 m or fc.y > 2 m)", &["fc.x >= 1", "fc.y <= 2"]),
        ("2 * fc.x + 1 m <= 9 m", &["fc.x <= 4"]),
        ("3 m - fc.x <= 9 m", &["fc.x >= -6"]),
        ("-fc.x / 2 <= 3 m", &["fc.x >= -6"]),
        ("max(abs(fc.x), fc.y) <= 3 m", &["fc.x <= 3", "fc.x >= -3", "fc.y <= 3"]),
        ("max(fc.x, fc.y) >= 3 m", &[]),
        ("fc.armed implies fc.x <= 3 m", &["fc.x <= 3 at times"]),
        ("not historically[0, 300 ms] fc.x > 3 m", &["fc.x <= 3 at times"]),
        ("historically[0, 300 ms] fc.x < 3 m", &["fc.x < 3"]),
        ("always fc.x < 3 m", &["fc.x < 3"]),
        ("eventually[0, 1 s] fc.x < 3 m", &["fc.x < 3 at times"]),
        ("always[1 s, 2 s] fc.x < 3 m", &["fc.x < 3 at times"]),
        ("fc.x <= fc.y", &[]),
        ("mean[1 s](fc.x) <= 3 m", &[]),
        ("room.temperature <= 26.85 degC", &["room.temperature <= 300"]),
    ] {
        assert_eq!(told(&bench, text), wanted, "{text}");
    }
}
