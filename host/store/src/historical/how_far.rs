//! How far a training set is, by what its operators have counted.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use super::plan::Plan;

/// How far a training set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// source rows read, over all feature views
    pub source_rows: u64,
    /// rows of the training set computed
    pub rows: u64,
    /// rows it will have
    pub of: u64,
}

pub(super) fn how_far(plan: &Plan) -> Progress {
    Progress { source_rows: rows(&plan.root, "SourceRowsExec"), rows: rows(&plan.root, "FeaturesExec"), of: plan.rows }
}

/// The rows that the operators called `name` have put out.
fn rows(plan: &Arc<dyn ExecutionPlan>, name: &str) -> u64 {
    let own = if plan.name() == name { plan.metrics().and_then(|metrics| metrics.output_rows()) } else { None };
    let below: u64 = plan.children().into_iter().map(|child| rows(child, name)).sum();
    own.map_or(0, |rows| rows as u64) + below
}
