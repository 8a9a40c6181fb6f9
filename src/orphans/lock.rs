//! One clean-up at a time.

use std::time::Duration;

use crate::private::{Error, FileLock, StateDir};

/// Longest time for which a clean-up leaves the work to another one.
const MAX_AGE: Duration = Duration::from_secs(3_600);

/// Locks the gateway's state against other clean-ups; `None` if one is running.
///
/// Two at once do no harm, since each checks a cluster again before it shuts it down: the lock only
/// saves work and duplicate mail. So the system's `flock` is enough. It works between hosts on NFS
/// (4, or 3 with lockd), and ends with the process that holds it. Where it doesn't reach other hosts
/// (`nolock`), both runs work. For a host that crashed, a server of NFS 3 holds the lock until that
/// host is back, hence the time limit.
///
/// # Errors
/// The lock can't be taken, though no other clean-up of the last hour holds it: go on without it.
pub(crate) fn lock_clean_up(state: &StateDir) -> Result<Option<FileLock>, Error> {
    state.create()?.try_lock("lock", MAX_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_clean_up_runs_at_a_time() {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::for_test(home.path());
        let lock = || lock_clean_up(&state).expect("no error");
        let first = lock();
        assert!(first.is_some() && lock().is_none());
        drop(first);
        assert!(lock().is_some());
    }
}
