//! Any bytes against the codecs of every shipped rig, and of the rig of docs/nmea.md: nothing panics, pieces make no difference on a
//! serial line, and no bytes ask for a command of a machine. The tests draw the bytes; `fuzz/run codecs` searches for them.

use checkrein::codec::{Body, LinkConfig, Over, Turn, build};
use checkrein::diag::Files;
use checkrein::scenario;
use checkrein::time::{Span, Time};
use checkrein::wire::{Frame, FrameFlags, Lane};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The project's files, and the blocks of a page of its documentation by their first line.
struct Project(Option<String>);

impl Files for Project {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let Some(page) = &self.0 else { return std::fs::read(root().join(path)).map_err(|error| error.to_string()) };
        let mut blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
        let found = blocks.find(|block| block.lines().next() == Some(&format!("# {path}")));
        found.map(|block| block.as_bytes().to_vec()).ok_or_else(|| "not on the page".to_owned())
    }
}

/// The project's folder, from a test of its own or from the fuzzer beside it.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.join("rigs").is_dir() { here.to_owned() } else { here.join("..") }
}

/// Every link of every rig.
pub fn links() -> &'static [LinkConfig] {
    static LINKS: OnceLock<Vec<LinkConfig>> = OnceLock::new();
    LINKS.get_or_init(|| {
        let folders = std::fs::read_dir(root().join("rigs")).expect("rigs are shipped");
        let mut rigs: Vec<String> =
            folders.map(|folder| folder.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        rigs.sort();
        let shipped = rigs.into_iter().map(|rig| (format!("rigs/{rig}/rig.yaml"), Project(None)));
        let page = std::fs::read_to_string(root().join("docs/nmea.md")).expect("it is shipped");
        let all = shipped.chain([("rigs/witness/rig.yaml".to_owned(), Project(Some(page)))]);
        let of = |(path, files): (String, Project)| match scenario::observe(&path, &files, 1) {
            Ok((plan, _)) => plan.rig.links.iter().map(|link| link.codec.clone()).collect::<Vec<_>>(),
            Err(problems) => panic!("{}", checkrein::diag::report(&problems, false)),
        };
        all.flat_map(of).collect()
    })
}

/// The first byte chooses the link, the second the size of the pieces or the topic; the rest arrives.
pub fn try_bytes(data: &[u8]) {
    let [choice, how, bytes @ ..] = data else { return };
    let link = &links()[usize::from(*choice) % links().len()];
    let serial = link.devices.iter().all(|device| device.protocol.over() != Over::Mqtt);
    if serial { on_a_line(link, *how, bytes) } else { from_a_broker(link, *how, bytes) }
}

fn on_a_line(link: &LinkConfig, pieces: u8, bytes: &[u8]) {
    let listen = |size: usize| {
        let mut host = build(link).unwrap_or_else(|problems| panic!("{problems:?}"));
        let mut turn = Turn::default();
        // Its first questions are out, so that answers find someone who waits for them.
        host.tick(Time::ZERO, &mut turn);
        turn.clear();
        for piece in bytes.chunks(size.max(1)) {
            host.feed(Time::from_nanos(1), &Frame::serial(link.link, piece), &mut turn);
        }
        turn
    };
    let (whole, torn) = (listen(bytes.len()), listen(pieces.into()));
    assert_eq!(format!("{:?}", whole.samples), format!("{:?}", torn.samples), "pieces of {pieces}");
    assert_eq!(whole.messages.len(), torn.messages.len(), "pieces of {pieces}");
    harmless(&whole);
    assert!(whole.messages.len() <= bytes.len() && whole.samples.len() <= 64 * (bytes.len() + 1), "no more than came");
}

fn from_a_broker(link: &LinkConfig, how: u8, bytes: &[u8]) {
    let mut host = build(link).unwrap_or_else(|problems| panic!("{problems:?}"));
    let topics: Vec<String> = host.subscriptions().iter().map(|topic| topic.replace(['+', '#'], "NDATA")).collect();
    let mut turn = Turn::default();
    let mut rest = bytes;
    let mut place = usize::from(how >> 1);
    // Each message is behind its length.
    while let [length, more @ ..] = rest {
        let (payload, after) = more.split_at(usize::from(*length).min(more.len()));
        let flags = FrameFlags { retained: how & 1 == 1, ..FrameFlags::default() };
        let topic = topics.get(place % topics.len().max(1)).map_or("anywhere", String::as_str);
        host.feed(
            Time::ZERO + Span::from_millis(1),
            &Frame { flags, ..Frame::publish(link.link, topic, payload) },
            &mut turn,
        );
        (rest, place) = (after, place + 1);
    }
    // What a controller asks for goes to the gate, and is no order of ours.
    assert!(turn.sends.iter().all(|(lane, _)| *lane == Lane::Query), "{:?}", turn.sends);
}

/// Nothing that was heard makes us order something.
fn harmless(turn: &Turn) {
    assert!(turn.sends.iter().all(|(lane, _)| *lane == Lane::Query), "{:?}", turn.sends);
    assert!(turn.messages.iter().all(|message| matches!(message.body, Body::Samples(_))), "a machine asks for nothing");
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{Rng, SeedableRng};

    /// Goal: no bytes break a codec of a shipped rig. Method: bytes drawn at random, half of them from an alphabet that frames and
    /// lines are made of, so that more of them get past the first gate.
    #[test]
    fn any_bytes_are_heard_or_left_behind() {
        let mut draw = rand_pcg::Pcg64Mcg::seed_from_u64(11);
        let marks = b"\r\n<>$*,|:;=+-.0123456789ABCDEFtTrRzZ{}\"[]\xFD\xFE\xC0\x00\x0A\x7E MONIDKon";
        assert!(links().len() >= 13, "every shipped link is there");
        for link in 0..links().len() {
            for _ in 0..400 {
                let length = draw.next_u32() as usize % 200;
                let plain = draw.next_u32() % 2 == 0;
                let mut byte = || {
                    let any = draw.next_u32();
                    if plain { any as u8 } else { marks[any as usize % marks.len()] }
                };
                let mut data = vec![link as u8, byte()];
                data.extend((0..length).map(|_| byte()));
                try_bytes(&data);
            }
        }
    }
}
