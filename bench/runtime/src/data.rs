//! The rows: the same at every run and for every contender.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;

/// The sizes of the batches: a request, a page, a part of a training set.
pub(crate) const SIZES: [usize; 3] = [1, 100, 8_192];

/// One of the three functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Ratio,
    Haversine,
    EmailDomain,
}

impl Function {
    pub(crate) const ALL: [Self; 3] = [Self::Ratio, Self::Haversine, Self::EmailDomain];

    /// Its name in the guests and in `peers.py`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Haversine => "haversine",
            Self::EmailDomain => "email_domain",
        }
    }

    /// Its inputs for `rows` rows. One row in sixteen has no answer, except for haversine; the first has one.
    pub(crate) fn batch(self, rows: usize) -> Result<RecordBatch, ArrowError> {
        let mut random = Random(0x5eed);
        let columns: Vec<(&str, ArrayRef)> = match self {
            Self::Ratio => {
                let spend = random.floats(rows, 0.0, 5_000.0);
                let orders = (0..rows).map(|row| if row % 16 == 15 { 0 } else { 1 + random.below(400) as i64 });
                let orders: Int64Array = orders.collect();
                vec![("total_spend", Arc::new(spend)), ("total_orders", Arc::new(orders))]
            }
            Self::Haversine => vec![
                ("from_latitude", Arc::new(random.floats(rows, -90.0, 90.0))),
                ("from_longitude", Arc::new(random.floats(rows, -180.0, 180.0))),
                ("to_latitude", Arc::new(random.floats(rows, -90.0, 90.0))),
                ("to_longitude", Arc::new(random.floats(rows, -180.0, 180.0))),
            ],
            Self::EmailDomain => {
                let emails = (0..rows).map(|row| random.email(row % 16 == 15));
                vec![("email", Arc::new(StringArray::from_iter_values(emails)))]
            }
        };
        RecordBatch::try_from_iter(columns)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ratio => "ratio",
            Self::Haversine => "haversine",
            Self::EmailDomain => "e-mail domain",
        })
    }
}

/// A small generator: the rows only have to be unlike each other.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn floats(&mut self, rows: usize, from: f64, to: f64) -> Float64Array {
        (0..rows).map(|_| from + (to - from) * self.next() as f64 / (1_u64 << 31) as f64).collect()
    }

    fn email(&mut self, broken: bool) -> String {
        const DOMAINS: [&str; 5] =
            ["example.com", "mail.example.org", "shop.example.net", "a.io", "post.example.co.uk"];
        let at = if broken { "" } else { "@" };
        format!("person.{}{at}{}", self.below(1_000_000), DOMAINS[self.below(5) as usize])
    }
}
