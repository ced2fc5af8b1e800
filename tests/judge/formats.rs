//! Recordings of runs, and MCAP files of others.

use super::support::{judge, program, root};
use serde_json::Value;
use std::collections::BTreeMap;
use tempfile::TempDir;

/// A recording of a run is judged as the run was, whole or cut.
#[test]
fn recordings_of_runs_are_judged_as_the_run_was() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let runs = folder.path().to_str().expect("a temporary path is UTF-8");
    let scenario = "scenarios/drone-bench/hover-and-land.yaml";
    let run = program(&root(), &["run", scenario, "--fast", "--no-plots", "--json", "--runs", runs], b"").with(0);
    let verdict = run.json();
    let made = folder.path().read_dir().expect("it is there").next().expect("a run was made").expect("readable").path();
    let rules = ["--rig", "rigs/drone-bench/rig.yaml", "--rules", "rigs/drone-bench/envelope.yaml", "--json"];
    let path = made.to_str().expect("UTF-8");
    let all: Vec<&str> = ["judge", path].iter().chain(&rules).copied().collect();
    let told = program(&root(), &all, b"").with(0).json();
    let margin = |rule: &Value| rule["margin"]["hi"].as_f64();
    let mut compared = 0;
    for rule in told["rules"].as_array().expect("rules") {
        let run =
            verdict["rules"].as_array().expect("rules").iter().find(|r| r["rule"] == rule["rule"]).expect("there");
        assert_eq!(rule["verdict"], run["verdict"]);
        let (Some(judged), Some(ran)) = (margin(rule), margin(run)) else { panic!("{rule}\n{run}") };
        // Recorded numbers stand in the units that people read: the last place may differ.
        assert!((judged - ran).abs() <= 1e-9 * ran.abs(), "{rule}\n{run}");
        compared += 1;
    }
    assert!(compared >= 5, "{told}");
    // Cut in the middle: what is there is judged, and nothing passes.
    let bytes = std::fs::read(made.join("recording.mcap")).expect("it was recorded");
    let cut = folder.path().join("cut.mcap");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("it can be written");
    let cut = cut.to_str().expect("UTF-8");
    let ended = program(&root(), &["judge", cut, "--rule", "fc.altitude <= 8 m"], b"").with(2);
    ended.says("the file ends in the middle: it was cut").says("the trace ends too early");
    program(&root(), &["judge", cut, "--rule", "fc.altitude <= 0.1 m"], b"").with(1).says_not("too early");
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0x10;
    let flipped = folder.path().join("flipped.mcap");
    std::fs::write(&flipped, &changed).expect("it can be written");
    program(&root(), &["judge", flipped.to_str().expect("UTF-8"), "--rule", "fc.altitude <= 8 m"], b"").with(2);
}

/// An MCAP file of somebody else's: JSON, protobuf made by a foreign library, and what nobody can read.
#[test]
fn foreign_mcap_files_are_flattened() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let path = folder.path().join("foreign.mcap");
    let file = std::fs::File::create(&path).expect("it can be made");
    let mut writer = mcap::WriteOptions::new()
        .compression(Some(mcap::Compression::Lz4))
        .create(std::io::BufWriter::new(file))
        .expect("it can be begun");
    let none = BTreeMap::new();
    let json = writer.add_channel(0, "/arm/state", "json", &none).expect("a channel");
    let pool = prost_reflect::DescriptorPool::global();
    let timestamp = pool.get_message_by_name("google.protobuf.Timestamp").expect("it is always there");
    let set = prost::Message::encode_to_vec(&prost_types::FileDescriptorSet {
        file: vec![timestamp.parent_file().file_descriptor_proto().clone()],
    });
    let schema = writer.add_schema("google.protobuf.Timestamp", "protobuf", &set).expect("a schema");
    let stamps = writer.add_channel(schema, "clock", "protobuf", &none).expect("a channel");
    let odd = writer.add_channel(0, "/odd", "cdr", &none).expect("a channel");
    let mut put = |channel: u16, at: u64, data: &[u8]| {
        let header = mcap::records::MessageHeader { channel_id: channel, sequence: 0, log_time: at, publish_time: at };
        writer.write_to_known_channel(&header, data).expect("it can be written");
    };
    for i in 0..10u64 {
        let mode = if i < 5 { "MOVING" } else { "HOLDING" };
        let text =
            format!("{{\"joints\":[{i},0.5],\"tip\":{{\"z\":{}}},\"mode\":\"{mode}\",\"ok\":true,\"n\":null}}", i * 2);
        put(json, i * 1_000_000_000, text.as_bytes());
        let mut message = prost_reflect::DynamicMessage::new(timestamp.clone());
        message.set_field_by_name("seconds", prost_reflect::Value::I64(i as i64 * 10));
        put(stamps, i * 1_000_000_000 + 1, &prost::Message::encode_to_vec(&message));
        put(odd, i, b"\0\0");
    }
    put(json, 10_000_000_000, b"{ this is no JSON");
    writer.finish().expect("it can be ended");
    let judge = |arguments: &[&str]| {
        let all: Vec<&str> = ["judge", path.to_str().expect("UTF-8")].iter().chain(arguments).copied().collect();
        program(folder.path(), &all, b"")
    };
    let listing = judge(&[]).with(64);
    for words in
        ["arm.state.joints._0", "arm.state.tip.z", "{MOVING, HOLDING}", "clock.seconds", "0 .. 90", "clock.nanos"]
    {
        listing.says(words);
    }
    let ended = judge(&["--rule", "arm.state.tip.z <= 18", "--rule", "clock.seconds < 100"]).with(2);
    ended
        .says("channel `/odd` is left out: its messages are `cdr`")
        .says("this is no JSON")
        .says("margin unknown to 10");
    // Message 31 is the last: what it would have said is unknown.
    ended.says("message 31 on `arm.state`").says("could not be told at 10 s");
    judge(&["--rule", "when: arm.state.mode == HOLDING; always: arm.state.joints._0 >= 6"]).with(1).says("at 5 s");
}

/// The records of a file without chunks, packed into one chunk of Zstandard, which is what most foreign writers make.
fn packed_with_zstd(plain: &[u8]) -> Vec<u8> {
    let record = |opcode: u8, body: &[u8]| [&[opcode][..], &(body.len() as u64).to_le_bytes(), body].concat();
    let (mut out, mut chunked) = (mcap::MAGIC.to_vec(), Vec::new());
    let mut rest = &plain[mcap::MAGIC.len()..];
    while let [opcode, after @ ..] = rest {
        let length = u64::from_le_bytes(after[..8].try_into().expect("eight bytes")) as usize;
        let (whole, next) = rest.split_at(9 + length);
        match opcode {
            1 => out.extend_from_slice(whole),
            3..=5 => chunked.extend_from_slice(whole),
            _ => break,
        }
        rest = next;
    }
    let packed = ruzstd::encoding::compress_to_vec(chunked.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    let mut chunk = [0u64, u64::MAX, chunked.len() as u64].map(u64::to_le_bytes).concat();
    chunk.extend_from_slice(&[0; 4]);
    chunk.extend_from_slice(&4u32.to_le_bytes());
    chunk.extend_from_slice(b"zstd");
    chunk.extend_from_slice(&(packed.len() as u64).to_le_bytes());
    chunk.extend_from_slice(&packed);
    out.extend(record(6, &chunk));
    out.extend(record(15, &[0; 4]));
    out.extend(record(2, &[0; 20]));
    out.extend_from_slice(mcap::MAGIC);
    out
}

#[test]
fn chunks_of_zstandard_are_read() {
    let mut plain = std::io::Cursor::new(Vec::new());
    let mut writer =
        mcap::WriteOptions::new().use_chunks(false).compression(None).create(&mut plain).expect("it can be begun");
    let channel = writer.add_channel(0, "pump", "json", &BTreeMap::new()).expect("a channel");
    for i in 0..5000u64 {
        let at = i * 1_000_000;
        let header = mcap::records::MessageHeader { channel_id: channel, sequence: 0, log_time: at, publish_time: at };
        let text = format!("{{\"pressure\":{}}}", i % 100);
        writer.write_to_known_channel(&header, text.as_bytes()).expect("it can be written");
    }
    writer.finish().expect("it can be ended");
    drop(writer);
    let packed = packed_with_zstd(plain.get_ref());
    assert!(packed.len() < plain.get_ref().len() / 2, "it is packed");
    let ended = judge(&packed, &["--rule", "pump.pressure <= 98"]).with(1);
    ended.says("first broken at 0.099 s").says("broken 50 times").says("5000 rows");
    judge(&packed[..packed.len() / 2], &["--rule", "pump.pressure <= 98"])
        .with(64)
        .says("unknown signal")
        .says("it was cut");
}
