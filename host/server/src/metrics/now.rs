//! What is counted elsewhere, as it is when somebody asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use skewless_runtime::{CALL_TIME_BUCKETS_US, TransformMetrics};
use skewless_store::FeatureStore;
use skewless_store::feature_log::LogCounts;
use skewless_store::online_counters::{AGE_SECONDS, HistogramCounts, READ_SECONDS, ViewCounters};

use crate::admission::Shed;
use crate::http::ServerState;

/// The counters of one moment.
#[derive(Debug)]
pub(super) struct Now {
    under_way: usize,
    waiting: usize,
    shed: [(Shed, u64); Shed::ALL.len()],
    commit: u64,
    commit_age_seconds: f64,
    checked_age_seconds: f64,
    reloads: (u64, u64),
    reads: HistogramCounts,
    failed_reads: u64,
    transforms: Vec<(String, TransformMetrics)>,
    views: BTreeMap<String, Arc<ViewCounters>>,
    freshness_seconds: Vec<(String, f64)>,
    log: LogCounts,
}

impl Now {
    pub(super) fn of(state: &ServerState) -> Self {
        let store = Arc::clone(&state.serving.load().store);
        let (now, (under_way, waiting)) = ((state.clock)(), state.admission.counts());
        let seconds_since = |then: Timestamp| now.duration_since(then).as_secs_f64();
        let transforms = store.components().iter();
        Self {
            under_way,
            waiting,
            shed: state.admission.shed(),
            commit: store.commit().number,
            commit_age_seconds: seconds_since(store.commit().at),
            checked_age_seconds: seconds_since(state.reload.status().checked_at),
            reloads: state.reload.counts(),
            reads: store.counters().reads(),
            failed_reads: store.counters().failed_reads(),
            transforms: transforms.map(|(name, applied)| (name.clone(), applied.transform.metrics())).collect(),
            views: store.counters().views(),
            freshness_seconds: freshness(&store, now),
            log: store.feature_log().map(|log| log.counts()).unwrap_or_default(),
        }
    }

    fn server(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        gauge(out, "requests_under_way", "Requests that are being computed", self.under_way as f64)?;
        gauge(out, "requests_waiting", "Requests that wait for that, or for Redis", self.waiting as f64)?;
        let mut shed = describe(out, "requests_shed", "Requests that were sent away for want of room", COUNTER)?;
        for (reason, number) in self.shed {
            count(&mut shed, &[("reason", reason.as_str())], number)?;
        }
        gauge(out, "registry_commit", "The commit that is served", self.commit as f64)?;
        gauge(out, "registry_commit_age_seconds", "How long ago it was made", self.commit_age_seconds)?;
        let help = "How long ago the registry last answered with a commit that can be served";
        gauge(out, "registry_check_age_seconds", help, self.checked_age_seconds)?;
        let mut reloads = describe(out, "registry_reloads", "Commits that were taken over, or could not be", COUNTER)?;
        count(&mut reloads, &[("result", "succeeded")], self.reloads.0)?;
        count(&mut reloads, &[("result", "failed")], self.reloads.1)
    }

    fn store(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut reads = describe(out, "online_store_read_duration_seconds", "Reads of the online store", HISTOGRAM)?;
        let HistogramCounts { buckets, sum_seconds } = &self.reads;
        let (total, buckets) = with_ends(buckets, READ_SECONDS.iter().copied());
        reads.encode_histogram::<NoLabelSet>(*sum_seconds, total, &buckets, None)?;
        let mut failed = describe(out, "online_store_read_failures", "Reads of the online store that failed", COUNTER)?;
        failed.encode_counter::<NoLabelSet, u64, f64>(&self.failed_reads, None)
    }

    fn views(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut values = describe(out, "feature_values", "Values that were answered, by status", COUNTER)?;
        for (view, counters) in &self.views {
            for (status, number) in counters.values() {
                count(&mut values, &[("feature_view", view.as_str()), ("status", status.as_str())], number)?;
            }
        }
        let help = "How old the rows were that were read, at the instant they were asked for";
        let mut ages = describe(out, "feature_view_row_age_seconds", help, HISTOGRAM)?;
        for (view, counters) in &self.views {
            let HistogramCounts { buckets, sum_seconds } = counters.row_ages();
            let (total, buckets) = with_ends(&buckets, AGE_SECONDS.iter().copied());
            // What is computed on demand has no rows.
            if total > 0 {
                histogram(&mut ages, &[("feature_view", view.as_str())], sum_seconds, total, &buckets)?;
            }
        }
        let help = "How long ago the last instant was that is materialized";
        let mut freshness = describe(out, "feature_view_freshness_age_seconds", help, MetricType::Gauge)?;
        for (view, seconds) in &self.freshness_seconds {
            freshness.encode_family(&[("feature_view", view.as_str())])?.encode_gauge(seconds)?;
        }
        Ok(())
    }

    fn feature_log(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let LogCounts { written_rows, dropped_rows, lost_rows, failed_writes, .. } = self.log;
        let mut rows = describe(out, "feature_log_rows", "Rows of the feature log, by what became of them", COUNTER)?;
        for (result, number) in [("written", written_rows), ("dropped", dropped_rows), ("lost", lost_rows)] {
            count(&mut rows, &[("result", result)], number)?;
        }
        let help = "Attempts to write a file of the feature log that failed";
        let mut failed = describe(out, "feature_log_failed_writes", help, COUNTER)?;
        failed.encode_counter::<NoLabelSet, u64, f64>(&failed_writes, None)
    }

    fn transforms(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        type Read = fn(&TransformMetrics) -> u64;
        let counters: [(&str, &str, Read); 8] = [
            ("transform_calls", "Calls of a transform, failed ones included", |metrics| metrics.calls),
            ("transform_rows", "Rows that were handed to it", |metrics| metrics.rows),
            ("transform_failed_rows", "Rows that it failed", |metrics| metrics.failed_rows),
            ("transform_failed_calls", "Calls that failed as a whole", |metrics| metrics.failed_calls),
            ("transform_overloads", "Calls that were refused since too many were under way", |metrics| {
                metrics.overloads
            }),
            ("transform_reused_calls", "Calls that a reused instance answered", |metrics| metrics.reused),
            ("transform_shadow_checks", "Calls that were repeated, to compare", |metrics| metrics.shadow_checks),
            ("transform_shadow_mismatches", "Calls that came out otherwise then", |metrics| metrics.shadow_mismatches),
        ];
        for (name, help, read) in counters {
            let mut metric = describe(out, name, help, COUNTER)?;
            for (transform, metrics) in &self.transforms {
                count(&mut metric, &[("transform", transform.as_str())], read(metrics))?;
            }
        }
        self.transform_limits(out)?;
        self.transform_times(out)
    }

    fn transform_limits(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut hits = describe(out, "transform_limit_hits", "Calls that broke a limit", COUNTER)?;
        for (transform, metrics) in &self.transforms {
            for (limit, number) in metrics.limit_hits {
                count(&mut hits, &[("transform", transform.as_str()), ("limit", limit)], number)?;
            }
        }
        let mut alive = describe(out, "transform_instances", "Instances that exist", MetricType::Gauge)?;
        for (transform, metrics) in &self.transforms {
            alive
                .encode_family(&[("transform", transform.as_str())])?
                .encode_gauge(&(metrics.instances_alive as f64))?;
        }
        Ok(())
    }

    fn transform_times(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Calls of a transform, from Arrow to Arrow";
        let mut times = describe(out, "transform_call_duration_seconds", help, HISTOGRAM)?;
        for (transform, metrics) in &self.transforms {
            let ends = CALL_TIME_BUCKETS_US.iter().map(|us| *us as f64 / 1e6);
            let (total, buckets) = with_ends(&metrics.call_time_us, ends);
            let sum = metrics.call_time_total.as_secs_f64();
            histogram(&mut times, &[("transform", transform.as_str())], sum, total, &buckets)?;
        }
        Ok(())
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.server(&mut encoder)?;
        self.store(&mut encoder)?;
        self.views(&mut encoder)?;
        self.feature_log(&mut encoder)?;
        self.transforms(&mut encoder)
    }
}

const COUNTER: MetricType = MetricType::Counter;
const HISTOGRAM: MetricType = MetricType::Histogram;

fn describe<'s>(
    out: &'s mut DescriptorEncoder<'_>,
    name: &'s str,
    help: &str,
    metric_type: MetricType,
) -> Result<MetricEncoder<'s>, fmt::Error> {
    out.encode_descriptor(name, help, None, metric_type)
}

fn gauge(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    describe(out, name, help, MetricType::Gauge)?.encode_gauge(&value)
}

fn count(metric: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, number: u64) -> fmt::Result {
    metric.encode_family(labels)?.encode_counter::<NoLabelSet, u64, f64>(&number, None)
}

fn histogram(
    metric: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    sum: f64,
    total: u64,
    buckets: &[(f64, u64)],
) -> fmt::Result {
    metric.encode_family(labels)?.encode_histogram::<NoLabelSet>(sum, total, buckets, None)
}

/// The number of all, and each bucket with its upper end; the last has the one that is written as infinite.
fn with_ends(counts: &[u64], ends: impl Iterator<Item = f64>) -> (u64, Vec<(f64, u64)>) {
    let buckets = ends.chain([f64::MAX]).zip(counts.iter().copied()).collect();
    (counts.iter().sum(), buckets)
}

/// For each view that is materialized, how long before `now` that ends.
fn freshness(store: &FeatureStore, now: Timestamp) -> Vec<(String, f64)> {
    let seconds = |until: i64| (now.as_microsecond() - until) as f64 / 1e6;
    let views = store.commit().state.views.iter();
    views.filter_map(|(view, state)| Some((view.clone(), seconds(state.watermark()?)))).collect()
}
