//! `checkrein judge TRACE`: any trace against any rule.

use super::Exit;
use super::check::print_diagnostics;
use super::replay::recording_path;
use super::say;
use crate::import::{Refusal, Sink, TimeUnit, csv, mcap, tlog, ulog};
use crate::io::Disk;
use crate::judge::{self, From, Request};
use crate::stl::Outside;
use crate::time::{Span, Time};
use crate::units::{Dimension, Quantity};
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;

/// Arguments of `judge`.
#[derive(Args, Debug)]
pub struct JudgeArguments {
    /// A CSV, MCAP, ULog or tlog file, or the folder of a run; `-` reads standard input
    trace: String,
    /// A rule: 'altitude <= 8 m', 'NAME: never: …', 'when: …; always: …'
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// An envelope file whose rules are judged
    #[arg(long = "rules", value_name = "FILE")]
    rule_file: Option<String>,
    /// A rig file, which lends the units, ranges and states of its signals and its definitions
    #[arg(long, value_name = "FILE")]
    rig: Option<String>,
    /// What the trace does not say of a signal: 'altitude: -1 m .. 40 m, stale after 60 ms'
    #[arg(long = "signal", value_name = "SIGNAL")]
    signals: Vec<String>,
    /// The time column, if it is not called time, t, timestamp or stamp
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// What its numbers are, if the heading does not say: s, ms, us, ns
    #[arg(long, value_name = "UNIT", value_parser = time_unit)]
    time_unit: Option<TimeUnit>,
    /// How long a sample holds at most; by default until the next one
    #[arg(long, value_name = "TIME", value_parser = span)]
    stale_after: Option<Span>,
    /// Where judging begins: `first` row, `heard` (every signal was heard; recordings of runs), or a time such as `2.5 s`
    #[arg(long, value_name = "WHERE", value_parser = from, allow_hyphen_values = true)]
    from: Option<From>,
    /// What a window sees where it leaves the trace
    #[arg(long, value_enum, default_value = "unknown")]
    outside: OutsideWord,
    /// Print margin and truth of each rule's formula at each stamp of the trace
    #[arg(long)]
    at_samples: bool,
    /// For machines: one JSON document; with --at-samples one line per stamp and rule
    #[arg(long)]
    json: bool,
}

#[derive(Copy, Clone, Debug, ValueEnum)]
enum OutsideWord {
    /// What was not recorded is not known: the only honest answer
    Unknown,
    /// Windows are cut to the trace, as textbooks have it
    Cut,
}

fn time_unit(text: &str) -> Result<TimeUnit, String> {
    TimeUnit::parse(text).ok_or_else(|| "wanted s, ms, us or ns".into())
}

fn span(text: &str) -> Result<Span, String> {
    const TIME: Dimension = Dimension { time: 1, ..Dimension::NONE };
    match Quantity::parse(text) {
        Ok(quantity) if quantity.unit.dimension == TIME => {
            quantity.span().filter(|s| *s > Span::ZERO).ok_or_else(|| "wanted a time greater than zero".into())
        }
        _ => Err("wanted a time such as `60 ms`".into()),
    }
}

fn from(text: &str) -> Result<From, String> {
    match text {
        "first" => Ok(From::First),
        "heard" => Ok(From::Heard),
        _ => {
            let number = text.strip_suffix('s').unwrap_or(text).trim();
            let nanos = crate::import::decimal_nanos(number.as_bytes(), TimeUnit::SECOND)
                .or_else(|| crate::import::iso8601_nanos(text));
            match nanos {
                Some(nanos) => Ok(From::At(Time::from_nanos(nanos))),
                None => Ok(From::At(
                    Time::ZERO
                        + span(text).map_err(|_| "wanted first, heard, or a time such as `2.5 s`".to_string())?,
                )),
            }
        }
    }
}

/// Judges the trace. 0: pass; 1: fail; 2: inconclusive; 64: it, or a rule, cannot be used.
pub fn judge(arguments: &JudgeArguments) -> ExitCode {
    let request = Request {
        trace: if arguments.trace == "-" { "<stdin>".into() } else { arguments.trace.clone() },
        rules: arguments.rules.clone(),
        rule_file: arguments.rule_file.clone(),
        rig: arguments.rig.clone(),
        signals: arguments.signals.clone(),
        stale_after: arguments.stale_after,
        from: arguments.from.unwrap_or_default(),
        outside: match arguments.outside {
            OutsideWord::Unknown => Outside::Unknown,
            OutsideWord::Cut => Outside::Cut,
        },
        at_samples: arguments.at_samples,
    };
    let mut file = match open(&arguments.trace) {
        Ok(file) => file,
        Err(why) => {
            say::aside(format!("error: {}: {why}", request.trace));
            return Exit::Usage.into();
        }
    };
    let format = match begins(&mut file) {
        Ok(head) if mcap::is_mcap(&head) => Format::Mcap,
        Ok(head) if head.starts_with(b"PAR1") => Format::Parquet,
        Ok(head) if ulog::is_ulog(&head) => Format::Ulog,
        Ok(head) if tlog::is_tlog(&head) => Format::Tlog,
        Ok(_) => Format::Csv,
        Err(why) => {
            say::aside(format!("error: {}: {why}", request.trace));
            return Exit::Usage.into();
        }
    };
    let options =
        csv::Options { file: request.trace.clone(), time: arguments.time.clone(), time_unit: arguments.time_unit };
    let mut read = |sink: &mut dyn Sink| -> Result<(), Refusal> {
        file.seek(SeekFrom::Start(0)).map_err(|error| csv::unreadable(&options, &error))?;
        match format {
            Format::Csv => csv::read(&mut file, &options, sink),
            Format::Mcap => mcap::read(&mut file, &options.file, sink),
            Format::Parquet => read_parquet(&file, &options, sink),
            Format::Ulog => ulog::read(&mut file, &options.file, sink),
            Format::Tlog => tlog::read(&mut file, &options.file, sink),
        }
    };
    let colour = std::io::stderr().is_terminal();
    let refused = |refused: judge::Refused| -> ExitCode {
        say::aside(refused.render(colour).trim_end());
        Exit::Usage.into()
    };
    if request.rules.is_empty() && request.rule_file.is_none() {
        return match judge::contents(&request, &mut read) {
            Ok(listing) => {
                say::text(&listing);
                say::aside("error: no rule was given; say one with --rule or --rules");
                Exit::Usage.into()
            }
            Err(why) => refused(why),
        };
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let count = request.rules.len().max(if request.rule_file.is_some() { 2 } else { 0 });
    if request.at_samples && !arguments.json {
        // Nobody is left who could be told that nobody reads.
        let _ = writeln!(out, "{}", judge::sample_heading(count));
    }
    let mut at_sample = |sample: judge::AtSample<'_>| {
        let _ = match arguments.json {
            true => writeln!(out, "{}", judge::sample_line(&sample)),
            false => writeln!(out, "{}", judge::sample_words(&sample, count)),
        };
    };
    let judged = judge::judge(&request, &Disk, &mut read, &mut at_sample);
    let _ = out.flush();
    drop(out);
    let account = match judged {
        Ok(account) => account,
        Err(why) => return refused(why),
    };
    let troubles = account.troubles.render(colour);
    if !troubles.is_empty() {
        say::aside(troubles.trim_end());
    }
    print_diagnostics(&account.hints);
    match (arguments.json, arguments.at_samples) {
        (true, true) => {}
        (true, false) => match serde_json::to_string_pretty(&judge::document(&account)) {
            Ok(text) => say::line(text),
            Err(error) => say::aside(format!("error: the account cannot be written: {error}")),
        },
        (false, at_samples) => {
            if at_samples {
                say::line("");
            }
            say::text(&judge::summary(&account));
        }
    }
    Exit::Verdict(account.verdict()).into()
}

/// What a trace is, by its first bytes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Format {
    Csv,
    Mcap,
    Parquet,
    Ulog,
    Tlog,
}

#[cfg(feature = "parquet")]
fn read_parquet(file: &File, options: &csv::Options, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let again = file.try_clone().map_err(|error| csv::unreadable(options, &error))?;
    // What its library says when it gives up on a damaged file is not for people; the refusal is.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let read = crate::import::parquet::read(again, options, sink);
    std::panic::set_hook(hook);
    read
}

#[cfg(not(feature = "parquet"))]
fn read_parquet(_file: &File, options: &csv::Options, _sink: &mut dyn Sink) -> Result<(), Refusal> {
    let message = "this is a Parquet file, which this build does not read";
    Err(Refusal::new(&options.file, message, Some("build it with `cargo build --release --features parquet`")))
}

/// The first bytes of the file, by which its format is known.
fn begins(file: &mut File) -> Result<Vec<u8>, String> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    file.take(16).read_to_end(&mut head).map_err(|error| error.to_string())?;
    Ok(head)
}

/// Opens the trace; standard input is kept in a file of its own, since it is read twice.
fn open(path: &str) -> Result<File, String> {
    if path != "-" {
        let words = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        let named = Path::new(path);
        let path = recording_path(named);
        if named.is_dir() && !path.exists() {
            return Err("this folder holds no recording.mcap; name a trace, or the folder of a run".into());
        }
        let meta = std::fs::metadata(&path).map_err(words)?;
        let mut file = File::open(&path).map_err(words)?;
        if meta.is_file() {
            return Ok(file);
        }
        return spool(&mut file);
    }
    spool(&mut std::io::stdin().lock())
}

/// Bytes of a stream that are looked at before the rest is kept.
const HEAD_BYTES: u64 = 64 << 10;

fn spool(input: &mut impl Read) -> Result<File, String> {
    let mut head = Vec::new();
    input.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| error.to_string())?;
    // A stream may never end; what can be no trace is not kept on disk first.
    let told_elsewhere = [b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| head.starts_with(*mark));
    let is_binary = mcap::is_mcap(&head)
        || head.starts_with(b"PAR1")
        || ulog::is_ulog(&head)
        || tlog::is_tlog(&head)
        || told_elsewhere;
    if let Some(place) = head.iter().position(|&byte| byte == 0)
        && !is_binary
    {
        return Err(format!(
            "byte {place} is zero, so this is no text; a CSV, an MCAP, a Parquet, a ULog or a tlog file is wanted"
        ));
    }
    let words = |error: std::io::Error| format!("it cannot be kept to be read twice: {error}");
    let path = std::env::temp_dir().join(format!("checkrein-judge-{}", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).map_err(words)?;
    // Without a name it is gone as soon as it is closed, however this ends.
    std::fs::remove_file(&path).map_err(words)?;
    file.write_all(&head).map_err(words)?;
    std::io::copy(input, &mut file).map_err(words)?;
    Ok(file)
}
