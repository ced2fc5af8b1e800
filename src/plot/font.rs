//! The one typeface of all figures, carried in the program: figures look the same on every machine.

use plotters::style::{FontStyle, IntoFont, register_font};
use std::sync::Once;

/// How plotters and the SVG file call it: a viewer without it takes the next, which is no wider.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
const TYPEFACE: &[u8] = include_bytes!("DejaVuSans.ttf");

/// plotters gives the height of a line, pages give the size of the em: the typeface's own ratio (hhea table, (1901 + 483) / 2048).
pub const LINE_PER_EM: f64 = 2384.0 / 2048.0;

/// Makes the typeface known to plotters; later calls do nothing.
pub fn ready() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if register_font(FAMILY, FontStyle::Normal, TYPEFACE).is_err() {
            unreachable!("the typeface in the program is a good one");
        }
    });
}

/// Width of a text whose em is `size`.
pub fn width(text: &str, size: f64) -> f64 {
    ready();
    // plotters answers in whole units: ask for a large one and scale it down.
    const FINE: f64 = 16.0;
    let font = (FAMILY, size * FINE * LINE_PER_EM).into_font();
    font.box_size(text).map_or(0.0, |(width, _)| f64::from(width) / FINE)
}
