//! Wind: a mean that can change, and gusts about it.
//!
//! The gusts follow the longitudinal form of Dryden's model (MIL-F-8785C): noise through a first-order filter whose corner is
//! airspeed over length scale. Here all three axes use it, with the mean wind as the airspeed, since the machine hovers.

use super::space::Vec3;
use crate::sim::random::Noise;

/// Time between two draws of gusts, in s: well under the filter's shortest time constant. Our own.
pub const GUST_STEP: f64 = 0.01;
/// Length scale of the gusts in m: the size of the hall's door, our own. MIL-F-8785C, made for aeroplanes, has 23 m at 3 m height.
const LENGTH_SCALE: f64 = 5.0;
/// Standard deviation of the gusts as a share of the mean wind, horizontal: light to moderate turbulence near the
/// ground, our own.
const INTENSITY: f64 = 0.12;
/// The same, vertical: near the floor there is less of it. Our own; MIL-F-8785C has 0.1 of the wind at 6 m height.
const INTENSITY_VERTICAL: f64 = 0.06;
/// Time constant in s with which the mean follows a change: a door opens, it does not appear. Our own.
const RISE: f64 = 0.3;

/// The wind of a world. It blows everywhere the same.
#[derive(Clone, Debug)]
pub struct Wind {
    noise: Noise,
    /// Where the mean is going, in m/s, NED.
    goal: Vec3,
    mean: Vec3,
    gust: Vec3,
}

impl Wind {
    /// A steady wind of `speed` m/s from the bearing `from` (rad, 0: from north).
    pub fn new(noise: Noise, speed: f64, from: f64) -> Wind {
        let goal = toward(speed, from);
        Wind { noise, goal, mean: goal, gust: Vec3::ZERO }
    }
    /// Changes the mean to `speed` m/s from the bearing `from` (rad).
    pub fn set(&mut self, speed: f64, from: f64) {
        self.goal = toward(speed, from);
    }
    /// Velocity of the air in m/s, NED.
    pub fn velocity(&self) -> Vec3 {
        self.mean + self.gust
    }
    /// Goes on by [`GUST_STEP`].
    pub fn step(&mut self) {
        self.mean += (self.goal - self.mean) * (GUST_STEP / (RISE + GUST_STEP));
        let speed = self.mean.norm();
        // The exact solution of the filter over one step keeps the deviation at whatever step length.
        let keep = libm::exp(-speed * GUST_STEP / LENGTH_SCALE);
        let fresh = speed * (1.0 - keep * keep).sqrt();
        let draw = Vec3::new(self.noise.normal(), self.noise.normal(), self.noise.normal());
        let sigma = Vec3::new(INTENSITY, INTENSITY, INTENSITY_VERTICAL) * fresh;
        self.gust = self.gust * keep + draw.zip(sigma, |d, s| d * s);
        if speed < 0.01 {
            // Without wind nothing carries the last gust away: it dies down by itself.
            self.gust = self.gust * (1.0 - GUST_STEP / RISE);
        }
    }
}

fn toward(speed: f64, from: f64) -> Vec3 {
    let (sin, cos) = libm::sincos(from);
    Vec3::new(-speed * cos, -speed * sin, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: mean and strength of the gusts are what they claim. Method: 500 s, 600 correlation times.
    #[test]
    fn gusts_have_the_declared_strength_about_the_mean() {
        let mut wind = Wind::new(Noise::new(3, 0), 6.0, 0.0);
        let speeds: Vec<f64> = (0..50_000)
            .map(|_| {
                wind.step();
                wind.velocity().x
            })
            .collect();
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
        let sigma = (speeds.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / speeds.len() as f64).sqrt();
        assert!((mean + 6.0).abs() < 0.15, "from north blows to the south: {mean}");
        assert!((sigma - 6.0 * INTENSITY).abs() < 0.12, "deviation {sigma}");
    }

    /// Goal: gusts are remembered over the length that the model says. Method: the autocorrelation of Dryden's longitudinal form is
    /// exp(-V t / L); at t = L / V it is 1/e. 5000 s, 6000 correlation times.
    #[test]
    fn gusts_are_forgotten_along_the_length_scale() {
        let mut wind = Wind::new(Noise::new(4, 0), 6.0, 0.0);
        let gusts: Vec<f64> = (0..500_000)
            .map(|_| {
                wind.step();
                wind.velocity().x + 6.0
            })
            .collect();
        let product = |lag: usize| {
            let pairs = gusts.iter().zip(&gusts[lag..]);
            pairs.map(|(a, b)| a * b).sum::<f64>() / (gusts.len() - lag) as f64
        };
        let lag = (LENGTH_SCALE / 6.0 / GUST_STEP).round();
        let wanted = libm::exp(-6.0 * lag * GUST_STEP / LENGTH_SCALE);
        let found = product(lag as usize) / product(0);
        assert!((found - wanted).abs() < 0.05, "{found}, closed form {wanted}");
    }

    #[test]
    fn a_wind_that_ends_leaves_still_air() {
        let mut wind = Wind::new(Noise::new(3, 0), 6.0, 1.0);
        wind.set(0.0, 1.0);
        for _ in 0..600 {
            wind.step();
        }
        assert!(wind.velocity().norm() < 0.01, "{:?}", wind.velocity());
    }
}
