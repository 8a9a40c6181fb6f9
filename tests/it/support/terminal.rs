//! A pseudoterminal with dgw or a shell on it.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::process::{Pid, Signal, kill_process};

use super::User;

/// A program on a terminal. It is killed after [`PATIENCE`], so that a test that waits for output in vain
/// fails instead of hanging.
pub(crate) struct Terminal {
    pub(crate) pty: Pty,
    child: std::process::Child,
    has_ended: Arc<AtomicBool>,
}

/// Time limit for the program.
const PATIENCE: Duration = Duration::from_secs(180);

impl Terminal {
    /// Runs dgw on a terminal with `columns` columns.
    pub(crate) fn new(user: &User, columns: u16, args: &[&str]) -> Self {
        Self::running(user, columns, env!("CARGO_BIN_EXE_dgw"), args)
    }

    /// Runs `program` on a terminal with `columns` columns.
    pub(crate) fn running(user: &User, columns: u16, program: &str, args: &[&str]) -> Self {
        let (pty, pts) = open().expect("a terminal");
        pty.resize(Size::new(24, columns))
            .expect("its size can be set");
        let child = Command::new(program)
            .args(args)
            .current_dir(user.home())
            .env_clear()
            .envs(user.environment())
            .env("TERM", "xterm")
            .spawn(pts)
            .expect("the program starts");
        let has_ended = Arc::new(AtomicBool::new(false));
        let (pid, watched) = (Pid::from_child(&child), Arc::clone(&has_ended));
        std::thread::spawn(move || {
            std::thread::sleep(PATIENCE);
            if !watched.load(Ordering::SeqCst) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self {
            pty,
            child,
            has_ended,
        }
    }

    pub(crate) fn type_(&mut self, text: &str) {
        self.pty
            .write_all(text.as_bytes())
            .expect("it can be typed");
    }

    /// Waits until dgw ends, and returns the rest of its output and its exit code.
    pub(crate) fn rest(mut self) -> (String, Option<i32>) {
        let mut shown = Vec::new();
        let mut buffer = [0; 4096];
        // A terminal that no process uses any more reports an error, not an end of file.
        while let Ok(read @ 1..) = self.pty.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..read]);
        }
        let status = self.child.wait().expect("dgw ends");
        self.has_ended.store(true, Ordering::SeqCst);
        let shown = String::from_utf8(shown).expect("UTF-8");
        (shown.replace("\r\n", "\n"), status.code())
    }

    /// Waits until dgw ends, and returns its exit code. Another thread must read the output meanwhile.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let status = self.child.wait().expect("dgw ends");
        self.has_ended.store(true, Ordering::SeqCst);
        status.code()
    }

    /// Closes the terminal, as a broken connection does. Returns the exit code of dgw.
    pub(crate) fn hang_up(mut self) -> Option<i32> {
        drop(self.pty);
        let status = self.child.wait().expect("dgw ends");
        self.has_ended.store(true, Ordering::SeqCst);
        status.code()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is running");
    }

    /// Reads until `marker` is shown, and returns the output.
    pub(crate) fn wait_for(&mut self, marker: &str) -> String {
        let mut shown = String::new();
        let mut buffer = [0; 4096];
        while !shown.contains(marker) {
            let read = self.pty.read(&mut buffer);
            let read = read.unwrap_or_else(|_| panic!("dgw ended before `{marker}`: {shown}"));
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        shown
    }
}
