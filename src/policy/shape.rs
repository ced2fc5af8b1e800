//! Shapes of tensors, and how two of them meet.

use super::net::NetError;

/// More than this many dimensions no net for a machine has.
pub const RANK_MAX: usize = 6;
/// More than this many numbers are in no tensor of a small net.
pub const ELEMENTS_MAX: usize = 1 << 22;

/// Sizes along each axis; none for a single number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shape(pub Vec<usize>);

impl Shape {
    /// Checks sizes as they stand in a file.
    pub fn read(dims: &[i64], of: &str) -> Result<Shape, NetError> {
        if dims.len() > RANK_MAX {
            return Err(NetError(format!("`{of}` has {} dimensions; at most {RANK_MAX} are supported", dims.len())));
        }
        let mut total: usize = 1;
        let mut sizes = Vec::new();
        for dim in dims {
            let size = usize::try_from(*dim).ok().filter(|size| *size > 0);
            let size = size.ok_or_else(|| NetError(format!("`{of}` has a dimension of size {dim}")))?;
            total = total
                .checked_mul(size)
                .filter(|total| *total <= ELEMENTS_MAX)
                .ok_or_else(|| NetError(format!("`{of}` has the shape {dims:?}, more than {ELEMENTS_MAX} numbers")))?;
            sizes.push(size);
        }
        Ok(Shape(sizes))
    }
    /// How many numbers it has.
    pub fn count(&self) -> usize {
        self.0.iter().product()
    }
    /// The shape of two that are stretched to each other, as NumPy does; `None` where they do not fit.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.0.len().max(other.0.len());
        let at = |shape: &Shape, axis: usize| {
            let missing = rank - shape.0.len();
            if axis < missing { 1 } else { shape.0[axis - missing] }
        };
        let meet = |axis| match (at(self, axis), at(other, axis)) {
            (a, b) if a == b => Some(a),
            (1, b) => Some(b),
            (a, 1) => Some(a),
            _ => None,
        };
        (0..rank).map(meet).collect::<Option<Vec<_>>>().map(Shape)
    }
    /// How far one goes in this tensor's numbers for each axis of the shape that it is stretched to.
    pub fn strides_in(&self, whole: &Shape) -> [usize; RANK_MAX] {
        let mut strides = [0; RANK_MAX];
        let missing = whole.0.len() - self.0.len();
        let mut step = 1;
        for axis in (0..self.0.len()).rev() {
            if self.0[axis] > 1 {
                strides[missing + axis] = step;
            }
            step *= self.0[axis];
        }
        strides
    }
    /// An axis as files count it (from the end if negative).
    pub fn axis(&self, axis: i64, one_beyond: bool) -> Option<usize> {
        let rank = i64::try_from(self.0.len()).ok()?;
        let most = if one_beyond { rank } else { rank - 1 };
        let place = if axis < 0 { axis + rank } else { axis };
        (0..=most).contains(&place).then(|| usize::try_from(place).expect("it was just seen not to be negative"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[usize]) -> Shape {
        Shape(sizes.to_vec())
    }

    #[test]
    fn shapes_are_stretched_as_numpy_does() {
        assert_eq!(shape(&[4, 1]).broadcast(&shape(&[3])), Some(shape(&[4, 3])));
        assert_eq!(shape(&[]).broadcast(&shape(&[2, 2])), Some(shape(&[2, 2])));
        assert_eq!(shape(&[2]).broadcast(&shape(&[3])), None);
        assert_eq!(shape(&[3]).strides_in(&shape(&[4, 3]))[..2], [0, 1]);
        assert_eq!(shape(&[4, 1]).strides_in(&shape(&[4, 3]))[..2], [1, 0]);
    }

    #[test]
    fn sizes_that_no_memory_holds_are_refused_before_it_is_asked_for() {
        assert!(Shape::read(&[1 << 40, 1 << 40], "w").is_err());
        assert!(Shape::read(&[-1], "w").is_err());
        assert!(Shape::read(&[0], "w").is_err());
        assert!(Shape::read(&[1; 7], "w").is_err());
        assert_eq!(Shape::read(&[], "w").map(|s| s.count()), Ok(1));
    }
}
