//! A recorded run judged again: by its own envelope the same to the last bit, by another one as that one says.

mod common;

use checkrein::command::RuleId;
use checkrein::judge::{OtherRules, Unfit, again};
use checkrein::log::{Entry, FORMAT, Head, Recording};
use checkrein::run::event::EventKind;
use checkrein::run::{Effect, Effects, Input};
use checkrein::scenario::plan::Plan;
use checkrein::stl::{Judgement, RuleVerdict};
use checkrein::time::Time;
use checkrein::r#virtual::{Options, Sink, drive};
use common::{ProjectFiles, bench, plan};
use std::sync::Arc;

/// What a recording holds of the judged signals, in its order.
#[derive(Default)]
struct Entries(Vec<Entry>);

impl Sink for Entries {
    fn input(&mut self, _: &Input) {}
    fn effects(&mut self, _at: Time, effects: &Effects) {
        self.0.push(Entry::Samples(effects.samples.clone()));
        self.0.extend(effects.list.iter().filter_map(|effect| match effect {
            Effect::Emit(event) => Some(Entry::Event(event.clone())),
            _ => None,
        }));
    }
}

fn recorded(scenario: &str) -> (Arc<Plan>, Recording) {
    let plan = plan(scenario, 1);
    let mut entries = Entries::default();
    drive(plan.clone(), bench(&plan), &Options::default(), &mut entries).expect("a run ends by itself");
    let head = Head {
        format: FORMAT,
        tool: "test".into(),
        wall_clock_unix_nanos: 0,
        scenario_path: scenario.into(),
        rig_path: format!("rigs/{}/rig.yaml", plan.rig.name),
        overrides: Vec::new(),
        seed: plan.seed,
        mode: plan.mode,
        gate: Some(plan.gate),
        files: plan.files.clone(),
        relies_on: Vec::new(),
    };
    (plan, Recording { head, entries: entries.0, loss: None })
}

fn judged(recording: &Recording) -> Vec<Judgement> {
    let told = recording.events().filter_map(|event| match &event.kind {
        EventKind::RuleJudged { judgement } => Some(judgement.clone()),
        _ => None,
    });
    told.collect()
}

/// Goal: re-judging is judging: what another envelope would say of a run can be believed. Method: runs of every rig that pass, that
/// trip, that lose their controller and that test nothing, each judged again by its own envelope.
#[test]
fn by_its_own_envelope_a_run_is_judged_as_it_was_to_the_last_bit() {
    for scenario in [
        "drone-bench/hover-and-land",
        "drone-bench/delayed-feed",
        "drone-bench/pilot-lost",
        "drone-bench/untested",
        "drone-field/gps-lost",
        "robot-cell/person-unseen",
        "robot-cell/arm-places",
        "car-bench/follow",
        "car-bench/late-sight",
        "building-floor/fire-drill",
        "junction/leaking-green",
        "junction/untested",
    ] {
        let (plan, recording) = recorded(&format!("scenarios/{scenario}.yaml"));
        let was = judged(&recording);
        assert_eq!(was.len(), plan.rules.len(), "{scenario}");
        assert_eq!(again(&recording, &plan, &OtherRules::of_plan(&plan)).expect("it was armed"), was, "{scenario}");
        // The envelope's file alone says the same of its rules.
        let file = format!("rigs/{}/envelope.yaml", plan.rig.name);
        let envelope = OtherRules::read(&file, &ProjectFiles, &recording).expect("it is shipped");
        let alone = again(&recording, &plan, &envelope).expect("it was armed");
        let same = |judgement: &Judgement| Judgement { rule: RuleId(0), ..judgement.clone() };
        for (rule, judgement) in envelope.rules.iter().zip(&alone) {
            let place =
                plan.rules.iter().position(|other| other.name == rule.name).expect("it is of the same envelope");
            assert_eq!(same(judgement), same(&was[place]), "{scenario}: {}", rule.name);
        }
    }
}

#[test]
fn another_envelope_has_its_own_word() {
    struct Stricter(String);
    impl checkrein::diag::Files for Stricter {
        fn read(&self, _: &str) -> Result<Vec<u8>, String> {
            Ok(self.0.clone().into_bytes())
        }
    }
    let rule = |name: &str, height: &str| {
        format!(
            "  {name}:\n    always: fc.altitude <= {height}\n    because: For a test.\n    react_within: 100 ms\n    \
             safe_within: 30 s\n"
        )
    };
    let (plan, recording) = recorded("scenarios/drone-bench/hover-and-land.yaml");
    // The fallback of the rig may go higher than 1 m, which would be wrong if the rig were to be driven so.
    let files = Stricter(format!("envelope: Stricter\nrules:\n{}{}", rule("low", "1 m"), rule("ceiling", "39 m")));
    let stricter = OtherRules::read("new.yaml", &files, &recording).expect("it checks");
    let wrong = Stricter(
        "envelope: Wrong\nrules:\n  low:\n    always: fc.altitud <= 1 m\n  high:\n    always: fc.x <= 1 s\n".into(),
    );
    let Err(Unfit::Wrong(mistakes)) = OtherRules::read("new.yaml", &wrong, &recording) else { panic!("it is wrong") };
    let told = checkrein::diag::report(&mistakes, false);
    assert!(
        told.contains("new.yaml:4:") && told.contains("new.yaml:6:") && told.contains("did you mean `fc.altitude`?"),
        "{told}"
    );
    let judged = again(&recording, &plan, &stricter).expect("it was armed");
    let verdicts: Vec<RuleVerdict> = judged.iter().map(|judgement| judgement.verdict).collect();
    assert_eq!(verdicts, [RuleVerdict::Fail, RuleVerdict::Pass]);
    assert!(judged[0].violated_at.is_some() && judged[1].margin.lo > 30.0, "{judged:?}");
    // A run that was never armed was never judged.
    let blocked = Recording { entries: Vec::new(), ..recording };
    assert_eq!(again(&blocked, &plan, &stricter), None);
}
