//! `checkrein monitor RIG`: live values, rates, ages and margins, with no scenario. Sends nothing but questions.

use super::observing::{self, Observing, begin, unattached};
use super::{Exit, say};
use crate::io::feed::Seen;
use crate::live::{Vitals, Weight, describe, weight};
use crate::run::event::EventKind;
use crate::run::{OperatorOrder, RunVerdict};
use crate::scenario::plan::Plan;
use crate::signal::{SignalId, SignalKind, Value as Sampled};
use crate::time::{Span, Time};
use crate::trace::words;
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Arguments of `monitor`.
#[derive(Args, Debug)]
pub struct MonitorArguments {
    /// The rig's name (rigs/NAME/rig.yaml), or its file
    rig: String,
    /// Look at the rig's twins
    #[arg(long)]
    sim: bool,
    /// One line of JSON per look, and one per event
    #[arg(long)]
    json: bool,
    /// How often the values are shown
    #[arg(long, default_value = "500ms", value_name = "TIME", value_parser = parse_time)]
    every: Span,
    /// End by itself after this long
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    lasts: Option<Span>,
}

/// Reads `500ms`, `10 s`.
pub fn parse_time(text: &str) -> Result<Span, String> {
    use crate::units::Quantity;
    let quantity = Quantity::parse(text).map_err(|problem| problem.message)?;
    let seconds = Quantity::parse("1 s").map_err(|problem| problem.message)?;
    if quantity.unit.dimension != seconds.unit.dimension || !(0.01..=1e8).contains(&quantity.si()) {
        return Err(format!("`{text}` is no time of 10 ms or more, such as 500ms or 10s"));
    }
    Ok(Span::from_seconds(quantity.si()))
}

/// Shows until Ctrl-C, or until its time is over.
pub fn monitor(arguments: &MonitorArguments) -> ExitCode {
    let Some(plan) = observing::plan(&arguments.rig) else { return Exit::Usage.into() };
    let twins = arguments.sim || unattached(&plan);
    if twins && !arguments.sim {
        say::aside(format!("rig {} names no port yet: its twins take the devices' place", plan.rig.name));
    }
    let plan = Arc::new(plan);
    let observing = match begin(&plan, twins, false) {
        Ok(observing) => observing,
        Err(why) => return blocked(&why),
    };
    let nothing = look_on(arguments, &plan, &observing);
    if let Err(why) = observing.end() {
        return blocked(&why);
    }
    nothing.map_or(Exit::Good.into(), |why| blocked(&why))
}

fn blocked(why: &str) -> ExitCode {
    say::aside(format!("blocked: {why}"));
    Exit::Verdict(RunVerdict::Blocked).into()
}

/// Gives in words why there was nothing to look at.
fn look_on(arguments: &MonitorArguments, plan: &Arc<Plan>, observing: &Observing) -> Option<String> {
    let mut vitals = Vitals::new(plan.clone());
    let mut show = Show { json: arguments.json, redraw: !arguments.json && stdout().is_terminal(), lines: 0 };
    let every = Duration::from_nanos(arguments.every.nanos().unsigned_abs());
    let ends = arguments.lasts.map(|lasts| Instant::now() + Duration::from_nanos(lasts.nanos().unsigned_abs()));
    let mut due = Instant::now() + every;
    let mut stopping = false;
    let mut nothing = None;
    loop {
        let next = ends.filter(|_| !stopping).map_or(due, |ends| ends.min(due));
        let look = observing.watcher.look(next.saturating_duration_since(Instant::now()));
        for seen in look.seen {
            match seen {
                Seen::Event(event) => {
                    vitals.event(&event);
                    // A person has seen enough: how the loop ends is no news.
                    stopping |= matches!(event.kind, EventKind::Operator { .. });
                    if weight(&event.kind) > Weight::Quiet
                        && !matches!(event.kind, EventKind::StepStarted { .. })
                        && !stopping
                        && let Some(words) = describe(plan, &event.kind)
                    {
                        show.event(event.at, &words);
                    }
                }
                Seen::Samples(samples) => vitals.samples(&samples),
                Seen::Prompt { .. } | Seen::Finished(_) => {}
            }
        }
        if look.over {
            return nothing;
        }
        let refused = |link: &crate::live::LinkVitals| !link.was_up && link.why.is_some();
        if !vitals.links().is_empty() && vitals.links().iter().all(refused) && !stopping {
            let whys: Vec<String> = vitals.links().iter().filter_map(|link| link.why.clone()).collect();
            nothing = Some(whys.join("; "));
            stopping = stop(observing);
        }
        let now = Instant::now();
        if now >= due {
            due = now + every;
            if !stopping {
                show.values(&vitals, observing.clock.now());
            }
        }
        if !stopping && ends.is_some_and(|ends| now >= ends) {
            show.values(&vitals, observing.clock.now());
            stopping = stop(observing);
        }
    }
}

fn stop(observing: &Observing) -> bool {
    use crate::io::queue::Post;
    let at = observing.clock.now();
    observing.poster.post_blocking(Post::Input(crate::run::Input::Operator { at, order: OperatorOrder::Stop }));
    true
}

struct Show {
    json: bool,
    redraw: bool,
    /// Drawn last, to be drawn over.
    lines: usize,
}

impl Show {
    fn event(&mut self, at: Time, words: &str) {
        if self.json {
            say::line(json!({ "at_s": at.seconds(), "event": words }));
        } else {
            self.clear();
            say::line(format!("{:>9.3} s  {words}", at.seconds()));
        }
    }

    fn values(&mut self, vitals: &Vitals, now: Time) {
        if self.json {
            say::line(document(vitals, now));
            return;
        }
        self.clear();
        let table = table(vitals, now);
        self.lines = table.len();
        let mut text: String = table.iter().map(|line| format!("{line}\n")).collect();
        if self.redraw {
            // A line that wraps would be two, and one of them would stay.
            text = format!("\x1b[?7l{text}\x1b[?7h");
        }
        say::text(&text);
    }

    fn clear(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if self.redraw && lines > 0 {
            say::text(&format!("\x1b[{lines}A\r\x1b[J"));
        }
    }
}

/// Signals of devices, in the order of the rig file.
fn shown(plan: &Plan) -> Vec<SignalId> {
    plan.rig.signals.iter().filter(|(_, def)| def.device.is_some()).map(|(id, _)| id).collect()
}

/// A value for people.
pub fn value_in_words(kind: &SignalKind, value: Sampled) -> String {
    match (kind, value) {
        (SignalKind::Number { unit, .. }, Sampled::Number(si)) => words::value(unit, si),
        (SignalKind::States { names }, Sampled::State(state)) => {
            names.get(usize::from(state)).cloned().unwrap_or_else(|| format!("state {state}"))
        }
        (_, Sampled::Flag(flag)) => if flag { "yes" } else { "no" }.to_owned(),
        (SignalKind::Pulse, _) => "(event)".to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn table(vitals: &Vitals, now: Time) -> Vec<String> {
    let plan = vitals.plan();
    let mut lines = Vec::new();
    let links: Vec<String> = plan
        .rig
        .links
        .iter()
        .zip(vitals.links())
        .map(|(def, link)| match (&link.why, link.up) {
            (_, true) => format!("{} up", def.name),
            (Some(why), false) => format!("{} DOWN ({why})", def.name),
            (None, false) => format!("{} awaited", def.name),
        })
        .collect();
    lines.push(format!("{:>9.3} s  links: {}", now.seconds(), links.join(", ")));
    let ids = shown(plan);
    let wide = ids.iter().map(|id| plan.rig.signals.def(*id).name.chars().count()).max().unwrap_or(0);
    for id in ids {
        let def = plan.rig.signals.def(id);
        let line = match vitals.signal(id) {
            None => "never heard".to_owned(),
            Some(pulse) => {
                let age = words::span(now.since(pulse.last));
                let rate = pulse.rate_hz().map_or(String::new(), |rate| format!("{rate:.1} Hz"));
                let stale = if vitals.is_stale(id, now) { "  STALE" } else { "" };
                format!("{:<18} {rate:>10}  {age:>9} old{stale}", value_in_words(&def.kind, pulse.value))
            }
        };
        lines.push(format!("  {:<wide$}  {line}", def.name));
    }
    let wide = plan.rules.iter().map(|rule| rule.name.chars().count()).max().unwrap_or(0);
    if !plan.rules.is_empty() && !vitals.judged {
        lines.push("  the envelope is judged once every signal that it needs was heard".to_owned());
    }
    for (def, rule) in plan.rules.iter().zip(vitals.rules()).filter(|_| vitals.judged) {
        let margin = rule.margin.map_or_else(|| "not decided".to_owned(), |m| words::margin_between(def, m));
        let state = if rule.blind {
            "  UNKNOWN"
        } else if rule.broken {
            "  BROKEN"
        } else if rule.was_broken {
            "  was broken"
        } else {
            ""
        };
        lines.push(format!("  {:<wide$}  margin {margin}{state}", def.name));
    }
    lines
}

/// One look as JSON: values in the units of the rig file.
fn document(vitals: &Vitals, now: Time) -> Value {
    let plan = vitals.plan();
    let mut links = Map::new();
    for (def, link) in plan.rig.links.iter().zip(vitals.links()) {
        links.insert(def.name.clone(), json!({ "up": link.up, "why": link.why }));
    }
    let mut signals = Map::new();
    for id in shown(plan) {
        let def = plan.rig.signals.def(id);
        let entry = match vitals.signal(id) {
            None => Value::Null,
            Some(pulse) => {
                let (value, unit) = match (&def.kind, pulse.value) {
                    (SignalKind::Number { unit, .. }, Sampled::Number(si)) => {
                        (json!(unit.from_si(si)), json!(unit.text))
                    }
                    (_, Sampled::Flag(flag)) => (json!(flag), Value::Null),
                    (kind @ SignalKind::States { .. }, value @ Sampled::State(_)) => {
                        (json!(value_in_words(kind, value)), Value::Null)
                    }
                    _ => (Value::Null, Value::Null),
                };
                json!({
                    "value": value, "unit": unit, "rate_hz": pulse.rate_hz(), "count": pulse.count,
                    "age_s": now.since(pulse.last).seconds(), "stale": vitals.is_stale(id, now),
                })
            }
        };
        signals.insert(def.name.clone(), entry);
    }
    let mut rules = Map::new();
    for (def, rule) in plan.rules.iter().zip(vitals.rules()) {
        let between =
            rule.margin.map(|m| [m.lo, m.hi].map(|si| si.is_finite().then(|| words::margin_number(def, si).0)));
        rules.insert(
            def.name.clone(),
            json!({
                "margin": between, "unit": words::margin_number(def, 0.0).1,
                "broken": rule.broken, "was_broken": rule.was_broken, "unknown": rule.blind,
            }),
        );
    }
    json!({ "at_s": now.seconds(), "judged": vitals.judged, "links": links, "signals": signals, "rules": rules })
}
