//! `protocol: { protobuf: arm.proto, says: FromArm, hears: ToArm, framing: cobs, checksum: CRC-16/KERMIT }`.

use super::framed;
use crate::codec::Protocol;
use crate::codec::framed::Framing;
use crate::codec::protobuf::{Mistake, ProtoSource, ProtobufConfig};
use crate::diag::{Diagnostic, Severity, Source};
use crate::rig::keys::record;
use crate::rig::load::{FileKind, Reading};
use crate::rig::names::beside;
use crate::rig::yaml::{Node, Record, Shape, Word, key, want};
use std::ops::Range;
use std::sync::Arc;

pub(super) static KEYS: Record = record(
    "protobuf",
    "a protocol",
    &[
        want("protobuf", Shape::Text, "the path of the `.proto` file, beside this file"),
        want("says", Shape::Text, "the message of every frame that the device says"),
        key("hears", Shape::Text, "the message of every frame that it hears"),
        want(
            "framing",
            Shape::Either(&[Shape::Choice(&["cobs", "slip"]), Shape::Record(&framed::MARKED)]),
            framed::FRAMING_ABOUT,
        ),
        key("checksum", Shape::Either(&[Shape::Text, Shape::Record(&framed::SUM)]), framed::CHECKSUM_ABOUT),
        key("order", Shape::Choice(&["little", "big"]), "which byte of length and check sum comes first (little)"),
        key("longest", Shape::Whole, "bytes of the longest message (256)"),
        key("asks", Shape::Map(&Shape::Record(&framed::ASK)), "questions, by the message that answers them"),
        key("within", Shape::Quantity, "how long an answer is awaited (500 ms)"),
        key("refuses", Shape::Name, "the message that refuses an order"),
        key("restarts", Shape::Name, "the message that the device says when it starts"),
    ],
);

/// Reads it; complaints point at the file.
pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> (Option<Protocol>, Range<usize>) {
    let mut place = node.span.clone();
    let protocol = protocol(reading, node, &mut place);
    (protocol, place)
}

fn protocol(reading: &mut Reading<'_>, node: &Node, place: &mut Range<usize>) -> Option<Protocol> {
    let fields = reading.page.fields(node, &KEYS)?;
    let order = framed::order(&mut reading.page, &fields);
    let common = framed::read(&mut reading.page, &fields, order.unwrap_or_default());
    if let (Some(Framing::Fixed { .. }), Some(node)) =
        (common.as_ref().map(|common| &common.wire.framing), fields.get("framing"))
    {
        let message = "messages have no fixed size, so that a frame must say its length".into();
        reading.page.error(node.head(), message, Some("add `length: u8`, or write `cobs`".into()));
        return None;
    }
    let word = reading.page.text(fields.get("protobuf")?, "the path of a `.proto` file")?;
    *place = word.span.clone();
    let source = source(reading, word)?;
    let pool = match source.compile() {
        Ok(pool) => pool,
        Err(mistake) => {
            tell(reading, word, &source, &mistake);
            return None;
        }
    };
    let known = source.messages(&pool);
    let mut message = |key: &str| match fields.get(key) {
        None => Some(None),
        Some(node) => {
            let word = reading.page.text(node, "the name of a message")?;
            let short = |full: &str| full.rsplit('.').next() == Some(&word.text);
            let fits = pool.get_message_by_name(&word.text).is_some();
            if fits || known.iter().filter(|full| short(full)).count() == 1 {
                return Some(Some(word.text.clone()));
            }
            let names = known.iter().map(|full| match word.text.contains('.') {
                true => full.as_str(),
                false => full.rsplit('.').next().unwrap_or(full),
            });
            let message = match known.iter().any(|full| short(full)) {
                true => format!("several messages are called `{}`; add the package or what they are in", word.text),
                false => format!("`{}` has no message `{}`", source.files[0].0, word.text),
            };
            reading.page.unknown(word, message, names);
            None
        }
    };
    let (says, hears) = (message("says"), message("hears"));
    let config = ProtobufConfig { framed: common?, says: says??, hears: hears?, source };
    Some(Protocol::Protobuf(Arc::new(config)))
}

/// The path of an import, which is looked for beside the rig's own `.proto`.
fn path_of(word: &Word, reading: &Reading<'_>, name: &str) -> String {
    let own = beside(&reading.page.source.name, &word.text);
    match name == file_name(&own) {
        true => own,
        false => beside(&own, name),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Reads the `.proto` and what it imports.
fn source(reading: &mut Reading<'_>, word: &Word) -> Option<ProtoSource> {
    let path = beside(&reading.page.source.name, &word.text);
    let text = match text(reading, &path) {
        Ok(text) => text,
        Err(why) => {
            reading.page.error(word.span.clone(), format!("`{path}` {why}"), None);
            return None;
        }
    };
    // What an import lacks is told at its line, when it is compiled.
    Some(ProtoSource::collect(file_name(&path), text, |import| text_of(reading, &beside(&path, import))))
}

fn text_of(reading: &mut Reading<'_>, path: &str) -> Option<String> {
    text(reading, path).ok()
}

fn text(reading: &mut Reading<'_>, path: &str) -> Result<String, String> {
    let bytes = reading.files.read(path).map_err(|why| format!("cannot be read: {why}"))?;
    let text = String::from_utf8(bytes.clone()).map_err(|_| "is no text".to_owned())?;
    reading.keep(FileKind::Dialect, path, bytes);
    Ok(text)
}

/// Tells a mistake at its place in its file, and in the rig file that there is one.
fn tell(reading: &mut Reading<'_>, word: &Word, source: &ProtoSource, mistake: &Mistake) {
    let Some((name, text)) = source.files.iter().find(|(name, _)| *name == mistake.file) else {
        reading.page.error(word.span.clone(), mistake.message.clone(), None);
        return;
    };
    let path = path_of(word, reading, name);
    let start = match mistake.place {
        Some((line, column)) => at(text, line, column),
        None => text.trim_end().len(),
    };
    let rest = &text[start..];
    let word_end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let span = start..start + word_end;
    let shown = Arc::new(Source { name: path, text: text.clone() });
    let message = mistake.message.clone();
    let (severity, remedy) = (Severity::Error, None);
    reading.others.push(Diagnostic { severity, source: shown, span, message, remedy });
    let message = format!("`{}` does not compile", word.text);
    reading.page.error(word.span.clone(), message, Some("see what is told of that file".into()));
}

/// The byte of a line and column, both from 1; the end of the text where it has no such place.
fn at(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(byte, _)| byte)
}
