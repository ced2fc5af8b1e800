//! The envelope engine beside other monitors, in one run on one core: prints a page of Markdown.
//!
//! `cargo run --release -- [--quick] [--only ENGINE] [--case TEXT] [--rows N]`; `./run` builds, brings in what is compared
//! with, and pins it to a core. Without the feature `peers` Checkrein and the floors stand alone.

#[path = "../../support/floors.rs"]
mod floors;
#[path = "../../support/workload.rs"]
mod workload;

#[cfg(feature = "peers")]
mod banquo;
mod measure;
#[cfg(feature = "peers")]
mod mistletoe;
mod ours;
#[cfg_attr(not(feature = "peers"), allow(dead_code, reason = "only the peers are paced by it"))]
mod peer;
#[cfg(feature = "peers")]
mod rtamt;
#[cfg(feature = "peers")]
mod rtlola;
mod table;

use measure::Online;
use peer::Said;
use quanta::Clock;
use std::hint::black_box;
use table::{Table, count, nanos, rate};
use workload::{Aim, Case, Rig, Stamps, Trace};

/// What was asked for on the command line.
pub struct Asked {
    only: Option<String>,
    case: Option<String>,
    rows: usize,
    passes: usize,
    quick: bool,
}

impl Asked {
    fn read() -> Asked {
        let mut asked = Asked { only: None, case: None, rows: 1_000_000, passes: 5, quick: false };
        let mut rows = None;
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| usage(&format!("{argument} needs a value")));
            match argument.as_str() {
                "--quick" => asked.quick = true,
                "--only" => asked.only = Some(value()),
                "--case" => asked.case = Some(value()),
                "--rows" => rows = Some(value().parse().unwrap_or_else(|_| usage("--rows needs a number"))),
                other => usage(&format!("unknown argument {other}")),
            }
        }
        if asked.quick {
            (asked.rows, asked.passes) = (200_000, 3);
        }
        asked.rows = rows.unwrap_or(asked.rows).max(50_000);
        asked
    }

    /// Whether the engine is asked for.
    fn engine(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == name)
    }

    /// Whether the case is asked for.
    fn case(&self, name: &str) -> bool {
        self.case.as_deref().is_none_or(|part| name.contains(part))
    }
}

fn usage(what: &str) -> ! {
    eprintln!("{what}\nusage: [--quick] [--only checkrein|floor|mstlo|banquo|rtlola|rtamt] [--case TEXT] [--rows N]");
    std::process::exit(64)
}

/// What all measurements share.
struct Bench {
    asked: Asked,
    clock: Clock,
    noise: Trace,
    irregular: Trace,
    ramp: Trace,
}

fn main() {
    let asked = Asked::read();
    let pinned = pin();
    let rows = asked.rows;
    let bench = Bench {
        clock: Clock::new(),
        noise: Trace::noise(Stamps::Uniform, rows),
        irregular: Trace::noise(Stamps::Irregular, rows),
        ramp: Trace::ramp(rows),
        asked,
    };
    let floor = bench.empty_pair();
    println!("{}; {rows} rows; {pinned}; load {}.", machine(), load());
    println!(
        "An empty pair of looks at the clock takes {} ns at the 50th, {} ns at the 99th percentile, {} ns at most, and is \
         in every p50, p99 and max. p50/16: 16 pushes timed together, over 16.",
        nanos(floor.p50),
        nanos(floor.p99),
        nanos(floor.max)
    );
    bench.floors();
    bench.cases("The four formulas, one row a second", &workload::four(), &bench.noise);
    bench.cases("The four formulas, irregular stamps", &workload::four(), &bench.irregular);
    bench.cases("Windows", &workload::windows(), &bench.noise);
    let worst: Vec<Case> = workload::windows().into_iter().filter(|case| case.window == 10_000).collect();
    bench.cases("Windows over a ramp, the worst for a sliding extreme", &worst, &bench.ramp);
    bench.rigs();
}

impl Bench {
    fn empty_pair(&self) -> Online {
        measure::online(&self.clock, 1_000, 200_000, |row| {
            black_box(row);
        })
    }

    fn floors(&self) {
        if !self.asked.engine("floor") {
            return;
        }
        let column = &self.noise.x;
        let sum =
            measure::rate(self.asked.passes, column.len(), || measure::seconds(|| floors::sum(black_box(column))));
        println!("Reading the column alone (a sum in eight lanes): {} rows/s.", rate(sum));
    }

    /// Rows a second of the same work by hand in plain numbers, without interval, truth or gaps.
    fn floor(&self, case: &Case, trace: &Trace) -> Option<f64> {
        let work = floors::of(case.shape)?;
        let pass = || measure::seconds(|| work(black_box(trace), case.shape));
        Some(measure::rate(self.asked.passes, trace.rows(), pass))
    }

    fn cases(&self, title: &str, cases: &[Case], trace: &Trace) {
        let heads = [
            "formula",
            "engine",
            "rows/s offline",
            "aim",
            "× floor",
            "of rows",
            "p50 ns",
            "p50/16",
            "aim",
            "p99",
            "aim",
            "max",
            "bytes",
            "allocations per 1,000 pushes",
        ];
        let mut table = Table::new(title, &heads);
        for case in cases.iter().filter(|case| self.asked.case(&case.name)) {
            let floor = self.floor(case, trace);
            if let Some(offline) = floor.filter(|_| self.asked.engine("floor")) {
                let offline = Some(offline);
                let said =
                    Said { engine: "floor, by hand", note: "", offline, rows: trace.rows(), online: None, bytes: None };
                table.row(line(case, said, Aim::default(), floor));
            }
            if self.asked.engine("checkrein") {
                let rows = trace.rows();
                let offline = Some(measure::rate(self.asked.passes, rows, || ours::offline(case, trace)));
                let (online, bytes) = ours::online(&self.clock, case, trace);
                let online = Some(online);
                let said = Said { engine: "**checkrein**", note: "", offline, rows, online, bytes: Some(bytes) };
                table.row(line(case, said, case.aim, floor));
            }
            for said in self.peers(case, trace) {
                table.row(line(case, said, Aim::default(), floor));
            }
        }
    }

    /// What the engines that we are compared with say of a case.
    #[cfg(feature = "peers")]
    fn peers(&self, case: &Case, trace: &Trace) -> Vec<Said> {
        let mut said = Vec::new();
        if self.asked.engine("mstlo") {
            said.extend(mistletoe::said(&self.clock, case, trace));
        }
        if self.asked.engine("banquo") {
            said.extend(banquo::said(case, trace));
        }
        if self.asked.engine("rtlola") {
            said.extend(rtlola::said(&self.clock, case, trace));
        }
        if self.asked.engine("rtamt") {
            let folder = std::env::temp_dir().join(format!("checkrein-peers-{}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder for RTAMT's columns");
            said.extend(rtamt::Rtamt::new(trace, &folder).iter().flat_map(|rtamt| rtamt.said(case, trace)));
            let _ = std::fs::remove_dir_all(&folder);
        }
        said
    }

    #[cfg(not(feature = "peers"))]
    fn peers(&self, _case: &Case, _trace: &Trace) -> Vec<Said> {
        Vec::new()
    }

    fn rigs(&self) {
        let heads = ["rules", "samples/s", "aim", "parts", "bytes", "per message: p50 ns", "p99", "max", "allocations"];
        let mut table = Table::new("Rules of a rig", &heads);
        let rigs = [
            ("50 rules, 100 signals", Rig::fifty as fn() -> Rig, "≥ 5 M"),
            ("1,000 rules, 200 signals, 250 distinct", Rig::thousand, ""),
            ("the 250 distinct ones", Rig::distinct, ""),
        ];
        if !self.asked.engine("checkrein") {
            return;
        }
        for (name, make, aim) in rigs {
            if !self.asked.case(name) {
                continue;
            }
            let rig = make();
            let messages = self.asked.rows / 5;
            let cost = ours::rig(&self.clock, &rig, messages, self.asked.passes);
            table.row([
                name.into(),
                rate(cost.samples_per_second),
                aim.into(),
                cost.parts.to_string(),
                count(cost.bytes as f64),
                nanos(cost.online.p50),
                nanos(cost.online.p99),
                nanos(cost.online.max),
                cost.online.allocations.to_string(),
            ]);
        }
    }
}

/// One line of a table of cases.
/// `floor`: rows a second of the same work by hand.
fn line(case: &Case, said: Said, aim: Aim, floor: Option<f64>) -> [String; 14] {
    let least = |aim: Option<f64>| aim.map_or(String::new(), |aim| format!("≥ {}", rate(aim)));
    let most = |aim: Option<f64>| aim.map_or(String::new(), |aim| format!("≤ {}", nanos(aim)));
    let online = |of: fn(&Online) -> f64| {
        said.online.as_ref().map(of).filter(|nanos| nanos.is_finite()).map_or(String::new(), nanos)
    };
    let note = if said.note.is_empty() { String::new() } else { format!(" ({})", said.note) };
    [
        case.name.clone(),
        format!("{}{note}", said.engine),
        said.offline.map_or("too slow".into(), rate),
        least(aim.offline),
        floor.zip(said.offline).map_or(String::new(), |(floor, rate)| format!("{:.1}", floor / rate)),
        count(said.rows as f64),
        online(|online| online.p50),
        online(|online| online.batch_p50),
        most(aim.p50),
        online(|online| online.p99),
        most(aim.p99),
        online(|online| online.max),
        said.bytes.map_or(String::new(), |bytes| count(bytes as f64)),
        said.online.filter(|online| online.pushes > 0).map_or(String::new(), |o| format!("{:.1}", o.per_thousand())),
    ]
}

/// Keeps the process on its last core; says which.
fn pin() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut set = rustix::thread::CpuSet::new();
    set.set(cores - 1);
    match rustix::thread::sched_setaffinity(None, &set) {
        Ok(()) => format!("on core {}", cores - 1),
        Err(_) => "on any core".into(),
    }
}

/// The machine's load over the last minute, for the reader who wonders what else ran.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// One line that names the machine.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map_or("?", |(_, m)| m);
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} cores of {}, Linux {}", model.trim(), kernel.trim())
}
