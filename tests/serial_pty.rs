//! Serial ports over real pseudo-terminals.

use checkrein::io::clock::Clock;
use checkrein::io::lanes::{Lanes, Waiting};
use checkrein::io::pty::Pty;
use checkrein::io::serial::{Port, READ_MAX};
use checkrein::rig::{Flow, Parity, PortName, SerialDef};
use checkrein::run::SendId;
use checkrein::time::Span;
use checkrein::wire::{Frame, Lane, LinkId};
use std::future::poll_fn;
use std::task::Poll;
use tokio::runtime::Runtime;

fn def(path: &str) -> SerialDef {
    let port = PortName::Path(path.into());
    SerialDef { port, baud: 921_600, parity: Parity::None, flow: Flow::None, stop_bits: 1 }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn bytes_pass_unchanged_in_both_directions() {
    let pty = Pty::open().unwrap();
    runtime().block_on(async {
        let mut port = Port::open(&def(&pty.path)).unwrap();
        // Every byte, so that no terminal setting translates, echoes or swallows one.
        let all: Vec<u8> = (0..=255).collect();
        rustix::io::write(&pty.master, &all).unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; READ_MAX];
        while heard.len() < all.len() {
            let count = poll_fn(|cx| port.poll_read(cx, &mut buffer)).await.unwrap();
            heard.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(heard, all);
        let mut sent = 0;
        while sent < all.len() {
            sent += poll_fn(|cx| port.poll_write(cx, &all[sent..])).await.unwrap();
        }
        let mut back = Vec::new();
        while back.len() < all.len() {
            let mut part = [0; 512];
            match rustix::io::read(&pty.master, &mut part) {
                Ok(count) => back.extend_from_slice(&part[..count]),
                Err(rustix::io::Errno::AGAIN) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(back, all);
    });
}

#[test]
fn a_port_that_is_held_is_busy_and_free_again_afterwards() {
    let pty = Pty::open().unwrap();
    runtime().block_on(async {
        let first = Port::open(&def(&pty.path)).unwrap();
        let why = Port::open(&def(&pty.path)).unwrap_err();
        assert_eq!(why, format!("{} is open in this program already: two links of the rig name one port", pty.path));
        // By its stable name it is the same port.
        let folder = tempfile::tempdir().unwrap();
        let stable = folder.path().join("usb-Board-if00");
        std::os::unix::fs::symlink(&pty.path, &stable).unwrap();
        let why = Port::open(&def(&stable.display().to_string())).unwrap_err();
        assert!(why.ends_with("is open in this program already: two links of the rig name one port"), "{why}");
        // A duplicate, as the watchdog has it, holds the lock as well.
        let duplicate = first.duplicate().unwrap();
        drop(first);
        assert!(Port::open(&def(&pty.path)).is_err());
        drop(duplicate);
        let freed = Port::open(&def(&pty.path));
        // Without privileges the kernel keeps a pseudo-terminal exclusive while its pair holds it open.
        assert!(freed.is_ok() || !rustix::process::geteuid().is_root(), "{freed:?}");
    });
}

/// Goal: a frame that was chosen and of which nothing could be written is thrown away when its time is over, and one that may
/// wait is not. Method: a port that is full to the last byte.
#[test]
fn what_stands_before_a_full_port_lapses_too() {
    for lapses in [true, false] {
        let pty = Pty::open().unwrap();
        runtime().block_on(async {
            let clock = Clock::start();
            let mut port = Port::open(&def(&pty.path)).unwrap();
            // As many bytes may wait as will.
            let mut lanes = Lanes::new(&port, Span::from_secs(3_600));
            let mut left = Vec::new();
            let mut pump = async |lanes: &mut Lanes, left: &mut Vec<_>| {
                poll_fn(|cx| Poll::Ready(lanes.pump(&mut port, &clock, cx, left))).await.unwrap()
            };
            let mut given = 0;
            // The kernel makes room behind our back: what found some was not the one.
            let last = loop {
                let last = clock.now() + Span::from_millis(300);
                given += 1;
                let frame = Frame::serial(LinkId(0), [b'0' + (given % 10) as u8]).until(lapses.then_some(last));
                lanes.push(Lane::Normal, Some(SendId(given)), frame);
                if pump(&mut lanes, &mut left).await == Waiting::Room {
                    break last;
                }
            };
            assert!(lanes.lapsed.is_empty() && !lanes.is_empty() && left.len() as u64 == given - 1);
            while clock.now() <= last {
                tokio::task::yield_now().await;
            }
            pump(&mut lanes, &mut left).await;
            assert_eq!(lanes.lapsed, if lapses { vec![SendId(given)] } else { vec![] });
            let (mut heard, mut part) = (0, [0; 65_536]);
            while heard < given - u64::from(lapses) {
                heard += rustix::io::read(&pty.master, &mut part).unwrap_or(0) as u64;
                pump(&mut lanes, &mut left).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(left.len() as u64, heard);
        });
    }
}

#[test]
fn an_unplugged_device_is_gone_at_once_for_reading_and_writing() {
    let mut pty = Pty::open().unwrap();
    runtime().block_on(async {
        let mut port = Port::open(&def(&pty.path)).unwrap();
        pty.release();
        let path = pty.path.clone();
        drop(pty);
        let mut buffer = [0; READ_MAX];
        let gone = poll_fn(|cx| port.poll_read(cx, &mut buffer)).await.unwrap_err();
        assert_eq!(gone.0, format!("{path} was unplugged"));
        assert_eq!(port.write(b"x").unwrap_err().0, format!("{path} was unplugged"));
    });
}

#[test]
fn a_full_port_takes_a_part_and_never_waits_and_what_is_queued_can_be_thrown_away() {
    let pty = Pty::open().unwrap();
    runtime().block_on(async {
        let mut port = Port::open(&def(&pty.path)).unwrap();
        let mut sent = 0;
        loop {
            match port.write(&[0x55; 4096]).unwrap() {
                0 => break,
                count => sent += count,
            }
        }
        assert!(sent > 0);
        assert_eq!(port.write(b"more").unwrap(), 0, "a full port says so");
    });
}

#[test]
fn what_is_no_port_is_said_to_be_none() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file").display().to_string();
        std::fs::write(&file, "").unwrap();
        assert_eq!(Port::open(&def(&file)).unwrap_err(), format!("{file} is no serial port"));
        let missing = folder.path().join("missing").display().to_string();
        let why = Port::open(&def(&missing)).unwrap_err();
        assert!(why.starts_with(&format!("no such port: {missing}; ")), "{why}");
    });
}

#[test]
fn time_on_the_wire_counts_every_bit() {
    let pty = Pty::open().unwrap();
    runtime().block_on(async {
        let slow = SerialDef { baud: 9600, parity: Parity::Even, stop_bits: 2, ..def(&pty.path) };
        let port = Port::open(&slow).unwrap();
        // 1 start + 8 data + 1 parity + 2 stop = 12 bits, 800 bytes a second.
        assert_eq!(port.time_for(800), Span::from_secs(1));
        assert_eq!(port.bytes_within(Span::from_millis(100)), 80);
    });
}
