//! What is known of a value besides the value.

use std::fmt;

/// Why a value is there or isn't. The words are Feast's (`FieldStatus` of its serving protocol).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// A value.
    Present,
    /// A null: stored as null, or computed as null.
    NullValue,
    /// The entity has no row in the feature view.
    NotFound,
    /// The newest row is older than the view's ttl; the value is withheld.
    OutsideMaxAge,
    /// The transform failed on this row; the value is null.
    Invalid,
}

impl Status {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NullValue => "NULL_VALUE",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
            Self::Invalid => "INVALID",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
