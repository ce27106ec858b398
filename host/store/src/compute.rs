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
    let name = &component.transform.signature().name;
    let _span = tracing::info_span!("transform", transform = %name, rows = inputs.num_rows()).entered();
    component.transform.apply(inputs, &limits).map_err(|error| match error {
        skewless_runtime::Error::Overloaded { .. } => Error::new(ErrorKind::Unavailable, error.to_string()),
        // Whoever reads it wants to know which version of the transform it was.
        _ => Error::new(ErrorKind::Transform, format!("{error}; its component is {}", component.transform.digest())),
    })
}

impl LimitsDefinition {
    /// The limits of a call: what is defined here, else what `defaults` says.
    pub(crate) fn over(&self, defaults: Limits) -> Limits {
        let given = |limit: Option<u64>, default: usize| {
            limit.map_or(default, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
        };
        Limits {
            memory_bytes_max: given(self.memory_bytes, defaults.memory_bytes_max),
            table_elements_max: given(self.table_elements, defaults.table_elements_max),
            deadline: self.deadline_ms.map_or(defaults.deadline, std::time::Duration::from_millis),
            calls_max: given(self.calls, defaults.calls_max),
            rows_max: given(self.rows, defaults.rows_max),
            input_bytes_max: given(self.input_bytes, defaults.input_bytes_max),
            output_bytes_max: given(self.output_bytes, defaults.output_bytes_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_definition_says_holds_and_the_rest_is_up_to_the_caller() {
        let given = LimitsDefinition {
            memory_bytes: Some(1),
            table_elements: Some(2),
            deadline_ms: Some(3),
            calls: Some(4),
            rows: Some(5),
            input_bytes: Some(6),
            output_bytes: Some(7),
        };
        let expected = Limits {
            memory_bytes_max: 1,
            table_elements_max: 2,
            deadline: Duration::from_millis(3),
            calls_max: 4,
            rows_max: 5,
            input_bytes_max: 6,
            output_bytes_max: 7,
        };
        assert_eq!(given.over(Limits::BATCH), expected);
        assert_eq!(LimitsDefinition::default().over(Limits::BATCH), Limits::BATCH);
    }
}
