//! One `--reuse` or `--name` at a time: two at once would each find no cluster and start one, or find
//! a name free and take it.

use std::time::Duration;

use tokio::time::sleep;

use crate::private::{self, FileLock, StateDir};
use crate::session::Session;

const NAME: &str = "reuse-lock";

/// Longest time for which one run waits for another: a gateway responds sooner, or not at all.
const MAX_AGE: Duration = Duration::from_secs(300);

/// The pause between attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits until no other run of this user looks for a cluster of this gateway to reuse. `None` where
/// locks do not work, or one is held for too long: two clusters are better than none.
pub(crate) async fn acquire(session: &Session) -> Option<FileLock> {
    let mut has_said_so = false;
    loop {
        match try_acquire(session) {
            Ok(Some(lock)) => return Some(lock),
            Ok(None) => {}
            Err(error) => {
                log::info!("can't lock out another `--reuse`: {error}");
                return None;
            }
        }
        if !std::mem::replace(&mut has_said_so, true) {
            session
                .printer
                .note("waiting for another dgw of yours, which is starting or naming a cluster");
        }
        sleep(PAUSE).await;
    }
}

fn try_acquire(session: &Session) -> Result<Option<FileLock>, private::Error> {
    let state = StateDir::of(session.settings.address.as_str())?;
    state.create()?.try_lock(NAME, MAX_AGE)
}
