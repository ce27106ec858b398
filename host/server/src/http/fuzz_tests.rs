//! Whatever is sent, the server answers, and never says that it was its fault.

use std::sync::Arc;

use axum::body::Body;
use axum::http;
use jiff::Timestamp;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::{ServerState, app};
use crate::planes::Planes;
use crate::wire::Request;

/// A valid request, and the parts that others are made of.
const VALID: &str = r#"{"features": ["facts:speed", "facts:seats"], "entities": {"tailnum": ["N2", "N0", "N1"]}, "full_feature_names": true, "event_timestamp": "2013-01-01T12:00:00Z"}"#;

/// JSON of any shape, with names that mean something here now and then.
fn json() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("features".to_owned()),
        Just("entities".to_owned()),
        Just("feature_service".to_owned()),
        Just("event_timestamp".to_owned()),
        Just("tailnum".to_owned()),
        Just("facts:seats".to_owned()),
        Just("model".to_owned()),
        ".{0,8}".prop_map(|text| text),
    ];
    let word = word.prop_map(|word| serde_json::to_string(&word).unwrap());
    let number = prop_oneof!["-?[0-9]{1,25}", "-?[0-9]\\.[0-9]{1,20}e-?[0-9]{1,4}"];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        number,
        word.clone(),
        Just(r#""\ud800""#.to_owned()),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|entries| {
                let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

/// A valid request, with one of its values replaced.
fn nearly_valid() -> impl Strategy<Value = String> {
    const PARTS: [&str; 6] = [
        r#"["facts:speed", "facts:seats"]"#,
        r#"{"tailnum": ["N2", "N0", "N1"]}"#,
        r#"["N2", "N0", "N1"]"#,
        r#""N0""#,
        "true",
        r#""2013-01-01T12:00:00Z""#,
    ];
    (prop::sample::select(PARTS.to_vec()), json()).prop_map(|(part, other)| VALID.replacen(part, &other, 1))
}

/// Bytes of a valid request, some of them replaced, and cut somewhere.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((0..VALID.len(), any::<u8>()), 0..4);
    (changes, 0..=VALID.len()).prop_map(|(changes, length)| {
        let mut bytes = VALID.as_bytes().to_vec();
        changes.into_iter().for_each(|(place, byte)| bytes[place] = byte);
        bytes.truncate(length);
        bytes
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        json().prop_map(String::into_bytes),
        nearly_valid().prop_map(String::into_bytes),
        damaged(),
    ]
}

fn answer(runtime: &Runtime, state: &Arc<ServerState>, path: &str, body: Vec<u8>) -> (u16, String) {
    let request = http::Request::post(path).body(Body::from(body)).unwrap();
    runtime.block_on(async {
        let response = app(Arc::clone(state)).answer(request).await;
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    })
}

#[test]
fn no_body_makes_the_server_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let planes = runtime.block_on(Planes::new());
    let state = Arc::new(ServerState::new(Arc::clone(&planes.store), Arc::new(|| Timestamp::UNIX_EPOCH)));
    assert_eq!(answer(&runtime, &state, "/get-online-features", VALID.into()).0, 200);
    proptest!(ProptestConfig::with_cases(2_000), |(body in bodies())| {
        let parsed = Request::parse(&body).is_ok();
        let (status, text) = answer(&runtime, &state, "/get-online-features", body);
        prop_assert!(status == 200 || (400..500).contains(&status), "{status} {text}");
        prop_assert!(parsed || status != 200);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    });
}
