//! The event loop: requests, responses, keys and frames.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use ratatui::crossterm::event::Event;
use rustix::process::{Signal, kill_current_process_group};
use tokio::time::{Instant, sleep_until};

use super::gateways::WatchedGateway;
use super::keys::{self, KeyAction};
use super::model::{ClusterKey, Model, SortOrder, ViewSettings};
use super::polling::{GatewaySource, PollResult, Poller};
use super::screen::{Screen, ScreenError, events};
use super::widgets;
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Listing, TlsIdentities, TlsIdentity};
use crate::signals::{Suspension, SuspensionEvent};

/// Responses within this time are drawn together.
const FRAME_TIME: Duration = Duration::from_millis(50);

/// A gateway that takes longer than this is reported.
const SLOW_RESPONSE: Duration = Duration::from_secs(4);

/// Reads the user's own names of a gateway's clusters, by their clusters.
pub(crate) type LabelReader<'a> = &'a dyn Fn(&Gateway) -> BTreeMap<String, String>;

/// The gateways' errors, by the places of the gateways.
pub(crate) type GatewayErrors = BTreeMap<usize, gateway::Error>;

/// Watches clusters on the whole screen.
pub(crate) struct App<'a> {
    model: Model,
    sources: &'a [GatewaySource<'a>],
    poller: Poller<'a>,
    labels: LabelReader<'a>,
    /// Why the last request to a gateway failed.
    errors: GatewayErrors,
    /// True once a gateway has responded.
    has_started: bool,
    /// This machine's clock, and when it was read.
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
        sources: &'a [GatewaySource<'a>],
        labels: LabelReader<'a>,
        settings: ViewSettings,
    ) -> Self {
        let now = Timestamp::now();
        let gateways = sources.iter().map(|source| {
            let watched =
                |address: &str| WatchedGateway::new(source.name.to_owned(), address.to_owned());
            match &source.clients {
                Ok((gateway, _)) => watched(gateway.base_url()),
                Err(error) => {
                    let mut watched = watched("");
                    watched.request_failed(error.clone());
                    watched
                }
            }
        });
        Self {
            model: Model::new(gateways.collect(), settings, now),
            sources,
            poller: Poller::new(sources),
            labels,
            errors: GatewayErrors::new(),
            has_started: false,
            clock: (now, Instant::now()),
            is_suspended: false,
            next_poll: Instant::now() + settings.interval,
            draw_at: Some(Instant::now()),
        }
    }

    /// Begins with all clusters, as soon as one gateway has listed its own.
    ///
    /// # Errors
    /// No gateway can be reached, or all refuse the request.
    pub(crate) async fn list_clusters(&mut self) -> Result<(), GatewayErrors> {
        self.poll();
        while !self.has_started {
            self.check_gateways()?;
            let response = self.poller.next().await;
            self.response_arrived(response);
        }
        Ok(())
    }

    /// Begins with one cluster, as the only gateway described it at `now`.
    pub(crate) fn open_cluster(
        &mut self,
        cluster: Cluster,
        now: Timestamp,
        identity: Option<TlsIdentity>,
    ) {
        let key = ClusterKey {
            gateway: 0,
            name: cluster.name.clone(),
        };
        let name = key.name.clone();
        let identities = identity.map(|identity| (name.clone(), identity));
        let listing = Listing {
            clusters: vec![cluster],
            clock: Some(now),
        };
        self.model.open(key);
        self.listing_arrived(0, Some(&name), listing, identities.into_iter().collect());
    }

    /// Sorts the table that is shown.
    pub(crate) fn sort(&mut self, order: SortOrder) {
        self.model.sort(order);
    }

    /// Takes over the terminal until the user quits, or all gateways refuse requests: returns their
    /// errors then. Dropping the future restores the terminal.
    ///
    /// # Errors
    /// The terminal can't be used.
    pub(crate) async fn run(&mut self) -> Result<Result<(), GatewayErrors>, Error> {
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
                        return Ok(Ok(()));
                    }
                }
                response = self.poller.next() => {
                    self.response_arrived(response);
                    if let Err(errors) = self.check_gateways() {
                        return Ok(Err(errors));
                    }
                    self.draw_by(Instant::now() + FRAME_TIME);
                }
                () = sleep_until(next_poll) => {
                    self.poll();
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

    /// Requests what is shown, except from gateways that would refuse it again.
    fn poll(&mut self) {
        let opened = self.model.opened_key();
        let gateways = opened.map_or_else(|| self.poller.gateways(), |key| vec![key.gateway]);
        let name = opened.map(|key| key.name.as_str());
        for at in gateways {
            let error = self.errors.get(&at);
            if error.is_none_or(gateway::Error::is_temporary) {
                self.poller.request_listing(at, name);
            }
        }
    }

    /// Checks that a gateway has responded, or may still.
    ///
    /// # Errors
    /// All gateways have failed: before the first response, or so that later requests would fail too.
    fn check_gateways(&mut self) -> Result<(), GatewayErrors> {
        let is_hopeless = |error: &gateway::Error| !self.has_started || !error.is_temporary();
        let hopeless = self.errors.values().filter(|error| is_hopeless(error));
        if hopeless.count() < self.poller.gateways().len() {
            return Ok(());
        }
        Err(std::mem::take(&mut self.errors))
    }

    fn response_arrived(&mut self, response: PollResult) {
        self.model.time_passed(self.now());
        match response {
            PollResult::Listing(gateway, requested, Ok((listing, identities))) => {
                self.listing_arrived(gateway, requested.as_deref(), listing, identities);
            }
            PollResult::Listing(gateway, Some(name), Err(gateway::Error::NoSuchCluster(_))) => {
                self.errors.remove(&gateway);
                self.model.cluster_vanished(&ClusterKey { gateway, name });
            }
            PollResult::Listing(gateway, _, Err(error)) => {
                self.model
                    .gateway_mut(gateway)
                    .request_failed(error.to_string());
                self.errors.insert(gateway, error);
            }
            PollResult::Report(key, result) => {
                let report = result.map_err(|error| error.to_string());
                self.model.report_arrived(&key, report);
            }
        }
    }

    fn listing_arrived(
        &mut self,
        gateway: usize,
        requested: Option<&str>,
        listing: Listing,
        mut identities: TlsIdentities,
    ) {
        self.has_started = true;
        self.errors.remove(&gateway);
        if let Ok((client, _)) = &self.sources[gateway].clients {
            let labels = (self.labels)(client);
            self.model.gateway_mut(gateway).labels_read(labels);
        }
        let reports = self.model.listing_arrived(gateway, requested, listing);
        for (key, detail) in reports {
            let identity = identities.remove(&key.name);
            self.poller.request_report(key, identity, detail);
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
        for gateway in self.poller.silent_for(SLOW_RESPONSE) {
            self.model.gateway_mut(gateway).request_delayed();
        }
        let mut visible_rows = 0;
        screen.draw(|frame| visible_rows = widgets::draw(frame, &self.model))?;
        self.model.drawn(visible_rows);
        Ok(())
    }

    /// Returns the time by this machine's clock as it was at the beginning, which never goes back.
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
