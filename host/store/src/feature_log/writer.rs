//! The feature log of a server: rows that requests add, and the thread that encodes them.
//!
//! A request copies its rows to the columns of its question, in [`Waiting`](super::waiting::Waiting), which nobody else holds for longer
//! than it takes to copy some rows. The thread looks every [`TICK`], so that nobody is woken for a request; it encodes what there is
//! where that is worth it, and completes a file when it is large or old enough. All that is held has a limit: rows that wait, bytes of open
//! files, bytes of files that wait to be written. Where the thread panics, the server answers on; nothing is logged any more, which is said once, and
//! every row counts as dropped or lost.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::batch::LoggedBatch;
use super::file::OpenFile;
use super::growth::Growth;
use super::kept::KeptRows;
use super::layout::LoggedRows;
use super::pending::Pending;
use super::question::Question;
use super::sampling::instance_hash;
use super::sensitive::Hidden;
use crate::definitions::FeatureLoggingSettings;
use crate::feature_store::FeatureStore;
use crate::{Error, Result, storage};

/// How often the thread looks what there is.
const TICK: Duration = Duration::from_millis(50);

/// Rows that are worth to be encoded: each time costs something for every column, however few the rows.
const ENCODED_ROWS: usize = 1 << 14;

/// After so many ticks what there is is encoded, however little it is.
const PATIENCE_TICKS: u32 = 10;

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
    instance_hash: u64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What became of the rows so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogCounts {
    /// rows in files that are written
    pub written_rows: u64,
    /// files that are written
    pub written_files: u64,
    /// rows that were not taken: too many waited, or the log had ended
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
    /// whether no rows are taken any more
    is_closed: AtomicBool,
    /// whether the thread is gone that would write them
    is_dead: AtomicBool,
    busy: Busy,
    counters: Counters,
}

/// What every request writes to: by itself in one line of a cache, which it has to wait for once.
#[derive(Default)]
#[repr(align(128))]
struct Busy {
    /// requests so far
    requests: AtomicU64,
    /// rows that were taken
    taken_rows: AtomicU64,
    /// those of them that are not encoded yet
    waiting_rows: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    /// the questions of which rows wait, some more than once
    questions: Vec<Arc<Question>>,
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
        // Whoever panicked with it left whole questions behind.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `rows` more may wait, which then count as waiting.
    fn has_room(&self, rows: usize, capacity: usize) -> bool {
        let has_room = self.busy.waiting_rows.fetch_add(rows, Ordering::Relaxed) + rows <= capacity;
        if !has_room {
            self.busy.waiting_rows.fetch_sub(rows, Ordering::Relaxed);
        }
        has_room
    }

    /// Lets the thread know of rows of `question`, unless it has ended.
    fn announce(&self, question: &Arc<Question>) -> bool {
        let mut queue = self.queue();
        let is_open = !self.is_closed.load(Ordering::Relaxed);
        if is_open {
            queue.questions.push(Arc::clone(question));
        }
        is_open
    }

    /// Takes no rows any more. Whoever holds columns of a question, or gets them later, sees it there or in the queue.
    fn close(&self, end_by: Instant) {
        let mut queue = self.queue();
        queue.end_by = Some(end_by);
        self.is_closed.store(true, Ordering::Relaxed);
        drop(queue);
        self.ended.notify_all();
    }

    /// The thread is gone: what it had is lost.
    fn die(&self) {
        self.close(Instant::now());
        self.is_dead.store(true, Ordering::Relaxed);
        // Its memory is of no use any more.
        let questions = std::mem::take(&mut self.queue().questions);
        questions.iter().for_each(|question| question.waiting.take().for_each(drop));
        tracing::error!(
            "the feature log's thread panicked: rows that were not in a file yet are lost, and nothing is logged any more; requests are \
             answered: start the server anew to log them"
        );
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
        let died = Arc::clone(&shared);
        // Nothing of the writer is used after a panic.
        let run = move || catch_unwind(AssertUnwindSafe(|| writer.run())).unwrap_or_else(|_| died.die());
        let thread = std::thread::Builder::new().name("feature-log".to_owned()).spawn(run);
        let thread =
            thread.map_err(|error| Error::unavailable("can't start a thread for the feature log").because(error))?;
        let thread = Mutex::new(Some(thread));
        let instance_hash = instance_hash(&instance);
        Ok(Arc::new(Self { settings, shared, instance_hash, instance, thread }))
    }

    /// What became of the rows so far.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        let counters = &self.shared.counters;
        let Counters { written_rows, written_files, dropped_rows, lost_rows, failed_writes } = counters;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let lost_rows = match self.shared.is_dead.load(Ordering::Relaxed) {
            true => count(&self.shared.busy.taken_rows).saturating_sub(count(written_rows)),
            false => count(lost_rows),
        };
        LogCounts {
            written_rows: count(written_rows),
            written_files: count(written_files),
            dropped_rows: count(dropped_rows),
            lost_rows,
            failed_writes: count(failed_writes),
        }
    }

    /// Writes what there is, and ends; what can't be written `within` that time is lost. Blocks. Says what became of all rows.
    pub fn close(&self, within: Duration) -> LogCounts {
        self.shared.close(Instant::now() + within);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            thread.join().expect("the thread catches every panic");
        }
        self.counts()
    }

    pub(super) fn settings(&self) -> &FeatureLoggingSettings {
        &self.settings
    }

    /// The number of a request, from 0.
    pub(super) fn next_request(&self) -> u64 {
        self.shared.busy.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// What tells the request of this number from all others, also from those of other servers.
    pub(super) fn request_id(&self, request: u64) -> String {
        let mut id = String::with_capacity(self.instance.len() + 1 + u64::MAX.ilog10() as usize + 1);
        id.push_str(&self.instance);
        write!(id, "-{request}").expect("a text takes what is written to it");
        id
    }

    /// What the name of this server hashes to.
    pub(super) fn instance_hash(&self) -> u64 {
        self.instance_hash
    }

    /// Takes the rows if there is room for them; else they are dropped.
    ///
    /// # Errors
    /// As [`Growth::append`]. The rows are dropped, and those that waited in the same columns are lost.
    pub(super) fn offer(&self, question: &Arc<Question>, rows: &LoggedRows<'_>, kept: &KeptRows) -> Result<()> {
        let (count, shared) = (rows.picked.len(), &self.shared);
        if !shared.has_room(count, self.settings.queue_capacity) {
            self.drop_rows(count);
            return Ok(());
        }
        let mut part = question.waiting.part();
        let is_open =
            if part.is_none() { shared.announce(question) } else { !shared.is_closed.load(Ordering::Relaxed) };
        let added = match is_open {
            true => part.get_or_insert_with(|| question.growth()).append(rows, kept),
            false => Ok(()),
        };
        if is_open && added.is_ok() {
            shared.busy.taken_rows.fetch_add(count as u64, Ordering::Relaxed);
            return Ok(());
        }
        self.drop_rows(count);
        shared.busy.waiting_rows.fetch_sub(count, Ordering::Relaxed);
        if added.is_err()
            && let Some(broken) = part.take()
        {
            shared.busy.waiting_rows.fetch_sub(broken.rows(), Ordering::Relaxed);
            shared.counters.lose(broken.rows());
        }
        added
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
        let mut ticks = 0;
        loop {
            let end_by = self.wait();
            ticks += 1;
            if end_by.is_some() || ticks >= PATIENCE_TICKS || self.is_worth_it() {
                ticks = 0;
                self.encode();
                self.roll((self.clock)(), end_by.is_some());
            }
            self.pending.step(&self.shared.counters);
            if let Some(end_by) = end_by {
                return self.end(end_by);
            }
        }
    }

    /// Waits for the next tick, or for the end: until when is it to be over?
    fn wait(&self) -> Option<Instant> {
        let queue = self.shared.queue();
        let waited = self.shared.ended.wait_timeout_while(queue, TICK, |queue| queue.end_by.is_none());
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.end_by
    }

    /// Whether many rows wait, or soon no more may.
    fn is_worth_it(&self) -> bool {
        let rows = self.shared.busy.waiting_rows.load(Ordering::Relaxed);
        rows >= ENCODED_ROWS.min(self.settings.queue_capacity / 4)
    }

    /// Encodes what waits.
    fn encode(&mut self) {
        let questions = std::mem::take(&mut self.shared.queue().questions);
        for question in questions {
            for growth in question.waiting.take() {
                let rows = growth.rows();
                self.shared.busy.waiting_rows.fetch_sub(rows, Ordering::Relaxed);
                self.write(&question, growth).unwrap_or_else(|(lost, error)| self.lost(lost, &error));
            }
        }
    }

    /// Encodes rows of a question, each in the file of its day.
    ///
    /// # Errors
    /// Says how many of them are lost.
    fn write(&mut self, question: &Arc<Question>, growth: Growth) -> Result<(), (usize, Error)> {
        let mut rows = growth.rows();
        let batch = question.batch(growth).map_err(|error| (rows, error))?;
        for (first_served_at, batch) in by_day(&batch) {
            let file = self.file(question, first_served_at).map_err(|error| (rows, error))?;
            file.write(&batch).map_err(|error| (rows, error))?;
            rows -= batch.rows();
        }
        Ok(())
    }

    /// The open file for rows of `question` that were served on the day of `served_at`.
    fn file(&mut self, question: &Arc<Question>, served_at: Timestamp) -> Result<&mut OpenFile> {
        let date = served_at.strftime("%Y-%m-%d").to_string();
        Ok(match self.files.iter().position(|file| file.takes(question, &date)) {
            Some(place) => &mut self.files[place],
            None => self.files.push_mut(OpenFile::new(question, date, served_at)?),
        })
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

/// The rows of each day on which they were served, which seldom is more than one; with the instant at which the first was.
fn by_day(batch: &LoggedBatch) -> Vec<(Timestamp, LoggedBatch)> {
    const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
    let day = |instant: &i64| instant.div_euclid(DAY_MICROS);
    let served_at = batch.served_at().values();
    let mut first = 0;
    let days = served_at.chunk_by(|left, right| day(left) == day(right)).map(|rows| {
        let first_served_at = Timestamp::from_microsecond(rows[0]).unwrap_or_default();
        first += rows.len();
        (first_served_at, batch.slice(first - rows.len(), rows.len()))
    });
    days.collect()
}
