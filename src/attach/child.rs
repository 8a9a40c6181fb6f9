//! A COMMAND that runs connected to a cluster.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal as ProcessSignal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process;
use tokio::signal::unix::Signal as Stream;
use tokio::time::{Instant, sleep_until};

use super::Error;
use super::connection::Connection;
use super::usage_meter::UsageMeter;
use crate::config::{self, Environment, GATEWAY_VARIABLE};
use crate::error::Unexpected;
use crate::output::Printer;
use crate::session::Session;
use crate::signals::{self, Interrupts, REPEAT_INTERVAL, Signal};

/// The delay before a signal is forwarded, unless COMMAND has ended by then: a signal sent to every
/// process of a job has reached COMMAND already.
const FORWARD_DELAY: Duration = Duration::from_millis(300);

/// A running COMMAND; killed when dropped.
pub(crate) struct Child {
    process: process::Child,
    connection: Connection,
    word: String,
}

/// Checks that the program exists and can be run, before anything is started for it.
///
/// # Errors
/// The program does not exist, or can't be run.
pub(crate) fn find_program(command: &[OsString]) -> Result<(), Error> {
    let Some(word) = command.first() else {
        return Ok(());
    };
    let path = Path::new(word);
    let candidates = if path.components().count() > 1 || word.is_empty() {
        vec![path.to_owned()]
    } else {
        let path_variable =
            std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
        std::env::split_paths(&path_variable)
            .map(|directory| directory.join(path))
            .collect::<Vec<PathBuf>>()
    };
    let mut cause = io::ErrorKind::NotFound;
    for candidate in candidates {
        match candidate.metadata() {
            Ok(file) if file.is_file() && access(&candidate, Access::EXEC_OK).is_ok() => {
                return Ok(());
            }
            Ok(_) => cause = io::ErrorKind::PermissionDenied,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => cause = error.kind(),
            Err(_) => {}
        }
    }
    Err(run_error(word, cause.into()))
}

/// Returns true if `path` looks like a Python script.
pub(crate) fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

fn run_error(word: &OsStr, source: io::Error) -> Error {
    let command = word.to_string_lossy().into_owned();
    match source.kind() {
        io::ErrorKind::NotFound => Error::CommandNotFound(command),
        _ => Error::NotExecutable { command, source },
    }
}

impl Child {
    /// Starts `command` with the variables of `connection`, and without the user's secrets.
    ///
    /// # Errors
    /// The command can't be run.
    pub(crate) fn start(
        command: &[OsString],
        connection: Connection,
        session: &Session,
    ) -> Result<Self, Error> {
        let Session {
            settings,
            overrides,
            ..
        } = session;
        let word = command.first().map(OsString::as_os_str).unwrap_or_default();
        let mut program = process::Command::new(word);
        program.args(command.iter().skip(1)).kill_on_drop(true);
        for name in config::secret_variables(settings) {
            program.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            if is_overridden(&name, &connection) {
                program.env_remove(name);
            }
        }
        if let Some(name) = overrides.config.variable(&Environment::from_process()) {
            program.env(GATEWAY_VARIABLE, name);
        }
        program.envs(
            connection
                .variables
                .iter()
                .map(|(name, value)| (name, value)),
        );
        let process = program.spawn().map_err(|source| run_error(word, source))?;
        Ok(Self {
            process,
            connection,
            word: word.to_string_lossy().into_owned(),
        })
    }

    /// Waits until COMMAND ends, and forwards signals meanwhile. With `grace`, kills it if it does not
    /// end within this time after a signal that asks it to, or at the second such signal. With
    /// a `meter`, reports what COMMAND used.
    ///
    /// # Errors
    /// COMMAND's own exit status, if it is not 0; or that the cluster ended while COMMAND was running.
    pub(crate) async fn wait(
        mut self,
        interrupts: &mut Interrupts,
        grace: Option<Duration>,
        session: &Session,
        meter: Option<UsageMeter>,
    ) -> Result<(), Error> {
        let Some(pid) = self.process.id() else {
            return Ok(());
        };
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let mut user_signals = UserSignals::listen()?;
        let mut pending = PendingSignal::default();
        let connection = &self.connection;
        let mut watching = std::pin::pin!(connection.watch(session, meter.as_ref()));
        loop {
            let event = tokio::select! {
                biased;
                status = self.process.wait() => {
                    let status = status.context("can't wait for the COMMAND");
                    let status = exit_status(status.map_err(Unexpected::from)?);
                    let end = connection.end_and_report(session, meter.as_ref(), status);
                    return match (end.await, status) {
                        (Some(end), status) => Err(Error::ClusterEnded { end, status }),
                        (None, 0) => Ok(()),
                        (None, status) => Err(Error::CommandEnded(status)),
                    };
                }
                signal = interrupts.next() => Event::Received(signal),
                signal = user_signals.next() => Event::Forward(signal),
                signal = pending.due() => Event::Due(signal),
                () = pending.grace_expired() => Event::Kill,
                never = &mut watching => match never {},
            };
            match event {
                // The terminal sends these to every process in the foreground.
                Event::Received(Signal::Interrupt | Signal::Quit) if is_foreground() => {}
                Event::Received(signal) => pending.receive(signal, grace),
                Event::Due(signal) => {
                    pending.waiting = None;
                    forward(signal, pid);
                }
                Event::Forward(signal) => forward(signal, pid),
                Event::Kill => {
                    let word = &self.word;
                    Printer::warn_always(&format!("`{word}` is still running: killing it"));
                    let _ = self.process.start_kill();
                    pending = PendingSignal::default();
                }
            }
        }
    }
}

fn forward(signal: ProcessSignal, pid: Option<Pid>) {
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

enum Event {
    Received(Signal),
    Due(ProcessSignal),
    Forward(ProcessSignal),
    Kill,
}

/// A signal that is about to be forwarded.
#[derive(Default)]
struct PendingSignal {
    waiting: Option<(Instant, ProcessSignal)>,
    /// When COMMAND was first asked to end.
    since: Option<Instant>,
    /// When COMMAND is killed.
    deadline: Option<Instant>,
}

impl PendingSignal {
    fn receive(&mut self, signal: Signal, grace: Option<Duration>) {
        let now = Instant::now();
        let forwarded = match signal {
            Signal::Hangup => ProcessSignal::HUP,
            Signal::Interrupt => ProcessSignal::INT,
            Signal::Quit => ProcessSignal::QUIT,
            // The others are about dgw itself, such as its own limit, not COMMAND's.
            _ => ProcessSignal::TERM,
        };
        self.waiting = Some((now + FORWARD_DELAY, forwarded));
        if matches!(signal, Signal::Interrupt | Signal::Quit) {
            return;
        }
        let Some(grace) = grace else {
            return;
        };
        match self.since {
            None => {
                self.since = Some(now);
                self.deadline = Some(now + grace);
            }
            Some(first) if now >= first + REPEAT_INTERVAL => self.deadline = Some(now),
            Some(_) => {}
        }
    }

    /// Waits until the signal is due.
    async fn due(&self) -> ProcessSignal {
        let Some((time, signal)) = self.waiting else {
            return std::future::pending().await;
        };
        sleep_until(time).await;
        signal
    }

    async fn grace_expired(&self) {
        match self.deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }
}

/// Signals that mean nothing to dgw, and may mean something to COMMAND.
struct UserSignals([(ProcessSignal, Stream); 2]);

impl UserSignals {
    fn listen() -> Result<Self, Error> {
        let [one, other] = signals::user_signals()?;
        Ok(Self([
            (ProcessSignal::USR1, one),
            (ProcessSignal::USR2, other),
        ]))
    }

    async fn next(&mut self) -> ProcessSignal {
        let [(first, one), (second, other)] = &mut self.0;
        tokio::select! {
            _ = one.recv() => *first,
            _ = other.recv() => *second,
        }
    }
}

/// Returns true if the terminal, if there is one, sends its interrupts to the process group of dgw
/// and COMMAND.
fn is_foreground() -> bool {
    File::open("/dev/tty")
        .and_then(|terminal| Ok(tcgetpgrp(terminal)?))
        .is_ok_and(|group| group == getpgrp())
}

/// Returns true if dask would read the variable as one that the connection sets: it ignores case
/// after `DASK_`, and reads `-` as `_` (`dask.config.collect_env`).
fn is_overridden(name: &OsStr, connection: &Connection) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let normalised = name.to_uppercase().replace('-', "_");
    normalised.starts_with("DASK_")
        && connection
            .variables
            .iter()
            .any(|(variable, _)| normalised == *variable)
}

/// Returns the exit status as a shell reports it.
fn exit_status(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
