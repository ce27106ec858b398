//! The border to the host: the exports every component has, and the way out for panic messages.

use std::sync::Once;

use bindings::skewless::transform::diagnostics;

use crate::Transform;
use crate::contract::{Column, Output, Signature};

/// What `wit-bindgen` makes of the contract.
#[expect(missing_docs, reason = "generated; the contract documents it")]
pub mod bindings {
    wit_bindgen::generate!({
        world: "transform",
        path: "../../wit",
        with: { "skewless:transform/types@0.1.0": crate::contract },
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "skewless_sdk::guest::bindings",
    });
}

impl<T: Transform> bindings::Guest for T {
    fn describe() -> Signature {
        report_panics();
        T::signature()
    }

    fn apply(rows: u32, columns: Vec<Column>) -> Result<Output, String> {
        report_panics();
        T::apply(rows as usize, &columns)
    }
}

/// Sends panic messages to the host, which otherwise would learn of a trap and nothing more.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| diagnostics::write(panic.to_string().as_bytes())));
    });
}
