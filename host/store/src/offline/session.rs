//! What a job may use: threads, memory, batches; and the session that holds it to that.

use std::sync::Arc;

use datafusion::execution::context::SessionContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool, UnboundedMemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionConfig;

use super::failure::from_datafusion;
use crate::Result;

/// How much of the machine a job may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// threads that work at the same time
    pub threads: usize,
    /// bytes that tables, sorts and joins may hold; what is beyond goes to disk. Without: as much as there is
    pub memory_bytes: Option<usize>,
    /// rows of a batch
    pub batch_rows: usize,
}

impl Default for Resources {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, memory_bytes: None, batch_rows: 8_192 }
    }
}

/// Rows of a batch that are worth it however little memory there is.
const BATCH_ROWS_MIN: usize = 128;

/// Bytes of the memory limit for each row of a batch and thread. Every input, sort and buffer holds batches at the same time,
/// so that little memory wants small ones.
const BYTES_A_BATCH_ROW: usize = 32 << 10;

/// A session within `resources`. Plans are made as we say: nothing is repartitioned, reordered or retyped behind our back.
///
/// # Errors
/// Where there is no folder for what doesn't fit into memory.
pub(crate) fn session(resources: &Resources) -> Result<SessionContext> {
    let threads = resources.threads.max(1);
    let rows_max = resources.memory_bytes.map_or(usize::MAX, |bytes| bytes / (BYTES_A_BATCH_ROW * threads));
    let batch_rows = resources.batch_rows.clamp(1, rows_max.max(BATCH_ROWS_MIN));
    let mut config = SessionConfig::new().with_target_partitions(threads).with_batch_size(batch_rows);
    let execution = &mut config.options_mut().execution;
    execution.parquet.schema_force_view_types = false;
    execution.collect_statistics = false;
    if let Some(bytes) = resources.memory_bytes {
        // What a sort sets aside to merge its runs; the default is more than small limits have.
        execution.sort_spill_reservation_bytes = (bytes / 32 / threads).min(10 << 20);
    }
    let pool: Arc<dyn MemoryPool> = match resources.memory_bytes {
        None => Arc::new(UnboundedMemoryPool::default()),
        Some(bytes) => {
            let named = std::num::NonZero::<usize>::MIN.saturating_add(2);
            Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), named))
        }
    };
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::OsTmpDirectory);
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).with_disk_manager_builder(disk);
    let runtime =
        runtime.build_arc().map_err(|error| from_datafusion(error, "no temporary folder can be made to sort in"))?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}
