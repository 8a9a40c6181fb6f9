//! Notices that a COMMAND's tasks wait for workers that do not arrive.

use std::time::Duration;

use tokio::time::sleep;

use crate::scheduler::{Activity, Tasks};

/// How long tasks may wait without a worker before dgw says why.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pauses between requests: the scheduler has others to serve.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Waits until tasks were found waiting without a worker twice, half a minute apart. Returns false as
/// soon as the cluster has workers. Asks for the `activity` only while a client is connected.
pub(super) async fn wait_until_starved(
    is_in_use: impl Fn() -> bool,
    activity: impl AsyncFn() -> Activity,
) -> bool {
    let mut pause = FIRST_PAUSE;
    let mut were_waiting = false;
    loop {
        sleep(if were_waiting { PATIENCE } else { pause }).await;
        if !is_in_use() {
            (were_waiting, pause) = (false, FIRST_PAUSE);
            continue;
        }
        let activity = activity().await;
        if activity.workers.is_some_and(|count| count > 0) {
            return false;
        }
        let are_waiting = waits_for_workers(&activity);
        if are_waiting && were_waiting {
            return true;
        }
        if !are_waiting {
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        were_waiting = are_waiting;
    }
}

/// Returns true if tasks wait and no worker is there; false if a number is unknown.
fn waits_for_workers(activity: &Activity) -> bool {
    let unfinished = activity.tasks.as_ref().and_then(Tasks::unfinished);
    activity.workers == Some(0) && unfinished.is_some_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    fn activity(workers: Option<u64>, queued: Option<u64>) -> Activity {
        Activity {
            workers,
            tasks: Some(Tasks {
                processing: Some(0),
                queued,
                waiting: Some(0),
                unrunnable: Some(0),
                ..Tasks::default()
            }),
            ..Activity::default()
        }
    }

    #[test]
    fn only_known_tasks_wait_for_workers() {
        let waits = |workers, queued| waits_for_workers(&activity(workers, queued));
        assert!(waits(Some(0), Some(30)));
        assert!(!waits(Some(0), Some(0)));
        assert!(!waits(Some(0), None));
        assert!(!waits(Some(1), Some(30)));
        assert!(!waits(None, Some(30)));
        assert!(!waits_for_workers(&Activity::default()));
    }

    /// Returns the result, the seconds that it took and the number of requests.
    async fn watched(
        is_in_use: impl Fn(u64) -> bool,
        at: impl Fn(u64) -> Activity,
    ) -> (bool, u64, u32) {
        let start = Instant::now();
        let requests = Cell::new(0);
        let starved = wait_until_starved(
            || is_in_use(start.elapsed().as_secs()),
            async || {
                requests.set(requests.get() + 1);
                at(start.elapsed().as_secs())
            },
        );
        (starved.await, start.elapsed().as_secs(), requests.get())
    }

    #[tokio::test(start_paused = true)]
    async fn asks_twice_before_it_complains() {
        let waiting = |_| activity(Some(0), Some(30));
        assert_eq!(watched(|_| true, waiting).await, (true, 35, 2));
        // Nothing is asked before a client is connected.
        assert_eq!(watched(|time| time > 60, waiting).await, (true, 95, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn workers_end_the_watch() {
        let arriving = |time| activity(Some(u64::from(time > 20)), Some(30));
        assert_eq!(watched(|_| true, arriving).await, (false, 35, 2));
        let working = |_| activity(Some(2), Some(30));
        assert_eq!(watched(|_| true, working).await, (false, 5, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn asks_rarely_while_nothing_waits() {
        let later = |time| activity(Some(0), Some(u64::from(time > 300)));
        assert_eq!(watched(|_| true, later).await, (true, 425, 8));
    }
}
