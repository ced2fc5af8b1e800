//! What the doctor found, as a table that a person reads and as JSON.

use serde_json::{Value, json};

/// How much a finding matters to a run that would start now.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grade {
    Good,
    /// Nobody knows, or it was not tried.
    Unknown,
    /// It should be mended; a run could start all the same.
    Warning,
    /// A run could not start, or would stop at once.
    Blocks,
}

impl Grade {
    fn word(self) -> &'static str {
        match self {
            Grade::Good => "good",
            Grade::Unknown => "unknown",
            Grade::Warning => "warning",
            Grade::Blocks => "blocks",
        }
    }
    fn mark(self) -> &'static str {
        match self {
            Grade::Good => "ok",
            Grade::Unknown => "?",
            Grade::Warning => "!",
            Grade::Blocks => "NO",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    pub grade: Grade,
    /// `link telem`, `fc`, `fc.altitude`, `rule ceiling`.
    pub about: String,
    /// What of it: `port`, `identity`, `rate`.
    pub check: &'static str,
    pub words: String,
    /// Its figures, in SI.
    pub figures: Value,
}

/// Everything that was found.
#[derive(Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds one with figures.
    pub fn with(&mut self, grade: Grade, about: &str, check: &'static str, words: String, figures: Value) {
        self.0.push(Finding { grade, about: about.to_owned(), check, words, figures });
    }
    /// Adds one.
    pub fn add(&mut self, grade: Grade, about: &str, check: &'static str, words: impl Into<String>) {
        self.with(grade, about, check, words.into(), Value::Null);
    }
    /// Whether nothing stands in the way of a run.
    pub fn could_start(&self) -> bool {
        self.0.iter().all(|finding| finding.grade < Grade::Blocks)
    }

    /// The table.
    pub fn table(&self) -> Vec<String> {
        let wide = |of: fn(&Finding) -> &str| self.0.iter().map(|f| of(f).chars().count()).max().unwrap_or(0);
        let (about, check) = (wide(|f| &f.about), wide(|f| f.check));
        self.0
            .iter()
            .map(|f| format!("{:<2}  {:<about$}  {:<check$}  {}", f.grade.mark(), f.about, f.check, f.words))
            .collect()
    }

    /// All of it as JSON.
    pub fn document(&self, rig: &str, on: &str) -> Value {
        let one = |f: &Finding| json!({ "grade": f.grade.word(), "about": f.about, "check": f.check, "words": f.words, "figures": f.figures });
        json!({
            "rig": rig, "on": on, "could_start": self.could_start(),
            "findings": self.0.iter().map(one).collect::<Vec<_>>(),
        })
    }
}
