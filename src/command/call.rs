//! Commands as the hot path sees them. `core` only: the guard rests on them.

/// A command of the rig, by its place in the [`CommandTable`](super::CommandTable).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommandId(pub u16);

/// The rule of the run, by its place in the plan's list of rules (envelope first, then scenario).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId(pub u16);

/// Most arguments a command may have; checked when the rig is read.
pub const ARGS_MAX: usize = 16;

/// A command with its arguments in SI units, in the order of the command's definition.
/// A state argument is its place in the argument's list of states.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Command {
    pub id: CommandId,
    len: u8,
    args: [f64; ARGS_MAX],
}

impl Command {
    /// A command with these arguments; `None` when there are more than [`ARGS_MAX`].
    pub fn new(id: CommandId, args: &[f64]) -> Option<Command> {
        if args.len() > ARGS_MAX {
            return None;
        }
        let mut fixed = [0.0; ARGS_MAX];
        fixed[..args.len()].copy_from_slice(args);
        Some(Command { id, len: args.len() as u8, args: fixed })
    }
    /// The arguments in SI units.
    pub fn args(&self) -> &[f64] {
        &self.args[..self.len as usize]
    }
    /// The arguments, to be clamped.
    pub fn args_mut(&mut self) -> &mut [f64] {
        &mut self.args[..self.len as usize]
    }
}

/// Who asks. A person always outranks automation: later variants outrank earlier ones.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Authority {
    Controller,
    /// The recovery function that stands in for a controller while its fallback is engaged.
    Fallback,
    Script,
    Person,
}

/// A limit on one argument, worked out from a rule over the signal that the argument drives.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Bound {
    pub arg: u8,
    /// SI.
    pub lo: f64,
    /// SI.
    pub hi: f64,
    /// `None`: the declared range of the argument itself.
    pub rule: Option<RuleId>,
}

/// Names one order given to a codec, so that its acknowledgement can be told apart.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);
