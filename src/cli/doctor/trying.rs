//! Whether a controller's own login at a broker outside reaches past the guard: if it may publish on a topic of a command,
//! no gate stands between it and the machine.

use super::findings::{Findings, Grade};
use crate::cli::observing::Observing;
use crate::io::access::{Access, try_publish};
use crate::io::mqtt::Login;
use crate::rig::{Broker, LinkDef, LinkKind, Role, Secret};
use crate::scenario::plan::Plan;
use serde_json::json;

/// A controller's way in at a broker outside.
#[derive(Clone, Debug)]
pub struct ControllerLogin {
    device: String,
    user: String,
    secret: Secret,
}

impl ControllerLogin {
    /// Reads `pilot=pilot-user:env:PILOT_PASSWORD` or `pilot=pilot-user:file:secrets/pilot`.
    pub fn parse(text: &str) -> Result<ControllerLogin, String> {
        let wrong = || format!("`{text}` is not DEVICE=USER:env:VARIABLE or DEVICE=USER:file:PATH");
        let (device, rest) = text.split_once('=').ok_or_else(wrong)?;
        let mut parts = rest.splitn(3, ':');
        let (Some(user), Some(kind), Some(place)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let secret = match kind {
            "env" => Secret::Environment(place.to_owned()),
            "file" => Secret::File(place.to_owned()),
            _ => return Err(wrong()),
        };
        if [device, user, place].iter().any(|word| word.is_empty()) {
            return Err(wrong());
        }
        Ok(ControllerLogin { device: device.to_owned(), user: user.to_owned(), secret })
    }

    /// Why it cannot be tried on this rig, in words.
    pub fn unfit(&self, plan: &Plan) -> Option<String> {
        let device = plan.rig.devices.iter().find(|device| device.name == self.device);
        let Some(device) = device else {
            return Some(format!("rig {} has no device `{}`", plan.rig.name, self.device));
        };
        let link = &plan.rig.links[usize::from(device.link.0)];
        (!is_outside(link)).then(|| format!("`{}` hangs on no broker outside: there is no login to try", self.device))
    }
}

fn is_outside(link: &LinkDef) -> bool {
    matches!(&link.kind, LinkKind::Mqtt(def) if matches!(def.broker, Broker::Remote { .. }))
}

/// Topics on which machines of the link take commands.
fn command_topics(plan: &Plan, link: &LinkDef) -> Vec<String> {
    let machine = |device: crate::wire::DeviceId| plan.rig.devices[usize::from(device.0)].role == Role::Machine;
    let mut topics: Vec<String> = link
        .codec
        .devices
        .iter()
        .filter(|config| machine(config.device))
        .flat_map(crate::codec::command_topics)
        .collect();
    topics.sort();
    topics.dedup();
    topics
}

/// Tries every login that was given on every broker outside.
pub fn tried(plan: &Plan, observing: &Observing, twins: bool, logins: &[ControllerLogin]) -> Findings {
    let mut findings = Findings::default();
    if twins {
        return findings;
    }
    for link in plan.rig.links.iter().filter(|link| is_outside(link)) {
        let topics = command_topics(plan, link);
        let controllers =
            plan.rig.devices.iter().filter(|device| device.link == link.id && device.role == Role::Controller);
        for device in controllers.filter(|_| !topics.is_empty()) {
            match logins.iter().find(|login| login.device == device.name) {
                Some(login) => one(observing, link, login, &topics, &mut findings),
                None => findings.add(
                    Grade::Unknown,
                    &device.name,
                    "access",
                    format!(
                        "nobody knows whether its login may publish on {}: `--login {}=USER:env:VARIABLE` tries it",
                        topics.join(", "),
                        device.name
                    ),
                ),
            }
        }
    }
    findings
}

fn one(observing: &Observing, link: &LinkDef, login: &ControllerLogin, topics: &[String], findings: &mut Findings) {
    let LinkKind::Mqtt(def) = &link.kind else { return };
    let result = observing.around().config(link.id, def, Vec::new()).and_then(|mut listener| {
        let mut speaker = listener.clone();
        listener.client_id.push_str("-doctor");
        speaker.client_id = format!("{}-as-{}", speaker.client_id, login.device);
        speaker.login = Some(Login::read(&login.user, &login.secret)?);
        observing.runtime().block_on(try_publish(&listener, &speaker, topics))
    });
    let figures = |open: &[String]| json!({ "tried": topics, "open": open });
    match result {
        Ok(Access::In(open)) if open.is_empty() => {
            let text = format!("user {} may publish on no topic of a command", login.user);
            findings.with(Grade::Good, &login.device, "access", text, figures(&open));
        }
        Ok(Access::In(open)) => {
            let text = format!(
                "user {} may publish on {}, past the guard: forbid it in the broker's access list",
                login.user,
                open.join(", ")
            );
            findings.with(Grade::Blocks, &login.device, "access", text, figures(&open));
        }
        Ok(Access::Out(why)) => {
            findings.add(Grade::Warning, &login.device, "access", format!("user {}: {why}", login.user));
        }
        Err(why) => findings.add(Grade::Unknown, &login.device, "access", format!("could not be tried: {why}")),
    }
}
