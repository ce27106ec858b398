//! The elements of a JSON list, one at a time and never all at once.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::RequestError;
use super::scalar::Scalar;

/// Hands each element of the list `raw` to `take`, until that returns an error; returns how many there were.
///
/// `path` is called with the number of elements taken so far, for messages.
///
/// # Errors
/// What `take` returns; [`RequestError::Shape`] where `raw` is no list, [`RequestError::Unreadable`] where an element
/// can't be read.
pub(super) fn each<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    path: impl Fn(Option<usize>) -> String,
    expected: &'static str,
    take: impl FnMut(usize, T) -> Result<(), RequestError>,
) -> Result<usize, RequestError> {
    if !raw.get().starts_with('[') {
        let found = scalar(raw, || path(None))?.to_string();
        return Err(RequestError::Shape { path: path(None), found, expected });
    }
    let mut taken = 0;
    let visitor = EachVisitor { take, taken: &mut taken, element: PhantomData };
    let outcome = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(visitor);
    // What is no JSON was refused when `raw` was read, so that only a number or an escape can be left.
    outcome.map_err(|_| RequestError::Unreadable { path: path(Some(taken)) })??;
    Ok(taken)
}

/// The value `raw`, from outside.
///
/// # Errors
/// [`RequestError::Unreadable`] for a number that is out of range and a string with a broken escape.
pub(super) fn scalar<'a>(raw: &'a RawValue, path: impl FnOnce() -> String) -> Result<Scalar<'a>, RequestError> {
    serde_json::from_str(raw.get()).map_err(|_| RequestError::Unreadable { path: path() })
}

struct EachVisitor<'t, T, F> {
    take: F,
    taken: &'t mut usize,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(usize, T) -> Result<(), RequestError>> Visitor<'de> for EachVisitor<'_, T, F> {
    type Value = Result<(), RequestError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while let Some(element) = sequence.next_element()? {
            if let Err(error) = (self.take)(*self.taken, element) {
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Err(error));
            }
            *self.taken += 1;
        }
        Ok(Ok(()))
    }
}
