//! Margin and truth of each rule's body at each stamp of the trace.

use crate::command::RuleId;
use crate::expr::ir::{Formula, Window};
use crate::rig::Rule;
use crate::stl::{Margin, Piece, RuleSpec, Truth};
use crate::time::{Span, Time};
use std::collections::VecDeque;

/// What a rule's body is worth at a stamp.
#[derive(Clone, Copy, Debug)]
pub struct AtSample<'a> {
    pub rule: &'a Rule,
    pub at: Time,
    pub margin: Margin,
    pub truth: Truth,
}

/// The body alone as a rule of its own. An operator that waits for ever, which may stand at the top, is judged to the end of a
/// trace of this length.
pub fn body(spec: &RuleSpec, id: RuleId, length: Span) -> RuleSpec {
    let mut body = spec.body.clone();
    bound(&mut body, length + Span::from_nanos(1));
    RuleSpec { id, body, when: None }
}

fn bound(formula: &mut Formula, length: Span) {
    let close = |window: &mut Window| {
        window.to.get_or_insert(window.from + length);
    };
    match formula {
        Formula::Constant(_)
        | Formula::Flag(_)
        | Formula::State { .. }
        | Formula::Compare { .. }
        | Formula::In { .. }
        | Formula::Changed(_) => {}
        Formula::Always(window, inner) | Formula::Eventually(window, inner) => {
            close(window);
            bound(inner, length);
        }
        Formula::Until(window, p, q) | Formula::Unless(window, p, q) => {
            close(window);
            bound(p, length);
            bound(q, length);
        }
        Formula::Not(inner)
        | Formula::Rise(inner)
        | Formula::Fall(inner)
        | Formula::Historically(_, inner)
        | Formula::Once(_, inner) => bound(inner, length),
        Formula::And(all) | Formula::Or(all) => all.iter_mut().for_each(|one| bound(one, length)),
        Formula::Implies(p, q) | Formula::Iff(p, q) | Formula::Since(_, p, q) => {
            bound(p, length);
            bound(q, length);
        }
    }
}

/// The pieces of one body, read at ascending instants.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    present: Option<Piece>,
    ahead: VecDeque<Piece>,
    /// Instants this long before the present are decided.
    pub late: Span,
}

impl Cursor {
    /// Of a body whose instants are decided this much later.
    pub fn new(late: Span) -> Cursor {
        Cursor { late, ..Cursor::default() }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: Piece) {
        self.ahead.push_back(piece);
    }

    /// The value at an instant, no earlier than the last one asked for. `None` when a moving margin's end has yet to come and
    /// `ended` is false.
    pub fn at(&mut self, at: Time, ended: bool) -> Option<(Margin, Truth)> {
        while let Some(next) = self.ahead.front()
            && (next.at < at || next.at == at && !next.after)
        {
            self.present = self.ahead.pop_front();
        }
        let unknown = Margin { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
        let Some(piece) = self.present else { return Some((unknown, Truth::Unknown)) };
        if !piece.moving || piece.at == at {
            return Some((piece.margin, piece.truth));
        }
        match self.ahead.front() {
            Some(next) => {
                let share = at.since(piece.at).nanos() as f64 / next.at.since(piece.at).nanos() as f64;
                let between = |a: f64, b: f64| if a.is_finite() && b.is_finite() { a + (b - a) * share } else { a };
                let lo = between(piece.margin.lo, next.margin.lo);
                Some((Margin { lo, hi: between(piece.margin.hi, next.margin.hi) }, piece.truth))
            }
            None if ended => Some((unknown, piece.truth)),
            None => None,
        }
    }
}
