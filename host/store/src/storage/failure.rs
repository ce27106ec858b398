//! What a store's errors mean for whoever runs the job.

use std::error::Error as StdError;

use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

use crate::Error;

const REFUSES: &str = ", the store refuses: check the credentials in the environment and what they may do";

/// An error of the store while `doing` something, such as "list `s3://bucket/data`".
pub(crate) fn failure(doing: &str, error: StoreError) -> Error {
    let told = explain(doing, &error);
    match &error {
        // Nothing to add.
        StoreError::Precondition { .. } => told,
        _ => told.because(error),
    }
}

/// What `error` means, without its own words.
pub(crate) fn explain(doing: &str, error: &StoreError) -> Error {
    let hint = match error {
        StoreError::Precondition { path, .. } => {
            return Error::conflict(format!("`{path}` changed while it was read: run again once nobody writes there"));
        }
        error if answers(error, &["169.254.169.254", "metadata.google.internal"]) => {
            // Without credentials the clients ask the machine they run on, at an address that only clouds answer.
            ", there are no credentials in the environment (for S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        }
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => REFUSES,
        error
            if answers(
                error,
                &["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed"],
            ) =>
        {
            REFUSES
        }
        error if answers(error, &["NoSuchBucket", "ContainerNotFound"]) => ", there is no such bucket",
        error if is_kind(error, HttpErrorKind::Timeout) => ", the store does not answer in time",
        error if is_kind(error, HttpErrorKind::Connect) => ", the store can't be reached",
        _ => "",
    };
    Error::unavailable(format!("can't {doing}{hint}"))
}

/// The store's error beneath `error`, however deep.
pub(crate) fn store_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a StoreError> {
    causes(error).find_map(|cause| cause.downcast_ref::<StoreError>())
}

/// `error`, what caused it, what caused that, and so on.
pub(crate) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn is_kind(error: &StoreError, kind: HttpErrorKind) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<HttpError>()).any(|error| error.kind() == kind)
}

/// Whether one of the words is in what the store answered. Some of its refusals reach us as nothing but its answer.
fn answers(error: &StoreError, words: &[&str]) -> bool {
    let text = causes(error).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    words.iter().any(|word| text.contains(word))
}
