//! Bars beside each other: what was going on.

use super::font;
use super::page::Page;
use super::scene::{Anchor, Area, BLACK, BLUE, Colour, GREEN, GREY, PALE, PURPLE, Scene, VERMILLION, fit};
use crate::trace::{Bar, Lane, Tone};

const ROW: f64 = 16.0;
const SIZE: f64 = 9.5;
/// With more the lane would crowd out the signals: what does not fit stands without its text.
const ROWS_MAX: usize = 5;

/// A lane with a place for each bar and text.
pub struct Layout {
    name: String,
    bars: Vec<Placed>,
    rows: usize,
}

struct Placed {
    bar: Bar,
    from: f64,
    to: f64,
    row: usize,
    text: String,
    /// `None`: inside of the bar.
    beside: Option<(f64, Anchor)>,
}

impl Layout {
    /// On the page.
    pub fn height(&self) -> f64 {
        self.rows as f64 * ROW + 4.0
    }
}

/// What stands last in a row.
struct Row {
    /// Where its last bar ends.
    bar_end: f64,
    /// Where its last bar and that bar's text end.
    end: f64,
    /// The last bar, by its place in the layout.
    last: usize,
}

/// Gives each bar a row in which neither it nor its text is in the way of another.
pub fn layout(lane: &Lane, page: &Page<'_>) -> Layout {
    let mut rows: Vec<Row> = Vec::new();
    let mut bars: Vec<Placed> = Vec::new();
    for bar in &lane.bars {
        let Some((from, to)) = page.shown(bar.stretch) else { continue };
        let to = to.max(from + 2.0);
        let width = font::width(&bar.label, SIZE);
        let (beside, start, end) = if width + 6.0 <= to - from {
            (None, from, to)
        } else if to + 4.0 + width <= page.time.to {
            (Some((to + 3.0, Anchor::Left)), from, to + 6.0 + width)
        } else {
            (Some((from - 3.0, Anchor::Right)), from - 6.0 - width, to)
        };
        let free = |start: f64| rows.iter().position(|row| row.end <= start + 0.5);
        let inner = || fit(&bar.label, SIZE, to - from - 4.0);
        let (row, text, beside, end) = match free(start) {
            Some(row) => (row, bar.label.clone(), beside, end),
            None if rows.len() < ROWS_MAX => (rows.len(), bar.label.clone(), beside, end),
            None => match free(from) {
                // No room for the whole text: what fits into the bar.
                Some(row) => (row, inner(), None, to),
                // Every row has a text here: the one that loses least of it gives way, since a bar is what was.
                None => {
                    let open = rows.iter().enumerate().filter(|(_, row)| row.bar_end <= from + 0.5);
                    let row = open.min_by(|(_, a), (_, b)| a.end.total_cmp(&b.end)).map_or(0, |(place, _)| place);
                    shorten(&mut bars[rows[row].last], from);
                    (row, inner(), None, to)
                }
            },
        };
        let last = bars.len();
        match rows.get_mut(row) {
            Some(taken) => *taken = Row { bar_end: taken.bar_end.max(to), end: end.max(to), last },
            None => rows.push(Row { bar_end: to, end, last }),
        }
        bars.push(Placed { bar: bar.clone(), from, to, row, text, beside });
    }
    Layout { name: lane.name.clone(), bars, rows: rows.len().max(1) }
}

/// Cuts the text beside a bar so that it ends before `limit`.
fn shorten(placed: &mut Placed, limit: f64) {
    if let Some((x, Anchor::Left)) = placed.beside {
        placed.text = fit(&placed.text, SIZE, limit - 3.0 - x);
    }
}

/// Draws the lane with its upper edge at `top`.
pub fn draw(scene: &mut Scene, page: &Page<'_>, layout: &Layout, top: f64) {
    let (left, right) = (page.time.from, page.time.to);
    let bottom = top + layout.height();
    scene.line(vec![(left, bottom - 1.0), (right, bottom - 1.0)], PALE, 0.5);
    let name = fit(&layout.name, 10.0, left - 26.0);
    scene.text((left - 8.0, top + 12.0), &name, 10.0, BLACK, Anchor::Right);
    for placed in &layout.bars {
        let row_top = top + placed.row as f64 * ROW + 1.5;
        let area = Area { left: placed.from, top: row_top, right: placed.to, bottom: row_top + ROW - 3.0 };
        let (colour, opacity) = look(placed.bar.tone);
        scene.fill(area, colour, opacity);
        if placed.bar.tone == Tone::Fault {
            scene.hatch(area, 6.0, colour, 0.7);
        }
        match placed.bar.tone {
            Tone::Faint => {
                scene.dashes((area.left, area.top), (area.right, area.top), (3.0, 2.0), colour, 0.8);
                scene.dashes((area.left, area.bottom), (area.right, area.bottom), (3.0, 2.0), colour, 0.8);
            }
            _ => scene.frame(area, colour, 0.9),
        }
        let baseline = row_top + ROW - 6.0;
        match placed.beside {
            _ if placed.text.is_empty() => {}
            Some((x, anchor)) => {
                scene.text((x, baseline), &placed.text, SIZE, BLACK, anchor);
            }
            None => {
                if placed.bar.tone == Tone::Fault {
                    let width = font::width(&placed.text, SIZE);
                    let behind = Area { left: area.left + 2.0, right: area.left + 6.0 + width, ..area };
                    scene.fill(behind, Colour(255, 255, 255), 0.8);
                }
                scene.text((area.left + 4.0, baseline), &placed.text, SIZE, BLACK, Anchor::Left);
            }
        }
    }
}

fn look(tone: Tone) -> (Colour, f64) {
    match tone {
        Tone::Plain => (BLUE, 0.12),
        Tone::Fault => (PURPLE, 0.25),
        Tone::Bad => (VERMILLION, 0.25),
        Tone::Good => (GREEN, 0.15),
        Tone::Faint => (GREY, 0.08),
    }
}
