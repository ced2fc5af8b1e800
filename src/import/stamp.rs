//! Stamps: decimal text to integer nanoseconds with no float between, and ISO-8601.

/// What one of a time column's numbers is, in nanoseconds.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct TimeUnit(i64);

impl TimeUnit {
    /// Seconds.
    pub const SECOND: TimeUnit = TimeUnit(1_000_000_000);

    /// Milliseconds.
    pub const MILLISECOND: TimeUnit = TimeUnit(1_000_000);
    /// Microseconds.
    pub const MICROSECOND: TimeUnit = TimeUnit(1_000);
    /// Nanoseconds.
    pub const NANOSECOND: TimeUnit = TimeUnit(1);

    /// `s`, `ms`, `us`, `ns`, `min`, `h`, `d`, also written out.
    pub fn parse(text: &str) -> Option<TimeUnit> {
        Some(TimeUnit(match text.trim().to_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
            "ms" | "msec" | "millis" | "milliseconds" => 1_000_000,
            "us" | "µs" | "μs" | "usec" | "micros" | "microseconds" => 1_000,
            "ns" | "nsec" | "nanos" | "nanoseconds" => 1,
            "min" | "minutes" => 60_000_000_000,
            "h" | "hours" => 3_600_000_000_000,
            "d" | "days" => 86_400_000_000_000,
            _ => return None,
        }))
    }
}

/// Digits that are counted with; a stamp has fewer, and what lies behind them is far below a nanosecond.
const DIGITS_MAX: usize = 24;

/// The decimal number in nanoseconds: exact where it is a whole number of them, else to the nearest (halves away from
/// zero). `None`: no decimal number, or beyond ±292 years.
pub fn decimal_nanos(text: &[u8], unit: TimeUnit) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut mantissa: i128 = 0;
    let (mut counted, mut exponent, mut seen, mut point) = (0usize, 0i64, false, false);
    let mut at = 0;
    while let Some(&byte) = digits.get(at) {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                if counted < DIGITS_MAX {
                    mantissa = mantissa * 10 + i128::from(byte - b'0');
                    counted += usize::from(mantissa > 0);
                    exponent -= i64::from(point);
                } else {
                    exponent += i64::from(!point);
                }
            }
            b'.' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    if !seen {
        return None;
    }
    match digits.get(at) {
        None => {}
        Some(b'e' | b'E') => {
            let power: i64 = std::str::from_utf8(&digits[at + 1..]).ok()?.parse().ok()?;
            exponent = exponent.checked_add(power)?;
        }
        Some(_) => return None,
    }
    let scaled = mantissa * i128::from(unit.0);
    let nanos = if scaled == 0 {
        0
    } else if exponent >= 0 {
        scaled.checked_mul(10i128.checked_pow(u32::try_from(exponent).ok()?)?)?
    } else {
        rounded(scaled, exponent.unsigned_abs())
    };
    i64::try_from(if negative { -nanos } else { nanos }).ok()
}

/// `value / 10^places`, to the nearest, for a value that is not negative.
fn rounded(value: i128, places: u64) -> i128 {
    // Most stamps fit into 64 bits, where division is much cheaper.
    if let (Ok(value), true) = (u64::try_from(value), places <= 18) {
        let divisor = 10u64.pow(places as u32);
        let (quotient, rest) = (value / divisor, value % divisor);
        return i128::from(quotient + u64::from(rest >= divisor - rest));
    }
    if places > 38 {
        return 0;
    }
    let divisor = 10i128.pow(places as u32);
    let (quotient, rest) = (value / divisor, value % divisor);
    quotient + i128::from(rest >= divisor - rest)
}

/// `2026-11-22T12:00:00.125Z`, with `+01:00` for an offset and without one for UTC, in nanoseconds since 1970. Dates follow
/// the proleptic Gregorian calendar; a leap second is refused.
pub fn iso8601_nanos(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 19 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter().all(u8::is_ascii_digit).then(|| part.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| bytes[*at] != *mark) || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let zone = bytes[19..].iter().position(|b| matches!(b, b'Z' | b'z' | b'+' | b'-')).map_or(bytes.len(), |i| 19 + i);
    let fraction = match &bytes[19..zone] {
        [] => 0,
        [b'.' | b',', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let mut text = b"0.".to_vec();
            text.extend_from_slice(digits);
            decimal_nanos(&text, TimeUnit::SECOND)?
        }
        _ => return None,
    };
    let offset = match &bytes[zone..] {
        [] | [b'Z' | b'z'] => 0,
        [sign, rest @ ..] => {
            let (hours, minutes) = match rest.len() {
                2 => (number(zone + 1, zone + 3)?, 0),
                4 => (number(zone + 1, zone + 3)?, number(zone + 3, zone + 5)?),
                5 if rest[2] == b':' => (number(zone + 1, zone + 3)?, number(zone + 4, zone + 6)?),
                _ => return None,
            };
            let minutes = (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)?;
            if *sign == b'-' { -minutes } else { minutes }
        }
    };
    let seconds = days_from_1970(year, month, day) * 86_400 + hour * 3_600 + (minute - offset) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, after Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html>.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        decimal_nanos(text.as_bytes(), TimeUnit::SECOND)
    }

    #[test]
    fn decimal_seconds_are_exact() {
        assert_eq!(seconds("0.1"), Some(100_000_000));
        // As a float these lie beside it.
        assert_eq!(seconds("1795378530.123456789"), Some(1_795_378_530_123_456_789));
        assert_eq!(seconds("4503599627.370497001"), Some(4_503_599_627_370_497_001));
        assert_eq!(seconds("-0.000000001"), Some(-1));
        assert_eq!(seconds("+12"), Some(12_000_000_000));
        assert_eq!(seconds(".5"), Some(500_000_000));
        assert_eq!(seconds("5."), Some(5_000_000_000));
        assert_eq!(seconds("1.5e-3"), Some(1_500_000));
        assert_eq!(seconds("15E2"), Some(1_500_000_000_000));
        assert_eq!(seconds("000000000000000000000000000001.5"), Some(1_500_000_000));
    }

    #[test]
    fn what_is_finer_than_a_nanosecond_is_rounded_to_the_nearest() {
        assert_eq!(seconds("0.30000000000000004"), Some(300_000_000));
        assert_eq!(seconds("0.0000000005"), Some(1));
        assert_eq!(seconds("0.00000000049999"), Some(0));
        assert_eq!(seconds("-0.0000000005"), Some(-1));
        assert_eq!(seconds(&format!("0.1{}", "0".repeat(500))), Some(100_000_000));
        assert_eq!(seconds("1e-400"), Some(0));
        assert_eq!(seconds("123456.7890123456789012345678901234567890"), Some(123_456_789_012_346));
    }

    #[test]
    fn units_and_limits() {
        let unit = |name: &str| TimeUnit::parse(name).expect("it is a unit");
        assert_eq!(decimal_nanos(b"1.5", unit("ms")), Some(1_500_000));
        assert_eq!(decimal_nanos(b"9223372036854775807", unit("ns")), Some(i64::MAX));
        assert_eq!(decimal_nanos(b"9223372036854775808", unit("ns")), None);
        assert_eq!(decimal_nanos(b"1e300", unit("d")), None);
        assert_eq!(decimal_nanos(b"0e300", unit("d")), Some(0));
        assert_eq!(decimal_nanos(b"106751", unit("d")), Some(106_751 * 86_400_000_000_000));
        for bad in
            ["", "-", ".", "1.2.3", "1s", "nan", "inf", "1e", "1e1.5", "0x10", "1_000", " 1", "1e99999999999999999999"]
        {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(TimeUnit::parse("fortnight"), None);
    }

    #[test]
    fn dates_are_nanoseconds_since_1970() {
        assert_eq!(iso8601_nanos("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(iso8601_nanos("2026-11-22T20:15:30.125Z"), Some(1_795_378_530_125_000_000));
        assert_eq!(iso8601_nanos("2026-11-22 21:15:30+01:00"), Some(1_795_378_530_000_000_000));
        assert_eq!(iso8601_nanos("2026-11-22T15:45:30-0430"), Some(1_795_378_530_000_000_000));
        assert_eq!(iso8601_nanos("2000-02-29T00:00:00"), Some(951_782_400_000_000_000));
        assert_eq!(iso8601_nanos("1969-12-31T23:59:59.999999999Z"), Some(-1));
        for bad in [
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T12:00:60Z",
            "2026-11-22T12:00:00.Z",
            "2026-11-22T12:00:00x",
            "2026-11-22T12:00:00+25:00",
            "9999-11-22T12:00:00Z",
            "12",
        ] {
            assert_eq!(iso8601_nanos(bad), None, "{bad}");
        }
    }
}
