//! A terminal, and dgw or a shell on it.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::process::{Pid, Signal, kill_process};

use super::User;

/// dgw on a terminal of so many columns. It is killed after a while, so that a test that waits
/// for what never comes fails instead of hanging.
pub(crate) struct Terminal {
    pub(crate) pty: Pty,
    child: std::process::Child,
    has_ended: Arc<AtomicBool>,
}

/// Far more than any test here needs.
const PATIENCE: Duration = Duration::from_secs(180);

impl Terminal {
    pub(crate) fn new(user: &User, columns: u16, args: &[&str]) -> Self {
        Self::running(user, columns, env!("CARGO_BIN_EXE_dgw"), args)
    }

    /// The same of another program.
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
            .expect("it starts");
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

    /// All that was written until dgw ended, and how it ended.
    pub(crate) fn rest(mut self) -> (String, Option<i32>) {
        let mut shown = Vec::new();
        let mut buffer = [0; 4096];
        // A terminal whose last user is gone reports an error, not an end.
        while let Ok(read @ 1..) = self.pty.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..read]);
        }
        let status = self.child.wait().expect("dgw ends");
        self.has_ended.store(true, Ordering::SeqCst);
        let shown = String::from_utf8(shown).expect("UTF-8");
        (shown.replace("\r\n", "\n"), status.code())
    }

    /// How it ended. Somebody else must read what it shows.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let status = self.child.wait().expect("dgw ends");
        self.has_ended.store(true, Ordering::SeqCst);
        status.code()
    }

    /// The terminal goes away, as where a connection breaks. Returns how dgw ended.
    pub(crate) fn hang_up(mut self) -> Option<i32> {
        drop(self.pty);
        let status = self.child.wait().expect("dgw ends");
        self.has_ended.store(true, Ordering::SeqCst);
        status.code()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Reads until `sign` is shown.
    pub(crate) fn wait_for(&mut self, sign: &str) -> String {
        let mut shown = String::new();
        let mut buffer = [0; 4096];
        while !shown.contains(sign) {
            let read = self.pty.read(&mut buffer);
            let read = read.unwrap_or_else(|_| panic!("dgw ended before `{sign}`: {shown}"));
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        shown
    }
}
