//! The cell: a fenced machine with one open side, and a person who walks up to it and away again.

use super::World;
use crate::fault::TwinFault;
use crate::time::Span;
use std::any::Any;

/// One turn of the cell's machines: 200 Hz, our own.
pub const TURN: Span = Span::from_micros(5_000);
/// Where the person is while nobody calls them, in m from the edge of the machine's reach: our own.
const AWAY: f64 = 4.0;

/// The world behind the twins of a robot cell.
#[derive(Clone, Debug)]
pub struct Cell {
    away: f64,
    distance: f64,
    /// Walks that were begun and not ended, in order: to where (m), how fast (m/s). The latest is walked.
    walks: Vec<(f64, f64)>,
    /// How fast they go back, in m/s.
    back: f64,
}

impl Cell {
    /// A cell with the settings of the rig's world: `person`, how far away they are in m. The error names an unknown setting.
    pub fn new(settings: &[(String, f64)]) -> Result<Cell, String> {
        let mut away = AWAY;
        for (name, value) in settings {
            match name.as_str() {
                "person" => away = value.max(0.0),
                _ => return Err(format!("the world `cell` has no setting `{name}` (it has `person`)")),
            }
        }
        Ok(Cell { away, distance: away, walks: Vec::new(), back: 0.0 })
    }
    /// How far the person is from the edge of the machine's reach, in m.
    pub fn person(&self) -> f64 {
        self.distance
    }
}

impl World for Cell {
    fn turn_length(&self) -> Span {
        TURN
    }
    fn turn(&mut self) {
        let (to, speed) = self.walks.last().copied().unwrap_or((self.away, self.back));
        let step = speed * TURN.seconds();
        self.distance += (to - self.distance).clamp(-step, step);
    }
    fn fault(&mut self, fault: &TwinFault, on: bool) -> Result<(), String> {
        let TwinFault::Approach { to, speed } = *fault else {
            return Err(format!("the world `cell` cannot act out {fault:?}"));
        };
        if on {
            self.walks.push((to, speed));
            self.back = speed;
        } else if let Some(place) = self.walks.iter().position(|walk| *walk == (to, speed)) {
            self.walks.remove(place);
        }
        Ok(())
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_comes_stays_and_goes_at_their_own_speed() {
        let mut cell = Cell::new(&[("person".to_owned(), 3.0)]).expect("the setting exists");
        let walk = TwinFault::Approach { to: 1.0, speed: 1.6 };
        cell.fault(&walk, true).expect("the cell's own");
        let turns = |cell: &mut Cell, count: u32| (0..count).for_each(|_| cell.turn());
        turns(&mut cell, 125);
        assert!((cell.person() - 2.0).abs() < 1e-9, "{}", cell.person());
        turns(&mut cell, 1_000);
        assert_eq!(cell.person(), 1.0);
        cell.fault(&walk, false).expect("the cell's own");
        turns(&mut cell, 125);
        assert!((cell.person() - 2.0).abs() < 1e-9, "{}", cell.person());
        turns(&mut cell, 1_000);
        assert_eq!(cell.person(), 3.0);
        assert!(cell.fault(&TwinFault::Wind { speed: 1.0, from: 0.0 }, true).is_err());
        assert!(Cell::new(&[("wind".to_owned(), 1.0)]).is_err());
    }
}
