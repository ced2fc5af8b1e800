//! What a person's hand tells: the wired e-stop and the hold-to-run key.

use super::keys::{ESTOP, HOLD_TO_RUN};
use super::model::{EStopDef, HoldDef, Role};
use super::names::{Names, Place};
use super::yaml::{Node, Page};
use crate::expr::Checked;
use crate::expr::ir::{Formula, Number};
use crate::expr::walk::{formulas, numbers};
use crate::signal::Every;

/// Reads `estop`.
pub(super) fn estop(page: &mut Page, node: &Node, names: &Names, roles: &[Role]) -> Option<EStopDef> {
    let fields = page.fields(node, &ESTOP)?;
    let pressed = fields.get("pressed").and_then(|node| hand(page, node, names, roles));
    let stopped = fields.get("stopped").and_then(|node| {
        let (checked, text) = heard(page, node, names, roles)?;
        Some((checked.formula, text))
    });
    let within = fields.get("within").and_then(|node| page.time(node, "500 ms", false));
    Some(EStopDef { pressed: pressed?, stopped: stopped?, within: within? })
}

/// Reads `hold_to_run`.
pub(super) fn hold_to_run(page: &mut Page, node: &Node, names: &Names, roles: &[Role]) -> Option<HoldDef> {
    let fields = page.fields(node, &HOLD_TO_RUN)?;
    let held = fields.get("held").and_then(|node| hand(page, node, names, roles))?;
    Some(HoldDef { held })
}

/// A formula over what machines tell: the controller under test does not vouch for the hand that stops it.
fn heard(page: &mut Page, node: &Node, names: &Names, roles: &[Role]) -> Option<(Checked, String)> {
    let word = page.scalar(node, "a formula such as `panel.closed`")?;
    let checked = names.formula(page, word, Place::Device)?;
    if checked.signals.is_empty() {
        page.error(word.span.clone(), "it reads no signal, so it tells nothing of the machine".into(), None);
        return None;
    }
    for id in &checked.signals {
        let def = names.signals.def(*id);
        let told_by = def.device.and_then(|device| roles.get(usize::from(device.0)));
        if told_by == Some(&Role::Controller) {
            let message = format!("`{}` is told by the controller under test, which may be wrong or lie", def.name);
            page.error(word.span.clone(), message, Some("read a signal of a machine".into()));
            return None;
        }
    }
    Some((checked, word.text.clone()))
}

/// The position of a key or button: it counts as it is now, and a wire that is cut must not look like a button at rest.
fn hand(page: &mut Page, node: &Node, names: &Names, roles: &[Role]) -> Option<(Formula, String)> {
    let (checked, text) = heard(page, node, names, roles)?;
    let span = page.scalar(node, "a formula")?.span.clone();
    if !is_momentary(&checked.formula) {
        page.error(
            span,
            "a person's hand counts at once: this formula looks into the past".into(),
            Some("compare what the input tells now; debounce in the wiring".into()),
        );
        return None;
    }
    for id in &checked.signals {
        let def = names.signals.def(*id);
        if def.every == Every::Change && def.stale_after.is_none() {
            page.error(
                span,
                format!("`{}` is told on change alone: when its wire is cut, nothing changes", def.name),
                Some("have it told at a period, such as `every: 50 ms`".into()),
            );
            return None;
        }
    }
    Some((checked.formula, text))
}

/// Whether the present values alone decide it.
pub(super) fn is_momentary(formula: &Formula) -> bool {
    let mut present = true;
    formulas(formula, &mut |part| {
        present &= matches!(
            part,
            Formula::Constant(_)
                | Formula::Flag(_)
                | Formula::State { .. }
                | Formula::Compare { .. }
                | Formula::In { .. }
                | Formula::Not(_)
                | Formula::And(_)
                | Formula::Or(_)
                | Formula::Implies(..)
                | Formula::Iff(..)
        );
    });
    numbers(formula, &mut |part| {
        present &= !matches!(part, Number::Rate(_) | Number::Delta(..) | Number::Mean(..) | Number::Fraction(..));
    });
    present
}
