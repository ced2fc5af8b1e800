//! Bytes to the codecs of frames, `binary` and `protobuf`, and their mirrors. `fuzz/run frames` builds and runs it.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/codec/framed_bytes.rs"]
mod bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bytes::try_bytes(data);
});
