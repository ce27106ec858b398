//! What a call may use.

use std::time::Duration;

/// What one call of a transform may use. Breaking a limit fails the call; it never turns into a null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of the instance, in bytes, all its memories together.
    pub memory_bytes_max: usize,
    /// Wall-clock time of one call.
    pub deadline: Duration,
    /// Rows handed over in one call; a larger batch is split into several calls.
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
        deadline: Duration::from_millis(100),
        rows_max: 8_192,
        input_bytes_max: 16 << 20,
        output_bytes_max: 16 << 20,
    };

    /// For training sets and materialization, where a slow batch is better than none.
    pub const BATCH: Self = Self { deadline: Duration::from_secs(10), ..Self::SERVING };
}

impl Default for Limits {
    fn default() -> Self {
        Self::SERVING
    }
}
