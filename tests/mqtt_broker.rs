//! The embedded broker and our MQTT links, over real sockets on the loopback.

use checkrein::codec::sparkplug::state::{State, presence};
use checkrein::io::broker::{Broker, User};
use checkrein::io::clock::Clock;
use checkrein::io::lanes::Left;
use checkrein::io::mqtt::{self, Config, Login, Will};
use checkrein::io::queue::{Post, Posts, queue};
use checkrein::run::{Input, LinkState, SendId};
use checkrein::time::Span;
use checkrein::wire::{Frame, FrameFlags, Lane, LinkId};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_checkrein");

fn program() -> &'static Path {
    Path::new(PROGRAM)
}

fn user(name: &str, publish: &[&str], subscribe: &[&str]) -> User {
    let list = |topics: &[&str]| topics.iter().map(|t| (*t).to_owned()).collect();
    User::new(name, list(publish), list(subscribe)).unwrap()
}

fn config(broker: &Broker, user: &User, version: u8, subscriptions: &[&str]) -> Config {
    Config {
        link: LinkId(0),
        client_id: format!("{}-{version}", user.name),
        host: "127.0.0.1".into(),
        port: broker.port(),
        tls: None,
        version,
        login: Some(Login { user: user.name.clone(), password: user.password.clone() }),
        subscriptions: subscriptions.iter().map(|t| (*t).to_owned()).collect(),
        keep_alive: Duration::from_secs(5),
        will: None,
    }
}

/// A link with the end of the queue at which its posts arrive.
struct Link {
    handle: mqtt::Handle,
    posts: Posts,
    clock: Clock,
}

impl Link {
    fn start(runtime: &Runtime, config: Config) -> Link {
        let clock = Clock::start();
        let (poster, posts) = queue(clock);
        Link { handle: mqtt::start(runtime.handle(), config, poster), posts, clock }
    }
    /// A link that is up.
    fn up(runtime: &Runtime, config: Config) -> Link {
        let mut link = Link::start(runtime, config);
        assert_eq!(link.state(), LinkState::Up);
        link
    }
    fn next(&mut self) -> Post {
        self.posts.blocking_recv().expect("the link posts as long as it lives")
    }
    fn state(&mut self) -> LinkState {
        loop {
            match self.next() {
                Post::Input(Input::Link { state, .. }) => return state,
                // What we said of ourselves left.
                Post::Left(Left { id: None, .. }) => (),
                other => panic!("a state of the link was awaited, not {other:?}"),
            }
        }
    }
    /// The next message, passing over what tells that our own left.
    fn message(&mut self) -> Frame {
        loop {
            match self.next() {
                Post::Input(Input::Bytes { frame, .. }) => return frame,
                Post::Left(_) => (),
                other => panic!("a message was awaited, not {other:?}"),
            }
        }
    }
    fn send(&self, id: u64, frame: Frame) {
        assert!(self.handle.send(self.clock.now(), Lane::Normal, Some(SendId(id)), frame), "the link is up");
    }
}

fn frame(topic: &str, bytes: &[u8], qos: u8, retained: bool) -> Frame {
    Frame { flags: FrameFlags { qos, retained, duplicate: false }, ..Frame::publish(LinkId(0), topic, bytes) }
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

#[test]
fn messages_pass_in_both_versions_and_all_qualities_and_what_left_is_told() {
    let harness = User::harness().unwrap();
    let pilot = user("pilot", &["pilot/#"], &["fc/#"]);
    let broker = Broker::start(program(), &[harness.clone(), pilot.clone()]).unwrap();
    let runtime = runtime();
    for (ours, theirs) in [(5, 3), (3, 5)] {
        let mut us = Link::up(&runtime, config(&broker, &harness, ours, &["pilot/#"]));
        let mut them = Link::up(&runtime, config(&broker, &pilot, theirs, &["fc/#"]));
        for qos in [0, 1, 2] {
            us.send(u64::from(qos), frame("fc/state", &[qos], qos, false));
            let heard = them.message();
            assert_eq!((heard.topic.as_deref(), heard.bytes.as_slice()), (Some("fc/state"), &[qos][..]));
            assert_eq!(heard.flags.qos, qos.min(1), "we subscribe at QoS 1");
            match us.next() {
                Post::Left(left) => {
                    assert_eq!(left.id, Some(SendId(u64::from(qos))));
                    assert!(left.done >= left.begun);
                }
                other => panic!("the sending was to be told, not {other:?}"),
            }
            them.send(9, frame("pilot/command", b"go", qos, false));
            assert_eq!(us.message().bytes, b"go");
        }
        runtime.block_on(us.handle.close());
        runtime.block_on(them.handle.close());
    }
    broker.stop().unwrap();
}

#[test]
fn a_message_of_half_a_megabyte_passes() {
    let harness = User::harness().unwrap();
    let broker = Broker::start(program(), std::slice::from_ref(&harness)).unwrap();
    let runtime = runtime();
    for version in [3, 5] {
        let mut link = Link::up(&runtime, config(&broker, &harness, version, &["big"]));
        let bytes: Vec<u8> = (0..500_000u32).map(|i| (i % 251) as u8).collect();
        link.send(1, frame("big", &bytes, 0, false));
        assert!(link.message().bytes == bytes);
        runtime.block_on(link.handle.close());
    }
}

#[test]
fn a_retained_message_reaches_who_comes_later_and_is_marked() {
    let harness = User::harness().unwrap();
    let late = user("late", &[], &["fc/birth"]);
    let broker = Broker::start(program(), &[harness.clone(), late.clone()]).unwrap();
    let runtime = runtime();
    let mut us = Link::up(&runtime, config(&broker, &harness, 5, &["fc/birth"]));
    us.send(1, frame("fc/birth", b"born", 1, true));
    let live = us.message();
    assert_eq!((live.bytes.as_slice(), live.flags.retained), (&b"born"[..], false), "to who was there it is news");
    for version in [3, 5] {
        let mut them = Link::up_or_message(&runtime, config(&broker, &late, version, &["fc/birth"]));
        let heard = them.1.take().unwrap_or_else(|| them.0.message());
        assert!(heard.flags.retained, "a replayed message is stale by definition");
        assert_eq!(heard.bytes, b"born");
        runtime.block_on(them.0.handle.close());
    }
}

impl Link {
    /// A retained message may arrive before the subscription is confirmed; both orders are right.
    fn up_or_message(runtime: &Runtime, config: Config) -> (Link, Option<Frame>) {
        let mut link = Link::start(runtime, config);
        match link.next() {
            Post::Input(Input::Link { state: LinkState::Up, .. }) => (link, None),
            Post::Input(Input::Bytes { frame, .. }) => {
                assert_eq!(link.state(), LinkState::Up);
                (link, Some(frame))
            }
            other => panic!("neither up nor a message: {other:?}"),
        }
    }
}

#[test]
fn a_wrong_password_a_strangers_topic_and_a_closed_port_are_refused_in_words() {
    let pilot = user("pilot", &["pilot/#"], &["fc/#"]);
    let broker = Broker::start(program(), std::slice::from_ref(&pilot)).unwrap();
    let runtime = runtime();
    let place = format!("127.0.0.1:{}", broker.port());
    for version in [3, 5] {
        let mut wrong = config(&broker, &pilot, version, &["fc/#"]);
        wrong.login = Some(Login { user: "pilot".into(), password: "guess".into() });
        let refused = LinkState::Refused(format!("{place}: the broker refuses our user and password"));
        assert_eq!(Link::start(&runtime, wrong).state(), refused);

        let mut nobody = config(&broker, &pilot, version, &["fc/#"]);
        nobody.login = None;
        assert!(matches!(Link::start(&runtime, nobody).state(), LinkState::Refused(_)));

        let curious = config(&broker, &pilot, version, &["secret/#"]);
        let refused = LinkState::Refused("the broker does not let us subscribe to secret/#".into());
        assert_eq!(Link::start(&runtime, curious).state(), refused);
    }
    let mut away = config(&broker, &pilot, 5, &["fc/#"]);
    broker.stop().unwrap();
    let refused = LinkState::Refused(format!("{place} refuses the connection: no broker listens there"));
    assert_eq!(Link::start(&runtime, away.clone()).state(), refused);
    away.host = "no-such-host.invalid".into();
    assert_eq!(Link::start(&runtime, away).state(), LinkState::Refused("host not found: no-such-host.invalid".into()));
}

#[test]
fn a_controller_cannot_publish_past_the_guard() {
    let harness = User::harness().unwrap();
    let pilot = user("pilot", &["pilot/#"], &[]);
    let broker = Broker::start(program(), &[harness.clone(), pilot.clone()]).unwrap();
    let runtime = runtime();
    let mut us = Link::up(&runtime, config(&broker, &harness, 5, &["#"]));
    for version in [3, 5] {
        let them = Link::up(&runtime, config(&broker, &pilot, version, &[]));
        // QoS 0 keeps the order of one client, so the second message shows that the first was dropped.
        them.send(1, frame("fc/command", b"arm", 0, false));
        them.send(2, frame("pilot/command", b"ask", 0, false));
        let heard = us.message();
        assert_eq!((heard.topic.as_deref(), heard.bytes.as_slice()), (Some("pilot/command"), &b"ask"[..]));
        runtime.block_on(them.handle.close());
    }
}

/// Says CONNECT as a client that nobody knows, and the forged command right behind it without waiting for an answer, by hand
/// since no honest client does; comes back when the broker has hung up.
fn intrude(port: u16, version: u8, password: Option<&str>) {
    let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    // MQTT 5 has a list of properties, here of no length, where 3.1.1 has nothing.
    let properties: &[u8] = if version == 5 { &[0] } else { &[] };
    let flags = if password.is_some() { 0b1100_0010 } else { 0b0000_0010 };
    let level = if version == 5 { 5 } else { 4 };
    let mut connect = [&text("MQTT")[..], &[level, flags, 0, 60], properties, &text("nobody-knows-me")].concat();
    if let Some(password) = password {
        connect.extend([text("pilot"), text(password)].concat());
    }
    let publish = [&text("pilot/goto")[..], properties, b"forged"].concat();
    let packet = |kind: u8, body: &[u8]| [&[kind, body.len() as u8][..], body].concat();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
    stream.write_all(&[packet(0x10, &connect), packet(0x30, &publish)].concat()).expect("the socket takes it");
    let mut answer = Vec::new();
    // A broker that hangs up on unread bytes may reset the connection: then nothing more is to be read either.
    let _ = stream.read_to_end(&mut answer);
    // Byte 3 of CONNACK is the reason; 0 would be welcome.
    assert!(answer.get(3) != Some(&0), "version {version}: {answer:?}");
}

/// Goal: a forged command of a client that the broker does not know never arrives. Method: without a login, with the pilot's
/// name and a guessed password, and as another device with its own password, somebody asks on the pilot's topic; what the
/// pilot says afterwards is the first that is heard there.
#[test]
fn a_forged_command_of_an_unknown_client_never_arrives() {
    let harness = User::harness().unwrap();
    let pilot = user("pilot", &["pilot/#"], &[]);
    let other = user("other", &["other/#"], &[]);
    let broker = Broker::start(program(), &[harness.clone(), pilot.clone(), other.clone()]).unwrap();
    let runtime = runtime();
    let mut us = Link::up(&runtime, config(&broker, &harness, 5, &["#"]));
    for version in [3, 5] {
        for password in [None, Some("guess")] {
            intrude(broker.port(), version, password);
        }
        let impostor = Link::up(&runtime, config(&broker, &other, version, &[]));
        impostor.send(1, frame("pilot/goto", b"forged", 0, false));
        impostor.send(2, frame("other/said", b"after it", 0, false));
        assert_eq!(us.message().topic.as_deref(), Some("other/said"), "what came before it on its wire was dropped");
        let them = Link::up(&runtime, config(&broker, &pilot, version, &[]));
        them.send(1, frame("pilot/goto", b"asked", 0, false));
        assert_eq!(us.message().bytes, b"asked");
        runtime.block_on(impostor.handle.close());
        runtime.block_on(them.handle.close());
    }
}

#[test]
fn a_client_that_dies_leaves_its_will_and_one_that_says_good_bye_does_not() {
    let harness = User::harness().unwrap();
    let pilot = user("pilot", &["pilot/#"], &[]);
    let broker = Broker::start(program(), &[harness.clone(), pilot.clone()]).unwrap();
    let runtime = runtime();
    let mut us = Link::up(&runtime, config(&broker, &harness, 5, &["pilot/#"]));
    for version in [3, 5] {
        let mut with_will = config(&broker, &pilot, version, &[]);
        let will = Will { topic: "pilot/status".into(), payload: b"dead".to_vec(), qos: 1, retain: false };
        with_will.will = Some(will);

        let polite = Link::up(&runtime, with_will.clone());
        polite.send(1, frame("pilot/status", b"leaving", 0, false));
        assert_eq!(us.message().bytes, b"leaving");
        runtime.block_on(polite.handle.close());

        // A client that dies: its runtime, and so its socket, is torn down without a word.
        let other = Runtime::new().unwrap();
        let dying = Link::up(&other, with_will);
        other.shutdown_background();
        assert_eq!(us.message().bytes, b"dead", "and nothing from the one that said good-bye");
        drop(dying);
    }
}

/// Goal: nodes of a broker know whether their host is there, as Sparkplug 3.0 has it (host-topic-phid-birth-*, -death-*,
/// message-flow-hid-sparkplug-state-message-delivered). Method: a host comes, is denied by somebody, leaves in order, comes
/// again and dies; somebody else on the broker hears it all.
#[test]
fn a_host_says_that_it_is_there_denies_that_it_is_gone_and_is_said_to_be_gone() {
    const STATE: &str = "spBv1.0/STATE/bench";
    let harness = User::harness().unwrap();
    let node = user("node", &[STATE], &[STATE]);
    let broker = Broker::start(program(), &[harness.clone(), node.clone()]).unwrap();
    let runtime = runtime();
    let heard = |link: &mut Link| {
        let frame = link.message();
        assert_eq!((frame.topic.as_deref(), frame.flags.qos), (Some(STATE), 1));
        State::read(&frame.bytes).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&frame.bytes)))
    };
    let host = |runtime: &Runtime, version: u8| {
        let clock = Clock::start();
        let (poster, posts) = queue(clock);
        let config = config(&broker, &harness, version, &["spBv1.0/Plant/#"]);
        let presence = Some(presence("bench"));
        let handle = mqtt::start_with_wills(runtime.handle(), config, Vec::new(), presence, poster);
        let mut link = Link { handle, posts, clock };
        assert_eq!(link.state(), LinkState::Up);
        link
    };
    let mut them = Link::up(&runtime, config(&broker, &node, 5, &[STATE]));
    let mut latest = 0;
    for version in [3, 5] {
        let us = host(&runtime, version);
        let born = heard(&mut them);
        assert!(born.online && born.timestamp > latest.max(1_500_000_000_000), "{born:?} is now, in milliseconds");
        let mut late =
            Link::up(&runtime, Config { client_id: "late".into(), ..config(&broker, &node, version, &[STATE]) });
        assert_eq!(heard(&mut late), born, "it is retained");
        runtime.block_on(late.handle.close());
        // Somebody who is behind the time, and somebody who is ahead of it.
        for timestamp in [born.timestamp - 7, born.timestamp + 7] {
            let lie = State { online: false, timestamp };
            them.send(1, frame(STATE, &lie.write(), 1, false));
            assert_eq!(heard(&mut them), lie);
            let word = heard(&mut them);
            assert_eq!(word, State { online: true, timestamp: timestamp.max(born.timestamp) });
        }
        runtime.block_on(us.handle.close());
        let gone = heard(&mut them);
        assert!(!gone.online && gone.timestamp >= born.timestamp, "{gone:?}");

        let other = Runtime::new().unwrap();
        let dying = host(&other, version);
        let born = heard(&mut them);
        assert!(born.online);
        other.shutdown_background();
        assert_eq!(heard(&mut them), State { online: false, ..born }, "its will has the time of its birth");
        drop(dying);
        latest = born.timestamp;
    }
    broker.stop().unwrap();
}

#[test]
fn a_lost_broker_is_told_and_a_command_for_it_is_not_kept() {
    let harness = User::harness().unwrap();
    let broker = Broker::start(program(), std::slice::from_ref(&harness)).unwrap();
    let runtime = runtime();
    let mut link = Link::up(&runtime, config(&broker, &harness, 5, &["fc/#"]));
    broker.stop().unwrap();
    assert!(matches!(link.state(), LinkState::Lost(_)));
    let kept = link.handle.send(link.clock.now(), Lane::Normal, Some(SendId(1)), frame("fc/command", b"arm", 1, false));
    assert!(!kept, "a command for a lost link is not kept");
}

/// Goal: a broker that stands still cannot let out later what may not be late, but for what it was sent before that could show.
/// Method: the broker's process is stopped; messages that live for 40 ms are sent every 5 ms until ten in a row were thrown away;
/// it goes on, and hears exactly those that left and what is sent then.
#[test]
fn what_may_not_be_late_is_not_given_to_a_broker_that_stands_still() {
    let harness = User::harness().unwrap();
    let pilot = user("pilot", &["pilot/#"], &["fc/#"]);
    let broker = Broker::start(program(), &[harness.clone(), pilot.clone()]).unwrap();
    let process = rustix::process::Pid::from_raw(broker.pid().cast_signed()).unwrap();
    let signal = |signal| rustix::process::kill_process(process, signal).unwrap();
    let runtime = runtime();
    for version in [3, 5] {
        let mut us = Link::up(&runtime, config(&broker, &harness, version, &["pilot/#"]));
        let mut them = Link::up(&runtime, config(&broker, &pilot, version, &["fc/#"]));
        let mut next = 0;
        // True: it left.
        let mut send = |us: &mut Link, lives: Span| {
            next += 1;
            let text = next.to_string();
            us.send(next, frame("fc/go", text.as_bytes(), 0, false).until(Some(us.clock.now() + lives)));
            let left = match us.next() {
                Post::Left(left) => (left.id, true),
                Post::Lapsed(id) => (Some(id), false),
                other => panic!("{other:?}"),
            };
            assert_eq!(left.0, Some(SendId(next)));
            (text, left.1)
        };
        // The broker answers in time: nothing is thrown away.
        let mut wanted: Vec<String> = (0..50).map(|_| send(&mut us, Span::from_secs(5))).map(|sent| sent.0).collect();
        signal(rustix::process::Signal::STOP);
        let (mut in_a_row, mut left) = (0, 0);
        while in_a_row < 10 {
            let (text, has_left) = send(&mut us, Span::from_millis(40));
            if has_left {
                wanted.push(text);
            }
            (in_a_row, left) = if has_left { (0, left + 1) } else { (in_a_row + 1, left) };
            if left > 1_000 {
                signal(rustix::process::Signal::CONT);
                panic!("1,000 messages went into the socket of a broker that does not read");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(rustix::process::Signal::CONT);
        // It catches up, and is given the next.
        let (text, has_left) = send(&mut us, Span::from_secs(60));
        assert!(has_left);
        wanted.push(text);
        let heard: Vec<String> = wanted.iter().map(|_| String::from_utf8(them.message().bytes).unwrap()).collect();
        assert_eq!(heard, wanted);
        runtime.block_on(us.handle.close());
        runtime.block_on(them.handle.close());
    }
    broker.stop().unwrap();
}

#[test]
fn five_thousand_messages_in_a_burst_all_arrive() {
    let harness = User::harness().unwrap();
    let broker = Broker::start(program(), std::slice::from_ref(&harness)).unwrap();
    let runtime = runtime();
    let mut link = Link::up(&runtime, config(&broker, &harness, 5, &["flood"]));
    let sender = Link::up(&runtime, Config { client_id: "flood".into(), ..config(&broker, &harness, 3, &[]) });
    for i in 0..5000u32 {
        sender.send(u64::from(i), frame("flood", &i.to_le_bytes(), 0, false));
    }
    let mut drain = sender.posts;
    std::thread::spawn(move || while drain.blocking_recv().is_some() {});
    for i in 0..5000u32 {
        assert_eq!(link.message().bytes, i.to_le_bytes());
    }
}

#[test]
fn the_broker_outlives_its_harness_long_enough_for_the_will() {
    let harness = User::harness().unwrap();
    let twin = user("twin", &[], &["harness/status"]);
    let broker = Broker::start(program(), &[harness.clone(), twin.clone()]).unwrap();
    let runtime = runtime();
    let mut them = Link::up(&runtime, config(&broker, &twin, 5, &["harness/status"]));
    let mut ours = config(&broker, &harness, 5, &[]);
    ours.will = Some(Will { topic: "harness/status".into(), payload: b"gone".to_vec(), qos: 1, retain: false });
    let other = Runtime::new().unwrap();
    let dying = Link::up(&other, ours);
    // The harness dies: its pipe to the broker and its socket close together.
    drop(broker);
    other.shutdown_background();
    assert_eq!(them.message().bytes, b"gone");
    // And then the broker leaves by itself.
    assert!(matches!(them.state(), LinkState::Lost(_)));
    drop(dying);
}

#[test]
fn our_own_broker_does_not_hold_bursts_up() {
    let harness = User::harness().unwrap();
    let broker = Broker::start(program(), std::slice::from_ref(&harness)).unwrap();
    let probed = runtime().block_on(mqtt::probe_delay(&config(&broker, &harness, 5, &[]), 50));
    // Whether a burst is slow on a busy machine is not ours to promise; that the probe runs to its end is.
    assert!(probed.is_ok(), "{probed:?}");
}
