//! A whole scope at a glance: episodes of violation, the least margin, where nothing was known.

use super::record::{Slot, Values, place, slot};
use super::{EPISODES_MAX, Episode, Worst};
use crate::expr::ir::Formula;
use crate::stl::{Piece, Truth};
use crate::time::Span;

/// Places at which the truth was unknown that are remembered: to find one that is explained by missing data.
const UNKNOWN_MAX: usize = 32;

/// What a scope was like.
#[derive(Default)]
pub(super) struct Survey {
    pub episodes: Vec<Episode>,
    pub episode_count: usize,
    pub broken: Span,
    pub worst: Option<Worst>,
    /// Where the truth became unknown, or unknown in another way, in order.
    pub unknown: Vec<Slot>,
    /// The episode that goes on.
    open: Option<Episode>,
}

/// Looks at the formula over the whole scope.
pub(super) fn survey(values: &Values<'_>, formula: &Formula) -> Survey {
    let mut survey = Survey::default();
    let last = values.last();
    values.each(formula, values.first(), last, &mut |piece| survey.take(&piece));
    survey.close(None, values);
    survey
}

impl Survey {
    fn take(&mut self, piece: &Piece) {
        let here = Worst { margin: piece.margin, place: place(slot(piece)) };
        if self.worst.is_none_or(|worst| here.margin.hi < worst.margin.hi) {
            self.worst = Some(here);
        }
        if piece.truth == Truth::Unknown && self.unknown.len() < UNKNOWN_MAX {
            self.unknown.push(slot(piece));
        }
        match (&mut self.open, piece.truth) {
            (Some(episode), Truth::False) => {
                if here.margin.hi < episode.worst.margin.hi {
                    episode.worst = here;
                }
            }
            (None, Truth::False) => self.open = Some(Episode { from: here.place, to: None, worst: here }),
            (Some(_), _) => self.end(Some(slot(piece))),
            (None, _) => {}
        }
    }

    fn close(&mut self, at: Option<Slot>, values: &Values<'_>) {
        if let Some(episode) = &self.open {
            let broken = values.record.end.since(episode.from.at);
            self.end(at);
            self.broken = self.broken + broken;
        }
    }

    fn end(&mut self, at: Option<Slot>) {
        let Some(mut episode) = self.open.take() else { return };
        episode.to = at.map(place);
        if let Some(to) = episode.to {
            self.broken = self.broken + to.at.since(episode.from.at);
        }
        self.episode_count += 1;
        if self.episodes.len() < EPISODES_MAX {
            self.episodes.push(episode);
        }
    }
}
