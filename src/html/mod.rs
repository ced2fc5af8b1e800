//! The report: one page that needs nothing but itself, for who was not there.
//!
//! - Verdict first, then why in sentences, then four chapters: understand, explain, control, protect.
//! - Every figure stands there as it is printed, with its table; below are the same signals as charts that can be zoomed.
//! - Nothing is fetched and nothing leaves: a content security policy allows the two scripts of the page by their hashes, and no
//!   connection at all.
//!
//! Invariant: no file system and no clock; the same recording gives the same bytes.

mod charts;
mod encode;
mod sentences;
mod tables;
#[cfg(test)]
mod tests;
mod view;

pub use crate::trace::Subject;

use encode::script_hash;
use minijinja::{Environment, UndefinedBehavior, context};

const TEMPLATE: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");
const OWN_SCRIPT: &str = include_str!("report.js");

/// A page that is larger opens slowly, and is refused by some mail servers.
const PAGE_BYTES_MAX: usize = 7_500_000;
/// Room for words and tables.
const WORDS_BYTES: usize = 200_000;

/// An earlier or later run of the same scenario beside this one.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Attempt {
    /// Name of its folder.
    pub run: String,
    /// Its verdict, or why it has none.
    pub verdict: String,
    pub reason: String,
    /// It is the run of this report.
    pub this: bool,
}

/// The page of a run. `attempts`: all runs of the scenario that stand in the same folder, oldest first.
pub fn report(subject: &Subject<'_>, attempts: &[Attempt]) -> String {
    let library = library();
    let policy = format!(
        "default-src 'none'; script-src '{}' '{}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        script_hash(library),
        script_hash(OWN_SCRIPT)
    );
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("seconds", |s: f64| format!("{s:.3} s"));
    environment.add_filter("short", |s: f64| crate::trace::words::span(crate::time::Span::from_seconds(s)));
    environment.add_filter("share", |share: f64| format!("{:.2} %", share * 100.0));
    environment.add_template("report.html", TEMPLATE).expect("the template is a part of the program");
    let template = environment.get_template("report.html").expect("it was just added");
    let page = view::view(subject, attempts);
    let room_bytes = PAGE_BYTES_MAX.saturating_sub(library.len() + page.figures_bytes() + WORDS_BYTES);
    let data =
        serde_json::to_string(&charts::charts(subject, room_bytes)).expect("numbers are finite, keys are strings");
    template
        .render(context! {
            policy,
            style => STYLE,
            library,
            own_script => OWN_SCRIPT,
            // A closing tag in a name would end the element; JSON may write the slash so.
            data => data.replace("</", "<\\/"),
            page => minijinja::value::Serde(page),
        })
        .expect("the template fits what it is given; a test renders every part of it")
}

/// The charting library, as its crate brings it.
fn library() -> &'static str {
    static LIBRARY: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let sources = plotly::Plot::offline_js_sources();
        let script = sources.split_once('>').and_then(|(_, rest)| rest.split_once("</script>"));
        script.map_or_else(String::new, |(script, _)| script.to_owned())
    });
    &LIBRARY
}
