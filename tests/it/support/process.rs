//! Processes that tests watch and send signals to.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Starts `command` and returns as soon as a line of its stderr contains `marker`.
pub(crate) fn spawned(command: &mut Command, marker: &str) -> (Child, BufReader<ChildStderr>) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dgw starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    while !line.contains(marker) {
        line.clear();
        let read = stderr.read_line(&mut line).expect("stderr is text");
        assert_ne!(read, 0, "dgw ended before `{marker}`");
    }
    (child, stderr)
}

pub(crate) fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_child(child);
    kill_process(pid, signal).expect("the process is running");
}
