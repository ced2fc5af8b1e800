//! A plan that only looks at a rig: what `monitor` and `rigs doctor` run through the same loop as every scenario.
//!
//! Nothing in it could act, whatever happens: it has no ladder, no dead-man deadline and no command, and the run sends
//! questions alone.

use super::check::observe;
use super::plan::{FileRole, Plan, Step, StepId, StepKind, StepTitle};
use crate::diag::{Diagnostic, Files};
use crate::guard::GuardConfig;
use crate::rig::Role;
use crate::time::Span;

/// Longer than anybody looks: ten years.
pub const FOR_EVER: Span = Span::from_secs(10 * 365 * 24 * 3600);

/// A plan that watches the rig and its envelope for so long, and sends nothing but questions. Warnings beside it; the error
/// holds every mistake of both files.
pub fn watch(rig: &str, files: &dyn Files, seed: u64, lasts: Span) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (mut plan, warnings) = observe(rig, files, seed)?;
    plan.ladders.clear();
    plan.guard = GuardConfig::empty();
    // Whether a controller lives is shown, and no condition of looking; the same goes for what a hand holds down.
    for device in plan.rig.devices.iter_mut().filter(|device| device.role == Role::Controller) {
        device.dead_man = None;
    }
    plan.rig.estop = None;
    plan.rig.hold_to_run = None;
    plan.horizon = Span::ZERO;
    plan.arm_within = lasts;
    plan.steps = vec![Step { id: StepId(0), kind: StepKind::Hold { span: lasts } }];
    let file = plan.files.iter().position(|file| file.role == FileRole::Rig).unwrap_or(0);
    plan.titles = vec![StepTitle {
        title: "watch".into(),
        depth: 0,
        line: 1,
        file: u16::try_from(file).expect("a rig is read from fewer than 65536 files"),
    }];
    Ok((plan, warnings))
}
