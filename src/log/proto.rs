//! Types and descriptors that the build makes from `proto/checkrein.proto`.

#![allow(missing_docs, clippy::all, clippy::pedantic)]

include!(concat!(env!("OUT_DIR"), "/checkrein.v1.rs"));

/// Serialized `FileDescriptorSet` of the package, imports included: what MCAP wants as schema data.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/checkrein.fds"));
