//! Ladders of faults: for a kind of fault, steps from mild to hard with the numbers that a bench begins with.
//!
//! `OURS` marks a number as this project's own default; every other source is named. The texts are what a scenario could
//! say itself.

/// One step of a ladder.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Preset {
    /// The fault.
    pub fault: &'static str,
    /// `1` is the mildest step of a ladder; other names stand for a thing that is common.
    pub name: &'static str,
    /// Parameters and their values, as text.
    pub values: &'static [(&'static str, &'static str)],
    /// Where the numbers come from.
    pub source: &'static str,
}

const OURS: &str = "project default";
const GILBERT: &str = "Gilbert 1960, Elliott 1963: loss p/(p+r), burst 1/r; the pairs are project defaults, computed";
const PX4: &str =
    "the kind: PX4 failure injection (off, stuck, garbage, slow, intermittent); the numbers are project defaults";
const PARTIAL: &str = "shares of the kvynlim protocol for partial loss of a sensor";
const SOJOURN: &str = "mean sojourn times as FlowEmu gives them; the numbers are project defaults";

macro_rules! ladder {
    ($($fault:literal $name:literal [$($key:literal = $value:literal),*] $source:expr;)*) => {
        &[$(Preset { fault: $fault, name: $name, values: &[$(($key, $value)),*], source: $source }),*]
    };
}

/// Every step of every ladder.
pub static PRESETS: &[Preset] = ladder! {
    "delay" "1" ["by" = "20 ms"] OURS;
    "delay" "2" ["by" = "50 ms"] OURS;
    "delay" "3" ["by" = "100 ms"] OURS;
    "delay" "4" ["by" = "250 ms"] OURS;
    "delay" "5" ["by" = "500 ms"] OURS;
    "delay" "6" ["by" = "1 s"] OURS;
    "jitter" "1" ["sigma" = "5 ms"] OURS;
    "jitter" "2" ["sigma" = "20 ms"] OURS;
    "jitter" "3" ["sigma" = "100 ms"] OURS;
    "drop" "1" ["share" = "0.1 %"] OURS;
    "drop" "2" ["share" = "1 %"] OURS;
    "drop" "3" ["share" = "5 %"] OURS;
    "drop" "4" ["share" = "10 %"] OURS;
    "drop" "5" ["share" = "20 %"] OURS;
    "burst-loss" "1" ["worse" = "1 %", "better" = "25 %"] GILBERT;
    "burst-loss" "2" ["worse" = "0.5 %", "better" = "10 %"] GILBERT;
    "burst-loss" "3" ["worse" = "2 %", "better" = "20 %"] GILBERT;
    "burst-loss" "lossy" ["worse" = "2 %", "better" = "20 %"] GILBERT;
    "outages" "1" ["good" = "10 s", "bad" = "100 ms"] SOJOURN;
    "outages" "2" ["good" = "5 s", "bad" = "300 ms"] SOJOURN;
    "outages" "3" ["good" = "2 s", "bad" = "1 s"] SOJOURN;
    "duplicate" "1" ["share" = "1 %"] OURS;
    "duplicate" "2" ["share" = "5 %"] OURS;
    "redeliver" "1" ["share" = "1 %"] OURS;
    "redeliver" "2" ["share" = "5 %"] OURS;
    "reorder" "1" ["share" = "1 %", "depth" = "2"] OURS;
    "reorder" "2" ["share" = "5 %", "depth" = "5"] OURS;
    "intermittent" "1" ["period" = "0.5 s", "lost" = "50 %"] PX4;
    "intermittent" "2" ["period" = "2 s", "lost" = "50 %"] PX4;
    "intermittent" "3" ["period" = "5 s", "lost" = "50 %"] PX4;
    "slow" "1" ["one_in" = "2"] PX4;
    "slow" "2" ["one_in" = "5"] PX4;
    "slow" "3" ["one_in" = "10"] PX4;
    "replay" "1" ["age" = "1 s"] OURS;
    "replay" "2" ["age" = "10 s"] OURS;
    "replay" "3" ["age" = "60 s"] OURS;
    "repeat" "1" ["every" = "1 s"] OURS;
    "repeat" "2" ["every" = "100 ms"] OURS;
    "repeat" "3" ["every" = "20 ms"] OURS;
    "corrupt" "1" ["rate" = "1e-6"] OURS;
    "corrupt" "2" ["rate" = "1e-4"] OURS;
    "bit-burst" "1" ["share" = "1 %", "bits" = "1"] OURS;
    "bit-burst" "2" ["share" = "5 %", "bits" = "3"] OURS;
    "truncate" "1" ["share" = "1 %"] OURS;
    "truncate" "2" ["share" = "5 %"] OURS;
    "wrong-baud" "half" ["ratio" = "0.5"] OURS;
    "wrong-baud" "double" ["ratio" = "2"] OURS;
    "line-noise" "1" ["rate" = "10 B/s"] OURS;
    "line-noise" "2" ["rate" = "1000 B/s"] OURS;
    "bias" "accelerometer" ["by" = "0.5 m/s^2"] OURS;
    "bias" "gyroscope" ["by" = "2 deg/s"] OURS;
    "bias" "temperature" ["by" = "2 K"] OURS;
    "drift" "gyroscope" ["rate" = "0.1 deg/s^2"] OURS;
    "drift" "gps-1" ["rate" = "0.5 m/s"] OURS;
    "drift" "gps-2" ["rate" = "1 m/s"] OURS;
    "drift" "gps-3" ["rate" = "3 m/s"] OURS;
    "scale" "1" ["gain" = "0.9"] OURS;
    "scale" "2" ["gain" = "1.1"] OURS;
    "scale" "3" ["gain" = "0.8"] OURS;
    "scale" "4" ["gain" = "1.25"] OURS;
    "spike" "1" ["share" = "0.1 %"] OURS;
    "spike" "2" ["share" = "1 %"] OURS;
    "spike" "3" ["share" = "5 %"] OURS;
    "partial-loss" "1" ["share" = "5 %"] PARTIAL;
    "partial-loss" "2" ["share" = "15 %"] PARTIAL;
    "partial-loss" "3" ["share" = "30 %"] PARTIAL;
    "partial-loss" "4" ["share" = "50 %"] PARTIAL;
    "oscillate" "1" ["frequency" = "1 Hz"] OURS;
    "oscillate" "2" ["frequency" = "2 Hz"] OURS;
    "oscillate" "3" ["frequency" = "5 Hz"] OURS;
    "clock" "1" ["offset" = "10 ms", "skew" = "2e-5"] OURS;
    "clock" "2" ["offset" = "100 ms", "skew" = "1e-4"] OURS;
    "clock" "3" ["offset" = "1 s", "skew" = "1e-4"] OURS;
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Quantity;

    #[test]
    fn every_value_is_a_quantity_and_every_step_stands_once() {
        for (place, preset) in PRESETS.iter().enumerate() {
            for (name, value) in preset.values {
                assert!(Quantity::parse(value).is_ok(), "{} {}: {name} = {value}", preset.fault, preset.name);
            }
            let again = PRESETS[..place].iter().any(|p| (p.fault, p.name) == (preset.fault, preset.name));
            assert!(!again && !preset.source.is_empty(), "{} {}", preset.fault, preset.name);
        }
    }

    #[test]
    fn the_ladder_of_losses_in_bursts_gets_harder() {
        let share = |name: &str| {
            let find = |p: &&Preset| p.fault == "burst-loss" && p.name == name;
            let preset = PRESETS.iter().find(find).expect("it stands in the table");
            let number = |key: &str| {
                let (_, text) = preset.values.iter().find(|(k, _)| *k == key).expect("both are there");
                Quantity::parse(text).expect("checked above").si()
            };
            number("worse") / (number("worse") + number("better"))
        };
        // Loss p / (p + r): 3.8 %, 4.8 %, 9.1 %.
        for (name, loss) in [("1", 0.0385), ("2", 0.0476), ("3", 0.0909), ("lossy", 0.0909)] {
            assert!((share(name) - loss).abs() < 5e-4, "{name}: {}", share(name));
        }
    }
}
