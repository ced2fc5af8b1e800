//! Scene -> SVG text or PNG bytes, through plotters.

use super::font;
use super::scene::{Anchor, Area, Colour, Scene, Shape};
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, IntoTextStyle, RGBColor, ShapeStyle};

/// plotters counts in whole units: a page unit is this many of them in an SVG.
const SVG_SCALE: f64 = 10.0;
/// Pixels per page unit of a PNG: 192 dpi.
const PNG_SCALE: usize = 2;
/// Drawn this much larger and averaged, since plotters does not smooth lines.
const SMOOTHING: usize = 2;
/// 0.5 ex of DejaVu Sans, which plotters' SVG takes off below a text anchored at its bottom.
const SVG_BOTTOM_LIFT: f64 = 0.5 * 1120.0 / 2048.0;

/// How one backend wants its texts.
struct Target {
    scale: f64,
    /// The em of a text of size 1 becomes this font size.
    font: f64,
    anchor: VPos,
    /// From the baseline to where the anchor is, in ems.
    drop: f64,
}

/// The figure as an SVG file, with its title and description for those who do not see it.
pub fn svg(scene: &Scene) -> String {
    font::ready();
    let mut out = String::new();
    let size = ((scene.width * SVG_SCALE) as u32, (scene.height * SVG_SCALE) as u32);
    let target = Target {
        scale: SVG_SCALE,
        // plotters divides by 1.24 for SVG.
        font: 1.24,
        anchor: VPos::Bottom,
        drop: SVG_BOTTOM_LIFT,
    };
    {
        let root = SVGBackend::with_string(&mut out, size).into_drawing_area();
        draw(scene, &root, &target).expect("a String takes any text, and the typeface is in the program");
        root.present().expect("a String takes any text");
    }
    let open_end = out.find('>').expect("plotters opens the file with its root element") + 1;
    let open = format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" stroke-linejoin=\"round\" role=\"img\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{}</title>\n<desc>{}</desc>",
        scene.width,
        scene.height,
        size.0,
        size.1,
        escape(&scene.title),
        escape(&scene.description)
    );
    out.replace_range(..open_end, &open);
    out
}

/// The figure as a PNG file.
pub fn png(scene: &Scene) -> Vec<u8> {
    font::ready();
    let factor = PNG_SCALE * SMOOTHING;
    let (width, height) = (scene.width as usize * factor, scene.height as usize * factor);
    let mut large = vec![0xff; width * height * 3];
    let target = Target {
        scale: factor as f64,
        font: font::LINE_PER_EM,
        anchor: VPos::Top,
        // plotters puts the baseline half a line below the top.
        drop: -0.5 * font::LINE_PER_EM,
    };
    {
        let size = (width as u32, height as u32);
        let root = BitMapBackend::with_buffer(&mut large, size).into_drawing_area();
        draw(scene, &root, &target).expect("memory takes any pixel, and the typeface is in the program");
        root.present().expect("memory takes any pixel");
    }
    let (small, small_width, small_height) = average(&large, width, height);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, small_width as u32, small_height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let dots_per_metre = (PNG_SCALE as f64 * 96.0 / 0.0254) as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: dots_per_metre,
        yppu: dots_per_metre,
        unit: png::Unit::Meter,
    }));
    encoder.add_itxt_chunk("Title".into(), scene.title.clone()).expect("the header is not written yet");
    let mut writer = encoder.write_header().expect("memory takes any bytes");
    writer.write_image_data(&small).expect("the buffer has the size of the picture");
    writer.finish().expect("memory takes any bytes");
    out
}

/// Means of blocks of pixels.
fn average(large: &[u8], width: usize, height: usize) -> (Vec<u8>, usize, usize) {
    let (small_width, small_height) = (width / SMOOTHING, height / SMOOTHING);
    let mut small = Vec::with_capacity(small_width * small_height * 3);
    let block = (SMOOTHING * SMOOTHING) as u32;
    for y in 0..small_height {
        for x in 0..small_width {
            for channel in 0..3 {
                let mut sum = 0;
                for dy in 0..SMOOTHING {
                    for dx in 0..SMOOTHING {
                        let at = ((y * SMOOTHING + dy) * width + x * SMOOTHING + dx) * 3 + channel;
                        sum += u32::from(large[at]);
                    }
                }
                small.push((sum / block) as u8);
            }
        }
    }
    (small, small_width, small_height)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

fn draw<B: DrawingBackend>(
    scene: &Scene,
    root: &DrawingArea<B, Shift>,
    target: &Target,
) -> Result<(), plotters::drawing::DrawingAreaErrorKind<B::ErrorType>> {
    let unit = |v: f64| (v * target.scale).round() as i32;
    let point = |(x, y): (f64, f64)| (unit(x), unit(y));
    root.fill(&RGBColor(255, 255, 255))?;
    for shape in &scene.shapes {
        match shape {
            Shape::Line { points, colour, width } => {
                let style = ShapeStyle::from(rgb(*colour)).stroke_width(((width * target.scale).round() as u32).max(1));
                let points: Vec<(i32, i32)> = points.iter().copied().map(point).collect();
                root.draw(&PathElement::new(points, style))?;
            }
            Shape::Fill { area: Area { left, top, right, bottom }, colour, opacity } => {
                let corners = [point((*left, *top)), point((*right, *bottom))];
                root.draw(&Rectangle::new(corners, rgb(*colour).mix(*opacity).filled()))?;
            }
            Shape::Polygon { points, colour } => {
                let points: Vec<(i32, i32)> = points.iter().copied().map(point).collect();
                root.draw(&Polygon::new(points, rgb(*colour).filled()))?;
            }
            Shape::Text { at, text, size, colour, anchor } => {
                let horizontal = match anchor {
                    Anchor::Left => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::Right => HPos::Right,
                };
                let colour = rgb(*colour);
                let style = (font::FAMILY, size * target.font * target.scale)
                    .into_font()
                    .into_text_style(root)
                    .color(&colour)
                    .pos(Pos::new(horizontal, target.anchor));
                let place = point((at.0, at.1 + size * target.drop));
                root.draw(&Text::new(text.as_str(), place, style))?;
            }
        }
    }
    Ok(())
}
