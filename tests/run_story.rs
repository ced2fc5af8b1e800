//! Stories of a run with time as an argument: real bytes in, effects out, and what must hold of them.

mod common;

mod run_story {
    pub mod arming;
    pub mod attacks;
    pub mod behind;
    pub mod cell;
    pub mod closing;
    pub mod controllers;
    pub mod evidence;
    pub mod exits;
    pub mod faults;
    pub mod fallback;
    pub mod gate;
    pub mod ladder;
    pub mod lease;
    pub mod reactions;
    pub mod scripts;
    pub mod silences;
    pub mod stops;
    pub mod self_test;
    pub mod unknown;
    pub mod vehicle;
}
