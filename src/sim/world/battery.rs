//! A lithium-polymer battery: charge, open-circuit voltage, sag under load.

/// Cells in series. The 3DR Iris+ flies on three (from memory).
const CELLS: f64 = 3.0;
/// Charge when full, in C: 5100 mAh, the pack of the 3DR Iris+ (from memory).
const CAPACITY: f64 = 5.1 * 3600.0;
/// Internal resistance with leads and plugs, in ohm: 5 mohm a cell and 5 mohm of wiring; of a usual size, our own.
const RESISTANCE: f64 = 0.020;
/// Open-circuit voltage of one cell in V over the share of charge left: the discharge table of LiPo cells at rest that
/// hobbyists pass on, from memory.
const OPEN_CIRCUIT: [(f64, f64); 12] = [
    (0.00, 3.27),
    (0.05, 3.61),
    (0.10, 3.69),
    (0.15, 3.71),
    (0.20, 3.73),
    (0.30, 3.77),
    (0.40, 3.79),
    (0.50, 3.84),
    (0.60, 3.87),
    (0.75, 3.98),
    (0.90, 4.11),
    (1.00, 4.20),
];

/// The battery of one machine.
#[derive(Clone, Debug)]
pub struct Battery {
    /// Share of charge left, 0..=1.
    charge: f64,
    /// At the plugs, in V.
    voltage: f64,
    /// Drawn now, in A.
    current: f64,
}

impl Battery {
    /// Full and at rest.
    pub fn full() -> Battery {
        Battery { charge: 1.0, voltage: open_circuit(1.0), current: 0.0 }
    }
    /// Share of charge left, 0..=1.
    pub fn charge(&self) -> f64 {
        self.charge
    }
    /// At the plugs, in V.
    pub fn voltage(&self) -> f64 {
        self.voltage
    }
    /// Drawn now, in A.
    pub fn current(&self) -> f64 {
        self.current
    }
    /// Drawn since it was full, in Ah.
    pub fn consumed(&self) -> f64 {
        (1.0 - self.charge) * CAPACITY / 3600.0
    }
    /// Sets the charge, as a fault or a swap of packs does.
    pub fn set_charge(&mut self, charge: f64) {
        self.charge = charge.clamp(0.0, 1.0);
        self.voltage = self.rest_voltage() - self.current * RESISTANCE;
    }
    /// Gives `power` (W) for `seconds`.
    pub fn draw(&mut self, power: f64, seconds: f64) {
        // P = U I with U = U0 - R I; the smaller root, and the current of greatest power when more is asked than there is.
        let rest = self.rest_voltage();
        let root = rest * rest - 4.0 * RESISTANCE * power;
        self.current = (rest - root.max(0.0).sqrt()) / (2.0 * RESISTANCE);
        self.voltage = rest - self.current * RESISTANCE;
        self.charge = (self.charge - self.current * seconds / CAPACITY).max(0.0);
    }
    fn rest_voltage(&self) -> f64 {
        // Below the last drop the pack collapses: no motor turns on an empty battery.
        if self.charge <= 0.0 { 1.0 } else { open_circuit(self.charge) }
    }
}

fn open_circuit(charge: f64) -> f64 {
    let upper = OPEN_CIRCUIT.iter().position(|(c, _)| *c >= charge).unwrap_or(OPEN_CIRCUIT.len() - 1).max(1);
    let ((c0, v0), (c1, v1)) = (OPEN_CIRCUIT[upper - 1], OPEN_CIRCUIT[upper]);
    CELLS * (v0 + (v1 - v0) * (charge - c0) / (c1 - c0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_sags_the_voltage_by_current_times_resistance() {
        let mut battery = Battery::full();
        let rest = battery.voltage();
        battery.draw(200.0, 0.001);
        assert!((battery.voltage() * battery.current() - 200.0).abs() < 1e-6);
        assert!((rest - battery.voltage() - battery.current() * RESISTANCE).abs() < 1e-9);
    }

    #[test]
    fn five_amperes_empty_it_in_about_an_hour() {
        let mut battery = Battery::full();
        let mut hours: f64 = 0.0;
        while battery.charge() > 0.0 {
            battery.draw(5.1 * battery.voltage(), 1.0);
            hours += 1.0 / 3600.0;
        }
        assert!((hours - 1.0).abs() < 0.02, "{hours} h");
    }

    #[test]
    fn the_open_circuit_curve_meets_its_table_and_never_falls_with_charge() {
        for (charge, volts) in OPEN_CIRCUIT {
            assert!((open_circuit(charge) - CELLS * volts).abs() < 1e-9);
        }
        let curve: Vec<f64> = (0..=100).map(|i| open_circuit(i as f64 / 100.0)).collect();
        assert!(curve.is_sorted());
    }
}
