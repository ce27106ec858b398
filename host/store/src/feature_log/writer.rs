//! The feature log of a server: a queue that requests put rows into, and the thread that empties it.
//!
//! A request takes a lock for as long as it takes to push a pointer. The thread looks every [`TICK`], so that nobody is woken for a
//! request; it makes columns of the rows, encodes them, and completes a file when it is large or old enough. All that is held has a
//! limit: rows in the queue, bytes of open files, bytes of files that wait to be written.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::file::OpenFile;
use super::layout::LoggedRows;
use super::pending::Pending;
use super::question::Question;
use super::sensitive::Hidden;
use crate::definitions::FeatureLoggingSettings;
use crate::feature_store::FeatureStore;
use crate::{Error, Result, storage};

/// How often the queue is emptied.
const TICK: Duration = Duration::from_millis(50);

/// How many bytes open files may have together before the largest is completed.
const OPEN_BYTES_MAX: usize = 128 << 20;

/// What tells the time.
pub type LogClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The log of a server. Clones of the `Arc` share one queue and one thread.
pub struct FeatureLog {
    settings: FeatureLoggingSettings,
    shared: Arc<Shared>,
    /// what tells the files and requests of this server from those of others
    instance: String,
    requests: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What became of the rows so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogCounts {
    /// rows in files that are written
    pub written_rows: u64,
    /// files that are written
    pub written_files: u64,
    /// rows that found the queue full
    pub dropped_rows: u64,
    /// rows that were taken and could not be written
    pub lost_rows: u64,
    /// attempts to write a file that failed; it is tried again
    pub failed_writes: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    written_rows: AtomicU64,
    written_files: AtomicU64,
    dropped_rows: AtomicU64,
    lost_rows: AtomicU64,
    failed_writes: AtomicU64,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    ended: Condvar,
    counters: Counters,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(Arc<Question>, LoggedRows)>,
    rows: usize,
    /// until when to have written what there is, once the end was asked for
    end_by: Option<Instant>,
}

impl Counters {
    pub(super) fn wrote(&self, rows: usize) {
        self.written_rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.written_files.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lose(&self, rows: usize) {
        self.lost_rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed_writes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Whoever panicked with it left whole rows behind.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FeatureLog {
    /// Starts the log that `settings` describe, for what `store` serves; `clock` tells the time, and `instance` must be another text for
    /// each server that writes to the same place. The place need not be there yet. Must be called within a runtime of tokio's,
    /// which has to last until the log is closed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidDefinition`](crate::ErrorKind::InvalidDefinition) for settings that can't be meant.
    pub fn start(
        settings: FeatureLoggingSettings,
        store: &FeatureStore,
        clock: LogClock,
        instance: String,
    ) -> Result<Arc<Self>> {
        check(&settings, store)?;
        let place = storage::open(&settings.path, Path::new(store.root()))?;
        let shared = Arc::new(Shared::default());
        let pending = Pending::new(place, Handle::current());
        let writer = Writer {
            settings: settings.clone(),
            shared: Arc::clone(&shared),
            clock,
            instance: instance.clone(),
            files: Vec::new(),
            finished: 0,
            pending,
        };
        let thread = std::thread::Builder::new().name("feature-log".to_owned()).spawn(move || writer.run());
        let thread =
            thread.map_err(|error| Error::unavailable("can't start a thread for the feature log").because(error))?;
        let (requests, thread) = (AtomicU64::new(0), Mutex::new(Some(thread)));
        Ok(Arc::new(Self { settings, shared, instance, requests, thread }))
    }

    /// What became of the rows so far.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        let Counters { written_rows, written_files, dropped_rows, lost_rows, failed_writes } = &self.shared.counters;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LogCounts {
            written_rows: count(written_rows),
            written_files: count(written_files),
            dropped_rows: count(dropped_rows),
            lost_rows: count(lost_rows),
            failed_writes: count(failed_writes),
        }
    }

    /// Writes what there is, and ends; what can't be written `within` that time is lost. Blocks. Says what became of all rows.
    pub fn close(&self, within: Duration) -> LogCounts {
        self.shared.queue().end_by = Some(Instant::now() + within);
        self.shared.ended.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the feature log's thread panicked: rows are lost");
        }
        self.counts()
    }

    pub(super) fn settings(&self) -> &FeatureLoggingSettings {
        &self.settings
    }

    /// The number of a request, from 0.
    pub(super) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// What tells the request of this number from all others, also from those of other servers.
    pub(super) fn request_id(&self, request: u64) -> String {
        format!("{}-{request}", self.instance)
    }

    /// Takes the rows if there is room for them.
    pub(super) fn offer(&self, question: &Arc<Question>, rows: LoggedRows) {
        let count = rows.event_timestamps.len();
        let mut queue = self.shared.queue();
        if queue.rows + count > self.settings.queue_capacity || queue.end_by.is_some() {
            drop(queue);
            return self.drop_rows(count);
        }
        queue.rows += count;
        queue.waiting.push((Arc::clone(question), rows));
    }

    pub(super) fn drop_rows(&self, rows: usize) {
        self.shared.counters.dropped_rows.fetch_add(rows as u64, Ordering::Relaxed);
    }
}

/// Says what can't be meant before anything is served.
fn check(settings: &FeatureLoggingSettings, store: &FeatureStore) -> Result<()> {
    let FeatureLoggingSettings { sample_rate, flush_interval_secs, queue_capacity, file_bytes, .. } = settings;
    if !(0.0..=1.0).contains(sample_rate) {
        let message = format!("feature_logging has a sample_rate of {sample_rate}: give a share from 0 to 1");
        return Err(Error::invalid_definition(message));
    }
    let positive = [
        ("flush_interval_secs", *flush_interval_secs > 0),
        ("queue_capacity", *queue_capacity > 0),
        ("file_bytes", *file_bytes > 0),
    ];
    if let Some((name, _)) = positive.into_iter().find(|(_, positive)| !positive) {
        return Err(Error::invalid_definition(format!("feature_logging has a {name} of 0: give 1 or more")));
    }
    Hidden::new(settings, store.definitions(), &store.output_columns()).map(drop)
}

/// What the thread has.
struct Writer {
    settings: FeatureLoggingSettings,
    shared: Arc<Shared>,
    clock: LogClock,
    instance: String,
    files: Vec<OpenFile>,
    /// how many files were completed, for their names
    finished: u64,
    pending: Pending,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (waiting, end_by) = self.wait();
            let now = (self.clock)();
            waiting.into_iter().for_each(|(question, rows)| self.add(&question, rows, now));
            self.encode();
            self.roll(now, end_by.is_some());
            self.pending.step(&self.shared.counters);
            if let Some(end_by) = end_by {
                return self.end(end_by);
            }
        }
    }

    /// What came in until the next tick, and whether it is the end.
    fn wait(&self) -> (Vec<(Arc<Question>, LoggedRows)>, Option<Instant>) {
        let queue = self.shared.queue();
        let waited = self.shared.ended.wait_timeout_while(queue, TICK, |queue| queue.end_by.is_none());
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.rows = 0;
        (std::mem::take(&mut queue.waiting), queue.end_by)
    }

    fn add(&mut self, question: &Arc<Question>, rows: LoggedRows, now: Timestamp) {
        let served_at = Timestamp::from_microsecond(rows.served_at).unwrap_or(now);
        let date = served_at.strftime("%Y-%m-%d").to_string();
        let place = self.files.iter().position(|file| file.takes(question, &date));
        let file = match place {
            Some(place) => &mut self.files[place],
            None => match OpenFile::new(question, date, now) {
                Ok(file) => self.files.push_mut(file),
                Err(error) => return self.lost(rows.event_timestamps.len(), &error),
            },
        };
        file.add(rows);
    }

    fn encode(&mut self) {
        for place in 0..self.files.len() {
            if let Err((rows, error)) = self.files[place].encode() {
                self.lost(rows, &error);
            }
        }
    }

    /// Completes the files that are old or large enough, or all at the end; and the largest where all together are too large.
    fn roll(&mut self, now: Timestamp, all: bool) {
        let age_max = i64::try_from(self.settings.flush_interval_secs).unwrap_or(i64::MAX);
        let file_bytes = self.settings.file_bytes;
        let due = |file: &mut OpenFile| all || file.age_secs(now) >= age_max || file.size() >= file_bytes;
        let due: Vec<OpenFile> = self.files.extract_if(.., due).collect();
        due.into_iter().for_each(|file| self.finish(file));
        while self.files.iter().map(OpenFile::bytes).sum::<usize>() > OPEN_BYTES_MAX {
            let Some(largest) = (0..self.files.len()).max_by_key(|place| self.files[*place].bytes()) else { return };
            let file = self.files.swap_remove(largest);
            self.finish(file);
        }
    }

    fn finish(&mut self, file: OpenFile) {
        let unique = format!("{}-{}", self.instance, self.finished);
        self.finished += 1;
        match file.finish(&unique) {
            Ok(Some(file)) => self.pending.add(file, &self.shared.counters),
            Ok(None) => {}
            Err((rows, error)) => self.lost(rows, &error),
        }
    }

    fn lost(&self, rows: usize, error: &Error) {
        self.shared.counters.lose(rows);
        tracing::error!(%error, rows, "rows of the feature log are lost");
    }

    /// Writes what waits, as long as there is time.
    fn end(mut self, end_by: Instant) {
        while !self.pending.is_empty() && Instant::now() < end_by {
            self.pending.step(&self.shared.counters);
            std::thread::sleep(Duration::from_millis(5));
        }
        if !self.pending.is_empty() {
            let rows = self.pending.rows();
            self.shared.counters.lose(rows);
            tracing::error!(rows, "rows of the feature log are lost: they could not be written in time");
        }
    }
}
