//! A COMMAND that is run connected to a cluster.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal as Number, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process;
use tokio::signal::unix::Signal as Stream;
use tokio::time::{Instant, sleep_until};

use super::connection::Connection;
use super::interrupt::{self, Interrupts, SAME_WISH};
use crate::config::{self, Settings};
use crate::error::{Error, Signal};
use crate::gateway::Gateway;
use crate::output::Printer;

/// A signal is passed on after this long, unless COMMAND has ended by then: what is sent to every
/// process of a job has reached it already.
const MOMENT: Duration = Duration::from_millis(300);

/// A COMMAND that runs. Dropped, it's killed.
pub(super) struct Child {
    process: process::Child,
    connection: Connection,
    word: String,
}

/// Whether there is such a program to run, before anything is done for it.
///
/// # Errors
/// There is none, or it can't be run.
pub(super) fn find(command: &[OsString]) -> Result<(), Error> {
    let Some(word) = command.first() else {
        return Ok(());
    };
    let path = Path::new(word);
    let candidates = if path.components().count() > 1 || word.is_empty() {
        vec![path.to_owned()]
    } else {
        let folders = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
        std::env::split_paths(&folders)
            .map(|folder| folder.join(path))
            .collect::<Vec<PathBuf>>()
    };
    let mut why = io::ErrorKind::NotFound;
    for candidate in candidates {
        match candidate.metadata() {
            Ok(file) if file.is_file() && access(&candidate, Access::EXEC_OK).is_ok() => {
                return Ok(());
            }
            Ok(_) => why = io::ErrorKind::PermissionDenied,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => why = error.kind(),
            Err(_) => {}
        }
    }
    Err(not_run(word, why.into()))
}

fn not_run(word: &OsStr, source: io::Error) -> Error {
    Error::NotRun {
        command: word.to_string_lossy().into_owned(),
        source,
    }
}

impl Child {
    /// Starts `command` in an environment that is connected, and without the user's secrets.
    ///
    /// # Errors
    /// It can't be run.
    pub(super) fn start(
        command: &[OsString],
        connection: Connection,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let word = command.first().map(OsString::as_os_str).unwrap_or_default();
        let mut starting = process::Command::new(word);
        starting.args(command.iter().skip(1)).kill_on_drop(true);
        for name in config::secret_variables(settings) {
            starting.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            if is_overridden(&name, &connection) {
                starting.env_remove(name);
            }
        }
        starting.envs(
            connection
                .variables
                .iter()
                .map(|(name, value)| (name, value)),
        );
        let process = starting.spawn().map_err(|source| not_run(word, source))?;
        Ok(Self {
            process,
            connection,
            word: word.to_string_lossy().into_owned(),
        })
    }

    /// Waits until it ends, and passes signals on meanwhile. With `patience`, it is killed if it
    /// doesn't end so long after a signal that asks for its end, or at the second.
    ///
    /// # Errors
    /// Its own failure.
    pub(super) async fn wait(
        mut self,
        interrupts: &mut Interrupts,
        patience: Option<Duration>,
        gateway: &Gateway,
    ) -> Result<(), Error> {
        let Some(pid) = self.process.id() else {
            return Ok(());
        };
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let mut others = Others::listen()?;
        let mut asked = Asked::default();
        let connection = &self.connection;
        let mut watching = std::pin::pin!(connection.watch(gateway));
        loop {
            let event = tokio::select! {
                biased;
                status = self.process.wait() => {
                    return verdict(status.context("can't wait for the COMMAND")?);
                }
                signal = interrupts.next() => Event::Asked(signal),
                number = others.next() => Event::Pass(number),
                number = asked.due() => Event::Due(number),
                () = asked.over() => Event::Kill,
                never = &mut watching => match never {},
            };
            match event {
                // The terminal has sent it to all that run on it.
                Event::Asked(Signal::Interrupt | Signal::Quit) if is_foreground() => {}
                Event::Asked(signal) => asked.again(signal, patience),
                Event::Due(number) => {
                    asked.waiting = None;
                    pass_on(number, pid);
                }
                Event::Pass(number) => pass_on(number, pid),
                Event::Kill => {
                    let word = &self.word;
                    Printer::warn_always(&format!("`{word}` does not end: it is killed"));
                    let _ = self.process.start_kill();
                    asked = Asked::default();
                }
            }
        }
    }
}

fn pass_on(number: Number, pid: Option<Pid>) {
    if let Some(pid) = pid {
        let _ = kill_process(pid, number);
    }
}

enum Event {
    Asked(Signal),
    Due(Number),
    Pass(Number),
    Kill,
}

/// What dgw was asked to pass on.
#[derive(Default)]
struct Asked {
    waiting: Option<(Instant, Number)>,
    /// When its end was first asked for.
    since: Option<Instant>,
    /// When it has had time enough to end.
    deadline: Option<Instant>,
}

impl Asked {
    fn again(&mut self, signal: Signal, patience: Option<Duration>) {
        let now = Instant::now();
        let number = match signal {
            Signal::Hangup => Number::HUP,
            Signal::Interrupt => Number::INT,
            Signal::Quit => Number::QUIT,
            // Its own time isn't up.
            Signal::Terminate | Signal::CpuTime => Number::TERM,
        };
        self.waiting = Some((now + MOMENT, number));
        if matches!(signal, Signal::Interrupt | Signal::Quit) {
            return;
        }
        let Some(patience) = patience else {
            return;
        };
        match self.since {
            None => {
                self.since = Some(now);
                self.deadline = Some(now + patience);
            }
            Some(first) if now >= first + SAME_WISH => self.deadline = Some(now),
            Some(_) => {}
        }
    }

    /// The signal to pass on, when it's time.
    async fn due(&self) -> Number {
        let Some((time, number)) = self.waiting else {
            return std::future::pending().await;
        };
        sleep_until(time).await;
        number
    }

    async fn over(&self) {
        match self.deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }
}

/// Signals that mean nothing to dgw, and may mean something to COMMAND.
struct Others([(Number, Stream); 2]);

impl Others {
    fn listen() -> Result<Self, Error> {
        let [one, other] = interrupt::strangers()?;
        Ok(Self([(Number::USR1, one), (Number::USR2, other)]))
    }

    async fn next(&mut self) -> Number {
        let [(first, one), (second, other)] = &mut self.0;
        tokio::select! {
            _ = one.recv() => *first,
            _ = other.recv() => *second,
        }
    }
}

/// Whether the terminal, if there is one, sends its interrupts to dgw's process group, which is
/// COMMAND's too.
fn is_foreground() -> bool {
    let group = File::open("/dev/tty").and_then(|terminal| Ok(tcgetpgrp(terminal)?));
    group.is_ok_and(|group| group == getpgrp())
}

/// Whether dask takes the variable for one that is set for the connection: it reads names in any
/// case after `DASK_`, and `-` as `_` (`dask.config.collect_env`).
fn is_overridden(name: &OsStr, connection: &Connection) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let name = name.to_uppercase().replace('-', "_");
    let mut ours = connection.variables.iter();
    name.starts_with("DASK_") && ours.any(|(ours, _)| name == *ours)
}

fn verdict(status: ExitStatus) -> Result<(), Error> {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Ok(()),
        Some(status) => Err(Error::CommandEnded { status }),
        None => Err(Error::CommandEnded { status: 1 }),
    }
}
