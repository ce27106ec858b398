//! One instance of a component, and the calls it answers.
//!
//! An instance lives in a store of its own and starts from the component's first memory. A call gives it its limits,
//! runs the guest, and says what the guest wrote to `diagnostics`. An instance whose call failed, in whatever way, is
//! never called again: its memory may be half changed, and wasmtime's own state with it.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, Store, Trap};

use crate::bindings::skewless::transform::{diagnostics, types};
use crate::bindings::{Transform as Guest, TransformPre};
use crate::engine::{Engine, TICK};
use crate::error::{Error, Limit};
use crate::limits::Limits;
use crate::metrics::{Alive, Metrics};

/// The most that a call keeps of what the guest writes to `diagnostics`.
const DIAGNOSTICS_BYTES_MAX: usize = 16 << 10;

/// What an instance has used so far, what it may use, and what it wrote during the call.
pub(crate) struct CallState {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements: usize,
    table_elements_max: usize,
    diagnostics: Vec<u8>,
    _alive: Alive,
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

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted_elements = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted_elements > self.table_elements_max {
            return Err(Limit::Table { wanted_elements, max_elements: self.table_elements_max }.into());
        }
        self.table_elements = wanted_elements;
        Ok(true)
    }
}

/// What makes instances: the engine, the linked component, whom to name in errors, and where to count them.
pub(crate) struct Source<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) component: &'a TransformPre<CallState>,
    pub(crate) transform: &'a str,
    pub(crate) metrics: &'a Arc<Metrics>,
}

/// A live instance.
pub(crate) struct Instance {
    store: Store<CallState>,
    guest: Guest,
}

impl Instance {
    /// A fresh one. Its start counts against the time and memory of its first call.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] or [`Error::Trap`], naming the transform.
    pub(crate) fn fresh(source: &Source<'_>, limits: &Limits) -> Result<Self, Error> {
        let state = CallState {
            memory_bytes: 0,
            memory_bytes_max: limits.memory_bytes_max,
            table_elements: 0,
            table_elements_max: limits.table_elements_max,
            diagnostics: Vec::new(),
            _alive: Alive::new(source.metrics),
        };
        let mut store = Store::new(source.engine.wasmtime(), state);
        store.limiter(|state| state);
        store.set_epoch_deadline(ticks(limits));
        match source.component.instantiate(&mut store) {
            Ok(guest) => Ok(Self { store, guest }),
            Err(error) => Err(classify(&error, source.transform, limits, &store.data().diagnostics)),
        }
    }

    /// Runs `call` within `limits`; returns its result and what it wrote to `diagnostics`. After an error the instance
    /// must be dropped, which is why it is taken and given back.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`], [`Error::Trap`] or [`Error::Output`], each naming the transform.
    pub(crate) fn call<R>(
        mut self,
        transform: &str,
        limits: &Limits,
        call: impl FnOnce(&Guest, &mut Store<CallState>) -> wasmtime::Result<R>,
    ) -> Result<(R, Vec<u8>, Self), Error> {
        let store = &mut self.store;
        store.set_hostcall_fuel(limits.output_bytes_max);
        store.set_epoch_deadline(ticks(limits));
        store.data_mut().memory_bytes_max = limits.memory_bytes_max;
        store.data_mut().table_elements_max = limits.table_elements_max;
        let result = call(&self.guest, store);
        let diagnostics = std::mem::take(&mut store.data_mut().diagnostics);
        match result {
            Ok(value) => Ok((value, diagnostics, self)),
            Err(error) => Err(classify(&error, transform, limits, &diagnostics)),
        }
    }

    /// How much linear memory it has grown to.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }
}

/// Ticks until the deadline. The first may come at once, hence one more.
fn ticks(limits: &Limits) -> u64 {
    let ticks = limits.deadline.as_micros().div_ceil(TICK.as_micros()) + 1;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn classify(error: &wasmtime::Error, transform: &str, limits: &Limits, diagnostics: &[u8]) -> Error {
    let transform = transform.to_owned();
    let exceeded = |limit| Error::LimitExceeded { transform: transform.clone(), limit };
    if let Some(limit) = error.downcast_ref::<Limit>() {
        return exceeded(*limit);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => exceeded(Limit::Time { deadline: limits.deadline }),
        Some(Trap::StackOverflow) => exceeded(Limit::Stack),
        Some(trap) => {
            let diagnostics = String::from_utf8_lossy(diagnostics).into_owned();
            Error::Trap { transform, trap: trap.to_string(), diagnostics }
        }
        None if is_output_limit(error) => exceeded(Limit::OutputBytes { max_bytes: limits.output_bytes_max }),
        // Neither a trap nor a limit: the result could not be read from the guest's memory.
        None => Error::Output { transform, reason: error.root_cause().to_string() },
    }
}

/// wasmtime's error for it has no public type, so it is known by its words; a test of the limit holds them.
fn is_output_limit(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().starts_with("too much data is being copied between the host and the guest")
}
