//! Black-box and parity tests: one binary, so that everything is linked once.

mod bad_input;
mod examples;
mod flights;
mod materialize;
mod parity;
mod point_in_time;
mod support;
mod tidy;
mod tutorial;
