//! Processes that tests watch and send signals to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

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

/// Runs `command` with `secret` on its stdin.
pub(crate) fn output_with_stdin(mut command: Command, secret: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dgw starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // dgw may fail before it reads stdin.
    let _ = writeln!(stdin, "{secret}");
    drop(stdin);
    child.wait_with_output().expect("dgw ends")
}
