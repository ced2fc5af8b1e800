//! `p until[0,b] q`, judged when the window has passed: two stacks over the pieces of the operands, with the monoid
//! (P, U) · (P', U') = (min(P, P'), max(U, min(P, U'))).

use crate::stl::value::{NEVER, Slot, Val};
use std::collections::VecDeque;

/// A stretch on which both operands stand still.
#[derive(Copy, Clone, Debug)]
struct Piece {
    from: Slot,
    p: Val,
    q: Val,
}

impl Piece {
    /// What a witness in this piece is worth to an instant before it: at an instant `q` itself; in an open interval
    /// `p` has to hold for a while before the witness.
    fn head(&self) -> Val {
        if self.from & 1 == 0 { self.q } else { self.q.min_flat(self.p) }
    }
}

/// min of `p`, and the best witness.
#[derive(Copy, Clone, Debug)]
struct Fold {
    p: Val,
    u: Val,
}

impl Fold {
    fn of(piece: &Piece) -> Fold {
        Fold { p: piece.p, u: piece.head() }
    }
    fn then(&self, later: &Fold) -> Fold {
        Fold { p: self.p.min_flat(later.p), u: self.u.max_flat(self.p.min_flat(later.u)) }
    }
}

/// State of one bounded `until`.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Until {
    width: i64,
    /// The piece in which the judged instant lies, then all later ones.
    pieces: VecDeque<Piece>,
    /// Folds of pieces `1 ..= front.len()`, each to the end of that block; the nearest piece last.
    front: Vec<Fold>,
    /// Fold of the pieces after that block.
    back: Option<Fold>,
}

impl Until {
    pub fn new(width: i64) -> Until {
        Until { width, pieces: VecDeque::new(), front: Vec::new(), back: None }
    }

    /// The operands are `p` and `q` from `now` on; the value is that of the instant `width` before.
    pub fn eval(&mut self, now: Slot, p: Val, q: Val) -> (Val, Slot) {
        if self.pieces.back().is_none_or(|last| last.p != p || last.q != q) {
            let piece = Piece { from: now, p, q };
            if !self.pieces.is_empty() {
                let fold = Fold::of(&piece);
                self.back = Some(match &self.back {
                    Some(back) => back.then(&fold),
                    None => fold,
                });
            }
            self.pieces.push_back(piece);
        }
        let judged = now.saturating_sub(self.width);
        while self.pieces.get(1).is_some_and(|next| next.from <= judged) {
            self.drop_first();
        }
        let first = &self.pieces[0];
        let later = match (self.front.last(), &self.back) {
            (Some(front), Some(back)) => Some(front.then(back).u),
            (Some(front), None) => Some(front.u),
            (None, Some(back)) => Some(back.u),
            (None, None) => None,
        };
        let value = match later {
            Some(u) => first.q.max_flat(first.p.min_flat(u)),
            None => first.q,
        };
        let next = self.pieces.get(1).map_or(NEVER, |next| next.from.saturating_add(self.width));
        (value, next)
    }

    /// The judged instant moves into the next piece.
    fn drop_first(&mut self) {
        if self.front.is_empty() {
            self.back = None;
            let mut fold: Option<Fold> = None;
            for piece in self.pieces.iter().skip(1).rev() {
                let own = Fold::of(piece);
                let whole = match &fold {
                    Some(later) => own.then(later),
                    None => own,
                };
                self.front.push(whole);
                fold = Some(whole);
            }
        }
        // The next piece becomes the first: it leaves the folds.
        self.front.pop();
        self.pieces.pop_front();
    }
}
