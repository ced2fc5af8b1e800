//! A sink that keeps all that it is handed.

use checkrein::diag::Spot;
use checkrein::import::{Cell, Heading, Refusal, Row, Sink};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::path::PathBuf;

/// What a cell said, kept.
#[derive(Clone, PartialEq, Debug)]
pub enum Said {
    Number(f64),
    Flag(bool),
    Text(String),
    Unreadable,
    Unknown,
}

/// One row: its stamp in nanoseconds, whether it is torn, and name and value of each cell.
pub type SeenRow = (Option<i64>, bool, Vec<(String, Said)>);

/// Everything that a reader handed on.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Seen {
    pub columns: Vec<Heading>,
    pub rows: Vec<SeenRow>,
    pub troubles: Vec<String>,
    pub cuts: Vec<String>,
}

impl Seen {
    /// Whether anything at all was said to be wrong.
    pub fn is_told(&self) -> bool {
        !self.troubles.is_empty() || !self.cuts.is_empty()
    }

    /// Stamps and values of one column.
    pub fn of(&self, name: &str) -> Vec<(Option<i64>, Said)> {
        let mine = |(at, _, cells): &SeenRow| {
            let found = cells.iter().find(|(of, _)| of == name)?;
            Some((*at, found.1.clone()))
        };
        self.rows.iter().filter_map(mine).collect()
    }
}

impl Sink for Seen {
    fn column(&mut self, heading: &Heading) -> bool {
        self.columns.push(heading.clone());
        true
    }

    fn row(&mut self, row: &Row<'_>) {
        let cells = row.cells.iter().map(|(column, cell)| {
            let said = match cell {
                Cell::Number(number) => Said::Number(*number),
                Cell::Flag(flag) => Said::Flag(*flag),
                Cell::Text(text) => Said::Text((*text).to_owned()),
                Cell::Unreadable => Said::Unreadable,
                Cell::Unknown => Said::Unknown,
            };
            (self.columns[*column as usize].name.clone(), said)
        });
        self.rows.push((row.at.map(|at| at.nanos()), row.torn, cells.collect()));
    }

    fn trouble(&mut self, spot: Spot) {
        self.troubles.push(spot.message);
    }

    fn cut(&mut self, spot: Spot) {
        self.cuts.push(spot.message);
    }
}

/// How a reader is called.
pub type Read = fn(&[u8], &mut Seen) -> Result<(), Refusal>;

/// What a reader makes of bytes that it must be able to read.
pub fn seen(read: Read, bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    read(bytes, &mut seen).expect("the log can be read");
    seen
}

/// Reads every prefix. Each is refused or told to be cut, unless it ends between two messages (`borders`); and whatever it
/// says of time, the whole log says as well.
pub fn every_prefix_is_told(read: Read, bytes: &[u8], borders: &[usize]) {
    let whole = seen(read, bytes);
    for length in 0..bytes.len() {
        let mut part = Seen::default();
        let refused = read(&bytes[..length], &mut part).is_err();
        assert!(refused || part.is_told() != borders.contains(&length), "{length}: {part:?}");
        for row in part.rows.iter().filter(|row| !row.1) {
            assert!(whole.rows.contains(row), "{length} bytes say what the whole log does not: {row:?}");
        }
    }
}

/// Flips every bit of the log, one after the other, and reads it: nothing panics, and what is said then is returned with the
/// bit's number.
pub fn every_flipped_bit(read: Read, bytes: &[u8]) -> Vec<(usize, Option<Seen>)> {
    let mut flipped = bytes.to_vec();
    let mut all = Vec::new();
    for bit in 0..8 * bytes.len() {
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut part = Seen::default();
        let read = read(&flipped, &mut part);
        all.push((bit, read.is_ok().then_some(part)));
        flipped[bit / 8] = bytes[bit / 8];
    }
    all
}

/// Reads drawn bytes, alone and behind the beginning of a log, and logs in which some bytes were drawn anew.
pub fn drawn_bytes_never_panic(read: Read, bytes: &[u8], head: usize) {
    let mut random = Pcg64Mcg::seed_from_u64(7);
    for round in 0..3000 {
        let mut drawn = bytes.to_vec();
        let keep = [0, head, bytes.len() / 2][round % 3];
        if round % 2 == 0 {
            drawn.truncate(keep);
            drawn.extend((0..random.next_u32() % 300).map(|_| random.next_u32() as u8));
        } else {
            for _ in 0..=random.next_u32() % 8 {
                let place = random.next_u32() as usize % drawn.len();
                drawn[place] = random.next_u32() as u8;
            }
        }
        let _ = read(&drawn, &mut Seen::default());
    }
}

/// A real log beside the project, or in the folder that `CHECKREIN_LOGS` names; `None`, with a word, where it is missing.
pub fn real(name: &str) -> Option<Vec<u8>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/logs");
    let path = std::env::var_os("CHECKREIN_LOGS").map_or_else(beside, PathBuf::from).join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    bytes
}
