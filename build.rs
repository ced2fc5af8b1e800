//! Compiles `proto/` to Rust types and to the descriptors that every recording carries. No protoc needed.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    // Comments are for readers of the sources; recordings carry the bare descriptors.
    compiler.include_imports(true).include_source_info(false).open_files(["checkrein.proto"])?;
    std::fs::write(out.join("checkrein.fds"), compiler.encode_file_descriptor_set())?;
    let mut timestamp = protox::Compiler::new(["proto"])?;
    timestamp.include_imports(true).include_source_info(false).open_files(["google/protobuf/timestamp.proto"])?;
    std::fs::write(out.join("timestamp.fds"), timestamp.encode_file_descriptor_set())?;
    let mut with_comments = protox::Compiler::new(["proto"])?;
    with_comments.include_imports(true).include_source_info(true).open_files(["checkrein.proto"])?;
    prost_build::Config::new().out_dir(&out).compile_fds(with_comments.file_descriptor_set())?;
    let mut sparkplug = protox::Compiler::new(["proto"])?;
    sparkplug.include_imports(true).include_source_info(true).open_files(["sparkplug_b.proto"])?;
    prost_build::Config::new().out_dir(&out).compile_fds(sparkplug.file_descriptor_set())?;
    Ok(())
}
