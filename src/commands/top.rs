//! `dgw top`

mod asking;
mod keys;

use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use ratatui::crossterm::event::Event;
use rustix::process::{Signal as ProcessSignal, kill_current_process_group};
use tokio::time::{Instant, sleep_until, timeout};

use super::interrupt::Interrupts;
use crate::cli::{TargetArgs, TopArgs};
use crate::error::{Error, Signal};
use crate::gateway::{self, Gateway, Listing, Status, TlsIdentities};
use crate::output::top::{Screen, Sorting, View, Watched, events, titles};
use crate::output::{Printer, Suspension, Turn};
use crate::scheduler::ReportDetail;
use asking::{Asking, News};
use keys::KeyAction;

/// What comes within this time is drawn together.
const TOGETHER: Duration = Duration::from_millis(50);

/// A gateway that takes this long over an answer is said to.
const LONG: Duration = Duration::from_secs(4);

/// A terminal that is gone can be neither read nor written a moment before its signal is there.
const MOMENT: Duration = Duration::from_millis(200);

/// STOPPING and FAILED too: who watches a cluster wants to see it end.
const WATCHED: [Status; 4] = [
    Status::Pending,
    Status::Running,
    Status::Stopping,
    Status::Failed,
];

/// Watches clusters on the whole screen, until told to quit.
pub(super) async fn run(args: &TopArgs, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    let has_colour = printer.screen_colour()?;
    let sorted = printer.sort_place(&titles(args.cluster.is_some()))?;
    let schedulers = super::schedulers(gateway, &args.probe);
    let mut watch = Watch::new(args, sorted, has_colour, Asking::new(gateway, &schedulers));
    // What is wrong from the start is told as any other command tells it.
    watch.begin(args, gateway).await?;
    let mut interrupts = Interrupts::listen()?;
    match watch.on_screen(&mut interrupts).await {
        ended @ (Ok(()) | Err(Error::Interrupted { .. })) => ended,
        Err(error) => match timeout(MOMENT, interrupts.next()).await {
            Ok(signal) => Err(interrupted(signal)),
            Err(_) => Err(error),
        },
    }
}

fn interrupted(signal: Signal) -> Error {
    let note = "the terminal is as it was".to_owned();
    Error::Interrupted { signal, note }
}

/// What is watched, and how it goes on.
struct Watch<'a> {
    view: View,
    asking: Asking<'a>,
    /// The gateway's clock, and when it was read.
    clock: (Timestamp, Instant),
    /// Whether the terminal is the shell's for now.
    is_stopped: bool,
    /// Rows of the table that are in sight.
    in_sight: usize,
    next_look: Instant,
    /// When to draw what has changed, if anything has.
    draw_at: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(
        args: &TopArgs,
        sorted: Option<(usize, bool)>,
        has_colour: bool,
        asking: Asking<'a>,
    ) -> Self {
        let by = |column, is_reversed| Sorting {
            column,
            is_reversed,
        };
        let given = |is_asked: bool, other: Sorting| match sorted {
            Some((column, is_reversed)) if is_asked => by(column, is_reversed),
            _ => other,
        };
        let now = Timestamp::now();
        let view = View {
            address: asking.address().to_owned(),
            every: args.every,
            now,
            heard: now,
            // One answer may be late, or lost.
            fresh: args.every + args.every.max(args.probe.probe_timeout) + Duration::from_secs(1),
            clusters: Vec::new(),
            shown: None,
            chosen: None,
            scroll: 0,
            // The oldest first, as everywhere.
            clusters_by: given(args.cluster.is_none(), by(2, false)),
            workers_by: given(args.cluster.is_some(), by(0, false)),
            trouble: None,
            has_help: false,
            has_colour,
        };
        Self {
            view,
            asking,
            clock: (now, Instant::now()),
            is_stopped: false,
            in_sight: 0,
            next_look: Instant::now() + args.every,
            draw_at: Some(Instant::now()),
        }
    }

    /// The first look: at the one cluster that is meant, or at all.
    async fn begin(&mut self, args: &TopArgs, gateway: &Gateway) -> Result<(), Error> {
        let Some(name) = &args.cluster else {
            let all = gateway.clusters_with_identities(&WATCHED).await?;
            self.take_all(all);
            return Ok(());
        };
        let target = TargetArgs {
            cluster: Some(name.clone()),
        };
        let (aged, identity) = target.find_with_identity(gateway).await?;
        self.clock = (aged.now, Instant::now());
        self.view.heard = aged.now;
        self.view.shown = Some(aged.cluster.name.clone());
        self.view.chosen = Some(aged.cluster.name.clone());
        if aged.cluster.status == Status::Running {
            let name = aged.cluster.name.clone();
            self.asking.report(name, identity, ReportDetail::Everything);
        }
        self.view.clusters = vec![Watched::new(aged.cluster)];
        Ok(())
    }

    async fn on_screen(&mut self, interrupts: &mut Interrupts) -> Result<(), Error> {
        let mut suspension = Suspension::listen()?;
        let mut screen = Screen::open()?;
        let mut events = events();
        loop {
            if self.draw_at.is_some_and(|at| at <= Instant::now()) {
                self.draw_at = None;
                self.draw(&mut screen)?;
            }
            let (next_look, draw_at) = (self.next_look, self.draw_at);
            tokio::select! {
                biased;
                signal = interrupts.next() => return Err(interrupted(signal)),
                turn = suspension.next() => match turn {
                    Turn::Asked => {
                        Screen::leave();
                        self.is_stopped = true;
                        Suspension::begin();
                    }
                    Turn::Over => {
                        screen.come_back()?;
                        self.is_stopped = false;
                        self.next_look = Instant::now();
                        self.draw_by(Instant::now());
                    }
                },
                event = events.recv() => {
                    let event = event.context("the keyboard is gone")?;
                    if self.answer(&event.context("can't read the keyboard")?) == KeyAction::Quit {
                        return Ok(());
                    }
                }
                news = self.asking.next() => {
                    self.hear(news)?;
                    self.draw_by(Instant::now() + TOGETHER);
                }
                () = sleep_until(next_look) => {
                    self.asking.clusters(self.view.shown.as_deref());
                    self.next_look = Instant::now() + self.view.every;
                    self.draw_by(Instant::now() + TOGETHER);
                }
                () = until(draw_at) => {}
            }
        }
    }

    /// Does what a key, or a change of the screen's size, asks for.
    fn answer(&mut self, event: &Event) -> KeyAction {
        let step = match event {
            Event::Key(key) => keys::press(*key, &mut self.view, self.in_sight),
            _ => KeyAction::Stay,
        };
        match step {
            KeyAction::Quit | KeyAction::Stay => {}
            KeyAction::Look => self.next_look = Instant::now(),
            // As the terminal itself would do it.
            KeyAction::Stop => {
                let _ = kill_current_process_group(ProcessSignal::TSTP);
            }
        }
        self.draw_by(Instant::now());
        step
    }

    fn draw_by(&mut self, at: Instant) {
        self.draw_at = Some(self.draw_at.map_or(at, |before| before.min(at)));
    }

    fn draw(&mut self, screen: &mut Screen) -> Result<(), Error> {
        if self.is_stopped {
            return Ok(());
        }
        self.view.now = self.now();
        if self.view.trouble.is_none() && self.asking.has_waited() > LONG {
            self.view.trouble = Some("the gateway does not answer".to_owned());
        }
        self.in_sight = screen.draw(&self.view)?;
        Ok(())
    }

    /// By the gateway's clock.
    fn now(&self) -> Timestamp {
        let (then, read) = self.clock;
        let since = SignedDuration::try_from(read.elapsed()).unwrap_or_default();
        then.saturating_add(since).unwrap_or(then)
    }

    /// Takes in what was answered.
    ///
    /// # Errors
    /// The gateway's, if they won't pass.
    fn hear(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Clusters(Ok(all)) => self.take_all(all),
            News::Cluster(_, Ok((listing, identities))) => self.take_one(listing, identities),
            News::Cluster(name, Err(gateway::Error::NoSuchCluster(_))) => {
                self.view.trouble = None;
                if let Some(watched) = self.watched(&name) {
                    watched.is_forgotten = true;
                }
            }
            News::Clusters(Err(error)) | News::Cluster(_, Err(error)) if error.is_temporary() => {
                self.view.trouble = Some(error.to_string());
            }
            News::Clusters(Err(error)) | News::Cluster(_, Err(error)) => return Err(error.into()),
            News::Told(name, told) => {
                let now = self.now();
                if let Some(watched) = self.watched(&name) {
                    watched.hear(now, told.map_err(|fault| fault.to_string()));
                }
            }
        }
        Ok(())
    }

    fn watched(&mut self, name: &str) -> Option<&mut Watched> {
        let mut all = self.view.clusters.iter_mut();
        all.find(|watched| watched.cluster.name == name)
    }

    fn tell_time(&mut self, listing: &Listing) {
        self.clock = (listing.now(), Instant::now());
        self.view.heard = listing.now();
        self.view.trouble = None;
    }

    /// Takes in all clusters there are. Those that have ended before dgw looked are nothing to
    /// watch; those of which there's nothing to be said any more go.
    fn take_all(&mut self, (listing, mut identities): (Listing, TlsIdentities)) {
        self.tell_time(&listing);
        let mut before = std::mem::take(&mut self.view.clusters);
        for cluster in listing.clusters {
            let known = before
                .iter()
                .position(|watched| watched.cluster.name == cluster.name);
            let watched = match known {
                Some(at) => {
                    let mut watched = before.swap_remove(at);
                    watched.is_now(cluster);
                    watched
                }
                None if cluster.status == Status::Failed => continue,
                None => Watched::new(cluster),
            };
            if watched.cluster.status == Status::Running {
                let name = watched.cluster.name.clone();
                let identity = identities.remove(&name);
                self.asking.report(name, identity, ReportDetail::Numbers);
            }
            self.view.clusters.push(watched);
        }
        // It may have been opened since this was asked.
        let shown = self.view.shown.as_ref();
        before.retain(|watched| Some(&watched.cluster.name) == shown);
        self.view.clusters.append(&mut before);
    }

    fn take_one(&mut self, listing: Listing, mut identities: TlsIdentities) {
        self.tell_time(&listing);
        for cluster in listing.clusters {
            let identity = identities.remove(&cluster.name);
            let name = cluster.name.clone();
            let is_running = cluster.status == Status::Running;
            let Some(watched) = self.watched(&name) else {
                continue;
            };
            watched.is_now(cluster);
            let depth = if watched.knows_versions() {
                ReportDetail::Numbers
            } else {
                ReportDetail::Everything
            };
            if is_running {
                self.asking.report(name, identity, depth);
            }
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
