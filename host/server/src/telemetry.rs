//! Spans, sent to where OpenTelemetry's environment variables say, by its own protocol.
//!
//! | span | what |
//! |---|---|
//! | `request` | a request, from its head to its answer; part of the caller's trace where it sends `traceparent` |
//! | `online_store_read` | the read of all feature views |
//! | `transform` | one call of a transform |

use std::sync::LazyLock;

use async_trait::async_trait;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use skewless_store::{Error, Result};
use tokio::runtime::{Builder, Runtime};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What sends spans away, until it is dropped.
pub struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// The exporter that the environment asks for; `None` where it asks for none: neither `OTEL_EXPORTER_OTLP_ENDPOINT` nor
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set, `OTEL_TRACES_EXPORTER` is `none`, or `OTEL_SDK_DISABLED` is `true`.
    ///
    /// `variable` looks one of these up. The other variables of OpenTelemetry, such as the sampler's and the headers', are
    /// read by its library.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidDefinition`](skewless_store::ErrorKind::InvalidDefinition) where the address can't be meant.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let says = |name: &str, value: &str| variable(name).is_some_and(|said| said.eq_ignore_ascii_case(value));
        let endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
        let is_asked_for = endpoints.iter().any(|name| variable(name).is_some_and(|value| !value.is_empty()));
        if !is_asked_for || says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().with_http_client(Client::new()?).build();
        let exporter = exporter.map_err(|error| {
            Error::invalid_definition("the environment's settings of OpenTelemetry can't be used").because(error)
        })?;
        let service = variable("OTEL_SERVICE_NAME").filter(|name| !name.is_empty());
        let resource = Resource::builder().with_service_name(service.unwrap_or_else(|| "skewless".to_owned())).build();
        let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
        Ok(Some(Self { provider }))
    }

    /// What makes the spans.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("skewless")
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Makes `span` a part of the trace that `headers` name, if they do.
pub(crate) fn follow_caller(span: &Span, headers: &HeaderMap) {
    static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);
    if headers.contains_key("traceparent") {
        // Nobody may be listening, and then there is nothing to be part of.
        let _ = span.set_parent(PROPAGATOR.extract(&Headers(headers)));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// Sends spans over HTTP. The exporter calls it on a thread of its own, which has no runtime.
#[derive(Debug)]
struct Client {
    runtime: Runtime,
    client: reqwest::Client,
}

impl Client {
    fn new() -> Result<Self> {
        // A library for TLS among several has to be chosen; whoever was faster chose as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_current_thread().enable_all().build();
        let client = reqwest::Client::builder().build();
        Ok(Self {
            runtime: runtime.map_err(|error| Error::unavailable("no thread can be started").because(error))?,
            client: client.map_err(|error| Error::unavailable("no HTTP client can be made").because(error))?,
        })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        self.runtime.block_on(async {
            let answer = self.client.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        })
    }
}
