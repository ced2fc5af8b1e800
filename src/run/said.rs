//! What a controller says, on its way to the gate: whole commands, and each of their arguments.

use crate::command::{Command, CommandId};
use crate::fault::{Carried, FaultKey, Mark, Pipe, PipeFault, Tally, ValueFault, same};
use crate::signal::Value;
use crate::time::Time;

/// A command that a controller asked for, with the instant at which it arrived.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Proposal {
    pub command: Command,
    /// The broker kept it, or delivered it again.
    pub stale: bool,
    pub arrived: Time,
}

impl Carried for Proposal {
    /// What a broker kept or delivers again is stale by definition.
    fn mark(&mut self, _mark: Mark) {
        self.stale = true;
    }
}

/// A [`Pipe`] of proposals that also acts on arguments.
pub(super) struct SaidPipe {
    seed: u64,
    pipe: Pipe<Proposal>,
    on_args: Vec<ArgFault>,
    /// The last command of each kind, faults aside.
    last: Vec<Command>,
    acting: usize,
}

struct ArgFault {
    key: FaultKey,
    command: CommandId,
    arg: u8,
    fault: ValueFault,
    tally: Tally,
}

impl SaidPipe {
    /// A pipe without faults. Its chance is fixed by `seed` and each fault's key.
    pub fn new(seed: u64) -> SaidPipe {
        SaidPipe { seed, pipe: Pipe::new(seed), on_args: Vec::new(), last: Vec::new(), acting: 0 }
    }

    /// Starts a fault on every command, or on one argument of one.
    pub fn start(&mut self, at: Time, key: FaultKey, fault: PipeFault, arg: Option<(CommandId, u8)>) {
        self.acting += 1;
        let Some((command, arg)) = arg else { return self.pipe.start(at, key, fault) };
        let asked = self.last.iter().find(|last| last.id == command);
        let before = asked.and_then(|last| last.args().get(usize::from(arg))).map(|number| Value::Number(*number));
        let fault = ValueFault::new(fault, at, self.seed, u64::from(key.0), before);
        self.on_args.push(ArgFault { key, command, arg, fault, tally: Tally::default() });
    }

    /// Ends a fault, and tells what it did.
    pub fn stop(&mut self, key: FaultKey) -> Tally {
        self.acting = self.acting.saturating_sub(1);
        match self.on_args.iter().position(|one| one.key == key) {
            Some(place) => self.on_args.remove(place).tally,
            None => self.pipe.stop(key),
        }
    }

    /// Whether any fault acts.
    pub fn faulted(&self) -> bool {
        self.acting > 0
    }

    /// A command goes in.
    pub fn push(&mut self, at: Time, mut proposal: Proposal) {
        match self.last.iter_mut().find(|last| last.id == proposal.command.id) {
            Some(last) => *last = proposal.command,
            None => self.last.push(proposal.command),
        }
        let id = proposal.command.id;
        for one in self.on_args.iter_mut().filter(|one| one.command == id) {
            let Some(number) = proposal.command.args_mut().get_mut(usize::from(one.arg)) else { continue };
            let before = Value::Number(*number);
            let after = one.fault.act(at, before);
            one.tally.count(!same(before, after));
            // An argument that is lost is no number; the gate refuses it.
            *number = if let Value::Number(number) = after { number } else { f64::NAN };
        }
        self.pipe.push(at, proposal);
    }

    /// The command that comes out next, if it has arrived by `at`. Ask until there is none.
    pub fn pop(&mut self, at: Time) -> Option<Proposal> {
        self.pipe.pop(at)
    }

    /// When the next command comes out.
    pub fn next_deadline(&self) -> Option<Time> {
        self.pipe.next_deadline()
    }

    /// Forgets what is under way; faults stay.
    pub fn clear(&mut self) {
        self.pipe.clear();
    }
}
