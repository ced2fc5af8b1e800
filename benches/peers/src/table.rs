//! Markdown tables, printed line by line so that a long run shows where it is.

use std::io::Write;

/// A table under a title; its head is printed with its first row.
pub struct Table {
    title: String,
    heads: Vec<String>,
    rows: usize,
}

impl Table {
    pub fn new(title: &str, heads: &[&str]) -> Table {
        Table { title: title.into(), heads: heads.iter().map(|head| head.to_string()).collect(), rows: 0 }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.heads.len(), "{}: a cell for each head", self.title);
        if self.rows == 0 {
            println!("\n### {}\n", self.title);
            println!("| {} |", self.heads.join(" | "));
            println!("|{}", "---|".repeat(N));
        }
        self.rows += 1;
        println!("| {} |", cells.join(" | "));
        let _ = std::io::stdout().flush();
    }
}

/// Rows a second, to three digits.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 1e6 => format!("{} M", short(r / 1e6)),
        r if r >= 1e3 => format!("{} k", short(r / 1e3)),
        r => short(r),
    }
}

fn short(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{}", (v * 10.0).round() / 10.0),
        v => format!("{}", (v * 100.0).round() / 100.0),
    }
}

/// Nanoseconds.
pub fn nanos(nanos: f64) -> String {
    if nanos < 100.0 { format!("{}", (nanos * 10.0).round() / 10.0) } else { count(nanos) }
}

/// A whole number with commas.
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
