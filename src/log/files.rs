//! The recorded input files, lent like files of a disk, so that the same plan can be made of them again.

use super::Head;
use crate::diag::Files;

/// Lends the files of a recording by the paths under which they were read.
#[derive(Clone, Copy, Debug)]
pub struct RecordedFiles<'a> {
    head: &'a Head,
}

impl<'a> RecordedFiles<'a> {
    /// The files of this recording.
    pub fn new(head: &'a Head) -> RecordedFiles<'a> {
        RecordedFiles { head }
    }
}

impl Files for RecordedFiles<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match self.head.files.iter().find(|file| file.path == path) {
            Some(file) => Ok(file.bytes.clone()),
            None => Err(format!("the recording holds no file `{path}`")),
        }
    }
}
