//! The event loop: requests, responses, keys and frames.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use ratatui::crossterm::event::Event;
use rustix::process::{Signal, kill_current_process_group};
use tokio::time::{Instant, sleep_until};

use super::keys::{self, KeyAction};
use super::model::{Model, SortOrder, ViewSettings};
use super::polling::{PollResult, Poller, WATCHED};
use super::screen::{Screen, ScreenError, events};
use super::widgets;
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Listing, TlsIdentities, TlsIdentity};
use crate::scheduler::Schedulers;
use crate::signals::{Suspension, SuspensionEvent};

/// Responses within this time are drawn together.
const FRAME_TIME: Duration = Duration::from_millis(50);

/// A gateway that takes longer than this is reported.
const SLOW_RESPONSE: Duration = Duration::from_secs(4);

/// Reads the user's own names, by their clusters.
pub(crate) type LabelReader<'a> = &'a dyn Fn() -> BTreeMap<String, String>;

/// Watches clusters on the whole screen.
pub(crate) struct App<'a> {
    model: Model,
    poller: Poller<'a>,
    labels: LabelReader<'a>,
    /// The gateway's clock, and when it was read.
    clock: (Timestamp, Instant),
    /// True while the shell has the terminal.
    is_suspended: bool,
    next_poll: Instant,
    /// When to draw what has changed, if anything has.
    draw_at: Option<Instant>,
}

impl<'a> App<'a> {
    /// Creates a view without clusters.
    pub(crate) fn new(
        gateway: &'a Gateway,
        schedulers: &'a Schedulers,
        labels: LabelReader<'a>,
        settings: ViewSettings,
    ) -> Self {
        let now = Timestamp::now();
        Self {
            model: Model::new(gateway.base_url().to_owned(), settings, now),
            poller: Poller::new(gateway, schedulers),
            labels,
            clock: (now, Instant::now()),
            is_suspended: false,
            next_poll: Instant::now() + settings.interval,
            draw_at: Some(Instant::now()),
        }
    }

    /// Begins with all clusters.
    ///
    /// # Errors
    /// The gateway can't be reached, or refuses the request.
    pub(crate) async fn list_clusters(&mut self, gateway: &Gateway) -> Result<(), gateway::Error> {
        let (listing, identities) = gateway.clusters_with_identities(&WATCHED).await?;
        self.listing_arrived(None, listing, identities);
        Ok(())
    }

    /// Begins with one cluster, as the gateway described it at `now`.
    pub(crate) fn open_cluster(
        &mut self,
        cluster: Cluster,
        now: Timestamp,
        identity: Option<TlsIdentity>,
    ) {
        let name = cluster.name.clone();
        let identities = identity.map(|identity| (name.clone(), identity));
        let listing = Listing {
            clusters: vec![cluster],
            clock: Some(now),
        };
        self.model.open(name.clone());
        self.listing_arrived(Some(&name), listing, identities.into_iter().collect());
    }

    /// Sorts the table that is shown.
    pub(crate) fn sort(&mut self, order: SortOrder) {
        self.model.sort(order);
    }

    /// Takes over the terminal until the user quits. Dropping the future restores the terminal.
    ///
    /// # Errors
    /// The terminal can't be used, or the gateway refuses a request.
    pub(crate) async fn run(&mut self) -> Result<(), Error> {
        let mut suspension = Suspension::listen()?;
        let mut screen = Screen::open()?;
        let mut events = events();
        loop {
            if self.draw_at.is_some_and(|at| at <= Instant::now()) {
                self.draw_at = None;
                self.draw(&mut screen)?;
            }
            let (next_poll, draw_at) = (self.next_poll, self.draw_at);
            tokio::select! {
                biased;
                turn = suspension.next() => match turn {
                    SuspensionEvent::Stop => {
                        Screen::suspend();
                        self.is_suspended = true;
                        Suspension::stop();
                    }
                    SuspensionEvent::Continue => {
                        screen.resume()?;
                        self.is_suspended = false;
                        self.next_poll = Instant::now();
                        self.draw_by(Instant::now());
                    }
                },
                event = events.recv() => {
                    let event = event.context("can't read the keyboard")?;
                    if self.event_arrived(&event.map_err(ScreenError::Terminal)?) == KeyAction::Quit {
                        return Ok(());
                    }
                }
                response = self.poller.next() => {
                    self.response_arrived(response)?;
                    self.draw_by(Instant::now() + FRAME_TIME);
                }
                () = sleep_until(next_poll) => {
                    self.poller.request_listing(self.model.opened_name());
                    self.next_poll = Instant::now() + self.model.settings().interval;
                    self.draw_by(Instant::now() + FRAME_TIME);
                }
                () = sleep_until_some(draw_at) => {}
            }
        }
    }

    /// Takes in a key, or a change of the screen's size.
    fn event_arrived(&mut self, event: &Event) -> KeyAction {
        let action = match event {
            Event::Key(key) => keys::press(*key, &mut self.model),
            _ => KeyAction::Continue,
        };
        match action {
            KeyAction::Quit | KeyAction::Continue => {}
            KeyAction::Poll => self.next_poll = Instant::now(),
            // The terminal would do the same outside of raw mode.
            KeyAction::Suspend => {
                let _ = kill_current_process_group(Signal::TSTP);
            }
        }
        self.draw_by(Instant::now());
        action
    }

    /// # Errors
    /// The gateway's, if a later request would fail too.
    fn response_arrived(&mut self, response: PollResult) -> Result<(), gateway::Error> {
        match response {
            PollResult::Listing(requested, Ok((listing, identities))) => {
                self.listing_arrived(requested.as_deref(), listing, identities);
            }
            PollResult::Listing(Some(name), Err(gateway::Error::NoSuchCluster(_))) => {
                self.model.cluster_vanished(&name);
            }
            PollResult::Listing(_, Err(error)) if error.is_temporary() => {
                self.model.request_failed(error.to_string());
            }
            PollResult::Listing(_, Err(error)) => return Err(error),
            PollResult::Report(name, result) => {
                self.model.time_passed(self.now());
                let report = result.map_err(|error| error.to_string());
                self.model.report_arrived(&name, report);
            }
        }
        Ok(())
    }

    fn listing_arrived(
        &mut self,
        requested: Option<&str>,
        listing: Listing,
        mut identities: TlsIdentities,
    ) {
        self.clock = (listing.now(), Instant::now());
        self.model.labels_read((self.labels)());
        for (name, detail) in self.model.listing_arrived(requested, listing) {
            let identity = identities.remove(&name);
            self.poller.request_report(name, identity, detail);
        }
    }

    fn draw_by(&mut self, at: Instant) {
        self.draw_at = Some(self.draw_at.map_or(at, |before| before.min(at)));
    }

    fn draw(&mut self, screen: &mut Screen) -> Result<(), ScreenError> {
        if self.is_suspended {
            return Ok(());
        }
        self.model.time_passed(self.now());
        if self.poller.waiting_time() > SLOW_RESPONSE {
            self.model.request_delayed();
        }
        let mut visible_rows = 0;
        screen.draw(|frame| visible_rows = widgets::draw(frame, &self.model))?;
        self.model.drawn(visible_rows);
        Ok(())
    }

    /// Returns the time by the gateway's clock.
    fn now(&self) -> Timestamp {
        let (then, read_at) = self.clock;
        let since = SignedDuration::try_from(read_at.elapsed()).unwrap_or_default();
        then.saturating_add(since).unwrap_or(then)
    }
}

/// Sleeps for ever where there is no time.
async fn sleep_until_some(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
