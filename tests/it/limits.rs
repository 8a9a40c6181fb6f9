//! Limits of the system on threads, files and memory: dgw ends with a message, and cleans up.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::support::{BASIC, User, is_calm};

/// A library by which only the first `ALLOWED_THREADS` threads can be started, as at a limit on
/// processes. The limit itself does not hold for root, who may run these tests.
static THREAD_LIMIT: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = r#"
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <pthread.h>
        #include <stdlib.h>

        typedef int create_t(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

        int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                           void *arg) {
            static int started;
            if (__atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST) >= atoi(getenv("ALLOWED_THREADS")))
                return EAGAIN;
            return ((create_t *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attr, start, arg);
        }
    "#;
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (file, library) = (directory.join("limit.c"), directory.join("limit.so"));
    std::fs::write(&file, source).expect("written");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(file)
        .arg("-ldl");
    assert!(
        compiler
            .status()
            .expect("Rust needs a C compiler, too")
            .success()
    );
    library
});

/// Returns a user whose gateway's address has a name, which must be looked up.
fn user() -> User {
    let user = BASIC.user();
    let file = std::fs::read_to_string(user.configuration()).expect("the configuration");
    user.configured(&file.replace("http://127.0.0.1:", "http://localhost:"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn run_needs_no_thread() {
    for allowed in ["0", "1", "3"] {
        let user = user();
        let mut command = user.command(&["run", "--", "sh", "-c", "exit 7"]);
        command.env("LD_PRELOAD", THREAD_LIMIT.as_os_str());
        command.env("ALLOWED_THREADS", allowed);
        let output = command.output().expect("dgw runs");
        assert_eq!(
            output.status.code(),
            Some(7),
            "{allowed}: {}",
            stderr(&output)
        );
        assert!(!user.has_active_clusters(), "{allowed}");
    }
}

/// Runs `dgw ARGS` within a limit of the shell's `ulimit`.
fn limited(user: &User, limit: &str, args: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!(r#"ulimit {limit} && exec "$0" "$@""#)])
        .arg(env!("CARGO_BIN_EXE_dgw"))
        .args(args)
        .env_clear()
        .envs(user.environment());
    command.output().expect("dgw runs")
}

#[test]
fn few_files_end_no_command_with_a_panic() {
    let user = user();
    let mut statuses = Vec::new();
    for files in 4..40 {
        // The system's loader needs a file, and `run` some more than `list`.
        let output = limited(&user, &format!("-n {files}"), &["list"]);
        let stderr = stderr(&output);
        let status = output.status.code();
        assert!(is_calm(&output) && status < Some(2), "{files}: {stderr}");
        if status == Some(1) {
            assert!(
                stderr.contains("hint: raise the limit"),
                "{files}: {stderr}"
            );
        }
        statuses.push(status);
    }
    statuses.dedup();
    assert_eq!(statuses, [Some(1), Some(0)]);
    for files in [15, 18, 24] {
        let output = limited(&user, &format!("-n {files}"), &["run", "-q", "--", "true"]);
        let stderr = stderr(&output);
        assert!(is_calm(&output), "{files}: {stderr}");
        assert!(
            output.status.success() || stderr.contains("error: "),
            "{files}: {stderr}"
        );
        assert!(!user.has_active_clusters(), "{files}: {stderr}");
    }
}

#[test]
fn full_file_is_an_error_and_ends_nothing_else() {
    let user = user();
    // No room for the cluster's key.
    let output = limited(&user, "-f 1", &["run", "-q", "--", "true"]);
    let printed = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("File too large"), "{printed}");
    assert!(!user.has_active_clusters());
    let run = r#"ulimit -f 8; exec "$0" run -q -- grep SigIgn /proc/self/status"#;
    for (before, is_ignored) in [("", false), ("trap '' XFSZ; ", true)] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before}{run}")]);
        command.arg(env!("CARGO_BIN_EXE_dgw")).env_clear();
        let output = command.envs(user.environment()).output();
        let output = output.expect("dgw runs");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let mask = stdout.trim().rsplit('\t').next().unwrap_or_default();
        let mask = u64::from_str_radix(mask, 16).unwrap_or_else(|_| panic!("{stdout}"));
        assert_eq!(mask & (1 << 24) != 0, is_ignored, "{before}: {stdout}");
    }
}

#[test]
fn no_core_of_dgw_is_dumped() {
    let user = user();
    let dumped = |program: &str, args: &str| {
        let mut command = Command::new("sh");
        let script =
            format!("ulimit -c unlimited; (sleep 1; kill -ABRT $$) & exec {program} {args}");
        command.args(["-c", &script]).env_clear();
        command.envs(user.environment()).current_dir(user.home());
        let status = command.status().expect("sh runs");
        assert_eq!(status.signal(), Some(6));
        status.core_dumped()
    };
    let dgw = env!("CARGO_BIN_EXE_dgw");
    assert!(!dumped(dgw, "run -q -- sleep 5"));
    // Cores are dumped at all, unless the system is set up otherwise.
    if std::fs::read_to_string("/proc/sys/kernel/core_pattern").is_ok_and(|it| it == "core\n") {
        assert!(dumped("sleep", "5"));
    }
    user.dgw(&["shutdown", "--all", "--yes", "-q"]);
}
