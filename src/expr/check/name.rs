//! Names: signals, definitions, parameters.

use super::{Checker, Meaning, Nature, Number, Parsed, Truth, Values, ir};
use crate::diag::nearest;
use crate::expr::parse::parse;
use crate::expr::syntax::{Kind, Node};
use crate::signal::{SignalId, SignalKind};
use crate::units::{Quantity, Unit};
use std::ops::Range;
use std::rc::Rc;

/// Names that only a scenario may speak of.
const RUN_NAMES: &[&str] = &["phase", "step"];

impl Checker<'_> {
    /// The signal of that name, noted as read; reports why not.
    pub(super) fn signal(&mut self, name: &str, span: Range<usize>) -> Option<SignalId> {
        if RUN_NAMES.contains(&name) && !self.scope.run_names {
            let message = format!("`{name}` is not known here: an envelope holds in every scenario");
            self.error(span, message, Some("move the rule to `rules:` of the scenario".into()));
            return None;
        }
        let Some(id) = self.scope.signals.find(name) else {
            self.unknown(name, span);
            return None;
        };
        if !self.signals.contains(&id) {
            self.signals.push(id);
        }
        Some(id)
    }

    fn unknown(&mut self, name: &str, span: Range<usize>) {
        if matches!(name, "true" | "false") {
            let remedy = "write the flag alone: `fc.armed`, `not fc.armed`";
            self.error(span, format!("`{name}` is not part of the formula language"), Some(remedy.into()));
            return;
        }
        let run_names = self.scope.run_names;
        let signals = self.scope.signals.names().filter(|name| run_names || !RUN_NAMES.contains(name));
        let near = nearest(name, signals.chain(self.scope.defines.keys().map(String::as_str)));
        let remedy = match near {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if self.scope.parameters.is_some_and(|all| all.contains_key(name)) => {
                Some(format!("a parameter is written `${name}`"))
            }
            None if self.state_elsewhere(name).is_some() => self.state_elsewhere(name),
            None if !name.contains('.') => Some("signals are written `device.name`".into()),
            None => None,
        };
        self.error(span, format!("unknown signal `{name}`"), remedy);
    }

    /// What to write for the name of a state that stands alone, as in `mode == LAND or RTL`.
    fn state_elsewhere(&self, name: &str) -> Option<String> {
        let run_names = self.scope.run_names;
        let (_, def) = self.scope.signals.iter().find(|(_, def)| {
            let known = run_names || !RUN_NAMES.contains(&def.name.as_str());
            known && matches!(&def.kind, SignalKind::States { names } if names.iter().any(|state| state == name))
        })?;
        Some(format!("it is a state of `{0}`: write `{0} == {name}`, or `{0} in {{…, {name}}}`", def.name))
    }

    /// The signal that a node names, directly or through a definition that is nothing but a name.
    pub(super) fn signal_of(&mut self, node: &Node, wanted_by: &str) -> Option<SignalId> {
        if let Kind::Name(name) = &node.kind {
            if self.scope.signals.find(name).is_none()
                && let Some(parsed) = self.parsed(name)
            {
                if let (Kind::Name(target), true) = (&parsed.node.kind, parsed.problems.is_empty())
                    && self.scope.signals.find(target).is_some()
                {
                    return self.signal(target, node.span.clone());
                }
                let message = format!("`{wanted_by}` looks at samples of one signal; `{name}` is a definition");
                self.error(node.span.clone(), message, None);
                return None;
            }
            return self.signal(name, node.span.clone());
        }
        if !matches!(node.kind, Kind::Broken) {
            let message = format!("`{wanted_by}` looks at samples of one signal; this is `{}`", self.shown(node));
            let remedy = match wanted_by {
                "rate" => Some("a change over time of anything: `delta[1 s](x)`".into()),
                "changed" if node.is_surely_formula() => {
                    Some(format!("when it becomes true or false: `rise({0}) or fall({0})`", self.shown(node)))
                }
                _ => None,
            };
            self.error(node.span.clone(), message, remedy);
        }
        None
    }

    /// What a bare name means.
    pub(super) fn name(&mut self, name: &str, node: &Node) -> Option<Meaning> {
        if self.scope.signals.find(name).is_none()
            && let Some(parsed) = self.parsed(name)
        {
            return self.written_out(name, &parsed, node);
        }
        let id = self.signal(name, node.span.clone())?;
        let signals = self.scope.signals;
        match &signals.def(id).kind {
            SignalKind::Number { unit, range } => {
                self.read.push(unit.clone());
                let (values, unbounded) = match range {
                    Some((lo, hi)) => (Values::new(*lo, *hi), Vec::new()),
                    None => (Values::ALL, vec![name.to_owned()]),
                };
                Some(Meaning::Number(Number {
                    ir: ir::Number::Signal(id),
                    dimension: unit.dimension,
                    nature: if unit.is_absolute() { Nature::Absolute } else { Nature::Plain },
                    values,
                    sloped: None,
                    unbounded,
                    shown: name.to_owned(),
                    unit: unit.clone(),
                }))
            }
            SignalKind::Flag => Some(Meaning::Truth(Truth { ir: ir::Formula::Flag(id), always: None })),
            SignalKind::States { names } => {
                let message = format!("`{name}` is a state and says nothing alone");
                let remedy = names.first().map(|first| format!("write `{name} == {first}`"));
                self.error(node.span.clone(), message, remedy);
                None
            }
            SignalKind::Pulse => {
                let message = format!("`{name}` is an event without a value");
                self.error(node.span.clone(), message, Some(format!("write `age({name})` or `changed({name})`")));
                None
            }
        }
    }

    /// The definition of that name, read once.
    fn parsed(&mut self, name: &str) -> Option<Rc<Parsed>> {
        let (name, text) = self.scope.defines.get_key_value(name)?;
        let read = || {
            let (node, problems) = parse(text);
            Rc::new(Parsed { text: Rc::from(text.as_str()), node, problems })
        };
        Some(self.parsed.entry(name).or_insert_with(read).clone())
    }

    fn written_out(&mut self, name: &str, parsed: &Parsed, node: &Node) -> Option<Meaning> {
        if let Some(start) = self.chain.iter().position(|one| one == name) {
            let mut circle: Vec<&str> = self.chain[start..].iter().map(String::as_str).collect();
            circle.push(name);
            let message = format!("this definition goes round in a circle: {}", circle.join(" → "));
            self.error(node.span.clone(), message, None);
            return None;
        }
        let outer_text = std::mem::replace(&mut self.text, parsed.text.clone());
        let outer_site = self.site.clone();
        self.site.get_or_insert_with(|| node.span.clone());
        self.chain.push(name.to_owned());
        for problem in &parsed.problems {
            self.error(problem.span.clone(), problem.message.clone(), problem.remedy.clone());
        }
        let meaning = if parsed.problems.is_empty() { self.meaning(&parsed.node) } else { None };
        self.chain.pop();
        self.site = outer_site;
        self.text = outer_text;
        meaning.map(|meaning| match meaning {
            Meaning::Number(number) => Meaning::Number(Number { shown: name.to_owned(), ..number }),
            truth => truth,
        })
    }

    /// `$name`.
    pub(super) fn parameter(&mut self, name: &str, node: &Node) -> Option<Number> {
        let Some(known) = self.scope.parameters else {
            let message = format!("`${name}`: an envelope holds in every scenario and knows no parameters");
            self.error(node.span.clone(), message, Some("write the quantity itself".into()));
            return None;
        };
        let Some(quantity) = known.get(name) else {
            let near = nearest(name, known.keys().map(String::as_str));
            let remedy = near.map(|near| format!("did you mean `${near}`?"));
            self.error(node.span.clone(), format!("unknown parameter `${name}`"), remedy);
            return None;
        };
        if !self.parameters.iter().any(|one| one == name) {
            self.parameters.push(name.to_owned());
        }
        Some(self.quantity(quantity, node))
    }

    /// A quantity as written.
    pub(super) fn quantity(&mut self, quantity: &Quantity, node: &Node) -> Number {
        let unit: Unit = quantity.unit.clone();
        self.written.push(unit.clone());
        let si = quantity.si();
        Number {
            ir: ir::Number::Constant(si),
            dimension: unit.dimension,
            nature: if unit.is_absolute() { Nature::Absolute } else { Nature::Plain },
            values: Values::point(si),
            sloped: None,
            unbounded: Vec::new(),
            shown: self.shown(node),
            unit,
        }
    }
}
