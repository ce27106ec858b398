//! The three functions as a module of arrow-udf, as its documentation has it.

use arrow_udf::function;

#[function("ratio(float64, int64) -> float64")]
fn ratio(total_spend: f64, total_orders: i64) -> Option<f64> {
    functions::ratio(total_spend, total_orders)
}

#[function("haversine(float64, float64, float64, float64) -> float64")]
fn haversine(from_latitude: f64, from_longitude: f64, to_latitude: f64, to_longitude: f64) -> f64 {
    functions::haversine(from_latitude, from_longitude, to_latitude, to_longitude)
}

#[function("email_domain(string) -> string")]
fn email_domain(email: &str) -> Option<&str> {
    functions::email_domain(email)
}
