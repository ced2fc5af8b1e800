//! Which serial ports there are, which of them a rig file means, and who holds them: read from `/dev/serial/by-id`, `/sys`
//! and `/proc`.
//!
//! Invariant: nothing here opens a port, and a machine without `/sys/class/tty` is a machine without USB ports.

use crate::rig::PortName;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The path of the port that is meant, or in words why there is none; the words list the ports that are present.
pub fn resolve(port: &PortName) -> Result<String, String> {
    resolve_in(port, Path::new("/sys/class/tty"), Path::new("/dev"))
}

/// Every port by the name that will be the same tomorrow, where there is one.
pub fn present() -> Vec<String> {
    present_in(Path::new("/sys/class/tty"), Path::new("/dev"))
}

/// The stable names of the port that the kernel calls by this path.
pub fn stable_names(real: &str) -> Vec<String> {
    let folder = Path::new("/dev/serial/by-id");
    let means = |name: &String| fs::canonicalize(folder.join(name)).is_ok_and(|path| path == Path::new(real));
    names_in(folder).into_iter().filter(means).map(|name| folder.join(name).display().to_string()).collect()
}

/// Processes that have this port open, as far as this user may see them.
pub fn holders(path: &str) -> Vec<Holder> {
    // A stable name is a link to the one that the kernel knows.
    let Ok(real) = fs::canonicalize(path) else { return Vec::new() };
    let pids = names_in(Path::new("/proc")).into_iter().filter_map(|name| name.parse::<u32>().ok());
    let open: Vec<u32> = pids
        .filter(|pid| {
            let folder = PathBuf::from(format!("/proc/{pid}/fd"));
            names_in(&folder).iter().any(|fd| fs::read_link(folder.join(fd)).is_ok_and(|open| open == real))
        })
        .collect();
    open.iter()
        .map(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).skip(1).take(2).collect();
            let is_watchdog = words == [b"child".as_slice(), b"watchdog"];
            let has_harness = parent(*pid).is_some_and(|parent| open.contains(&parent));
            Holder { pid: *pid, is_watchdog, has_harness }
        })
        .collect()
}

/// A process that has a port open.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    pub pid: u32,
    /// It is a watchdog of this program's.
    pub is_watchdog: bool,
    /// The process that started it has the port open as well.
    pub has_harness: bool,
}

impl Holder {
    /// A watchdog whose harness is gone: it makes the machine safe, and leaves by itself.
    pub fn is_left_behind(&self) -> bool {
        self.is_watchdog && !self.has_harness
    }
}

/// The fourth field of `/proc/PID/stat`, behind a name in brackets that may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Waits while a watchdog of an earlier run holds the port, for at most so long: it is making a machine safe, and leaves by
/// itself. `say` is told of each in words. True when the port was waited for.
pub fn await_watchdogs(port: &PortName, at_most: Duration, mut say: impl FnMut(String)) -> bool {
    let Ok(path) = resolve(port) else { return false };
    let until = Instant::now() + at_most;
    let mut waited = false;
    loop {
        let holders = holders(&path);
        let left = until.saturating_duration_since(Instant::now());
        let Some(watchdog) = holders.iter().find(|holder| holder.is_left_behind()) else { return waited };
        if left.is_zero() {
            return waited;
        }
        if !std::mem::replace(&mut waited, true) {
            say(format!(
                "{path} is still held by the watchdog of an earlier run (process {}), which is making the machine safe: \
                 waiting for its end, at most {} s",
                watchdog.pid,
                at_most.as_secs()
            ));
        }
        let pid = i32::try_from(watchdog.pid).ok().and_then(rustix::process::Pid::from_raw);
        let Some(Ok(end)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
            // It is gone already, or this kernel cannot tell of its end: looked for again, but not in a hurry.
            std::thread::sleep(Duration::from_millis(50).min(left));
            continue;
        };
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        // Interrupted or not: the next look tells.
        let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&timeout));
    }
}

fn resolve_in(port: &PortName, sys: &Path, dev: &Path) -> Result<String, String> {
    match port {
        PortName::Path(path) if Path::new(path).exists() => Ok(path.clone()),
        PortName::Path(path) => Err(format!("no such port: {path}; {}", listed(sys, dev))),
        PortName::Twin => Err("the rig names no port for it: only its twin is there".into()),
        PortName::Usb { vid, pid, serial } => {
            let wanted = Usb { vid: *vid, pid: *pid, serial: serial.clone() };
            let found: Vec<String> =
                usb_ports(sys).into_iter().filter(|(_, usb)| wanted.means(usb)).map(|(name, _)| name).collect();
            match found.as_slice() {
                [one] => Ok(dev.join(one).display().to_string()),
                [] => Err(format!("no such port: {wanted}; {}", listed(sys, dev))),
                several => {
                    Err(format!("{wanted} is not one port but {}: add the adapter's serial number", several.join(", ")))
                }
            }
        }
    }
}

fn listed(sys: &Path, dev: &Path) -> String {
    let present = present_in(sys, dev);
    if present.is_empty() { "no serial port is present".into() } else { format!("present: {}", present.join(", ")) }
}

fn present_in(sys: &Path, dev: &Path) -> Vec<String> {
    let by_id = names_in(&dev.join("serial/by-id"));
    if !by_id.is_empty() {
        return by_id.into_iter().map(|n| dev.join("serial/by-id").join(n).display().to_string()).collect();
    }
    // Without stable names: every port with a device behind it, which leaves out the virtual consoles.
    names_in(sys)
        .into_iter()
        .filter(|name| sys.join(name).join("device/driver").exists())
        .map(|name| dev.join(name).display().to_string())
        .collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// What a USB adapter says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Usb {
    vid: u16,
    pid: u16,
    serial: Option<String>,
}

impl Usb {
    fn means(&self, found: &Usb) -> bool {
        self.vid == found.vid && self.pid == found.pid && (self.serial.is_none() || self.serial == found.serial)
    }
}

impl std::fmt::Display for Usb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "USB {:04x}:{:04x}", self.vid, self.pid)?;
        self.serial.as_ref().map_or(Ok(()), |serial| write!(f, " with serial number {serial}"))
    }
}

/// Ports with a USB device behind them. The numbers stand some levels above the port in `/sys`, in the device's folder.
fn usb_ports(sys: &Path) -> Vec<(String, Usb)> {
    let mut ports = Vec::new();
    for name in names_in(sys) {
        let Ok(mut folder) = fs::canonicalize(sys.join(&name).join("device")) else { continue };
        // An interface lies at most five folders below its device (interface, driver's port, tty, name).
        for _ in 0..5 {
            if let Some(usb) = usb_numbers(&folder) {
                ports.push((name, usb));
                break;
            }
            folder = match folder.parent() {
                Some(parent) => PathBuf::from(parent),
                None => break,
            };
        }
    }
    ports
}

fn usb_numbers(folder: &Path) -> Option<Usb> {
    let text = |file: &str| fs::read_to_string(folder.join(file)).ok().map(|t| t.trim().to_owned());
    let number = |file: &str| u16::from_str_radix(&text(file)?, 16).ok();
    Some(Usb { vid: number("idVendor")?, pid: number("idProduct")?, serial: text("serial") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A made-up `/sys` and `/dev` with two adapters of one kind and a console.
    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |p: &str| root.path().join(p);
        for (port, serial) in [("ttyUSB0", "A1"), ("ttyUSB1", "B2")] {
            let device = at(&format!("devices/usb{serial}"));
            let interface = device.join("1-1:1.0").join(port);
            fs::create_dir_all(&interface).unwrap();
            fs::write(device.join("idVendor"), "0403\n").unwrap();
            fs::write(device.join("idProduct"), "6001\n").unwrap();
            fs::write(device.join("serial"), format!("{serial}\n")).unwrap();
            fs::create_dir_all(interface.join("driver")).unwrap();
            fs::create_dir_all(at("class/tty").join(port)).unwrap();
            symlink(&interface, at("class/tty").join(port).join("device")).unwrap();
        }
        fs::create_dir_all(at("class/tty/tty0")).unwrap();
        fs::create_dir_all(at("dev")).unwrap();
        root
    }

    fn ask(root: &tempfile::TempDir, serial: Option<&str>) -> Result<String, String> {
        let port = PortName::Usb { vid: 0x0403, pid: 0x6001, serial: serial.map(str::to_owned) };
        resolve_in(&port, &root.path().join("class/tty"), &root.path().join("dev"))
    }

    #[test]
    fn an_adapter_is_found_by_its_serial_number() {
        let root = machine();
        assert_eq!(ask(&root, Some("B2")).unwrap(), root.path().join("dev/ttyUSB1").display().to_string());
    }

    #[test]
    fn an_adapter_that_comes_back_as_another_tty_is_the_same_adapter() {
        let root = machine();
        let at = |p: &str| root.path().join(p);
        let before = ask(&root, Some("B2")).unwrap();
        // Unplugged, and back as the next free number, which is what the kernel does while somebody has the old one open.
        fs::remove_dir_all(at("class/tty/ttyUSB1")).unwrap();
        let why = ask(&root, Some("B2")).unwrap_err();
        assert!(why.starts_with("no such port: USB 0403:6001 with serial number B2; present: "), "{why}");
        let interface = at("devices/usbB2/1-1:1.0/ttyUSB2");
        fs::create_dir_all(interface.join("driver")).unwrap();
        fs::create_dir_all(at("class/tty/ttyUSB2")).unwrap();
        symlink(&interface, at("class/tty/ttyUSB2").join("device")).unwrap();
        let after = ask(&root, Some("B2")).unwrap();
        assert_eq!((before, after), (at("dev/ttyUSB1").display().to_string(), at("dev/ttyUSB2").display().to_string()));
    }

    #[test]
    fn two_adapters_of_one_kind_are_told_apart_or_refused() {
        let root = machine();
        let why = ask(&root, None).unwrap_err();
        assert_eq!(why, "USB 0403:6001 is not one port but ttyUSB0, ttyUSB1: add the adapter's serial number");
    }

    #[test]
    fn a_missing_adapter_names_those_that_are_there_but_no_console() {
        let root = machine();
        let dev = root.path().join("dev").display().to_string();
        let why = ask(&root, Some("C3")).unwrap_err();
        let wanted =
            format!("no such port: USB 0403:6001 with serial number C3; present: {dev}/ttyUSB0, {dev}/ttyUSB1");
        assert_eq!(why, wanted);
    }

    #[test]
    fn stable_names_are_listed_where_the_machine_has_them() {
        let root = machine();
        let by_id = root.path().join("dev/serial/by-id");
        fs::create_dir_all(&by_id).unwrap();
        fs::write(by_id.join("usb-Holybro_Pixhawk6C-if00"), "").unwrap();
        let why = ask(&root, Some("C3")).unwrap_err();
        assert!(why.contains("present: ") && why.ends_with("usb-Holybro_Pixhawk6C-if00"), "{why}");
        assert!(!why.contains("ttyUSB0"));
    }

    #[test]
    fn a_machine_without_sys_has_no_ports_and_says_so() {
        let nowhere = Path::new("/nonexistent");
        let why = resolve_in(&PortName::Path("/dev/none".into()), nowhere, nowhere).unwrap_err();
        assert_eq!(why, "no such port: /dev/none; no serial port is present");
    }
}
