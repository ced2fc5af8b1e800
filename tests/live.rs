//! The whole program on real wires: a board behind a pseudo-terminal, children, signals, disks, and every way to end.
//!
//! Nothing here sleeps: the tests wait for words of the program and for what the board hears.

#[path = "live/attack.rs"]
mod attack;
#[path = "live/blocking.rs"]
mod blocking;
#[path = "live/board.rs"]
mod board;
#[path = "live/cell.rs"]
mod cell;
#[path = "live/describing.rs"]
mod describing;
#[path = "live/flooding.rs"]
mod flooding;
#[path = "live/hazards.rs"]
mod hazards;
#[path = "live/lending.rs"]
mod lending;
#[path = "live/looking.rs"]
mod looking;
#[path = "live/losing.rs"]
mod losing;
#[path = "live/probing.rs"]
mod probing;
#[path = "live/process.rs"]
mod process;
#[path = "live/rehearsing.rs"]
mod rehearsing;
#[path = "live/relay.rs"]
mod relay;
#[path = "live/replugging.rs"]
mod replugging;
#[path = "live/resetting.rs"]
mod resetting;
#[path = "live/stand.rs"]
mod stand;
#[path = "live/stopping.rs"]
mod stopping;
#[path = "live/talking.rs"]
mod talking;
#[path = "live/tapped.rs"]
mod tapped;
#[path = "live/thinking.rs"]
mod thinking;
#[path = "live/wills.rs"]
mod wills;
