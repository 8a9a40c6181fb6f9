//! A cluster that was just asked for: it ends up running with its name known, or it is shut
//! down.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::interrupt::Interrupts;
use super::selection;
use super::waiting::{Limit, UNKNOWN_AT_FIRST};
use crate::error::{Error, Signal};
use crate::gateway::{self, Gateway, Status};
use crate::output::{Aged, Printer, Progress};

/// How a cluster's end is seen.
#[derive(Clone, Copy)]
struct Patience {
    /// How long it is seen through before it is given up and reported.
    shutdown: Duration,
    /// How long the gateway may be away meanwhile.
    outage: Duration,
    /// Whether the gateway's word that it ends it isn't enough.
    is_until_gone: bool,
}

/// Somebody waits, or is about to end dgw with less kindness. Longer than a cluster may be unknown at
/// first: until then, nobody can say that it is gone.
const HURRY: Patience = Patience {
    shutdown: Duration::from_secs(45),
    outage: Duration::from_secs(10),
    is_until_gone: false,
};

/// After a job that may have taken hours, a gateway that is being restarted is waited for. Whoever
/// can't wait sends another signal.
const LEISURE: Patience = Patience {
    shutdown: Duration::from_secs(300),
    outage: Duration::from_secs(120),
    is_until_gone: true,
};

impl Patience {
    fn is_over(self, status: Status) -> bool {
        match status {
            Status::Pending | Status::Running => false,
            Status::Stopping => !self.is_until_gone,
            Status::Stopped | Status::Failed => true,
        }
    }
}

/// Between looks at a cluster that should be going, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Clocks are read to the second, and a request takes its time.
const SLACK: Duration = Duration::from_secs(3);

/// How long a gateway that lets a time limit run out is still waited for, to learn what it starts.
const GRACE: Duration = Duration::from_secs(5);

/// How long it is asked what it may have started, where it hasn't told.
const LOOK: Duration = Duration::from_secs(10);

const NOTHING: &str = "nothing was started";

/// A cluster that is dgw's to shut down until it is handed over.
pub(super) struct Started {
    pub(super) name: String,
    since: Instant,
}

impl Started {
    /// Asks for a cluster. An interrupt meanwhile waits for the answer, to know what to shut
    /// down; so does the time limit, but not for long.
    ///
    /// # Errors
    /// The gateway refused, or its answer was lost: then with the clusters that may have been
    /// started. Interrupted, or out of time: then nothing is left behind, or it is said what may be.
    pub(super) async fn create(
        gateway: &Gateway,
        options: &Map<String, Value>,
        limit: Option<Limit>,
        interrupts: &mut Interrupts,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let since = Instant::now();
        let mut creation = std::pin::pin!(gateway.create(options));
        let wait = |why: &str| {
            progress.say(&format!(
                "{why}: waiting for the gateway's answer, to shut down what it starts"
            ));
        };
        let (created, cut) = tokio::select! {
            biased;
            created = &mut creation => (created, None),
            signal = interrupts.next() => {
                wait(signal.word());
                tokio::select! {
                    biased;
                    created = &mut creation => (created, Some(Cut::Signal(signal))),
                    _ = interrupts.insistence() => return Err(in_doubt(signal, "no answer yet")),
                }
            }
            limit = over(limit) => {
                wait("timed out");
                tokio::select! {
                    biased;
                    created = &mut creation => (created, Some(Cut::Limit(limit))),
                    signal = interrupts.next() => return Err(in_doubt(signal, "no answer yet")),
                    () = sleep(GRACE) => {
                        let seen = suspects(gateway, since);
                        return Err(Error::DoubtfulTimedOut { limit: limit.span(), seen: seen.await });
                    }
                }
            }
        };
        match (created, cut) {
            (Ok(name), None) => Ok(Self { name, since }),
            (Ok(name), Some(Cut::Signal(signal))) => {
                let started = Self { name, since };
                Err(started.interrupted(signal, gateway, interrupts).await)
            }
            (Ok(name), Some(Cut::Limit(limit))) => {
                let started = Self { name, since };
                let note = match started.shut_down(HURRY, gateway, interrupts).await {
                    Ok(()) => format!("cluster {} is shut down", started.name),
                    Err(note) => note,
                };
                Err(limit.error(format!("the gateway took too long to answer; {note}")))
            }
            (Err(error), Some(Cut::Signal(signal))) if error.leaves_doubt() => {
                Err(in_doubt(signal, &error.to_string()))
            }
            (Err(_), Some(Cut::Signal(signal))) => Err(Error::Interrupted {
                signal,
                note: NOTHING.to_owned(),
            }),
            (Err(source), cut) if source.leaves_doubt() => tokio::select! {
                seen = suspects(gateway, since) => Err(match cut {
                    Some(Cut::Limit(limit)) => Error::DoubtfulTimedOut { limit: limit.span(), seen },
                    _ => Error::Doubtful { source, seen },
                }),
                signal = interrupts.next() => Err(in_doubt(signal, &source.to_string())),
            },
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Does `work` on the cluster. Where that fails or is interrupted, or panics, the cluster is
    /// shut down; else it's still there to be shut down.
    ///
    /// # Errors
    /// The work's own, or the interrupt.
    pub(super) async fn or_shut_down<T>(
        self,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
        printer: &Printer,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<(Self, T), Error> {
        let failed = tokio::select! {
            biased;
            done = AssertUnwindSafe(work).catch_unwind() => match done {
                Ok(Ok(value)) => return Ok((self, value)),
                // It has ended by itself, or is about to.
                Ok(Err(error @ Error::StartFailed { .. })) => return Err(error),
                failed => failed,
            },
            signal = interrupts.next() => {
                let progress = printer.progress(&format!(
                    "{}: shutting down cluster {}; once more to leave it",
                    signal.word(),
                    self.name,
                ));
                let interrupted = self.interrupted(signal, gateway, interrupts).await;
                drop(progress);
                return Err(interrupted);
            }
        };
        let ended = self.see_off(HURRY, gateway, interrupts, printer).await;
        if let Err(note) = ended {
            Printer::alarm(&note);
        }
        failed
            .unwrap_or_else(|panic| resume_unwind(panic))
            .map(|value| (self, value))
    }

    /// Does `work` on the cluster, then shuts it down, whatever the work came to.
    ///
    /// # Errors
    /// The work's own; or, where that went well, what is left.
    pub(super) async fn then_shut_down<T>(
        self,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
        printer: &Printer,
        work: impl AsyncFnOnce(&mut Interrupts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let done = AssertUnwindSafe(work(interrupts)).catch_unwind().await;
        interrupts.start_over();
        let ended = self.see_off(LEISURE, gateway, interrupts, printer).await;
        match (done.unwrap_or_else(|panic| resume_unwind(panic)), ended) {
            (done, Ok(())) => done,
            (Ok(_), Err(note)) => Err(Error::LeftBehind(note)),
            (Err(error), Err(note)) => {
                Printer::alarm(&note);
                Err(error)
            }
        }
    }

    /// Shuts the cluster down, and shows it.
    async fn see_off(
        &self,
        patience: Patience,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
        printer: &Printer,
    ) -> Result<(), String> {
        let name = &self.name;
        let progress = printer.progress(&format!("shutting down cluster {name}"));
        self.shut_down(patience, gateway, interrupts).await?;
        progress.finish(&format!("cluster {name} is shut down"));
        Ok(())
    }

    async fn interrupted(
        self,
        signal: Signal,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Error {
        let note = match self.shut_down(HURRY, gateway, interrupts).await {
            Ok(()) => format!("cluster {} is shut down", self.name),
            Err(note) => note,
        };
        Error::Interrupted { signal, note }
    }

    /// Sees the cluster's end. Whoever insists needn't wait for it.
    ///
    /// # Errors
    /// What may be left, and how to end it.
    async fn shut_down(
        &self,
        patience: Patience,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Result<(), String> {
        let name = &self.name;
        let left = |why: &str| {
            format!("cluster {name} may still be there ({why}): end it with `dgw shutdown {name}`")
        };
        tokio::select! {
            biased;
            ended = self.see_its_end(patience, gateway) => ended.map_err(|error| left(&error.to_string())),
            _ = interrupts.insistence() => Err(left("interrupted again")),
        }
    }

    /// Asks for the end until the gateway agrees, and looks until it has come: the server answers
    /// 204 to names it doesn't know yet, too, so only a status tells.
    async fn see_its_end(
        &self,
        patience: Patience,
        gateway: &Gateway,
    ) -> Result<(), gateway::Error> {
        let deadline = Instant::now() + patience.shutdown;
        let mut pause = FIRST_PAUSE;
        let mut last_answer = Instant::now();
        let mut agreed = false;
        loop {
            let looked = match self.look(patience, gateway, &mut agreed).await {
                Ok(true) => return Ok(()),
                looked => looked,
            };
            if looked.is_ok() {
                last_answer = Instant::now();
            }
            let is_hopeless = match &looked {
                Ok(_) => Instant::now() > deadline,
                Err(error) => !error.may_pass() || last_answer.elapsed() > patience.outage,
            };
            if is_hopeless {
                return looked.and(Err(gateway::Error::Slow));
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks for the end, unless the gateway has agreed before, and looks whether it has come.
    async fn look(
        &self,
        patience: Patience,
        gateway: &Gateway,
        agreed: &mut bool,
    ) -> Result<bool, gateway::Error> {
        let asked = if *agreed {
            Ok(())
        } else {
            gateway.delete(&self.name).await
        };
        *agreed = asked.is_ok();
        match gateway.cluster(&self.name).await {
            Ok(cluster) if patience.is_over(cluster.status) => Ok(true),
            Ok(_) => asked.map(|()| false),
            Err(gateway::Error::NoSuchCluster(_)) => {
                let is_gone = *agreed && self.since.elapsed() > UNKNOWN_AT_FIRST;
                // It will have to be asked again once it is known.
                *agreed = false;
                asked.map(|()| is_gone)
            }
            Err(error) => Err(error),
        }
    }
}

/// What a request for a cluster was cut short by.
enum Cut {
    Signal(Signal),
    Limit(Limit),
}

/// Returns when the limit is over; without one, never.
async fn over(limit: Option<Limit>) -> Limit {
    match limit {
        Some(limit) => {
            sleep_until(limit.end()).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// The active clusters that were started since then, on the gateway's clock, as soon as it answers;
/// `None` where it doesn't. Another `dgw` may have started them, by the very same command in another
/// job: they are named, never shut down.
async fn suspects(gateway: &Gateway, since: Instant) -> Option<Vec<String>> {
    let look = async {
        loop {
            match gateway.clusters(&Status::ACTIVE).await {
                Ok(listing) => return Some(listing),
                Err(error) if error.may_pass() => sleep(LONGEST_PAUSE).await,
                Err(_) => return None,
            }
        }
    };
    let listing = timeout(LOOK, look).await.ok()??;
    let window = since.elapsed() + SLACK;
    let rows = selection::aged(listing).filter(|row: &Aged| row.age() <= window);
    Some(selection::lines(&rows.collect::<Vec<_>>()))
}

fn in_doubt(signal: Signal, why: &str) -> Error {
    Error::Interrupted {
        signal,
        note: format!("{why}; a cluster may have been started: `dgw list` shows it"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;
    use crate::config::{self, Environment};
    use crate::output::Manner;

    const NAME: &str = "0123456789abcdef0123456789abcdef";

    /// A gateway whose one cluster has stopped, and the requests it gets.
    fn gateway() -> (Gateway, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (sender, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
                let head = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty());
                let request = head.take(1).collect::<String>();
                let _ = sender.send(request);
                let body = format!(
                    r#"{{"name": "{NAME}", "status": "STOPPED", "start_time": 1, "stop_time": 2}}"#
                );
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
            }
        });
        let folder = tempfile::tempdir().expect("a folder");
        let environment = Environment::from_iter([
            ("DASK_ROOT_CONFIG".to_owned(), "/nonexistent".to_owned()),
            ("USER".to_owned(), "ada".to_owned()),
        ]);
        let address = format!("http://{address}");
        let settings = config::load(&environment, Some(folder.path()), Some(&address));
        let gateway = Gateway::new(&settings.expect("settings"), Duration::from_secs(5));
        (gateway.expect("a gateway"), requests)
    }

    /// Whether a panic of `work` comes out, and the cluster was asked to end before.
    async fn survives(work: impl AsyncFnOnce(Started, &Gateway, &mut Interrupts, &Printer)) {
        let (gateway, requests) = gateway();
        let started = Started {
            name: NAME.to_owned(),
            since: Instant::now(),
        };
        let printer = Printer::new(Manner {
            quiet: true,
            ..Manner::default()
        });
        let mut interrupts = Interrupts::listen().expect("signals");
        let all = work(started, &gateway, &mut interrupts, &printer);
        assert!(AssertUnwindSafe(all).catch_unwind().await.is_err());
        let request = requests.try_recv().expect("a request");
        assert!(request.starts_with("DELETE"), "{request}");
    }

    #[tokio::test]
    async fn a_panic_shuts_down_what_was_started() {
        survives(async |started, gateway, interrupts, printer| {
            let work = async { panic!("while it starts") };
            let _ = started
                .or_shut_down::<()>(gateway, interrupts, printer, work)
                .await;
        })
        .await;
        survives(async |started, gateway, interrupts, printer| {
            let work = async |_: &mut Interrupts| panic!("while COMMAND runs");
            let _ = started
                .then_shut_down::<()>(gateway, interrupts, printer, work)
                .await;
        })
        .await;
    }
}
