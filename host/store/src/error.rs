//! What can go wrong, sorted by what the caller can do about it.

use std::fmt;
use std::path::PathBuf;

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error with a message that says what, where, and what would mend it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    location: Option<Location>,
    source: Option<Source>,
}

/// What the caller can do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The repository's files are wrong: mend them and run again.
    InvalidDefinition,
    /// The name is not in the registry: mend the name, or `apply` first.
    NotFound,
    /// The caller's rows or request are wrong: mend them.
    InvalidInput,
    /// Somebody else was faster: read again and repeat.
    Conflict,
    /// A transform failed a whole batch or broke a limit: mend the transform or its limits.
    Transform,
    /// The disk, the bucket or the store does not answer or is full: mend that, then repeat.
    Unavailable,
    /// The job may not have as much memory as it needs: allow it more, or another way of working.
    OutOfMemory,
    /// Stored data can't be read: it was damaged, or a newer version wrote it.
    Corrupt,
}

/// A place in a definition file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// the file
    pub file: PathBuf,
    /// the line, from 1
    pub line: usize,
    /// the column, from 1
    pub column: usize,
}

impl Error {
    /// An error of `kind`. The message starts in lower case, ends without a full stop, and names the thing
    /// and the value.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), location: None, source: None }
    }

    /// Says where in the definitions it went wrong.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Keeps the error underneath.
    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error once more, for another who waits for the same thing. What is underneath is kept as text.
    pub(crate) fn copied(&self) -> Self {
        let Self { kind, message, location, source } = self;
        let source = source.as_ref().map(|source| source.to_string().into());
        Self { kind: *kind, message: message.clone(), location: location.clone(), source }
    }

    /// What the caller can do next.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message alone, without location and sources.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where in the definitions it went wrong.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }
}

/// The whole story on one line: location, message, then each source that adds something.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Location { file, line, column }) = &self.location {
            write!(f, "{}:{line}:{column}: ", file.display())?;
        }
        f.write_str(&self.message)?;
        let mut source = self.source.as_deref().map(|source| source as &dyn std::error::Error);
        let mut said = self.message.clone();
        while let Some(error) = source {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // `Display` already tells the sources, so that a message is whole wherever it is shown.
        None
    }
}

macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {
        impl Error {
            $(
                #[doc = concat!("An error of kind [`ErrorKind::", stringify!($kind), "`].")]
                #[must_use]
                pub fn $name(message: impl Into<String>) -> Self {
                    Self::new(ErrorKind::$kind, message)
                }
            )*
        }
    };
}

constructors! {
    invalid_definition => InvalidDefinition,
    not_found => NotFound,
    invalid_input => InvalidInput,
    conflict => Conflict,
    transform => Transform,
    unavailable => Unavailable,
    corrupt => Corrupt,
}
