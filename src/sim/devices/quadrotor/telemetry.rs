//! What the flight controller tells, and when: messages at the rates of a real one, each on its own beat.

use super::autopilot::{Autopilot, Landed};
use super::sensors::Estimate;
use crate::sim::random::Noise;
use crate::time::{Span, Time};

/// Where the hall stands: the drone test centre beside Odense's airport. Degrees and m.
const HOME: (f64, f64, f64) = (55.4765, 10.3309, 17.0);
/// Length of a degree of latitude in m (mean meridian of WGS 84).
const METRES_PER_DEGREE: f64 = 111_132.0;
/// 2026-01-01T00:00:00Z in µs since 1970: the simulated clock on board starts there, since the true one would break repeatability.
const CLOCK_START_MICROS: f64 = 1_767_225_600e6;
/// A message leaves up to this much after its beat, as the scheduler on board has other things to do.
const JITTER_MAX: f64 = 0.0015;
/// Gyroscopes, accelerometers, magnetometer, pressure, attitude, yaw, position control, motors, AHRS, battery, pre-arm check.
const SENSORS: f64 = (0x01 | 0x02 | 0x04 | 0x08 | 0x800 | 0x1000 | 0x4000 | 0x8000 | 0x20_0000 | 0x200_0000) as f64;
const PREARM_CHECK: f64 = 0x1000_0000 as f64;

/// A message that is sent on a beat.
struct Kind {
    name: &'static str,
    id: u32,
    /// Period when new, in µs; 0: only on request.
    period_micros: i64,
    /// Group of `REQUEST_DATA_STREAM`.
    stream: u8,
}

const fn kind(name: &'static str, id: u32, hertz: i64, stream: u8) -> Kind {
    Kind { name, id, period_micros: if hertz == 0 { 0 } else { 1_000_000 / hertz }, stream }
}

const KINDS: [Kind; 12] = [
    kind("HEARTBEAT", 0, 1, 0),
    kind("ATTITUDE", 30, 50, 10),
    kind("LOCAL_POSITION_NED", 32, 50, 6),
    kind("SYS_STATUS", 1, 2, 2),
    kind("BATTERY_STATUS", 147, 1, 12),
    kind("EXTENDED_SYS_STATE", 245, 5, 2),
    kind("VFR_HUD", 74, 10, 11),
    kind("GLOBAL_POSITION_INT", 33, 5, 6),
    kind("SYSTEM_TIME", 2, 1, 12),
    kind("ATTITUDE_QUATERNION", 31, 0, 10),
    kind("GPS_RAW_INT", 24, 0, 2),
    kind("FENCE_STATUS", 162, 0, 2),
];

/// Message number of `AUTOPILOT_VERSION`, told on request alone.
pub const AUTOPILOT_VERSION: u32 = 148;

/// The beats of one flight controller.
#[derive(Clone, Debug)]
pub struct Telemetry {
    noise: Noise,
    beats: [Beat; KINDS.len()],
}

#[derive(Copy, Clone, Debug)]
struct Beat {
    /// `None`: not sent.
    period: Option<Span>,
    due: Time,
    /// When it really leaves: `due` and a little more.
    leaves: Time,
}

impl Telemetry {
    /// The rates of a new machine, from `booted` on.
    pub fn new(noise: Noise, booted: Time) -> Telemetry {
        let beats = std::array::from_fn(|i| {
            // Beats start a prime number of loops apart, so that no two messages fall together for ever.
            let due = booted + Span::from_micros(2_500 * (1 + 3 * i as i64));
            Beat { period: standard(i), due, leaves: due }
        });
        Telemetry { noise, beats }
    }
    /// Places of the messages that leave now.
    pub fn due(&mut self, at: Time) -> impl Iterator<Item = usize> {
        let mut places = [None; KINDS.len()];
        for (i, beat) in self.beats.iter_mut().enumerate() {
            let Some(period) = beat.period else { continue };
            if at < beat.leaves {
                continue;
            }
            places[i] = Some(i);
            beat.due += period;
            if beat.due <= at {
                beat.due = at + period;
            }
            beat.leaves = beat.due + Span::from_seconds(JITTER_MAX * self.noise.uniform());
        }
        places.into_iter().flatten()
    }
    /// The place of a message by its number.
    pub fn place(&self, id: u32) -> Option<usize> {
        KINDS.iter().position(|k| k.id == id)
    }
    /// Its period now.
    pub fn period(&self, place: usize) -> Option<Span> {
        self.beats[place].period
    }
    /// Sets a period in µs as `SET_MESSAGE_INTERVAL` means it: 0 the one it had when new, below 0 never.
    pub fn set_period(&mut self, place: usize, micros: f64, at: Time) {
        let period = if micros < 0.0 {
            None
        } else if micros == 0.0 {
            standard(place)
        } else {
            // One message a loop is as fast as the scheduler goes.
            Some(Span::from_micros((micros as i64).max(2_500)))
        };
        let beat = &mut self.beats[place];
        if beat.period != period {
            // The next one keeps to the loops, offset by its place.
            beat.due = at + Span::from_micros(2_500 * (1 + place as i64));
            beat.leaves = beat.due;
            beat.period = period;
        }
    }
    /// Sets the period of a group of messages as `REQUEST_DATA_STREAM` means it; group 0 is all but the heartbeat.
    pub fn set_stream(&mut self, stream: u8, hertz: f64, on: bool, at: Time) {
        let micros = if on && hertz > 0.0 { 1e6 / hertz } else { -1.0 };
        for (place, kind) in KINDS.iter().enumerate() {
            if kind.period_micros > 0 && kind.stream != 0 && (stream == 0 || stream == kind.stream) {
                self.set_period(place, micros, at);
            }
        }
    }
}

fn standard(place: usize) -> Option<Span> {
    let micros = KINDS[place].period_micros;
    (micros > 0).then(|| Span::from_micros(micros))
}

/// What a message is made from.
pub struct View<'a> {
    /// Since power-up, as its clock shows it.
    pub uptime: Span,
    /// The date at power-up in µs since 1970, where the clock has it wrong.
    pub date: Option<f64>,
    pub now: &'a Estimate,
    pub autopilot: &'a Autopilot,
    pub settled: bool,
    /// Thrust as a share of what hovers.
    pub thrust: f64,
}

/// Name and fields of the message at this place.
pub fn compose(place: usize, view: &View<'_>) -> (&'static str, Vec<(&'static str, f64)>) {
    let boot_millis = (view.uptime.nanos() / 1_000_000) as f64;
    let unix_micros = view.date.unwrap_or(CLOCK_START_MICROS) + (view.uptime.nanos() / 1_000) as f64;
    let now = view.now;
    let angles = now.attitude.to_euler();
    let (p, v) = (now.position, now.velocity);
    let longitude_metres = METRES_PER_DEGREE * libm::cos(HOME.0.to_radians());
    // Headings are told in whole degrees, 0..360.
    let heading = (angles.z.to_degrees() + 360.0) % 360.0;
    let millivolts = (now.voltage * 1e3).clamp(0.0, 65_534.0);
    let centiamperes = now.current * 1e2;
    // Rounded up, so that a failsafe at 15 % has acted when 15 % is told.
    let percent = (now.charge * 100.0).ceil();
    let fields = match KINDS[place].name {
        "HEARTBEAT" => heartbeat(view),
        "ATTITUDE" => vec![
            ("time_boot_ms", boot_millis),
            ("roll", angles.x),
            ("pitch", angles.y),
            ("yaw", angles.z),
            ("rollspeed", now.rates.x),
            ("pitchspeed", now.rates.y),
            ("yawspeed", now.rates.z),
        ],
        "ATTITUDE_QUATERNION" => vec![
            ("time_boot_ms", boot_millis),
            // The quaternion's parts are numbered here, not named after axes: q1 is the scalar.
            ("q1", now.attitude.w),
            ("q2", now.attitude.x),
            ("q3", now.attitude.y),
            ("q4", now.attitude.z),
            ("rollspeed", now.rates.x),
            ("pitchspeed", now.rates.y),
            ("yawspeed", now.rates.z),
        ],
        "LOCAL_POSITION_NED" => vec![
            ("time_boot_ms", boot_millis),
            ("x", p.x),
            ("y", p.y),
            ("z", p.z),
            ("vx", v.x),
            ("vy", v.y),
            ("vz", v.z),
        ],
        "SYS_STATUS" => {
            let healthy = if view.settled { SENSORS + PREARM_CHECK } else { SENSORS };
            vec![
                ("onboard_control_sensors_present", SENSORS + PREARM_CHECK),
                ("onboard_control_sensors_enabled", SENSORS + PREARM_CHECK),
                ("onboard_control_sensors_health", healthy),
                ("load", 150.0),
                ("voltage_battery", millivolts),
                ("current_battery", centiamperes),
                ("battery_remaining", percent),
            ]
        }
        "BATTERY_STATUS" => {
            // Cells that are not there are told as the greatest number; the first carries the whole pack, as Copter does it.
            let mut fields: Vec<(&'static str, f64)> = vec![
                ("temperature", 32_767.0),
                ("voltages[0]", millivolts),
                ("current_battery", centiamperes),
                ("current_consumed", now.consumed * 1e3),
                ("energy_consumed", -1.0),
                ("battery_remaining", percent),
                ("type", 1.0),
            ];
            let absent = [
                "voltages[1]",
                "voltages[2]",
                "voltages[3]",
                "voltages[4]",
                "voltages[5]",
                "voltages[6]",
                "voltages[7]",
                "voltages[8]",
                "voltages[9]",
            ];
            fields.extend(absent.map(|name| (name, 65_535.0)));
            fields
        }
        "EXTENDED_SYS_STATE" => vec![("landed_state", landed(view.autopilot.landed()))],
        "VFR_HUD" => vec![
            ("airspeed", v.horizontal()),
            ("groundspeed", v.horizontal()),
            ("heading", heading.floor()),
            ("throttle", (view.thrust * 50.0).clamp(0.0, 100.0).floor()),
            ("alt", HOME.2 + now.altitude()),
            ("climb", -v.z),
        ],
        "GLOBAL_POSITION_INT" => vec![
            ("time_boot_ms", boot_millis),
            ("lat", ((HOME.0 + p.x / METRES_PER_DEGREE) * 1e7).floor()),
            ("lon", ((HOME.1 + p.y / longitude_metres) * 1e7).floor()),
            ("alt", ((HOME.2 + now.altitude()) * 1e3).floor()),
            ("relative_alt", (now.altitude() * 1e3).floor()),
            ("vx", (v.x * 1e2).floor()),
            ("vy", (v.y * 1e2).floor()),
            ("vz", (v.z * 1e2).floor()),
            ("hdg", (heading * 1e2).floor()),
        ],
        "GPS_RAW_INT" => vec![
            ("time_usec", unix_micros),
            ("fix_type", if now.fix { 3.0 } else { 1.0 }), // three dimensions, or none
            ("lat", ((HOME.0 + p.x / METRES_PER_DEGREE) * 1e7).floor()),
            ("lon", ((HOME.1 + p.y / longitude_metres) * 1e7).floor()),
            ("alt", ((HOME.2 + now.altitude()) * 1e3).floor()),
            ("eph", if now.fix { 80.0 } else { 65_535.0 }),
            ("epv", if now.fix { 120.0 } else { 65_535.0 }),
            ("vel", (v.horizontal() * 1e2).floor()),
            ("cog", 65_535.0),
            ("satellites_visible", if now.fix { 14.0 } else { 0.0 }),
        ],
        "FENCE_STATUS" => {
            let fence = view.autopilot.fence();
            let breached = fence.at.map_or(0.0, |at| at.nanos() as f64 / 1e6);
            vec![
                ("breach_time", breached.floor()),
                ("breach_count", f64::from(fence.count)),
                ("breach_status", f64::from(u8::from(fence.breach != 0))),
                ("breach_type", f64::from(fence.breach)),
            ]
        }
        _ => vec![("time_unix_usec", unix_micros), ("time_boot_ms", boot_millis)],
    };
    (KINDS[place].name, fields)
}

fn heartbeat(view: &View<'_>) -> Vec<(&'static str, f64)> {
    let autopilot = view.autopilot;
    let guided = matches!(autopilot.mode(), super::autopilot::Mode::Guided | super::autopilot::Mode::Rtl);
    // Custom mode, stabilised, manual input possible; guided and armed where they hold. As Copter sets them.
    let base = 1.0 + 16.0 + 64.0 + if guided { 8.0 } else { 0.0 } + if autopilot.armed() { 128.0 } else { 0.0 };
    let status = if !view.settled {
        1.0 // booting
    } else if autopilot.in_failsafe() {
        5.0 // critical
    } else if autopilot.armed() {
        4.0 // active
    } else {
        3.0 // standby
    };
    vec![
        ("type", 2.0),      // MAV_TYPE_QUADROTOR
        ("autopilot", 3.0), // MAV_AUTOPILOT_ARDUPILOTMEGA
        ("base_mode", base),
        ("custom_mode", f64::from(autopilot.mode() as u8)),
        ("system_status", status),
        ("mavlink_version", 3.0),
    ]
}

fn landed(state: Landed) -> f64 {
    f64::from(state as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(telemetry: &mut Telemetry, place: usize, seconds: i64) -> usize {
        let mut sent = 0;
        for step in 0..seconds * 400 {
            let at = Time::from_nanos(step * 2_500_000);
            sent += telemetry.due(at).filter(|p| *p == place).count();
        }
        sent
    }

    #[test]
    fn rates_are_the_declared_ones_despite_the_jitter() {
        for (place, kind) in KINDS.iter().enumerate().filter(|(_, k)| k.period_micros > 0) {
            let sent = count(&mut Telemetry::new(Noise::new(1, 2), Time::ZERO), place, 20) as i64;
            let wanted = 20_000_000 / kind.period_micros;
            assert!((sent - wanted).abs() <= 1, "{}: {sent} of {wanted}", kind.name);
        }
    }

    #[test]
    fn an_interval_is_set_stopped_and_given_back() {
        let mut telemetry = Telemetry::new(Noise::new(1, 2), Time::ZERO);
        let attitude = telemetry.place(30).expect("ATTITUDE has a beat");
        telemetry.set_period(attitude, 100_000.0, Time::ZERO);
        assert!((count(&mut telemetry, attitude, 10) as i64 - 100).abs() <= 1);
        let mut telemetry = Telemetry::new(Noise::new(1, 2), Time::ZERO);
        telemetry.set_period(attitude, -1.0, Time::ZERO);
        assert_eq!(count(&mut telemetry, attitude, 10), 0);
        telemetry.set_period(attitude, 0.0, Time::ZERO);
        assert_eq!(telemetry.period(attitude), Some(Span::from_millis(20)));
    }

    #[test]
    fn messages_do_not_all_leave_in_one_loop() {
        let mut telemetry = Telemetry::new(Noise::new(1, 2), Time::ZERO);
        let most = (0..800).map(|s| telemetry.due(Time::from_nanos(s * 2_500_000)).count()).max();
        assert!(most.is_some_and(|m| m <= 3), "{most:?}");
    }
}
