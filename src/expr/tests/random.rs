//! Any text is answered; any tree that is written down is read back the same.

use super::Bench;
use crate::expr::lex::KEYWORDS;
use crate::expr::parse::parse;
use crate::expr::syntax::{Function, Joint, Kind, Node, Operator, Relation, Temporal, Window, Word};
use crate::expr::{definition, formula};
use crate::units::{Quantity, Unit};
use proptest::prelude::*;

fn node(kind: Kind) -> Node {
    Node::new(kind, 0..0)
}

/// Writes a tree with every operand in parentheses: what is tested is that nothing gets lost, not how pretty it is.
fn print(tree: &Node) -> String {
    let operand = |n: &Node| match n.kind {
        Kind::Number(_) | Kind::Name(_) | Kind::Parameter(_) | Kind::Call { .. } => print(n),
        _ => format!("({})", print(n)),
    };
    let window = |w: &Option<Window>| match w {
        Some(w) => format!("[{}, {}]", operand(&w.from), operand(&w.to)),
        None => String::new(),
    };
    let join = |all: &[Node], by: &str| all.iter().map(operand).collect::<Vec<_>>().join(by);
    let pairs = |all: &[(Node, Node)], by: &str| -> Vec<String> {
        all.iter().map(|(a, b)| format!("{}{by}{}", operand(a), operand(b))).collect()
    };
    match &tree.kind {
        Kind::Broken => unreachable!("no strategy makes broken nodes"),
        Kind::Number(quantity) => quantity.to_string(),
        Kind::Parameter(name) => format!("${name}"),
        Kind::Name(name) => name.clone(),
        // Parentheses keep `-(5 m)` apart from the number `-5 m`.
        Kind::Negate(a) => format!("-({})", print(a)),
        Kind::Arithmetic(op, a, b) => format!("{} {} {}", operand(a), op.text(), operand(b)),
        Kind::Compare(op, a, b) => format!("{} {} {}", operand(a), op.text(), operand(b)),
        Kind::State { left, name, negated } => {
            format!("{} {} {}", operand(left), if *negated { "!=" } else { "==" }, name.text)
        }
        Kind::Equal { left, right, negated } => {
            format!("{} {} ({})", operand(left), if *negated { "!=" } else { "==" }, print(right))
        }
        Kind::InRange { expr, lo, hi } => format!("{} in {} .. {}", operand(expr), operand(lo), operand(hi)),
        Kind::InStates { expr, names } => {
            let names: Vec<&str> = names.iter().map(|n| n.text.as_str()).collect();
            format!("{} in {{{}}}", operand(expr), names.join(", "))
        }
        Kind::Not(a) => format!("not {}", operand(a)),
        Kind::And(all) => join(all, " and "),
        Kind::Or(all) => join(all, " or "),
        Kind::Implies(a, b) => format!("{} implies {}", operand(a), operand(b)),
        Kind::Iff(a, b) => format!("{} iff {}", operand(a), operand(b)),
        Kind::Temporal(op, w, a) => format!("{}{} {}", op.text(), window(w), operand(a)),
        Kind::Joint(op, w, a, b) => format!("{} {}{} {}", operand(a), op.text(), window(w), operand(b)),
        Kind::Call { function, window, args } => {
            let window = window.as_ref().map_or(String::new(), |w| format!("[{}]", operand(w)));
            format!("{}{window}({})", function.text(), args.iter().map(print).collect::<Vec<_>>().join(", "))
        }
        Kind::Outside { corners, x, y } => {
            let corners: Vec<String> = pairs(corners, ", ").iter().map(|c| format!("({c})")).collect();
            format!("outside([{}], {}, {})", corners.join(", "), operand(x), operand(y))
        }
        Kind::Table { input, points } => {
            format!("table({}: {})", operand(input), pairs(points, " -> ").join(", "))
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,5}(\\.[a-z][a-z0-9_]{0,5}){0,2}".prop_filter("a word of the language", |name| {
        !KEYWORDS.contains(&name.as_str())
            && Function::find(name).is_none()
            && !matches!(name.as_str(), "outside" | "table")
    })
}

fn leaf() -> impl Strategy<Value = Node> {
    let units = ["", "m", "m/s^2", "ms", "%", "degC", "W/(m^2*K)", "1/s", "N*m", "deg"];
    let number = (-1e6..1e6f64, prop::sample::select(units.to_vec())).prop_map(|(number, unit)| {
        node(Kind::Number(Quantity { number, unit: Unit::parse(unit).expect("units of the table") }))
    });
    prop_oneof![
        number,
        name().prop_map(|n| node(Kind::Name(n))),
        "[a-z][a-z0-9_]{0,5}".prop_map(|n| node(Kind::Parameter(n))),
    ]
}

fn state() -> impl Strategy<Value = Word> {
    "[A-Z0-9_]{0,3}[A-Z]{1,4}(-[A-Z0-9]{1,3})?".prop_map(|text| Word { text, span: 0..0 })
}

fn tree() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(6, 48, 4, |inner| {
        let one = || inner.clone().prop_map(Box::new);
        let window = prop::option::of((one(), one()).prop_map(|(from, to)| Window { from, to, span: 0..0 }));
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 1..4);
        let kind = prop_oneof![
            one().prop_map(Kind::Negate),
            (prop::sample::select(Operator::ALL), one(), one()).prop_map(|(op, a, b)| Kind::Arithmetic(op, a, b)),
            (prop::sample::select(Relation::ALL), one(), one()).prop_map(|(op, a, b)| Kind::Compare(op, a, b)),
            (one(), state(), any::<bool>()).prop_map(|(left, name, negated)| Kind::State { left, name, negated }),
            (one(), one(), any::<bool>()).prop_map(|(left, right, negated)| Kind::Equal { left, right, negated }),
            (one(), one(), one()).prop_map(|(expr, lo, hi)| Kind::InRange { expr, lo, hi }),
            (one(), prop::collection::vec(state(), 1..4)).prop_map(|(expr, names)| Kind::InStates { expr, names }),
            one().prop_map(Kind::Not),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Kind::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Kind::Or),
            (one(), one()).prop_map(|(a, b)| Kind::Implies(a, b)),
            (one(), one()).prop_map(|(a, b)| Kind::Iff(a, b)),
            (prop::sample::select(Temporal::ALL), window.clone(), one())
                .prop_map(|(op, w, a)| Kind::Temporal(op, w, a)),
            (prop::sample::select(Joint::ALL), window, one(), one()).prop_map(|(op, w, a, b)| Kind::Joint(op, w, a, b)),
            (prop::sample::select(Function::ALL), prop::option::of(one()), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(function, window, args)| Kind::Call { function, window, args }),
            (pairs.clone(), one(), one()).prop_map(|(corners, x, y)| Kind::Outside { corners, x, y }),
            (one(), pairs).prop_map(|(input, points)| Kind::Table { input, points }),
        ];
        kind.prop_map(node)
    })
}

/// Text that looks like a formula for a while.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = [
        "fc.altitude",
        "fc.mode",
        "fc.armed",
        "pilot.command",
        "tilt",
        "wrong",
        "loop_a",
        "$target",
        "8 m",
        "0",
        "1 s",
        "20 %",
        "21 degC",
        "-",
        "+",
        "*",
        "/",
        "<",
        "<=",
        "==",
        "!=",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "->",
        "..",
        "and",
        "or",
        "not",
        "implies",
        "iff",
        "in",
        "until",
        "unless",
        "since",
        "always",
        "once",
        "age",
        "mean",
        "fraction",
        "table",
        "outside",
        "norm",
        "rate",
        "delta",
        "clamp",
        "GUIDED",
        "é",
        "\u{0}",
        "1e",
        "5.",
        "&&",
        "room.temperature",
        "[0, 1 s]",
        "[2 s, 1 s]",
        "sqrt",
        "atan2",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|all| all.join(" "))
}

pub fn answered(text: &str) {
    let bench = Bench::new();
    for scope in [bench.scenario(), bench.envelope(), bench.step()] {
        let mut problems = definition("own", text, &scope);
        match formula(text, &scope) {
            Ok(checked) => problems.extend(checked.hints),
            Err(wrong) => {
                assert!(!wrong.is_empty(), "refused without a reason: {text}");
                problems.extend(wrong);
            }
        }
        for problem in problems {
            assert!(text.get(problem.span.clone()).is_some(), "{text}: {problem:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        answered(&text);
    }

    #[test]
    fn nearly_right_text_is_answered(text in nearly()) {
        answered(&text);
    }

    #[test]
    fn a_tree_written_down_is_read_back_the_same(tree in tree()) {
        let text = print(&tree);
        let (read, problems) = parse(&text);
        prop_assert!(problems.is_empty(), "{}: {:?}", text, problems);
        prop_assert_eq!(&read, &tree, "{}", text);
    }
}
