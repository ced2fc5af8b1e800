//! Bytes to the codecs of every shipped rig. `fuzz/run codecs` builds and runs it.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/codec/any_bytes.rs"]
mod bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bytes::try_bytes(data);
});
