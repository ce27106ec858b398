//! What went wrong while files were read, in one sentence.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::Owner;
use crate::storage::{causes, explain, store_error};
use crate::{Error, ErrorKind};

/// The error of reading the files of `owner`. An error of our own that passed through a plan comes out as it was.
pub(super) fn read_failure(owner: &Owner, error: DataFusionError) -> Error {
    let error = match ours(error) {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    if let DataFusionError::ResourcesExhausted(reason) = error.find_root() {
        return Error::unavailable(format!("there is not enough memory to read {owner}: {reason}"));
    }
    let told = match store_error(&error) {
        Some(store_error) => explain(&format!("read {owner}"), store_error),
        None => owner.damaged(format!("{owner} can't be read")),
    };
    match (told.kind(), store_error(&error)) {
        // That a file changed says it all.
        (ErrorKind::Conflict, _) => told,
        (_, Some(store_error)) => told.because(store_error.to_string()),
        (_, None) => told.because(innermost(&error)),
    }
}

/// What was wrong in the first place, without the names of all that passed it on.
pub(super) fn innermost(error: &DataFusionError) -> String {
    let first = causes(error).last().map(ToString::to_string).unwrap_or_default();
    first.replace('\n', " ")
}

/// Our error, if a plan carries it; else the plan's.
fn ours(error: DataFusionError) -> Result<Error, DataFusionError> {
    match error {
        DataFusionError::External(inner) => {
            inner.downcast::<Error>().map(|ours| *ours).map_err(DataFusionError::External)
        }
        DataFusionError::ArrowError(inner, context) => match *inner {
            ArrowError::ExternalError(inner) => inner
                .downcast::<Error>()
                .map(|ours| *ours)
                .map_err(|inner| DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(inner)), context)),
            other => Err(DataFusionError::ArrowError(Box::new(other), context)),
        },
        DataFusionError::Context(context, inner) => {
            ours(*inner).map_err(|inner| DataFusionError::Context(context, Box::new(inner)))
        }
        other => Err(other),
    }
}
