//! Arithmetic on intervals of numbers that stand still. Undefined arithmetic gives the whole line.
//!
//! Each occurrence is independent, so a result contains every value the unknown could have given and may be wider.

/// An interval `(lo, hi)`.
pub(super) type Interval = (f64, f64);

pub(super) const WHOLE: Interval = (f64::NEG_INFINITY, f64::INFINITY);

/// The whole line where the result is not a set of finite numbers.
pub(super) fn defined(i: Interval) -> Interval {
    if i.0.is_nan() || i.1.is_nan() || i.0 == f64::INFINITY || i.1 == f64::NEG_INFINITY { WHOLE } else { i }
}

pub(super) fn is_point(i: Interval) -> bool {
    i.0 == i.1
}

pub(super) fn add(a: Interval, b: Interval) -> Interval {
    defined((a.0 + b.0, a.1 + b.1))
}

pub(super) fn subtract(a: Interval, b: Interval) -> Interval {
    defined((a.0 - b.1, a.1 - b.0))
}

pub(super) fn negate(a: Interval) -> Interval {
    (-a.1, -a.0)
}

fn hull(candidates: [f64; 4]) -> Interval {
    let mut lo = f64::INFINITY;
    let mut hi = f64::NEG_INFINITY;
    for c in candidates {
        if !c.is_nan() {
            lo = lo.min(c);
            hi = hi.max(c);
        }
    }
    (lo, hi)
}

pub(super) fn multiply(a: Interval, b: Interval) -> Interval {
    if is_point(a) && is_point(b) {
        let product = a.0 * b.0;
        return defined((product, product));
    }
    // Zero times an unbounded end is zero: every finite value times zero is.
    let times = |x: f64, y: f64| if x == 0.0 || y == 0.0 { 0.0 } else { x * y };
    defined(hull([times(a.0, b.0), times(a.0, b.1), times(a.1, b.0), times(a.1, b.1)]))
}

pub(super) fn divide(a: Interval, b: Interval) -> Interval {
    if b.0 <= 0.0 && b.1 >= 0.0 {
        return WHOLE;
    }
    if is_point(a) && is_point(b) {
        let quotient = a.0 / b.0;
        return defined((quotient, quotient));
    }
    // Infinity over infinity is skipped: its neighbours 0 and infinity are among the candidates.
    defined(hull([a.0 / b.0, a.0 / b.1, a.1 / b.0, a.1 / b.1]))
}

pub(super) fn abs(a: Interval) -> Interval {
    if a.0 >= 0.0 {
        a
    } else if a.1 <= 0.0 {
        (-a.1, -a.0)
    } else {
        (0.0, a.1.max(-a.0))
    }
}

pub(super) fn min(a: Interval, b: Interval) -> Interval {
    (a.0.min(b.0), a.1.min(b.1))
}

pub(super) fn max(a: Interval, b: Interval) -> Interval {
    (a.0.max(b.0), a.1.max(b.1))
}

/// The whole line wherever the root might be undefined.
pub(super) fn sqrt(a: Interval) -> Interval {
    if a.0 < 0.0 { WHOLE } else { defined((a.0.sqrt(), a.1.sqrt())) }
}

/// Of an interval wider than a point only the range of the function is kept.
pub(super) fn sin(a: Interval) -> Interval {
    if is_point(a) {
        let value = libm::sin(a.0);
        (value, value)
    } else {
        (-1.0, 1.0)
    }
}

/// Of an interval wider than a point only the range of the function is kept.
pub(super) fn cos(a: Interval) -> Interval {
    if is_point(a) {
        let value = libm::cos(a.0);
        (value, value)
    } else {
        (-1.0, 1.0)
    }
}

/// Of intervals wider than points only the range of the function is kept.
pub(super) fn atan2(y: Interval, x: Interval) -> Interval {
    if is_point(y) && is_point(x) {
        let value = libm::atan2(y.0, x.0);
        (value, value)
    } else {
        (-core::f64::consts::PI, core::f64::consts::PI)
    }
}

/// Square root of the sum of squares.
pub(super) fn norm(parts: impl Iterator<Item = Interval>) -> Interval {
    let mut sum = (0.0, 0.0);
    for part in parts {
        let size = abs(part);
        sum = (sum.0 + size.0 * size.0, sum.1 + size.1 * size.1);
    }
    defined((sum.0.sqrt(), sum.1.sqrt()))
}

/// Piecewise linear through `points`, flat beyond the ends.
pub(super) fn table(points: &[(f64, f64)], input: Interval) -> Interval {
    if points.is_empty() {
        return WHOLE;
    }
    let at_lo = table_at(points, input.0);
    if is_point(input) {
        return defined((at_lo, at_lo));
    }
    let at_hi = table_at(points, input.1);
    let mut range = (at_lo.min(at_hi), at_lo.max(at_hi));
    for &(x, y) in points {
        if x > input.0 && x < input.1 {
            range = (range.0.min(y), range.1.max(y));
        }
    }
    defined(range)
}

fn table_at(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|p| p.0 <= x);
    if after == 0 {
        return points[0].1;
    }
    if after == points.len() {
        return points[after - 1].1;
    }
    let (x0, y0) = points[after - 1];
    let (x1, y1) = points[after];
    y0 + (y1 - y0) * (x - x0) / (x1 - x0)
}

/// Signed distance to the polygon's edge, positive outside.
pub(super) fn outside(polygon: &[(f64, f64)], x: Interval, y: Interval) -> Interval {
    if is_point(x) && is_point(y) {
        let distance = outside_at(polygon, x.0, y.0);
        return defined((distance, distance));
    }
    // The distance changes at most by as much as the place does.
    let (cx, cy) = (x.0 + (x.1 - x.0) * 0.5, y.0 + (y.1 - y.0) * 0.5);
    let (rx, ry) = ((x.1 - x.0) * 0.5, (y.1 - y.0) * 0.5);
    let radius = (rx * rx + ry * ry).sqrt();
    if !(cx.is_finite() && cy.is_finite() && radius.is_finite()) {
        return WHOLE;
    }
    let distance = outside_at(polygon, cx, cy);
    defined((distance - radius, distance + radius))
}

fn outside_at(polygon: &[(f64, f64)], x: f64, y: f64) -> f64 {
    if polygon.is_empty() {
        return f64::NAN;
    }
    let mut least = f64::INFINITY;
    let mut inside = false;
    let mut previous = polygon[polygon.len() - 1];
    for &corner in polygon {
        let ((ax, ay), (bx, by)) = (previous, corner);
        let (dx, dy) = (bx - ax, by - ay);
        let length = dx * dx + dy * dy;
        let along = if length > 0.0 { (((x - ax) * dx + (y - ay) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
        let (ex, ey) = (x - (ax + along * dx), y - (ay + along * dy));
        least = least.min(ex * ex + ey * ey);
        // A ray towards +x crosses this edge: half-open in y, so that a corner counts once.
        if (ay > y) != (by > y) && x < ax + (y - ay) * dx / dy {
            inside = !inside;
        }
        previous = corner;
    }
    if inside { -least.sqrt() } else { least.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_to_a_square_is_signed() {
        let square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)];
        assert_eq!(outside(&square, (2.0, 2.0), (1.0, 1.0)), (-1.0, -1.0));
        assert_eq!(outside(&square, (7.0, 7.0), (8.0, 8.0)), (5.0, 5.0));
        assert_eq!(outside(&square, (4.0, 4.0), (2.0, 2.0)), (0.0, 0.0));
        assert_eq!(outside(&square, WHOLE, (2.0, 2.0)), WHOLE);
    }

    #[test]
    fn undefined_arithmetic_is_the_whole_line() {
        assert_eq!(divide((1.0, 1.0), (0.0, 0.0)), WHOLE);
        assert_eq!(divide((1.0, 1.0), (-1.0, 2.0)), WHOLE);
        assert_eq!(sqrt((-1.0, 4.0)), WHOLE);
        assert_eq!(multiply((1e300, 1e300), (1e300, 1e300)), WHOLE);
        assert_eq!(multiply((0.0, 0.0), WHOLE), (0.0, 0.0));
        assert_eq!(divide((1.0, f64::INFINITY), (1.0, f64::INFINITY)), (0.0, f64::INFINITY));
    }

    #[test]
    fn a_table_is_linear_between_and_flat_beyond() {
        let points = [(0.0, 2.0), (10.0, 6.0), (20.0, 0.0)];
        assert_eq!(table(&points, (5.0, 5.0)), (4.0, 4.0));
        assert_eq!(table(&points, (-5.0, -5.0)), (2.0, 2.0));
        assert_eq!(table(&points, (25.0, 25.0)), (0.0, 0.0));
        assert_eq!(table(&points, (5.0, 15.0)), (3.0, 6.0));
    }
}
