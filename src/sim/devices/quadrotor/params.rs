//! Parameters of the flight controller, under the names and in the units that ArduPilot uses (from memory); the values are our own, for this
//! machine in its hall.

use super::control::Limits;

/// A parameter: name, what it is set to when new, least and greatest value.
const TABLE: [(&str, f64, f64, f64); 22] = [
    ("SYSID_THISMAV", 1.0, 1.0, 255.0),
    ("ARMING_CHECK", 1.0, 0.0, 1.0),
    ("DISARM_DELAY", 10.0, 0.0, 127.0),
    ("ANGLE_MAX", 3000.0, 1000.0, 8000.0),
    ("WPNAV_SPEED", 350.0, 10.0, 2000.0),
    ("WPNAV_SPEED_UP", 250.0, 10.0, 1000.0),
    ("WPNAV_SPEED_DN", 150.0, 10.0, 500.0),
    ("WPNAV_ACCEL", 250.0, 50.0, 500.0),
    ("LAND_SPEED", 70.0, 30.0, 200.0),
    ("RTL_ALT", 300.0, 30.0, 300_000.0),
    ("GUID_TIMEOUT", 3.0, 0.1, 5.0),
    ("FS_GCS_ENABLE", 1.0, 0.0, 7.0),
    ("FS_GCS_TIMEOUT", 5.0, 2.0, 120.0),
    ("BATT_CAPACITY", 5100.0, 0.0, 100_000.0),
    ("BATT_ARM_MAH", 1020.0, 0.0, 100_000.0),
    ("BATT_LOW_MAH", 765.0, 0.0, 100_000.0),
    ("BATT_CRT_MAH", 255.0, 0.0, 100_000.0),
    ("FENCE_ENABLE", 0.0, 0.0, 1.0),
    ("FENCE_ACTION", 1.0, 0.0, 2.0),
    ("FENCE_ALT_MAX", 100.0, 10.0, 1000.0),
    ("FENCE_RADIUS", 300.0, 30.0, 10_000.0),
    // PX4's name: without it nobody can break the machine from the ground.
    ("SYS_FAILURE_EN", 0.0, 0.0, 1.0),
];

/// A parameter by its place in the list.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Param {
    SystemId,
    ArmingCheck,
    DisarmDelay,
    AngleMax,
    Speed,
    SpeedUp,
    SpeedDown,
    Acceleration,
    LandSpeed,
    ReturnAltitude,
    GuidedTimeout,
    GroundFailsafe,
    GroundTimeout,
    Capacity,
    ArmCharge,
    LowCharge,
    CriticalCharge,
    FenceOn,
    FenceAction,
    FenceCeiling,
    FenceRadius,
    FailuresOn,
}

/// The parameters of one flight controller; they outlive a restart, as on the real one.
#[derive(Clone, PartialEq, Debug)]
pub struct Params {
    values: [f64; TABLE.len()],
}

impl Params {
    /// Of the system with this number, set up for the hall: slower and lower than ArduPilot's defaults.
    pub fn new(system: u8) -> Params {
        let mut values = TABLE.map(|(_, value, _, _)| value);
        values[Param::SystemId as usize] = f64::from(system);
        Params { values }
    }
    /// How many there are.
    pub const COUNT: usize = TABLE.len();

    /// A parameter in its own unit.
    pub fn get(&self, param: Param) -> f64 {
        self.values[param as usize]
    }
    /// Name and value of the parameter at this place.
    pub fn at(&self, index: usize) -> Option<(&'static str, f64)> {
        Some((TABLE.get(index)?.0, self.values[index]))
    }
    /// The place of the parameter of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        TABLE.iter().position(|(n, ..)| *n == name)
    }
    /// Sets a parameter; false, and nothing changes, when the value is outside its range.
    pub fn set(&mut self, index: usize, value: f64) -> bool {
        let Some((_, _, least, most)) = TABLE.get(index) else { return false };
        let fits = (*least..=*most).contains(&value);
        if fits {
            self.values[index] = value;
        }
        fits
    }
    /// What the cascade may use, in SI.
    pub fn limits(&self) -> Limits {
        Limits {
            speed: self.get(Param::Speed) / 100.0,
            speed_up: self.get(Param::SpeedUp) / 100.0,
            speed_down: self.get(Param::SpeedDown) / 100.0,
            approach: self.get(Param::Acceleration) / 100.0,
            tilt: (self.get(Param::AngleMax) / 100.0).to_radians(),
        }
    }
    /// A charge parameter (mAh) as a share of the capacity.
    pub fn charge_share(&self, param: Param) -> f64 {
        self.get(param) / self.get(Param::Capacity).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_names_agree() {
        let params = Params::new(1);
        for (param, name) in [
            (Param::SystemId, "SYSID_THISMAV"),
            (Param::LandSpeed, "LAND_SPEED"),
            (Param::GroundTimeout, "FS_GCS_TIMEOUT"),
            (Param::CriticalCharge, "BATT_CRT_MAH"),
        ] {
            assert_eq!(params.find(name), Some(param as usize));
        }
    }

    #[test]
    fn a_value_outside_its_range_is_refused() {
        let mut params = Params::new(1);
        let speed = params.find("WPNAV_SPEED").expect("it is in the table");
        assert!(!params.set(speed, f64::NAN) && !params.set(speed, 1e6) && params.set(speed, 300.0));
        assert_eq!(params.limits().speed, 3.0);
    }
}
