//! The feature server: Feast's online HTTP interface over the store.
//!
//! A request's journey:
//!
//! | stop | what happens |
//! |---|---|
//! | [`http`] | route, body, a span for the log, a place among the requests under way |
//! | [`wire::request`] | JSON → what is asked, and entity rows as Arrow columns |
//! | [`prepared`] | the features asked for, resolved once and kept; then read, computed |
//! | [`wire::response`] | Arrow columns → JSON |
//! | [`failure`] | whatever went wrong → a status, and an error that Feast's client raises as its own |
//!
//! [`wire`] and [`prepared`] know nothing of HTTP: the command line answers the same requests with them. The clock is
//! an argument.

pub mod failure;
pub mod http;
#[cfg(test)]
mod planes;
pub mod prepared;
pub mod wire;

pub use failure::Failure;
pub use http::{Clock, ServerState, app, serve};
pub use prepared::{Answer, Prepared, answer};
