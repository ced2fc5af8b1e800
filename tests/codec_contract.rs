//! What every protocol must keep: any chunking gives the same messages, garbage is counted and left behind,
//! the mirror device hears what was ordered, safe frames are valid after any half-sent frame, and what is sent
//! unasked can make nothing move.

mod codec;
