//! One connection that many share: whoever asks appends commands to a buffer and waits, and replies come back in order.
//!
//! A task of its own writes what has gathered since it last looked, and reads whatever comes; it looks into replies only as far as it
//! takes to find their ends. Before it writes it lets the other tasks of its thread run once, for they may ask too. So the more is
//! asked at once, the fewer are the system calls for each, here and in the server; and whoever asked looks into its reply on its
//! own thread.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::task::AtomicWaker;
use redis::{RedisError, RedisResult};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::connect::Stream;
use super::reply::Scan;

/// Room for what is read: for several replies of a usual length. Where a value is known to be longer, there is room for all of it.
const ROOM_BYTES: usize = 256 << 10;

/// Where there is less room, there is more made, to which the beginning of a reply may have to move.
const READ_BYTES: usize = 16 << 10;

/// A connection. It is closed with the last reply that somebody waits for, once this is dropped.
pub(super) struct Line {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    driver: AtomicWaker,
}

/// What the driver has not looked at yet.
#[derive(Default)]
struct Queue {
    commands: Vec<u8>,
    waiting: Vec<Waiting>,
    /// nobody asks any more
    is_dropped: bool,
    /// why nothing can be asked any more
    failure: Option<RedisError>,
}

/// Somebody who waits for some replies.
struct Waiting {
    replies: usize,
    until: Instant,
    sender: oneshot::Sender<RedisResult<Bytes>>,
}

impl Line {
    /// Shares `stream`, by a task of the current runtime. Where a reply takes longer than `patience`, the connection is given up,
    /// and so are all who wait for it.
    pub(super) fn new(stream: Box<dyn Stream>, patience: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let mut driver = Driver {
            stream,
            shared: Arc::clone(&shared),
            sending: Vec::new(),
            sent: 0,
            has_let_others_ask: false,
            received: BytesMut::new(),
            waiting: VecDeque::new(),
            scan: None,
            alarm: Box::pin(tokio::time::sleep(patience)),
            patience,
        };
        tokio::spawn(async move {
            let ended = std::future::poll_fn(|cx| driver.poll(cx)).await;
            driver.end(ended.err());
        });
        Self { shared }
    }

    /// The replies to `commands`, of which there are `replies`, at least one.
    ///
    /// # Errors
    /// Where the connection fails before they are all there.
    pub(super) async fn ask(&self, commands: &[u8], replies: usize, until: Instant) -> RedisResult<Bytes> {
        let (sender, reply) = oneshot::channel();
        {
            let mut queue = self.shared.queue();
            if let Some(failure) = &queue.failure {
                return Err(failure.clone());
            }
            queue.commands.extend_from_slice(commands);
            queue.waiting.push(Waiting { replies, until, sender });
        }
        self.shared.driver.wake();
        reply.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.queue().is_dropped = true;
        self.shared.driver.wake();
    }
}

impl Shared {
    /// A panic can't leave half of a value behind.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What writes and reads.
struct Driver {
    stream: Box<dyn Stream>,
    shared: Arc<Shared>,
    sending: Vec<u8>,
    /// how much of `sending` is written
    sent: usize,
    /// whether the other tasks have run since there was something to write
    has_let_others_ask: bool,
    received: BytesMut,
    /// whose commands are written, or about to be
    waiting: VecDeque<Waiting>,
    /// how far the replies of the first of them are there
    scan: Option<Scan>,
    /// when to look whether somebody has waited for too long
    alarm: Pin<Box<Sleep>>,
    patience: Duration,
}

impl Driver {
    /// Ends when nobody asks any more, or with the failure of the connection.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<RedisResult<()>> {
        self.shared.driver.register(cx.waker());
        self.read(cx)?;
        if self.is_to_write(cx) && self.write(cx)? {
            return Poll::Ready(Ok(()));
        }
        self.look_at_the_clock(cx)?;
        Poll::Pending
    }

    /// Whether to write now; where there are new commands, only once the other tasks have run, after which this one is called again.
    fn is_to_write(&mut self, cx: &Context<'_>) -> bool {
        if self.has_let_others_ask || self.shared.queue().commands.is_empty() {
            self.has_let_others_ask = false;
            return true;
        }
        self.has_let_others_ask = true;
        cx.waker().wake_by_ref();
        false
    }

    /// Writes as much as the connection takes. Whether all is done, and no more will come.
    fn write(&mut self, cx: &mut Context<'_>) -> RedisResult<bool> {
        loop {
            if self.sent == self.sending.len() && self.take_commands() {
                return Ok(true);
            }
            if self.sending.is_empty() {
                // What TLS holds back has to go too.
                return match Pin::new(&mut self.stream).poll_flush(cx) {
                    Poll::Ready(flushed) => Ok(flushed.map(|()| false)?),
                    Poll::Pending => Ok(false),
                };
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.sending[self.sent..]) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(written) => self.sent += written?,
                Poll::Pending => return Ok(false),
            }
        }
    }

    /// Takes what has gathered; the buffers go back and forth. Whether there is nothing, and there never will be.
    fn take_commands(&mut self) -> bool {
        self.sending.clear();
        self.sent = 0;
        let mut queue = self.shared.queue();
        std::mem::swap(&mut queue.commands, &mut self.sending);
        self.waiting.extend(queue.waiting.drain(..));
        queue.is_dropped && self.waiting.is_empty()
    }

    fn read(&mut self, cx: &mut Context<'_>) -> RedisResult<()> {
        loop {
            let needed = self.scan.as_ref().map_or(0, Scan::needed).saturating_sub(self.received.len());
            if self.received.capacity() - self.received.len() < needed.max(READ_BYTES) {
                self.received.reserve(needed.max(ROOM_BYTES));
            }
            match pin!(self.stream.read_buf(&mut self.received)).poll(cx) {
                Poll::Ready(Ok(0)) => return Err(closed()),
                Poll::Ready(read) => read.map(drop)?,
                Poll::Pending => return Ok(()),
            }
            self.deliver()?;
        }
    }

    /// Gives whoever has waited longest the replies that are there.
    fn deliver(&mut self) -> RedisResult<()> {
        while let Some(first) = self.waiting.front() {
            let scan = self.scan.get_or_insert_with(|| Scan::of(first.replies));
            let Some(end) = scan.advance(&self.received)? else { return Ok(()) };
            self.scan = None;
            let replies = self.received.split_to(end).freeze();
            if let Some(first) = self.waiting.pop_front() {
                // Whoever has gone meanwhile needs no reply.
                let _ = first.sender.send(Ok(replies));
            }
        }
        match self.received.is_empty() {
            true => Ok(()),
            false => Err(RedisError::from((redis::ErrorKind::Parse, "the server replied to what nobody asked"))),
        }
    }

    /// Fails when the first of those who wait has waited for too long. The alarm is not set anew for each of them: it rings, and is set to
    /// when the first has to have its reply by then.
    fn look_at_the_clock(&mut self, cx: &mut Context<'_>) -> RedisResult<()> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let (now, first) = (Instant::now(), self.waiting.front().map(|first| first.until));
            if first.is_some_and(|until| until <= now) {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            let next = first.unwrap_or(now + self.patience);
            self.alarm.as_mut().reset(next.into());
        }
        Ok(())
    }

    /// Tells all who wait, and whoever comes, that there is no connection any more.
    fn end(mut self, failure: Option<RedisError>) {
        let failure = failure.unwrap_or_else(closed);
        let mut queue = self.shared.queue();
        queue.failure = Some(failure.clone());
        self.waiting.extend(queue.waiting.drain(..));
        drop(queue);
        for waiting in self.waiting.drain(..) {
            let _ = waiting.sender.send(Err(failure.clone()));
        }
    }
}

fn closed() -> RedisError {
    io::Error::from(io::ErrorKind::UnexpectedEof).into()
}
