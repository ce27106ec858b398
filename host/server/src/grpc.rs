//! gRPC, on the same port as HTTP and through the same layers.
//!
//! | service | what |
//! |---|---|
//! | `feast.serving.ServingService` | features for some rows, in the messages of [`wire::protobuf`](crate::wire::protobuf) |
//! | `grpc.health.v1.Health` | whether it serves: all of it, or `feast.serving.ServingService` |
//! | `grpc.reflection.v1.ServerReflection`, and `v1alpha` for older clients | which services and messages there are |
//!
//! An error's message is the object that Feast's client makes an exception of.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::post;
use futures::FutureExt as _;
use prost::Message;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Code, Status};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::failure::Failure;
use crate::http::{Rows, ServerState};
use crate::wire::BODY_BYTES_MAX;
use crate::wire::protobuf::{
    DESCRIPTORS, GetFeastServingInfoRequest, GetFeastServingInfoResponse, GetOnlineFeaturesRequest,
    GetOnlineFeaturesResponse,
};

/// The service of Feast's.
const SERVING_SERVICE: &str = "feast.serving.ServingService";

/// The routes of the feature server's own service.
pub(crate) fn serving_routes() -> Router<Arc<ServerState>> {
    Router::new()
        .route("/feast.serving.ServingService/GetFeastServingInfo", post(get_feast_serving_info))
        .route("/feast.serving.ServingService/GetOnlineFeatures", post(get_online_features))
}

/// The routes of the services that tell about it.
pub(crate) fn public_routes() -> Router<Arc<ServerState>> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let readable = "the descriptors are part of this program";
    Router::new()
        .route_service("/grpc.health.v1.Health/{method}", tonic_health::pb::health_server::HealthServer::new(health()))
        .route_service("/grpc.reflection.v1.ServerReflection/{method}", builder().build_v1().expect(readable))
        .route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", builder().build_v1alpha().expect(readable))
}

/// What answers is healthy; while the server comes up or drains, nobody reaches it.
fn health() -> HealthService {
    let reporter = HealthReporter::new();
    let set = reporter.set_service_status(SERVING_SERVICE, ServingStatus::Serving).now_or_never();
    set.expect("nobody else holds the reporter's lock yet");
    HealthService::from_health_reporter(reporter)
}

async fn get_feast_serving_info(request: Request) -> Response<Body> {
    let answer = |_: tonic::Request<GetFeastServingInfoRequest>| async {
        let version = concat!("skewless ", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(tonic::Response::new(GetFeastServingInfoResponse { version }))
    };
    grpc().unary(service_fn(answer), request).await
}

async fn get_online_features(State(state): State<Arc<ServerState>>, request: Request) -> Response<Body> {
    // What it came to, for the log and the counters: to them, all answers of gRPC are alike.
    let outcome = Arc::new(OnceLock::new());
    let answer = |request: tonic::Request<GetOnlineFeaturesRequest>| {
        let (state, outcome, request) = (Arc::clone(&state), Arc::clone(&outcome), request.into_inner());
        async move {
            let answered = answered(&state, &request).await;
            outcome.get_or_init(|| answered.as_ref().map(rows).map_err(Failure::clone));
            answered.map(tonic::Response::new).map_err(|failure| status(&failure))
        }
    };
    let mut response = grpc().unary(service_fn(answer), request).await;
    match outcome.get() {
        Some(Ok(rows)) => drop(response.extensions_mut().insert(*rows)),
        Some(Err(failure)) => drop(response.extensions_mut().insert(failure.clone())),
        None => {}
    }
    response
}

async fn answered(
    state: &ServerState,
    request: &GetOnlineFeaturesRequest,
) -> Result<GetOnlineFeaturesResponse, Failure> {
    let serving = state.serving.load_full();
    Ok(serving.answer_message(request, (state.clock)(), &state.admission).await?)
}

fn rows(answer: &GetOnlineFeaturesResponse) -> Rows {
    Rows(answer.results.first().map_or(0, |column| column.values.len()))
}

/// Reads and writes the messages of one call.
fn grpc<Q: Message + Default + 'static, A: Message + 'static>() -> Grpc<ProstCodec<A, Q>> {
    Grpc::new(ProstCodec::default()).apply_max_message_size_config(Some(BODY_BYTES_MAX), None)
}

/// The failure, as its caller hears of it.
pub(crate) fn status(failure: &Failure) -> Status {
    let code = match failure.status() {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::CONFLICT => Code::Aborted,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    };
    Status::new(code, failure.envelope())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_code_and_the_message_is_what_feasts_client_reads() {
        let told = |status| {
            let status = super::status(&Failure::new(status, "why"));
            format!("{:?} {}", status.code(), status.message())
        };
        insta::assert_snapshot!(told(StatusCode::NOT_FOUND), @r#"NotFound {"module":"feast.errors","class":"FeastError","message":"why"}"#);
        for (status, code) in [
            (StatusCode::BAD_REQUEST, "InvalidArgument "),
            (StatusCode::UNPROCESSABLE_ENTITY, "InvalidArgument "),
            (StatusCode::FORBIDDEN, "PermissionDenied "),
            (StatusCode::SERVICE_UNAVAILABLE, "Unavailable "),
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal "),
        ] {
            assert!(told(status).starts_with(code), "{status}");
        }
    }

    #[test]
    fn the_descriptors_can_be_read() {
        let _ = public_routes();
    }
}
