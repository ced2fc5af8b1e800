//! Pictures of a run: SVG and PNG of the same figure, on a page of A4 width, drawn with plotters.
//!
//! Invariant: no file system and no clock; the same recording gives the same bytes.
//!
//! # Adding a figure
//! 1. A file with a function `fn(&Subject) -> Option<Scene>`; [`page`] lays out time axes, title and footer.
//! 2. A line in [`ALL`].

mod axis;
mod decimate;
mod font;
mod lane;
pub mod limits;
mod margins;
mod overview;
mod page;
mod panel;
mod place;
mod reaction;
mod render;
mod scene;
mod strip;
#[cfg(test)]
mod tests;
mod zoom;

pub use decimate::decimate;
pub use render::{png, svg};
pub use scene::Scene;

pub use crate::trace::Subject;

/// A kind of figure.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Name of its files, without the ending.
    pub name: &'static str,
    pub about: &'static str,
    /// `None`: there is nothing of this kind to show.
    pub draw: fn(&Subject<'_>) -> Option<Scene>,
}

/// Every figure, in the order in which a reader wants them.
pub const ALL: &[Figure] = &[
    Figure { name: "overview", about: "every signal that was judged, with its limits", draw: overview::draw },
    Figure { name: "zoom", about: "five seconds around the first violation or trip", draw: zoom::draw },
    Figure { name: "reaction", about: "every cause with its reaction, part by part", draw: reaction::draw },
    Figure { name: "margins", about: "how near each rule came to being broken", draw: margins::draw },
];
