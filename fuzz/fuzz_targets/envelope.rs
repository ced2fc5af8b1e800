//! Bytes to a formula and a trace: parser, checker and engine against the definition. `fuzz/run` builds and runs it.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/stl_oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    oracle::bytes::try_bytes(data);
});
