//! `p until[0,b] q`, judged when the window has passed: two stacks over the pieces of the operands, with the monoid
//! (P, U) · (P', U') = (min(P, P'), max(U, min(P, U'))).

use super::ring::Ring;
use crate::stl::value::{Bits, Flat, NEVER, Slot};

/// A stretch on which both operands stand still, or in a merged one lie within.
#[derive(Copy, Clone, Debug)]
struct Piece {
    from: Slot,
    p: Flat,
    q: Flat,
    merged: bool,
}

impl Piece {
    /// What a witness in this piece is worth to an instant before it: at an instant `q` itself; in an open interval
    /// `p` has to hold for a while before the witness.
    fn head(&self) -> Flat {
        if self.merged {
            let with_p = self.q.and(self.p);
            let bits = Bits((with_p.bits.0 & 0b0101) | (self.q.bits.0 & 0b1010));
            Flat { lo: with_p.lo, hi: self.q.hi, bits }
        } else if self.from & 1 == 0 {
            self.q
        } else {
            self.q.and(self.p)
        }
    }
    fn with(self, younger: Piece) -> Piece {
        Piece { from: self.from, p: self.p.hull(younger.p), q: self.q.hull(younger.q), merged: true }
    }
}

/// min of `p`, and the best witness.
#[derive(Copy, Clone, Debug)]
struct Fold {
    p: Flat,
    u: Flat,
}

impl Fold {
    fn of(piece: &Piece) -> Fold {
        Fold { p: piece.p, u: piece.head() }
    }
    fn then(&self, later: &Fold) -> Fold {
        Fold { p: self.p.and(later.p), u: self.u.or(self.p.and(later.u)) }
    }
}

/// State of one bounded `until`.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Until {
    width: i64,
    /// The piece in which the judged instant lies, then all later ones.
    pieces: Ring<Piece>,
    /// Folds of pieces `1 ..= front.len()`, each to the end of that block; the nearest piece last.
    front: Ring<Fold>,
    /// Fold of the pieces after that block.
    back: Option<Fold>,
}

impl Until {
    pub fn new(width: i64, room: usize) -> Until {
        Until { width, pieces: Ring::new(room), front: Ring::new(room), back: None }
    }

    pub fn bytes(room: usize) -> usize {
        Ring::<Piece>::bytes(room) + Ring::<Fold>::bytes(room)
    }

    /// The operands are `p` and `q` from `now` on; the value is that of the instant `width` before. `merged` is set
    /// when pieces had to be merged.
    pub fn eval(&mut self, now: Slot, p: Flat, q: Flat, merged: &mut bool) -> (Flat, Slot) {
        if self.pieces.back().is_none_or(|last| last.merged || last.p != p || last.q != q) {
            if self.pieces.is_full() {
                self.merge();
                *merged = true;
            }
            let piece = Piece { from: now, p, q, merged: false };
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
        let first = self.pieces.front().map_or((p, q), |first| (first.p, first.q));
        let later = match (self.front.back(), &self.back) {
            (Some(front), Some(back)) => Some(front.then(back).u),
            (Some(front), None) => Some(front.u),
            (None, Some(back)) => Some(back.u),
            (None, None) => None,
        };
        let value = match later {
            Some(u) => first.1.or(first.0.and(u)),
            None => first.1,
        };
        let next = self.pieces.get(1).map_or(NEVER, |next| next.from.saturating_add(self.width));
        (value, next)
    }

    /// The judged instant moves into the next piece.
    fn drop_first(&mut self) {
        if self.front.is_empty() {
            self.back = None;
            self.fold_front();
        }
        // The next piece becomes the first: it leaves the folds.
        self.front.pop_back();
        self.pieces.pop_front();
    }

    fn fold_front(&mut self) {
        let mut fold: Option<Fold> = None;
        for piece in self.pieces.iter().skip(1).rev() {
            let own = Fold::of(piece);
            let whole = match &fold {
                Some(later) => own.then(later),
                None => own,
            };
            self.front.push_back(whole);
            fold = Some(whole);
        }
    }

    /// Neighbours share a piece from here on; the first piece, in which the judged instant lies, stays as it is.
    #[cold]
    fn merge(&mut self) {
        self.pieces.merge_neighbours(1, Piece::with);
        self.front.clear();
        self.back = None;
        self.fold_front();
    }
}
