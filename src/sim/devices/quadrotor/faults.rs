//! What is wrong with a flight controller and its machine, on purpose: each part asks here, so that the end of a fault is the end
//! of its effect.

use super::sensors::Estimate;
use crate::fault::TwinFault;
use crate::sim::devices::active::{Active, ActiveFaults};
use crate::sim::random::Noise;
use crate::sim::world::quadrotor::{Drive, MOTORS, top_speed};
use crate::sim::world::space::Vec3;
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// Standard deviation of the acceleration that inertial sensors alone are off by, in m/s^2 on each horizontal axis: a tilt error
/// of half a degree lets that share of gravity through.
const INERTIAL_ERROR: f64 = 0.086;
/// Seconds from 1970 to the first of January 2001, the beginning of a cycle of 400 years of the calendar.
const SECONDS_TO_2001: i64 = 978_307_200;
const SECONDS_A_DAY: i64 = 86_400;

/// Everything that is wrong.
#[derive(Clone, Debug)]
pub struct Faults {
    active: ActiveFaults,
    noise: Noise,
    /// Bytes of garbage that are due.
    garbage_due: f64,
    /// By key: what a fault drew or saw at its beginning.
    drift: BTreeMap<u32, Vec3>,
    speeds: BTreeMap<u32, [f64; 4]>,
}

impl Faults {
    /// Nothing is wrong.
    pub fn new(noise: Noise) -> Faults {
        Faults {
            active: ActiveFaults::default(),
            noise,
            garbage_due: 0.0,
            drift: BTreeMap::new(),
            speeds: BTreeMap::new(),
        }
    }
    /// A fault begins while the motors turn at `speeds` (rad/s).
    pub fn start(&mut self, at: Time, fault: &TwinFault, speeds: [f64; 4]) -> Active {
        let key = self.active.start(at, fault);
        match fault {
            TwinFault::GpsJam => {
                let draw = Vec3::new(self.noise.normal(), self.noise.normal(), 0.0);
                self.drift.insert(key.0, draw * INERTIAL_ERROR);
            }
            TwinFault::MotorStuck { .. } => {
                self.speeds.insert(key.0, speeds);
            }
            _ => {}
        }
        Active { key, fault: fault.clone(), since: at }
    }
    /// A fault ends.
    pub fn stop(&mut self, fault: &TwinFault) -> Option<Active> {
        let active = self.active.stop(fault)?;
        self.drift.remove(&active.key.0);
        self.speeds.remove(&active.key.0);
        Some(active)
    }

    /// It does not send.
    pub fn silent(&self) -> bool {
        self.active.has(&TwinFault::Silence)
    }
    /// It does not hear.
    pub fn deaf(&self) -> bool {
        self.active.has(&TwinFault::Deaf)
    }
    /// The garbage that goes out now, `seconds` after the last.
    pub fn garbage(&mut self, seconds: f64) -> Vec<u8> {
        let rate = self.active.latest(|a| match a.fault {
            TwinFault::Garbage { rate } => Some(rate.max(0.0)),
            _ => None,
        });
        let Some(rate) = rate else {
            self.garbage_due = 0.0;
            return Vec::new();
        };
        self.garbage_due += rate * seconds;
        let bytes = self.garbage_due.floor();
        self.garbage_due -= bytes;
        (0..bytes as usize).map(|_| self.noise.byte()).collect()
    }
    /// What is wrong with the motors, at this battery voltage (V).
    pub fn drives(&self, voltage: f64) -> [Drive; MOTORS.len()] {
        let mut drives = [Drive::GOOD; MOTORS.len()];
        for active in self.active.iter() {
            for (motor, drive) in drives.iter_mut().enumerate() {
                // Motors count from 1, as they are labelled on the machine.
                let meant = |index: Option<u8>| index.is_none_or(|i| usize::from(i) == motor + 1);
                match active.fault {
                    TwinFault::Motor { index, gain } if meant(Some(index)) => drive.gain = gain.max(0.0),
                    TwinFault::MotorStuck { index, at } if meant(index) => {
                        let held = self.speeds.get(&active.key.0).map_or(0.0, |speeds| speeds[motor]);
                        drive.stuck = Some(at.map_or(held, |share| share * top_speed(voltage)));
                    }
                    TwinFault::MotorSlow { index, lag } if meant(index) => drive.lag = lag.seconds(),
                    TwinFault::MotorReversed { index } if meant(index) => drive.reversed = true,
                    _ => {}
                }
            }
        }
        drives
    }
    /// Errors of each field, by its place in the list.
    pub fn biases<const N: usize>(&self, fields: &[&str; N]) -> [f64; N] {
        let mut biases = [0.0; N];
        for active in self.active.iter() {
            if let TwinFault::SensorBias { field, by } = &active.fault
                && let Some(place) = place_of(fields, field)
            {
                biases[place] = *by;
            }
        }
        biases
    }
    /// What its receiver makes it believe of its position.
    pub fn mislead(&self, at: Time, estimate: &mut Estimate) {
        for active in self.active.iter() {
            let seconds = at.since(active.since).seconds();
            match active.fault {
                TwinFault::GpsStep { by, bearing } => estimate.position += toward(bearing) * by,
                TwinFault::GpsDrag { speed, bearing } => {
                    estimate.position += toward(bearing) * (speed * seconds);
                    estimate.velocity += toward(bearing) * speed;
                }
                TwinFault::GpsJam => {
                    estimate.fix = false;
                    let drift = self.drift.get(&active.key.0).copied().unwrap_or(Vec3::ZERO);
                    estimate.velocity += drift * seconds;
                    estimate.position += drift * (0.5 * seconds * seconds);
                }
                _ => {}
            }
        }
    }
    /// What its clock shows when it has been on for `uptime`. Counted in 32 bits of milliseconds, as on the wire.
    pub fn shown(&self, at: Time, uptime: Span) -> Span {
        const WRAP: i64 = (1 << 32) * 1_000_000;
        let mut shown = uptime;
        for active in self.active.iter() {
            let since = at.since(active.since);
            match active.fault {
                TwinFault::ClockStep { by } => shown = shown + by,
                TwinFault::ClockSkew { share } => shown = shown + Span::from_seconds(since.seconds() * share),
                TwinFault::ClockRollover { after } => shown = Span::from_nanos(WRAP) + since - after,
                _ => {}
            }
        }
        Span::from_nanos(shown.nanos().rem_euclid(WRAP))
    }
    /// The date at power-up that its clock shows, in µs since 1970, if it is wrong.
    pub fn date(&self) -> Option<f64> {
        self.active.latest(|a| match a.fault {
            TwinFault::ClockDate { year } => Some(new_year(year) as f64 * 1e6),
            _ => None,
        })
    }
}

/// The place of a field (`z`, or with its message: `LOCAL_POSITION_NED.z`).
pub fn place_of(fields: &[&str], field: &str) -> Option<usize> {
    let name = field.rsplit('.').next().unwrap_or(field);
    fields.iter().position(|known| *known == name)
}

/// The direction of a bearing (rad, 0: north), NED.
fn toward(bearing: f64) -> Vec3 {
    let (sin, cos) = libm::sincos(bearing);
    Vec3::new(cos, sin, 0.0)
}

/// Seconds from 1970 to the first of January of a year, by the Gregorian calendar.
fn new_year(year: u16) -> i64 {
    let years = i64::from(year) - 2001;
    let leap_days = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    SECONDS_TO_2001 + (years * 365 + leap_days) * SECONDS_A_DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_begin_when_the_calendar_says() {
        // Stamps of `date -u -d YEAR-01-01 +%s`.
        for (year, seconds) in
            [(1970, 0), (2000, 946_684_800), (2001, 978_307_200), (2038, 2_145_916_800), (2101, 4_133_980_800)]
        {
            assert_eq!(new_year(year), seconds, "{year}");
        }
    }

    #[test]
    fn a_clock_steps_runs_fast_and_overflows() {
        let at = |seconds: f64| Time::ZERO + Span::from_seconds(seconds);
        let uptime = |seconds: f64| Span::from_seconds(20.0 + seconds);
        let shown = |fault: TwinFault, seconds: f64| {
            let mut faults = Faults::new(Noise::new(1, 0));
            faults.start(at(0.0), &fault, [0.0; 4]);
            let shown = faults.shown(at(seconds), uptime(seconds));
            assert!(faults.stop(&fault).is_some());
            assert_eq!(faults.shown(at(seconds), uptime(seconds)), uptime(seconds), "its end is the end of it");
            shown.seconds()
        };
        assert_eq!(shown(TwinFault::ClockStep { by: Span::from_secs(-1) }, 3.0), 22.0);
        assert!((shown(TwinFault::ClockSkew { share: 1e-4 }, 100.0) - 120.01).abs() < 1e-6);
        let roll = TwinFault::ClockRollover { after: Span::from_secs(5) };
        assert!((shown(roll.clone(), 4.0) - 4_294_966.296).abs() < 1e-6);
        assert!((shown(roll, 6.0) - 1.0).abs() < 1e-9);
    }
}
