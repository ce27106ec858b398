//! Markdown: one table a topic.

use std::fmt;

/// All tables, below a description of the machine.
pub(crate) struct Report {
    title: String,
    description: String,
    tables: Vec<Table>,
}

/// One topic.
pub(crate) struct Table {
    title: String,
    note: String,
    rows: Vec<Vec<String>>,
}

impl Report {
    pub(crate) fn new(title: &str, description: &str) -> Self {
        Self { title: title.to_owned(), description: description.to_owned(), tables: Vec::new() }
    }

    pub(crate) fn add(&mut self, table: Table) {
        self.tables.push(table);
    }

    pub(crate) fn put_first(&mut self, table: Table) {
        self.tables.insert(0, table);
    }
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, note: impl Into<String>) -> Self {
        Self { title: title.into(), note: note.into(), rows: Vec::new() }
    }

    /// A row; the first is the header.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {}\n\n{}", self.title, self.description)?;
        self.tables.iter().try_for_each(|table| write!(f, "\n{table}"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.title, self.note)?;
        for (index, row) in self.rows.iter().enumerate() {
            writeln!(f, "| {} |", row.join(" | "))?;
            if index == 0 {
                writeln!(f, "|---|{}", "---:|".repeat(row.len() - 1))?;
            }
        }
        Ok(())
    }
}

/// Three digits that count.
pub(crate) fn microseconds(value: f64) -> String {
    match value {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => grouped(value.round() as usize),
    }
}

/// "1.5×".
pub(crate) fn times(value: f64) -> String {
    match value {
        0.0..0.1 => format!("{value:.3}×"),
        0.1..10.0 => format!("{value:.2}×"),
        _ => format!("{value:.0}×"),
    }
}

/// "1 row", "8,192 rows".
pub(crate) fn rows(count: usize) -> String {
    format!("{} row{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// "8,192".
pub(crate) fn grouped(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
