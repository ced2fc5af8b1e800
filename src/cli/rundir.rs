//! The run directory: made and proven writable before anything is armed.

use crate::html::Attempt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A run's directory of evidence.
pub struct RunDir {
    pub path: PathBuf,
}

impl RunDir {
    /// Makes `<parent>/<UTC time>-<scenario>/`. The error says in words what stands in the way.
    pub fn create(parent: &Path, scenario: &str) -> Result<RunDir, String> {
        let stamp = utc_stamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()));
        let slug = slug(scenario);
        fs::create_dir_all(parent).map_err(|error| format!("cannot make {}: {error}", parent.display()))?;
        for attempt in 0..1000 {
            let suffix = if attempt == 0 { String::new() } else { format!("-{attempt}") };
            let path = parent.join(format!("{stamp}-{slug}{suffix}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let dir = RunDir { path };
                    return match dir.probe() {
                        Ok(()) => Ok(dir),
                        Err(why) => {
                            // No run is no folder; one that cannot be removed either is empty.
                            let _ = fs::remove_dir_all(&dir.path);
                            Err(why)
                        }
                    };
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("cannot make {}: {error}", path.display())),
            }
        }
        Err(format!("cannot find a free name for the run in {}", parent.display()))
    }

    /// A full or read-only disk shows here, not after arming.
    fn probe(&self) -> Result<(), String> {
        let probe = self.path.join(".probe");
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(&probe)?;
            file.write_all(&[0u8; 64 * 1024])?;
            file.sync_all()?;
            fs::remove_file(&probe)
        };
        write().map_err(|error| format!("cannot write in {}: {error}", self.path.display()))
    }

    /// The path of a file of the run.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file of the run, making its folder.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.file(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        fs::write(&path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

/// Every run of the scenario in the folder of this one, by the names of their folders, which begin with the time.
pub fn attempts(run: &Path, scenario: &str) -> Vec<Attempt> {
    let run = run.canonicalize().unwrap_or_else(|_| run.to_path_buf());
    let slug = slug(scenario);
    let siblings = run.parent().and_then(|parent| fs::read_dir(parent).ok());
    let mut folders: Vec<PathBuf> =
        siblings.into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    folders.sort();
    let found = folders.into_iter().filter_map(|folder| {
        let name = folder.file_name()?.to_string_lossy().into_owned();
        // `20261122T201530Z-hover`, and a number where two began in one second.
        let (_, rest) = name.split_once('-')?;
        let number = rest.strip_prefix(&slug)?.trim_start_matches('-');
        if !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let this = folder == run;
        let (verdict, reason) = verdict_of(&folder);
        Some(Attempt { run: name, verdict, reason, this })
    });
    found.collect()
}

/// What the run in a folder says of itself.
fn verdict_of(folder: &Path) -> (String, String) {
    let text = fs::read(folder.join("verdict.json")).ok();
    let verdict = text.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    let Some(verdict) = verdict else {
        return ("no verdict".into(), "it ended before it could write one".into());
    };
    let word = verdict["verdict"].as_str().unwrap_or("no verdict").to_owned();
    (word, verdict["reasons"][0].as_str().unwrap_or_default().to_owned())
}

/// `Hover and land` → `hover-and-land`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    slug.chars().take(60).collect()
}

/// `20261122T201530Z` from seconds since 1970 (civil-from-days, H. Hinnant's public-domain algorithm).
fn utc_stamp(unix_secs: u64) -> String {
    let days = (unix_secs / 86_400) as i64;
    let secs = unix_secs % 86_400;
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_place = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_place + 2) / 5 + 1;
    let month = if month_place < 10 { month_place + 3 } else { month_place - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", secs / 3600, secs % 3600 / 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_civil_dates() {
        assert_eq!(utc_stamp(0), "19700101T000000Z");
        assert_eq!(utc_stamp(951_782_400), "20000229T000000Z");
        assert_eq!(utc_stamp(1_795_378_530), "20261122T201530Z");
    }

    #[test]
    fn slugs_are_plain() {
        assert_eq!(slug("Hover & land: 2nd try!"), "hover-land-2nd-try");
        assert_eq!(slug("…"), "");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("file");
        fs::write(&file, b"x").expect("it can be written");
        let error = RunDir::create(&file, "x").err().expect("a file is no folder");
        assert!(error.contains("file"), "{error}");
    }

    #[test]
    fn two_runs_in_one_second_get_two_folders() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let first = RunDir::create(folder.path(), "same").expect("free");
        let second = RunDir::create(folder.path(), "same").expect("free");
        assert_ne!(first.path, second.path);
    }
}
