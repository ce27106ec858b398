//! A name for each request, which its caller, the log and traces know it by.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header of the name, in requests and in answers.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest name that a caller may give, in bytes.
const LENGTH_MAX: usize = 128;

/// Makes names where callers give none.
#[derive(Debug)]
pub(crate) struct RequestIds {
    seed: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(0) }
    }

    /// The name in `headers`, where it is one that can be written to a log as it is; else a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(REQUEST_ID).filter(|id| (1..=LENGTH_MAX).contains(&id.len()));
        given.filter(|id| id.as_bytes().iter().all(u8::is_ascii_graphic)).cloned().unwrap_or_else(|| self.make())
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Relaxed);
        HeaderValue::try_from(format!("{:016x}-{number:x}", self.seed)).expect("digits fit into a header")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &RequestIds, given: Option<&'static str>) -> String {
        let headers = given.map(|id| (REQUEST_ID, HeaderValue::from_static(id))).into_iter().collect();
        ids.of(&headers).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_callers_name_is_kept_where_a_log_can_hold_it() {
        let ids = RequestIds::new(0xbeef);
        assert_eq!(of(&ids, Some("abc-1/2")), "abc-1/2");
        assert_eq!(of(&ids, None), "000000000000beef-0");
        assert_eq!(of(&ids, Some("two words")), "000000000000beef-1");
        assert_eq!(of(&ids, Some("")), "000000000000beef-2");
        assert_eq!(of(&ids, Some("x".repeat(129).leak())), "000000000000beef-3");
    }
}
