//! What the engine does not do yet. A flag turned on is a test turned on; one that holds for good goes.

/// A sample of the wrong kind among several at one instant makes it unknown, like one of no value.
pub const WRONG_KINDS_COUNT: bool = true;
/// The early upper end is the least there is, and a violation names the first instant that is false, for
/// `always (past implies one bounded future operator)` and conjunctions of these. Off: it is only never wrong.
pub const EARLY_IS_EXACT: bool = true;
/// Memory merges when signals come faster than declared, and says so.
pub const MEMORY_MERGES: bool = true;
/// Windows are cut to the recording when that is asked for.
pub const WINDOWS_ARE_CUT: bool = true;
/// Late samples are told.
pub const LATE_IS_TOLD: bool = true;
