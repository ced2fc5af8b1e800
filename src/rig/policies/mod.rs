//! Policies as a rig or scenario names them: two files, read and held against each other.

mod mapping;
mod talks;
#[cfg(test)]
mod tests;

use super::keys::record;
use super::load::{FileKind, Reading};
use super::model::Role;
use super::names::beside;
use super::yaml::{self, Node, Page, Record, Shape, want};
use crate::diag::{Diagnostic, Files, Severity, Source};
use crate::policy::{Net, Policy};
use Shape::Text;
use std::sync::Arc;

pub use mapping::schema;
pub(crate) use talks::misfits;

/// The map that a `twin:` can be.
pub(crate) static TWIN: Record = record(
    "policy-twin",
    "a policy as a twin",
    &[
        want("policy", Text, "path of the ONNX file, beside this file"),
        want("mapping", Text, "path of its mapping file, beside this file"),
    ],
);

/// A policy with the files that it was read from.
pub(crate) struct Read {
    pub policy: Arc<Policy>,
    /// Path and bytes of net and mapping.
    pub net: (String, Vec<u8>),
    pub mapping: (String, Vec<u8>),
    /// Warnings.
    pub problems: Vec<Diagnostic>,
}

/// Reads a policy by the paths of its two files; every mistake at once.
pub(crate) fn read(net: &str, mapping: &str, files: &dyn Files) -> Result<Read, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut bytes_of = |path: &str, what: &str| {
        files.read(path).map_err(|why| problems.push(nowhere(path, format!("the {what} cannot be read: {why}")))).ok()
    };
    let (net_bytes, mapping_bytes) = (bytes_of(net, "policy"), bytes_of(mapping, "mapping"));
    let thinks = net_bytes.as_deref().and_then(|bytes| {
        Net::read(bytes)
            .map_err(|error| problems.push(nowhere(net, format!("the policy cannot be used: {error}"))))
            .ok()
    });
    let mut read = None;
    if let Some(bytes) = &mapping_bytes {
        let (mut page, node) = yaml::load(mapping, bytes);
        let made = node.as_ref().and_then(|node| mapping::read(&mut page, node));
        if let (Some(made), Some(net)) = (&made, &thinks)
            && let Some(why) = made.misfit(net.input_count(), net.output_count())
        {
            let names = |ports: &[crate::policy::Port]| {
                let list: Vec<String> = ports.iter().map(|port| format!("`{}` {:?}", port.name, port.sizes)).collect();
                list.join(", ")
            };
            let remedy = format!("its inputs are {}; its outputs are {}", names(net.inputs()), names(net.outputs()));
            page.error(node.map_or(0..0, |node| node.head()), why, Some(remedy));
        }
        if !page.has_errors() {
            read = made;
        }
        problems.extend(page.into_problems());
    }
    match (thinks, read, net_bytes, mapping_bytes) {
        (Some(thinks), Some(made), Some(net_bytes), Some(mapping_bytes)) => Ok(Read {
            policy: Arc::new(Policy { net: thinks, mapping: made }),
            net: (net.to_owned(), net_bytes),
            mapping: (mapping.to_owned(), mapping_bytes),
            problems,
        }),
        _ => Err(problems),
    }
}

/// The policy that a rig file gives a controller as its twin.
pub(super) fn cast(reading: &mut Reading<'_>, node: &Node, role: Role) -> Option<Arc<Policy>> {
    let base = reading.page.source.name.clone();
    let read = named(&mut reading.page, node, &base, role, reading.files, &mut reading.others)?;
    reading.keep(FileKind::Policy, &read.net.0, read.net.1);
    reading.keep(FileKind::Mapping, &read.mapping.0, read.mapping.1);
    Some(read.policy)
}

/// Reads what `{ policy: …, mapping: … }` names, as seen from the file `base`. What is wrong with the page's words is told
/// there; what is wrong with a mapping is put to the others.
pub(crate) fn named(
    page: &mut Page,
    node: &Node,
    base: &str,
    role: Role,
    files: &dyn Files,
    others: &mut Vec<Diagnostic>,
) -> Option<Read> {
    let fields = page.fields(node, &TWIN)?;
    let mut word = |key: &str| page.text(fields.get(key)?, "the path of a file");
    let (net, mapping) = (word("policy"), word("mapping"));
    if role != Role::Controller {
        page.error(fields.head.clone(), "a policy is a controller; this is a machine".into(), None);
        return None;
    }
    let (net, mapping) = (net?, mapping?);
    match read(&beside(base, &net.text), &beside(base, &mapping.text), files) {
        Ok(read) => {
            others.extend(read.problems.iter().cloned());
            Some(read)
        }
        Err(problems) => {
            let net_path = beside(base, &net.text);
            for problem in problems {
                if problem.source.text.is_empty() {
                    let word = if problem.source.name == net_path { net } else { mapping };
                    page.error(word.span.clone(), problem.message, problem.remedy);
                } else {
                    others.push(problem);
                }
            }
            if !page.has_error_at(&net.span) && !page.has_error_at(&mapping.span) {
                let message = format!("`{}` does not fit the policy", mapping.text);
                page.error(mapping.span.clone(), message, Some("see what is told of that file".into()));
            }
            None
        }
    }
}

/// A file that has no text to point into.
fn nowhere(path: &str, message: String) -> Diagnostic {
    let source = Arc::new(Source { name: path.into(), text: String::new() });
    Diagnostic { severity: Severity::Error, source, span: 0..0, message, remedy: None }
}
