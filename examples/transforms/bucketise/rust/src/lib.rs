//! Bucket of an amount: constants of the model, and an output with a name of its own.

use skewless_sdk::transform;

/// Where buckets begin, in ascending order.
const BOUNDARIES: [f64; 5] = [0.0, 10.0, 50.0, 100.0, 500.0];

/// How many boundaries (0, 10, 50, 100, 500) an amount has reached; null where it is not a number.
#[transform(outputs(amount_bucket))]
pub fn bucketise(
    /// An amount of money.
    amount: f64,
) -> Option<i64> {
    if amount.is_nan() {
        return None;
    }
    Some(BOUNDARIES.partition_point(|boundary| *boundary <= amount) as i64)
}

#[cfg(test)]
mod tests {
    use super::bucketise;

    #[test]
    fn a_boundary_belongs_to_the_bucket_above() {
        assert_eq!([-0.01, 0.0, 9.99, 10.0, 500.0].map(bucketise), [Some(0), Some(1), Some(1), Some(2), Some(5)]);
        assert_eq!(bucketise(f64::NAN), None);
    }
}
