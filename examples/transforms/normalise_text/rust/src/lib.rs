//! Texts in one form: tables that travel in the component.

use skewless_sdk::transform;
use unicode_normalization::UnicodeNormalization;

/// The text in Unicode's form NFKC, with A to Z in lower case, and each run of white space as one space.
#[transform]
pub fn normalise_text(
    /// A text as somebody typed it.
    text: &str,
) -> String {
    let form: String = text.nfkc().collect();
    let words: Vec<&str> =
        form.split([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']).filter(|word| !word.is_empty()).collect();
    words.join(" ").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::normalise_text;

    #[test]
    fn composed_and_decomposed_are_one() {
        assert_eq!(normalise_text("Cafe\u{301}"), normalise_text("CAF\u{e9}".to_lowercase().as_str()));
    }

    #[test]
    fn white_space_is_one_space_between_words() {
        assert_eq!(normalise_text("\t a\u{a0}\n b "), "a b");
    }
}
