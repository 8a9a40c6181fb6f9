//! The memory of dgw, which holds the user's secrets.

/// Prevents core dumps of this process, and access to its memory by the user's other processes. A
/// limit of 0 would not do: where a program such as `systemd-coredump` collects dumps, the limit does
/// not hold. A program that dgw runs is not affected: `exec` resets it. Elsewhere than on Linux nothing does
/// it, and cores are off by default.
pub(crate) fn forbid_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Linux always can.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
