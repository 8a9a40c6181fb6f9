//! The time and memory that a command uses.

use std::fs;
use std::io::Read as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Limit of one command's processor time, about thirty times what a release build needs: the build
/// under test may be unoptimized. Elapsed time would depend on how busy the machine is.
const CPU_LIMIT: Duration = Duration::from_secs(15);

/// The promise for every response, whatever it contains.
const MEMORY_LIMIT_KIB: u64 = 256 * 1024;

/// Elapsed time after which a test fails, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a command printed and used.
pub(crate) struct Used {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    cpu_time: Duration,
    peak_kib: u64,
}

impl Used {
    /// Runs `command` to its end.
    pub(crate) fn by(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("dgw runs");
        let peak = Arc::new(Mutex::new(0));
        let status = format!("/proc/{}/status", child.id());
        let recorded = Arc::clone(&peak);
        thread::spawn(move || {
            // The file is gone once dgw has ended.
            while let Ok(text) = fs::read_to_string(&status) {
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let Some(line) = line else { return };
                let number = line.trim().trim_end_matches(" kB").parse::<u64>();
                *recorded.lock().expect("no panic while locked") = number.expect("a number");
                thread::sleep(Duration::from_millis(5));
            }
        });
        let mut errors = child.stderr.take().expect("piped");
        let stderr_reader = thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        let mut stdout = String::new();
        let mut pipe = child.stdout.take().expect("piped");
        pipe.read_to_string(&mut stdout).expect("text");
        let stderr = stderr_reader.join().expect("read");
        let cpu_time = cpu_time_at_exit(child.id());
        Self {
            status: child.wait().expect("it ends"),
            stdout,
            stderr,
            cpu_time,
            peak_kib: *peak.lock().expect("no panic while locked"),
        }
    }

    /// Asserts that it stayed within the limits of time and memory.
    pub(crate) fn assert_bounded(&self, what: &str) {
        let cpu_time = self.cpu_time;
        assert!(
            cpu_time < CPU_LIMIT,
            "{what} needed {cpu_time:?} of processor time"
        );
        self.assert_bounded_memory(what);
    }

    /// Asserts that it stayed within the limit of memory.
    pub(crate) fn assert_bounded_memory(&self, what: &str) {
        let peak = self.peak_kib;
        assert!(peak < MEMORY_LIMIT_KIB, "{what} needed {peak} KiB");
    }
}

/// Waits until a child has exited, and returns its processor time. It must not be reaped yet: until
/// then `/proc/PID/stat` keeps the totals.
fn cpu_time_at_exit(pid: u32) -> Duration {
    const TICKS_PER_SECOND: u64 = 100; // USER_HZ, the same on all of Linux
    let started = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("not reaped");
        // The name, in parentheses, may hold spaces.
        let (_, fields) = stat.rsplit_once(") ").expect("the fields after the name");
        let fields = fields.split(' ').collect::<Vec<_>>();
        if fields[0] == "Z" {
            let ticks = |field: usize| fields[field].parse::<u64>().expect("a number");
            let (user, system) = (ticks(11), ticks(12));
            return Duration::from_millis((user + system) * 1_000 / TICKS_PER_SECOND);
        }
        assert!(started.elapsed() < PATIENCE, "process {pid} does not exit");
        thread::sleep(Duration::from_millis(5));
    }
}
