//! Tables and polygons, worked out plainly.

/// Straight lines through the points, flat beyond the ends.
pub fn table(points: &[(f64, f64)], x: f64) -> f64 {
    if x <= points[0].0 {
        return points[0].1;
    }
    for w in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (w[0], w[1]);
        if x >= x0 && x < x1 {
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
        }
    }
    points[points.len() - 1].1
}

/// Distance to the edge by the winding number, positive outside.
pub fn outside(polygon: &[(f64, f64)], x: f64, y: f64) -> f64 {
    let mut least = f64::INFINITY;
    let mut winding = 0;
    for i in 0..polygon.len() {
        let (ax, ay) = polygon[(i + polygon.len() - 1) % polygon.len()];
        let (bx, by) = polygon[i];
        let (dx, dy) = (bx - ax, by - ay);
        let t = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        let (ex, ey) = (x - (ax + t * dx), y - (ay + t * dy));
        least = least.min(ex * ex + ey * ey);
        let side = dx * (y - ay) - dy * (x - ax);
        if ay <= y && by > y && side > 0.0 {
            winding += 1;
        }
        if ay > y && by <= y && side < 0.0 {
            winding -= 1;
        }
    }
    if winding != 0 { -least.sqrt() } else { least.sqrt() }
}
