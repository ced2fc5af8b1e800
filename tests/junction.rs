//! The junction's edge node with a primary host: it is in a session only while that is there, and flashes when it leaves.

mod common;

use checkrein::codec::sparkplug::payload::{DataType, Datum, Payload, metric};
use checkrein::codec::sparkplug::state::{State, topic};
use checkrein::diag::Files;
use checkrein::rig::Rig;
use checkrein::run::RunVerdict;
use checkrein::scenario::plan::{Mode, Plan};
use checkrein::scenario::{Request, check};
use checkrein::sim::Bench;
use checkrein::time::{Span, Time};
use checkrein::r#virtual::Options;
use checkrein::wire::{Frame, FrameFlags, LinkId};
use common::{ProjectFiles, bench, run};
use prost::Message;
use std::sync::Arc;

const HOST: &str = "bench";

/// The shipped rig, with a primary host for its signal controller.
struct Hosted;

impl Files for Hosted {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let bytes = ProjectFiles.read(path)?;
        if path != "rigs/junction/rig.yaml" {
            return Ok(bytes);
        }
        let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
        let hosted = text.replacen("device: signals }", &format!("device: signals, host: {HOST} }}"), 1);
        assert_ne!(hosted, text, "the rig is written otherwise by now");
        Ok(hosted.into_bytes())
    }
}

fn hosted() -> Arc<Plan> {
    let scenario = "scenarios/junction/rush-hour.yaml".to_owned();
    let request = Request { scenario, rig: None, overrides: Vec::new(), seed: 1, mode: Mode::Sim };
    match check(&request, &Hosted) {
        Ok((plan, _)) => Arc::new(plan),
        Err(list) => panic!("{}", checkrein::diag::report(&list, false)),
    }
}

/// The cabinet's link, heard and spoken to without a run.
struct Street {
    bench: Bench,
    cabinet: LinkId,
    now: Time,
    /// Said, and not heard yet.
    said: Vec<Frame>,
}

impl Street {
    fn new(rig: &Rig, bench: Bench) -> Street {
        let cabinet = rig.links.iter().find(|link| link.name == "cabinet").expect("the rig has it").id;
        Street { bench, cabinet, now: Time::ZERO, said: Vec::new() }
    }
    /// What the controller says within a second, by kind of message.
    fn hear(&mut self) -> Vec<(String, Payload)> {
        let until = self.now + Span::from_secs(1);
        while self.now < until {
            self.now += Span::from_millis(10);
            self.bench.tick(self.now, &mut self.said);
        }
        let own = std::mem::take(&mut self.said).into_iter().filter(|frame| frame.link == self.cabinet);
        own.map(|frame| {
            let topic = frame.topic.expect("it speaks MQTT");
            let kind = topic.split('/').nth(2).expect("namespace, group, kind").to_owned();
            (kind, Payload::decode(frame.bytes.as_slice()).expect("a payload"))
        })
        .collect()
    }
    fn tell(&mut self, topic: &str, retained: bool, bytes: Vec<u8>) {
        let flags = FrameFlags { retained, ..FrameFlags::default() };
        let frame = Frame { flags, ..Frame::publish(self.cabinet, topic, bytes) };
        self.bench.receive(self.now, &frame, &mut self.said);
    }
    fn state(&mut self, online: bool, timestamp: u64, retained: bool) {
        self.tell(&topic(HOST), retained, State { online, timestamp }.write());
    }
    fn order(&mut self, name: &str, kind: DataType, value: f64) {
        let metrics = vec![metric(name, kind, &Datum::Number(value)).expect("it fits")];
        let payload = Payload { metrics, ..Payload::default() };
        self.tell("spBv1.0/City/DCMD/Junction7/signals", false, payload.encode_to_vec());
    }
}

fn kinds(said: &[(String, Payload)]) -> Vec<&str> {
    let mut kinds: Vec<&str> = said.iter().map(|(kind, _)| kind.as_str()).collect();
    kinds.dedup();
    kinds
}

/// The number in a message that carries all metrics by name or, as the first of them all, by alias.
fn mode(payload: &Payload) -> Option<f64> {
    let of =
        |m: &&checkrein::codec::sparkplug::payload::Metric| m.name.as_deref() == Some("mode") || m.alias == Some(0);
    match DataType::Int32.decode(payload.metrics.iter().find(of)?.value.as_ref()?)? {
        Datum::Number(number) => Some(number),
        _ => None,
    }
}

fn bd_seq(payload: &Payload) -> Option<Datum> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some("bdSeq"))?;
    DataType::Int64.decode(metric.value.as_ref()?)
}

#[test]
fn a_node_is_born_when_its_host_comes_and_flashes_and_dies_when_it_goes() {
    let plan = hosted();
    let mut street = Street::new(&plan.rig, bench(&plan));
    assert_eq!(kinds(&street.hear()), [] as [&str; 0], "its host was never there");
    street.state(false, 100, true);
    street.order("mode", DataType::Int32, 0.0);
    assert_eq!(kinds(&street.hear()), [] as [&str; 0]);

    street.state(true, 200, true);
    let said = street.hear();
    assert_eq!(kinds(&said), ["NBIRTH", "DBIRTH", "DDATA"]);
    let first = bd_seq(&said[0].1);
    assert_eq!(said.last().map(|(_, payload)| mode(payload)), Some(Some(1.0)), "it did not hear what came before");
    street.order("mode", DataType::Int32, 0.0);
    street.order("watchdog", DataType::UInt8, 1.0);
    assert_eq!(street.hear().last().map(|(_, payload)| mode(payload)), Some(Some(0.0)), "it runs");

    // The will of an earlier session of the host comes late.
    street.state(false, 150, false);
    street.order("watchdog", DataType::UInt8, 2.0);
    assert_eq!(kinds(&street.hear()), ["DDATA"]);

    street.order("watchdog", DataType::UInt8, 3.0);
    street.state(false, 200, false);
    let said = street.hear();
    assert_eq!(kinds(&said), ["NDEATH"]);
    assert_eq!(bd_seq(&said[0].1), first, "the death is that of its birth");
    street.order("mode", DataType::Int32, 0.0);
    assert_eq!(kinds(&street.hear()), [] as [&str; 0], "it left the broker, and hears no command");

    street.state(true, 300, false);
    let said = street.hear();
    assert_eq!(kinds(&said), ["NBIRTH", "DBIRTH", "DDATA"]);
    assert_ne!(bd_seq(&said[0].1), first, "another session");
    assert_eq!(mode(&said[1].1), Some(1.0), "it flashes since its host went");
}

#[test]
fn a_run_is_the_host_that_a_node_waits_for() {
    let (outcome, _) = run(&hosted(), &Options::default());
    assert_eq!(outcome.verdict, RunVerdict::Pass, "{:?}", outcome.reasons);
}
