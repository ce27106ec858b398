use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::http::app;
use crate::planes::{KNOWN_AT, Planes};

async fn ask(state: &Arc<ServerState>, method: &str, path: &str, body: &str) -> String {
    let request = axum::http::Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
    let response = app(Arc::clone(state)).answer(request).await;
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The metrics of a server after some requests, by name and labels.
async fn after_some_requests() -> (String, BTreeMap<String, f64>) {
    let planes = Planes::new().await;
    let noon = Timestamp::from_microsecond(KNOWN_AT).unwrap() + SignedDuration::from_hours(12);
    let state = Arc::new(ServerState::new(Arc::clone(&planes.store), Arc::new(move || noon)));
    let body = r#"{"features": ["facts:speed", "facts:seats"], "entities": {"tailnum": ["N2", "N0", "N1"]}}"#;
    ask(&state, "POST", "/get-online-features", body).await;
    ask(&state, "POST", "/get-online-features", "{}").await;
    ask(&state, "GET", "/nowhere", "").await;
    let text = ask(&state, "GET", "/metrics", "").await;
    let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    (text.clone(), samples.collect())
}

#[tokio::test]
async fn requests_values_and_ages_are_counted() {
    let (text, samples) = after_some_requests().await;
    for (name, value) in [
        (r#"skewless_requests_total{route="/get-online-features",status="200"}"#, 1.0),
        (r#"skewless_requests_total{route="/get-online-features",status="400"}"#, 1.0),
        (r#"skewless_requests_total{route="other",status="404"}"#, 1.0),
        (r#"skewless_request_duration_seconds_count{route="/get-online-features"}"#, 2.0),
        (r#"skewless_request_rows_total{route="/get-online-features"}"#, 3.0),
        (r#"skewless_feature_values_total{feature_view="facts",status="PRESENT"}"#, 3.0),
        (r#"skewless_feature_values_total{feature_view="facts",status="NULL_VALUE"}"#, 1.0),
        (r#"skewless_feature_values_total{feature_view="facts",status="NOT_FOUND"}"#, 2.0),
        (r#"skewless_feature_view_row_age_seconds_sum{feature_view="facts"}"#, 86_400.0),
        (r#"skewless_feature_view_row_age_seconds_bucket{le="21600.0",feature_view="facts"}"#, 0.0),
        (r#"skewless_feature_view_row_age_seconds_bucket{le="86400.0",feature_view="facts"}"#, 2.0),
        (r#"skewless_feature_view_row_age_seconds_bucket{le="+Inf",feature_view="facts"}"#, 2.0),
        ("skewless_online_store_read_duration_seconds_count", 1.0),
        ("skewless_online_store_read_failures_total", 0.0),
        ("skewless_registry_commit", 1.0),
        ("skewless_registry_commit_age_seconds", 1_357_041_600.0),
        ("skewless_registry_check_age_seconds", 0.0),
        (r#"skewless_registry_reloads_total{result="failed"}"#, 0.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

/// The names in the table of `docs/metrics.md`.
fn documented() -> BTreeMap<String, String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `skewless_"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())).collect()
}

#[tokio::test]
async fn the_documents_table_is_what_a_server_says() {
    let (text, _) = after_some_requests().await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let said: BTreeMap<String, String> = types
        .map(|line| {
            let (name, metric_type) = line.split_once(' ').unwrap();
            let suffix = if metric_type == "counter" { "_total" } else { "" };
            (format!("{name}{suffix}"), metric_type.to_owned())
        })
        .collect();
    assert_eq!(documented(), said);
}
