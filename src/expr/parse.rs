//! Tokens to a tree: precedence climbing, every mistake noted, going on where the rest still makes sense.

use super::foreign;
use super::lex::{KEYWORDS, Kind as TokenKind, Token, tokens};
use super::problem;
use super::syntax::{DEPTH_MAX, Function, Joint, Kind, Node, Operator, Relation, Temporal, Window, Word};
use crate::units::{Problem, Quantity, Unit, number_value};
use std::ops::Range;

/// A longer formula is refused unread.
const LENGTH_MAX: usize = 65_536;
/// Nobody reads more mistakes than this about one formula.
pub(super) const PROBLEMS_MAX: usize = 20;

/// Words that join what stands before them to what stands behind.
const INFIX: &[&str] = &["and", "or", "implies", "iff", "in", "until", "unless", "since", "backto"];

/// How tightly an operator binds; a looser one ends the operand of a tighter one.
mod tightness {
    pub const LOOSEST: u8 = 0;
    pub const IMPLIES: u8 = 1;
    pub const AND_OR: u8 = 2;
    pub const JOINT: u8 = 3;
    pub const PREFIX: u8 = 4;
    pub const COMPARE: u8 = 5;
    pub const SUM: u8 = 6;
    pub const PRODUCT: u8 = 7;
    pub const SIGN: u8 = 8;
}

/// Reads a formula or a quantity expression. A tree comes back even when there are problems, with broken places in it.
pub(super) fn parse(text: &str) -> (Node, Vec<Problem>) {
    let whole = 0..text.len();
    if text.len() > LENGTH_MAX {
        let shown = 0..text.char_indices().nth(20).map_or(text.len(), |(i, _)| i);
        let message = format!("this formula is {} bytes long; at most {LENGTH_MAX} are read", text.len());
        return (Node::broken(whole), vec![problem(shown, message, None)]);
    }
    let mut problems = Vec::new();
    let tokens = tokens(text, &mut problems);
    let mut parser = Parser { text, tokens, at: 0, problems, level: 0, too_deep: false };
    if parser.kind() == &TokenKind::End {
        if parser.problems.is_empty() {
            parser.problems.push(problem(whole.clone(), "a formula is missing here", None));
        }
        return (Node::broken(whole), parser.problems);
    }
    let mut node = parser.expression(tightness::LOOSEST);
    if parser.kind() != &TokenKind::End && !parser.too_deep {
        let torn = parser.numbers_meet(",") || parser.numbers_meet("");
        parser.leftover();
        // A quantity before the break is most likely half a comparison: nothing more can be said of it.
        if torn || !node.is_surely_formula() {
            node = Node::broken(node.span);
        }
    }
    parser.problems.truncate(PROBLEMS_MAX);
    (node, parser.problems)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    problems: Vec<Problem>,
    level: u32,
    too_deep: bool,
}

impl Parser<'_> {
    fn kind(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }
    fn span(&self) -> Range<usize> {
        self.tokens[self.at].span.clone()
    }
    fn word(&self) -> &str {
        match self.kind() {
            TokenKind::Symbol(symbol) => symbol,
            _ => &self.text[self.span()],
        }
    }
    /// True at this keyword or symbol.
    fn is(&self, wanted: &str) -> bool {
        matches!(self.kind(), TokenKind::Word | TokenKind::Symbol(_)) && self.word() == wanted
    }
    fn next_is(&self, wanted: &str) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|t| t.kind != TokenKind::End && &self.text[t.span.clone()] == wanted)
    }
    fn step(&mut self) {
        // The last token is `End`, and stays.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }
    fn take(&mut self, wanted: &str) -> bool {
        let found = self.is(wanted);
        if found {
            self.step();
        }
        found
    }
    /// The end of what was read last.
    fn read_to(&self) -> usize {
        if self.at == 0 { 0 } else { self.tokens[self.at - 1].span.end }
    }
    fn found(&self) -> String {
        if self.kind() == &TokenKind::End { "the end".into() } else { format!("`{}`", &self.text[self.span()]) }
    }
    fn note(&mut self, span: Range<usize>, message: impl Into<String>, remedy: Option<&str>) {
        // One mistake often surprises twice at the same place: the first word on it is the useful one.
        let again = self.problems.iter().any(|p| p.span.start == span.start);
        if !again && !self.too_deep && self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem(span, message, remedy.map(str::to_owned)));
        }
    }
    fn want(&mut self, symbol: &str, why: &str) -> bool {
        if self.take(symbol) {
            return true;
        }
        let message = format!("`{symbol}` is wanted {why}, found {}", self.found());
        self.note(self.span(), message, None);
        false
    }
    fn build(&mut self, kind: Kind, span: Range<usize>) -> Node {
        let node = Node::new(kind, span.clone());
        if node.depth > DEPTH_MAX {
            return self.deep(span);
        }
        node
    }
    fn deep(&mut self, span: Range<usize>) -> Node {
        let start = span.start;
        let near = start..self.text[start..].char_indices().nth(20).map_or(self.text.len(), |(i, _)| start + i);
        self.note(
            near,
            format!("this formula is nested deeper than {DEPTH_MAX} levels"),
            Some("name parts of it under `define:`"),
        );
        self.too_deep = true;
        self.at = self.tokens.len() - 1;
        Node::broken(span)
    }

    /// What remains after a whole formula.
    fn leftover(&mut self) {
        let span = self.span();
        let word = self.word().to_owned();
        let lower = word.to_lowercase();
        if matches!(self.kind(), TokenKind::Word) && word != lower && KEYWORDS.contains(&lower.as_str()) {
            self.note(span, format!("`{word}` is not an operator"), Some(&format!("write `{lower}`")));
        } else if matches!(self.kind(), TokenKind::Symbol(")" | "]" | "}")) {
            self.note(span, format!("this `{word}` closes nothing"), None);
        } else if self.is("not") && self.next_is("in") {
            self.note(span, "`not` stands before the whole", Some("write `not x in { … }`"));
        } else if self.numbers_meet(",") {
            self.note(span, "a number is written with a point", Some("write `1.5`, not `1,5`"));
        } else if self.numbers_meet("") {
            self.note(span, "digits stand together in a number", Some("write `1000`, not `1 000`"));
        } else {
            let operator = "an operator such as `<=`, `+` or `and`";
            self.note(span, format!("{operator} is wanted here, found {}", self.found()), None);
        }
    }

    /// True where a bare number, `between` and another number follow each other.
    fn numbers_meet(&self, between: &str) -> bool {
        let is_number = |at: usize, bare: bool| matches!(self.tokens.get(at), Some(Token { kind: TokenKind::Number { unit, .. }, .. }) if !bare || unit.is_empty());
        let Some(before) = self.at.checked_sub(1) else { return false };
        let after = if between.is_empty() { self.at } else { self.at + 1 };
        is_number(before, true) && is_number(after, false) && (between.is_empty() || self.is(between))
    }

    /// A formula or quantity whose operators bind at least this tightly.
    fn expression(&mut self, tightness: u8) -> Node {
        self.level += 1;
        if self.level > DEPTH_MAX {
            let node = self.deep(self.span());
            self.level -= 1;
            return node;
        }
        let start = self.span().start;
        let mut left = self.operand();
        while !self.too_deep {
            match self.infix(left, start, tightness) {
                Ok(grown) => left = grown,
                Err(done) => {
                    left = done;
                    break;
                }
            }
        }
        self.level -= 1;
        left
    }

    /// Grows `left` by one infix operator (`Ok`), or gives it back because what follows binds looser (`Err`).
    fn infix(&mut self, left: Node, start: usize, tightness: u8) -> Result<Node, Node> {
        let word = if matches!(self.kind(), TokenKind::Word | TokenKind::Symbol(_)) {
            self.word().to_owned()
        } else {
            return Err(left);
        };
        let binds = match word.as_str() {
            // `=>` was reported already; which operator it stands for cannot be told.
            "implies" | "iff" | "=>" | "->" => tightness::IMPLIES,
            "and" | "or" => tightness::AND_OR,
            "until" | "unless" | "since" | "backto" => tightness::JOINT,
            "<" | "<=" | ">" | ">=" | "==" | "!=" | "in" => tightness::COMPARE,
            "+" | "-" => tightness::SUM,
            "*" | "/" | "^" => tightness::PRODUCT,
            // A word of another language stands where one of ours would.
            other if foreign::between(other).is_some() => tightness::LOOSEST,
            _ => return Err(left),
        };
        if binds < tightness {
            return Err(left);
        }
        let operator = self.span();
        self.step();
        Ok(match binds {
            tightness::IMPLIES if word == "=>" => {
                self.expression(tightness::IMPLIES);
                Node::broken(start..self.read_to())
            }
            tightness::LOOSEST | tightness::IMPLIES if foreign::between(&word).is_some() => {
                self.note(operator, format!("`{word}` is not part of the formula language"), foreign::between(&word));
                self.window("until");
                self.expression(tightness::LOOSEST);
                Node::broken(start..self.read_to())
            }
            tightness::PRODUCT if word == "^" => {
                self.expression(tightness::SIGN);
                Node::broken(start..self.read_to())
            }
            tightness::IMPLIES => self.implication(left, &word, operator, start),
            tightness::AND_OR => self.and_or(left, word == "and", operator, start),
            tightness::JOINT => self.joint(left, &word, operator, start),
            tightness::COMPARE => self.comparison(left, &word, operator, start),
            _ => {
                let right = self.expression(binds + 1);
                let op = Operator::find(&word).expect("these four symbols are the operators");
                let end = self.read_to();
                self.build(Kind::Arithmetic(op, Box::new(left), Box::new(right)), start..end)
            }
        })
    }

    fn implication(&mut self, left: Node, word: &str, operator: Range<usize>, start: usize) -> Node {
        let is_iff = |node: &Node| !node.parenthesised && matches!(node.kind, Kind::Iff(..));
        let is_either = |node: &Node| !node.parenthesised && matches!(node.kind, Kind::Iff(..) | Kind::Implies(..));
        // `implies` groups to the right: what follows belongs to its right side.
        let right = self.expression(tightness::IMPLIES);
        if is_iff(&left) || is_iff(&right) || (word == "iff" && (is_either(&left) || is_either(&right))) {
            self.note(
                operator,
                "which of `iff` and `implies` comes first is not clear here",
                Some("put one of them into parentheses"),
            );
        }
        let end = self.read_to();
        let (left, right) = (Box::new(left), Box::new(right));
        self.build(if word == "iff" { Kind::Iff(left, right) } else { Kind::Implies(left, right) }, start..end)
    }

    fn and_or(&mut self, left: Node, and: bool, operator: Range<usize>, start: usize) -> Node {
        let right = self.expression(tightness::AND_OR + 1);
        let mixed = match left.kind {
            Kind::And(_) => !and,
            Kind::Or(_) => and,
            _ => false,
        };
        if mixed && !left.parenthesised {
            self.note(
                operator,
                "which of `and` and `or` comes first is not clear here",
                Some("put one of them into parentheses: `(a and b) or c`"),
            );
        }
        let mut all = match left {
            Node { kind: Kind::And(all), parenthesised: false, .. } if and => all,
            Node { kind: Kind::Or(all), parenthesised: false, .. } if !and => all,
            other => vec![other],
        };
        all.push(right);
        // Taking the rest of the list at once keeps a long one linear.
        while self.take(if and { "and" } else { "or" }) {
            all.push(self.expression(tightness::AND_OR + 1));
        }
        let end = self.read_to();
        self.build(if and { Kind::And(all) } else { Kind::Or(all) }, start..end)
    }

    fn joint(&mut self, left: Node, word: &str, operator: Range<usize>, start: usize) -> Node {
        let nested = !left.parenthesised && matches!(left.kind, Kind::Joint(..));
        if nested {
            self.note(
                operator,
                format!("which operator comes first is not clear at the second `{word}`"),
                Some(&format!("put the inner one into parentheses: `(a {word} b) {word} c`")),
            );
        }
        let window = self.window(word);
        let right = self.expression(tightness::JOINT + 1);
        let op = Joint::find(word).expect("these four words are the joint operators");
        let end = self.read_to();
        self.build(Kind::Joint(op, window, Box::new(left), Box::new(right)), start..end)
    }

    fn comparison(&mut self, left: Node, word: &str, operator: Range<usize>, start: usize) -> Node {
        let is_comparison = |kind: &Kind| {
            matches!(
                kind,
                Kind::Compare(..)
                    | Kind::State { .. }
                    | Kind::Equal { .. }
                    | Kind::InRange { .. }
                    | Kind::InStates { .. }
            )
        };
        if !left.parenthesised && is_comparison(&left.kind) {
            self.note(
                operator.clone(),
                "comparisons cannot be chained",
                Some("write `x in 0 m .. 8 m`, or join two comparisons with `and`"),
            );
            self.expression(tightness::SUM);
            return Node::broken(start..self.read_to());
        }
        let left = Box::new(left);
        if word == "in" {
            return self.membership(left, start);
        }
        if word == "==" || word == "!=" {
            let negated = word == "!=";
            if let Some(name) = self.state_word(false) {
                let end = name.span.end;
                return self.build(Kind::State { left, name, negated }, start..end);
            }
            let right = Box::new(self.expression(tightness::SUM));
            let end = self.read_to();
            return self.build(Kind::Equal { left, right, negated }, start..end);
        }
        let right = self.expression(tightness::SUM);
        let relation = Relation::find(word).expect("what is left of the comparing symbols is a relation");
        let end = self.read_to();
        self.build(Kind::Compare(relation, left, Box::new(right)), start..end)
    }

    fn membership(&mut self, left: Box<Node>, start: usize) -> Node {
        if self.is("[") {
            self.note(self.span(), "a range is written without brackets", Some("write `x in 0 m .. 8 m`"));
            while !matches!(self.kind(), TokenKind::End) && !self.take("]") {
                self.step();
            }
            return Node::broken(start..self.read_to());
        }
        if self.take("{") {
            let mut names = Vec::new();
            loop {
                if let Some(name) = self.state_word(true) {
                    names.push(name);
                } else {
                    let message = format!("the name of a state is wanted here, found {}", self.found());
                    self.note(self.span(), message, None);
                    break;
                }
                if matches!(self.kind(), TokenKind::Word) {
                    self.note(self.span(), "states in a set stand apart by commas", Some("write `state in {A, B}`"));
                } else if !self.take(",") {
                    break;
                }
            }
            self.want("}", "after the states");
            let end = self.read_to();
            return self.build(Kind::InStates { expr: left, names }, start..end);
        }
        let lo = self.expression(tightness::SUM);
        if !self.is("..") {
            let wanted = "a range or a set of states is wanted after `in`";
            if let Kind::Name(name) = &lo.kind {
                let remedy = format!("write `in {{{name}}}`, or a range such as `0 m .. 8 m`");
                self.note(lo.span.clone(), format!("{wanted}, found `{name}`"), Some(&remedy));
            } else {
                let message = format!("{wanted}; `..` is missing before {}", self.found());
                self.note(self.span(), message, Some("write `x in 0 m .. 8 m` or `state in {A, B}`"));
            }
            return Node::broken(start..self.read_to());
        }
        self.step();
        let hi = self.expression(tightness::SUM);
        let end = self.read_to();
        self.build(Kind::InRange { expr: left, lo: Box::new(lo), hi: Box::new(hi) }, start..end)
    }

    /// A word that can only be a state's name: `GUIDED`, `wind-gust`, `3D_FIX`. `None`, and nothing is read, when
    /// what follows is an expression.
    fn state_word(&mut self, in_set: bool) -> Option<Word> {
        let start = self.span().start;
        let letters = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let length: usize = self.text[start..].chars().take_while(letters).map(char::len_utf8).sum();
        let text = self.text[start..start + length].trim_end_matches('-');
        let end = start + text.len();
        if text.starts_with('-') || !text.chars().any(char::is_alphabetic) || KEYWORDS.contains(&text) {
            return None;
        }
        // Tokens must end where the word ends: `3 m` is a number with its unit, `a.b` a signal.
        let after = self.tokens[self.at..].iter().position(|t| t.span.start >= end)? + self.at;
        let ends = self.tokens[after - 1].span.end == end;
        let next = &self.tokens[after];
        let next_text = if let TokenKind::Symbol(s) = next.kind { s } else { &self.text[next.span.clone()] };
        let closes = next.kind == TokenKind::End
            || matches!(next_text, ")" | "]" | "}" | "," | "<" | "<=" | ">" | ">=" | "==" | "!=")
            || KEYWORDS.contains(&next_text);
        // In a set nothing but names can stand.
        if !ends || !(closes || in_set) {
            return None;
        }
        self.at = after;
        Some(Word { text: text.to_owned(), span: start..end })
    }

    /// `[from, to]` after the operator `word`, if there is one.
    fn window(&mut self, word: &str) -> Option<Window> {
        let start = self.span().start;
        if !self.take("[") {
            return None;
        }
        let from = self.expression(tightness::SUM);
        if self.is("]") {
            let at = from.span.clone();
            self.note(at, "a window has two bounds", Some(&format!("write `{word}[0, 500 ms]`")));
            self.step();
            return Some(Window {
                to: Box::new(Node::broken(from.span.clone())),
                from: Box::new(from),
                span: start..self.read_to(),
            });
        }
        self.want(",", "between the bounds of a window");
        let to = self.expression(tightness::SUM);
        self.want("]", "after a window");
        Some(Window { from: Box::new(from), to: Box::new(to), span: start..self.read_to() })
    }

    /// What operators join: a prefix operator with its operand, or a primary.
    fn operand(&mut self) -> Node {
        let start = self.span().start;
        if self.take("not") {
            let inner = self.expression(tightness::PREFIX);
            let end = self.read_to();
            return self.build(Kind::Not(Box::new(inner)), start..end);
        }
        if self.is("-") {
            self.step();
            let inner = self.expression(tightness::SIGN);
            let end = self.read_to();
            // `-5 degC` is a place on the scale, not the negative of 278.15 K.
            if let Kind::Number(quantity) = &inner.kind
                && !inner.parenthesised
            {
                let number = if quantity.number == 0.0 { 0.0 } else { -quantity.number };
                let quantity = Quantity { number, unit: quantity.unit.clone() };
                return self.build(Kind::Number(quantity), start..end);
            }
            return self.build(Kind::Negate(Box::new(inner)), start..end);
        }
        if self.is("+") {
            self.note(self.span(), "a quantity needs no `+` before it", Some("leave it out"));
            self.step();
            return self.expression(tightness::SIGN);
        }
        if matches!(self.kind(), TokenKind::Word)
            && let Some(op) = Temporal::find(self.word())
        {
            self.step();
            let window = self.window(op.text());
            let inner = self.expression(tightness::PREFIX);
            let end = self.read_to();
            return self.build(Kind::Temporal(op, window, Box::new(inner)), start..end);
        }
        if let Some(remedy) = self.foreign_prefix() {
            let word = self.word().to_owned();
            self.note(self.span(), format!("`{word}` is not part of the formula language"), Some(remedy));
            self.step();
            self.window("always");
            self.expression(tightness::LOOSEST);
            return Node::broken(start..self.read_to());
        }
        self.primary(start)
    }

    /// What to write for the word here, when it is one of another language and something follows that it could govern:
    /// a signal may be called `G`, too.
    fn foreign_prefix(&self) -> Option<&'static str> {
        if !matches!(self.kind(), TokenKind::Word) {
            return None;
        }
        let remedy = foreign::before(self.word())?;
        let next = self.tokens.get(self.at + 1)?;
        let governs = match next.kind {
            TokenKind::Word => {
                let text = &self.text[next.span.clone()];
                !INFIX.contains(&text) && foreign::between(text).is_none()
            }
            TokenKind::Symbol(symbol) => matches!(symbol, "[" | "("),
            _ => false,
        };
        governs.then_some(remedy)
    }

    fn primary(&mut self, start: usize) -> Node {
        match self.kind().clone() {
            TokenKind::Number { digits, unit } => {
                let span = self.span();
                self.step();
                match self.quantity(digits, unit) {
                    Ok(quantity) => self.build(Kind::Number(quantity), span),
                    Err(p) => {
                        self.note(p.span, p.message, p.remedy.as_deref());
                        Node::broken(span)
                    }
                }
            }
            TokenKind::Parameter => {
                let name = self.word()[1..].to_owned();
                let span = self.span();
                self.step();
                if name.is_empty() { Node::broken(span) } else { self.build(Kind::Parameter(name), span) }
            }
            TokenKind::Word if !KEYWORDS.contains(&self.word()) => self.name(start),
            TokenKind::Symbol("(") => {
                self.step();
                let mut inner = self.expression(tightness::LOOSEST);
                if self.is(",") {
                    self.note(self.span(), "a comma stands only between arguments", None);
                }
                if !self.too_deep {
                    self.want(")", "to close this parenthesis");
                }
                inner.parenthesised = true;
                inner.span = start..self.read_to().max(start);
                inner
            }
            kind => {
                let span = self.span();
                let message = format!("a signal, quantity or formula is wanted here, found {}", self.found());
                self.note(span.clone(), message, None);
                // A closing bracket or an infix operator belongs to somebody further out.
                if matches!(kind, TokenKind::Symbol("[" | "{" | ".." | ":" | "->")) {
                    self.step();
                }
                Node::broken(span)
            }
        }
    }

    fn quantity(&self, digits: Range<usize>, unit: Range<usize>) -> Result<Quantity, Problem> {
        let number = number_value(&self.text[digits.clone()], digits.clone())?;
        let start = unit.start;
        let unit = Unit::parse(&self.text[unit]).map_err(|mut p| {
            p.span = p.span.start + start..p.span.end + start;
            p
        })?;
        let quantity = Quantity { number, unit };
        if quantity.si().is_finite() {
            Ok(quantity)
        } else {
            Err(problem(digits, "this quantity is too large to count with", Some("use a larger unit".into())))
        }
    }

    /// A signal, a definition, or a function with its arguments.
    fn name(&mut self, start: usize) -> Node {
        let name = self.word().to_owned();
        let span = self.span();
        self.step();
        if !self.is("(") && !self.is("[") {
            if Function::find(&name).is_some() || matches!(name.as_str(), "outside" | "table") {
                self.note(span.clone(), format!("`{name}` needs its arguments in parentheses"), None);
                return Node::broken(span);
            }
            return self.build(Kind::Name(name), span);
        }
        match name.as_str() {
            "outside" => return self.outside(start),
            "table" => return self.table(start),
            _ => {}
        }
        let function = Function::find(&name);
        if function.is_none() {
            let known = Function::ALL.iter().map(|f| f.text()).chain(["outside", "table"]);
            let near = crate::diag::nearest(&name, known.chain(KEYWORDS.iter().copied()));
            let near = near.map(|near| format!("did you mean `{near}`?"));
            let remedy = foreign::function(&name).map(str::to_owned).or(near);
            self.note(span.clone(), format!("unknown function `{name}`"), remedy.as_deref());
        }
        let noted = self.problems.len();
        let mut window = None;
        if self.take("[") {
            let width = self.expression(tightness::SUM);
            if self.is(",") {
                let remedy = format!("write `{name}[500 ms](x)`");
                self.note(self.span(), format!("the window of `{name}` is one length of time"), Some(&remedy));
                self.step();
                self.expression(tightness::SUM);
            }
            self.want("]", "after a window");
            window = Some(Box::new(width));
        }
        let args = if self.want("(", "before the arguments") { self.arguments() } else { Vec::new() };
        let end = self.read_to();
        match function {
            Some(function) => self.build(Kind::Call { function, window, args }, start..end),
            None => {
                // How its brackets should look cannot be told of a function that is not known.
                self.problems.truncate(noted);
                Node::broken(start..end)
            }
        }
    }

    /// The arguments up to the closing parenthesis, the opening one being read.
    fn arguments(&mut self) -> Vec<Node> {
        let mut args = Vec::new();
        if self.take(")") {
            return args;
        }
        loop {
            args.push(self.expression(tightness::LOOSEST));
            if !self.take(",") {
                break;
            }
        }
        self.want(")", "after the arguments");
        args
    }

    /// `outside([(0 m, 0 m), (10 m, 0 m), (10 m, 5 m)], x, y)`.
    fn outside(&mut self, start: usize) -> Node {
        let mut corners = Vec::new();
        let shape = "write `outside([(0 m, 0 m), (10 m, 0 m), (10 m, 5 m)], x, y)`";
        let opened = self.take("(") && self.take("[");
        if !opened {
            let message = format!("the corners of a polygon are wanted here, found {}", self.found());
            self.note(self.span(), message, Some(shape));
            return Node::broken(start..self.read_to());
        }
        while self.take("(") {
            let x = self.expression(tightness::SUM);
            self.want(",", "between the coordinates of a corner");
            let y = self.expression(tightness::SUM);
            self.want(")", "after a corner");
            corners.push((x, y));
            if !self.take(",") {
                break;
            }
        }
        let rest = self.want("]", "after the corners") && self.want(",", "before the position");
        if !rest {
            return Node::broken(start..self.read_to());
        }
        let x = Box::new(self.expression(tightness::SUM));
        self.want(",", "between x and y");
        let y = Box::new(self.expression(tightness::SUM));
        self.want(")", "after the position");
        let end = self.read_to();
        self.build(Kind::Outside { corners, x, y }, start..end)
    }

    /// `table(x: 0 m/s -> 2 m, 10 m/s -> 6 m)`.
    fn table(&mut self, start: usize) -> Node {
        if !self.want("(", "after `table`") {
            return Node::broken(start..self.read_to());
        }
        let input = Box::new(self.expression(tightness::SUM));
        if !self.take(":") {
            let message = format!("`:` is wanted after the input of a table, found {}", self.found());
            self.note(self.span(), message, Some("write `table(x: 0 m/s -> 2 m, 10 m/s -> 6 m)`"));
            return Node::broken(start..self.read_to());
        }
        let mut points = Vec::new();
        loop {
            let from = self.expression(tightness::SUM);
            if !self.want("->", "between the two numbers of a point") {
                return Node::broken(start..self.read_to());
            }
            points.push((from, self.expression(tightness::SUM)));
            if !self.take(",") {
                break;
            }
        }
        self.want(")", "after the points");
        let end = self.read_to();
        self.build(Kind::Table { input, points }, start..end)
    }
}
