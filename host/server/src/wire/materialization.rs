//! The bodies of `POST /materialize` and `POST /materialize-incremental`.
//!
//! | key | what |
//! |---|---|
//! | `start_ts`, `end_ts` | the interval, both ends included; instants without an offset are in UTC |
//! | `disable_event_timestamp` | instead: everything up to now |
//! | `feature_views` | which; all that are kept online where absent or empty |
//! | `full_feature_names` | read and ignored, since Feast's client sends it |
//! | `version` | Feast's versions of feature views, which there are not here: an error unless null |

use jiff::Timestamp;
use serde::Deserialize;
use skewless_store::materialize::{MaterializeRequest, Start};

use super::instant::timestamp;
use super::{RequestError, json_text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Body {
    start_ts: Option<String>,
    end_ts: Option<String>,
    #[serde(default)]
    disable_event_timestamp: bool,
    feature_views: Option<Vec<String>>,
    #[serde(rename = "full_feature_names")]
    _ignored: Option<serde::de::IgnoredAny>,
    version: Option<serde::de::IgnoredAny>,
}

/// What the body of `/materialize` asks for; `now` is the clock's time.
///
/// # Errors
/// Says which part of the body is not as it must be.
pub fn materialize(body: &[u8], now: Timestamp) -> Result<MaterializeRequest, RequestError> {
    let body = parse(body)?;
    let (start, end) = match body.disable_event_timestamp {
        true => (Timestamp::UNIX_EPOCH, now),
        false => (instant("start_ts", body.start_ts)?, instant("end_ts", body.end_ts)?),
    };
    let views = body.feature_views.unwrap_or_default();
    Ok(MaterializeRequest { views, start: Start::At(start), end, now, shard: None })
}

/// What the body of `/materialize-incremental` asks for; `now` is the clock's time.
///
/// # Errors
/// As [`materialize`].
pub fn materialize_incremental(body: &[u8], now: Timestamp) -> Result<MaterializeRequest, RequestError> {
    let body = parse(body)?;
    let (start, end) = (Start::Watermark { look_back_micros: 0 }, instant("end_ts", body.end_ts)?);
    Ok(MaterializeRequest { views: body.feature_views.unwrap_or_default(), start, end, now, shard: None })
}

fn parse(body: &[u8]) -> Result<Body, RequestError> {
    let body: Body = json_text::parse(body)?;
    if body.version.is_some() { Err(RequestError::Version) } else { Ok(body) }
}

fn instant(field: &'static str, text: Option<String>) -> Result<Timestamp, RequestError> {
    let text = text.ok_or(RequestError::NoInstant { field })?;
    timestamp(&text).ok_or(RequestError::Instant { field, found: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> String {
        match materialize(body.as_bytes(), Timestamp::from_second(1_400_000_000).unwrap()) {
            Ok(MaterializeRequest { views, start, end, .. }) => format!("{views:?} {start:?} {end}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_interval_is_read_as_feasts_client_sends_it() {
        insta::assert_snapshot!(asked(r#"{"start_ts": "2013-01-01T00:00:00", "end_ts": "2013-02-01T00:00:00+00:00", "feature_views": null, "full_feature_names": false}"#), @"[] At(2013-01-01T00:00:00Z) 2013-02-01T00:00:00Z");
        insta::assert_snapshot!(asked(r#"{"disable_event_timestamp": true, "feature_views": ["weather"]}"#), @r#"["weather"] At(1970-01-01T00:00:00Z) 2014-05-13T16:53:20Z"#);
    }

    #[test]
    fn what_is_missing_or_no_instant_is_named() {
        insta::assert_snapshot!(asked(r#"{"start_ts": "yesterday"}"#), @r#"`start_ts` is "yesterday": send an instant such as "2013-01-01T05:00:00Z""#);
        insta::assert_snapshot!(asked(r#"{"start_ts": "2013-01-01"}"#), @r#"`end_ts` is missing: send an instant such as "2013-01-01T05:00:00Z", or `disable_event_timestamp`"#);
        insta::assert_snapshot!(asked("{}"), @r#"`start_ts` is missing: send an instant such as "2013-01-01T05:00:00Z", or `disable_event_timestamp`"#);
        insta::assert_snapshot!(asked(r#"{"start": 1}"#), @"the request can't be read as JSON of the expected form: unknown field `start`, expected one of `start_ts`, `end_ts`, `disable_event_timestamp`, `feature_views`, `full_feature_names`, `version` at line 1 column 8");
        insta::assert_snapshot!(asked(r#"{"disable_event_timestamp": true, "version": "v2"}"#), @"`version` is given: feature views have no versions here; leave it out");
    }
}
