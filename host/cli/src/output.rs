//! Where words go: results to standard output, everything else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

/// How much to say, and to whom.
#[derive(Debug)]
pub(crate) struct Output {
    quiet: bool,
    coloured: bool,
    stderr_is_terminal: bool,
}

impl Output {
    pub(crate) fn new(quiet: bool) -> Self {
        // https://no-color.org
        let colours_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let stderr_is_terminal = io::stderr().is_terminal();
        Self { quiet, coloured: colours_wanted && io::stdout().is_terminal() && stderr_is_terminal, stderr_is_terminal }
    }

    pub(crate) fn stderr_is_terminal(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Whether somebody watches who wants to know how far it is.
    pub(crate) fn shows_progress(&self) -> bool {
        self.stderr_is_terminal && !self.quiet
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a result, and ends it with one line break.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.trim_end_matches('\n').as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// Prints a result for programs.
    pub(crate) fn print_json(&self, value: &impl Serialize) -> io::Result<()> {
        self.print(&serde_json::to_string_pretty(value).expect("what verbs print is plain data with texts as keys"))
    }

    /// Says something besides the result, unless nobody wants to hear it.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    pub(crate) fn green(&self, text: &str) -> String {
        self.styled(AnsiColor::Green.on_default(), text)
    }

    pub(crate) fn yellow(&self, text: &str) -> String {
        self.styled(AnsiColor::Yellow.on_default(), text)
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.styled(AnsiColor::Red.on_default().bold(), text)
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
