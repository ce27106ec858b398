//! Jobs let requests go first, in this process and in others on the same processors.

/// By how much a job's priority is lowered, as far as it goes: of a processor that both want, a request gets 98 of 100 parts. With 10, of
/// the reads of 100 entities beside `materialize` one in a hundred took 5 to 7 ms, with 19 it takes 3.5 ms (`bench/online/run.sh embedded_reads`).
pub const LOWER_PRIORITY: i32 = 19;

/// Lowers the priority of this thread, and of the threads that it starts from now on. Nothing is lowered on other systems
/// than Linux: there, only a whole process has a priority, and requests are in it.
pub(crate) fn lower_priority_of_thread() {
    // Where it is forbidden, the job works all the same.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(LOWER_PRIORITY);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// This thread's, from the system's own list.
    fn nice() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux shows it");
        // The name, in brackets, may hold anything; the fields after it are numbered from 3.
        let mut fields = stat.rsplit_once(')').expect("a name is in brackets").1.split_whitespace();
        fields.nth(19 - 3).and_then(|nice| nice.parse().ok()).expect("the 19th field is a number")
    }

    #[test]
    fn a_thread_and_those_that_it_starts_give_way_and_no_other_does() {
        let before = nice();
        let job = std::thread::spawn(|| {
            lower_priority_of_thread();
            [nice(), std::thread::spawn(nice).join().unwrap()]
        });
        assert_eq!(job.join().unwrap(), [(before + LOWER_PRIORITY).min(19); 2]);
        assert_eq!(nice(), before);
    }
}
