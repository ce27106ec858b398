//! The feature server: Feast's online interfaces, HTTP and gRPC, over the store.
//!
//! A request's journey:
//!
//! | stop | what happens |
//! |---|---|
//! | [`http`], `grpc` | connection, route, who asks, body, a span for the log, a place among the requests under way |
//! | [`wire::request`], [`wire::protobuf`] | JSON or protobuf → what is asked, and entity rows as Arrow columns |
//! | [`prepared`] | the features asked for, resolved once and kept; then read, computed |
//! | [`wire::response`], [`wire::protobuf`] | Arrow columns → JSON or protobuf |
//! | [`failure`] | whatever went wrong → a status, and an error that Feast's client raises as its own |
//!
//! Rows that somebody sends go from [`wire::rows`] to the online store by `writes`. Beside it all, [`reload`] follows the
//! registry, [`metrics`] count, [`telemetry`] sends spans away, and [`tls`] and [`auth`] say who may ask.
//!
//! [`wire`] and [`prepared`] know nothing of HTTP: the command line answers the same requests with them. The clock is
//! an argument.

mod admission;
mod at_once;
pub mod auth;
pub mod failure;
mod grpc;
pub mod http;
pub mod metrics;
pub mod openapi;
#[cfg(test)]
mod planes;
pub mod prepared;
mod priority;
pub mod reload;
pub mod telemetry;
pub mod tls;
mod together;
pub mod wire;
mod writes;

pub use at_once::connection_threads;
pub use auth::Authenticator;
pub use failure::Failure;
pub use http::{Clock, Limits, ServerOptions, ServerState, app, serve, serve_metrics};
pub use prepared::{Answer, Prepared, answer};
pub use priority::LOWER_PRIORITY;
pub use reload::keep_current;
pub use tls::Tls;
