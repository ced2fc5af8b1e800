//! What the `on:` of a fault names: a stream, a link, a device, the world.

use super::faults::{Fault, On, acting};
use crate::command::CommandId;
use crate::rig::yaml::{Page, Word};
use crate::rig::{Loaded, Role};
use crate::signal::SignalId;
use crate::wire::{DeviceId, LinkId};

/// What the `on:` of a fault names.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Target {
    Tells(DeviceId, Option<SignalId>),
    /// With one argument of one command, or all that is said.
    Says(DeviceId, Option<(CommandId, u8)>),
    Link(LinkId),
    Device(DeviceId),
    World,
    /// A field of a twin's own sensors.
    Sensor(DeviceId, &'static str),
}

impl Target {
    /// Which kind of thing that is.
    pub fn on(self) -> On {
        match self {
            Target::Tells(_, None) => On::Tells,
            Target::Tells(_, Some(_)) => On::Signal,
            Target::Says(_, None) => On::Says,
            Target::Says(_, Some(_)) => On::Arg,
            Target::Link(_) => On::Link,
            Target::Device(_) => On::Device,
            Target::World => On::World,
            Target::Sensor(..) => On::Sensor,
        }
    }
}

/// What `on:` names, and which of the faults of that name can act on it; `None` where there is none of that name. The
/// second is `None` where `on` is wrong: its parameters can be looked at all the same.
pub(super) fn target<'f>(
    page: &mut Page,
    on: &Word,
    kinds: &[&'f Fault],
    loaded: &Loaded,
) -> Option<(&'f Fault, Option<Target>)> {
    let first = *kinds.first()?;
    let can: Vec<On> = kinds.iter().flat_map(|fault| fault.on).copied().collect();
    let Some(found) = find(page, on, &can, loaded) else { return Some((first, None)) };
    if let Some(fault) = kinds.iter().find(|fault| fault.acts_on(found.on())) {
        return Some((fault, Some(found)));
    }
    if found.on() == On::Tells && can.contains(&On::Signal) {
        page.error(
            on.span.clone(),
            format!("fault `{}` needs one signal; `{}` are all that the controller is told", first.name, on.text),
            Some(format!("write it like `{}.fc.altitude`", on.text)),
        );
    } else if found.on() == On::Says && can.contains(&On::Arg) {
        page.error(
            on.span.clone(),
            format!("fault `{}` needs one argument; `{}` is all that the controller says", first.name, on.text),
            Some(format!("write it like `{}.fc.goto.x`", on.text)),
        );
    } else {
        let can: Vec<&str> = can.iter().map(|on| words(*on)).collect();
        page.error(
            on.span.clone(),
            format!("`{}` is {}; fault `{}` acts on {}", on.text, words(found.on()), first.name, can.join(", ")),
            None,
        );
    }
    Some((first, None))
}

fn words(on: On) -> &'static str {
    match on {
        On::Tells => "what a controller is told (`pilot.tells`)",
        On::Signal => "one signal of that (`pilot.tells.fc.altitude`)",
        On::Says => "what a controller says (`pilot.says`)",
        On::Arg => "one argument of that (`pilot.says.fc.goto.x`)",
        On::Link => "a link",
        On::Device => "a device",
        On::World => "the `world`",
        On::Sensor => "a sensor of a twin (`fc.sensors.altitude`)",
    }
}

fn find(page: &mut Page, on: &Word, can: &[On], loaded: &Loaded) -> Option<Target> {
    let name = on.text.as_str();
    if name == "world" {
        return Some(Target::World);
    }
    let device = |name: &str| loaded.devices.iter().position(|d| d.0 == name);
    let link = loaded.links.iter().find(|l| l.name == name).map(|l| Target::Link(l.id));
    match (link, device(name)) {
        // A link and a device may share a name; the fault knows which it can act on.
        (Some(link), place) if place.is_none() || can.contains(&On::Link) => return Some(link),
        (_, Some(place)) => {
            let id = loaded.devices[place].1;
            if loaded.twins[place].is_none() {
                page.error(
                    on.span.clone(),
                    format!("`{name}` has no twin that could act this out"),
                    Some("give the device a `twin`, or put the fault on its link".into()),
                );
                return None;
            }
            return Some(Target::Device(id));
        }
        _ => {}
    }
    if let Some((first, rest)) = name.split_once('.')
        && let Some(place) = device(first)
    {
        let id = loaded.devices[place].1;
        let controller = loaded.roles[place] == Role::Controller;
        if let (Some(field), Some(twin)) = (rest.strip_prefix("sensors."), acting(loaded, id)) {
            let known = twin.biases.iter().find(|known| **known == field);
            if known.is_none() {
                let bare = Word { text: field.into(), ..on.clone() };
                let message = format!("the twin of `{first}` has no sensor field `{field}`");
                page.unknown(&bare, message, twin.biases.iter().copied());
            }
            return known.map(|field| Target::Sensor(id, field));
        }
        match rest.strip_prefix("tells") {
            Some("") if controller => return Some(Target::Tells(id, None)),
            Some(signal) if controller && signal.starts_with('.') => {
                return told(page, on, id, &signal[1..], loaded).map(|signal| Target::Tells(id, Some(signal)));
            }
            _ if rest == "says" && controller => return Some(Target::Says(id, None)),
            _ => {
                if let (Some(path), true) = (rest.strip_prefix("says."), controller) {
                    return said(page, on, id, path, loaded).map(|arg| Target::Says(id, Some(arg)));
                }
            }
        }
    }
    if loaded.names.signals.find(name).is_some() {
        let teller = loaded.roles.iter().position(|r| *r == Role::Controller).map(|i| loaded.devices[i].0.as_str());
        page.error(
            on.span.clone(),
            format!("`{name}` is what envelope, guard and `safe` judge; no fault can be put on it"),
            teller.map(|t| format!("put it on what the controller is told: `{t}.tells.{name}`")),
        );
        return None;
    }
    let mut known: Vec<String> = vec!["world".into()];
    known.extend(loaded.links.iter().map(|l| l.name.clone()));
    for (device, role) in loaded.devices.iter().zip(&loaded.roles) {
        known.push(device.0.clone());
        if *role == Role::Controller {
            known.push(format!("{}.tells", device.0));
            known.push(format!("{}.says", device.0));
        }
    }
    if !loaded.devices.is_empty() {
        page.unknown(on, format!("`{name}` is nothing that a fault can act on"), known.iter().map(String::as_str));
    }
    None
}

/// The signal behind `pilot.tells.fc.altitude`: one that the controller is told.
fn told(page: &mut Page, on: &Word, device: DeviceId, signal: &str, loaded: &Loaded) -> Option<SignalId> {
    let config = loaded.links.iter().flat_map(|l| &l.codec.devices).find(|d| d.device == device)?;
    let fields = config.tells.as_ref().map(|t| t.fields.as_slice()).unwrap_or_default();
    if let Some(field) = fields.iter().find(|f| f.name == signal) {
        return Some(field.signal);
    }
    if !loaded.names.broken.contains(signal) {
        let bare = Word { text: signal.into(), ..on.clone() };
        page.unknown(
            &bare,
            format!("`{}` is not told `{signal}`", config.name),
            fields.iter().map(|f| f.name.as_str()),
        );
    }
    None
}

/// The argument behind `pilot.says.fc.goto.x`: one of a command that the controller may ask for.
fn said(page: &mut Page, on: &Word, device: DeviceId, path: &str, loaded: &Loaded) -> Option<(CommandId, u8)> {
    // A rig that could not be read through and through tells elsewhere what is wrong.
    let rig = loaded.rig.as_ref()?;
    let controller = rig.devices.iter().find(|d| d.id == device)?;
    let mut known = Vec::new();
    for may in &controller.may {
        let def = rig.commands.def(may.command);
        for (place, arg) in def.args.iter().enumerate() {
            let name = format!("{}.{}", def.name, arg.name);
            if name == path {
                return Some((may.command, u8::try_from(place).ok()?));
            }
            known.push(name);
        }
    }
    let bare = Word { text: path.into(), ..on.clone() };
    let message = format!("`{}` may ask for no argument `{path}`", controller.name);
    page.unknown(&bare, message, known.iter().map(String::as_str));
    None
}
