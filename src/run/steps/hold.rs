//! `hold`: lets time pass while the envelope watches.

use super::Leaf;
use crate::run::core::Core;
use crate::run::script::Progress;
use crate::time::{Span, Time};

pub(super) fn begin(span: Span, core: &Core) -> Leaf {
    Leaf::Hold { until: core.now() + span }
}

pub(super) fn poll(until: Time, core: &Core) -> Progress {
    if core.now() >= until { Progress::Done } else { Progress::Running }
}
