//! The memory of dgw, which holds the user's secrets.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Prevents core dumps of this process, and access to its memory by the user's other processes. A
/// limit of 0 would not do: where a program such as `systemd-coredump` collects dumps, the limit does
/// not hold. A program that dgw runs is not affected: `exec` resets it.
pub(crate) fn forbid_core_dumps() {
    // Linux always can.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
