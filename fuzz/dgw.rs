//! The modules of dgw that the fuzz targets use, as a library: the shipped crate is only a program.

#[expect(dead_code, unused_imports, reason = "the subcommands are left out")]
#[path = "../src"]
mod dgw {
    pub(super) mod accept;
    pub(super) mod config;
    pub(super) mod count;
    pub(super) mod dashboard;
    pub(super) mod duration;
    pub(super) mod error;
    pub(super) mod fuzzed;
    pub(super) mod gateway;
    pub(super) mod observed;
    pub(super) mod output;
    pub(super) mod private;
    pub(super) mod scheduler;
    pub(super) mod signals;
    pub(super) mod similar;
    pub(super) mod thread;
    pub(super) mod workers;
}

use dgw::*;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait as _};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Runs the target `name` on `input`.
///
/// # Panics
/// Panics if the input breaks a promise of the target, or takes more memory than it may.
pub fn run(name: &str, input: &[u8]) {
    let mut targets = fuzzed::targets().into_iter();
    let target = targets.find(|target| target.name == name);
    let target = target.expect("a target");
    ALLOCATOR.reset_peak_memory();
    (target.run)(input);
    let memory = ALLOCATOR.get_peak_memory();
    assert!(memory <= target.memory, "it took {memory} bytes");
}
