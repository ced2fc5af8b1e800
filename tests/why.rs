//! The chain behind a verdict against the naive evaluator: what each step claims is so, and justifies the step above.

#[path = "stl_oracle/geometry.rs"]
mod geometry;
#[path = "stl_oracle/naive.rs"]
#[allow(dead_code, reason = "the oracle's own tests use the rest")]
mod naive;
#[path = "stl_oracle/random.rs"]
#[allow(dead_code, reason = "the oracle's own tests use the rest")]
mod random;
#[path = "stl_oracle/shape.rs"]
#[allow(dead_code, reason = "the oracle's own tests use the rest")]
mod shape;

use checkrein::command::RuleId;
use checkrein::expr::ir::{Comparison, Formula, Number, Window};
use checkrein::signal::SignalId;
use checkrein::stl::why::{Explainer, Gap, Heard, How, Place, Record, Seen, Step, Why, why};
use checkrein::stl::{Engine, Margin, RuleSpec, RuleVerdict, Truth};
use checkrein::time::{Span, Time};
use naive::{Naive, Trace, V};
use random::Dice;
use shape::{formula_moves, horizon};

const RULE: RuleId = RuleId(0);

/// How many seeds to try: `CHECKREIN_ORACLE=100` for a long run.
fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    let factor = std::env::var("CHECKREIN_ORACLE").ok().and_then(|f| f.parse().ok()).unwrap_or(1);
    first..first + count * factor
}

fn record(trace: &Trace, end: i64) -> Record {
    Record {
        start: Time::from_nanos(trace.start),
        end: Time::from_nanos(end),
        held: trace.held.clone(),
        samples: trace.samples.iter().map(|(at, signal, value)| (Time::from_nanos(*at), *signal, *value)).collect(),
    }
}

fn slot(place: Place) -> i64 {
    2 * place.at.nanos() + i64::from(place.after)
}

fn truth(v: &V) -> Truth {
    match (v.t[0], v.t[1]) {
        (true, _) => Truth::True,
        (_, false) => Truth::False,
        _ => Truth::Unknown,
    }
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs()))
}

/// Holds every claim of a chain against the definition.
struct Check<'a> {
    naive: Naive<'a>,
    about: String,
    steps: usize,
    /// Deepest chain seen.
    depth: usize,
}

impl Check<'_> {
    fn value(&self, formula: &Formula, slot: i64) -> V {
        self.naive.formula(formula)[(slot - self.naive.first) as usize]
    }

    #[track_caller]
    fn demand(&self, good: bool, step: &Step, what: &str) {
        assert!(good, "{}: {what}\n{step:#?}", self.about);
    }

    fn step(&mut self, step: &Step, depth: usize) {
        self.steps += 1;
        self.depth = self.depth.max(depth);
        let at = slot(step.place);
        if at < self.naive.first {
            return;
        }
        let v = self.value(&step.formula, at);
        self.demand(step.truth == truth(&v), step, &format!("its truth is {:?}", truth(&v)));
        self.demand(same(step.margin.lo, v.lo) && same(step.margin.hi, v.hi), step, &format!("its margin is {v:?}"));
        self.others(step, at);
        self.follows(step);
        self.leaf(step, at);
        for cause in &step.causes {
            self.step(cause, depth + 1);
        }
    }

    fn others(&self, step: &Step, at: i64) {
        for other in &step.others {
            let v = self.value(&other.formula, at);
            let good = other.truth == truth(&v) && same(other.margin.lo, v.lo) && same(other.margin.hi, v.hi);
            self.demand(good, step, &format!("beside it {:?} is {v:?}", other.formula));
        }
    }

    /// The causes make the step what it is.
    fn follows(&self, step: &Step) {
        let causes = &step.causes;
        let first = causes.first();
        let one = |truth: Truth| {
            self.demand(causes.len() == 1 && causes[0].truth == truth, step, "one cause of the wanted truth");
        };
        let margin_of = |side: fn(&Margin) -> f64, moves: bool| {
            let cause = first.expect("just demanded");
            let good = moves || same(side(&step.margin), side(&cause.margin));
            self.demand(good, step, "its margin is that of its cause");
        };
        let within = |from: &Place, to: &Place, cause: &Step| {
            let good = slot(*from) <= slot(cause.place) && slot(cause.place) <= slot(*to);
            self.demand(good, step, "the cause lies within the window");
        };
        match (&step.formula, step.truth, &step.how) {
            (_, _, How::Cut) => self.demand(false, step, "nothing is that long here"),
            (Formula::Not(_), truth, How::Opposite) => {
                one(opposite(truth));
                self.demand(same(step.margin.hi, -causes[0].margin.lo), step, "mirrored");
            }
            (Formula::And(_), Truth::Unknown, _) | (Formula::Or(_) | Formula::Implies(..), Truth::Unknown, _) => {
                one(Truth::Unknown);
            }
            (Formula::And(_), truth, How::Decided) => {
                one(truth);
                margin_of(|m| m.hi, false);
                for other in &step.others {
                    let good = step.truth == Truth::False || other.truth == Truth::True;
                    self.demand(good, step, "no other part broke it");
                    self.demand(other.margin.hi >= step.margin.hi, step, "no other part is nearer");
                }
            }
            (Formula::Implies(..), Truth::False, _) => {
                let good = causes.len() == 2 && causes[0].truth == Truth::True && causes[1].truth == Truth::False;
                self.demand(good, step, "asked for and not given");
            }
            (Formula::Or(_) | Formula::Implies(..), truth, How::Decided) => {
                one(truth);
                margin_of(|m| m.lo, false);
                for other in &step.others {
                    let good = step.truth == Truth::True || other.truth == Truth::False;
                    self.demand(good, step, "no other part saved it");
                }
            }
            (Formula::Iff(..), Truth::False, _) => {
                let (a, b) = (causes[0].truth, causes[1].truth);
                self.demand(a == opposite(b) && a != Truth::Unknown, step, "unlike sides");
            }
            (Formula::Rise(_), Truth::True, _) => {
                let last = causes.last().expect("it rose").truth;
                let before = causes.len() == 1 || causes[0].truth == Truth::False;
                self.demand(last == Truth::True && before, step, "it rose");
            }
            (Formula::Rise(_), Truth::False, How::JustBefore) => one(Truth::True),
            (Formula::Rise(_), Truth::False, How::Decided) => {
                let inside = step.place.after && causes[0].truth == Truth::True;
                self.demand(inside || causes[0].truth == Truth::False, step, "it did not rise");
            }
            (Formula::Always(_, p) | Formula::Historically(_, p), truth, How::Least { from, to }) => {
                if let Some(cause) = first {
                    one(truth);
                    within(from, to, cause);
                    margin_of(|m| m.hi, formula_moves(p));
                }
            }
            (Formula::Eventually(_, p) | Formula::Once(_, p), truth, How::Most { from, to }) => {
                if let Some(cause) = first {
                    one(truth);
                    within(from, to, cause);
                    margin_of(|m| m.lo, formula_moves(p));
                }
            }
            (
                Formula::Always(..) | Formula::Historically(..) | Formula::Eventually(..) | Formula::Once(..),
                Truth::Unknown,
                How::Open { from, to },
            ) => {
                one(Truth::Unknown);
                within(from, to, &causes[0]);
            }
            (Formula::Until(_, p, q) | Formula::Unless(_, p, q), Truth::False, How::LeftBroke { from, to }) => {
                self.left_broke(step, p, q, *from, *to);
            }
            (Formula::Since(_, p, q), Truth::False, How::LeftBroke { from, to }) => {
                self.left_broke(step, p, q, *from, *to);
            }
            (
                Formula::Until(_, _, q) | Formula::Unless(_, _, q) | Formula::Since(_, _, q),
                Truth::False,
                How::NeverCame { from, to },
            ) => {
                for s in slot(*from)..=slot(*to).min(self.naive.last) {
                    self.demand(truth(&self.value(q, s)) == Truth::False, step, "the right side never came");
                }
            }
            (
                Formula::Until(_, _, q) | Formula::Unless(_, _, q) | Formula::Since(_, _, q),
                Truth::True,
                How::Came { from, to },
            ) => {
                let cause = causes.last().expect("it came");
                within(from, to, cause);
                self.demand(cause.formula == **q && cause.truth == Truth::True, step, "the right side came");
            }
            _ => {}
        }
    }

    fn left_broke(&self, step: &Step, p: &Formula, q: &Formula, from: Place, to: Place) {
        let left = step.causes.last().expect("the left side broke somewhere");
        let good = left.formula == *p && left.truth == Truth::False;
        self.demand(good, step, "the left side is broken there");
        self.demand((slot(from)..=slot(to)).contains(&slot(left.place)), step, "within the window");
        if let [right, _] = &step.causes[..] {
            self.demand(right.formula == *q && right.truth == Truth::False, step, "the right side had not come");
        }
    }

    /// What a comparison or a test tells of its samples.
    fn leaf(&self, step: &Step, at: i64) {
        let samples = match &step.how {
            How::Compared { sides, samples, .. } => {
                for side in sides {
                    let above = Formula::Compare {
                        op: Comparison::GreaterEqual,
                        left: side.number.clone(),
                        right: Number::Constant(0.0),
                        scale: 1.0,
                    };
                    let v = self.value(&above, at);
                    let good = same(side.value.lo, v.lo) && same(side.value.hi, v.hi);
                    self.demand(good, step, &format!("{:?} is {v:?}", side.number));
                }
                samples
            }
            How::Tested { samples } => {
                let seen = samples.last().expect("a test looks at its signal");
                let pulse = matches!(seen.heard, Heard::Fresh { .. }) && matches!(step.formula, Formula::Changed(_));
                let good = pulse || step.truth != Truth::Unknown || samples.iter().any(|s| !s.is_known());
                self.demand(good, step, "a test of a known value is known");
                samples
            }
            _ => return,
        };
        for seen in samples {
            self.seen(step, seen);
        }
    }

    /// What is told of a signal is what a bare reading of it gives.
    fn seen(&self, step: &Step, seen: &Seen) {
        let at = slot(seen.place);
        if at < self.naive.first || at >= self.naive.unknown_from {
            let edge = matches!(seen.heard, Heard::Nothing { gap: Gap::BeforeStart | Gap::AfterEnd, .. });
            let earlier = matches!(seen.heard, Heard::Fresh { stamp, .. } if 2 * stamp.nanos() == at);
            self.demand(edge || earlier, step, "outside of the record nothing is known");
            return;
        }
        if !random::NUMBERS.contains(&seen.signal.0)
            || matches!(seen.heard, Heard::Nothing { gap: Gap::BeforeStart, .. })
        {
            return;
        }
        let reading = Formula::Compare {
            op: Comparison::GreaterEqual,
            left: Number::Signal(seen.signal),
            right: Number::Constant(0.0),
            scale: 1.0,
        };
        let v = self.value(&reading, at);
        let good = match seen.heard {
            // What a rate counts from is the last of several values at one stamp.
            Heard::Fresh { value: checkrein::signal::Value::Number(n), .. } => {
                v.lo <= n && n <= v.hi && v.hi.is_finite()
            }
            // A sample of the wrong kind is one, if only for an age; it has no number to read.
            Heard::Fresh { .. } => v.lo == f64::NEG_INFINITY && v.hi == f64::INFINITY,
            Heard::Several { .. } => v.lo != v.hi,
            Heard::Nothing { .. } => v.lo == f64::NEG_INFINITY && v.hi == f64::INFINITY,
        };
        self.demand(good, step, &format!("the signal reads {v:?}, not {seen:?}"));
    }
}

fn opposite(truth: Truth) -> Truth {
    match truth {
        Truth::True => Truth::False,
        Truth::False => Truth::True,
        Truth::Unknown => Truth::Unknown,
    }
}

fn random_formula(dice: &mut Dice, depth: u32) -> Formula {
    loop {
        let formula = random::formula(dice, depth, true);
        if horizon(&formula) <= 24 {
            return formula;
        }
    }
}

#[test]
fn every_step_of_every_chain_is_so_and_justifies_the_one_above() {
    let (mut steps, mut depth, mut truths) = (0, 0, [0_u32; 3]);
    for seed in seeds(50_000_000, 250) {
        let mut dice = Dice::new(seed);
        let deep = 1 + dice.below(6) as u32;
        let formula = random_formula(&mut dice, deep);
        let length = 8 + dice.below(20) as i64;
        let trace = random::trace(&mut dice, length);
        let end = trace.start + length;
        let last = 2 * (end + horizon(&formula)) + 2;
        let naive = Naive::new(&trace, last, 2 * end + 2);
        let spec = RuleSpec { id: RULE, body: formula.clone(), when: None };
        let record = record(&trace, end);
        let mut check = Check { naive, about: format!("seed {seed} {formula:?}\n{trace:?}"), steps: 0, depth: 0 };
        // Every truth, at some places of each trace.
        for _ in 0..4 {
            let at = check.naive.first + dice.below((2 * length + 2) as u64) as i64;
            let place = Place { at: Time::from_nanos(at >> 1), after: at & 1 == 1 };
            let step = Explainer::new(&trace.signals, &record).explain(&spec, place);
            truths[step.truth as usize] += 1;
            check.step(&step, 0);
        }
        steps += check.steps;
        depth = depth.max(check.depth);
    }
    assert!(steps > 2_000 && depth >= 6, "{steps} steps, {depth} deep: the test says little");
    assert!(truths.iter().all(|count| *count > 100), "{truths:?}: the test says little");
}

/// What a rule was like over its scope, by definition.
#[test]
fn episodes_and_the_least_margin_are_those_of_the_definition() {
    let mut broken = 0;
    for seed in seeds(51_000_000, 400) {
        let mut dice = Dice::new(seed);
        let deep = 1 + dice.below(3) as u32;
        let formula = random_formula(&mut dice, deep);
        let when = dice.one_in(4).then(|| random::atom(&mut dice));
        let length = 8 + dice.below(20) as i64;
        let trace = random::trace(&mut dice, length);
        let end = trace.start + length;
        let spec = RuleSpec { id: RULE, body: formula.clone(), when: when.clone() };
        let whole = match when {
            Some(when) => Formula::Implies(Box::new(when), Box::new(formula)),
            None => formula,
        };
        let naive = Naive::new(&trace, 2 * (end + horizon(&whole)) + 2, 2 * end + 2);
        let values = naive.formula(&whole);
        let scope = &values[..(2 * end + 2 - naive.first) as usize];
        let Why { episodes, episode_count, worst, chain, .. } =
            why(&spec, RuleVerdict::Fail, &trace.signals, &record(&trace, end));
        let about = format!("seed {seed} {whole:?}\n{trace:?}\n{episodes:?}");
        let is_false = |i: usize| !scope[i].t[1];
        let begins: Vec<i64> =
            (0..scope.len()).filter(|i| is_false(*i) && (*i == 0 || !is_false(i - 1))).map(|i| i as i64).collect();
        let ends: Vec<i64> = (1..scope.len()).filter(|i| !is_false(*i) && is_false(i - 1)).map(|i| i as i64).collect();
        let first = naive.first;
        assert_eq!(episodes.iter().map(|e| slot(e.from) - first).collect::<Vec<_>>(), begins, "{about}");
        assert_eq!(episodes.iter().filter_map(|e| e.to).map(|p| slot(p) - first).collect::<Vec<_>>(), ends, "{about}");
        assert_eq!(episode_count, begins.len());
        let least = scope.iter().map(|v| v.hi).fold(f64::INFINITY, f64::min);
        assert!(same(worst.expect("there is always a margin").margin.hi, least), "{about}");
        for episode in &episodes {
            let to = episode.to.map_or(scope.len() as i64, |to| slot(to) - first);
            let of_episode = &scope[(slot(episode.from) - first) as usize..to as usize];
            let least = of_episode.iter().map(|v| v.hi).fold(f64::INFINITY, f64::min);
            assert!(same(episode.worst.margin.hi, least), "{about}");
            assert!(same(values[(slot(episode.worst.place) - first) as usize].hi, least), "{about}");
        }
        if let Some(episode) = episodes.first() {
            broken += 1;
            let chain = chain.expect("what is broken is explained");
            assert_eq!((chain.place, chain.truth), (episode.worst.place, Truth::False), "{about}");
        }
    }
    assert!(broken > 100, "only {broken} broken rules: the test says little");
}

/// An engine's verdict on rules with operators that wait for ever is the one that is explained.
#[test]
fn rules_that_wait_for_ever_are_explained_where_they_break() {
    let (mut broken, mut open) = (0, 0);
    for seed in seeds(52_000_000, 300) {
        let mut dice = Dice::new(seed);
        let window = Window { to: None, from: Span::from_nanos(dice.below(3) as i64) };
        let (p, q) = (Box::new(random::atom(&mut dice)), Box::new(random::atom(&mut dice)));
        let promise = match dice.below(4) {
            0 => Formula::Always(window, p),
            1 => Formula::Eventually(window, q),
            2 => Formula::Until(window, p, q),
            _ => Formula::Unless(window, p, q),
        };
        let asked = random::atom(&mut dice);
        let body = if dice.one_in(3) { promise } else { Formula::Implies(Box::new(asked), Box::new(promise)) };
        let trace = random::trace(&mut dice, 14);
        let end = trace.start + 14;
        let spec = RuleSpec { id: RULE, body, when: None };
        let mut engine = Engine::new(std::slice::from_ref(&spec), &trace.signals);
        let mut changes = Vec::new();
        engine.start(Time::from_nanos(trace.start), &trace.held, &mut changes);
        for (at, signal, value) in &trace.samples {
            match value {
                Some(value) => engine.push(Time::from_nanos(*at), &[(*signal, *value)], &mut changes),
                None => engine.lose(Time::from_nanos(*at), &[*signal], &mut changes),
            }
        }
        engine.advance(Time::from_nanos(end).next(), &mut changes);
        let judged = engine.finish(Time::from_nanos(end)).remove(0);
        let told = why(&spec, judged.verdict, &trace.signals, &record(&trace, end));
        let about = format!("seed {seed} {spec:?}\n{trace:?}\n{judged:?}\n{told:?}");
        assert_eq!(judged.verdict == RuleVerdict::Fail, !told.episodes.is_empty(), "{about}");
        match judged.verdict {
            RuleVerdict::Fail => {
                broken += 1;
                assert!(told.chain.is_some(), "{about}");
            }
            RuleVerdict::Inconclusive => {
                open += 1;
                assert!(told.chain.is_some_and(|chain| chain.truth == Truth::Unknown), "{about}");
            }
            _ => {}
        }
    }
    assert!(broken > 50 && open > 50, "{broken} broken, {open} open: the test says little");
}

/// `asked implies left until[a, b] answer` or the like, with its parts.
struct Promise {
    asked: Formula,
    left: Option<Formula>,
    answer: Formula,
    from: i64,
    to: i64,
}

impl Promise {
    fn random(dice: &mut Dice) -> Promise {
        let from = dice.below(3) as i64;
        let asked = if dice.one_in(5) { Formula::Constant(true) } else { random::atom(dice) };
        let left = dice.one_in(3).then(|| random::atom(dice));
        let to = from + 1 + dice.below(8) as i64;
        Promise { asked, left, answer: random::atom(dice), from, to }
    }

    /// The rule with its deadline moved.
    fn rule(&self, to: i64) -> RuleSpec {
        let window = Window { from: Span::from_nanos(self.from), to: Some(Span::from_nanos(to)) };
        let answer = Box::new(self.answer.clone());
        let promise = match &self.left {
            Some(left) => Formula::Until(window, Box::new(left.clone()), answer),
            None => Formula::Eventually(window, answer),
        };
        let body = match &self.asked {
            Formula::Constant(true) => promise,
            asked => Formula::Implies(Box::new(asked.clone()), Box::new(promise)),
        };
        RuleSpec { id: RULE, body, when: None }
    }

    /// The least slack over every place that asked, by looking at each, and how many could still be answered in time.
    fn slack(&self, naive: &Naive<'_>, last: i64, certain: bool) -> (Option<Option<i64>>, usize) {
        let reads = |formula: &Formula, certain: bool| -> Vec<bool> {
            naive.formula(formula).iter().map(|v| if certain { v.t[0] } else { v.t[1] }).collect()
        };
        let asked = reads(&self.asked, !certain);
        let answer = reads(&self.answer, certain);
        let left = self.left.as_ref().map(|left| reads(left, certain));
        let first = naive.first;
        let holds = |s: i64| left.as_ref().is_none_or(|left| left[(s - first) as usize]);
        let (mut least, mut open) = (None, 0);
        for at in first..=last {
            if !asked[(at - first) as usize] {
                continue;
            }
            // In the kind reading anything may come after the end.
            let until = if certain { last } else { (at + 2 * self.from).max(last + 1) };
            let mut came = None;
            for s in at + 2 * self.from..=until {
                let before = if s % 2 == 0 || s == at { s - 1 } else { s };
                let led = self.from == 0 || (at..=at + 2 * self.from).all(holds);
                if answer[(s - first) as usize] && (at..=before).all(holds) && led {
                    came = Some(s);
                    break;
                }
            }
            let recorded = came.filter(|s| *s <= last);
            let due = at + 2 * self.to;
            if due > last && recorded.is_none() && (at..=last).all(holds) {
                open += 1;
                continue;
            }
            let slack = came.map(|s| (due - s).div_euclid(2));
            if least.is_none_or(|least| slack < least) {
                least = Some(slack);
            }
        }
        (least, open)
    }
}

#[test]
fn the_slack_of_a_deadline_is_that_of_its_worst_request() {
    let (mut asked, mut late, mut never) = (0, 0, 0);
    for seed in seeds(53_000_000, 600) {
        let mut dice = Dice::new(seed);
        let promise = Promise::random(&mut dice);
        let trace = random::trace(&mut dice, 20);
        let end = trace.start + 20;
        let last = 2 * end + 1;
        let naive = Naive::new(&trace, last + 30, last + 1);
        let spec = promise.rule(promise.to);
        let told = Explainer::new(&trace.signals, &record(&trace, end)).timings(&spec);
        let about = format!("seed {seed} {spec:?}\n{trace:?}\n{told:?}");
        let [timing] = &told[..] else { panic!("one deadline: {about}") };
        let (worst, _) = promise.slack(&naive, last, true);
        let (best, _) = promise.slack(&naive, last, false);
        let nanos = |slack: Option<Span>| slack.map(Span::nanos);
        assert_eq!(nanos(timing.lo), worst.flatten(), "{about}");
        assert_eq!(nanos(timing.hi), best.flatten(), "{about}");
        asked += usize::from(worst.is_some());
        never += usize::from(worst == Some(None));
        late += usize::from(worst.flatten().is_some_and(|slack| slack < 0));
    }
    assert!(asked > 300 && late > 20 && never > 50, "{asked} asked, {late} late, {never} never");
}

/// What slack means: with so much less time the rule would just have held, with a tick less it would not.
#[test]
fn a_deadline_could_be_tighter_by_its_slack_and_no_more() {
    let mut tried = 0;
    for seed in seeds(54_000_000, 4000) {
        let mut dice = Dice::new(seed);
        let promise = Promise::random(&mut dice);
        let trace = random::trace(&mut dice, 20);
        let end = trace.start + 20;
        let told = Explainer::new(&trace.signals, &record(&trace, end)).timings(&promise.rule(promise.to)).remove(0);
        let (Some(lo), Some(hi)) = (told.lo, told.hi) else { continue };
        if lo != hi || told.open > 0 {
            continue;
        }
        let verdict = |to: i64| {
            let spec = promise.rule(to);
            let mut engine = Engine::new(std::slice::from_ref(&spec), &trace.signals);
            let mut changes = Vec::new();
            engine.start(Time::from_nanos(trace.start), &trace.held, &mut changes);
            for (at, signal, value) in &trace.samples {
                match value {
                    Some(value) => engine.push(Time::from_nanos(*at), &[(*signal, *value)], &mut changes),
                    None => engine.lose(Time::from_nanos(*at), &[*signal], &mut changes),
                }
            }
            engine.advance(Time::from_nanos(end).next(), &mut changes);
            engine.finish(Time::from_nanos(end))[0].verdict
        };
        let tightest = promise.to - lo.nanos();
        let about = format!("seed {seed} slack {lo} {:?}\n{trace:?}", promise.rule(promise.to));
        assert_ne!(verdict(tightest), RuleVerdict::Fail, "{about}");
        if tightest > promise.from {
            tried += 1;
            assert_eq!(verdict(tightest - 1), RuleVerdict::Fail, "{about}");
        }
    }
    assert!(tried > 50, "only {tried}: the test says little");
}

#[test]
fn silences_and_stretches_are_measured_to_the_tick() {
    let mut seen = [0_u32; 2];
    for seed in seeds(55_000_000, 300) {
        let mut dice = Dice::new(seed);
        let trace = random::trace(&mut dice, 20);
        let end = trace.start + 20;
        let last = 2 * end + 1;
        let naive = Naive::new(&trace, last, last + 1);
        let limit = 6;
        let signal = SignalId(dice.below(6) as u32);
        let silent = Formula::Compare {
            op: Comparison::LessEqual,
            left: Number::Age(signal),
            right: Number::Constant(limit as f64 / 1e9),
            scale: 1.0,
        };
        let least = naive.formula(&silent).iter().map(|v| v.hi).fold(f64::INFINITY, f64::min);
        let spec = RuleSpec { id: RULE, body: silent, when: None };
        let told = Explainer::new(&trace.signals, &record(&trace, end)).timings(&spec).remove(0);
        let about = format!("seed {seed} {signal:?} {trace:?} {told:?}");
        assert_eq!((told.lo, told.hi), (Some(Span::from_seconds(least)), Some(Span::from_seconds(least))), "{about}");
        seen[0] += u32::from(least < 0.0);

        let inner = random::atom(&mut dice);
        let longest = |read: fn(&V) -> bool| {
            let mut best = None;
            let mut run: Option<i64> = None;
            for v in &naive.formula(&inner) {
                run = read(v).then(|| run.map_or(0, |length| length + 1));
                best = best.max(run);
            }
            best.map_or(limit, |slots| limit - slots / 2)
        };
        let window = Window { from: Span::ZERO, to: Some(Span::from_nanos(limit)) };
        let held = Formula::Historically(window, Box::new(inner.clone()));
        let spec = RuleSpec { id: RULE, body: Formula::Not(Box::new(held)), when: None };
        let told = Explainer::new(&trace.signals, &record(&trace, end)).timings(&spec).remove(0);
        let nanos = |slack: Option<Span>| slack.map(Span::nanos);
        assert_eq!(nanos(told.lo), Some(longest(|v| v.t[1])), "seed {seed} {inner:?} {trace:?}");
        assert_eq!(nanos(told.hi), Some(longest(|v| v.t[0])), "seed {seed} {inner:?} {trace:?}");
        seen[1] += u32::from(told.lo < Some(Span::ZERO));
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}: the test says little");
}
