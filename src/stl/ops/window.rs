//! `once[0,b]`: the supremum over a sliding window; `historically` is its mirror image by negation, and a bounded
//! future operator is the same window judged when it has passed.

use super::early::Lasts;
use super::wedge::{LastBits, Wedges};
use crate::stl::value::{Bits, Flat, NEVER, Slot};

/// State of one window.
#[derive(Clone, Debug)]
pub(in crate::stl) struct Once {
    /// Length in slots; `None`: to the start.
    width: Option<i64>,
    current: Option<Flat>,
    /// Not kept where the margin follows from truth alone.
    wedges: Option<Wedges>,
    bits: LastBits,
    /// What lies before the start is in the window and unknown.
    looks_before_start: bool,
}

impl Once {
    /// `bare`: the operand has no margin but its truth.
    pub fn new(width: Option<i64>, looks_before_start: bool, bare: bool, room: usize) -> Once {
        let wedges = (!bare && width.is_some()).then(|| Wedges::new(room));
        Once { width, current: None, wedges, bits: LastBits::default(), looks_before_start }
    }

    /// Bytes beside itself.
    pub fn bytes(width: Option<i64>, bare: bool, room: usize) -> usize {
        if bare || width.is_none() { 0 } else { Wedges::bytes(room) }
    }

    /// The operand is `value` from `now` on. `merged` is set when entries had to be merged.
    pub fn eval(&mut self, now: Slot, value: Flat, merged: &mut bool) -> (Flat, Slot) {
        let Some(width) = self.width else {
            let held = match self.current {
                Some(held) => held.or(value),
                None => value,
            };
            self.current = Some(held);
            return (held, NEVER);
        };
        let left_at = now.saturating_add(width);
        match self.current {
            Some(held) if held != value => *merged |= self.leave(&held, left_at),
            None if self.looks_before_start => *merged |= self.leave(&Flat::WARM_UP, left_at),
            _ => {}
        }
        self.current = Some(value);
        let (mask, bits_change) = self.bits.at(now, value.bits.0);
        let bits = value.bits.or(Bits(mask));
        match &mut self.wedges {
            Some(wedges) => {
                let (lo, hi, next) = wedges.with(now, &value);
                (Flat { lo, hi, bits }, next.min(bits_change))
            }
            None => (Flat::truth(bits), bits_change),
        }
    }

    /// How long it stays true, being so, when its operand is bound to stay true as long as `operand` says, if it is.
    pub fn lasts(&self, now: Slot, operand: Option<Lasts>) -> Lasts {
        let Some(width) = self.width else { return Lasts::ever() };
        let remembered = Lasts { to: self.bits.certain_to().max(now), rolling: 0 };
        operand.map_or(remembered, |operand| remembered.longer(operand.later(width)))
    }

    fn leave(&mut self, held: &Flat, left_at: Slot) -> bool {
        self.bits.push(held.bits.0, left_at);
        self.wedges.as_mut().is_some_and(|wedges| wedges.push(held, left_at))
    }
}
