//! Frames on a link: when they arrive, and with which bytes.

use crate::fault::bytes::ByteFault;
use crate::fault::pipe::{Carried, FaultKey, Mark, Pipe, Tally};
use crate::fault::rng::Dice;
use crate::fault::{Concerns, PipeFault};
use crate::time::Time;
use crate::wire::Frame;

impl Carried for Frame {
    /// A serial line has no marks.
    fn mark(&mut self, mark: Mark) {
        if self.topic.is_some() {
            match mark {
                Mark::Retained => self.flags.retained = true,
                Mark::Redelivered => self.flags.duplicate = true,
            }
        }
    }
}

/// Frames on a link: a [`Pipe`] that also acts out the faults on bytes. Faults on values do nothing: a frame has no
/// values yet.
#[derive(Clone, Debug)]
pub struct FramePipe {
    seed: u64,
    pipe: Pipe<Frame>,
    on_bytes: Vec<(FaultKey, ByteFault, Tally)>,
}

impl FramePipe {
    /// A pipe without faults. Its chance is fixed by `seed` and each fault's key.
    pub fn new(seed: u64) -> FramePipe {
        FramePipe { seed, pipe: Pipe::new(seed), on_bytes: Vec::new() }
    }

    /// Starts a fault; one of the same key is replaced.
    pub fn start(&mut self, at: Time, key: FaultKey, fault: PipeFault) {
        self.stop(key);
        if fault.concerns() == Concerns::Bytes {
            let dice = Dice::new(self.seed, u64::from(key.0));
            self.on_bytes.push((key, ByteFault::new(fault, at, dice), Tally::default()));
        } else {
            self.pipe.start(at, key, fault);
        }
    }

    /// Ends a fault, if it acts, and tells what it did.
    pub fn stop(&mut self, key: FaultKey) -> Tally {
        match self.on_bytes.iter().position(|(other, ..)| *other == key) {
            Some(place) => self.on_bytes.remove(place).2,
            None => self.pipe.stop(key),
        }
    }

    /// A frame goes in.
    pub fn push(&mut self, at: Time, mut frame: Frame) {
        for (_, fault, tally) in &mut self.on_bytes {
            let altered = fault.act(at, &mut frame.bytes);
            tally.count(altered);
        }
        self.pipe.push(at, frame);
    }

    /// The frame that comes out next, if it has arrived by `at`. Ask until there is none.
    pub fn pop(&mut self, at: Time) -> Option<Frame> {
        self.pipe.pop(at)
    }

    /// When the next frame comes out.
    pub fn next_deadline(&self) -> Option<Time> {
        self.pipe.next_deadline()
    }

    /// Forgets what is under way (on a trip, at an exit); faults stay.
    pub fn clear(&mut self) {
        self.pipe.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use crate::wire::LinkId;

    const FIRST: FaultKey = FaultKey(1);
    const SECOND: FaultKey = FaultKey(2);

    fn at(millis: i64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn bytes_are_hit_no_longer_than_asked_and_it_is_counted() {
        let mut pipe = FramePipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Corrupt { bit_error_rate: 1.0 });
        pipe.push(at(0), Frame::serial(LinkId(0), vec![0_u8; 4]));
        assert_eq!(pipe.stop(FIRST), Tally { items: 1, altered: 1 });
        pipe.push(at(0), Frame::serial(LinkId(0), vec![0_u8; 4]));
        assert_eq!(pipe.pop(at(0)).expect("arrives at once").bytes, [255; 4]);
        assert_eq!(pipe.pop(at(0)).expect("arrives at once").bytes, [0; 4], "the fault had ended");
    }

    #[test]
    fn frames_are_delayed_dropped_and_doubled_whole() {
        let mut pipe = FramePipe::new(1);
        pipe.start(at(0), FIRST, PipeFault::Delay { by: Span::from_millis(5) });
        pipe.start(at(0), SECOND, PipeFault::Duplicate { share: 1.0 });
        let frame = Frame::publish(LinkId(0), "pilot/goto", "{}");
        pipe.push(at(0), frame.clone());
        assert_eq!((pipe.pop(at(4)), pipe.next_deadline()), (None, Some(at(5))));
        let copy = || Some(frame.clone());
        assert_eq!((pipe.pop(at(5)), pipe.pop(at(5)), pipe.pop(at(5))), (copy(), copy(), None));
        pipe.start(at(6), SECOND, PipeFault::Drop { share: 1.0 });
        pipe.push(at(10), frame.clone());
        assert_eq!(pipe.next_deadline(), None);
        pipe.clear();
    }

    #[test]
    fn only_a_broker_marks() {
        let marked = |frame: Frame| {
            let mut pipe = FramePipe::new(1);
            pipe.start(at(0), FIRST, PipeFault::Redeliver { share: 1.0 });
            pipe.push(at(0), frame);
            [pipe.pop(at(0)), pipe.pop(at(0))].map(|frame| frame.expect("two of them").flags.duplicate)
        };
        assert_eq!(marked(Frame::publish(LinkId(0), "a", "1")), [false, true]);
        assert_eq!(marked(Frame::serial(LinkId(0), "1")), [false, false]);
    }
}
