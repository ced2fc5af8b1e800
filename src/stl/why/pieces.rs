//! Picking places out of the values of a formula.

use super::record::{Slot, slot};
use crate::stl::{Piece, Truth};

/// Values from `from` to `to`, both included.
pub(super) struct Pieces {
    pub from: Slot,
    pub to: Slot,
    pub list: Vec<Piece>,
}

impl Pieces {
    /// The first place with this truth.
    pub fn first(&self, truth: Truth) -> Option<Slot> {
        self.list.iter().find(|piece| piece.truth == truth).map(slot)
    }

    /// The last place with this truth.
    pub fn last(&self, truth: Truth) -> Option<Slot> {
        let place = self.list.iter().rposition(|piece| piece.truth == truth)?;
        Some(self.list.get(place + 1).map_or(self.to, |next| (slot(next) - 1).max(slot(&self.list[place]))))
    }

    /// All places at which a piece with this truth begins.
    pub fn all(&self, truth: Truth) -> impl Iterator<Item = Slot> {
        self.list.iter().filter(move |piece| piece.truth == truth).map(slot)
    }

    /// The first place of the least margin among places with this truth.
    pub fn least(&self, truth: Truth) -> Option<Slot> {
        let of_truth = self.list.iter().filter(|piece| piece.truth == truth);
        of_truth
            .min_by(|a, b| (a.margin.hi, a.margin.lo).partial_cmp(&(b.margin.hi, b.margin.lo)).expect("no NaN"))
            .map(slot)
    }

    /// The first place of the greatest margin among places with this truth.
    pub fn most(&self, truth: Truth) -> Option<Slot> {
        let mut best: Option<&Piece> = None;
        for piece in self.list.iter().filter(|piece| piece.truth == truth) {
            if best.is_none_or(|b| (piece.margin.lo, piece.margin.hi) > (b.margin.lo, b.margin.hi)) {
                best = Some(piece);
            }
        }
        best.map(slot)
    }

    /// The best place whatever its truth: true before unknown before false, then by margin.
    pub fn best(&self) -> Option<Slot> {
        [Truth::True, Truth::Unknown, Truth::False].into_iter().find_map(|truth| self.most(truth))
    }

    /// The part from `from` to `to`.
    pub fn part(&self, from: Slot, to: Slot) -> Pieces {
        let (from, to) = (from.max(self.from), to.min(self.to));
        let mut list: Vec<Piece> = Vec::new();
        for (i, piece) in self.list.iter().enumerate() {
            let ends = self.list.get(i + 1).map_or(self.to, |next| slot(next) - 1);
            if slot(piece) > to || ends < from && slot(piece) < from {
                continue;
            }
            list.push(*piece);
        }
        // A piece that begins before counts from here.
        if let Some(first) = list.first_mut().filter(|first| slot(first) < from) {
            *first = Piece { at: super::record::time_of(from), after: from & 1 == 1, ..*first };
        }
        Pieces { from, to, list }
    }
}
