//! Files that are complete, on their way to where they belong: one after the other, each tried until it is there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::file::FinishedFile;
use super::writer::Counters;
use crate::Result;
use crate::storage::Place;

/// How many bytes may wait. A disk that stays full or a bucket that stays away costs the oldest files beyond that.
const BYTES_MAX: usize = 64 << 20;

/// How long to wait after a failure: twice as long each time.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The files that wait, the oldest first.
pub(super) struct Pending {
    place: Place,
    runtime: Handle,
    files: VecDeque<FinishedFile>,
    bytes: usize,
    /// the first file, on its way
    under_way: Option<JoinHandle<Result<()>>>,
    /// how often the first file failed
    failures: u32,
    again_at: Option<Instant>,
}

impl Pending {
    pub(super) fn new(place: Place, runtime: Handle) -> Self {
        Self { place, runtime, files: VecDeque::new(), bytes: 0, under_way: None, failures: 0, again_at: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Rows that wait.
    pub(super) fn rows(&self) -> usize {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Adds a file; where there are too many bytes then, the oldest is lost that is not on its way.
    pub(super) fn add(&mut self, file: FinishedFile, counters: &Counters) {
        self.bytes += file.bytes.len();
        self.files.push_back(file);
        while self.bytes > BYTES_MAX && self.files.len() > 1 {
            let oldest = usize::from(self.under_way.is_some());
            let Some(lost) = self.files.remove(oldest) else { return };
            self.bytes -= lost.bytes.len();
            counters.lose(lost.rows);
            tracing::error!(file = lost.name, rows = lost.rows, "a file of the feature log is lost: too many wait");
        }
    }

    /// Looks whether the file on its way has arrived, and sends the next.
    pub(super) fn step(&mut self, counters: &Counters) {
        if let Some(task) = self.under_way.take_if(|task| task.is_finished()) {
            let result = self.runtime.block_on(task).unwrap_or_else(|error| {
                Err(crate::Error::unavailable("the feature log's writer was cut off").because(error))
            });
            self.arrived(result, counters);
        }
        let due = self.again_at.is_none_or(|again_at| again_at <= Instant::now());
        if let (None, true, Some(file)) = (&self.under_way, due, self.files.front()) {
            let (place, name, bytes) = (self.place.clone(), file.name.clone(), file.bytes.clone());
            self.under_way = Some(self.runtime.spawn(async move { place.write(&name, bytes).await }));
        }
    }

    fn arrived(&mut self, result: Result<()>, counters: &Counters) {
        match result {
            Ok(()) => {
                if let Some(file) = self.files.pop_front() {
                    self.bytes -= file.bytes.len();
                    counters.wrote(file.rows);
                }
                (self.failures, self.again_at) = (0, None);
            }
            Err(error) => {
                let pause = PAUSE.saturating_mul(1 << self.failures.min(6)).min(PAUSE_MAX);
                self.failures += 1;
                self.again_at = Some(Instant::now() + pause);
                counters.failed();
                let rows = self.rows();
                tracing::warn!(%error, rows, "the feature log can't be written: it is tried again, requests are answered");
            }
        }
    }
}
