//! The head of a recording.

use super::Misread;
use crate::log::{Head, Reliance, proto};
use crate::scenario::plan::{FileRole, GateMode, InputFile, Mode};

/// The head as the recording keeps it; `channels` says how signals are to be read.
pub fn head_to(head: &Head, channels: Vec<proto::SignalChannel>) -> proto::Head {
    proto::Head {
        format: head.format,
        tool: head.tool.clone(),
        wall_clock_unix_nanos: head.wall_clock_unix_nanos,
        scenario_path: head.scenario_path.clone(),
        rig_path: head.rig_path.clone(),
        overrides: head
            .overrides
            .iter()
            .map(|(name, value)| proto::Override { name: name.clone(), value: value.clone() })
            .collect(),
        seed: head.seed,
        mode: match head.mode {
            Mode::Rig => proto::Mode::Rig,
            Mode::Sim => proto::Mode::Sim,
            Mode::Observe => proto::Mode::Observe,
        }
        .into(),
        gate: match head.gate {
            None => proto::GateMode::Unspecified,
            Some(GateMode::Observe) => proto::GateMode::Observe,
            Some(GateMode::Enforce) => proto::GateMode::Enforce,
            Some(GateMode::Fallback) => proto::GateMode::Fallback,
        }
        .into(),
        files: head.files.iter().map(file_to).collect(),
        signal_channels: channels,
        relies_on: head
            .relies_on
            .iter()
            .map(|one| proto::Reliance { what: one.what.clone(), text: one.text.clone(), shown: one.shown })
            .collect(),
    }
}

/// The head as the program knows it.
pub fn head_from(head: &proto::Head) -> Result<Head, Misread> {
    let mode = match head.mode() {
        proto::Mode::Rig => Mode::Rig,
        proto::Mode::Sim => Mode::Sim,
        proto::Mode::Observe => Mode::Observe,
        proto::Mode::Unspecified => return Err(format!("the head names an unknown mode {}", head.mode)),
    };
    Ok(Head {
        format: head.format,
        tool: head.tool.clone(),
        wall_clock_unix_nanos: head.wall_clock_unix_nanos,
        scenario_path: head.scenario_path.clone(),
        rig_path: head.rig_path.clone(),
        overrides: head.overrides.iter().map(|o| (o.name.clone(), o.value.clone())).collect(),
        seed: head.seed,
        mode,
        gate: match head.gate() {
            // Recordings from before there was a choice.
            proto::GateMode::Unspecified => None,
            proto::GateMode::Observe => Some(GateMode::Observe),
            proto::GateMode::Enforce => Some(GateMode::Enforce),
            proto::GateMode::Fallback => Some(GateMode::Fallback),
        },
        files: head.files.iter().map(file_from).collect::<Result<_, _>>()?,
        relies_on: head
            .relies_on
            .iter()
            .map(|one| Reliance { what: one.what.clone(), text: one.text.clone(), shown: one.shown })
            .collect(),
    })
}

fn file_to(file: &InputFile) -> proto::InputFile {
    use proto::input_file::Role;
    proto::InputFile {
        role: match file.role {
            FileRole::Rig => Role::Rig,
            FileRole::Envelope => Role::Envelope,
            FileRole::Scenario => Role::Scenario,
            FileRole::Fragment => Role::Fragment,
            FileRole::Dialect => Role::Dialect,
            FileRole::Policy => Role::Policy,
            FileRole::Mapping => Role::Mapping,
        }
        .into(),
        path: file.path.clone(),
        content: file.bytes.clone(),
        sha256: file.sha256.to_vec(),
    }
}

fn file_from(file: &proto::InputFile) -> Result<InputFile, Misread> {
    use proto::input_file::Role;
    let role = match file.role() {
        Role::Rig => FileRole::Rig,
        Role::Envelope => FileRole::Envelope,
        Role::Scenario => FileRole::Scenario,
        Role::Fragment => FileRole::Fragment,
        Role::Dialect => FileRole::Dialect,
        Role::Policy => FileRole::Policy,
        Role::Mapping => FileRole::Mapping,
        Role::Unspecified => return Err(format!("the file `{}` has an unknown role", file.path)),
    };
    let sha256: [u8; 32] = file
        .sha256
        .as_slice()
        .try_into()
        .map_err(|_| format!("the SHA-256 of `{}` has {} bytes, wanted 32", file.path, file.sha256.len()))?;
    Ok(InputFile { role, path: file.path.clone(), bytes: file.content.clone(), sha256 })
}
