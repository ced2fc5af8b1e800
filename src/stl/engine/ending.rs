//! The end of the scope: what only the end decides, and the last word on each rule.

use super::Engine;
use crate::command::RuleId;
use crate::stl::graph::Op;
use crate::stl::rule::Rule;
use crate::stl::value::{NEVER, Slot, slot_of};
use crate::stl::{Change, Judgement, Piece};
use crate::time::Time;

impl Engine {
    /// The script is over at `at`: later instants are still judged, but what only the end of the record leaves undecided
    /// there makes no rule inconclusive.
    pub fn close_scope(&mut self, at: Time) {
        for rule in &mut self.rules {
            rule.close_scope(slot_of(at));
        }
    }

    /// Ends the scope at `end` (closed); everything after is unknown. An end before what is closed already is moved there.
    pub fn finish(self, end: Time) -> Vec<Judgement> {
        self.finish_telling(end, &mut Vec::new(), &mut Vec::new())
    }

    /// The same; with [`Options::pieces`](crate::stl::Options::pieces) hands over the pieces not taken yet and those that
    /// only the end decides, and tells what changes on the way, merged memory among it.
    pub fn finish_telling(
        mut self,
        end: Time,
        pieces: &mut Vec<(RuleId, Piece)>,
        out: &mut Vec<Change>,
    ) -> Vec<Judgement> {
        if !self.started {
            return self.rules.iter().map(|rule| rule.judge(0, 0, -1, self.view.cut)).collect();
        }
        // What was stamped later is beyond the scope: it was never closed.
        let end = slot_of(end).max(self.view.now - 1);
        self.close(end + 1, out);
        self.touched.clear();
        self.turned.clear();
        self.end = end;
        self.view.ended = true;
        for rule in &mut self.rules {
            rule.record_ended(end);
        }
        for signal in &mut self.view.signals {
            signal.forget();
        }
        for signal in 0..self.inputs.len() {
            let item = self.inputs[signal].item;
            if item != u32::MAX {
                self.timetable.set(item as usize, NEVER);
            }
            self.mark_leaves(signal);
        }
        for id in 0..self.nodes.len() {
            if self.plans[id].op == Op::InScope {
                self.mark(id as u32);
            }
            self.cut_window(id, end);
        }
        let latest = self.plans.iter().map(|plan| plan.horizon).max().unwrap_or(0);
        let latest = self.rules.iter().map(|r| r.main_horizon).max().unwrap_or(0).max(latest);
        self.close(end.saturating_add(latest.saturating_mul(2)).saturating_add(2), out);
        let mut own = Vec::new();
        for rule in &mut self.rules {
            rule.note_end(self.view.now, rule.main_horizon.saturating_mul(2), end);
            rule.take_pieces(&mut own);
            pieces.extend(own.drain(..).map(|piece| (rule.id, piece)));
        }
        let judge = |rule: &Rule| rule.judge(self.view.now, rule.main_horizon.saturating_mul(2), end, self.view.cut);
        self.rules.iter().map(judge).collect()
    }

    /// Where windows are cut, a future operator finds nothing beyond the end of the recording.
    fn cut_window(&mut self, id: usize, end: Slot) {
        let plan = &self.plans[id];
        let looks_ahead = plan.lead > 0 && matches!(plan.op, Op::Once { .. } | Op::Until { .. });
        if !self.view.cut || !looks_ahead || self.plans[plan.children[0].place()].op == Op::InScope {
            return;
        }
        self.nodes[id].cut_at = end + 1 + (plan.horizon - plan.lead).saturating_mul(2);
        self.mark(id as u32);
    }
}
