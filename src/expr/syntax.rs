//! A formula as it was written: one tree for formulas and quantities, since only checking can tell a flag from a
//! number. Every node keeps its place in the text.

use crate::units::Quantity;
use std::ops::Range;

/// A tree deeper than this is refused, so that every walk over it ends within the stack.
pub(super) const DEPTH_MAX: u32 = 100;

/// A piece of a formula.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub kind: Kind,
    pub span: Range<usize>,
    /// Stands in parentheses of its own.
    pub parenthesised: bool,
    /// Levels below and with this one.
    pub depth: u32,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    /// Something that was reported already; checking passes it over.
    Broken,
    Number(Quantity),
    Parameter(String),
    Name(String),
    Negate(Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    Compare(Relation, Box<Node>, Box<Node>),
    /// `left == NAME`; `negated` for `!=`.
    State {
        left: Box<Node>,
        name: Word,
        negated: bool,
    },
    /// `left == right` where the right side is no bare word; `negated` for `!=`.
    Equal {
        left: Box<Node>,
        right: Box<Node>,
        negated: bool,
    },
    InRange {
        expr: Box<Node>,
        lo: Box<Node>,
        hi: Box<Node>,
    },
    InStates {
        expr: Box<Node>,
        names: Vec<Word>,
    },
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Implies(Box<Node>, Box<Node>),
    Iff(Box<Node>, Box<Node>),
    Temporal(Temporal, Option<Window>, Box<Node>),
    Joint(Joint, Option<Window>, Box<Node>, Box<Node>),
    Call {
        function: Function,
        window: Option<Box<Node>>,
        args: Vec<Node>,
    },
    Outside {
        corners: Vec<(Node, Node)>,
        x: Box<Node>,
        y: Box<Node>,
    },
    Table {
        input: Box<Node>,
        points: Vec<(Node, Node)>,
    },
}

/// A bare word, such as a state's name.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub text: String,
    pub span: Range<usize>,
}

/// `[from, to]`.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub from: Box<Node>,
    pub to: Box<Node>,
    pub span: Range<usize>,
}

// Trees are the same when they mean the same: where they stood in a text does not matter.
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.kind == other.kind
    }
}
impl PartialEq for Word {
    fn eq(&self, other: &Word) -> bool {
        self.text == other.text
    }
}
impl PartialEq for Window {
    fn eq(&self, other: &Window) -> bool {
        self.from == other.from && self.to == other.to
    }
}

/// Gives an enum of words its texts, one table for reading and printing.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, Debug)]
        pub(super) enum $name { $($variant),+ }
        impl $name {
            pub(super) const ALL: &[$name] = &[$($name::$variant),+];
            pub(super) fn text(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
            pub(super) fn find(text: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|one| one.text() == text)
            }
        }
    };
}

words!(Operator { Add = "+", Subtract = "-", Multiply = "*", Divide = "/" });
words!(Relation { Less = "<", LessEqual = "<=", Greater = ">", GreaterEqual = ">=" });
words!(Temporal { Always = "always", Eventually = "eventually", Historically = "historically", Once = "once" });
words!(Joint { Until = "until", Unless = "unless", Since = "since", BackTo = "backto" });
words!(
    /// Everything that is written `name(…)` or `name[w](…)`, but for `outside` and `table` with their own syntax.
    Function {
        Abs = "abs",
        Min = "min",
        Max = "max",
        Clamp = "clamp",
        Sqrt = "sqrt",
        Sin = "sin",
        Cos = "cos",
        Atan2 = "atan2",
        Norm = "norm",
        Rate = "rate",
        Delta = "delta",
        Mean = "mean",
        Age = "age",
        Fraction = "fraction",
        Rise = "rise",
        Fall = "fall",
        Changed = "changed",
    }
);

impl Function {
    /// True for `delta[w]`, `mean[w]`, `fraction[w]`.
    pub(super) fn wants_window(self) -> bool {
        matches!(self, Function::Delta | Function::Mean | Function::Fraction)
    }
}

impl Temporal {
    /// True for operators that wait for what comes.
    pub(super) fn is_future(self) -> bool {
        matches!(self, Temporal::Always | Temporal::Eventually)
    }
}

impl Node {
    pub(super) fn new(kind: Kind, span: Range<usize>) -> Node {
        let mut node = Node { kind, span, parenthesised: false, depth: 1 };
        let mut deepest = 0;
        node.children(&mut |child| deepest = deepest.max(child.depth));
        node.depth = deepest + 1;
        node
    }

    pub(super) fn broken(span: Range<usize>) -> Node {
        Node::new(Kind::Broken, span)
    }

    /// True when it cannot be a quantity.
    pub(super) fn is_surely_formula(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Broken
                | Kind::Number(_)
                | Kind::Parameter(_)
                | Kind::Name(_)
                | Kind::Negate(_)
                | Kind::Arithmetic(..)
                | Kind::Call { .. }
                | Kind::Outside { .. }
                | Kind::Table { .. }
        )
    }

    /// Calls `see` with each child, in order of the text.
    pub(super) fn children<'a>(&'a self, see: &mut dyn FnMut(&'a Node)) {
        match &self.kind {
            Kind::Broken | Kind::Number(_) | Kind::Parameter(_) | Kind::Name(_) => {}
            Kind::Negate(a) | Kind::Not(a) | Kind::State { left: a, .. } | Kind::InStates { expr: a, .. } => see(a),
            Kind::Arithmetic(_, a, b)
            | Kind::Compare(_, a, b)
            | Kind::Equal { left: a, right: b, .. }
            | Kind::Implies(a, b)
            | Kind::Iff(a, b) => {
                see(a);
                see(b);
            }
            Kind::InRange { expr, lo, hi } => {
                see(expr);
                see(lo);
                see(hi);
            }
            Kind::And(all) | Kind::Or(all) => all.iter().for_each(see),
            Kind::Temporal(_, window, a) => {
                if let Some(w) = window {
                    see(&w.from);
                    see(&w.to);
                }
                see(a);
            }
            Kind::Joint(_, window, a, b) => {
                see(a);
                if let Some(w) = window {
                    see(&w.from);
                    see(&w.to);
                }
                see(b);
            }
            Kind::Call { window, args, .. } => {
                if let Some(w) = window {
                    see(w);
                }
                args.iter().for_each(see);
            }
            Kind::Outside { corners, x, y } => {
                for (a, b) in corners {
                    see(a);
                    see(b);
                }
                see(x);
                see(y);
            }
            Kind::Table { input, points } => {
                see(input);
                for (a, b) in points {
                    see(a);
                    see(b);
                }
            }
        }
    }
}
