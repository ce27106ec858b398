//! Errors on their way through a plan: ours go in and come out as they were, DataFusion's own become ours at the end.

use datafusion::error::DataFusionError;

use crate::{Error, ErrorKind};

/// Our error, for an operator to return.
pub(crate) fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The error of a plan as one of ours; `doing` says what the plan was for, such as "source `sales` can't be read".
pub(crate) fn from_datafusion(error: DataFusionError, doing: &str) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(ours) => *ours,
            Err(inner) => match inner.downcast::<DataFusionError>() {
                Ok(inner) => from_datafusion(*inner, doing),
                Err(inner) => unreadable(doing, inner),
            },
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_datafusion(*inner, doing),
        DataFusionError::ArrowError(inner, backtrace) => match *inner {
            arrow::error::ArrowError::ExternalError(inner) => from_datafusion(DataFusionError::External(inner), doing),
            inner => unreadable(doing, Box::new(DataFusionError::ArrowError(Box::new(inner), backtrace))),
        },
        DataFusionError::Shared(shared) => from_shared(&shared, doing),
        DataFusionError::ResourcesExhausted(reason) => out_of_memory(doing, &reason),
        other => unreadable(doing, Box::new(other)),
    }
}

/// Of an error that several partitions share, only a view is left.
fn from_shared(error: &DataFusionError, doing: &str) -> Error {
    let root = error.find_root();
    if let DataFusionError::External(inner) = root
        && let Some(ours) = inner.downcast_ref::<Error>()
    {
        return ours.copied();
    }
    match root {
        DataFusionError::ResourcesExhausted(reason) => out_of_memory(doing, reason),
        other => unreadable(doing, other.to_string().into()),
    }
}

fn out_of_memory(doing: &str, reason: &str) -> Error {
    // Who asked for how much, and what was left, comes last.
    let reason = reason.trim().lines().last().unwrap_or(reason).to_owned();
    let message = format!("{doing}: it needs more memory than it may have; allow more, or fewer threads");
    Error::new(ErrorKind::OutOfMemory, message).because(reason)
}

fn unreadable(doing: &str, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let kind = match error.downcast_ref::<DataFusionError>() {
        Some(DataFusionError::ObjectStore(_) | DataFusionError::IoError(_)) => ErrorKind::Unavailable,
        _ => ErrorKind::Corrupt,
    };
    Error::new(kind, doing).because(error)
}
