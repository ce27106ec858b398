//! Work that is done for several tasks at once, where each would otherwise do its own.
//!
//! A transform's call costs some microseconds, however few its rows are. Requests that were read in one go are ready at the same
//! moment: so the first of them lets the other tasks of its thread run once, and then does the work of all who have come by then.
//! Nobody waits for somebody who is not there yet.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;

/// How many can join whoever was first.
const FOLLOWERS_MAX: usize = 15;

/// Where tasks meet: those of one thread, for to wake another thread would take longer than most work.
pub(crate) struct Together<T, U> {
    groups: Box<[Mutex<Group<T, U>>]>,
}

struct Group<T, U> {
    /// whether somebody was first, and will do the work
    is_led: bool,
    followers: Vec<Follower<T, U>>,
}

struct Follower<T, U> {
    work: T,
    done: oneshot::Sender<Result<U, T>>,
}

/// Whoever did the work has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interrupted;

/// Somebody who will do the work of a group; where that doesn't come to pass, for its task was given up, all have theirs back.
struct Leader<'a, T, U> {
    group: &'a Mutex<Group<T, U>>,
    leads: bool,
}

impl<T, U> Together<T, U> {
    /// For the tasks of `threads` threads.
    pub(crate) fn new(threads: usize) -> Self {
        let group = || Mutex::new(Group { is_led: false, followers: Vec::new() });
        Self { groups: std::iter::repeat_with(group).take(threads.max(1)).collect() }
    }

    /// What comes of `work`, done by `all` with that of others who come at the same moment; or the work itself where `all` gives all
    /// of it back, or so many have come that nobody has done it.
    ///
    /// # Errors
    /// [`Interrupted`] where it is lost.
    pub(crate) async fn share(
        &self,
        work: T,
        all: impl FnOnce(Vec<T>) -> Result<Vec<U>, Vec<T>>,
    ) -> Result<Result<U, T>, Interrupted> {
        let group = &self.groups[thread_number() % self.groups.len()];
        let work = match join(group, work) {
            Joined::Leads(work) => work,
            Joined::Follows(done) => return done.await.map_err(|_| Interrupted),
            Joined::Full(work) => return Ok(Err(work)),
        };
        let mut leader = Leader { group, leads: true };
        let_others_run().await;
        let (mut works, mut waiting) = (vec![work], Vec::new());
        for Follower { work, done } in leader.end() {
            works.push(work);
            waiting.push(done);
        }
        let results: Vec<Result<U, T>> = match all(works) {
            Ok(done) => done.into_iter().map(Ok).collect(),
            Err(undone) => undone.into_iter().map(Err).collect(),
        };
        let mut results = results.into_iter();
        let own = results.next().ok_or(Interrupted)?;
        for (done, result) in waiting.into_iter().zip(results) {
            // Whoever has gone meanwhile needs no result.
            let _ = done.send(result);
        }
        Ok(own)
    }
}

/// What somebody is who comes with work.
enum Joined<T, U> {
    Leads(T),
    Follows(oneshot::Receiver<Result<U, T>>),
    Full(T),
}

fn join<T, U>(group: &Mutex<Group<T, U>>, work: T) -> Joined<T, U> {
    let mut group = locked(group);
    if !std::mem::replace(&mut group.is_led, true) {
        return Joined::Leads(work);
    }
    if group.followers.len() == FOLLOWERS_MAX {
        return Joined::Full(work);
    }
    let (done, result) = oneshot::channel();
    group.followers.push(Follower { work, done });
    Joined::Follows(result)
}

impl<T, U> Leader<'_, T, U> {
    /// All who have come. Whoever comes next leads others.
    fn end(&mut self) -> Vec<Follower<T, U>> {
        let mut group = locked(self.group);
        (self.leads, group.is_led) = (false, false);
        std::mem::take(&mut group.followers)
    }
}

impl<T, U> Drop for Leader<'_, T, U> {
    fn drop(&mut self) {
        if self.leads {
            for Follower { work, done } in self.end() {
                let _ = done.send(Err(work));
            }
        }
    }
}

/// Comes back after the other tasks of this thread that can run have run once.
async fn let_others_run() {
    let mut have_run = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut have_run, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Numbers threads in the order in which they ask.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

/// A panic can't leave half of a value behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use tokio::task::JoinHandle;

    use super::*;

    type Numbers = Together<u32, String>;

    /// Shares each of `works` by a task of its own, all at the same moment; what comes of each, and in what portions it was done.
    async fn share(together: &Arc<Numbers>, works: Vec<u32>, is_done: bool) -> (Vec<Result<String, u32>>, Vec<usize>) {
        let portions = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = works
            .into_iter()
            .map(|work| {
                let (together, portions) = (Arc::clone(together), Arc::clone(&portions));
                tokio::spawn(async move {
                    let all = |works: Vec<u32>| {
                        portions.lock().unwrap().push(works.len());
                        if is_done { Ok(works.iter().map(u32::to_string).collect()) } else { Err(works) }
                    };
                    together.share(work, all).await.unwrap()
                })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        let portions = std::mem::take(&mut *portions.lock().unwrap());
        (results, portions)
    }

    /// Work that comes when somebody leads.
    fn follower(together: &Arc<Numbers>) -> JoinHandle<Result<Result<String, u32>, Interrupted>> {
        let together = Arc::clone(together);
        tokio::spawn(async move { together.share(2, |_| unreachable!("it follows")).await })
    }

    #[tokio::test]
    async fn all_who_come_at_the_same_moment_are_done_by_the_first_and_each_has_its_own_result() {
        let together = Arc::new(Numbers::new(1));
        for count in [1, 2, 16] {
            let (results, portions) = share(&together, (0..count).collect(), true).await;
            assert_eq!(results, (0..count).map(|work| Ok(work.to_string())).collect::<Vec<_>>());
            assert_eq!(portions, [count as usize]);
        }
    }

    #[tokio::test]
    async fn who_comes_when_a_group_is_full_or_is_not_done_has_its_work_back() {
        let together = Arc::new(Numbers::new(1));
        let (results, portions) = share(&together, (0..18).collect(), true).await;
        let expected = |work: u32| if work < 16 { Ok(work.to_string()) } else { Err(work) };
        assert_eq!(results, (0..18).map(expected).collect::<Vec<_>>());
        assert_eq!(portions, [16]);
        let (results, _) = share(&together, vec![1, 2], false).await;
        assert_eq!(results, [Err(1), Err(2)]);
    }

    #[tokio::test]
    async fn who_followed_somebody_who_was_given_up_has_its_work_back_and_the_next_is_led_anew() {
        let together = Arc::new(Numbers::new(1));
        let leader = Arc::clone(&together);
        let leader = tokio::spawn(async move { leader.share(1, |_| unreachable!("it is given up before")).await });
        let follower = follower(&together);
        let given_up = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&given_up);
        // Runs behind both, and before the leader a second time.
        tokio::spawn(async move {
            leader.abort();
            seen.store(leader.await.unwrap_err().is_cancelled(), Ordering::Relaxed);
        });
        assert_eq!(follower.await.unwrap(), Ok(Err(2)));
        tokio::task::yield_now().await;
        assert!(given_up.load(Ordering::Relaxed));
        assert_eq!(share(&together, vec![3], true).await, (vec![Ok("3".to_owned())], vec![1]));
    }

    #[tokio::test]
    async fn who_followed_somebody_who_panicked_hears_of_it() {
        let together = Arc::new(Numbers::new(1));
        let leader = Arc::clone(&together);
        let leader = tokio::spawn(async move { leader.share(1, |_| panic!("at work")).await });
        let follower = follower(&together);
        assert_eq!(follower.await.unwrap(), Err(Interrupted));
        assert!(leader.await.unwrap_err().is_panic());
        assert_eq!(share(&together, vec![3], true).await, (vec![Ok("3".to_owned())], vec![1]));
    }
}
