//! A component enters; one that has already started leaves.
//!
//! The start of a language's runtime (Go's takes 100 µs, a table of the author's may take longer) happens here, once.
//! The component runs up to the end of its first `describe`, and what its memories and globals hold then is written
//! into it: every instance begins there. Whoever builds components calls this; nothing at run time needs it, and the
//! result is a component like any other. The same bytes give the same bytes, since a component can ask for nothing.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::component::{Component, HasSelf, Instance, Lift, Linker, WasmList};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, Store, StoreLimits, StoreLimitsBuilder, Trap};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::bindings;
use crate::bindings::skewless::transform::{diagnostics, types};
use crate::component;
use crate::error::Error;

/// The most bytes of a component that is to start.
const COMPONENT_BYTES_MAX: usize = 64 << 20;

/// What a start may use: instructions, and memory in bytes.
const FUEL: u64 = 10_000_000_000;
const MEMORY_BYTES_MAX: usize = 64 << 20;

/// The start's stack: code that is compiled in a hurry keeps every value in its frame, and an interpreter's is huge then.
const STACK_BYTES_MAX: usize = 48 << 20;

/// Runs a transform's component up to the end of its first `describe`, and returns it in that state.
///
/// # Errors
/// [`Error::InvalidComponent`], [`Error::ForbiddenImport`] or [`Error::Contract`] for bytes that are no transform, or
/// none that can be written down in the midst of its work; [`Error::Trap`] where the start fails.
pub fn preinitialize(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    component::check(bytes, COMPONENT_BYTES_MAX)?;
    // A thread of its own, since the caller's may have a small stack.
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES_MAX + (2 << 20));
    std::thread::scope(|scope| match thread.spawn_scoped(scope, || start(bytes)) {
        Ok(start) => start.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(error) => Err(Error::Engine(format!("no thread for the start: {error}"))),
    })
}

fn start(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let invalid = |error: wasmtime::Error| Error::InvalidComponent { reason: format!("{error:#}") };
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument_component(bytes).map_err(invalid)?;
    let mut started = Started::new(&instrumented)?;
    finished(wizer.snapshot_component(&context, &mut started)).map_err(invalid)
}

/// An instance that has started.
struct Started {
    store: Store<StartState>,
    instance: Instance,
}

impl Started {
    fn new(instrumented: &[u8]) -> Result<Self, Error> {
        let engine = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let contract = |error: wasmtime::Error| Error::Contract { reason: format!("{error:#}") };
        let mut config = Config::new();
        config.concurrency_support(false).consume_fuel(true).wasm_relaxed_simd(false).wasm_memory64(false);
        config.max_wasm_stack(STACK_BYTES_MAX).async_stack_size(STACK_BYTES_MAX + (1 << 20));
        // Most of it runs never or once, so what counts is how fast it is compiled.
        config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        let wasmtime = Engine::new(&config).map_err(engine)?;
        let component = Component::new(&wasmtime, instrumented).map_err(contract)?;
        let mut linker = Linker::new(&wasmtime);
        bindings::Transform::add_to_linker::<_, HasSelf<StartState>>(&mut linker, |state| state).map_err(engine)?;

        let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES_MAX).trap_on_grow_failure(true).build();
        let mut store = Store::new(&wasmtime, StartState { limits, diagnostics: Vec::new() });
        store.limiter(|state| &mut state.limits);
        store.set_fuel(FUEL).map_err(engine)?;
        let started = linker.instantiate(&mut store, &component).and_then(|instance| {
            bindings::Transform::new(&mut store, &instance)?.call_describe(&mut store)?;
            Ok(instance)
        });
        match started {
            Ok(instance) => Ok(Self { store, instance }),
            Err(error) => Err(Error::Trap {
                transform: "(start)".to_owned(),
                trap: match error.downcast_ref() {
                    Some(Trap::OutOfFuel) => format!("it has not come to an end after {FUEL} instructions"),
                    _ => error.root_cause().to_string(),
                },
                diagnostics: String::from_utf8_lossy(&store.data().diagnostics).into_owned(),
            }),
        }
    }

    /// Calls an accessor, which wizer added, and hands its result on.
    fn access<R: Lift + 'static, T>(
        &mut self,
        interface: &str,
        function: &str,
        use_result: impl FnOnce(&Store<StartState>, R) -> T,
    ) -> T {
        let (store, instance) = (&mut self.store, &self.instance);
        let interface = instance.get_export_index(&mut *store, None, interface);
        let function = instance.get_export_index(&mut *store, interface.as_ref(), function);
        let function = function.expect("wizer calls what it added");
        let function = instance.get_typed_func::<(), (R,)>(&mut *store, function).expect("wizer knows its type");
        let (result,) = function.call(&mut *store, ()).expect("an accessor only reads");
        use_result(store, result)
    }
}

/// What belongs to a start: its limits, and what it wrote.
struct StartState {
    limits: StoreLimits,
    diagnostics: Vec<u8>,
}

impl diagnostics::Host for StartState {
    fn write(&mut self, message: Vec<u8>) {
        self.diagnostics.extend(message);
    }
}

impl types::Host for StartState {}

impl ComponentInstanceState for Started {
    async fn call_func_ret_list_u8(&mut self, instance: &str, function: &str, contents: impl FnOnce(&[u8]) + Send) {
        self.access(instance, function, |store, memory: WasmList<u8>| contents(memory.as_le_slice(store)));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, function: &str) -> i32 {
        self.access(instance, function, |_, value| value)
    }

    async fn call_func_ret_s64(&mut self, instance: &str, function: &str) -> i64 {
        self.access(instance, function, |_, value| value)
    }

    async fn call_func_ret_f32(&mut self, instance: &str, function: &str) -> u32 {
        self.access(instance, function, |_, value: f32| value.to_bits())
    }

    async fn call_func_ret_f64(&mut self, instance: &str, function: &str) -> u64 {
        self.access(instance, function, |_, value: f64| value.to_bits())
    }
}

/// The result of a future that never waits: wizer's are asynchronous for others' sake.
fn finished<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_transform_is_refused() {
        insta::assert_snapshot!(preinitialize(b"PAR1").unwrap_err(), @"not a WebAssembly component: it does not begin as WebAssembly does");
        let empty = wat::parse_str("(component)").unwrap();
        assert!(matches!(preinitialize(&empty), Err(Error::Trap { .. })));
    }
}
