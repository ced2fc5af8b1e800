//! Fewer points, same picture: of each column of pixels the first, the least, the greatest and the last stay.

/// Keeps what can be seen of `points` (ascending in x) in columns of `column` width, in order.
pub fn decimate(points: &[(f64, f64)], column: f64) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    let mut start = 0;
    while start < points.len() {
        let place = libm::floor(points[start].0 / column);
        let count = points[start..].partition_point(|(x, _)| libm::floor(x / column) <= place).max(1);
        keep_extremes(&points[start..start + count], &mut out);
        start += count;
    }
    out
}

fn keep_extremes(points: &[(f64, f64)], out: &mut Vec<(f64, f64)>) {
    let mut least = 0;
    let mut greatest = 0;
    for (i, (_, y)) in points.iter().enumerate() {
        if *y < points[least].1 {
            least = i;
        }
        if *y > points[greatest].1 {
            greatest = i;
        }
    }
    let mut kept = [0, least, greatest, points.len() - 1];
    kept.sort_unstable();
    let mut before = None;
    for i in kept {
        if before != Some(i) {
            out.push(points[i]);
        }
        before = Some(i);
    }
}
