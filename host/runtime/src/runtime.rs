//! What loads transforms: one for each process.
//!
//! It owns what all transforms share: the engine, the cache of compiled code, the permits that bound how many calls and
//! compilations run at once, and the count of idle instances.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::channel;
use std::time::Duration;

use wasmtime::component::Component;

use crate::cache::CompiledCache;
use crate::component;
use crate::digest::Digest;
use crate::engine::{Compilation, Engine};
use crate::error::Error;
use crate::limits::Limits;
use crate::permits::{Permit, Permits};
use crate::reuse::ReuseOptions;
use crate::transform::Transform;

/// Components that compile at the same time; each uses all processors, and one over its time goes on to its end.
const COMPILATIONS_MAX: usize = 2;

/// What a [`Runtime`] can be set to.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// How many calls may run at the same time; more wait for their turn.
    pub calls_max: usize,
    /// How long a call waits for its turn before it is refused as [`Error::Overloaded`].
    pub wait_max: Duration,
    /// How many bytes a component may have.
    pub component_bytes_max: usize,
    /// How long a component may take to compile.
    pub compile_time_max: Duration,
    /// How long a component may take to say its signature.
    pub describe_time_max: Duration,
    /// Where compiled components are kept; `None` compiles at every start.
    pub cache: Option<CompiledCache>,
    /// How the instances of certified components are reused; `None` makes a fresh one for every call.
    pub reuse: Option<ReuseOptions>,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            calls_max: 64,
            wait_max: Duration::from_secs(1),
            component_bytes_max: 64 << 20,
            compile_time_max: Duration::from_secs(60),
            describe_time_max: Duration::from_secs(5),
            cache: None,
            reuse: Some(ReuseOptions::default()),
        }
    }
}

/// Loads transforms. One for each process is enough; clones share everything.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) options: RuntimeOptions,
    /// idle instances of all transforms
    pub(crate) idle: Arc<AtomicUsize>,
    calls: Permits,
    compilations: Permits,
}

impl Runtime {
    /// Starts the engine.
    ///
    /// # Errors
    /// [`Error::Engine`] where this machine refuses the memory reservation or the thread.
    pub fn new(options: RuntimeOptions) -> Result<Self, Error> {
        Self::compiling(Compilation::Optimized, options)
    }

    pub(crate) fn compiling(compilation: Compilation, options: RuntimeOptions) -> Result<Self, Error> {
        let idle_max = options.reuse.as_ref().map_or(0, |reuse| reuse.idle_max);
        // A call may need a second instance to compare with, and idle ones keep their places.
        let engine = Engine::new(compilation, options.calls_max.saturating_mul(2).saturating_add(idle_max))?;
        let (calls, compilations, idle) = (Permits::default(), Permits::default(), Arc::default());
        Ok(Self { shared: Arc::new(Shared { engine, options, idle, calls, compilations }) })
    }

    /// Loads a component: checks its imports and exports, compiles it unless the cache has it, links it, and reads its
    /// signature. Everything that can be done once is done here.
    ///
    /// # Errors
    /// [`Error::InvalidComponent`], [`Error::ForbiddenImport`], [`Error::Contract`] or [`Error::Signature`] for bytes
    /// that are no transform; [`Error::CompileTime`]; the errors of a call if `describe` misbehaves.
    pub fn load(&self, bytes: &[u8]) -> Result<Transform, Error> {
        let options = &self.shared.options;
        let imports = component::check(bytes, options.component_bytes_max)?;
        let digest = Digest::of(bytes);
        let component = self.shared.engine.link(&self.compiled(bytes, &digest)?)?;
        let limits = Limits { deadline: options.describe_time_max, ..Limits::BATCH };
        Transform::describe(Arc::clone(&self.shared), component, digest, bytes.len(), imports, &limits)
    }

    /// The options it was started with.
    #[must_use]
    pub fn options(&self) -> &RuntimeOptions {
        &self.shared.options
    }

    #[expect(unsafe_code, reason = "to take compiled code is to load code; it was compiled here")]
    fn compiled(&self, bytes: &[u8], digest: &Digest) -> Result<Component, Error> {
        let Shared { engine, options, .. } = &*self.shared;
        if let Some(component) = options.cache.as_ref().and_then(|cache| cache.get(engine, digest)) {
            return Ok(component);
        }
        let code = self.compile(bytes.to_vec())?;
        if let Some(cache) = &options.cache {
            cache.put(engine, digest, &code);
        }
        // SAFETY: this engine compiled it just now.
        unsafe { engine.component(&code) }
    }

    /// Compiles on a thread of its own, since compilation can't be interrupted: when the time is over, the caller goes
    /// on, and the thread ends when it is done. How many there can be is bounded.
    fn compile(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        let time_max = self.shared.options.compile_time_max;
        let shared = Arc::clone(&self.shared);
        let (sender, receiver) = channel();
        let compile = move || {
            if let Ok(_permit) = shared.compilations.acquire(COMPILATIONS_MAX, time_max) {
                // Nobody receives it where the time was over.
                let _ = sender.send(shared.engine.compile(&bytes));
            }
        };
        let thread = std::thread::Builder::new().name("skewless-compiler".to_owned()).spawn(compile);
        thread.map_err(|error| Error::Engine(format!("no thread to compile on: {error}")))?;
        receiver.recv_timeout(time_max).map_err(|_| Error::CompileTime { time_max })?
    }
}

impl Shared {
    /// The right to run one call: one of all that run, and one of the `calls_max` of its transform.
    ///
    /// # Errors
    /// [`Error::Overloaded`] where either is not to be had for a while.
    pub(crate) fn admit<'a>(
        &'a self,
        transform: &str,
        own: &'a Permits,
        calls_max: usize,
    ) -> Result<(Permit<'a>, Permit<'a>), Error> {
        let RuntimeOptions { calls_max: all_max, wait_max, .. } = self.options;
        let overloaded =
            |transform, calls, waited: Duration| Error::Overloaded { transform, calls, waited_ms: waited.as_millis() };
        let own = own
            .acquire(calls_max, wait_max)
            .map_err(|waited| overloaded(Some(transform.to_owned()), calls_max, waited.0))?;
        let all = self.calls.acquire(all_max, wait_max).map_err(|waited| overloaded(None, all_max, waited.0))?;
        Ok((own, all))
    }
}
