//! What says readable text: GRBL, ELM327, SLCAN, NMEA sentences, JSON objects, and lines of any other kind.

use super::Recognised;
use crate::codec::can::slcan::{Framer, Line};
use crate::codec::nmea::sentence;

/// Banners, answers to questions, sentences and objects.
pub(super) fn recognise(bytes: &[u8]) -> Option<Recognised> {
    let text = String::from_utf8_lossy(bytes);
    // The last piece may be half a line, but for an answer that ends with a prompt or a carriage return.
    let pieces = text.split(['\r', '\n', '>']).map(str::trim).filter(|line| !line.is_empty());
    for line in pieces {
        if let Some(rest) = line.strip_prefix("Grbl ") {
            return Some(Recognised::Grbl(rest.split_whitespace().next().map(str::to_owned)));
        }
        if line.starts_with('<') && line.contains("Pos:") {
            return Some(Recognised::Grbl(None));
        }
        if line.contains("ELM327") {
            return Some(Recognised::Elm327(line.to_owned()));
        }
    }
    slcan(bytes).or_else(|| said_by_itself(&text))
}

/// `V1013`: hardware and software version of two digits each. A channel that was left open says frames around it.
fn slcan(bytes: &[u8]) -> Option<Recognised> {
    let (mut framer, mut version, mut foreign) = (Framer::default(), None, false);
    framer.push(bytes, |line| match line {
        Line::Word(word) if version.is_none() => match word.strip_prefix('V') {
            Some(rest) if rest.len() == 4 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                version = Some(rest.to_owned());
            }
            _ => foreign = true,
        },
        Line::Frame(_) | Line::Refused | Line::Done => {}
        Line::Word(_) | Line::Sent | Line::Flags(_) | Line::Noise(_) => foreign = true,
    });
    version.filter(|_| !foreign).map(Recognised::Slcan)
}

/// Whole lines that say what they are.
fn said_by_itself(text: &str) -> Option<Recognised> {
    whole_lines(text).find_map(|line| {
        if sentence_kind(line).is_some() {
            return Some(Recognised::Nmea(line.to_owned()));
        }
        let is_object = line.starts_with('{')
            && serde_json::from_str::<serde_json::Value>(line).is_ok_and(|value| value.is_object());
        is_object.then(|| Recognised::JsonLines(line.to_owned()))
    })
}

fn whole_lines(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::trim).filter(|line| !line.is_empty())
}

/// The last three letters of the address of an NMEA sentence whose check sum is right: `GGA`.
pub fn sentence_kind(line: &str) -> Option<&str> {
    let (body, sum) = line.strip_prefix('$')?.split_once('*')?;
    let sum = u8::from_str_radix(sum, 16).ok().filter(|_| sum.len() == 2)?;
    let address = body.split(',').next()?;
    (address.len() == 5 && sentence::check_sum(body.as_bytes()) == sum).then(|| address.get(2..))?
}

/// What says lines of readable text, where nothing else was recognised.
pub fn lines(bytes: &[u8]) -> Option<Recognised> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = whole_lines(text).rev().find(|line| line.chars().count() > 1)?;
    line.chars().all(|c| !c.is_control()).then(|| Recognised::Lines(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_was_left_open_is_an_adapter_all_the_same() {
        let known = |bytes: &[u8]| recognise(bytes);
        let adapter = Some(Recognised::Slcan("1013".into()));
        assert_eq!(known(b"t10021133\rV1013\rt10021134\r"), adapter);
        assert_eq!(known(b"\x07V1013\r"), adapter);
        for other in [b"V1013".as_slice(), b"V101\r", b"hello V1013\r", b"V1013\rOK\r", b"V10G3\r"] {
            assert_eq!(known(other), None, "{other:?}");
        }
    }

    #[test]
    fn sentences_need_their_check_sum_and_objects_need_to_be_whole() {
        // The example of the u-blox protocol specification.
        let sentence = "$GPGLL,4717.11364,N,00833.91565,E,092321.00,A,A*60";
        assert_eq!(sentence_kind(sentence), Some("GLL"));
        assert_eq!(recognise(format!("{sentence}\r\n").as_bytes()), Some(Recognised::Nmea(sentence.into())));
        assert_eq!(recognise(sentence.replace("*60", "*61").as_bytes()), None);
        let object = "{\"t\": 21.5}";
        assert_eq!(recognise(format!("{object}\n").as_bytes()), Some(Recognised::JsonLines(object.into())));
        assert_eq!(recognise(b"{\"t\": 21.5\n"), None);
        assert_eq!(recognise(object.as_bytes()), None, "its line has no end");
    }
}
