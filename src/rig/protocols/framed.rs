//! What protocols of frames have in common: `framing: cobs`, `framing: { sync: AA 55, length: u8 }`, `checksum: CRC-16/KERMIT`.

use crate::codec::checksum::Checksum;
use crate::codec::framed::{Ask, Counts, Covers, FramedConfig, Framing, Order, Sum, WITHIN, Wire};
use crate::rig::keys::record;
use crate::rig::yaml::{Fields, Kind, Node, Page, Record, Shape, key, want};
use crate::time::Span;

/// What is said of `framing`.
pub(super) const FRAMING_ABOUT: &str = "`cobs`, `slip`, or `{ sync: AA 55 }` with or without a `length`";
/// What is said of `checksum`.
pub(super) const CHECKSUM_ABOUT: &str = "`xor`, `sum8` or a CRC such as `CRC-16/KERMIT`, behind the content";
/// Longest content that may be said, in bytes.
const LONGEST_MAX: u64 = 65_535;

pub(super) static MARKED: Record = record(
    "framing",
    "a framing",
    &[
        want("sync", Shape::Text, "the bytes that begin every frame, in hexadecimal"),
        key("length", Shape::Choice(&["u8", "u16", "u32"]), "the length behind `sync` (each frame has its own size)"),
        key(
            "counts",
            Shape::Choice(&["content", "rest", "frame"]),
            "what the length counts: the content, it and the check sum, or all (content)",
        ),
    ],
);

pub(super) static SUM: Record = record(
    "checksum",
    "a check sum",
    &[
        want("name", Shape::Text, CHECKSUM_ABOUT),
        key("order", Shape::Choice(&["little", "big"]), "which of its bytes comes first (that of the protocol)"),
        key(
            "covers",
            Shape::Choice(&["content", "length", "frame"]),
            "what is summed: the content, the length too, or all from `sync` on (content)",
        ),
    ],
);

pub(super) static ASK: Record = record(
    "framed_ask",
    "a question",
    &[want("send", Shape::Name, "the message that asks"), want("every", Shape::Quantity, "how often")],
);

const ORDERS: [(&str, Order); 2] = [("little", Order::Little), ("big", Order::Big)];

/// `order`, where the file says it.
pub(super) fn order(page: &mut Page, fields: &Fields<'_>) -> Option<Order> {
    match fields.get("order") {
        Some(node) => page.choice(node, "order of bytes", &ORDERS),
        None => Some(Order::Little),
    }
}

/// Everything but the messages. Names of messages are the codec's to judge.
pub(super) fn read(page: &mut Page, fields: &Fields<'_>, order: Order) -> Option<FramedConfig> {
    let framing = fields.get("framing").and_then(|node| framing(page, node, order));
    let sum = match fields.get("checksum") {
        Some(node) => sum(page, node, order).map(Some),
        None => Some(None),
    };
    if let (Some(Framing::Cobs | Framing::Slip), Some(Some(Sum { covers: Covers::Length | Covers::Frame, .. }))) =
        (&framing, &sum)
        && let Some(node) = fields.get("checksum")
    {
        let message = "such a frame has no `sync` and no length that could be summed".into();
        page.error(node.head(), message, Some("leave `covers` out".into()));
        return None;
    }
    let longest = longest(page, fields);
    let talk = talk(page, fields);
    Some(talk?.with(Wire { framing: framing?, sum: sum?, longest: longest? }))
}

/// `longest`, where the file says it.
pub(super) fn longest(page: &mut Page, fields: &Fields<'_>) -> Option<Option<usize>> {
    match fields.get("longest") {
        Some(node) => page.whole(node, 1..=LONGEST_MAX, "bytes").map(|n| Some(n as usize)),
        None => Some(None),
    }
}

/// What a file says of questions and answers.
pub(super) struct Talk {
    asks: Vec<Ask>,
    within: Span,
    refuses: Option<String>,
    restarts: Option<String>,
}

impl Talk {
    /// The same over this wire.
    pub(super) fn with(self, wire: Wire) -> FramedConfig {
        let Talk { asks, within, refuses, restarts } = self;
        FramedConfig { wire, asks, within, refuses, restarts }
    }
}

/// `asks`, `within`, `refuses` and `restarts`.
pub(super) fn talk(page: &mut Page, fields: &Fields<'_>) -> Option<Talk> {
    let asks = asks(page, fields);
    let within = match fields.get("within") {
        Some(node) => page.time(node, "500 ms", false),
        None => Some(WITHIN),
    };
    let named = |page: &mut Page, key: &str| match fields.get(key) {
        Some(node) => page.name(node, "the name of a message").map(|word| Some(word.text.clone())),
        None => Some(None),
    };
    let (refuses, restarts) = (named(page, "refuses"), named(page, "restarts"));
    Some(Talk { asks: asks?, within: within?, refuses: refuses?, restarts: restarts? })
}

fn framing(page: &mut Page, node: &Node, order: Order) -> Option<Framing> {
    if !matches!(node.kind, Kind::Map(_)) {
        let known = [("cobs", Framing::Cobs), ("slip", Framing::Slip)];
        let word = page.scalar(node, "a framing: cobs, slip or `{ sync: AA 55, length: u8 }`")?;
        if let Some((_, framing)) = known.iter().find(|(name, _)| *name == word.text) {
            return Some(framing.clone());
        }
        let message = format!("`{}` is no framing", word.text);
        match word.text.as_str() {
            "length" | "sync" | "fixed" => {
                page.error(word.span.clone(), message, Some("write `{ sync: AA 55, length: u8 }`".into()));
            }
            _ => page.unknown(word, message, known.iter().map(|(name, _)| *name)),
        }
        return None;
    }
    let fields = page.fields(node, &MARKED)?;
    let word = page.text(fields.get("sync")?, "bytes in hexadecimal, such as `AA 55`")?;
    let Some(sync) = hex(&word.text) else {
        let message = format!("`{}` is no row of bytes in hexadecimal", word.text);
        page.error(word.span.clone(), message, Some("write it like `AA 55`".into()));
        return None;
    };
    let widths = [("u8", 1), ("u16", 2), ("u32", 4)];
    let width = match fields.get("length") {
        Some(node) => Some(page.choice(node, "width of a length", &widths)?),
        None => None,
    };
    let kinds = [("content", Counts::Content), ("rest", Counts::Rest), ("frame", Counts::Frame)];
    let counts = match fields.get("counts") {
        Some(node) => page.choice(node, "thing to count", &kinds)?,
        None => Counts::Content,
    };
    if let (None, Some(node)) = (width, fields.get("counts")) {
        page.error(node.span.clone(), "there is no length that could count it".into(), Some("add `length: u8`".into()));
        return None;
    }
    Some(match width {
        Some(width) => Framing::Length { sync, width, order, counts },
        None => Framing::Fixed { sync },
    })
}

/// `AA 55`, `AA55` or `0xAA 0x55`.
fn hex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        if !digits.len().is_multiple_of(2) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        for pair in 0..digits.len() / 2 {
            bytes.push(u8::from_str_radix(&digits[2 * pair..2 * pair + 2], 16).ok()?);
        }
    }
    (1..=8).contains(&bytes.len()).then_some(bytes)
}

fn sum(page: &mut Page, node: &Node, order: Order) -> Option<Sum> {
    let (word, order, covers) = match &node.kind {
        Kind::Map(_) => {
            let fields = page.fields(node, &SUM)?;
            let order = match fields.get("order") {
                Some(node) => page.choice(node, "order of bytes", &ORDERS)?,
                None => order,
            };
            let kinds = [("content", Covers::Content), ("length", Covers::Length), ("frame", Covers::Frame)];
            let covers = match fields.get("covers") {
                Some(node) => page.choice(node, "thing to sum", &kinds)?,
                None => Covers::Content,
            };
            (page.text(fields.get("name")?, "a check sum")?, order, covers)
        }
        _ => (page.text(node, "a check sum")?, order, Covers::Content),
    };
    if Checksum::find(&word.text).is_none() {
        page.unknown(word, format!("`{}` is no check sum known here", word.text), Checksum::names());
        return None;
    }
    Some(Sum { name: word.text.clone(), order, covers })
}

fn asks(page: &mut Page, fields: &Fields<'_>) -> Option<Vec<Ask>> {
    let mut made = Vec::new();
    let Some(node) = fields.get("asks") else { return Some(made) };
    let mut good = true;
    for entry in page.map(node, "`asks`: a question for each message")? {
        let Some(ask) = page.fields(&entry.value, &ASK) else {
            good = false;
            continue;
        };
        let send = ask.get("send").and_then(|n| page.name(n, "the name of a message"));
        let every = ask.get("every").and_then(|n| page.period(n, "100 ms"));
        match (send, every) {
            (Some(send), Some(every)) => {
                made.push(Ask { answer: entry.key.text.clone(), send: send.text.clone(), every });
            }
            _ => good = false,
        }
    }
    good.then_some(made)
}
