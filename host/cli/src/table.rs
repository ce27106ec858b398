//! Tables of text: aligned columns without lines, which people can read and `awk` can split.

use comfy_table::{CellAlignment, ContentArrangement, presets};

/// A table that grows row by row.
pub(crate) struct Table {
    inner: comfy_table::Table,
}

impl Table {
    /// A table with these headings; a heading that starts with `>` stands over numbers, which are aligned to the right.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        inner.set_header(headings.map(|heading| heading.trim_start_matches('>').to_uppercase()));
        for (column, heading) in inner.column_iter_mut().zip(headings) {
            column.set_padding((0, 2));
            if heading.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { inner }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.inner.add_row(cells.map(|cell| one_line(&cell)));
    }

    pub(crate) fn with_rows<const N: usize>(mut self, rows: impl IntoIterator<Item = [String; N]>) -> Self {
        rows.into_iter().for_each(|cells| self.row(cells));
        self
    }

    /// The table's lines, each behind `indent`.
    pub(crate) fn indented(&self, indent: &str) -> String {
        self.inner.lines().map(|line| format!("{indent}{}\n", line.trim_end())).collect()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.indented(""))
    }
}

/// Texts of several lines, such as documentation, as one.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { singular } else { plural })
}

/// A share in percent with one digit, empty where there is none; what is not quite none or all does not look like it.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (0, _) => String::new(),
        (part, whole) if part == whole => "100 %".to_owned(),
        (part, whole) => {
            let percent = part as f64 * 100.0 / whole as f64;
            format!("{:.1} %", percent.clamp(0.1, 99.9))
        }
    }
}

/// The beginning of a digest, enough for people to tell two apart.
pub(crate) fn short_digest(digest: &str) -> &str {
    &digest[..digest.floor_char_boundary("sha256:".len() + 12)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_where_their_text_does() {
        let table = Table::new(["name", ">rows", "doc"]).with_rows([
            ["a".to_owned(), "5".to_owned(), "two\n   lines".to_owned()],
            ["long_name".to_owned(), "12,345".to_owned(), String::new()],
        ]);
        insta::assert_snapshot!(table, @r"
        NAME         ROWS  DOC
        a               5  two lines
        long_name  12,345
        ");
    }

    #[test]
    fn numbers_are_grouped_and_shares_are_honest() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(percent(0, 10), "");
        assert_eq!(percent(10, 10), "100 %");
        assert_eq!(percent(1, 1_000_000), "0.1 %");
        assert_eq!(percent(999_999, 1_000_000), "99.9 %");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(counted(2_000, "row", "rows"), "2,000 rows");
    }

    #[test]
    fn a_short_digest_never_panics() {
        assert_eq!(short_digest("sha256:ba7816bf8f01cfea414140de"), "sha256:ba7816bf8f01");
        assert_eq!(short_digest("x"), "x");
    }
}
