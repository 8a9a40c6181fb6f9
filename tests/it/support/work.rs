//! Activity on a cluster: a Python client that stays connected, and frozen processes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{TestGateway, User};

/// A client that stays connected until this is dropped.
pub(crate) struct Client {
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Client {
    /// Runs the Python code `work` with a `client` of the cluster `name`, and returns when it is
    /// done.
    pub(crate) fn connect(gateway: &TestGateway, user: &User, name: &str, work: &str) -> Self {
        Self::connect_by(gateway.python(), user, name, work)
    }

    /// Runs `work` in another Python.
    pub(crate) fn connect_by(python: &Path, user: &User, name: &str, work: &str) -> Self {
        let client = format!(
            "from dask_gateway import Gateway\n\
             client = Gateway().connect('{name}').get_client()"
        );
        Self::start(python, user, &client, work)
    }

    /// Connects a plain `distributed.Client()`.
    pub(crate) fn plain(python: &Path, user: &User) -> Self {
        let client = "from distributed import Client\nclient = Client()";
        Self::start(python, user, client, "")
    }

    fn start(python: &Path, user: &User, client: &str, work: &str) -> Self {
        let script = format!(
            "import sys, time\n{client}\n{work}\nprint('done', flush=True)\nsys.stdin.read()\n"
        );
        let mut process = Command::new(python)
            .args(["-c", &script])
            .env_clear()
            .envs(user.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python runs");
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        assert!(read.is_ok() && line == "done\n", "the work failed: {work}");
        Self { process, stdin }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// Stopped processes of a cluster; they continue when this is dropped.
pub(crate) struct Frozen(Vec<String>);

impl Frozen {
    /// Stops the scheduler of the cluster `name`.
    pub(crate) fn scheduler_of(name: &str) -> Self {
        let marker = format!("DASK_GATEWAY_CLUSTER_NAME={name}");
        Self::matching(|pid| holds(pid, "environ", &marker) && holds(pid, "cmdline", "scheduler"))
    }

    /// Stops a worker and its nanny; only the nanny has the worker's name on its command line.
    pub(crate) fn worker(name: &str) -> Self {
        let is_nanny = |pid: &str| holds(pid, "cmdline", name) && holds(pid, "cmdline", "--name");
        Self::matching(|pid| is_nanny(pid) || parent(pid).is_some_and(|pid| is_nanny(&pid)))
    }

    /// Kills the processes with SIGKILL.
    pub(crate) fn kill(mut self) {
        assert!(self.signal("-KILL"), "kill -KILL");
        self.0.clear();
    }

    fn matching(is_selected: impl Fn(&str) -> bool) -> Self {
        let processes = std::fs::read_dir("/proc").expect("/proc");
        let pids = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = pids.filter(|pid| is_selected(pid)).collect::<Vec<_>>();
        assert!(!pids.is_empty(), "the process exists");
        let frozen = Self(pids);
        assert!(frozen.signal("-STOP"), "kill -STOP");
        frozen
    }

    fn signal(&self, signal: &str) -> bool {
        let status = Command::new("kill").arg(signal).args(&self.0).status();
        status.is_ok_and(|status| status.success())
    }
}

/// Returns true if `marker` is one of the NUL-separated parts of the process's `file` in /proc.
fn holds(pid: &str, file: &str, marker: &str) -> bool {
    let text = std::fs::read(format!("/proc/{pid}/{file}"));
    text.is_ok_and(|text| {
        text.split(|b| *b == 0)
            .any(|part| part == marker.as_bytes())
    })
}

fn parent(pid: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Some(parent.trim().to_owned())
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // The gateway may have killed the processes meanwhile, and a panic while the test unwinds would
        // end all tests.
        let is_resumed = self.0.is_empty() || self.signal("-CONT");
        assert!(is_resumed || std::thread::panicking(), "kill -CONT");
    }
}
