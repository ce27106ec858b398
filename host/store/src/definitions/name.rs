//! What a name may be, and which name somebody probably meant.

use std::collections::BTreeSet;

/// How many known names a message lists.
const SHOWN_MAX: usize = 12;

/// The rule for names, as the JSON Schema states it.
pub(crate) const NAME_PATTERN: &str = "^[a-z][a-z0-9_]{0,63}$";

/// Whether `name` is a lower-case letter, followed by at most 63 lower-case letters, digits and `_`.
#[must_use]
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The rule in words, for messages.
pub(crate) const NAME_RULE: &str = "a name starts with a lower-case letter, goes on with lower-case letters, digits \
                                    and `_`, and has at most 64 characters";

/// The known name that differs least from `name`, where that is little enough to be a slip.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let slip = 1 + length / 4;
    // A name of another length is at least as far away; so a long one, which anybody can send, takes no time.
    let known = known.into_iter().filter(|candidate| candidate.chars().count().abs_diff(length) <= slip);
    let distances = known.map(|candidate| (distance(name, candidate), candidate));
    distances.filter(|(distance, _)| *distance <= slip).min().map(|(_, candidate)| candidate)
}

/// "unknown `kind` `name`", with the known name that was probably meant, or all of them.
pub(crate) fn unknown<'a>(kind: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    format!("unknown {kind} `{name}`: {}", hint(name, known))
}

/// The known name that was probably meant, or all of them, as the end of a message.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: BTreeSet<_> = known.into_iter().collect();
    if let Some(nearest) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{nearest}`?");
    }
    let shown: Vec<_> = known.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect();
    match known.len() {
        0 => "there is none yet".to_owned(),
        1..=SHOWN_MAX => format!("known are {}", shown.join(", ")),
        _ => format!("known are {}, …", shown.join(", ")),
    }
}

/// How many characters must be added, dropped or replaced to make `b` of `a` (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let mut row: Vec<_> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_name_when_it_sees_one() {
        let (longest, too_long) = ("a".repeat(64), "a".repeat(65));
        for name in ["a", "wind_speed", "p99", longest.as_str()] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "Wind", "9p", "_a", "wind-speed", "a b", "é", "a:b", too_long.as_str()] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn measures_the_distance_of_two_words() {
        for (a, b, expected) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("weather", "wether", 1)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn suggests_a_slip_and_nothing_far_fetched() {
        let known = ["weather", "plane_facts", "carrier"];
        assert_eq!(nearest("wether", known), Some("weather"));
        assert_eq!(nearest("plane_fact", known), Some("plane_facts"));
        assert_eq!(nearest("airport", known), None);
    }

    #[test]
    fn names_what_is_known_where_nothing_is_near() {
        insta::assert_snapshot!(unknown("source", "x", []), @"unknown source `x`: there is none yet");
        insta::assert_snapshot!(unknown("source", "airport", ["weather", "plane"]), @"unknown source `airport`: known are `plane`, `weather`");
    }
}
