//! A `dgw dashboard --serve` process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::User;
use super::web::{self, Response};

/// Time limit for any step.
const PATIENCE: Duration = Duration::from_secs(60);

/// A served dashboard; terminated when dropped.
pub(crate) struct Serving {
    child: Child,
    /// The URL that it printed.
    pub(crate) url: String,
    /// `127.0.0.1:port`.
    pub(crate) host: String,
    said: Arc<Mutex<String>>,
    cookie: String,
}

impl Serving {
    /// Runs `dgw dashboard --serve ARGS` as `user`.
    pub(crate) fn start(user: &User, args: &[&str]) -> Self {
        let args = [&["dashboard", "--serve"], args].concat();
        let mut command = user.command(&args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("dgw starts");
        let said = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let log = Arc::clone(&said);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = log.lock().expect("no panic while locked");
                log.push_str(&[&line, "\n"].concat());
            }
        });
        let mut url = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        stdout.read_line(&mut url).expect("stdout is text");
        let url = url.trim_end().to_owned();
        let host = url
            .strip_prefix("http://")
            .and_then(|url| url.split('/').next());
        Self {
            host: host.unwrap_or_default().to_owned(),
            child,
            url,
            said,
            cookie: String::new(),
        }
    }

    /// Opens the printed URL, as a browser does.
    pub(crate) fn logged_in(mut self) -> Self {
        let path = self.url.split_once(&self.host).expect("a URL").1;
        let response = web::ask(&self.host, &format!("GET {path}"), &[]);
        assert_eq!(response.status, 303, "{response:?}");
        let cookie = response.header("set-cookie").expect("a cookie");
        self.cookie = cookie.split(';').take(1).collect();
        self
    }

    /// Returns the cookie that [`Serving::logged_in`] got.
    pub(crate) fn cookie(&self) -> (&str, &str) {
        ("Cookie", &self.cookie)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        let html = ("Accept", "text/html");
        web::ask(&self.host, &format!("GET {path}"), &[self.cookie(), html])
    }

    /// Returns its stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("no panic while locked").clone()
    }

    /// Waits until its stderr contains `marker`.
    pub(crate) fn wait_for(&self, marker: &str) {
        until(|| self.said().contains(marker), || self.said());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is running");
    }

    /// Waits until it has ended, and returns its status and stderr.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut status = None;
        until(
            || {
                status = self.child.try_wait().expect("a status");
                status.is_some()
            },
            || "dgw does not end".to_owned(),
        );
        // The other thread may not have read the last lines yet.
        thread::sleep(Duration::from_millis(200));
        (status.expect("a status"), self.said())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// Waits until `condition` returns true; panics with the text of `otherwise` if it does not in time.
pub(crate) fn until(mut condition: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{}", otherwise());
        thread::sleep(Duration::from_millis(100));
    }
}
