//! How far a formula looks ahead and back.

use super::ir::{Formula, Number};
use crate::time::Span;

/// `None` is for ever; the longer of two.
fn longer(a: Option<Span>, b: Option<Span>) -> Option<Span> {
    Some(a?.max(b?))
}

fn plus(a: Option<Span>, b: Option<Span>) -> Option<Span> {
    Some(a? + b?)
}

/// How long after an instant the judgement there can stay open; `None`: for ever.
pub fn horizon(formula: &Formula) -> Option<Span> {
    // Quantities look back only: `fraction` refuses formulas that wait.
    let mut longest = Some(Span::ZERO);
    formula.children(&mut |child| longest = longer(longest, horizon(child)));
    match formula {
        Formula::Always(w, _) | Formula::Eventually(w, _) | Formula::Until(w, ..) | Formula::Unless(w, ..) => {
            plus(w.to, longest)
        }
        _ => longest,
    }
}

/// How far back it looks; `None`: to the start. The sample before the present one (`rate`, `rise`, `changed`) is near.
pub fn history(formula: &Formula) -> Option<Span> {
    let mut longest = Some(Span::ZERO);
    formula.children(&mut |child| longest = longer(longest, history(child)));
    formula.numbers(&mut |number| longest = longer(longest, reach(number)));
    match formula {
        Formula::Historically(w, _) | Formula::Once(w, _) | Formula::Since(w, ..) => plus(w.to, longest),
        _ => longest,
    }
}

fn reach(number: &Number) -> Option<Span> {
    let mut longest = number.formula().map_or(Some(Span::ZERO), history);
    number.children(&mut |child| longest = longer(longest, reach(child)));
    match number {
        Number::Delta(w, _) | Number::Mean(w, _) | Number::Fraction(w, _) => plus(Some(*w), longest),
        _ => longest,
    }
}
