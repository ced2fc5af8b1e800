//! How long what is certain now is bound to last: what operands with a memory must be later.

use super::Engine;
use crate::stl::Change;
use crate::stl::graph::Edge;
use crate::stl::node::Work;
use crate::stl::ops::Lasts;

impl Engine {
    /// Brings a watch over operands with a memory up to date.
    #[inline(never)]
    pub(super) fn refresh_watch(&mut self, id: usize, out: &mut Vec<Change>) {
        let Work::Early { parts, .. } = &self.nodes[id].work else { return };
        let parts = *parts;
        let (p_lasts, q_lasts) = (self.lasts_false(parts[1]), self.lasts_false(parts[2]));
        let Work::Early { early, .. } = &mut self.nodes[id].work else { return };
        let truths = parts.map(|part| self.view.bits(part));
        let (value, due) = early.eval(self.view.now, truths, p_lasts, q_lasts);
        self.take_value(id, value, due, out);
    }

    /// How long a formula that is certainly false is bound to stay so.
    fn lasts_false(&self, edge: Edge) -> Lasts {
        if self.view.bits(edge).possible() { Lasts::now(self.view.now) } else { self.lasts(edge) }
    }

    /// How long a formula, whose truth is certain, is bound to keep it.
    fn lasts(&self, edge: Edge) -> Lasts {
        let now = self.view.now;
        let holds = self.view.values[edge.place()].bits.certain();
        let certain = |part: Edge| self.view.bits(part).certain() || !self.view.bits(part).possible();
        let all = |parts: &[Edge]| {
            if holds {
                parts.iter().fold(Lasts::ever(), |least, &part| least.shorter(self.lasts(part)))
            } else {
                let false_ones = parts.iter().filter(|&&part| !self.view.bits(part).possible());
                false_ones.fold(Lasts::now(now), |most, &part| most.longer(self.lasts(part)))
            }
        };
        match &self.nodes[edge.place()].work {
            Work::Fixed(_) => Lasts::ever(),
            Work::Both(a, b) => all(&[*a, *b]),
            Work::All(parts) => all(parts),
            Work::Once(once, p) if holds => once.lasts(now, self.view.bits(*p).certain().then(|| self.lasts(*p))),
            Work::Once(_, p) => self.lasts(*p),
            Work::Delay(delay, p) if certain(*p) => delay.lasts(self.lasts(*p)),
            Work::Since(_, _, q) if self.view.bits(*q).certain() == holds && certain(*q) => self.lasts(*q),
            _ => Lasts::now(now),
        }
    }
}
