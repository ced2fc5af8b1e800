//! This side: what a ground station does.
//!
//! We are system 255, component 190. Safe frames carry component 191, so that their sequence numbers stay apart.
//!
//! - `HEARTBEAT` goes out on `Lane::Query` at the shortest period that a device of the link asks for.
//! - After a vehicle's first heartbeat, and again after it restarted, each mapped message is asked for at its
//!   period, one `MAV_CMD_SET_MESSAGE_INTERVAL` at a time, up to three times each.
//! - Identity facts are asked for once a second until they were heard.
//! - An order with an acknowledgement is sent at most three times, half a second apart; a vehicle at work on it has
//!   half a minute for its next word.
//! - MAVLink 2 is spoken unless the vehicle has only ever spoken MAVLink 1.

mod device;
mod orders;
pub(in crate::codec) mod plan;
mod safe;
mod station;

use self::device::Device;
use self::orders::{Given, Orders};
use self::station::Station;
use super::dialect::{Dialect, PAYLOAD_MAX};
use super::field::Kind;
use super::framing::{Found, Framer, Version};
use crate::codec::{Body, Codec, ConfigProblem, EncodeError, LinkConfig, Message, NotTimeless, Note, Turn};
use crate::command::{Command, Ticket};
use crate::time::{Span, Time};
use crate::wire::{DeviceId, Frame, Lane, LinkId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// No field of that kind in the message.
const NOWHERE: u8 = u8::MAX;

/// Session of one link.
pub struct Host {
    link: LinkId,
    dialect: Arc<Dialect>,
    framer: Framer,
    devices: Vec<Device>,
    orders: Orders,
    station: Station,
    heartbeat: Option<Heartbeat>,
    /// By the message's place in the dialect: where `time_boot_ms` lies, or `NOWHERE`.
    boot_times: Vec<u8>,
    places: Places,
}

/// Our own heartbeat.
struct Heartbeat {
    period: Span,
    due: Time,
    /// Vehicles that must not hear it. A heartbeat is for everybody on the link, so one of them silences it.
    muted: BTreeSet<DeviceId>,
}

/// Places of the messages that mean something to the session itself.
struct Places {
    heartbeat: Option<u16>,
    command_ack: Option<u16>,
    statustext: Option<u16>,
    /// `SYSTEM_TIME.time_unix_usec`: the message, and where the field lies.
    unix_time: Option<(u16, u8)>,
    /// `AUTOPILOT_VERSION.flight_sw_version`.
    firmware: Option<(u16, u8)>,
}

impl Places {
    /// Notes what a message says of clock and firmware.
    fn figures(
        &self,
        at: Time,
        place: u16,
        payload: &[u8; PAYLOAD_MAX + 1],
        boot_time: u8,
        device: &mut Device,
        out: &mut Turn,
    ) {
        if boot_time != NOWHERE {
            let told = Span::from_millis(Kind::U32.bits(payload, usize::from(boot_time)));
            device.hear_clock(at, told, false, out);
        }
        if let Some((message, offset)) = self.unix_time
            && message == place
        {
            let told = Span::from_micros(Kind::U64.bits(payload, usize::from(offset)).clamp(0, i64::MAX / 1_000));
            device.hear_clock(at, told, true, out);
        }
        if let Some((message, offset)) = self.firmware
            && message == place
        {
            device.hear_firmware(Kind::U32.bits(payload, usize::from(offset)) as u32, out);
        }
    }
}

impl Host {
    /// Builds the session; every mistake of the configuration at once.
    pub fn new(config: &LinkConfig) -> Result<Host, Vec<ConfigProblem>> {
        let plan = plan::plan(config)?;
        let dialect = plan.dialect;
        let boot_times = (0..dialect.len() as u16)
            .map(|place| match dialect.at(place).field("time_boot_ms") {
                Some(field) if field.kind == Kind::U32 && field.array.is_none() => field.offset,
                _ => NOWHERE,
            })
            .collect();
        let place = |name| dialect.find(name).map(|(place, _)| place);
        let field = |message: &str, name: &str, kind: Kind| {
            let (place, def) = dialect.find(message)?;
            let field = def.field(name).filter(|field| field.kind == kind && field.array.is_none())?;
            Some((place, field.offset))
        };
        let places = Places {
            heartbeat: place("HEARTBEAT"),
            command_ack: place("COMMAND_ACK"),
            statustext: place("STATUSTEXT"),
            unix_time: field("SYSTEM_TIME", "time_unix_usec", Kind::U64),
            firmware: field("AUTOPILOT_VERSION", "flight_sw_version", Kind::U32),
        };
        Ok(Host {
            link: config.link,
            framer: Framer::new(),
            devices: plan.devices.into_iter().map(Device::new).collect(),
            orders: Orders::default(),
            station: Station::new(&dialect, config.link),
            heartbeat: plan.heartbeat.map(|period| Heartbeat { period, due: Time::ZERO, muted: BTreeSet::new() }),
            boot_times,
            places,
            dialect,
        })
    }

    fn device_at(&self, system: u8, component: u8) -> Option<usize> {
        self.devices.iter().position(|d| d.plan.system == system && d.plan.component == component)
    }

    /// Handles one frame whose payload the framer holds. True when something became due by it.
    #[inline]
    fn frame(&mut self, at: Time, header: &super::framing::Header, out: &mut Turn) -> bool {
        let Some(index) = self.device_at(header.system, header.component) else {
            out.note(Note::Foreign);
            return false;
        };
        let device = &mut self.devices[index];
        let payload = self.framer.payload();
        let boot_time = self.boot_times[usize::from(header.place)];
        let restarted = boot_time != NOWHERE && {
            let at = usize::from(boot_time);
            device.hear_boot_time(Kind::U32.bits(payload, at) as u32)
        };
        if restarted {
            out.note(Note::Restart { device: device.plan.id });
            device.restart(at);
        } else if let Some(lost) = device.hear_sequence(header.sequence) {
            out.note(Note::Gap { device: device.plan.id, lost });
        }
        device.sequence = Some(header.sequence);
        device.hear_version(header.version);
        if header.signed && !device.signs {
            device.signs = true;
            let text = "signs its frames; the signatures are not checked".to_string();
            out.note(Note::Text { device: device.plan.id, severity: SEVERITY_INFO, text });
        }

        if device.figures {
            self.places.figures(at, header.place, payload, boot_time, device, out);
        }

        let first_sample = out.samples.len();
        let (first, count) = device.plan.routes[usize::from(header.place)];
        for pick in &device.plan.picks[first as usize..(first + count) as usize] {
            out.samples.push((pick.signal, pick.value(payload)));
        }
        let body = Body::Samples(first_sample..out.samples.len());
        out.messages.push(Message { device: device.plan.id, body });

        let message = self.dialect.at(header.place);
        let place = Some(header.place);
        device.hear_facts(at, header.place, payload, out);
        let mut due = false;
        if place == self.places.heartbeat || self.places.heartbeat.is_none() {
            due |= device.hear_heartbeat(at, out);
        } else if place == self.places.command_ack {
            let ack = orders::Ack::read(message, payload);
            if ack.is_for_us() {
                let ours = device.hear_ack(at, &ack, out);
                due |= ours;
                let waited_for = self.orders.hear_ack(at, index, &ack, &self.dialect, out);
                // An autopilot that names nobody: what neither we nor an order asked for answers a safe frame.
                if !ours && !waited_for && ack.names_nobody() {
                    ack.of_safe(&self.devices[index], &self.dialect, out);
                }
            } else if ack.is_for_safe() {
                ack.of_safe(&self.devices[index], &self.dialect, out);
            }
        } else if place == self.places.statustext {
            device.hear_text(message, payload, out);
        }
        due
    }

    /// The version of MAVLink that the link's vehicles understand.
    fn common_version(&self) -> Version {
        let mut versions = self.devices.iter().filter_map(|d| d.version).peekable();
        if versions.peek().is_some() && versions.all(|v| v == Version::V1) { Version::V1 } else { Version::V2 }
    }
}

/// MAV_SEVERITY_INFO.
const SEVERITY_INFO: u8 = 6;

impl Codec for Host {
    fn feed(&mut self, at: Time, frame: &Frame, out: &mut Turn) {
        let mut due = false;
        self.framer.push(&frame.bytes);
        while let Some(found) = self.framer.next(&self.dialect) {
            match found {
                Found::Frame(header) => due |= self.frame(at, &header, out),
                Found::Noise(bytes) => out.note(Note::Noise { bytes }),
                Found::Corrupt(bytes) => out.note(Note::Corrupt { bytes }),
                Found::Unlisted { sequence, system, component, len } => {
                    // Without a check sum only the sequence number tells a message that the dialect does not
                    // know from garbage.
                    let device = self.device_at(system, component).map(|index| &mut self.devices[index]);
                    if let Some(device) = device.filter(|d| d.sequence.map(|s| s.wrapping_add(1)) == Some(sequence)) {
                        device.sequence = Some(sequence);
                        self.framer.accept_unlisted(len);
                        out.note(Note::Foreign);
                    }
                }
            }
        }
        if due {
            self.tick(at, out);
        }
    }

    fn order_until(
        &mut self,
        at: Time,
        command: &Command,
        ticket: Ticket,
        not_after: Option<Time>,
        out: &mut Turn,
    ) -> Result<(), EncodeError> {
        let (index, order) = self
            .devices
            .iter()
            .enumerate()
            .find_map(|(index, device)| Some((index, device.plan.orders.get(&command.id)?)))
            .ok_or_else(|| EncodeError("no device of this link knows the command".into()))?;
        let payload = order.fill(command).map_err(EncodeError)?;
        let message = self.dialect.at(order.place);
        let version = self.devices[index].version();
        let frame = self
            .station
            .frame(version, message, &payload)
            .ok_or_else(|| EncodeError(format!("MAVLink 1 cannot carry `{}`", message.name)))?;
        out.sends.push((Lane::Normal, frame.until(not_after).first_of(ticket.0)));
        if order.acked {
            self.orders.expect(at, index, order, message, payload, Given { ticket, not_after });
        }
        Ok(())
    }

    fn lapsed(&mut self, _at: Time, order: Ticket, _out: &mut Turn) {
        self.orders.lapsed(order);
    }

    fn tick(&mut self, at: Time, out: &mut Turn) {
        let version = self.common_version();
        if let Some(heartbeat) = &mut self.heartbeat
            && heartbeat.due <= at
        {
            // Late ticks keep the beat; a long pause is not made up for.
            heartbeat.due += heartbeat.period;
            if heartbeat.due <= at {
                heartbeat.due = at + heartbeat.period;
            }
            if heartbeat.muted.is_empty() {
                self.station.heartbeat(&self.dialect, version, out);
            }
        }
        for device in &mut self.devices {
            device.ask(at, &self.dialect, &mut self.station, out);
        }
        self.orders.tick(at, &self.devices, &self.dialect, &mut self.station, out);
    }

    fn next_deadline(&self) -> Option<Time> {
        let devices = self.devices.iter().filter_map(Device::next_deadline);
        self.heartbeat.iter().map(|h| h.due).chain(devices).chain(self.orders.next_deadline()).min()
    }

    fn safe(&self, command: &Command) -> Result<Vec<Frame>, NotTimeless> {
        let (device, order) = self
            .devices
            .iter()
            .find_map(|device| Some((device, device.plan.orders.get(&command.id)?)))
            .ok_or_else(|| NotTimeless("no device of this link knows the command".into()))?;
        let payload = order.fill(command).map_err(NotTimeless)?;
        let message = self.dialect.at(order.place);
        let bytes = safe::bytes(device.version, message, order.confirmation, payload);
        let bytes = bytes.ok_or_else(|| NotTimeless(format!("MAVLink 1 cannot carry `{}`", message.name)))?;
        Ok(vec![Frame::serial(self.link, bytes)])
    }

    fn abandon(&mut self) {
        self.orders.clear();
    }

    fn note_figures(&mut self) {
        self.devices.iter_mut().for_each(|device| device.figures = true);
    }

    fn mute(&mut self, device: DeviceId, on: bool) -> bool {
        let Some(heartbeat) = &mut self.heartbeat else { return false };
        if on {
            heartbeat.muted.insert(device);
        } else {
            heartbeat.muted.remove(&device);
        }
        true
    }
}
