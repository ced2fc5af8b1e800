//! Parameters: their defaults and ranges, and what the command line makes of them.

use super::keys::PARAMETER;
use crate::diag::{Diagnostic, Source, nearest};
use crate::rig::yaml::{Kind, Node, Page, Word};
use crate::units::Quantity;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The parameters of one file, with what was used of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    pub values: BTreeMap<String, Quantity>,
    /// In file order.
    declared: Vec<Declared>,
    used: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Declared {
    name: String,
    span: Range<usize>,
    range: Option<(Quantity, Quantity)>,
    /// Its own line is wrong: no use of it is told again.
    broken: bool,
}

impl Parameters {
    /// Reads `parameters:`.
    pub fn read(page: &mut Page, node: Option<&Node>) -> Parameters {
        let mut all = Parameters::default();
        let Some(entries) = node.and_then(|node| page.map(node, "`parameters`")) else { return all };
        for entry in entries {
            if !page.is_name(&entry.key, "a parameter's name") {
                continue;
            }
            let value = value(page, &entry.value);
            let broken = value.is_none();
            let (default, range) = value.map_or((None, None), |(default, range)| (Some(default), range));
            if let Some(default) = default {
                all.values.insert(entry.key.text.clone(), default);
            }
            all.declared.push(Declared { name: entry.key.text.clone(), span: entry.key.span.clone(), range, broken });
        }
        all
    }

    /// Puts a value in place of the default; the error says what is wrong in words.
    fn put(&mut self, name: &str, value: Quantity) -> Result<(), String> {
        let Some(declared) = self.declared.iter().find(|d| d.name == name) else {
            return Err(format!("there is no parameter `{name}`"));
        };
        let Some(default) = self.values.get(name) else { return Ok(()) };
        if default.unit.dimension != value.unit.dimension {
            let (wanted, found) = (default.unit.dimension.words(), value.unit.dimension.words());
            return Err(format!("`{name}` is {wanted}, such as `{default}`; found {found}"));
        }
        if let Some((lo, hi)) = &declared.range
            && (value.si() < lo.si() || value.si() > hi.si())
        {
            return Err(format!("`{value}` is outside the range of `{name}`: {lo} .. {hi}"));
        }
        self.values.insert(name.into(), value);
        Ok(())
    }

    /// Takes `--set name=value`; what is wrong is told as if the command line were a file. `before`: what the same name was
    /// set to further left.
    pub fn set(&mut self, name: &str, text: &str, before: Option<&str>) -> Vec<Diagnostic> {
        let line = format!("{name}={text}");
        let start = name.len() + 1;
        let word = Word { text: text.into(), span: start..line.len(), quoted: false, exact: Some(start) };
        let mut page = Page::new(Source { name: "--set".into(), text: line });
        if !self.declared.iter().any(|d| d.name == name) {
            let remedy = nearest(name, self.names()).map(|near| format!("did you mean `{near}`?")).or_else(|| {
                let all: Vec<&str> = self.names().collect();
                (!all.is_empty()).then(|| format!("known: {}", all.join(", ")))
            });
            page.error(0..name.len(), format!("the scenario has no parameter `{name}`"), remedy);
        } else if let Some(before) = before {
            let remedy = Some("set it once".into());
            page.error(0..name.len(), format!("`{name}` was set to `{before}` already"), remedy);
        } else if let Some(quantity) = page.quantity_of(&word)
            && let Err(message) = self.put(name, quantity)
        {
            page.error(word.span, message, None);
        }
        page.into_problems()
    }

    /// Takes `with:` of a `use` step, read on the using page.
    pub fn give(&mut self, page: &mut Page, name: &Word, value: Quantity, at: &Word) {
        if !self.declared.iter().any(|d| d.name == name.text) {
            let message = format!("the fragment has no parameter `{}`", name.text);
            page.unknown(name, message, self.names());
        } else if let Err(message) = self.put(&name.text, value) {
            page.error(at.span.clone(), message, None);
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.declared.iter().map(|d| d.name.as_str())
    }

    /// The value that a word stands for: `$name`, or a quantity.
    pub fn look_up(&mut self, page: &mut Page, word: &Word) -> Option<Quantity> {
        let Some(name) = word.text.strip_prefix('$') else { return page.quantity_of(word) };
        match self.declared.iter().find(|d| d.name == name) {
            Some(declared) if declared.broken => {
                self.used.insert(name.into());
                None
            }
            Some(_) => {
                self.used.insert(name.into());
                self.values.get(name).cloned()
            }
            None => {
                let bare = Word { text: name.into(), ..word.clone() };
                page.unknown(
                    &bare,
                    format!("there is no parameter `${name}`"),
                    self.declared.iter().map(|d| d.name.as_str()),
                );
                None
            }
        }
    }

    /// Notes that formulas used these.
    pub fn mark(&mut self, names: &[String]) {
        self.used.extend(names.iter().cloned());
    }

    /// Notes uses that stand in a formula that could not be read, so that no false warning follows.
    pub fn mark_text(&mut self, text: &str) {
        let found: Vec<String> =
            self.declared.iter().filter(|d| text.contains(&format!("${}", d.name))).map(|d| d.name.clone()).collect();
        self.used.extend(found);
    }

    /// Warns of parameters that nothing uses.
    pub fn unused(&self, page: &mut Page) {
        for declared in self.declared.iter().filter(|d| !self.used.contains(&d.name)) {
            let message = format!("parameter `{}` is never used", declared.name);
            page.warn(declared.span.clone(), message, Some(format!("use it as `${}`, or remove it", declared.name)));
        }
    }

    /// Name and value as text, in file order.
    pub fn listed(&self) -> Vec<(String, String)> {
        let value = |d: &Declared| Some((d.name.clone(), self.values.get(&d.name)?.to_string()));
        self.declared.iter().filter_map(value).collect()
    }
}

type Value = (Quantity, Option<(Quantity, Quantity)>);

fn value(page: &mut Page, node: &Node) -> Option<Value> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some((page.quantity(node, "a value such as `5 m`")?, None));
    }
    let fields = page.fields(node, &PARAMETER)?;
    if let Some(about) = fields.get("about") {
        page.text(about, "what it is, in words");
    }
    let default_node = fields.get("default")?;
    let default = page.quantity(default_node, "a value such as `5 m`")?;
    let Some(range_node) = fields.get("range") else { return Some((default, None)) };
    let word = page.scalar(range_node, "a range such as `0 m .. 8 m`")?;
    let (lo, hi) = match Quantity::parse_range(&word.text) {
        Ok(pair) => pair,
        Err(problem) => {
            page.problem(word, problem);
            return Some((default, None));
        }
    };
    if !page.like(word, &lo, default.unit.dimension, &format!("{default} .. {default}")) {
        return Some((default, None));
    }
    if default.si() < lo.si() || default.si() > hi.si() {
        page.error(
            default_node.span.clone(),
            format!("the default `{default}` is outside the range {lo} .. {hi}"),
            None,
        );
    }
    Some((default, Some((lo, hi))))
}
