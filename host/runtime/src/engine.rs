//! wasmtime as we use it: one engine with its instance pool, the linker with the one import a transform may have, and
//! the thread that ticks for time limits.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Inlining, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::bindings::{self, TransformPre};
use crate::call::CallState;
use crate::error::Error;

/// How often the time limit is looked at: a call may overrun its deadline by this much.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// The most linear memory that any call can be allowed, whatever its limits say.
const MEMORY_BYTES_MAX: usize = 1 << 30;

/// The most elements that one table can have, whatever a call's limits say.
const TABLE_ELEMENTS_MAX: usize = 60_000;

/// Memory that a place of the pool keeps from instance to instance. Larger is slower: all of it is cleared each time.
const MEMORY_KEPT_BYTES: usize = 512 << 10;

/// The same for the elements of tables.
const TABLE_KEPT_BYTES: usize = 64 << 10;

/// The most core instances that one component may consist of; that of an interpreter has dozens of small ones around
/// the one that computes.
const CORE_INSTANCES_MAX: u32 = 100;

/// How components become machine code. All of them must compute the same bits; `verify` holds them to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compilation {
    /// Optimised machine code: the one that computes features.
    Optimized,
    /// Machine code without optimisation.
    Unoptimized,
    /// Optimised, and every NaN that an instruction makes has one bit pattern, as if on another processor.
    CanonicalNans,
    /// Byte code for Pulley, wasmtime's interpreter.
    Interpreted,
}

impl Compilation {
    pub(crate) const ALL: [Self; 4] = [Self::Optimized, Self::Unoptimized, Self::CanonicalNans, Self::Interpreted];

    /// What certificates call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Optimized => "cranelift, optimised",
            Self::Unoptimized => "cranelift, not optimised",
            Self::CanonicalNans => "cranelift, optimised, canonical NaNs",
            Self::Interpreted => "pulley",
        }
    }
}

/// An engine; clones share it.
#[derive(Clone)]
pub(crate) struct Engine {
    compilation: Compilation,
    wasmtime: wasmtime::Engine,
    linker: Arc<Linker<CallState>>,
}

impl Engine {
    /// An engine with room for `instances_max` instances at the same time.
    pub(crate) fn new(compilation: Compilation, instances_max: usize) -> Result<Self, Error> {
        let failed = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let config = config(compilation, instances_max).map_err(failed)?;
        let wasmtime = wasmtime::Engine::new(&config).map_err(failed)?;
        let mut linker = Linker::new(&wasmtime);
        bindings::Transform::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state).map_err(failed)?;
        tick(&wasmtime).map_err(|error| Error::Engine(format!("no thread for the time limits: {error}")))?;
        Ok(Self { compilation, wasmtime, linker: Arc::new(linker) })
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// Compiles a component to code that [`Engine::component`] takes.
    ///
    /// On an engine of its own: a compiler keeps what it grew to for as long as its engine lives, which is hundreds of
    /// MiB after a component from Go.
    pub(crate) fn compile(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let compiler = wasmtime::Engine::new(&config(self.compilation, 1).map_err(failed)?).map_err(failed)?;
        compiler.precompile_component(bytes).map_err(invalid)
    }

    /// The component of compiled code.
    ///
    /// # Safety
    /// `code` comes from [`Engine::compile`] of this version for an engine like this: just now, or by way of a file that
    /// nobody else can write.
    #[expect(unsafe_code, reason = "to take compiled code is to load code; whoever calls says where it comes from")]
    pub(crate) unsafe fn component(&self, code: &[u8]) -> Result<Component, Error> {
        // SAFETY: as the caller promises.
        unsafe { Component::deserialize(&self.wasmtime, code) }.map_err(invalid)
    }

    /// Links a compiled component, as far as that is possible without an instance.
    pub(crate) fn link(&self, component: &Component) -> Result<TransformPre<CallState>, Error> {
        let contract = |error: wasmtime::Error| Error::Contract { reason: format!("{error:#}") };
        let instance = self.linker.instantiate_pre(component).map_err(contract)?;
        TransformPre::new(instance).map_err(contract)
    }
}

fn invalid(error: wasmtime::Error) -> Error {
    Error::InvalidComponent { reason: format!("{error:#}") }
}

fn config(compilation: Compilation, instances_max: usize) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    match compilation {
        // Between functions of one module, too: each that is not inlined looks at the clock when it begins.
        Compilation::Optimized => drop(config.compiler_inlining(Inlining::Yes)),
        Compilation::Unoptimized => drop(config.cranelift_opt_level(OptLevel::None)),
        Compilation::CanonicalNans => drop(config.cranelift_nan_canonicalization(true)),
        Compilation::Interpreted => drop(config.target("pulley64")?),
    }
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances_max)))
        // Calls are synchronous; the bookkeeping for concurrent ones taxes each call.
        .concurrency_support(false)
        .epoch_interruption(true)
        // Relaxed SIMD may round differently from one processor to the next.
        .wasm_relaxed_simd(false)
        .wasm_memory64(false);
    Ok(config)
}

fn pool(instances_max: usize) -> PoolingAllocationConfig {
    let instances = u32::try_from(instances_max).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(4)
        .max_tables_per_component(8)
        .total_core_instances(instances.saturating_mul(40))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4))
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_core_instance_size(16 << 20)
        .max_memory_size(MEMORY_BYTES_MAX)
        // What an instance leaves behind is cleared by hand up to here, and given back to the system beyond: clearing
        // costs less than the page faults of the next call, as long as it is little. A small Rust component fits.
        .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
        .table_keep_resident(TABLE_KEPT_BYTES);
    pool
}

/// Ticks until the engine is gone. The thread holds it weakly, so that it can go.
fn tick(engine: &wasmtime::Engine) -> std::io::Result<()> {
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
