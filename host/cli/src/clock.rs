//! The clock: read once where a verb needs the time, and handed on as an argument.

use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "the command line is where the time comes from")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
