//! The least that a feature server over Redis can do: axum, the same Redis library and the same keys, one round trip for a
//! request, and as many numbers of JSON as there are features. It knows no types, no ttl, no statuses and no transforms; its
//! keys and its view are fixed. What a real server reaches is to be seen beside it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Router, response::Response};
use clap::Parser;
use redis::aio::MultiplexedConnection;
use serde::Deserialize;

/// Answers each `user_id` with as many numbers as there are features.
#[derive(Parser)]
struct Arguments {
    /// Where Redis is
    #[arg(long)]
    redis: String,
    /// The port to listen on
    #[arg(long)]
    port: u16,
    /// The numbers to write for each entity
    #[arg(long, default_value_t = 10)]
    numbers: usize,
}

#[derive(Deserialize)]
struct Request {
    entities: Entities,
}

#[derive(Deserialize)]
struct Entities {
    user_id: Vec<i64>,
}

struct Server {
    redis: MultiplexedConnection,
    numbers: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { redis, port, numbers } = Arguments::parse();
    let redis = redis::Client::open(redis)?.get_multiplexed_async_connection().await?;
    let server = Arc::new(Server { redis, numbers });
    let app = Router::new().route("/get-online-features", post(answer)).with_state(server);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn answer(State(server): State<Arc<Server>>, body: Bytes) -> Response {
    match rows(&server, &body).await {
        Ok(rows) => ([(header::CONTENT_TYPE, "application/json")], written(&rows, server.numbers)).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// The packed row of each entity, in one round trip.
async fn rows(server: &Server, body: &[u8]) -> Result<Vec<Vec<Option<Vec<u8>>>>, Box<dyn std::error::Error>> {
    let request: Request = serde_json::from_slice(body)?;
    let mut pipeline = redis::pipe();
    for user_id in request.entities.user_id {
        // The entity key: the length of the name, the name, the type, the value.
        let key = [b"bench:{\x07user_id\x04", &user_id.to_be_bytes()[..], b"}"].concat();
        pipeline.cmd("HMGET").arg(key).arg("users");
    }
    Ok(pipeline.query_async(&mut server.redis.clone()).await?)
}

/// The first words of each row, as numbers, feature by feature.
fn written(rows: &[Vec<Option<Vec<u8>>>], numbers: usize) -> Vec<u8> {
    let mut out = b"{\"results\":[".to_vec();
    for number in 0..numbers {
        out.extend_from_slice(if number == 0 { b"[" } else { b",[" });
        for (place, row) in rows.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            let row = row.first().and_then(Option::as_ref);
            let word = row.and_then(|row| row.as_chunks::<8>().0.get(number % (row.len() / 8)));
            match word {
                Some(word) => serde_json::to_writer(&mut out, &i64::from_le_bytes(*word)).expect("a number is JSON"),
                None => out.extend_from_slice(b"null"),
            }
        }
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    out
}
