//! A replay as a page: the review of a new version of a transform.

use maud::{Markup, html};
use skewless_store::feature_log::replay::{CandidateChange, FeatureChange, Replay};

use crate::feature_log::{instant, rounded, share};
use crate::page::{Bar, bars, histogram, table, verdict};
use crate::table::grouped;

/// The page's body.
pub(crate) fn body(replay: &Replay, sum: &str) -> Markup {
    html! {
        (verdict(replay.differing() == 0, sum))
        @for candidate in &replay.candidates { (review(candidate)) }
        @if !replay.differences.is_empty() { (differences(replay)) }
        h2 { "Values compared with the log" }
        (table(["feature", ">compared", ">differing"], replay.features.iter().map(|feature| {
            [feature.feature.clone(), grouped(feature.compared), grouped(feature.differing)]
        })))
        @for left_out in &replay.left_out { p { (grouped(left_out.rows)) " rows left out: " (left_out.reason) } }
    }
}

fn differences(replay: &Replay) -> Markup {
    let headings = ["request", "about", "feature", "logged", "replayed", "status then", "status now"];
    html! {
        h2 { "The first differences" }
        (table(headings, replay.differences.iter().map(|difference| [
            difference.request.clone(),
            instant(difference.event_timestamp),
            difference.feature.clone(),
            difference.logged.clone(),
            difference.replayed.clone(),
            difference.logged_status.clone(),
            difference.replayed_status.clone(),
        ])))
    }
}

fn review(change: &CandidateChange) -> Markup {
    let cost = |nanos: u64| format!("{} ns a row", rounded(nanos as f64 / change.rows.max(1) as f64));
    html! {
        h2 { "On-demand view " code { (change.view) } " with another " code { (change.transform) } }
        p { "Candidate " code { (change.digest) } }
        (table(["", ">before", ">after"], [
            ["rows".to_owned(), grouped(change.rows), grouped(change.rows)],
            ["failed rows".to_owned(), grouped(change.failures_before), grouped(change.failures_after)],
            ["cost".to_owned(), cost(change.nanos_before), cost(change.nanos_after)],
        ]))
        p { (grouped(change.rows_changed)) " rows change, " (share(change.rows_changed, change.rows)) "." }
        (bars(&change.features.iter().map(|feature| Bar {
            label: feature.feature.clone(),
            value: feature.changed as f64 / change.rows.max(1) as f64,
            text: share(feature.changed, change.rows),
        }).collect::<Vec<_>>()))
        @for feature in &change.features { (sizes(feature)) }
    }
}

fn sizes(feature: &FeatureChange) -> Markup {
    html! {
        h3 { code { (feature.feature) } }
        @if let Some(gone) = &feature.gone { p { "Can't be compared: " (gone) } }
        p {
            (grouped(feature.changed)) " values change; of those " (grouped(feature.appeared)) " were null, and "
            (grouped(feature.vanished)) " become null."
        }
        @if let (Some(absolute), Some(relative)) = (feature.absolute, feature.relative) {
            (table(["by how much", ">median", ">90 %", ">99 %", ">most"], [("absolute", absolute), ("relative", relative)].map(
                |(name, sizes)| {
                    [name.to_owned(), rounded(sizes.p50), rounded(sizes.p90), rounded(sizes.p99), rounded(sizes.max)]
                },
            )))
            (histogram(&feature.histogram))
        }
    }
}
