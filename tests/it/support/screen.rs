//! A terminal's screen, as a user sees it.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::Size;
use rustix::process::Signal;
use rustix::termios::{LocalModes, tcgetattr};

use super::Terminal;

/// Time limit for anything to appear on the screen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal whose output is parsed into a screen.
pub(crate) struct Screen {
    terminal: Terminal,
    shown: Arc<Mutex<vt100::Parser>>,
}

impl Screen {
    /// Parses the output of a terminal of 24 rows and 80 columns.
    pub(crate) fn of(terminal: Terminal) -> Self {
        let shown = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
        let reader = terminal.pty.as_fd().try_clone_to_owned();
        let mut reader = std::fs::File::from(reader.expect("a second handle"));
        let parser = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                parser
                    .lock()
                    .expect("no panic while locked")
                    .process(&buffer[..read]);
            }
        });
        Self { terminal, shown }
    }

    pub(crate) fn text(&self) -> String {
        let shown = self.shown.lock().expect("no panic while locked");
        shown.screen().contents()
    }

    pub(crate) fn is_alternate(&self) -> bool {
        let shown = self.shown.lock().expect("no panic while locked");
        shown.screen().alternate_screen()
    }

    /// Waits until `is_shown` is true of the screen's text, and returns the text.
    pub(crate) fn when(&self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let text = self.text();
            if is_shown(&text) {
                return text;
            }
            assert!(started.elapsed() < PATIENCE, "no {what}: {text}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the screen contains `marker`, and returns its text.
    pub(crate) fn shows(&self, marker: &str) -> String {
        self.when(marker, |text| text.contains(marker))
    }

    pub(crate) fn type_(&mut self, text: &str) {
        self.terminal.type_(text);
    }

    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let mut shown = self.shown.lock().expect("no panic while locked");
        shown.screen_mut().set_size(rows, columns);
        let resized = self.terminal.pty.resize(Size::new(rows, columns));
        resized.expect("its size can be set");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.terminal.signal(signal);
    }

    /// Returns the screen with the attributes of its cells.
    pub(crate) fn cells(&self) -> vt100::Screen {
        let shown = self.shown.lock().expect("no panic while locked");
        shown.screen().clone()
    }

    pub(crate) fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.terminal.pty)
            .expect("a terminal")
            .local_modes;
        !modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Waits until dgw ends, and returns its exit code and the screen's text. Asserts that the
    /// terminal's modes, screen and cursor are restored.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.terminal.wait();
        assert!(!self.is_raw(), "the terminal is left raw");
        // The other thread may not have read the last output yet.
        let started = Instant::now();
        while self.is_alternate() {
            assert!(started.elapsed() < PATIENCE, "the screen is left taken");
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_millis(100));
        let shown = self.shown.lock().expect("no panic while locked");
        assert!(!shown.screen().hide_cursor(), "the cursor is left hidden");
        (code, shown.screen().contents())
    }
}
