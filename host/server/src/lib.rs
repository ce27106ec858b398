//! The feature server: Feast's online interfaces, HTTP and gRPC, over the store.
//!
//! A request's journey:
//!
//! | stop | what happens |
//! |---|---|
//! | [`http`], `grpc` | route, body, a span for the log, a place among the requests under way |
//! | [`wire::request`], [`wire::protobuf`] | JSON or protobuf → what is asked, and entity rows as Arrow columns |
//! | [`prepared`] | the features asked for, resolved once and kept; then read, computed |
//! | [`wire::response`], [`wire::protobuf`] | Arrow columns → JSON or protobuf |
//! | [`failure`] | whatever went wrong → a status, and an error that Feast's client raises as its own |
//!
//! Rows that somebody sends go from [`wire::rows`] to the online store by `writes`. [`wire`] and [`prepared`] know nothing of HTTP: the command line answers the same requests with them. The clock is
//! an argument.

pub mod failure;
mod grpc;
pub mod http;
#[cfg(test)]
mod planes;
pub mod prepared;
pub mod wire;
mod writes;

pub use failure::Failure;
pub use http::{Clock, ServerState, app, serve};
pub use prepared::{Answer, Prepared, answer};
