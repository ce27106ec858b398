//! Shared words: sets without order, since sorted words have one.

use std::collections::BTreeSet;

use skewless_sdk::transform;

/// How many words two texts share, of all their words: from 0 to 1; null where neither has one.
#[transform]
pub fn token_jaccard(
    /// A text.
    query: &str,
    /// Another one.
    title: &str,
) -> Option<f64> {
    let (query, title) = (words(query), words(title));
    let shared = query.intersection(&title).count();
    let all = query.len() + title.len() - shared;
    (all > 0).then(|| shared as f64 / all as f64)
}

/// The runs of ASCII letters and digits, in lower case, each once.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::token_jaccard;

    #[test]
    fn two_of_three_words_are_shared() {
        assert_eq!(token_jaccard("red shoes", "Shoes: running, RED"), Some(2.0 / 3.0));
    }

    #[test]
    fn nothing_is_shared_by_texts_without_words() {
        assert_eq!(token_jaccard("", "…"), None);
        assert_eq!(token_jaccard("", "red"), Some(0.0));
    }
}
