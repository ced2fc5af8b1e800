//! Vectors and rotations in three dimensions. Axes of the world: north, east, down (NED), as the autopilots of drones use them.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A vector; its unit is its user's.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub struct Vec3 {
    pub x: f64,
    pub y: f64,
    pub z: f64,
}

impl Vec3 {
    /// The zero vector.
    pub const ZERO: Vec3 = Vec3 { x: 0.0, y: 0.0, z: 0.0 };

    /// A vector of these parts.
    pub const fn new(x: f64, y: f64, z: f64) -> Vec3 {
        Vec3 { x, y, z }
    }
    /// Scalar product.
    pub fn dot(self, other: Vec3) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }
    /// Vector product.
    pub fn cross(self, other: Vec3) -> Vec3 {
        Vec3::new(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }
    /// Length.
    pub fn norm(self) -> f64 {
        self.dot(self).sqrt()
    }
    /// Length of the horizontal part.
    pub fn horizontal(self) -> f64 {
        (self.x * self.x + self.y * self.y).sqrt()
    }
    /// The vector with its horizontal part shortened to at most `limit`.
    pub fn limit_horizontal(self, limit: f64) -> Vec3 {
        let length = self.horizontal();
        if length <= limit {
            return self;
        }
        let factor = limit / length;
        Vec3::new(self.x * factor, self.y * factor, self.z)
    }
    /// Combined part by part with another.
    pub fn zip(self, other: Vec3, f: impl Fn(f64, f64) -> f64) -> Vec3 {
        Vec3::new(f(self.x, other.x), f(self.y, other.y), f(self.z, other.z))
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    fn add(self, other: Vec3) -> Vec3 {
        Vec3::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}
impl AddAssign for Vec3 {
    fn add_assign(&mut self, other: Vec3) {
        *self = *self + other;
    }
}
impl Sub for Vec3 {
    type Output = Vec3;
    fn sub(self, other: Vec3) -> Vec3 {
        Vec3::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}
impl Neg for Vec3 {
    type Output = Vec3;
    fn neg(self) -> Vec3 {
        Vec3::new(-self.x, -self.y, -self.z)
    }
}
impl Mul<f64> for Vec3 {
    type Output = Vec3;
    fn mul(self, factor: f64) -> Vec3 {
        Vec3::new(self.x * factor, self.y * factor, self.z * factor)
    }
}

/// A rotation from the body's axes (forward, right, down) to the world's, as a unit quaternion.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Quat {
    pub w: f64,
    pub x: f64,
    pub y: f64,
    pub z: f64,
}

impl Quat {
    /// No rotation: nose to the north, level.
    pub const LEVEL: Quat = Quat { w: 1.0, x: 0.0, y: 0.0, z: 0.0 };

    /// From roll, pitch and yaw in rad, applied in the order yaw, pitch, roll (aerospace, Z-Y'-X'').
    pub fn from_euler(roll: f64, pitch: f64, yaw: f64) -> Quat {
        let (sr, cr) = libm::sincos(roll / 2.0);
        let (sp, cp) = libm::sincos(pitch / 2.0);
        let (sy, cy) = libm::sincos(yaw / 2.0);
        Quat {
            w: cr * cp * cy + sr * sp * sy,
            x: sr * cp * cy - cr * sp * sy,
            y: cr * sp * cy + sr * cp * sy,
            z: cr * cp * sy - sr * sp * cy,
        }
    }
    /// Roll, pitch and yaw in rad.
    pub fn to_euler(self) -> Vec3 {
        let Quat { w, x, y, z } = self;
        let sin_pitch = (2.0 * (w * y - z * x)).clamp(-1.0, 1.0);
        Vec3::new(
            libm::atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y)),
            libm::asin(sin_pitch),
            libm::atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)),
        )
    }
    /// From the axes of a rotated frame, given in the world's axes; they must be of length one and at right angles.
    pub fn from_axes(forward: Vec3, right: Vec3, down: Vec3) -> Quat {
        // Shepperd's method: the largest of the four parts is found first, so that nothing is divided by a small number.
        let trace = forward.x + right.y + down.z;
        let quat = if trace > 0.0 {
            let s = 2.0 * (trace + 1.0).sqrt();
            Quat { w: s / 4.0, x: (right.z - down.y) / s, y: (down.x - forward.z) / s, z: (forward.y - right.x) / s }
        } else if forward.x > right.y && forward.x > down.z {
            let s = 2.0 * (1.0 + forward.x - right.y - down.z).sqrt();
            Quat { w: (right.z - down.y) / s, x: s / 4.0, y: (right.x + forward.y) / s, z: (down.x + forward.z) / s }
        } else if right.y > down.z {
            let s = 2.0 * (1.0 + right.y - forward.x - down.z).sqrt();
            Quat { w: (down.x - forward.z) / s, x: (right.x + forward.y) / s, y: s / 4.0, z: (down.y + right.z) / s }
        } else {
            let s = 2.0 * (1.0 + down.z - forward.x - right.y).sqrt();
            Quat { w: (forward.y - right.x) / s, x: (down.x + forward.z) / s, y: (down.y + right.z) / s, z: s / 4.0 }
        };
        quat.normalised()
    }
    /// `self` after `inner`: first `inner`, then `self`.
    pub fn after(self, inner: Quat) -> Quat {
        let (a, b) = (self, inner);
        Quat {
            w: a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
            x: a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            y: a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
            z: a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
        }
    }
    /// The rotation back.
    pub fn inverse(self) -> Quat {
        Quat { w: self.w, x: -self.x, y: -self.y, z: -self.z }
    }
    /// Body's axes to the world's.
    pub fn rotate(self, v: Vec3) -> Vec3 {
        let axis = Vec3::new(self.x, self.y, self.z);
        let twice = axis.cross(v) * 2.0;
        v + twice * self.w + axis.cross(twice)
    }
    /// Turned further by body rates `rates` (rad/s) for `seconds`.
    pub fn turned(self, rates: Vec3, seconds: f64) -> Quat {
        let half = rates * (seconds / 2.0);
        let spin = Quat { w: 0.0, x: half.x, y: half.y, z: half.z };
        let change = self.after(spin);
        Quat { w: self.w + change.w, x: self.x + change.x, y: self.y + change.y, z: self.z + change.z }.normalised()
    }
    /// The rotation as axis times angle (rad), the short way round; exact for small angles, 2 sin(angle/2) for large ones.
    pub fn short_vector(self) -> Vec3 {
        let sign = if self.w < 0.0 { -2.0 } else { 2.0 };
        Vec3::new(self.x, self.y, self.z) * sign
    }
    fn normalised(self) -> Quat {
        let length = (self.w * self.w + self.x * self.x + self.y * self.y + self.z * self.z).sqrt();
        Quat { w: self.w / length, x: self.x / length, y: self.y / length, z: self.z / length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Vec3, b: Vec3) {
        assert!((a - b).norm() < 1e-9, "{a:?} is not {b:?}");
    }

    #[test]
    fn angles_come_back_from_the_quaternion() {
        let angles = Vec3::new(0.3, -0.7, 2.5);
        near(Quat::from_euler(angles.x, angles.y, angles.z).to_euler(), angles);
    }

    #[test]
    fn nose_up_lifts_the_forward_axis() {
        let forward = Quat::from_euler(0.0, 0.5, 0.0).rotate(Vec3::new(1.0, 0.0, 0.0));
        assert!(forward.z < -0.4, "down is positive, so a raised nose points to negative z: {forward:?}");
    }

    /// Goal: axes give the rotation they came from, in all four branches of the method.
    #[test]
    fn axes_give_their_rotation_back() {
        for angles in [(0.2, 0.3, 0.4), (3.0, 0.1, 0.2), (0.1, 0.2, 3.1), (3.1, 0.0, 3.1), (-2.9, 1.2, 0.4)] {
            let q = Quat::from_euler(angles.0, angles.1, angles.2);
            let axes = [Vec3::new(1.0, 0.0, 0.0), Vec3::new(0.0, 1.0, 0.0), Vec3::new(0.0, 0.0, 1.0)];
            let [f, r, d] = axes.map(|a| q.rotate(a));
            let again = Quat::from_axes(f, r, d);
            for axis in axes {
                near(again.rotate(axis), q.rotate(axis));
            }
        }
    }

    #[test]
    fn turning_at_one_rad_per_second_for_a_second_turns_by_one_rad() {
        let mut q = Quat::LEVEL;
        for _ in 0..800 {
            q = q.turned(Vec3::new(0.0, 0.0, 1.0), 1.0 / 800.0);
        }
        assert!((q.to_euler().z - 1.0).abs() < 1e-6, "{:?}", q.to_euler());
    }
}
