//! Why a value that was served is another one than a training set has.

use serde::Serialize;

/// Why a value differs. The first that fits is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The value, or one it is computed from, was made by another component than is applied now.
    ComponentVersion,
    /// The source has a row that was not there yet: its created timestamp is later than the request.
    ArrivedLate,
    /// The source has another value for the very row that was served, or no such row any more.
    RevisedValue,
    /// One side found the row past its ttl, the other did not.
    TtlEdge,
    /// The source has a newer row that was not in the online store when it was asked.
    NotYetMaterialized,
    /// The online store had no row of the entity although it was materialized; or the source has none any more.
    MissingEntity,
    /// The same number with other bits, or another type than was served.
    TypeOrCodec,
    /// The transform failed on the row, on one side.
    FailedRow,
    /// None of these.
    Unexplained,
}

impl Cause {
    /// Every cause, in the order in which they are looked for.
    pub const ALL: [Self; 9] = [
        Self::ComponentVersion,
        Self::ArrivedLate,
        Self::RevisedValue,
        Self::TtlEdge,
        Self::NotYetMaterialized,
        Self::MissingEntity,
        Self::TypeOrCodec,
        Self::FailedRow,
        Self::Unexplained,
    ];

    /// The cause in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ComponentVersion => "different component version",
            Self::ArrivedLate => "row arrived late",
            Self::RevisedValue => "revised value",
            Self::TtlEdge => "expired on one side",
            Self::NotYetMaterialized => "not yet materialized",
            Self::MissingEntity => "missing entity",
            Self::TypeOrCodec => "type or codec",
            Self::FailedRow => "failed row",
            Self::Unexplained => "unexplained",
        }
    }
}

/// A cause, and of a row that was not yet materialized how long it had been there, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Explained {
    pub(super) cause: Cause,
    pub(super) age: Option<i64>,
}

impl From<Cause> for Explained {
    fn from(cause: Cause) -> Self {
        Self { cause, age: None }
    }
}

/// A row of a view as one side found it; times in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// `PRESENT`, `NOT_FOUND`, `OUTSIDE_MAX_AGE`
    pub(super) status: &'a str,
    pub(super) event_timestamp: Option<i64>,
    pub(super) created_timestamp: Option<i64>,
    /// the first digits of the component's digest
    pub(super) component: &'a str,
}

/// How two values that differ relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// other values
    Other,
    /// one number with other bits
    SameNumber,
    /// values of two types
    OtherTypes,
}

/// Why a stored value that was `logged` differs from the one in the source, for a request about the instant `at`.
/// `materialized` says whether an instant had been materialized when the request was served.
pub(super) fn stored(
    logged: Found<'_>,
    source: Found<'_>,
    values: Values,
    at: i64,
    materialized: impl Fn(i64) -> bool,
) -> Explained {
    const EXPIRED: &str = "OUTSIDE_MAX_AGE";
    let (served, found) = (logged.event_timestamp, source.event_timestamp);
    if served.is_some() && found.is_some() && logged.component != source.component {
        return Cause::ComponentVersion.into();
    }
    if served != found && found.is_some() && source.created_timestamp.is_some_and(|created| created > at) {
        return Cause::ArrivedLate.into();
    }
    let withdrawn = served.is_some_and(|served| found.is_some_and(|found| found < served));
    let same_row = served.is_some() && served == found && logged.status == source.status;
    if withdrawn || (same_row && values == Values::Other) {
        return Cause::RevisedValue.into();
    }
    if (logged.status == EXPIRED) != (source.status == EXPIRED) {
        return Cause::TtlEdge.into();
    }
    if let Some(found) = found
        && (served.is_some_and(|served| served < found) || (served.is_none() && !materialized(found)))
    {
        let since = source.created_timestamp.map_or(found, |created| created.max(found));
        return Explained { cause: Cause::NotYetMaterialized, age: Some(at.saturating_sub(since)) };
    }
    if served.is_none() != found.is_none() {
        return Cause::MissingEntity.into();
    }
    match values {
        Values::SameNumber | Values::OtherTypes => Cause::TypeOrCodec.into(),
        Values::Other => Cause::Unexplained.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const AT: i64 = 100 * HOUR;

    fn row(event: i64, created: Option<i64>) -> Found<'static> {
        Found { status: "PRESENT", event_timestamp: Some(event), created_timestamp: created, component: "" }
    }

    const NONE: Found<'static> =
        Found { status: "NOT_FOUND", event_timestamp: None, created_timestamp: None, component: "" };

    fn explain(logged: Found<'_>, source: Found<'_>) -> (Cause, Option<i64>) {
        let explained = stored(logged, source, Values::Other, AT, |instant| instant <= 50 * HOUR);
        (explained.cause, explained.age.map(|age| age / HOUR))
    }

    #[test]
    fn each_cause_has_its_signs_and_the_first_counts() {
        let old = row(10 * HOUR, None);
        let expired = Found { status: "OUTSIDE_MAX_AGE", ..old };
        assert_eq!(explain(Found { component: "a", ..old }, row(20 * HOUR, None)), (Cause::ComponentVersion, None));
        assert_eq!(explain(old, row(90 * HOUR, Some(AT + 1))), (Cause::ArrivedLate, None));
        assert_eq!(explain(NONE, row(90 * HOUR, Some(AT + 1))), (Cause::ArrivedLate, None));
        assert_eq!(explain(old, row(10 * HOUR, Some(AT + 1))), (Cause::RevisedValue, None));
        assert_eq!(explain(old, row(9 * HOUR, None)), (Cause::RevisedValue, None));
        assert_eq!(explain(old, expired), (Cause::TtlEdge, None));
        assert_eq!(explain(expired, row(90 * HOUR, None)), (Cause::TtlEdge, None));
        assert_eq!(explain(old, row(90 * HOUR, Some(AT))), (Cause::NotYetMaterialized, Some(0)));
        assert_eq!(explain(old, row(90 * HOUR, None)), (Cause::NotYetMaterialized, Some(10)));
        assert_eq!(explain(NONE, row(51 * HOUR, None)), (Cause::NotYetMaterialized, Some(49)));
        assert_eq!(explain(NONE, row(50 * HOUR, None)), (Cause::MissingEntity, None));
        assert_eq!(explain(old, NONE), (Cause::MissingEntity, None));
        assert_eq!(explain(NONE, NONE), (Cause::Unexplained, None));
        let same = |values| stored(old, old, values, AT, |_| true).cause;
        assert_eq!(same(Values::SameNumber), Cause::TypeOrCodec);
        assert_eq!(same(Values::OtherTypes), Cause::TypeOrCodec);
        assert_eq!(same(Values::Other), Cause::RevisedValue);
    }
}
