//! A rig of a motion controller that runs GRBL.

use super::draft::{Device, Draft};
use super::finding::put;
use crate::codec::grbl::report::Report;
use crate::codec::recognise::further::{GRBL_BUILD, GRBL_STATUS};
use crate::io::probe::Probe;

const AXES: [&str; 6] = ["x", "y", "z", "a", "b", "c"];
const STATES: &str = "[Idle, Run, Hold, Jog, Alarm, Door, Check, Home, Sleep]";

/// Asks for its build and its status; the axes are those that its report tells.
pub fn draft(probe: &mut Probe, name: &str) -> Result<Draft, String> {
    let built = put(probe, &GRBL_BUILD, |heard| lines(heard).any(|line| line == "ok" || line.starts_with("error")))?;
    let status = put(probe, &GRBL_STATUS, |heard| report(heard).is_some())?;
    let report = report(&status).ok_or("the board was recognised as GRBL, and gives no status report to `?`")?;
    let mut keys = vec!["protocol: grbl".to_owned()];
    let build = lines(&built).find_map(|line| version(&line));
    if let Some((version, board)) = &build {
        let board = if board.is_empty() { String::new() } else { format!(", VER.name: \"{board}\"") };
        keys.push(format!("identity: {{ VER.version: \"{version}\"{board} }}"));
    }
    keys.push("poll: { send: \"?\", every: 100 ms }".to_owned());
    // A board that tells one position has the other one reckoned only once it told the offset.
    let (field, told) = match (&report.machine, &report.work) {
        (Some(axes), _) => ("MPos", axes),
        (None, Some(axes)) => ("WPos", axes),
        (None, None) => return Err("its status report tells no position".to_owned()),
    };
    let often = "every: 100 ms, stale_after: 500 ms";
    let mut signals = vec![format!("state: {{ field: status.state, states: {STATES}, {often} }}")];
    let axes = AXES.iter().enumerate().filter(|(place, _)| told.get(*place).is_some());
    // YAML 1.1 takes `y` for a boolean; ours does not, and the shipped rigs write it so.
    signals.extend(axes.map(|(_, axis)| format!("{axis}: {{ field: status.{field}.{axis}, scale: 1 mm, {often} }}")));
    if report.feed.is_some() {
        signals.push(format!("speed: {{ field: status.FS.feed, scale: 1 mm/min, unit: mm/s, {often} }}"));
    }
    let mut draft = Draft::of("motion", Device { name: name.to_owned(), keys, signals });
    if build.is_none() {
        draft
            .missing
            .push("Not told: its version (`$I` is answered at rest only); `identity` would hold it.".to_owned());
    } else if build.is_some_and(|(_, board)| board.is_empty()) {
        draft.missing.push(
            "The board has no name: `$I=name` gives it one, and `identity: { VER.name: … }` holds it.".to_owned(),
        );
    }
    draft
        .missing
        .push("Not told: the machine's travel and speed; write them as `range:` of its axes and speed.".to_owned());
    Ok(draft)
}

fn lines(heard: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(heard).into_owned();
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    text[..whole].lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().into_iter()
}

fn report(heard: &[u8]) -> Option<Report> {
    lines(heard).find_map(|line| Report::read(line.strip_prefix('<')?.strip_suffix('>')?))
}

/// `[VER:1.1h.20190825:name]`.
fn version(line: &str) -> Option<(String, String)> {
    let inside = line.strip_prefix("[VER:")?.strip_suffix(']')?;
    let (version, name) = inside.split_once(':')?;
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'));
    (!version.is_empty() && plain(version)).then(|| {
        let name = if plain(name) { name } else { "" };
        (version.to_owned(), name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_board_says_of_itself_is_read() {
        let name = |line: &str| version(line);
        assert_eq!(name("[VER:1.1h.20190825:cell-1]"), Some(("1.1h.20190825".into(), "cell-1".into())));
        assert_eq!(name("[VER:1.1f.20170801:]"), Some(("1.1f.20170801".into(), String::new())));
        assert_eq!(name("[VER:1.1f.20170801:a\"b]"), Some(("1.1f.20170801".into(), String::new())));
        assert_eq!(name("[OPT:V,15,128]"), None);
        let heard = b"ok\r\n<Idle|MPos:1.000,2.000,3.000|FS:0,0>\r\n";
        assert!(report(heard).is_some_and(|report| report.feed == Some(0.0)));
        assert_eq!(report(&heard[..30]), None, "half a line is none");
    }
}
