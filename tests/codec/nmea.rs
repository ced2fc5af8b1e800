//! NMEA 0183: sentences in any chunks, noise, what a foreign implementation wrote, the mirror, and the page.

use checkrein::codec::nmea::device::{clock, degrees, sentence};
use checkrein::codec::nmea::sentence::FIELDS;
use checkrein::codec::{
    Body, Codec, ConfigSite, Decode, DeviceConfig, LinkConfig, Note, Protocol, SignalMap, Turn, build,
};
use checkrein::signal::{SignalId, Value};
use checkrein::time::Time;
use checkrein::wire::{DeviceId, Frame, LinkId};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

const LINK: LinkId = LinkId(1);
const RECEIVER: DeviceId = DeviceId(2);
/// Written by pynmea2; see the README beside it.
const PYNMEA2: &[u8] = include_bytes!("lines/pynmea2.nmea");
const PICKED: [(&str, Decode); 6] = [
    ("GGA.latitude", Decode::Number),
    ("GGA.longitude", Decode::Number),
    ("GGA.altitude", Decode::Number),
    ("RMC.valid", Decode::Flag),
    ("RMC.knots", Decode::Number),
    ("GSA.fix", Decode::Number),
];

fn config() -> LinkConfig {
    let signal = |(place, (field, decode)): (usize, &(&str, Decode))| SignalMap {
        signal: SignalId(place as u32),
        field: (*field).to_owned(),
        scale: 2.0,
        offset: 1.0,
        decode: decode.clone(),
        every: None,
    };
    let device = DeviceConfig {
        device: RECEIVER,
        name: "receiver".into(),
        protocol: Protocol::Nmea,
        signals: PICKED.iter().enumerate().map(signal).collect(),
        commands: vec![],
        identity: vec![],
        heartbeat: None,
        poll: None,
        tells: None,
        may: vec![],
    };
    LinkConfig { link: LINK, devices: vec![device] }
}

fn host() -> Box<dyn Codec> {
    build(&config()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn hear(host: &mut dyn Codec, bytes: &[u8], chunk: usize) -> Turn {
    let mut turn = Turn::default();
    bytes.chunks(chunk).for_each(|part| host.feed(Time::ZERO, &Frame::serial(LINK, part), &mut turn));
    turn
}

fn is(turn: &Turn, place: usize, wanted: f64) {
    let (signal, value) = turn.samples[place];
    let Value::Number(found) = value else { panic!("{signal:?} is {value:?}, wanted {wanted}") };
    assert!((found - (wanted * 2.0 + 1.0)).abs() < 1e-9, "{signal:?} is {found}, wanted {wanted}");
}

#[test]
fn sentences_of_pynmea2_are_read_in_chunks_of_every_size() {
    let whole = hear(host().as_mut(), PYNMEA2, PYNMEA2.len());
    // RMC, GGA, RMC without a fix, GSA: valid and knots, the place, not valid and no speed, the kind of fix.
    let signals: Vec<u32> = whole.samples.iter().map(|(signal, _)| signal.0).collect();
    assert_eq!(signals, [3, 4, 0, 1, 2, 3, 4, 5]);
    assert_eq!(whole.samples[0].1, Value::Flag(true));
    is(&whole, 1, 22.4);
    is(&whole, 2, 48.0 + 7.038 / 60.0);
    is(&whole, 3, 11.0 + 31.0 / 60.0);
    is(&whole, 4, 545.4);
    assert_eq!((whole.samples[5].1, whole.samples[6].1), (Value::Flag(false), Value::Unknown));
    is(&whole, 7, 3.0);
    assert_eq!(whole.messages.len(), 5, "VTG shows that it lives");
    assert_eq!(whole.notes, [Note::Identified { device: RECEIVER }]);
    for chunk in 1..PYNMEA2.len() {
        let turn = hear(host().as_mut(), PYNMEA2, chunk);
        assert_eq!((&turn.samples, &turn.notes), (&whole.samples, &whole.notes), "chunks of {chunk}");
    }
}

#[test]
fn noise_and_broken_sentences_are_counted_and_hide_no_good_one() {
    let first = hear(host().as_mut(), PYNMEA2, 64).samples;
    let bytes = [b"\x00\xffgarbage$GPRMC,12", PYNMEA2, b"$GPGGA,1*00\r\n$GPGGA,no sum\r\n"].concat();
    let turn = hear(host().as_mut(), &bytes, 5);
    assert_eq!(turn.samples, first);
    let noise: u32 = turn.notes.iter().map(|note| if let Note::Noise { bytes } = note { *bytes } else { 0 }).sum();
    assert_eq!(noise, 18);
    assert_eq!(turn.notes.iter().filter(|note| matches!(note, Note::Corrupt { .. })).count(), 2);
    // Every single byte of a sentence changed, in every way that is not another line end: never another value.
    let gga = PYNMEA2.split_inclusive(|byte| *byte == b'\n').nth(1).expect("the second sentence");
    for place in 1..gga.len() - 2 {
        let mut changed = gga.to_vec();
        changed[place] ^= 0x01;
        let samples = hear(host().as_mut(), &changed, 64).samples;
        assert!(samples.is_empty(), "byte {place} changed, and {samples:?} was heard");
    }
}

#[test]
fn random_bytes_are_no_sentences_and_stop_nothing() {
    let mut rng = Pcg64Mcg::seed_from_u64(5);
    let mut host = host();
    for _ in 0..2_000 {
        let length = (rng.next_u64() % 300) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| rng.next_u64() as u8).collect();
        assert_eq!(hear(host.as_mut(), &bytes, 17).samples, []);
    }
    hear(host.as_mut(), b"\r\n", 2);
    assert_eq!(hear(host.as_mut(), PYNMEA2, 3).samples.len(), 8);
}

#[test]
fn what_the_mirror_says_is_read_back() {
    for (latitude, longitude) in [(48.117_3, 11.516_7), (-33.94, -70.501), (0.0, 0.0), (-89.999_999, 179.999_999)] {
        let [north, half] = degrees(latitude, ("N", "S"), 2);
        let [east, side] = degrees(longitude, ("E", "W"), 3);
        let fields = [clock(45_319.25), north, half, east, side, "1".into(), "08".into(), "0.9".into(), "545.4".into()];
        let turn = hear(host().as_mut(), &sentence("GNGGA", &fields), 7);
        let found = |place: usize| match turn.samples[place].1 {
            Value::Number(found) => (found - 1.0) / 2.0,
            other => panic!("{other:?}"),
        };
        // The mirror writes ten-thousandths of a minute.
        assert!((found(0) - latitude).abs() < 1e-6 && (found(1) - longitude).abs() < 1e-6, "{latitude} {longitude}");
    }
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let problem = |change: fn(&mut DeviceConfig)| {
        let mut config = config();
        change(&mut config.devices[0]);
        let problems = build(&config).err().expect("a mistake");
        assert_eq!(problems.len(), 1, "{problems:?}");
        (problems[0].site.clone(), problems[0].remedy.clone().unwrap_or_default())
    };
    let (site, remedy) = problem(|device| device.signals[2].field = "GGA.altitud".into());
    assert_eq!(site, ConfigSite::Signal(2));
    assert!(remedy.contains("GGA.altitude"), "{remedy}");
    assert_eq!(
        problem(|device| device.poll = Some(("?".into(), checkrein::time::Span::from_secs(1)))).0,
        ConfigSite::Poll
    );
    let mut two = config();
    two.devices.push(two.devices[0].clone());
    assert!(build(&two).is_err_and(|problems| problems.iter().any(|problem| problem.site == ConfigSite::Protocol)));
}

#[test]
fn the_page_names_every_field() {
    let page = include_str!("../../docs/nmea.md");
    for field in FIELDS {
        let name = format!("`{}.{}`", field.sentence, field.name);
        assert!(page.contains(&name), "{name} is not on the page");
    }
    assert!(matches!(hear(host().as_mut(), PYNMEA2, 9).messages[0].body, Body::Samples(_)));
}
