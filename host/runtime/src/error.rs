//! What can go wrong between a component and its caller.

use crate::component::CONTRACT_VERSION;

/// An error of the runtime. Messages name the transform and the value that was wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not a component that can be compiled. Build it again.
    #[error("not a WebAssembly component: {reason}")]
    InvalidComponent {
        /// what is wrong with the bytes
        reason: String,
    },
    /// The component asks for something a transform doesn't get.
    #[error(
        "the component imports `{import}`; a transform may import nothing but `skewless:transform/diagnostics`, so that clocks, files and the network can't reach a feature. {hint}"
    )]
    ForbiddenImport {
        /// the name of the import
        import: String,
        /// what usually brings it in
        hint: &'static str,
    },
    /// The component doesn't export what the contract says, or speaks another version of it.
    #[error("the component does not follow the contract skewless:transform@{CONTRACT_VERSION}: {reason}")]
    Contract {
        /// what is missing or different
        reason: String,
    },
    /// What `describe` returned can't be used.
    #[error("the signature of transform `{transform}` is not usable: {reason}")]
    Signature {
        /// the transform's name for itself
        transform: String,
        /// what is wrong with it
        reason: String,
    },
    /// The batch handed to a transform lacks a column or has another type: the host's mistake.
    #[error("transform `{transform}` can't take this batch: {reason}")]
    Input {
        /// the transform
        transform: String,
        /// what is wrong with the batch
        reason: String,
    },
    /// The transform returned an error for the whole batch.
    #[error("transform `{transform}` failed: {message}")]
    Failed {
        /// the transform
        transform: String,
        /// the message it returned
        message: String,
    },
    /// The transform panicked or did something that WebAssembly forbids.
    #[error("transform `{transform}` trapped: {trap}{}", with_diagnostics(.diagnostics))]
    Trap {
        /// the transform
        transform: String,
        /// what happened
        trap: String,
        /// what it wrote to `diagnostics` before
        diagnostics: String,
    },
    /// The transform broke a limit.
    #[error("transform `{transform}` went over its {limit}")]
    LimitExceeded {
        /// the transform
        transform: String,
        /// the limit
        limit: Limit,
    },
    /// The transform returned columns that don't fit its signature.
    #[error("transform `{transform}` returned an unusable batch: {reason}")]
    Output {
        /// the transform
        transform: String,
        /// what is wrong with the columns
        reason: String,
    },
    /// Too many calls were under way for too long. Try again later.
    #[error(
        "overloaded: as many calls of {} are under way as may be ({calls}), and none ended within {waited_ms} ms; try again later",
        .transform.as_ref().map_or("all transforms".to_owned(), |name| format!("transform `{name}`"))
    )]
    Overloaded {
        /// the transform whose own limit it was; `None` for that of the runtime
        transform: Option<String>,
        /// how many calls were running
        calls: usize,
        /// how long this one waited for its turn
        waited_ms: u128,
    },
    /// The component takes too long to compile. Make it smaller, or give it more time.
    #[error("the component is not compiled after {} ms, its limit", .time_max.as_millis())]
    CompileTime {
        /// the time it had
        time_max: std::time::Duration,
    },
    /// The certificate does not say that this component's instances can be reused.
    #[error("the parity certificate does not cover this component: {reason}")]
    Certificate {
        /// what is different
        reason: String,
    },
    /// The engine could not be set up on this machine.
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
}

/// A limit that a transform broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Linear memory.
    #[error("memory limit: it asked for {wanted_bytes} bytes, {max_bytes} are allowed")]
    Memory {
        /// what it asked for
        wanted_bytes: usize,
        /// what it may have
        max_bytes: usize,
    },
    /// Table elements.
    #[error("table limit: it asked for {wanted_elements} elements, {max_elements} are allowed")]
    Table {
        /// what it asked for
        wanted_elements: usize,
        /// what it may have
        max_elements: usize,
    },
    /// Wall-clock time.
    #[error("time limit of {} ms", .deadline.as_millis())]
    Time {
        /// the time it had
        deadline: std::time::Duration,
    },
    /// Call stack.
    #[error("call stack")]
    Stack,
    /// Bytes handed out.
    #[error("output limit: it returns more than {max_bytes} bytes")]
    OutputBytes {
        /// what a call may return
        max_bytes: usize,
    },
    /// Bytes handed in.
    #[error("input limit: one row has {bytes} bytes, {max_bytes} are allowed")]
    InputBytes {
        /// the row's size
        bytes: usize,
        /// what a call may receive
        max_bytes: usize,
    },
}

impl Limit {
    /// The limits' names, for counters.
    pub const KINDS: [&str; 6] = ["memory", "table", "time", "stack", "output_bytes", "input_bytes"];

    /// Its place in [`Limit::KINDS`].
    #[must_use]
    pub const fn kind(&self) -> usize {
        match self {
            Self::Memory { .. } => 0,
            Self::Table { .. } => 1,
            Self::Time { .. } => 2,
            Self::Stack => 3,
            Self::OutputBytes { .. } => 4,
            Self::InputBytes { .. } => 5,
        }
    }
}

fn with_diagnostics(diagnostics: &str) -> String {
    match diagnostics.trim() {
        "" => String::new(),
        text => format!("; it wrote: {text}"),
    }
}
