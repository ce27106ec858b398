//! The engine: one for each process.
//!
//! It owns what all transforms share: wasmtime's engine and instance pool, the linker with the one import a
//! transform may have, the thread that ticks for time limits, and the permits that bound how many calls run at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::bindings;
use crate::cache::CompiledCache;
use crate::call::CallState;
use crate::component;
use crate::digest::Digest;
use crate::error::Error;
use crate::limits::Limits;
use crate::transform::Transform;

/// How often the time limit is looked at: a call may overrun its deadline by this much.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// The most linear memory that any call can be allowed, whatever its limits say.
const MEMORY_BYTES_MAX: usize = 1 << 30;

/// Table elements of one instance; an interpreter compiled to WebAssembly has about 8,000.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 60_000;

/// What a [`Runtime`] can be set to.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// How many calls may run at the same time; more wait for their turn.
    pub calls_max: usize,
    /// How long a call waits for its turn before it is refused as [`Error::Overloaded`].
    pub wait_max: Duration,
    /// Where compiled components are kept; `None` compiles at every start.
    pub cache: Option<CompiledCache>,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self { calls_max: 64, wait_max: Duration::from_secs(1), cache: None }
    }
}

/// Loads transforms. One for each process is enough; clones share everything.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) permits: Permits,
    linker: Linker<CallState>,
    cache: Option<CompiledCache>,
}

impl Runtime {
    /// Starts the engine.
    ///
    /// # Errors
    /// [`Error::Engine`] where this machine refuses the memory reservation or the thread.
    pub fn new(options: RuntimeOptions) -> Result<Self, Error> {
        let failed = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let engine = Engine::new(&config(options.calls_max)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        bindings::Transform::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state).map_err(failed)?;
        tick(&engine).map_err(|error| Error::Engine(format!("no thread for the time limits: {error}")))?;
        let permits = Permits::new(options.calls_max, options.wait_max);
        Ok(Self { shared: Arc::new(Shared { engine, permits, linker, cache: options.cache }) })
    }

    /// Loads a component: checks its imports and exports, compiles it unless the cache has it, links it, and reads its
    /// signature. Everything that can be done once is done here.
    ///
    /// # Errors
    /// [`Error::InvalidComponent`], [`Error::ForbiddenImport`], [`Error::Contract`] or [`Error::Signature`] for bytes
    /// that are no transform; the errors of a call if `describe` misbehaves.
    pub fn load(&self, bytes: &[u8]) -> Result<Transform, Error> {
        let imports = component::check(bytes)?;
        let digest = Digest::of(bytes);
        let contract = |error: wasmtime::Error| Error::Contract { reason: format!("{error:#}") };
        let component = self.compiled(bytes, &digest)?;
        let instance = self.shared.linker.instantiate_pre(&component).map_err(contract)?;
        let instance = bindings::TransformPre::new(instance).map_err(contract)?;
        Transform::describe(Arc::clone(&self.shared), instance, digest, bytes.len(), imports, &Limits::BATCH)
    }

    fn compiled(&self, bytes: &[u8], digest: &Digest) -> Result<Component, Error> {
        let engine = &self.shared.engine;
        if let Some(component) = self.shared.cache.as_ref().and_then(|cache| cache.get(engine, digest)) {
            return Ok(component);
        }
        let component =
            Component::new(engine, bytes).map_err(|error| Error::InvalidComponent { reason: format!("{error:#}") })?;
        if let Some(cache) = &self.shared.cache {
            cache.put(engine, digest, &component);
        }
        Ok(component)
    }
}

fn config(calls_max: usize) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    let calls = u32::try_from(calls_max).unwrap_or(u32::MAX);
    // A component of an interpreter has dozens of small core instances around the one that computes.
    pool.total_component_instances(calls)
        .max_core_instances_per_component(100)
        .max_memories_per_component(4)
        .max_tables_per_component(8)
        .total_core_instances(calls.saturating_mul(40))
        .total_memories(calls.saturating_mul(2))
        .total_tables(calls.saturating_mul(4))
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_core_instance_size(16 << 20)
        .max_memory_size(MEMORY_BYTES_MAX);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cranelift_opt_level(OptLevel::Speed)
        // Calls are synchronous; the bookkeeping for concurrent ones taxes each call.
        .concurrency_support(false)
        .epoch_interruption(true)
        // Relaxed SIMD may round differently from one processor to the next.
        .wasm_relaxed_simd(false)
        .wasm_memory64(false);
    config
}

/// Ticks until the engine is gone. The thread holds it weakly, so that it can go.
fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let ticker = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("skewless-ticker".to_owned()).spawn(ticker).map(drop)
}

/// The right to run one call. As many as the pool has room for, so that an instance is always there.
pub(crate) struct Permits {
    free: Mutex<usize>,
    freed: Condvar,
    total: usize,
    wait_max: Duration,
}

impl Permits {
    fn new(total: usize, wait_max: Duration) -> Self {
        Self { free: Mutex::new(total), freed: Condvar::new(), total, wait_max }
    }

    /// Waits for a permit, for a while.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when the while is over.
    pub(crate) fn acquire(&self) -> Result<Permit<'_>, Error> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        let (mut free, _) = self
            .freed
            .wait_timeout_while(free, self.wait_max, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        if *free == 0 {
            return Err(Error::Overloaded { instances: self.total, waited_ms: started.elapsed().as_millis() });
        }
        *free -= 1;
        Ok(Permit { permits: self })
    }
}

/// One permit; given back when dropped.
pub(crate) struct Permit<'a> {
    permits: &'a Permits,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.permits.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.permits.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_a_permit_is_refused_after_the_wait_and_taken_once_one_is_free() {
        let permits = Permits::new(1, Duration::from_millis(10));
        let first = permits.acquire().unwrap();
        assert!(matches!(permits.acquire(), Err(Error::Overloaded { instances: 1, .. })));
        drop(first);
        assert!(permits.acquire().is_ok());
    }
}
