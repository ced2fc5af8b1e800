//! Lines of G-code, as far as a machine that moves along straight ways needs them.

use super::planner::Place;

/// What a line asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ask {
    /// Where to, in machine coordinates; absent: nothing moves.
    pub to: Option<Place>,
    /// mm/s; absent: a rapid.
    pub feed: Option<f64>,
    /// Tool on (turns a minute) or off.
    pub tool: Option<f64>,
}

/// What earlier lines left set. Lengths in mm, speeds in mm/s.
#[derive(Clone, PartialEq, Debug)]
pub struct Modal {
    pub relative: bool,
    pub inches: bool,
    pub rapid: bool,
    pub feed: Option<f64>,
    pub speed: f64,
}

impl Modal {
    /// After a start: millimetres, absolute, rapid, no feed.
    pub fn new() -> Modal {
        Modal { relative: false, inches: false, rapid: true, feed: None, speed: 0.0 }
    }
    /// Reads a line that goes on from `here`; the error is GRBL's number. A line that is refused sets nothing.
    pub fn read(&mut self, line: &str, here: Place) -> Result<Ask, u32> {
        let words = words(line)?;
        let mut next = self.clone();
        let (mut tool, mut machine) = (None, false);
        for (letter, number) in &words {
            match (letter, *number) {
                ('G', 0.0) => next.rapid = true,
                ('G', 1.0) => next.rapid = false,
                ('G', 20.0) => next.inches = true,
                ('G', 21.0) => next.inches = false,
                ('G', 53.0) => machine = true,
                ('G', 90.0) => next.relative = false,
                ('G', 91.0) => next.relative = true,
                ('G', 94.0 | 54.0 | 17.0 | 40.0 | 49.0) => {}
                ('M', 3.0 | 4.0) => tool = Some(true),
                ('M', 0.0 | 2.0 | 5.0 | 30.0) => tool = Some(false),
                ('G' | 'M', _) => return Err(20),
                ('S', number) if number >= 0.0 => next.speed = number,
                ('F', number) if number >= 0.0 => {}
                ('F' | 'S', _) => return Err(4),
                ('X' | 'Y' | 'Z' | 'N', _) => {}
                _ => return Err(20),
            }
        }
        let scale = if next.inches { 25.4 } else { 1.0 };
        let of = |wanted: char| words.iter().find(|(letter, _)| *letter == wanted).map(|(_, number)| *number);
        if let Some(feed) = of('F') {
            next.feed = (feed > 0.0).then_some(feed * scale / 60.0);
        }
        let parts = ['X', 'Y', 'Z'].map(of);
        let mut ask = Ask { tool: tool.map(|on| if on { next.speed } else { 0.0 }), ..Ask::default() };
        if parts.iter().any(Option::is_some) {
            // Words of machine coordinates are never relative.
            let relative = next.relative && !machine;
            ask.to = Some(std::array::from_fn(|axis| match parts[axis] {
                Some(part) if relative => here[axis] + part * scale,
                Some(part) => part * scale,
                None => here[axis],
            }));
            if !next.rapid {
                ask.feed = Some(next.feed.ok_or(22_u32)?);
            }
        }
        *self = next;
        Ok(ask)
    }
}

/// The words of a line, none twice but G and M.
fn words(line: &str) -> Result<Vec<(char, f64)>, u32> {
    let mut words: Vec<(char, f64)> = Vec::new();
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        if !letter.is_ascii_uppercase() {
            return Err(1);
        }
        rest = &rest[1..];
        let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().map_err(|_| 2_u32)?;
        if !matches!(letter, 'G' | 'M') && words.iter().any(|(other, _)| *other == letter) {
            return Err(25);
        }
        words.push((letter, number));
        rest = &rest[end..];
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_where_they_say() {
        let mut modal = Modal::new();
        let here = [-1.0, -2.0, -3.0];
        assert_eq!(modal.read("G1X1", here), Err(22), "no feed rate yet");
        let ask = modal.read("G90G21G1X-10F600", here).expect("well formed");
        assert_eq!((ask.to, ask.feed), (Some([-10.0, -2.0, -3.0]), Some(10.0)));
        let ask = modal.read("G91Y1", here).expect("the feed is kept");
        assert_eq!((ask.to, ask.feed), (Some([-1.0, -1.0, -3.0]), Some(10.0)));
        let ask = modal.read("G53G0Z-1", here).expect("well formed");
        assert_eq!((ask.to, ask.feed), (Some([-1.0, -2.0, -1.0]), None));
        let ask = modal.read("G20G90G1X1F60", here).expect("well formed");
        assert_eq!((ask.to, ask.feed), (Some([25.4, -2.0, -3.0]), Some(25.4)));
        assert_eq!(modal.read("S900M3", here).expect("well formed").tool, Some(900.0));
    }

    #[test]
    fn a_refused_line_sets_nothing() {
        let mut modal = Modal::new();
        let before = modal.clone();
        for (line, code) in [("G91G1X1", 22), ("G91X1)@", 1), ("G91X", 2), ("G2X1", 20), ("X1X2", 25), ("G91F-1", 4)] {
            assert_eq!(modal.read(line, [0.0; 3]), Err(code), "{line}");
            assert_eq!(modal, before, "{line}");
        }
    }
}
