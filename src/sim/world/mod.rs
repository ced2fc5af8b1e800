//! Worlds: the physics that twins share.
//!
//! Invariant: integer steps of time, trigonometry from `libm`, noise from the seed: the same on every machine to the bit.
//!
//! # Adding a world
//! 1. A file here with a [`World`]; the machines that stand in it find it again by its type.
//! 2. Its name and settings in [`WORLDS`] and an arm in [`build`].

pub mod arm;
pub mod battery;
pub mod floor;
pub mod cell;
pub mod hall;
pub mod junction;
pub mod quadrotor;
pub mod road;
pub mod space;
pub mod wind;

use crate::fault::TwinFault;
use crate::rig::Rig;
use crate::rig::twins::WORLDS;
use crate::time::Span;
use std::any::Any;

/// The world behind the twins of a rig.
pub trait World: Send {
    /// How long one turn is: the period of the machines' own loops.
    fn turn_length(&self) -> Span;
    /// Goes on by one turn.
    fn turn(&mut self);
    /// A fault of the world begins or ends; what it cannot act out it refuses in words.
    fn fault(&mut self, fault: &TwinFault, on: bool) -> Result<(), String>;
    /// By its type, for the machines that stand in it.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// The world of the rig; without one, an empty hall. The error names a world or setting that does not exist.
pub fn build(rig: &Rig, seed: u64) -> Result<Box<dyn World>, String> {
    match rig.world.model.as_str() {
        "" | "hall" => Ok(Box::new(hall::Hall::new(seed, &rig.world.settings)?)),
        "field" => Ok(Box::new(hall::Hall::open(seed, &rig.world.settings)?)),
        "road" => Ok(Box::new(road::Road::new(&rig.world.settings)?)),
        "floor" => Ok(Box::new(floor::Floor::new(&rig.world.settings)?)),
        "cell" => Ok(Box::new(cell::Cell::new(&rig.world.settings)?)),
        "junction" => Ok(Box::new(junction::Junction::new(seed, &rig.world.settings)?)),
        other => {
            let known: Vec<&str> = WORLDS.iter().map(|kind| kind.name).collect();
            Err(format!("there is no world `{other}` (there is {})", known.join(", ")))
        }
    }
}
