//! The one place where a transform is called.
//!
//! Training sets, materialization and requests all end up in [`compute`] with a batch of inputs; whether it has one row
//! or a million, and where the rows come from, can't be seen from inside.

use arrow::array::RecordBatch;
use skewless_runtime::{Limits, Output, Transform};

use crate::definitions::LimitsDefinition;
use crate::{Error, ErrorKind, Result};

/// A transform as it was applied: the component and the limits of its calls.
#[derive(Clone)]
pub struct AppliedComponent {
    /// the loaded component
    pub transform: Transform,
    /// the limits that its definition sets; the rest is up to the caller
    pub limits: LimitsDefinition,
}

/// Computes a transform's outputs for the rows of `inputs`, which holds its inputs by name.
///
/// # Errors
/// [`ErrorKind::Transform`] where the transform fails as a whole, traps or breaks a limit.
pub(crate) fn compute(component: &AppliedComponent, inputs: &RecordBatch, defaults: Limits) -> Result<Output> {
    let limits = component.limits.over(defaults);
    component.transform.apply(inputs, &limits).map_err(|error| {
        let kind = match error {
            skewless_runtime::Error::Overloaded { .. } => ErrorKind::Unavailable,
            _ => ErrorKind::Transform,
        };
        Error::new(kind, error.to_string())
    })
}

impl LimitsDefinition {
    /// The limits of a call: what is defined here, else what `defaults` says.
    pub(crate) fn over(&self, defaults: Limits) -> Limits {
        let bytes = |bytes: Option<u64>, default: usize| {
            bytes.map_or(default, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
        };
        Limits {
            memory_bytes_max: bytes(self.memory_bytes, defaults.memory_bytes_max),
            output_bytes_max: bytes(self.output_bytes, defaults.output_bytes_max),
            deadline: self.deadline_ms.map_or(defaults.deadline, std::time::Duration::from_millis),
            ..defaults
        }
    }
}
