//! A figure as a list of shapes in page units (1/96 inch), before it becomes SVG or pixels: both show the same.

use super::font;

/// Red, green, blue.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Colour(pub u8, pub u8, pub u8);

/// The palette of Okabe and Ito, which people with any colour vision tell apart; contrast on white from 3.06 (purple) to 21.
pub const BLACK: Colour = Colour(0, 0, 0);
pub const BLUE: Colour = Colour(0x00, 0x72, 0xb2);
pub const VERMILLION: Colour = Colour(0xd5, 0x5e, 0x00);
pub const GREEN: Colour = Colour(0x00, 0x9e, 0x73);
pub const PURPLE: Colour = Colour(0xcc, 0x79, 0xa7);
/// For text of less weight: contrast 7 on white.
pub const GREY: Colour = Colour(0x59, 0x59, 0x59);
/// For frames and grids, which carry no meaning.
pub const PALE: Colour = Colour(0xc8, 0xc8, 0xc8);
/// Vermillion at half strength: what lies on the wrong side of zero.
pub const BROKEN: Colour = Colour(0xea, 0xaf, 0x80);
pub const WHITE: Colour = Colour(0xff, 0xff, 0xff);

/// Where a text stands to its point.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Anchor {
    Left,
    Middle,
    Right,
}

/// A rectangle: left, top, right, bottom.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Area {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Area {
    pub fn width(self) -> f64 {
        self.right - self.left
    }
    pub fn height(self) -> f64 {
        self.bottom - self.top
    }
    /// True when they share more than an edge.
    pub fn overlaps(self, other: Area) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
    /// True when `other` lies wholly inside.
    pub fn holds(self, other: Area) -> bool {
        other.left >= self.left && other.right <= self.right && other.top >= self.top && other.bottom <= self.bottom
    }
}

/// What can be drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    Line {
        points: Vec<(f64, f64)>,
        colour: Colour,
        width: f64,
    },
    Fill {
        area: Area,
        colour: Colour,
        opacity: f64,
    },
    Polygon {
        points: Vec<(f64, f64)>,
        colour: Colour,
    },
    /// `at`: the baseline.
    Text {
        at: (f64, f64),
        text: String,
        size: f64,
        colour: Colour,
        anchor: Anchor,
    },
}

/// A figure.
#[derive(Clone, PartialEq, Debug)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    /// The verdict sentence: title of the file for those who do not see it.
    pub title: String,
    pub description: String,
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// A white page.
    pub fn new(width: f64, height: f64, title: String, description: String) -> Scene {
        Scene { width, height, title, description, shapes: Vec::new() }
    }

    pub fn line(&mut self, points: Vec<(f64, f64)>, colour: Colour, width: f64) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, colour, width });
        }
    }

    pub fn fill(&mut self, area: Area, colour: Colour, opacity: f64) {
        if area.width() > 0.0 && area.height() > 0.0 {
            self.shapes.push(Shape::Fill { area, colour, opacity });
        }
    }

    pub fn frame(&mut self, area: Area, colour: Colour, width: f64) {
        let Area { left, top, right, bottom } = area;
        self.line(vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], colour, width);
    }

    pub fn polygon(&mut self, points: Vec<(f64, f64)>, colour: Colour) {
        self.shapes.push(Shape::Polygon { points, colour });
    }

    /// Writes a text with its baseline at `at`; returns the area it takes.
    pub fn text(&mut self, at: (f64, f64), text: &str, size: f64, colour: Colour, anchor: Anchor) -> Area {
        self.shapes.push(Shape::Text { at, text: text.into(), size, colour, anchor });
        text_area(at, text, size, anchor)
    }

    /// A dashed line from one point to another.
    pub fn dashes(&mut self, from: (f64, f64), to: (f64, f64), (on, off): (f64, f64), colour: Colour, width: f64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        let mut at = 0.0;
        while at < length {
            let end = (at + on).min(length);
            let point = |s: f64| (from.0 + dx * s / length, from.1 + dy * s / length);
            self.line(vec![point(at), point(end)], colour, width);
            at = end + off;
        }
    }

    /// A line through points, dashed without a break at the corners.
    pub fn dashed_line(&mut self, points: &[(f64, f64)], (on, off): (f64, f64), colour: Colour, width: f64) {
        // How much of the dash or of the gap is left.
        let (mut drawing, mut left) = (true, on);
        let mut dash: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = (dx * dx + dy * dy).sqrt();
            let mut at = 0.0;
            while length - at > left {
                at += left;
                let place = (from.0 + dx * at / length, from.1 + dy * at / length);
                if drawing {
                    dash.push(place);
                    self.line(std::mem::take(&mut dash), colour, width);
                } else {
                    dash = vec![place];
                }
                drawing = !drawing;
                left = if drawing { on } else { off };
            }
            left -= length - at;
            if drawing {
                dash.push(to);
            }
        }
        if drawing {
            self.line(dash, colour, width);
        }
    }

    /// Fills an area with slanted lines.
    pub fn hatch(&mut self, area: Area, spacing: f64, colour: Colour, width: f64) {
        let height = area.height();
        if area.width() <= 0.0 || height <= 0.0 {
            return;
        }
        // Lines rise to the right; each is cut to the area. Starting at a multiple keeps neighbours in step.
        let mut start = ((area.left - height) / spacing).floor() * spacing;
        while start < area.right {
            let (x0, x1) = (start.max(area.left), (start + height).min(area.right));
            if x0 < x1 {
                self.line(vec![(x0, area.bottom - (x0 - start)), (x1, area.bottom - (x1 - start))], colour, width);
            }
            start += spacing;
        }
    }
}

/// The area that a text takes.
pub fn text_area(at: (f64, f64), text: &str, size: f64, anchor: Anchor) -> Area {
    let width = font::width(text, size);
    let left = match anchor {
        Anchor::Left => at.0,
        Anchor::Middle => at.0 - width / 2.0,
        Anchor::Right => at.0 - width,
    };
    Area { left, top: at.1 - size * 0.8, right: left + width, bottom: at.1 + size * 0.22 }
}

/// Shortens a text with an ellipsis until it fits; empty when not even two characters do.
pub fn fit(text: &str, size: f64, width: f64) -> String {
    if font::width(text, size) <= width {
        return text.into();
    }
    let mut shorter: Vec<char> = text.chars().collect();
    while shorter.len() > 2 {
        shorter.pop();
        let candidate: String = shorter.iter().collect::<String>().trim_end().to_string() + "…";
        if font::width(&candidate, size) <= width {
            return candidate;
        }
    }
    String::new()
}
