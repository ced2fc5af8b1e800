//! Logs of the field, byte by byte: what a reader hands on, and what it says of logs that are cut or damaged.
//!
//! The logs are written here by hand from the public descriptions of the formats, never by the code that reads them.

#[path = "import/seen.rs"]
mod seen;
#[path = "import/tlog.rs"]
mod tlog;
#[path = "import/ulog.rs"]
mod ulog;
