//! Dead-man deadlines of controllers: who was not heard for too long.

use crate::time::{Span, Time};
use crate::wire::DeviceId;

/// Most silence deadlines (controllers with a dead-man); checked when the rig is read.
pub const SILENCES_MAX: usize = 16;

/// A controller's dead-man.
#[derive(Copy, Clone, PartialEq, Hash, Debug)]
pub struct SilenceConfig {
    pub device: DeviceId,
    pub silent_for: Span,
}

/// All dead-man deadlines of a rig. They count from arming.
#[derive(Copy, Clone, Hash, Debug)]
pub(crate) struct Silences {
    configs: [SilenceConfig; SILENCES_MAX],
    heard: [Time; SILENCES_MAX],
    count: usize,
}

impl Silences {
    pub(crate) fn new(configs: [SilenceConfig; SILENCES_MAX], count: u8) -> Silences {
        Silences { configs, heard: [Time::MIN; SILENCES_MAX], count: (count as usize).min(SILENCES_MAX) }
    }

    /// Everybody counts as heard at `at`.
    pub(crate) fn begin(&mut self, at: Time) {
        self.heard = [at; SILENCES_MAX];
    }

    pub(crate) fn heard(&mut self, device: DeviceId, at: Time) {
        for place in 0..self.count {
            if self.configs[place].device == device {
                self.heard[place] = self.heard[place].max(at);
            }
        }
    }

    /// The controller whose deadline ran out first, if any has at `at`.
    pub(crate) fn due(&self, at: Time) -> Option<DeviceId> {
        self.first().filter(|(deadline, _)| at >= *deadline).map(|(_, device)| device)
    }

    /// The next deadline of any controller.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.first().map(|(deadline, _)| deadline)
    }

    fn first(&self) -> Option<(Time, DeviceId)> {
        (0..self.count)
            .map(|place| (self.heard[place] + self.configs[place].silent_for, self.configs[place].device))
            .min()
    }
}
