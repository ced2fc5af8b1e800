//! `checkrein schema`: JSON Schemas, so that editors complete and check.

use super::Exit;
use super::say;
use clap::{Args, ValueEnum};
use std::process::ExitCode;

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArguments {
    /// Which kind of file
    kind: Kind,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Kind {
    Rig,
    Envelope,
    Scenario,
    Mapping,
}

/// Prints the schema.
pub fn schema(arguments: &SchemaArguments) -> ExitCode {
    let schema = match arguments.kind {
        Kind::Rig => crate::rig::schema(),
        Kind::Envelope => crate::rig::envelope_schema(),
        Kind::Scenario => crate::scenario::schema(),
        Kind::Mapping => crate::rig::mapping_schema(),
    };
    say::line(format!("{schema:#}"));
    Exit::Good.into()
}
