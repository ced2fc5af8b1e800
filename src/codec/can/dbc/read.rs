//! Reads a DBC file, as far as signals need it.

use super::words::{Word, Words};
use super::{Database, DbcError, MessageDef, Number, SignalDef, bits};
use std::collections::BTreeMap;

/// Name of the message that files keep signals of no message in.
const ORPHANS: &str = "VECTOR__INDEPENDENT_SIG_MSG";
/// An identifier of 29 bits has this bit beside it.
const EXTENDED: u32 = 1 << 31;
/// The longest message of CAN FD.
const LENGTH_MAX: usize = 64;

/// Statements that end with `;` and tell nothing that is wanted here.
const PASSED_OVER: &[&str] = &[
    "CM_",
    "BA_DEF_",
    "BA_DEF_REL_",
    "BA_DEF_DEF_REL_",
    "BA_REL_",
    "BA_DEF_SGTYPE_",
    "BA_SGTYPE_",
    "VAL_TABLE_",
    "EV_",
    "EV_DATA_",
    "ENVVAR_DATA_",
    "SGTYPE_",
    "SGTYPE_VAL_",
    "SIG_GROUP_",
    "SIG_TYPE_REF_",
    "SIGTYPE_VALTYPE_",
    "BO_TX_BU_",
    "BU_SG_REL_",
    "BU_EV_REL_",
    "BU_BO_REL_",
    "CAT_DEF_",
    "CAT_",
    "FILTER",
];
/// Statements that begin a new one wherever they stand.
const OTHERS: &[&str] =
    &["VERSION", "NS_", "BS_", "BU_", "BO_", "SG_", "VAL_", "BA_", "BA_DEF_DEF_", "SIG_VALTYPE_", "SG_MUL_VAL_"];

fn begins(word: Option<&Word>) -> bool {
    matches!(word, Some(Word::Plain(word)) if OTHERS.contains(&word.as_str()) || PASSED_OVER.contains(&word.as_str()))
}

/// What is said of messages and signals before or after they are declared.
#[derive(Default)]
struct Told {
    cycle: BTreeMap<u32, f64>,
    cycle_default: f64,
    start: BTreeMap<(u32, String), f64>,
    start_default: f64,
    chosen: Vec<Chosen>,
    /// Whole names, where a name is longer than the 32 characters that the older tools take.
    long_messages: BTreeMap<u32, String>,
    long_signals: BTreeMap<(u32, String), String>,
}

/// Of an extended multiplexed signal: message, signal, its chooser, ranges, line.
type Chosen = (u32, String, String, Vec<(i64, i64)>, usize);

/// How a signal stands to choosing.
type Choice = Option<i64>;

pub(super) fn read(text: &str) -> Result<Database, DbcError> {
    let mut words = Words::new(text)?;
    let mut database = Database::default();
    // By raw identifier: the place in the database, and of each signal the value of `m…`.
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    let mut chosen: Vec<Vec<Choice>> = Vec::new();
    let mut told = Told::default();
    let mut orphans = None;
    while let Some(word) = words.next() {
        let Word::Plain(word) = word else { return Err(words.wrong("a statement")) };
        match word.as_str() {
            "VERSION" => drop(words.text("the version, as a text")?),
            "NS_" => {
                words.mark(':')?;
                while words.peek().is_some_and(|word| *word != Word::Plain("BS_".into())) {
                    words.next();
                }
            }
            "BS_" | "BU_" => {
                words.mark(':')?;
                while words.peek().is_some() && !begins(words.peek()) {
                    words.next();
                }
            }
            "BO_" => {
                let (raw, message, choices) = message(&mut words)?;
                if message.name == ORPHANS {
                    orphans = Some(raw);
                } else {
                    if places.insert(raw, database.messages.len()).is_some() {
                        return Err(words.error(format!("message {raw} (`{}`) is declared twice", message.name)));
                    }
                    database.messages.push(message);
                    chosen.push(choices);
                }
            }
            "VAL_" => values(&mut words, &mut database, &places, orphans)?,
            "SIG_VALTYPE_" => value_type(&mut words, &mut database, &places, orphans)?,
            "SG_MUL_VAL_" => {
                let (raw, signal) = (words.number("a message's number")?, words.plain("a signal")?);
                let chooser = words.plain("the signal that chooses")?;
                let mut ranges = Vec::new();
                while !words.takes(';') {
                    let range = words.plain("a range such as `2-4`")?;
                    let ends = range.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                    ranges.push(ends.ok_or_else(|| words.wrong("a range such as `2-4`"))?);
                    words.takes(',');
                }
                let line = words.error(String::new()).line;
                told.chosen.push((raw, signal, chooser, ranges, line));
            }
            "BA_DEF_DEF_" => {
                let name = words.text("an attribute's name")?;
                let value = words.next();
                match name.as_str() {
                    "GenMsgCycleTime" => told.cycle_default = number(value),
                    "GenSigStartValue" => told.start_default = number(value),
                    _ => {}
                }
                words.skip_statement();
            }
            "BA_" => attribute(&mut words, &mut told)?,
            word if PASSED_OVER.contains(&word) => words.skip_statement(),
            _ => return Err(words.wrong("a statement")),
        }
    }
    for (raw, place) in &places {
        let message = &mut database.messages[*place];
        let cycle = told.cycle.get(raw).copied().unwrap_or(told.cycle_default);
        message.cycle_millis = (cycle >= 1.0).then_some(cycle as u32);
        for signal in &mut message.signals {
            let start = told.start.get(&(*raw, signal.name.clone()));
            signal.start_value = start.copied().unwrap_or(told.start_default);
        }
        choose(message, &chosen[*place], told.chosen.iter().filter(|(of, ..)| of == raw))?;
        // Only now: every other statement has the short names.
        for signal in &mut message.signals {
            if let Some(long) = told.long_signals.remove(&(*raw, signal.name.clone())) {
                signal.name = long;
            }
        }
        if let Some(long) = told.long_messages.remove(raw) {
            message.name = long;
        }
    }
    Ok(database)
}

fn number(word: Option<Word>) -> f64 {
    match word {
        Some(Word::Plain(word)) => word.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

fn message(words: &mut Words) -> Result<(u32, MessageDef, Vec<Choice>), DbcError> {
    let raw: u32 = words.number("a message's number")?;
    let name = words.plain("a message's name")?;
    words.mark(':')?;
    let length: usize = words.number("a message's length in bytes")?;
    if length > LENGTH_MAX && name != ORPHANS {
        return Err(words.error(format!("message `{name}` is {length} bytes long; CAN carries at most {LENGTH_MAX}")));
    }
    words.plain("the message's sender")?;
    let extended = raw & EXTENDED != 0;
    let id = raw & !EXTENDED;
    if name != ORPHANS && id > if extended { 0x1FFF_FFFF } else { 0x7FF } {
        return Err(words.error(format!("{raw} of message `{name}` is no identifier of CAN")));
    }
    let mut message = MessageDef { name, id, extended, length, signals: Vec::new(), cycle_millis: None };
    let mut choices = Vec::new();
    while words.peek() == Some(&Word::Plain("SG_".into())) {
        words.next();
        let (signal, choice) = signal(words)?;
        if message.signal(&signal.name).is_some() {
            return Err(words.error(format!("signal `{}` stands twice in message `{}`", signal.name, message.name)));
        }
        let end = bits::end(signal.start, signal.bits, signal.big_endian);
        if message.name != ORPHANS && end > message.length {
            let (signal, message) = (&signal.name, &message.name);
            return Err(
                words.error(format!("signal `{signal}` ends in byte {end} of message `{message}`, which has {length}"))
            );
        }
        message.signals.push(signal);
        choices.push(choice);
    }
    Ok((raw, message, choices))
}

fn signal(words: &mut Words) -> Result<(SignalDef, Choice), DbcError> {
    let name = words.plain("a signal's name")?;
    let mut chooses = false;
    let mut choice = None;
    if !words.takes(':') {
        let how = words.plain("`M`, `m` with a number, or `:`")?;
        let (body, both) = match how.strip_suffix('M') {
            Some(body) => (body, true),
            None => (how.as_str(), false),
        };
        chooses = both;
        choice = match body.strip_prefix('m') {
            Some(number) => Some(number.parse().map_err(|_| words.wrong("`m` with a number"))?),
            None if body.is_empty() && both => None,
            None => return Err(words.wrong("`M`, `m` with a number, or `:`")),
        };
        words.mark(':')?;
    }
    let start: u32 = words.number("a start bit")?;
    words.mark('|')?;
    let length: u32 = words.number("a number of bits")?;
    words.mark('@')?;
    let order = words.plain("`0+`, `0-`, `1+` or `1-`")?;
    let (big_endian, kind) = match order.as_str() {
        "0+" => (true, Number::Unsigned),
        "0-" => (true, Number::Signed),
        "1+" => (false, Number::Unsigned),
        "1-" => (false, Number::Signed),
        _ => return Err(words.wrong("`0+`, `0-`, `1+` or `1-`")),
    };
    if !(1..=64).contains(&length) || start >= 8 * LENGTH_MAX as u32 {
        return Err(words.error(format!("signal `{name}` has {length} bits from bit {start} on; 1 to 64 fit")));
    }
    words.mark('(')?;
    let factor: f64 = words.number("a factor")?;
    words.mark(',')?;
    let offset = words.number("an offset")?;
    words.mark(')')?;
    words.mark('[')?;
    words.number::<f64>("the least value")?;
    words.mark('|')?;
    words.number::<f64>("the greatest value")?;
    words.mark(']')?;
    let unit = words.text("a unit, as a text")?;
    while words.peek().is_some() && !begins(words.peek()) {
        words.next();
    }
    if factor == 0.0 {
        return Err(words.error(format!("signal `{name}` has the factor 0, and could never be written")));
    }
    let signal = SignalDef {
        name,
        start,
        bits: length,
        big_endian,
        kind,
        factor,
        offset,
        unit,
        chooses,
        when: None,
        choices: BTreeMap::new(),
        start_value: 0.0,
    };
    Ok((signal, choice))
}

fn values(
    words: &mut Words,
    database: &mut Database,
    places: &BTreeMap<u32, usize>,
    orphans: Option<u32>,
) -> Result<(), DbcError> {
    let first = words.plain("a message's number")?;
    // Without a number it is of an environment variable.
    let Ok(raw) = first.parse::<u32>() else {
        words.skip_statement();
        return Ok(());
    };
    let name = words.plain("a signal's name")?;
    let mut choices = BTreeMap::new();
    while !words.takes(';') {
        let value: f64 = words.number("a raw value or `;`")?;
        choices.insert(value as i64, words.text("the value's name, as a text")?);
    }
    let message = places.get(&raw).map(|place| &mut database.messages[*place]);
    if let Some(signal) = message.and_then(|message| message.signals.iter_mut().find(|s| s.name == name)) {
        signal.choices = choices;
    } else if Some(raw) != orphans {
        return Err(words.error(format!("there is no signal `{name}` in message {raw}")));
    }
    Ok(())
}

fn value_type(
    words: &mut Words,
    database: &mut Database,
    places: &BTreeMap<u32, usize>,
    orphans: Option<u32>,
) -> Result<(), DbcError> {
    let raw: u32 = words.number("a message's number")?;
    let name = words.plain("a signal's name")?;
    words.takes(':');
    let kind: u8 = words.number("0, 1 (float) or 2 (double)")?;
    let message = places.get(&raw).map(|place| &mut database.messages[*place]);
    let signal = message.and_then(|message| message.signals.iter_mut().find(|signal| signal.name == name));
    if let Some(signal) = signal {
        let (kind, bits) = match kind {
            0 => (signal.kind, signal.bits),
            1 => (Number::Float, 32),
            2 => (Number::Double, 64),
            _ => return Err(words.wrong("0, 1 (float) or 2 (double)")),
        };
        if signal.bits != bits {
            return Err(words.error(format!("`{name}` is a float of {} bits, where it needs {bits}", signal.bits)));
        }
        signal.kind = kind;
    } else if Some(raw) != orphans {
        return Err(words.error(format!("there is no signal `{name}` in message {raw}")));
    }
    words.mark(';')
}

fn attribute(words: &mut Words, told: &mut Told) -> Result<(), DbcError> {
    let name = words.text("an attribute's name")?;
    match (words.next(), name.as_str()) {
        (Some(Word::Plain(of)), "GenMsgCycleTime") if of == "BO_" => {
            let raw = words.number("a message's number")?;
            told.cycle.insert(raw, number(words.next()));
        }
        (Some(Word::Plain(of)), "GenSigStartValue") if of == "SG_" => {
            let raw = words.number("a message's number")?;
            let signal = words.plain("a signal's name")?;
            told.start.insert((raw, signal), number(words.next()));
        }
        (Some(Word::Plain(of)), "SystemMessageLongSymbol") if of == "BO_" => {
            let raw = words.number("a message's number")?;
            told.long_messages.insert(raw, words.text("the whole name, as a text")?);
        }
        (Some(Word::Plain(of)), "SystemSignalLongSymbol") if of == "SG_" => {
            let raw = words.number("a message's number")?;
            let signal = words.plain("a signal's name")?;
            told.long_signals.insert((raw, signal), words.text("the whole name, as a text")?);
        }
        (Some(Word::Mark(';')), _) => return Ok(()),
        _ => {}
    }
    words.skip_statement();
    Ok(())
}

/// Says of each signal which other one it depends on.
fn choose<'t>(
    message: &mut MessageDef,
    choices: &[Choice],
    told: impl Iterator<Item = &'t Chosen>,
) -> Result<(), DbcError> {
    let name = message.name.clone();
    let mut last_line = 1;
    for (_, signal, chooser, ranges, line) in told {
        last_line = *line;
        let find = |wanted: &str| {
            let missing =
                || DbcError { line: *line, what: format!("there is no signal `{wanted}` in message `{name}`") };
            message.signal(wanted).map(|(place, _)| place).ok_or_else(missing)
        };
        let (signal, chooser) = (find(signal)?, find(chooser)?);
        message.signals[signal].when = Some((chooser, ranges.clone()));
    }
    let mut roots =
        (0..message.signals.len()).filter(|place| message.signals[*place].chooses && choices[*place].is_none());
    let root = roots.next();
    for (place, choice) in choices.iter().enumerate() {
        let Some(choice) = choice else { continue };
        if message.signals[place].when.is_some() {
            continue;
        }
        let Some(root) = root else {
            let what =
                format!("signal `{}` of message `{name}` is multiplexed, and none is `M`", message.signals[place].name);
            return Err(DbcError { line: last_line, what });
        };
        message.signals[place].when = Some((root, vec![(*choice, *choice)]));
    }
    for place in 0..message.signals.len() {
        let mut at = place;
        for _ in 0..=message.signals.len() {
            match &message.signals[at].when {
                Some((chooser, _)) => at = *chooser,
                None => break,
            }
        }
        if message.signals[at].when.is_some() {
            let what = format!("signals of message `{name}` choose each other in a circle");
            return Err(DbcError { line: last_line, what });
        }
    }
    Ok(())
}
