//! What a call may use.

use std::time::Duration;

/// What one call of a transform may use. Breaking a limit fails the call; it never turns into a null.
///
/// How many bytes a component may have, how long it may take to compile, how many core instances it may consist of and
/// how many calls of all transforms may run at once are limits of the [`Runtime`](crate::Runtime).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of the instance, in bytes, all its memories together.
    pub memory_bytes_max: usize,
    /// Elements of the instance's tables, all together.
    pub table_elements_max: usize,
    /// Wall-clock time of one call.
    pub deadline: Duration,
    /// Calls of this transform that run at the same time; more wait for their turn, for a while.
    pub calls_max: usize,
    /// Rows handed over in one call; a larger batch is split into several calls. As many come back.
    pub rows_max: usize,
    /// Bytes of the input columns handed over in one call; a larger batch is split, down to one row.
    pub input_bytes_max: usize,
    /// Bytes that one call may return.
    pub output_bytes_max: usize,
}

impl Limits {
    /// For requests that somebody waits for.
    pub const SERVING: Self = Self {
        memory_bytes_max: 64 << 20,
        table_elements_max: 20_000,
        deadline: Duration::from_millis(100),
        calls_max: 64,
        rows_max: 8_192,
        input_bytes_max: 16 << 20,
        output_bytes_max: 16 << 20,
    };

    /// For training sets and materialization, where a slow batch is better than none.
    pub const BATCH: Self = Self { memory_bytes_max: 256 << 20, deadline: Duration::from_secs(10), ..Self::SERVING };
}

impl Default for Limits {
    fn default() -> Self {
        Self::SERVING
    }
}
