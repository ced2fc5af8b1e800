//! The name that was probably meant.

/// Names longer than this are not compared: nobody mistypes those, and the distance costs their square.
const LONGEST: usize = 120;

/// The candidate that the reader probably meant, if any is near enough: the same but for case first, then the only
/// one that ends in `.found`, then the one with the fewest typing slips (missing, extra, wrong or swapped letters),
/// at most one slip per three letters.
pub fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = found.chars().flat_map(char::to_lowercase).take(LONGEST + 1).collect();
    if wanted.is_empty() || wanted.len() > LONGEST {
        return None;
    }
    let allowed = if wanted.len() < 2 { 0 } else { wanted.len().max(3) / 3 };
    let mut best: Option<(usize, &'a str)> = None;
    let mut tails = Vec::new();
    for candidate in candidates {
        let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).take(LONGEST + 1).collect();
        if letters == wanted {
            return Some(candidate);
        }
        if letters.len() > wanted.len()
            && letters.ends_with(&wanted)
            && letters[letters.len() - wanted.len() - 1] == '.'
        {
            tails.push(candidate);
        }
        if letters.len().abs_diff(wanted.len()) > allowed || letters.len() > LONGEST {
            continue;
        }
        let slips = slips(&wanted, &letters);
        if slips <= allowed && best.is_none_or(|(least, _)| slips < least) {
            best = Some((slips, candidate));
        }
    }
    match tails[..] {
        [only] => Some(only),
        _ => best.map(|(_, candidate)| candidate),
    }
}

/// Damerau-Levenshtein distance in its "optimal string alignment" form: no part is edited twice.
fn slips(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let swap_out = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + swap_out);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: &str, names: &[&'static str]) -> Option<&'static str> {
        nearest(found, names.iter().copied())
    }

    #[test]
    fn finds_a_missing_letter_a_swap_and_a_wrong_letter() {
        let names = ["battery.voltage", "battery.current", "fc.altitude"];
        assert_eq!(near("batery.voltage", &names), Some("battery.voltage"));
        assert_eq!(near("fc.altiutde", &names), Some("fc.altitude"));
        assert_eq!(near("battery.vultage", &names), Some("battery.voltage"));
    }

    #[test]
    fn same_but_for_case_wins_over_a_nearer_distance() {
        assert_eq!(near("land", &["hand", "LAND"]), Some("LAND"));
    }

    #[test]
    fn a_name_without_its_device_is_completed_when_only_one_fits() {
        assert_eq!(near("altitude", &["fc.altitude", "fc.roll"]), Some("fc.altitude"));
        assert_eq!(near("altitude", &["fc.altitude", "baro.altitude"]), None);
    }

    #[test]
    fn strangers_and_giants_get_no_suggestion() {
        assert_eq!(near("x", &["y", "z"]), None);
        assert_eq!(near("temperature", &["fc.roll", "fc.pitch"]), None);
        assert_eq!(near("", &["a"]), None);
        assert_eq!(near(&"a".repeat(100_000), &["aaaa"]), None);
    }

    #[test]
    fn a_swap_is_one_slip() {
        let letters = |s: &str| s.chars().collect::<Vec<_>>();
        assert_eq!(slips(&letters("ab"), &letters("ba")), 1);
        assert_eq!(slips(&letters("kitten"), &letters("sitting")), 3);
    }
}
