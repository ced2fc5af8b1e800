//! RTAMT 0.4.10 (Python): a child process per measurement. Discrete time where rows come each second, else its dense
//! time, which is quadratic in the trace. Online its future is asked of the past (`pastify`).

use crate::measure::Online;
use crate::peer::{Said, fewest};
use crate::workload::{Case, Shape, Stamps, Trace};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest that one child may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most rows: Python's lists of a million rows are slower only by their memory.
const MOST: usize = 100_000;

/// The columns on disk, for its child processes.
pub struct Rtamt {
    python: PathBuf,
    folder: PathBuf,
    stamps: Stamps,
}

fn text(shape: Shape) -> String {
    match shape {
        Shape::Limit => "x <= 3".into(),
        Shape::Held => "always[0,50](x <= 3)".into(),
        Shape::Response => "(x > 1) -> (eventually[0,100](y < 0.5))".into(),
        Shape::Nested => "historically[0,1000](once[0,100](x > 0))".into(),
        Shape::Once(w) => format!("once[0,{w}](x > 0)"),
        Shape::Always(w) => format!("always[0,{w}](x <= 3)"),
        Shape::Since(w) => format!("(x > -3) since[0,{w}] (y > 2)"),
        Shape::Until(w) => format!("(x > -3) until[0,{w}] (y > 2)"),
    }
}

impl Rtamt {
    /// With the interpreter that the variable `RTAMT_PYTHON` names; `None` without it.
    pub fn new(trace: &Trace, folder: &Path) -> Option<Rtamt> {
        let python = PathBuf::from(std::env::var_os("RTAMT_PYTHON")?);
        let write = |name: &str, bytes: Vec<u8>| {
            std::fs::write(folder.join(name), bytes).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        };
        write("at", trace.at.iter().flat_map(|at| at.to_le_bytes()).collect());
        write("x", trace.x.iter().flat_map(|x| x.to_le_bytes()).collect());
        write("y", trace.y.iter().flat_map(|y| y.to_le_bytes()).collect());
        Some(Rtamt { python, folder: folder.to_owned(), stamps: trace.stamps })
    }

    /// What the child said, or `None` where it took too long.
    fn ask(&self, case: &Case, rows: usize, mode: &str) -> Option<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("rtamt_child.py");
        let kind = if self.stamps == Stamps::Uniform { "discrete" } else { "dense" };
        let mut child = Command::new(&self.python)
            .arg(script)
            .arg(&self.folder)
            .args([kind, &text(case.shape), &rows.to_string(), mode])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter starts");
        let begun = Instant::now();
        loop {
            match child.try_wait().expect("it is our child") {
                Some(status) if status.success() => break,
                Some(status) => panic!("RTAMT on {}: {status}", case.name),
                None if begun.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return None;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        let mut said = String::new();
        child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
        Some(said)
    }

    pub fn said(&self, case: &Case, trace: &Trace) -> Vec<Said> {
        let mut rows = fewest(case).min(trace.rows());
        let most = MOST.min(trace.rows());
        let mut offline = None;
        while let Some(seconds) = self.ask(case, rows, "offline").and_then(|said| number(&said, "seconds")) {
            offline = Some((rows as f64 / seconds, rows));
            let larger = (rows * 4).min(most);
            // Dense time is quadratic in the trace.
            if larger == rows || seconds > 1.0 {
                break;
            }
            rows = larger;
        }
        let online = if self.stamps == Stamps::Uniform { self.ask(case, fewest(case), "online") } else { None };
        let online = online.and_then(|said| {
            let p50 = number(&said, "p50")?;
            Some(Online {
                p50,
                batch_p50: f64::NAN,
                p99: number(&said, "p99")?,
                max: number(&said, "max")?,
                allocations: 0,
                pushes: 0,
            })
        });
        let engine = if self.stamps == Stamps::Uniform { "RTAMT, discrete" } else { "RTAMT, dense" };
        let rows = offline.map_or(rows, |(_, rows)| rows);
        vec![Said { engine, note: "", offline: offline.map(|(rate, _)| rate), rows, online, bytes: None }]
    }
}

/// The number under a key of a flat JSON object.
fn number(said: &str, key: &str) -> Option<f64> {
    let (_, rest) = said.split_once(&format!("\"{key}\": "))?;
    rest.split([',', '}']).next()?.trim().parse().ok()
}
