//! Files as they lie on the disk.

use crate::diag::Files;
use crate::scenario::MADE_FOLDER;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A file of a rig is text for people: more than this is a mistake, and is not read to its end.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Lends files by their path, as the shell would find them.
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let words = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
            _ => error.to_string(),
        };
        // What the program makes itself cannot be put in its place by a folder of that name.
        if path.starts_with(MADE_FOLDER) {
            return Err("files of that folder are made, and not read from the disk".to_owned());
        }
        // Looked at before it is opened: opening a pipe that nobody writes to would wait for ever.
        let meta = std::fs::metadata(path).map_err(words)?;
        if meta.is_dir() {
            let inside = Path::new(path).join("rig.yaml");
            let such = if inside.is_file() { format!(", such as `{}`", inside.display()) } else { String::new() };
            return Err(format!("it is a folder; a file is wanted{such}"));
        }
        if !meta.is_file() {
            return Err("it is a device or a pipe; a file is wanted".to_owned());
        }
        let file = File::open(path).map_err(words)?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("it is larger than {} MiB", FILE_BYTES_MAX / 1024 / 1024));
        }
        Ok(bytes)
    }
}
