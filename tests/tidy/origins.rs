//! Numbers of the twins' worlds: each says in its comment what it rests on, or that nobody vouches for it.

use crate::source::{Breach, Source};
use syn::visit::Visit;

/// Where the numbers stand that a simulated world is made of.
const WORLDS: &str = "src/sim/world/";
/// What a comment may say of where a number comes from.
const MARKS: [&str; 5] = ["source:", "from memory", "our own", "by definition", "worked out"];
const REMEDY: &str =
    "say where it comes from: `Source: …`, `from memory`, `our own`, `worked out from …` or `by definition`";

/// Every constant with a number in it that does not say what it rests on. One without a comment of its own, straight below another,
/// rests on what that one says.
pub fn breaches(source: &Source) -> Vec<Breach> {
    if !source.path.starts_with(WORLDS) || source.test {
        return Vec::new();
    }
    let tree = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
    let mut consts = Consts::default();
    consts.visit_file(&tree);
    let mut found = Vec::new();
    let mut above: Option<(usize, bool)> = None;
    for Const { name, first, last, docs, numbers } in consts.list {
        let marked = match above {
            Some((line, marked)) if docs.is_empty() && line + 1 == first => marked,
            _ => MARKS.iter().any(|mark| docs.to_lowercase().contains(mark)),
        };
        if numbers && !marked {
            let what = format!("does not say what {name} rests on");
            found.push(Breach { file: source.path.clone(), line: first, what, remedy: REMEDY });
        }
        above = Some((last, marked));
    }
    found
}

struct Const {
    name: String,
    first: usize,
    last: usize,
    docs: String,
    numbers: bool,
}

#[derive(Default)]
struct Consts {
    list: Vec<Const>,
}

impl Consts {
    fn take(&mut self, name: &syn::Ident, attrs: &[syn::Attribute], expr: &syn::Expr, semi: syn::token::Semi) {
        let mut numbers = Numbers(false);
        numbers.visit_expr(expr);
        let (first, last) = (name.span().start().line, semi.span.end().line);
        self.list.push(Const { name: name.to_string(), first, last, docs: docs(attrs), numbers: numbers.0 });
    }
}

impl<'ast> Visit<'ast> for Consts {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let test = item.attrs.iter().any(|attr| attr.path().is_ident("cfg"));
        if !test {
            syn::visit::visit_item_mod(self, item);
        }
    }
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.take(&item.ident, &item.attrs, &item.expr, item.semi_token);
    }
    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.take(&item.ident, &item.attrs, &item.expr, item.semi_token);
    }
}

/// Whether there is a number other than nought and one, which are no measure of anything.
struct Numbers(bool);

impl<'ast> Visit<'ast> for Numbers {
    fn visit_lit(&mut self, lit: &'ast syn::Lit) {
        self.0 |= match lit {
            syn::Lit::Float(float) => !matches!(float.base10_digits(), "0.0" | "1.0"),
            syn::Lit::Int(int) => !matches!(int.base10_digits(), "0" | "1"),
            _ => false,
        };
    }
}

fn docs(attrs: &[syn::Attribute]) -> String {
    let lines = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(|attr| match &attr.meta {
        syn::Meta::NameValue(pair) => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        let source = Source::snippet(&["sim", "world", "hall"], text);
        breaches(&source).into_iter().map(|breach| breach.line).collect()
    }

    #[test]
    fn a_number_without_an_origin_is_found() {
        assert_eq!(found("/// In kg.\nconst MASS: f64 = 1.5;\n"), [2]);
        assert_eq!(found("const TURN: Span = Span::from_secs(5);\n"), [1]);
        assert_eq!(found("struct A;\nimpl A {\n    /// In N.\n    const F: A = A::of(7.0);\n}\n"), [4]);
        // The group ends where a line is between, and where a comment of its own says nothing.
        assert_eq!(found("/// Our own.\nconst A: f64 = 2.0;\n\nconst B: f64 = 3.0;\n"), [4]);
        assert_eq!(found("/// Our own.\nconst A: f64 = 2.0;\n/// In m.\nconst B: f64 = 3.0;\n"), [4]);
    }

    #[test]
    fn a_number_that_says_what_it_rests_on_is_let_be() {
        assert_eq!(found("/// In kg. Source: RotorS.\nconst MASS: f64 = 1.5;\n"), [] as [usize; 0]);
        assert_eq!(
            found("/// Of memory's\n/// kind: from memory.\nconst A: f64 = 2.0;\nconst B: f64 = 3.0;\n"),
            [] as [usize; 0]
        );
        assert_eq!(
            found("/// Nothing.\nconst ZERO: f64 = 0.0;\n#[cfg(test)]\nmod tests {\n    const T: f64 = 9.0;\n}\n"),
            [] as [usize; 0]
        );
        let elsewhere = Source::snippet(&["run", "fold"], "const LIMIT: f64 = 2.0;\n");
        assert!(breaches(&elsewhere).is_empty());
    }
}
