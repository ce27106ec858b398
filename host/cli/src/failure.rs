//! Why a verb failed, and how that is told: on a terminal with the line of the file in question, in a pipe on one line.

use std::fmt;
use std::io;
use std::process::ExitCode;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use skewless_store::Location;

use crate::output::Output;

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a verb failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library says so.
    Store(skewless_store::Error),
    /// It can't be done, for a reason of the command line's own.
    Impossible(String),
    /// It was asked for in a way that makes no sense.
    Usage(String),
    /// Nobody reads the result any more, or the disk it goes to is full.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn impossible(message: impl Into<String>) -> Self {
        Self::Impossible(message.into())
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// A file that can't be used, for the reason the system gives.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::Impossible(format!("can't {doing} `{}`: {error}", path.display()))
    }

    /// Tells the user, and gives the status to exit with: 1, or 2 for wrong usage.
    pub(crate) fn report(&self, output: &Output) -> ExitCode {
        match self {
            // Like `head`, who has seen enough: not a failure.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Self::Store(error) if output.stderr_is_terminal() => match pointing(error) {
                Some(report) => eprintln!("{report:?}"),
                None => eprintln!("{} {error}", output.red("error:")),
            },
            _ => eprintln!("{} {self}", output.red("error:")),
        }
        ExitCode::from(if matches!(self, Self::Usage(_)) { 2 } else { 1 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::Impossible(message) | Self::Usage(message) => f.write_str(message),
            Self::Output(error) => write!(f, "can't write the result: {error}"),
        }
    }
}

impl From<skewless_store::Error> for Failure {
    fn from(error: skewless_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<skewless_runtime::Error> for Failure {
    fn from(error: skewless_runtime::Error) -> Self {
        Self::Impossible(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// The error with the lines of the file that it is about; `None` where there is no file to show.
fn pointing(error: &skewless_store::Error) -> Option<Report> {
    let location = error.location()?;
    let text = std::fs::read_to_string(&location.file).ok()?;
    let (start, length) = span(&text, location)?;
    let file = location.file.display().to_string();
    let place = format!("{file}:{}:{}: ", location.line, location.column);
    let message = error.to_string();
    let message = message.strip_prefix(&place).unwrap_or(&message);
    let diagnostic = MietteDiagnostic::new(message).with_label(LabeledSpan::new(None, start, length));
    Some(Report::new(diagnostic).with_source_code(NamedSource::new(file, text)))
}

/// The bytes of the word at `location`, as offset and length.
fn span(text: &str, location: &Location) -> Option<(usize, usize)> {
    let line_start: usize = text.split_inclusive('\n').take(location.line - 1).map(str::len).sum();
    let line = text.get(line_start..)?.lines().next()?;
    let column = line.char_indices().nth(location.column - 1).map_or(line.len(), |(offset, _)| offset);
    let word = &line[column..];
    let ends = |c: char| c.is_whitespace() || ",]}".contains(c);
    let length = word.find(ends).filter(|length| *length > 0).unwrap_or(word.len());
    Some((line_start + column, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, line: usize, column: usize) -> Option<&str> {
        let location = Location { file: "x.yaml".into(), line, column };
        span(text, &location).map(|(start, length)| &text[start..start + length])
    }

    #[test]
    fn finds_the_word_at_a_place() {
        let text = "entities:\n  - {name: plän, type: int}\n";
        assert_eq!(word(text, 1, 1), Some("entities:"));
        assert_eq!(word(text, 2, 12), Some("plän"));
        assert_eq!(word(text, 2, 24), Some("int"));
        assert_eq!(word(text, 2, 99), Some(""));
        assert_eq!(word(text, 9, 1), None);
    }
}
