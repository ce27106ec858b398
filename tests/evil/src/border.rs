//! The exports of the component.

use skewless_sdk::guest::bindings;

use crate::Evil;

bindings::export!(Evil with_types_in bindings);

/// Writes to the host's diagnostics.
pub(crate) fn write(message: &[u8]) {
    bindings::skewless::transform::diagnostics::write(message);
}
