//! What a simulated device or the world can act out.

use crate::fault::PipeFault;
use crate::time::Span;

/// A fault that a simulated device or the world acts out. It ends with the scenario's fault, and the twin is nominal again;
/// what is over at once (a restart, a brown-out, a level of charge) has no end.
#[derive(Clone, PartialEq, Debug)]
pub enum TwinFault {
    /// Wind in m/s, coming from this bearing in rad (0: from north).
    Wind { speed: f64, from: f64 },
    /// A person walks up to this far from a machine's reach, in m, at this many m/s, and back when it ends.
    Approach { to: f64, speed: f64 },
    /// The device stops sending.
    Silence,
    /// The device puts garbage between its frames: bytes per second.
    Garbage { rate: f64 },
    /// The device starts anew at once.
    Restart,
    /// The device ignores commands.
    Deaf,
    /// Remaining charge, 0..=1.
    Battery { level: f64 },
    /// A motor gives this share of its thrust.
    Motor { index: u8, gain: f64 },
    /// A value of the device's own is off by this much (field name, SI).
    SensorBias { field: String, by: f64 },
    /// A motor (`None`: every motor) keeps the speed that it had, or this share of its top speed.
    MotorStuck { index: Option<u8>, at: Option<f64> },
    /// A motor (`None`: every motor) follows with this time constant.
    MotorSlow { index: Option<u8>, lag: Span },
    /// A motor (`None`: every motor) turns the wrong way.
    MotorReversed { index: Option<u8> },
    /// No power; it starts anew when the power is back.
    PowerOff,
    /// The supply of 5 V dips to `volts` for `length`, once.
    BrownOut { volts: f64, length: Span },
    /// It starts anew again and again, this long after each start.
    BootStorm { every: Span },
    /// Its program hangs for so long; then its watchdog resets it. Once.
    WatchdogReset { hang: Span },
    /// Its position is believed to be `by` m away in the direction `bearing` (rad, 0: north), from one moment to the next.
    GpsStep { by: f64, bearing: f64 },
    /// Its position is dragged off at `speed` m/s in the direction `bearing` (rad), its velocity with it: a receiver that is
    /// lied to slowly enough to believe it.
    GpsDrag { speed: f64, bearing: f64 },
    /// No fix: position goes on by inertia alone.
    GpsJam,
    /// Its own time stamps are off by this much (positive: late times are told).
    ClockStep { by: Span },
    /// Its own clock runs too fast by this share (1e-4: 100 ppm).
    ClockSkew { share: f64 },
    /// Its count of milliseconds since power-up overflows this long from now.
    ClockRollover { after: Span },
    /// Its date is the first of January of this year.
    ClockDate { year: u16 },
    /// A controller thinks anew only so often, and repeats itself between.
    StaleOutput { every: Span },
    /// A controller asks for places this many m beyond what it means, on every axis.
    OutOfRange { by: f64 },
    /// A controller says that every number is none, as `NaN` in its JSON.
    NotANumber,
    /// A controller asks for places that swing by `size` m about what it means, this often a second.
    Oscillate { hertz: f64, size: f64 },
    /// A controller is sure that its goal lies `by` m away from where it was sent, in the direction `bearing` (rad).
    ConfidentWrong { by: f64, bearing: f64 },
    /// A controller speaks so many times as often.
    Rate { times: f64 },
    /// A controller asks for commands and arguments that nobody knows.
    UnknownCommands,
    /// A controller repeats its last words for ever, whatever it is told.
    Frozen,
    /// A sensor's value, by its field, goes through the faults of a stream of samples before anything is made of it.
    Sensor { field: String, fault: PipeFault },
    /// What the device sends goes through the faults of a stream of frames.
    Wire { fault: PipeFault },
}
