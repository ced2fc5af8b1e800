//! Words of other languages, and what to write here.

/// What stands before its operand elsewhere: the word, what to write.
const BEFORE: &[(&str, &str)] = &[
    ("globally", "write `always`"),
    ("G", "write `always`"),
    ("alw", "write `always`"),
    ("finally", "write `eventually`"),
    ("F", "write `eventually`"),
    ("ev", "write `eventually`"),
    ("future", "write `eventually`"),
    ("sometime", "write `eventually`, or for the past `once`"),
    ("H", "write `historically`"),
    ("O", "write `once`"),
    ("P", "write `once`"),
    ("next", "time is dense here: there is no next instant; write `eventually[0, 20 ms]`"),
    ("X", "time is dense here: there is no next instant; write `eventually[0, 20 ms]`"),
    ("prev", "time is dense here: there is no instant before; write `once[0, 20 ms]`"),
    ("previously", "time is dense here: there is no instant before; write `once[0, 20 ms]`"),
    ("Y", "time is dense here: there is no instant before; write `once[0, 20 ms]`"),
    ("if", "write `a implies b`"),
    ("when", "write `a implies b`, or `when:` on a line of its own"),
    ("whenever", "write `a implies b`, or `when:` on a line of its own"),
    ("never", "write `not`, or `never:` in place of `always:`"),
];

/// What stands between its operands elsewhere.
const BETWEEN: &[(&str, &str)] = &[
    ("xor", "write `not (a iff b)`"),
    ("U", "write `until`"),
    ("S", "write `since`"),
    ("W", "write `unless`"),
    ("weak_until", "write `unless`"),
    ("B", "write `backto`"),
    ("back_to", "write `backto`"),
    ("R", "write `b unless (a and b)` for `a release b`"),
    ("release", "write `b unless (a and b)` for `a release b`"),
    ("releases", "write `b unless (a and b)` for `a release b`"),
    ("then", "write `a implies b`"),
    ("else", "write `(a implies b) and (not a implies c)`"),
    ("is", "write `==`"),
    ("equals", "write `==`"),
    ("between", "write `x in 0 m .. 8 m`"),
    ("within", "write `x in 0 m .. 8 m`, or `eventually[0, 500 ms]`"),
    ("per", "units are written `km/h`"),
    ("mod", "there is no remainder of a division here"),
    ("for", "what must last is `historically[0, 500 ms]` or `always[0, 500 ms]`"),
    ("->", "write `implies`"),
];

/// Functions of other languages.
const FUNCTIONS: &[(&str, &str)] = &[
    ("derivative", "write `rate(x)`"),
    ("deriv", "write `rate(x)`"),
    ("der", "write `rate(x)`"),
    ("integral", "write `mean[10 s](x)`, and multiply its limit by the window"),
    ("average", "write `mean[10 s](x)`"),
    ("avg", "write `mean[10 s](x)`"),
    ("diff", "write `delta[1 s](x)`"),
    ("pow", "write a product: `x * x`"),
    ("hypot", "write `norm(x, y)`"),
    ("length", "write `norm(x, y)`"),
    ("distance", "write `norm(x, y)`"),
    ("tan", "write `sin(x) / cos(x)`"),
    ("inside", "write `outside([…], x, y) <= 0 m`"),
    ("stale", "write `age(x) > 60 ms`"),
    ("fresh", "write `age(x) <= 60 ms`"),
    ("rising", "write `rise(f)`"),
    ("falling", "write `fall(f)`"),
    ("lookup", "write `table(x: 0 m/s -> 2 m, 10 m/s -> 6 m)`"),
    ("interp", "write `table(x: 0 m/s -> 2 m, 10 m/s -> 6 m)`"),
    ("ite", "write `(a implies b) and (not a implies c)`"),
];

fn find(table: &'static [(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == word).map(|(_, remedy)| *remedy)
}

/// What to write for a word that elsewhere stands before its operand.
pub(super) fn before(word: &str) -> Option<&'static str> {
    find(BEFORE, word)
}

/// What to write for a word that elsewhere stands between its operands.
pub(super) fn between(word: &str) -> Option<&'static str> {
    find(BETWEEN, word)
}

/// What to write for a function of another language; operators written like functions count.
pub(super) fn function(word: &str) -> Option<&'static str> {
    find(FUNCTIONS, word).or_else(|| before(word)).or_else(|| between(word))
}
