//! Buckets of hashed categories: integers, and a hash that nobody changes.

use skewless_sdk::{Features, transform};

const CATEGORY_BUCKETS: u32 = 1_024;
const CROSS_BUCKETS: u32 = 65_536;

/// Between the values of a cross, so that `ab`, `c` is not `a`, `bc`.
const SEPARATOR: u8 = 0x1F;

/// Where categories land.
#[derive(Debug, PartialEq, Features)]
pub struct FeatureHash {
    /// Bucket of the category, from 0 to 1,023.
    pub category_bucket: i32,
    /// Bucket of category and device together, from 0 to 65,535.
    pub category_device_bucket: i32,
}

/// Buckets of a category, and of a category crossed with a device, by FNV-1a of their UTF-8.
#[transform]
pub fn feature_hash(
    /// A category.
    category: &str,
    /// A device.
    device: &str,
) -> FeatureHash {
    let of_category = fnv1a(FNV_START, category.as_bytes());
    let of_both = fnv1a(fnv1a(of_category, &[SEPARATOR]), device.as_bytes());
    FeatureHash {
        category_bucket: (of_category % CATEGORY_BUCKETS) as i32,
        category_device_bucket: (of_both % CROSS_BUCKETS) as i32,
    }
}

const FNV_START: u32 = 0x811C_9DC5;
const FNV_PRIME: u32 = 0x0100_0193;

/// FNV-1a with 32 bits, from a hash on.
fn fnv1a(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(FNV_PRIME))
}

#[cfg(test)]
mod tests {
    use super::{FNV_START, feature_hash, fnv1a};

    #[test]
    fn hashes_are_those_of_the_published_test_vectors() {
        assert_eq!(fnv1a(FNV_START, b""), 0x811C_9DC5);
        assert_eq!(fnv1a(FNV_START, b"a"), 0xE40C_292C);
        assert_eq!(fnv1a(FNV_START, b"foobar"), 0xBF9C_F968);
    }

    #[test]
    fn a_cross_knows_where_one_value_ends() {
        assert_ne!(feature_hash("ab", "c").category_device_bucket, feature_hash("a", "bc").category_device_bucket);
    }
}
