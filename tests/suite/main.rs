//! Black-box and parity tests: one binary, so that everything is linked once.

#![expect(clippy::unwrap_used, reason = "these are tests: what is not there is a failure, and the line says which")]

mod authors;
mod bad_input;
mod certification;
mod delta_tables;
mod evil;
mod examples;
mod feature_server;
mod flights;
mod go_types;
mod hostile;
mod http;
mod init;
mod javascript;
mod limits;
mod materialize;
mod online_killed;
mod online_materialize;
mod online_outage;
mod online_parity;
mod online_store;
mod online_versions;
mod openapi;
mod operations;
mod panics;
mod parity;
mod point_in_time;
mod redis;
mod redis_failures;
mod redis_server;
mod registry_on_s3;
mod reuse;
mod s3;
mod s3_server;
mod sources;
mod support;
mod telemetry;
mod tidy;
mod training_jobs;
mod training_sets;
mod tutorial;
