//! The contract as wasmtime's types, generated from `wit/`. Parameters borrow the host's buffers.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "transform",
    ownership: Borrowing { duplicate_if_necessary: true },
});
