//! Dialect definitions as XML.

use super::dialect::{Dialect, FieldDef, MessageDef};
use super::field::Kind;
use roxmltree::{Document, Node};
use std::collections::{BTreeMap, BTreeSet};

type Enums = BTreeMap<String, Vec<(String, i64)>>;

/// Reads the dialect `first` with everything that it includes, by file name, out of `texts`.
/// The built-in definitions stand in for standard includes that were not given.
pub(super) fn load<'a>(first: &str, texts: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Dialect, String> {
    let built_in = super::dialect::BUILT_IN.iter().copied();
    let mut files: BTreeMap<&str, &str> = built_in.map(|(name, text)| (base_name(name), text)).collect();
    files.extend(texts.map(|(name, text)| (base_name(name), text)));
    let mut messages = Vec::new();
    let mut enums = Enums::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![(base_name(first).to_string(), String::new())];
    while let Some((name, wanted_by)) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let text =
            files.get(name.as_str()).ok_or_else(|| format!("{wanted_by}includes `{name}`, which was not given"))?;
        let file = File { name: &name };
        let document = Document::parse(text).map_err(|e| format!("`{name}` line {}: {e}", e.pos().row))?;
        file.read(&document, &mut messages, &mut enums, &mut waiting)?;
    }
    Dialect::assemble(messages, enums).map_err(|why| format!("`{first}`: {why}"))
}

/// Includes may carry paths; files are known by the last part.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

struct File<'a> {
    name: &'a str,
}

impl File<'_> {
    fn problem(&self, node: Node<'_, '_>, what: impl std::fmt::Display) -> String {
        format!("`{}` line {}: {what}", self.name, node.document().text_pos_at(node.range().start).row)
    }

    fn attribute<'n>(&self, node: Node<'n, '_>, key: &str) -> Result<&'n str, String> {
        node.attribute(key)
            .ok_or_else(|| self.problem(node, format_args!("<{}> has no `{key}`", node.tag_name().name())))
    }

    fn read(
        &self,
        document: &Document<'_>,
        messages: &mut Vec<MessageDef>,
        enums: &mut Enums,
        waiting: &mut Vec<(String, String)>,
    ) -> Result<(), String> {
        let root = document.root_element();
        if root.tag_name().name() != "mavlink" {
            return Err(self.problem(root, format_args!("<{}> where <mavlink> was wanted", root.tag_name().name())));
        }
        for section in root.children().filter(Node::is_element) {
            match section.tag_name().name() {
                "include" => {
                    let name = base_name(section.text().unwrap_or("").trim()).to_string();
                    waiting.push((name, self.problem(section, "")));
                }
                "enums" => {
                    for node in elements(section, "enum") {
                        self.enumeration(node, enums)?;
                    }
                }
                "messages" => {
                    for node in elements(section, "message") {
                        messages.push(self.message(node)?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn enumeration(&self, node: Node<'_, '_>, enums: &mut Enums) -> Result<(), String> {
        let entries = enums.entry(self.attribute(node, "name")?.to_string()).or_default();
        for entry in elements(node, "entry") {
            let name = self.attribute(entry, "name")?;
            let value = match entry.attribute("value") {
                Some(text) => whole_number(text)
                    .ok_or_else(|| self.problem(entry, format_args!("`{text}` is no whole number of 64 bits")))?,
                // An entry without a value follows the largest so far.
                None => entries.iter().map(|(_, v)| v.saturating_add(1)).max().unwrap_or(0),
            };
            entries.push((name.to_string(), value));
        }
        Ok(())
    }

    fn message(&self, node: Node<'_, '_>) -> Result<MessageDef, String> {
        let name = self.attribute(node, "name")?;
        let id = self.attribute(node, "id")?;
        let id = id
            .parse()
            .ok()
            .filter(|id| *id < 1 << 24)
            .ok_or_else(|| self.problem(node, format_args!("message id `{id}` is no number below 2^24")))?;
        let mut fields: Vec<FieldDef> = Vec::new();
        let mut extension = false;
        for child in node.children().filter(Node::is_element) {
            match child.tag_name().name() {
                "extensions" => extension = true,
                "field" => {
                    let field = self.field(child, extension)?;
                    if fields.iter().any(|f| f.name == field.name) {
                        return Err(self.problem(child, format_args!("field `{}` is defined twice", field.name)));
                    }
                    fields.push(field);
                }
                _ => {}
            }
        }
        MessageDef::new(id, name.to_string(), fields).map_err(|why| self.problem(node, why))
    }

    fn field(&self, node: Node<'_, '_>, extension: bool) -> Result<FieldDef, String> {
        let name = self.attribute(node, "name")?;
        let wire_type = self.attribute(node, "type")?;
        let unknown = || self.problem(node, format_args!("field `{name}` has the unknown type `{wire_type}`"));
        let (element, array) = match wire_type.split_once('[') {
            None => (wire_type, None),
            Some((element, rest)) => {
                let length = rest.strip_suffix(']').and_then(|n| n.trim().parse().ok()).filter(|n| *n > 0);
                (element, Some(length.ok_or_else(unknown)?))
            }
        };
        let is_version = element == "uint8_t_mavlink_version";
        let kind = if is_version { Kind::U8 } else { Kind::parse(element).ok_or_else(unknown)? };
        Ok(FieldDef {
            name: name.to_string(),
            kind,
            array,
            offset: 0,
            extension,
            enumeration: node.attribute("enum").map(str::to_string),
            units: node.attribute("units").map(str::to_string),
            invalid: node.attribute("invalid").and_then(invalid_value),
            is_version,
        })
    }
}

fn elements<'a, 'i>(node: Node<'a, 'i>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |n| n.has_tag_name(tag))
}

/// Reads `UINT16_MAX`, `-1`, `0`; of an array, `[UINT16_MAX]` and `[UINT16_MAX:]`, what holds for each element.
/// `None` for NaN, which is unknown by itself, and for what is not understood.
fn invalid_value(text: &str) -> Option<f64> {
    let text = text.trim_matches(['[', ']']).trim_end_matches(':');
    Some(match text {
        "UINT8_MAX" => u8::MAX.into(),
        "INT8_MAX" => i8::MAX.into(),
        "UINT16_MAX" => u16::MAX.into(),
        "INT16_MAX" => i16::MAX.into(),
        "UINT32_MAX" => u32::MAX.into(),
        "INT32_MAX" => i32::MAX.into(),
        "UINT64_MAX" => u64::MAX as f64,
        "INT64_MAX" => i64::MAX as f64,
        _ => match whole_number(text) {
            Some(number) => number as f64,
            None => text.parse().ok().filter(|number: &f64| number.is_finite())?,
        },
    })
}

/// Reads `12`, `-1`, `0x1F`, `0b101`, `2**5`; unsigned 64-bit values keep their bits.
fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let unsigned = if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u64::from_str_radix(digits, 16).ok()?
    } else if let Some(digits) = text.strip_prefix("0b") {
        u64::from_str_radix(digits, 2).ok()?
    } else if let Some((base, power)) = text.split_once("**") {
        base.trim().parse::<u64>().ok()?.checked_pow(power.trim().parse().ok()?)?
    } else if text.starts_with('-') {
        return text.parse().ok();
    } else {
        text.parse().ok()?
    };
    Some(unsigned as i64)
}

#[cfg(test)]
mod tests {
    use crate::codec::mavlink::dialect::{Dialect, DialectSource};
    use std::sync::Arc;

    fn load_one(text: &str) -> Result<Arc<Dialect>, String> {
        Dialect::load(&DialectSource::Xml(vec![("dir/mine.xml".into(), text.into())]))
    }

    #[test]
    fn a_dialect_of_ones_own_includes_what_is_built_in_and_what_was_given() {
        let mine = r#"<mavlink><include>common.xml</include><include>lib/other.xml</include>
            <enums><enum name="E"><entry name="E_A" value="0x10"/><entry name="E_B"/><entry name="E_C" value="2**6"/></enum></enums>
            <messages><message id="42000" name="MINE">
              <field type="uint8_t" name="small">words</field><field type="float[3]" name="xyz"/>
              <extensions/><field type="uint64_t" name="late" units="us"/></message></messages></mavlink>"#;
        let other = r#"<mavlink><messages><message id="42001" name="OTHER"><field type="char[4]" name="t"/></message></messages></mavlink>"#;
        let dialect = Dialect::load(&DialectSource::Xml(vec![
            ("mine.xml".into(), mine.into()),
            ("other.xml".into(), other.into()),
        ]))
        .expect("well formed");
        assert!(dialect.find("HEARTBEAT").is_some() && dialect.find("OTHER").is_some());
        assert_eq!(["E_A", "E_B", "E_C"].map(|e| dialect.entry(e)), [Some(16), Some(17), Some(64)]);
        let (_, message) = dialect.find("MINE").expect("just defined");
        // Wire order: largest type first, extensions last.
        let places: Vec<_> = message.fields.iter().map(|f| (f.name.as_str(), f.offset)).collect();
        assert_eq!(places, [("xyz", 0), ("small", 12), ("late", 13)]);
        assert_eq!((message.base_len, message.full_len), (13, 21));
        assert_eq!(message.field("late").and_then(|f| f.units.as_deref()), Some("us"));
    }

    #[test]
    fn mistakes_name_file_line_and_word() {
        for (text, wanted) in [
            ("<mavlink>\n<oops></wrong></mavlink>", "`mine.xml` line 2:"),
            ("<html/>", "`mine.xml` line 1: <html> where <mavlink> was wanted"),
            (
                "<mavlink>\n<include>gone.xml</include></mavlink>",
                "`mine.xml` line 2: includes `gone.xml`, which was not given",
            ),
            (
                "<mavlink><messages>\n\n<message id='70000000' name='M'/></messages></mavlink>",
                "`mine.xml` line 3: message id `70000000` is no number below 2^24",
            ),
            (
                "<mavlink><messages><message id='7' name='M'>\n<field name='x' type='int'/></message></messages></mavlink>",
                "`mine.xml` line 2: field `x` has the unknown type `int`",
            ),
            (
                "<mavlink><messages><message id='7' name='M'>\n<field name='x' type='float[0]'/></message></messages></mavlink>",
                "`mine.xml` line 2: field `x` has the unknown type `float[0]`",
            ),
            (
                "<mavlink><messages><message id='7' name='M'>\n<field name='x' type='double[32]'/></message></messages></mavlink>",
                "`mine.xml` line 1: message `M` needs 256 bytes, and a payload holds 255",
            ),
            (
                "<mavlink><messages><message id='7' name='M'/><message id='7' name='N'/></messages></mavlink>",
                "messages `M` and `N` have the same id 7",
            ),
            (
                "<mavlink><enums><enum name='E'>\n<entry name='A' value='many'/></enum></enums></mavlink>",
                "`mine.xml` line 2: `many` is no whole number of 64 bits",
            ),
        ] {
            let found = load_one(text).expect_err(text);
            assert!(found.contains(wanted), "{found:?} lacks {wanted:?}");
        }
    }

    #[test]
    fn files_that_include_each_other_are_read_once() {
        let a = "<mavlink><include>b.xml</include></mavlink>";
        let b = "<mavlink><include>a.xml</include><messages><message id='7' name='M'/></messages></mavlink>";
        let both = DialectSource::Xml(vec![("a.xml".into(), a.into()), ("b.xml".into(), b.into())]);
        assert_eq!(Dialect::load(&both).expect("no endless loop").len(), 1);
    }
}
