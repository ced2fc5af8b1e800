//! This side.

use crate::codec::{Codec, ConfigProblem, EncodeError, LinkConfig, NotTimeless, Turn};
use crate::command::{Command, Ticket};
use crate::time::Time;
use crate::wire::Frame;

/// Session of one link.
pub struct Host;

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(_config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        todo!()
    }
}

impl Codec for Host {
    fn feed(&mut self, _at: Time, _frame: &Frame, _out: &mut Turn) {
        todo!()
    }
    fn order(&mut self, _at: Time, _command: &Command, _ticket: Ticket, _out: &mut Turn) -> Result<(), EncodeError> {
        todo!()
    }
    fn tick(&mut self, _at: Time, _out: &mut Turn) {
        todo!()
    }
    fn next_deadline(&self) -> Option<Time> {
        todo!()
    }
    fn safe(&self, _command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        todo!()
    }
    fn abandon(&mut self) {
        todo!()
    }
}
