//! What differs between a log and a training set, as a page.

use maud::{Markup, html};
use skewless_store::feature_log::skew::{FeatureSkew, Skew};

use crate::feature_log::{instant, rounded, share};
use crate::page::{Bar, bars, table, verdict};
use crate::table::grouped;

/// The page's body.
pub(crate) fn body(skew: &Skew, sum: &str, good: bool) -> Markup {
    let causes = skew.by_cause();
    html! {
        (verdict(good, sum))
        @if !causes.is_empty() {
            h2 { "By cause" }
            (bars(&causes.iter().map(|(cause, values)| Bar {
                label: cause.name().to_owned(),
                value: *values as f64,
                text: format!("{} ({})", grouped(*values), share(*values, skew.compared)),
            }).collect::<Vec<_>>()))
        }
        h2 { "By feature" }
        (bars(&skew.features.iter().map(|feature| Bar {
            label: feature.feature.clone(),
            value: feature.differing as f64 / feature.compared.max(1) as f64,
            text: share(feature.differing, feature.compared),
        }).collect::<Vec<_>>()))
        @for feature in skew.features.iter().filter(|feature| feature.differing > 0) { (worst(feature)) }
        @for left_out in &skew.left_out { p { (grouped(left_out.rows)) " rows left out: " (left_out.reason) } }
    }
}

fn worst(feature: &FeatureSkew) -> Markup {
    html! {
        h3 { code { (feature.feature) } }
        @for cause in &feature.causes {
            p {
                (cause.cause.name()) ": " (grouped(cause.values)) " values, " (share(cause.values, feature.compared))
                @if let Some(age) = cause.age_seconds {
                    "; the rows had been there for " (rounded(age.p50)) " s (median), " (rounded(age.max)) " s at most"
                }
            }
            (table(["request", "entity", "about", "served", "training set", ">apart"], cause.worst.iter().map(|value| [
                value.request.clone(),
                value.entity.clone(),
                instant(value.event_timestamp),
                value.logged.clone(),
                value.recomputed.clone(),
                value.size.map_or_else(String::new, rounded),
            ])))
        }
    }
}
