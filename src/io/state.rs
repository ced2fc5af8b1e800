//! What outlives a run, in the state folder: who holds a rig, which rigs nobody may use, what was rehearsed.
//!
//! A rig is known by its name. A lease is two things: a lock of the operating system on `leases/<rig>.lock`, which goes
//! with the process that holds it however that ends, and `leases/<rig>.json`, which says who and until when. The lock
//! decides; the file explains. A file without a lock is what a crash leaves behind.
//!
//! Invariant: every file is written whole or not at all (written beside, made durable, then renamed); what cannot be read
//! is never taken for "nothing is wrong".

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Names another state folder.
pub const STATE_VARIABLE: &str = "CHECKREIN_STATE";

/// Where it exists, the state of rigs is here for all users of this computer: a bench has one state, whoever works at it.
pub const SHARED_FOLDER: &str = "/var/lib/checkrein";

/// Whoever only looks holds the lock for an instant: so often a run asks again before it believes that the rig is taken.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The state folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    folder: PathBuf,
}

/// Who holds a rig, until when, and how far that run has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    pub rig: String,
    pub user: String,
    pub host: String,
    pub pid: u32,
    /// What is run.
    pub scenario: String,
    /// The run's folder.
    pub run: String,
    /// Seconds since 1970, UTC.
    pub taken: u64,
    /// Seconds since 1970, UTC.
    pub until: u64,
    /// The wires were opened: from here on something may have been moved.
    pub wired: bool,
}

impl Lease {
    /// `ada@bench3 (process 4711, Hover and land)`.
    pub fn holder(&self) -> String {
        format!("{}@{} (process {}, {})", self.user, self.host, self.pid, self.scenario)
    }
}

/// Why nobody may use a rig until a person has looked at it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quarantine {
    pub rig: String,
    /// Seconds since 1970, UTC.
    pub since: u64,
    pub why: String,
    /// The run's folder.
    pub run: String,
}

/// That a person looked, and gave the rig free.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Release {
    pub rig: String,
    /// Seconds since 1970, UTC.
    pub at: u64,
    pub inspected_by: String,
    pub quarantine: Quarantine,
}

/// How a rig stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    Free,
    /// The lock is held. `None`: its file cannot be read (yet).
    Leased(Option<Lease>),
    Quarantined(Quarantine),
}

/// A lease that is held: as long as this lives and the process does.
#[derive(Debug)]
pub struct Held {
    state: State,
    pub lease: Lease,
    /// Said once: what the last holder left behind.
    pub found: Option<String>,
    _lock: File,
}

/// Why a rig cannot be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Somebody else has it.
    Leased(Option<Box<Lease>>),
    /// A person must look at it first.
    Quarantined(Quarantine),
    /// The state folder does not work, in words.
    Broken(String),
}

impl State {
    /// Where the state is: `$CHECKREIN_STATE`, else the folder that the users of this computer share, where there is one,
    /// else `$XDG_STATE_HOME/checkrein`, else `~/.local/state/checkrein`.
    pub fn find() -> Result<State, String> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let shared = Path::new(SHARED_FOLDER);
        State::among(set(STATE_VARIABLE), shared.is_dir().then_some(shared), set("XDG_STATE_HOME"), set("HOME"))
    }

    fn among(
        own: Option<OsString>,
        shared: Option<&Path>,
        xdg: Option<OsString>,
        home: Option<OsString>,
    ) -> Result<State, String> {
        let folder = own
            .map(PathBuf::from)
            .or_else(|| shared.map(Path::to_owned))
            // The XDG rules say that a relative path is to be ignored.
            .or_else(|| xdg.map(PathBuf::from).filter(|path| path.is_absolute()).map(|path| path.join("checkrein")))
            .or_else(|| home.map(|path| Path::new(&path).join(".local/state/checkrein")))
            .ok_or_else(|| format!("there is no place for the state of rigs: set {STATE_VARIABLE} to a folder"))?;
        Ok(State { folder })
    }

    /// A state folder at this place.
    pub fn at(folder: impl Into<PathBuf>) -> State {
        State { folder: folder.into() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of a rig: `<kind>/<rig><ending>`.
    pub fn path(&self, kind: &str, rig: &str, ending: &str) -> PathBuf {
        self.folder.join(kind).join(format!("{}{ending}", file_name(rig)))
    }

    /// Takes the rig for a run of this length. Nothing is opened before this says yes.
    pub fn lease(&self, rig: &str, scenario: &str, run: &str, lasts: Duration) -> Result<Held, Refused> {
        let broken = |why: String| Refused::Broken(why);
        let lock = self.take_lock(rig)?;
        let file = self.path("leases", rig, ".json");
        let left = self.read::<Lease>(&file);
        let found = match &left {
            Ok(None) => None,
            Ok(Some(lease)) if !lease.wired => {
                Some(format!("{} ended without a word before it opened a wire: its lease is void", lease.holder()))
            }
            Ok(Some(_)) | Err(_) => {
                self.discover(rig, &left).map_err(broken)?;
                None
            }
        };
        if let Some(quarantine) = self.quarantined(rig).map_err(broken)? {
            return Err(Refused::Quarantined(quarantine));
        }
        let now = unix_seconds();
        let lease = Lease {
            rig: rig.to_owned(),
            user: user(),
            host: host(),
            pid: std::process::id(),
            scenario: scenario.to_owned(),
            run: run.to_owned(),
            taken: now,
            until: now.saturating_add(lasts.as_secs()),
            wired: false,
        };
        self.write(&file, &lease).map_err(broken)?;
        Ok(Held { state: self.clone(), lease, found, _lock: lock })
    }

    /// What a holder who ended without an end left behind becomes a quarantine. The lock must be held.
    fn discover(&self, rig: &str, left: &Result<Option<Lease>, String>) -> Result<(), String> {
        let (why, run) = match left {
            Ok(Some(lease)) => (
                format!(
                    "the run of {} ended without an end after it had opened the wires: nobody saw the rig become safe",
                    lease.holder()
                ),
                lease.run.clone(),
            ),
            Ok(None) => return Ok(()),
            Err(why) => (
                format!(
                    "its lease file cannot be read, so nobody knows whether the last run made the rig safe ({why})"
                ),
                String::new(),
            ),
        };
        self.quarantine(&Quarantine { rig: rig.to_owned(), since: unix_seconds(), why, run })?;
        remove(&self.path("leases", rig, ".json"))
    }

    /// How a rig stands. Writes nothing: what a crash left behind shows as the quarantine that it will be.
    pub fn standing(&self, rig: &str) -> Result<Standing, String> {
        if let Some(quarantine) = self.quarantined(rig)? {
            return Ok(Standing::Quarantined(quarantine));
        }
        let left = self.read::<Lease>(&self.path("leases", rig, ".json"));
        if matches!(left, Ok(None)) && !self.path("leases", rig, ".lock").exists() {
            return Ok(Standing::Free);
        }
        match File::open(self.path("leases", rig, ".lock")) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Standing::Leased(left.ok().flatten())),
                Err(TryLockError::Error(error)) => return Err(format!("{}: {error}", self.folder.display())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: {error}", self.path("leases", rig, ".lock").display())),
        }
        Ok(match left {
            Ok(None) => Standing::Free,
            Ok(Some(lease)) if !lease.wired => Standing::Free,
            Ok(Some(lease)) => Standing::Quarantined(Quarantine {
                rig: rig.to_owned(),
                since: lease.taken,
                why: format!("the run of {} ended without an end after it had opened the wires", lease.holder()),
                run: lease.run,
            }),
            Err(why) => Standing::Quarantined(Quarantine {
                rig: rig.to_owned(),
                since: 0,
                why: format!("its lease file cannot be read ({why})"),
                run: String::new(),
            }),
        })
    }

    /// Keeps everybody off a rig until a person has looked at it.
    pub fn quarantine(&self, quarantine: &Quarantine) -> Result<(), String> {
        self.write(&self.path("quarantined", &quarantine.rig, ".json"), quarantine)
    }

    /// The quarantine of a rig; one that cannot be read is one all the same.
    pub fn quarantined(&self, rig: &str) -> Result<Option<Quarantine>, String> {
        match self.read(&self.path("quarantined", rig, ".json")) {
            Ok(quarantine) => Ok(quarantine),
            Err(why) => Ok(Some(Quarantine {
                rig: rig.to_owned(),
                since: 0,
                why: format!("its quarantine file cannot be read ({why})"),
                run: String::new(),
            })),
        }
    }

    /// A person looked at the rig and gives it free; recorded before it is done. `Ok(None)`: it was not quarantined.
    pub fn release(&self, rig: &str, inspected_by: &str) -> Result<Option<Release>, Refused> {
        if !self.knows(rig) {
            // Asked for by mistake: a lock file would make a rig of it.
            return Ok(None);
        }
        let lock = self.take_lock(rig)?;
        let left = self.read::<Lease>(&self.path("leases", rig, ".json"));
        if !matches!(&left, Ok(Some(lease)) if !lease.wired) {
            self.discover(rig, &left).map_err(Refused::Broken)?;
        }
        let Some(quarantine) = self.quarantined(rig).map_err(Refused::Broken)? else { return Ok(None) };
        let release =
            Release { rig: rig.to_owned(), at: unix_seconds(), inspected_by: inspected_by.to_owned(), quarantine };
        self.append(&self.path("released", rig, ".jsonl"), &release).map_err(Refused::Broken)?;
        remove(&self.path("quarantined", rig, ".json")).map_err(Refused::Broken)?;
        drop(lock);
        Ok(Some(release))
    }

    /// Whether anything is known of a rig.
    pub(super) fn knows(&self, rig: &str) -> bool {
        let files = [("leases", ".lock"), ("leases", ".json"), ("quarantined", ".json"), ("tripped", ".json")];
        files.iter().any(|(kind, ending)| self.path(kind, rig, ending).exists())
    }

    /// Every rig of which something is known, by the names in the files.
    pub fn rigs(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Named {
            rig: String,
        }
        let mut names = Vec::new();
        for kind in ["leases", "quarantined", "rehearsed", "tripped"] {
            let Ok(entries) = fs::read_dir(self.folder.join(kind)) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.extension().is_none_or(|ending| ending != "json") {
                    continue;
                }
                let named = self.read::<Named>(&path).ok().flatten().map(|named| named.rig);
                // A file that cannot be read still says by its name which rig it is about.
                let stem = || {
                    let stem = path.file_stem()?.to_string_lossy();
                    Some(rig_name(kind, &stem).unwrap_or_else(|| stem.into_owned()))
                };
                names.extend(named.or_else(stem));
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// Reads a file; `None` where there is none.
    pub fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, String> {
        match fs::read(path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("{}: {error}", path.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Writes a file whole or not at all, and durable.
    pub fn write(&self, path: &Path, content: &impl Serialize) -> Result<(), String> {
        let bytes = serde_json::to_vec_pretty(content).map_err(|error| format!("{}: {error}", path.display()))?;
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let write = || -> io::Result<()> {
            self.make_room(path)?;
            let mut file = File::create(&beside)?;
            self.share(&beside)?;
            file.write_all(&bytes)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&beside, path)?;
            match path.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(|error| {
            // A half-written file beside is litter, and nothing else.
            let _ = fs::remove_file(&beside);
            self.words(path, &error)
        })
    }

    pub(super) fn append(&self, path: &Path, content: &impl Serialize) -> Result<(), String> {
        let mut line = serde_json::to_vec(content).map_err(|error| format!("{}: {error}", path.display()))?;
        line.push(b'\n');
        let write = || -> io::Result<()> {
            self.make_room(path)?;
            let mut file = OpenOptions::new().append(true).create(true).open(path)?;
            self.share(path)?;
            file.write_all(&line)?;
            file.sync_all()
        };
        write().map_err(|error| self.words(path, &error))
    }

    /// Makes the folder of a file.
    fn make_room(&self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            self.share(folder)?;
        }
        Ok(())
    }

    /// In a state folder that a group may write, the group may write what is made in it, whatever the umask says.
    fn share(&self, path: &Path) -> io::Result<()> {
        let group_writes = 0o020;
        if fs::metadata(&self.folder)?.mode() & group_writes == 0 {
            return Ok(());
        }
        let meta = fs::metadata(path)?;
        // Only its owner may say who else may write it, and has said so when it was made.
        if meta.mode() & group_writes != 0 || meta.uid() != rustix::process::getuid().as_raw() {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(meta.mode() & 0o7777 | group_writes))
    }

    fn words(&self, path: &Path, error: &io::Error) -> String {
        format!("cannot write {}: {error}; {STATE_VARIABLE} names another folder for the state of rigs", path.display())
    }

    /// Takes the lock of a rig for a moment, without a lease.
    pub(super) fn take_lock(&self, rig: &str) -> Result<File, Refused> {
        self.lock(rig).map_err(|why| match why {
            Taken::Already => Refused::Leased(self.read(&self.path("leases", rig, ".json")).ok().flatten()),
            Taken::Broken(why) => Refused::Broken(why),
        })
    }

    /// Takes a file away; one that is not there is no mistake.
    pub(super) fn remove(&self, path: &Path) -> Result<(), String> {
        remove(path)
    }

    fn lock(&self, rig: &str) -> Result<File, Taken> {
        let path = self.path("leases", rig, ".lock");
        let open = || -> io::Result<File> {
            self.make_room(&path)?;
            // Never truncated, never removed: whoever removed it would let a second holder lock another file.
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            self.share(&path)?;
            Ok(file)
        };
        let file = open().map_err(|error| Taken::Broken(self.words(&path, &error)))?;
        for attempt in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if attempt + 1 < LOCK_TRIES => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(error)) => {
                    return Err(Taken::Broken(format!("cannot lock {}: {error}", path.display())));
                }
            }
        }
        Err(Taken::Already)
    }
}

enum Taken {
    Already,
    Broken(String),
}

impl Held {
    /// From here on the run may move something: a crash from now on leaves a quarantine behind.
    pub fn wires_opened(&mut self) -> Result<(), String> {
        self.lease.wired = true;
        self.state.write(&self.state.path("leases", &self.lease.rig, ".json"), &self.lease)
    }

    /// Gives the rig back. `unsafe_because`: a ladder could not be confirmed, so the rig is quarantined first.
    pub fn give_back(self, unsafe_because: Option<String>) -> Result<Option<Quarantine>, String> {
        let quarantine = unsafe_because.map(|why| Quarantine {
            rig: self.lease.rig.clone(),
            since: unix_seconds(),
            why,
            run: self.lease.run.clone(),
        });
        if let Some(quarantine) = &quarantine {
            self.state.quarantine(quarantine)?;
        }
        remove(&self.state.path("leases", &self.lease.rig, ".json"))?;
        Ok(quarantine)
    }
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Names are texts of people; what is no plain letter, digit, `-`, `_` or `.` is written as its number.
fn file_name(rig: &str) -> String {
    let mut name = String::new();
    for byte in rig.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || (c == '.' && !name.is_empty()) {
            name.push(c);
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    if name.is_empty() { "%".to_owned() } else { name }
}

/// The rig whose file has this stem; `None` for what [`file_name`] never made.
fn rig_name(kind: &str, stem: &str) -> Option<String> {
    let stem = match kind {
        // What was rehearsed is kept for the rig and for its twins.
        "rehearsed" => stem.strip_suffix("-rig").or_else(|| stem.strip_suffix("-sim")).unwrap_or(stem),
        _ => stem,
    };
    if stem == "%" {
        return Some(String::new());
    }
    let mut name = Vec::new();
    let mut rest = stem.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        name.push(match first {
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            plain => *plain,
        });
    }
    String::from_utf8(name).ok()
}

/// Seconds since 1970, UTC, by the wall clock.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn user() -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    named.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

fn host() -> String {
    let told = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let told = told.trim();
    if told.is_empty() { "this computer".to_owned() } else { told.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let state = State::at(folder.path().join("state"));
        (folder, state)
    }

    fn take(state: &State) -> Result<Held, Refused> {
        state.lease("bench", "Hop", "runs/1", HOUR)
    }

    #[test]
    fn a_file_that_cannot_be_read_is_listed_under_the_name_of_its_rig() {
        for rig in ["bench", "a b", "\u{e4}b", ".hidden", "x%20y", "cell 7a", ""] {
            assert_eq!(rig_name("leases", &file_name(rig)).as_deref(), Some(rig));
        }
        assert_eq!(rig_name("rehearsed", "bench-sim").as_deref(), Some("bench"));
        assert_eq!(rig_name("leases", "%zz"), None);
        let (folder, state) = state();
        state
            .quarantine(&Quarantine { rig: "a b".into(), since: 1, why: "x".into(), run: String::new() })
            .expect("kept");
        fs::write(state.path("quarantined", "a b", ".json"), "no JSON").expect("it can be written");
        assert_eq!(state.rigs(), ["a b"]);
        assert!(matches!(state.standing("a b"), Ok(Standing::Quarantined(_))));
        drop(folder);
    }

    #[test]
    fn a_folder_that_a_group_may_write_stays_so_for_what_is_made_in_it() {
        let (_folder, state) = state();
        fs::create_dir_all(state.folder()).expect("it can be made");
        fs::set_permissions(state.folder(), fs::Permissions::from_mode(0o2775)).expect("it is ours");
        take(&state).expect("it is free").give_back(Some("x".into())).expect("it can be given back");
        let mode = |path: PathBuf| fs::metadata(path).expect("it is there").mode() & 0o060;
        for path in [state.path("leases", "bench", ".lock"), state.path("quarantined", "bench", ".json")] {
            assert_eq!(mode(path.clone()), 0o060, "{}", path.display());
            assert_eq!(mode(path.parent().expect("a folder").to_owned()), 0o060);
        }
        fs::set_permissions(state.folder(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        state.release("bench", "Ada").expect("it is quarantined");
        assert_eq!(mode(state.path("released", "bench", ".jsonl")) & 0o020, 0, "a folder of one's own stays one's own");
    }

    #[test]
    fn a_rig_is_held_by_one_and_free_when_it_is_given_back() {
        let (_folder, state) = state();
        assert_eq!(state.standing("bench"), Ok(Standing::Free));
        let held = take(&state).expect("it is free");
        assert_eq!(held.lease.until - held.lease.taken, 3600);
        let Err(Refused::Leased(Some(other))) = take(&state) else { panic!("two hold it") };
        assert_eq!(*other, held.lease);
        assert_eq!(state.standing("bench"), Ok(Standing::Leased(Some(*other))));
        assert!(state.lease("other", "Hop", "runs/2", HOUR).is_ok(), "another rig is another rig");
        assert_eq!(held.give_back(None), Ok(None));
        assert_eq!(state.standing("bench"), Ok(Standing::Free));
        assert_eq!(take(&state).expect("it is free again").found, None);
    }

    #[test]
    fn a_holder_that_dies_before_the_wires_leaves_a_void_lease() {
        let (_folder, state) = state();
        drop(take(&state).expect("it is free"));
        assert_eq!(state.standing("bench"), Ok(Standing::Free));
        let next = take(&state).expect("a lease without a lock is void");
        assert!(next.found.as_ref().is_some_and(|words| words.contains("Hop") && words.contains("void")), "{next:?}");
    }

    #[test]
    fn a_holder_that_dies_after_the_wires_leaves_a_quarantine_until_a_person_has_looked() {
        let (_folder, state) = state();
        let mut held = take(&state).expect("it is free");
        held.wires_opened().expect("it can be written");
        drop(held);
        assert!(matches!(state.standing("bench"), Ok(Standing::Quarantined(_))), "seen before anybody writes it");
        let Err(Refused::Quarantined(quarantine)) = take(&state) else { panic!("it may be used") };
        assert!(quarantine.why.contains("without an end") && quarantine.run == "runs/1", "{quarantine:?}");
        assert_eq!(take(&state).err(), Some(Refused::Quarantined(quarantine.clone())), "it stays");
        let release = state.release("bench", "A. Person").expect("it works").expect("it was quarantined");
        assert_eq!((release.inspected_by.as_str(), &release.quarantine), ("A. Person", &quarantine));
        let kept = fs::read_to_string(state.path("released", "bench", ".jsonl")).expect("it was recorded");
        assert_eq!(serde_json::from_str::<Release>(kept.trim()).expect("it is JSON"), release);
        assert_eq!(state.release("bench", "A. Person"), Ok(None), "once is enough");
        take(&state).expect("it is free again");
    }

    #[test]
    fn a_crash_that_nobody_has_noticed_yet_can_be_released_at_once() {
        let (_folder, state) = state();
        let mut held = take(&state).expect("it is free");
        held.wires_opened().expect("it can be written");
        drop(held);
        assert!(state.release("bench", "A. Person").expect("it works").is_some());
        take(&state).expect("it is free");
    }

    #[test]
    fn a_ladder_that_was_not_confirmed_quarantines_before_the_rig_is_given_back() {
        let (_folder, state) = state();
        let held = take(&state).expect("it is free");
        held.give_back(Some("device fc".to_owned())).expect("it can be written");
        assert!(matches!(state.standing("bench"), Ok(Standing::Quarantined(q)) if q.why == "device fc"));
        assert!(!state.path("leases", "bench", ".json").exists());
        assert_eq!(state.rigs(), ["bench"]);
    }

    #[test]
    fn what_cannot_be_read_keeps_everybody_off() {
        for garbage in ["", "{", "[]", "\0\0\0", "{\"rig\": 3}"] {
            let (_folder, state) = state();
            drop(take(&state).expect("it is free"));
            fs::write(state.path("leases", "bench", ".json"), garbage).expect("it can be written");
            assert!(matches!(state.standing("bench"), Ok(Standing::Quarantined(_))), "{garbage:?}");
            let Err(Refused::Quarantined(quarantine)) = take(&state) else { panic!("{garbage:?} is taken for free") };
            assert!(quarantine.why.contains("cannot be read"), "{quarantine:?}");
            fs::write(state.path("quarantined", "bench", ".json"), garbage).expect("it can be written");
            assert!(matches!(take(&state), Err(Refused::Quarantined(_))), "{garbage:?} in the quarantine");
            assert!(state.release("bench", "A. Person").expect("a person can").is_some());
            take(&state).expect("it is free");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
        let (folder, _) = state();
        fs::write(folder.path().join("state"), "a file").expect("it can be written");
        let state = State::at(folder.path().join("state"));
        let Err(Refused::Broken(why)) = take(&state) else { panic!("there is no folder") };
        assert!(why.contains("state/leases") && why.contains(STATE_VARIABLE), "{why}");
    }

    #[test]
    fn the_folder_is_found_in_the_order_of_the_page() {
        let some = |text: &str| Some(OsString::from(text));
        let shared = |own, shared, xdg, home| {
            State::among(own, shared, xdg, home).map(|state| state.folder.display().to_string())
        };
        let at = |own, xdg, home| shared(own, None, xdg, home);
        let bench = Some(Path::new(SHARED_FOLDER));
        assert_eq!(shared(None, bench, some("/xdg"), some("/h/a")), Ok(SHARED_FOLDER.to_owned()));
        assert_eq!(shared(some("/own"), bench, None, None), Ok("/own".to_owned()));
        assert_eq!(at(some("/own"), some("/xdg"), some("/h/a")), Ok("/own".to_owned()));
        assert_eq!(at(None, some("/xdg"), some("/h/a")), Ok("/xdg/checkrein".to_owned()));
        assert_eq!(at(None, some("relative"), some("/h/a")), Ok("/h/a/.local/state/checkrein".to_owned()));
        assert!(at(None, None, None).is_err_and(|why| why.contains(STATE_VARIABLE)));
    }

    #[test]
    fn names_of_rigs_never_leave_the_folder_and_never_meet() {
        let names = ["bench", "../../etc/passwd", "..", "", "a b", "a%20b", "Höhe", "bench.lock", ".hidden"];
        let files: std::collections::BTreeSet<String> = names.iter().map(|name| file_name(name)).collect();
        assert_eq!(files.len(), names.len(), "{files:?}");
        assert!(files.iter().all(|file| !file.contains('/') && !file.starts_with('.')), "{files:?}");
    }
}
