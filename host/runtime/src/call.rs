//! One call: permit → fresh store → fresh instance → the guest → gone.

use wasmtime::{ResourceLimiter, Store, Trap};

use crate::bindings::skewless::transform::{diagnostics, types};
use crate::bindings::{Transform as Instance, TransformPre};
use crate::error::{Error, Limit};
use crate::limits::Limits;
use crate::runtime::{Shared, TABLE_ELEMENTS_MAX, TICK};

/// The most that a call keeps of what the guest writes to `diagnostics`.
const DIAGNOSTICS_BYTES_MAX: usize = 16 << 10;

/// What belongs to one call: its limits, and what it wrote.
pub(crate) struct CallState {
    memory_bytes: usize,
    memory_bytes_max: usize,
    diagnostics: Vec<u8>,
}

impl diagnostics::Host for CallState {
    fn write(&mut self, message: Vec<u8>) {
        let room = DIAGNOSTICS_BYTES_MAX - self.diagnostics.len();
        self.diagnostics.extend(message.iter().take(room));
    }
}

impl types::Host for CallState {}

/// Refuses by trapping, so that a guest can't turn a limit into a value.
impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted_bytes = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if wanted_bytes > self.memory_bytes_max {
            return Err(Limit::Memory { wanted_bytes, max_bytes: self.memory_bytes_max }.into());
        }
        self.memory_bytes = wanted_bytes;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            return Err(Limit::Table { wanted_elements: desired, max_elements: TABLE_ELEMENTS_MAX }.into());
        }
        Ok(true)
    }
}

/// Runs `guest` on a fresh instance within `limits`; returns its result and what it wrote to `diagnostics`.
///
/// The permit is taken before the deadline starts, so a call that waited has its whole time. The store is dropped
/// whatever happens: nothing a guest did, or that was done to it, reaches the next call.
///
/// # Errors
/// [`Error::Overloaded`], [`Error::LimitExceeded`] or [`Error::Trap`], each naming `transform`.
pub(crate) fn run<R>(
    shared: &Shared,
    instance: &TransformPre<CallState>,
    transform: &str,
    limits: &Limits,
    guest: impl FnOnce(&Instance, &mut Store<CallState>) -> wasmtime::Result<R>,
) -> Result<(R, String), Error> {
    let _permit = shared.permits.acquire()?;
    let state = CallState { memory_bytes: 0, memory_bytes_max: limits.memory_bytes_max, diagnostics: Vec::new() };
    let mut store = Store::new(&shared.engine, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.output_bytes_max);
    store.set_epoch_deadline(ticks(limits));
    let result = instance.instantiate(&mut store).and_then(|instance| guest(&instance, &mut store));
    let diagnostics = String::from_utf8_lossy(&store.data().diagnostics).into_owned();
    match result {
        Ok(value) => Ok((value, diagnostics)),
        Err(error) => Err(classify(&error, transform, limits, diagnostics)),
    }
}

/// Ticks until the deadline. The first may come at once, hence one more.
fn ticks(limits: &Limits) -> u64 {
    let ticks = limits.deadline.as_micros().div_ceil(TICK.as_micros()) + 1;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn classify(error: &wasmtime::Error, transform: &str, limits: &Limits, diagnostics: String) -> Error {
    let transform = transform.to_owned();
    if let Some(limit) = error.downcast_ref::<Limit>() {
        return Error::LimitExceeded { transform, limit: *limit };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Error::LimitExceeded { transform, limit: Limit::Time { deadline: limits.deadline } },
        Some(Trap::StackOverflow) => Error::LimitExceeded { transform, limit: Limit::Stack },
        Some(trap) => Error::Trap { transform, trap: trap.to_string(), diagnostics },
        // Neither a trap nor a limit of ours: the result could not be read from the guest's memory.
        None => {
            let max_bytes = limits.output_bytes_max;
            Error::Output { transform, reason: format!("{} (a call may return {max_bytes} bytes)", error.root_cause()) }
        }
    }
}
