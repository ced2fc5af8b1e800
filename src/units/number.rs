//! Numbers as people write and read them.

use super::Problem;
use crate::diag::Severity;
use std::ops::Range;

/// The length in bytes of the number that `text` begins with (`12`, `3.5`, `1e-3`), without sign; 0 when there is none.
pub(crate) fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if end == 0 {
        return 0;
    }
    // `0..8` is a range, not the number `0.`.
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.len() > end + 1 + sign {
            let exponent = digits(end + 1 + sign);
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
    }
    end
}

/// The value of a number whose place `number_length` found; `at` is where it stands.
pub(crate) fn number_value(text: &str, at: Range<usize>) -> Result<f64, Problem> {
    let value: f64 = text.parse().expect("number_length admits only what f64 reads");
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Problem {
            severity: Severity::Error,
            span: at,
            message: "this number is too large to count with".into(),
            remedy: Some("use a larger unit".into()),
        })
    }
}

/// Prints so that reading gives the same number back, without exponents where people would not use one.
pub(crate) fn exact(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        "0".into()
    } else if (1e-6..1e15).contains(&size) {
        format!("{number}")
    } else {
        format!("{number:e}")
    }
}

/// Prints with at most `significant` digits, for people; never `-0`.
pub(super) fn rounded(number: f64, significant: usize) -> String {
    if number.is_nan() {
        return "unknown".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "∞".into() } else { "-∞".into() };
    }
    let significant = significant.clamp(1, 17);
    let rounded: f64 =
        format!("{number:.*e}", significant - 1).parse().expect("what Rust prints as a float it reads as one");
    exact(rounded)
}
