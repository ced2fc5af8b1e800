//! Finds room for labels: inside the panel, on no other label, over as little data as possible.

use super::scene::{Anchor, Area, Colour, Scene, WHITE, text_area};

/// Labels of one panel, and what they should not cover.
pub struct Labels {
    bounds: Area,
    taken: Vec<Area>,
    data: Vec<(f64, f64)>,
}

/// How a label looks.
#[derive(Copy, Clone, Debug)]
pub struct Look {
    pub size: f64,
    pub colour: Colour,
    /// A thin frame in this colour.
    pub frame: Option<Colour>,
}

const PADDING: f64 = 2.5;

impl Labels {
    /// For a panel with these drawn points.
    pub fn new(bounds: Area, data: Vec<(f64, f64)>) -> Labels {
        Labels { bounds, taken: Vec::new(), data }
    }

    /// More points that labels should not cover.
    pub fn spare(&mut self, points: &[(f64, f64)]) {
        self.data.extend(points);
    }

    /// Nothing may be written here.
    pub fn keep_free(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// Writes a label at the best of the places (baseline points with their anchors), the first of equals.
    /// Left out when it fits nowhere: returns `None`.
    pub fn write(
        &mut self,
        scene: &mut Scene,
        text: &str,
        look: Look,
        places: impl IntoIterator<Item = ((f64, f64), Anchor)>,
    ) -> Option<Area> {
        let mut best: Option<(usize, Area, (f64, f64), Anchor)> = None;
        for (at, anchor) in places {
            let inner = text_area(at, text, look.size, anchor);
            let area = Area {
                left: inner.left - PADDING,
                top: inner.top - PADDING,
                right: inner.right + PADDING,
                bottom: inner.bottom + PADDING,
            };
            if !self.bounds.holds(area) || self.taken.iter().any(|t| t.overlaps(area)) {
                continue;
            }
            let covered = self
                .data
                .iter()
                .filter(|(x, y)| *x >= area.left && *x <= area.right && *y >= area.top && *y <= area.bottom)
                .count();
            if best.as_ref().is_none_or(|(least, ..)| covered < *least) {
                best = Some((covered, area, at, anchor));
            }
        }
        let (_, area, at, anchor) = best?;
        scene.fill(area, WHITE, 0.85);
        if let Some(colour) = look.frame {
            scene.frame(area, colour, 0.7);
        }
        scene.text(at, text, look.size, look.colour, anchor);
        self.taken.push(area);
        Some(area)
    }
}

/// Places around a point, near ones first, then rows through the whole panel.
pub fn around(point: (f64, f64), bounds: Area, size: f64) -> Vec<((f64, f64), Anchor)> {
    let mut places = Vec::new();
    for (dx, anchor) in [(9.0, Anchor::Left), (-9.0, Anchor::Right)] {
        for dy in [-6.0, size + 4.0, 0.35 * size] {
            places.push(((point.0 + dx, point.1 + dy), anchor));
        }
    }
    let mut row = bounds.top + size + PADDING;
    while row < bounds.bottom - PADDING {
        for (dx, anchor) in [(9.0, Anchor::Left), (-9.0, Anchor::Right), (40.0, Anchor::Left), (-40.0, Anchor::Right)] {
            places.push(((point.0 + dx, row), anchor));
        }
        row += size + 2.0 * PADDING + 1.0;
    }
    places
}

/// Places along a level line, above and below it, from the right end to the left.
pub fn along(y: f64, from: f64, to: f64, size: f64) -> Vec<((f64, f64), Anchor)> {
    let mut places = Vec::new();
    let (above, below) = (y - 4.5, y + size + 2.0);
    for share in [1.0, 0.0, 0.75, 0.5, 0.25] {
        let anchor = if share == 0.0 { Anchor::Left } else { Anchor::Right };
        let x = from + (to - from) * share + if share == 0.0 { 4.0 } else { -4.0 };
        places.push(((x, above), anchor));
        places.push(((x, below), anchor));
    }
    places
}
