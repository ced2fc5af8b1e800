//! From the rig's words to requests; every mistake at once.

use super::field::{Cell, Table, WordOrder};
use super::frame::{READ_BITS_MAX, READ_REGISTERS_MAX, Request};
use crate::codec::{ConfigProblem, ConfigSite, Decode, DeviceConfig, FieldValue, LinkConfig, Protocol};
use crate::command::{Command, CommandId};
use crate::signal::SignalId;
use crate::time::Span;
use crate::wire::DeviceId;
use std::collections::BTreeMap;

/// How often a fact about who a device is is asked for until it is known.
const FACTS_EVERY: Span = Span::from_secs(1);

/// What is known of a device before the first byte.
pub(super) struct DevicePlan {
    pub(super) id: DeviceId,
    pub(super) unit: u8,
    pub(super) order: WordOrder,
    pub(super) polls: Vec<Poll>,
    pub(super) facts: Vec<Fact>,
    pub(super) orders: BTreeMap<CommandId, Vec<Write>>,
    pub(super) heartbeat: Option<(u16, Span)>,
}

/// One request that is asked again and again.
pub(super) struct Poll {
    pub(super) request: Request,
    pub(super) every: Span,
    pub(super) picks: Vec<Pick>,
    /// Places in the device's facts; a poll of facts is over once they are known.
    pub(super) facts: Vec<usize>,
}

/// A value in the answer that becomes a signal.
#[derive(Clone)]
pub(super) struct Pick {
    pub(super) signal: SignalId,
    pub(super) cell: Cell,
    pub(super) scale: f64,
    pub(super) offset: f64,
    pub(super) decode: Decode,
}

/// Something about the device that must be as the rig says.
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) cell: Cell,
    pub(super) wanted: f64,
}

/// Neighbouring places that one request writes.
pub(super) struct Write {
    pub(super) table: Table,
    pub(super) address: u16,
    /// Always the request that writes several.
    pub(super) many: bool,
    pub(super) values: Vec<(Cell, FieldValue)>,
}

impl Write {
    /// The request with the arguments of a command; the error says in words what does not fit.
    pub(super) fn request(&self, command: &Command, order: WordOrder) -> Result<Request, String> {
        let mut words = Vec::new();
        for (cell, value) in &self.values {
            let raw = match value {
                FieldValue::Number(number) => *number,
                FieldValue::Arg { index, scale, offset } => {
                    let given = command.args().get(usize::from(*index));
                    given.ok_or_else(|| format!("argument {index} was not given"))? * scale + offset
                }
                FieldValue::Text(text) => return Err(format!("`{text}` is no number")),
            };
            let place = || format!("{raw} does not fit into {}[{}]", cell.table.name(), cell.address);
            words.extend(cell.kind.encode(raw, order).ok_or_else(place)?);
        }
        let address = self.address;
        Ok(match (self.table, self.many || words.len() > 1) {
            (Table::Coil, false) => Request::WriteCoil { address, on: words[0] != 0 },
            (Table::Coil, true) => Request::WriteCoils { address, values: words.iter().map(|w| *w != 0).collect() },
            (_, false) => Request::WriteRegister { address, value: words[0] },
            (_, true) => Request::WriteRegisters { address, values: words },
        })
    }
}

/// Works out the plan of a link, or everything that is wrong with its configuration. That each unit is there once, the rig has
/// checked by [`Protocol::address`].
pub(super) fn plan(config: &LinkConfig) -> Result<Vec<DevicePlan>, Vec<ConfigProblem>> {
    let mut checker = Checker { problems: Vec::new(), device: DeviceId(0) };
    let devices: Vec<_> = config.devices.iter().filter_map(|device| checker.device(device)).collect();
    if checker.problems.is_empty() { Ok(devices) } else { Err(checker.problems) }
}

struct Checker {
    problems: Vec<ConfigProblem>,
    device: DeviceId,
}

impl Checker {
    fn problem(&mut self, site: ConfigSite, message: String, remedy: Option<&str>) {
        self.problems.push(ConfigProblem { device: self.device, site, message, remedy: remedy.map(str::to_owned) });
    }
    fn cell(&mut self, site: ConfigSite, text: &str) -> Option<Cell> {
        match Cell::parse(text) {
            Ok(cell) => Some(cell),
            Err((message, remedy)) => {
                self.problem(site, message, remedy.as_deref());
                None
            }
        }
    }
    fn device(&mut self, device: &DeviceConfig) -> Option<DevicePlan> {
        self.device = device.device;
        let Protocol::Modbus { unit, order, .. } = &device.protocol else {
            self.problem(
                ConfigSite::Protocol,
                "a line that carries Modbus cannot carry another protocol".into(),
                Some("give all devices of a link one protocol"),
            );
            return None;
        };
        if device.poll.is_some() {
            let remedy = Some("leave `poll` out; every signal is asked for at its `every`");
            self.problem(
                ConfigSite::Poll,
                "Modbus devices are asked for their signals, and nothing else".into(),
                remedy,
            );
        }
        if device.tells.is_some() || !device.may.is_empty() {
            let site = if device.tells.is_some() { ConfigSite::Tells } else { ConfigSite::May(0) };
            self.problem(site, "a Modbus device says nothing unasked: it is no controller".into(), None);
        }
        let mut wanted = Vec::new();
        for (place, map) in device.signals.iter().enumerate() {
            let site = ConfigSite::Signal(place);
            let Some(cell) = self.cell(site.clone(), &map.field) else { continue };
            match &map.decode {
                Decode::NamedStates(_) => {
                    let remedy = Some("give each state its number: `{ off: 0, heating: 1 }`");
                    self.problem(site, "a register holds numbers, not texts".into(), remedy);
                }
                Decode::Bit(bit) if cell.table.of_bits() || u32::from(*bit) >= 16 * u32::from(cell.places()) => {
                    self.problem(
                        site,
                        format!("`{}` has no bit {bit}", map.field),
                        Some("write `flag: true` for one bit"),
                    );
                }
                _ => match map.every {
                    None => {
                        let remedy = Some("name the period at which it is asked for, such as `every: 1 s`");
                        self.problem(site, "a Modbus device does not tell what changes".into(), remedy);
                    }
                    Some(every) => {
                        let pick = Pick {
                            signal: map.signal,
                            cell,
                            scale: map.scale,
                            offset: map.offset,
                            decode: map.decode.clone(),
                        };
                        wanted.push((cell, every, pick));
                    }
                },
            }
        }
        let facts = self.facts(device);
        let mut polls = coalesce(wanted);
        for (place, fact) in facts.iter().enumerate() {
            let request = read(fact.cell.table, fact.cell.address, fact.cell.places());
            polls.push(Poll { request, every: FACTS_EVERY, picks: Vec::new(), facts: vec![place] });
        }
        let mut orders = BTreeMap::new();
        for (place, map) in device.commands.iter().enumerate() {
            if let Some(writes) = self.writes(place, &map.send, &map.with) {
                orders.insert(map.command, writes);
            }
        }
        let heartbeat = device.heartbeat.as_ref().and_then(|(text, every)| {
            let cell = self.cell(ConfigSite::Heartbeat, text)?;
            if cell.table != Table::Holding || cell.places() != 1 {
                let remedy = Some("name one holding register, such as `holding[90]`");
                self.problem(ConfigSite::Heartbeat, format!("`{text}` cannot count our beats"), remedy);
                return None;
            }
            Some((cell.address, *every))
        });
        Some(DevicePlan { id: device.device, unit: *unit, order: *order, polls, facts, orders, heartbeat })
    }
    fn facts(&mut self, device: &DeviceConfig) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (place, (name, wanted)) in device.identity.iter().enumerate() {
            let site = ConfigSite::Identity(place);
            let Some(cell) = self.cell(site.clone(), name) else { continue };
            match wanted {
                FieldValue::Number(wanted) => facts.push(Fact { name: name.clone(), cell, wanted: *wanted }),
                _ => self.problem(site, format!("`{name}` holds a number"), None),
            }
        }
        facts
    }
    fn writes(&mut self, place: usize, send: &str, with: &[(String, FieldValue)]) -> Option<Vec<Write>> {
        let many = match send {
            "write" => false,
            "write-many" => true,
            other => {
                let remedy = Some("`write` (functions 5 and 6 for one place, 15 and 16 for more) or `write-many`");
                self.problem(ConfigSite::Command(place), format!("`{other}` is nothing that Modbus can send"), remedy);
                return None;
            }
        };
        if with.is_empty() {
            let remedy = Some("add `with: { 'holding[10]': 1 }`");
            self.problem(ConfigSite::Command(place), "the command writes nothing".into(), remedy);
            return None;
        }
        let mut writes: Vec<Write> = Vec::new();
        for (position, (name, value)) in with.iter().enumerate() {
            let site = ConfigSite::CommandField(place, position);
            let Some(cell) = self.cell(site.clone(), name) else { continue };
            if !matches!(cell.table, Table::Coil | Table::Holding) {
                self.problem(site, format!("`{name}` can only be read"), None);
                continue;
            }
            match value {
                FieldValue::Text(text) => {
                    self.problem(site, format!("`{text}` is no number"), None);
                    continue;
                }
                FieldValue::Number(number) if cell.kind.encode(*number, WordOrder::HighFirst).is_none() => {
                    self.problem(site, format!("{number} does not fit into `{name}`"), None);
                    continue;
                }
                _ => {}
            }
            // Its own order stands: only what follows the last one written joins it.
            match writes.last_mut() {
                Some(last) if last.table == cell.table && last.joins(cell) => last.values.push((cell, value.clone())),
                _ => writes.push(Write {
                    table: cell.table,
                    address: cell.address,
                    many,
                    values: vec![(cell, value.clone())],
                }),
            }
        }
        Some(writes)
    }
}

impl Write {
    fn joins(&self, cell: Cell) -> bool {
        let most =
            if self.table == Table::Coil { super::frame::WRITE_BITS_MAX } else { super::frame::WRITE_REGISTERS_MAX };
        let held: usize = self.values.iter().map(|(c, _)| usize::from(c.places())).sum();
        usize::from(self.address) + held == usize::from(cell.address) && held + usize::from(cell.places()) <= most
    }
}

fn read(table: Table, address: u16, count: u16) -> Request {
    Request::Read { function: table.read(), address, count }
}

/// Signals of one table and period whose places touch are asked for together. Holes are not read over: a device may answer them
/// with an exception, and then nothing would come.
fn coalesce(mut wanted: Vec<(Cell, Span, Pick)>) -> Vec<Poll> {
    wanted.sort_by_key(|(cell, every, _)| (*every, cell.table, cell.address));
    let mut polls: Vec<Poll> = Vec::new();
    for (cell, every, pick) in wanted {
        if let Some(poll) = polls.last_mut()
            && let Request::Read { function, address, count } = &mut poll.request
            && poll.every == every
            && *function == cell.table.read()
        {
            let most = u32::from(if cell.table.of_bits() { READ_BITS_MAX } else { READ_REGISTERS_MAX });
            let end = u32::from(*address) + u32::from(*count);
            let reach = (u32::from(cell.address) + u32::from(cell.places())).max(end) - u32::from(*address);
            if u32::from(cell.address) <= end && reach <= most {
                *count = u16::try_from(reach).expect("at most 2000, as just seen");
                poll.picks.push(pick);
                continue;
            }
        }
        let request = read(cell.table, cell.address, cell.places());
        polls.push(Poll { request, every, picks: vec![pick], facts: Vec::new() });
    }
    polls
}
