//! Times that the wires cannot keep, told before anything moves.

use super::load::{Loaded, stopped};
use super::model::{DeadMan, LinkKind, Parity, Reaction, Rig, SerialDef};
use super::safety::longest;
use crate::codec;
use crate::time::Span;
use crate::wire::Frame;

/// The keep-alive of our MQTT connections: the broker fires our last will after one and a half of it.
pub const KEEP_ALIVE: Span = Span::from_secs(5);

/// Holds every stopping rule of the envelope against the wires and ladders it relies on.
pub(super) fn check(loaded: &mut Loaded, rig: &Rig) {
    let mut brokers_told = false;
    for read in &loaded.rules {
        let rule = &read.rule;
        let (Some(react), Reaction::Stop(_)) = (rule.react_within, &rule.reaction) else { continue };
        let Some(page) = loaded.envelope_page.as_mut() else { continue };
        for device in stopped(rule) {
            let Some(device) = rig.devices.iter().find(|d| d.id == *device) else { continue };
            let Some(link) = rig.links.iter().find(|l| l.id == device.link) else { continue };
            match &link.kind {
                LinkKind::Serial(serial) => {
                    let Some(first) = device.ladder.first() else { continue };
                    let Ok(codec) = codec::build(&link.codec) else { continue };
                    let frames: Vec<Frame> =
                        first.commands.iter().flat_map(|c| codec.safe(c).unwrap_or_default()).collect();
                    let takes = on_the_wire(serial, &frames);
                    if takes > react {
                        page.error(
                            read.react_span.clone(),
                            format!(
                                "the first rung of `{}` takes {:.1} ms on link `{}` at {} baud; rule `{}` allows {react}",
                                device.name,
                                takes.seconds() * 1e3,
                                link.name,
                                serial.baud,
                                rule.name
                            ),
                            Some("raise the baud rate, shorten the rung, or allow more time".into()),
                        );
                    }
                }
                LinkKind::Mqtt(_) if !brokers_told => {
                    let will = KEEP_ALIVE * 3 / 2;
                    // A machine that falls safe by itself within the rule's own time does not wait for the broker.
                    let by_itself = match (&device.dead_man, rule.safe_within) {
                        (Some(DeadMan::LosesHeartbeat { safe_within }), Some(safe)) => *safe_within <= safe,
                        _ => false,
                    };
                    if will > react && !by_itself {
                        brokers_told = true;
                        page.warn(
                            read.react_span.clone(),
                            format!(
                                "`{}` is on MQTT: if this computer freezes, the broker's last will stops it only after {will}, not within {react}",
                                device.name
                            ),
                            Some("keep what must stop faster on a serial link, or give the device a dead-man of its own that is as soon as the rule's `safe_within`".into()),
                        );
                    }
                }
                LinkKind::Mqtt(_) => {}
            }
            if let Some(safe) = rule.safe_within
                && longest(device) > safe
            {
                page.warn(
                    read.safe_span.clone(),
                    format!(
                        "the ladder of `{}` may take {}; rule `{}` wants it safe within {safe}",
                        device.name,
                        longest(device),
                        rule.name
                    ),
                    Some("shorten the rungs' `within`, or allow more time".into()),
                );
            }
        }
    }
}

/// How long the bytes take on a serial line: start bit, eight data bits, parity, stop bits.
fn on_the_wire(serial: &SerialDef, frames: &[Frame]) -> Span {
    let bytes: usize = frames.iter().map(|f| f.bytes.len()).sum();
    let bits_per_byte = 1 + 8 + u32::from(serial.parity != Parity::None) + u32::from(serial.stop_bits);
    Span::from_seconds(bytes as f64 * f64::from(bits_per_byte) / f64::from(serial.baud))
}

#[cfg(test)]
mod tests {
    use super::on_the_wire;
    use crate::rig::{Flow, Parity, PortName, SerialDef};
    use crate::time::Span;
    use crate::wire::{Frame, LinkId};

    /// 960 bytes at 9600 baud with one stop bit are ten bits each: exactly one second; with parity eleven.
    #[test]
    fn bytes_take_their_bits_over_the_baud_rate() {
        let mut serial = SerialDef {
            port: PortName::Path("/dev/ttyS0".into()),
            baud: 9600,
            parity: Parity::None,
            flow: Flow::None,
            stop_bits: 1,
        };
        let frames = [Frame::serial(LinkId(0), vec![0; 960])];
        assert_eq!(on_the_wire(&serial, &frames), Span::from_secs(1));
        serial.parity = Parity::Even;
        assert_eq!(on_the_wire(&serial, &frames), Span::from_millis(1100));
    }
}
