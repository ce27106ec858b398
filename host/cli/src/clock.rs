//! The clock: read once where a verb needs the time, and handed on as an argument.
//!
//! In whole microseconds, like every other instant here.

use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "the command line is where the time comes from")]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
