//! Turns a panic of the YAML parser into an error.
//!
//! The parser panics on a tag that a comma follows (`[!!str, 1]`), and perhaps elsewhere. Its checks
//! can't be repeated here without parsing, and no other parser of YAML 1.1 in safe Rust exists.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Panics of this thread are caught.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; `None` if it panics. Prints nothing then: the message might quote a secret.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                previous(panic);
            }
        }));
    });
    IS_CAUGHT.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(false);
    done.ok()
}
