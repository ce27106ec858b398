//! What is counted, in the form that Prometheus reads (OpenMetrics). `docs/metrics.md` lists it.
//!
//! Requests and connections are counted here as they come; what the store and the runtime count themselves is read when
//! somebody asks.

mod now;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::http::ServerState;

/// The content type of [`text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper ends of the buckets of requests, in seconds.
const REQUEST_SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];

/// The counters of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    rows: Family<Route, Counter>,
    connections: Gauge,
    accepted: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

/// A connection, counted for as long as it lives.
#[derive(Debug)]
pub(crate) struct Connection(Gauge);

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("skewless"),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            rows: Family::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests that were answered", self.requests.clone());
        let durations = self.durations.clone();
        registry.register("request_duration_seconds", "From the head of a request to its answer", durations);
        registry.register("request_rows", "Rows that were answered for", self.rows.clone());
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register("connections_accepted", "Connections that were accepted", self.accepted.clone());
        self
    }

    pub(crate) fn request(&self, route: &'static str, status: u16, time: Duration) {
        self.requests.get_or_create(&Request { route, status }).inc();
        self.durations.get_or_create(&Route { route }).observe(time.as_secs_f64());
    }

    pub(crate) fn rows(&self, route: &'static str, rows: usize) {
        self.rows.get_or_create(&Route { route }).inc_by(rows as u64);
    }

    pub(crate) fn connection(&self) -> Connection {
        self.accepted.inc();
        self.connections.inc();
        Connection(self.connections.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// All counters of `state`, and what the store and the runtime have counted.
pub(crate) fn text(state: &ServerState) -> String {
    let mut now = Registry::with_prefix("skewless");
    now.register_collector(Box::new(now::Now::of(state)));
    let mut text = String::new();
    let written = encode_registry(&mut text, &state.metrics.registry)
        .and_then(|()| encode_registry(&mut text, &now))
        .and_then(|()| encode_eof(&mut text));
    written.expect("a string takes all that is written");
    text
}

#[cfg(test)]
mod tests;
