//! Starting a cluster, or reusing an active one: `dgw new` and `dgw run`.

use std::cell::Cell;
use std::cmp::Reverse;
use std::env;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::create::create;
use super::deadline::{Deadline, with_deadline};
use super::diagnose::pending_message;
use super::goal::{self, WaitGoal};
use super::labels::{self, Labels};
use super::option_sources::{self, OptionText};
use super::options::refused_defaults;
use super::owned::OwnedCluster;
use super::scale::Grant;
use super::start_workers::WorkerRequest;
use super::wait::{self, retry_while_unknown};
use super::{Error, reuse_lock};
use crate::error::Unexpected;
use crate::gateway::{Cluster, Label, OptionField, Scaling, Status, parse_options};
use crate::output::{Printer, Progress};
use crate::private::FileLock;
use crate::session::Session;
use crate::signals::Interrupts;
use crate::thread;

/// The message if the time limit expires before the request for a cluster.
const NOT_STARTED: &str = "the gateway has not responded; nothing was started";

/// The message if it expires before the values of options are read.
const NOT_READ: &str = "a file with the value of an option has no end yet; nothing was started";

/// The cluster to start, as the command line describes it.
#[derive(Clone, Debug)]
pub(crate) struct StartRequest {
    /// Options as typed, unchecked.
    pub(crate) options: Vec<(String, String)>,
    pub(crate) workers: Option<WorkerRequest>,
    /// The number of workers to wait for.
    pub(crate) wait_workers: Option<u32>,
    /// The user's own name for the cluster.
    pub(crate) label: Option<Label>,
    /// True to use an active cluster with the same options, if there is one.
    pub(crate) reuse: bool,
    /// True to fail if the gateway grants fewer workers than the command line requests.
    pub(crate) strict: bool,
    /// True to wait until the cluster is running.
    pub(crate) waits: bool,
    pub(crate) timeout: Option<Duration>,
    /// The time limit of a request to a scheduler.
    pub(crate) probe_timeout: Duration,
}

/// A start whose time limit is running.
pub(crate) struct Start<'a> {
    pub(super) request: StartRequest,
    /// The options of the command line, checked and typed.
    options: Map<String, Value>,
    pub(super) deadline: Option<Deadline>,
    pub(super) session: &'a Session,
    /// Keeps others who want to reuse a cluster from starting one too.
    lock: Cell<Option<FileLock>>,
}

impl<'a> Start<'a> {
    /// Starts the time limit and checks the options, those of the command line and the configured
    /// ones; asks the gateway for those that it offers only if there are any to check.
    ///
    /// # Errors
    /// The gateway does not accept an option, or a configured default beside them; or a request
    /// fails.
    pub(crate) async fn prepare(
        request: StartRequest,
        session: &'a Session,
    ) -> Result<Self, Error> {
        let deadline = request.timeout.map(Deadline::after);
        let mut start = Self {
            request,
            options: Map::new(),
            deadline,
            session,
            lock: Cell::new(None),
        };
        start.options = with_deadline(deadline, NOT_STARTED, start.checked_options()).await?;
        Ok(start)
    }

    async fn checked_options(&self) -> Result<Map<String, Value>, Error> {
        self.refuse_endless_wait()?;
        if self.request.label.is_some() {
            labels::check_writable(&self.session.gateway)?;
        }
        if self.request.options.is_empty() && self.session.settings.cluster_options.is_empty() {
            return Ok(Map::new());
        }
        let fields = self.session.gateway.options().await?;
        let texts = with_deadline(self.deadline, NOT_READ, self.option_texts(&fields)).await?;
        if !self.session.printer.shows_values() {
            let secrets = texts.iter().flat_map(|text| &text.secrets);
            secrets.for_each(|secret| self.session.settings.mask(secret));
        }
        let pairs = texts.iter().map(|it| (it.key.as_str(), it.text.as_str()));
        let options = parse_options(&fields, pairs).map_err(|(at, mut fault)| {
            let OptionText { key, is_typed, .. } = &texts[at];
            if !is_typed {
                fault.hide_value();
            }
            Error::Option {
                key: key.clone(),
                fault,
            }
        })?;
        self.check_defaults(&fields, &options)?;
        Ok(options)
    }

    /// Fetches the values of the options from where they are.
    async fn option_texts(&self, fields: &[OptionField]) -> Result<Vec<OptionText>, Error> {
        let (fields, pairs) = (fields.to_vec(), self.request.options.clone());
        // A pipe may stay empty for ever. Not on this thread, which handles signals.
        let fetching =
            thread::start(move || option_sources::fetch(&fields, &pairs, |name| env::var(name)));
        let fetched = async { fetching?.await }.await;
        Ok(fetched
            .context("can't read the values of options")
            .map_err(Unexpected::from)??)
    }

    /// Refuses to wait for workers that nobody requests. A cluster that is reused may have them.
    fn refuse_endless_wait(&self) -> Result<(), Error> {
        let Some(wanted) = self.request.wait_workers.filter(|_| !self.request.reuse) else {
            return Ok(());
        };
        let (coming, is_adaptive) =
            match self.request.workers.as_ref().map(|request| request.scaling) {
                Some(Scaling::Fixed(count)) => (count, false),
                // More start only for work, and no client is connected yet.
                Some(Scaling::Adaptive { minimum, .. }) => (minimum.unwrap_or(0), true),
                Some(Scaling::Off) | None => (0, false),
            };
        if wanted <= coming {
            return Ok(());
        }
        Err(Error::EndlessWait {
            wanted,
            coming,
            is_adaptive,
        })
    }

    /// Checks the configured defaults that the command line does not replace.
    fn check_defaults(
        &self,
        fields: &[OptionField],
        options: &Map<String, Value>,
    ) -> Result<(), Error> {
        let settings = &self.session.settings;
        let defaults = settings
            .cluster_options
            .iter()
            .filter(|(key, _)| !options.contains_key(*key));
        let source = |key: &str| settings.option_sources.get(key).map(ToString::to_string);
        match refused_defaults(fields, defaults, source) {
            faults if faults.is_empty() => Ok(()),
            faults => Err(Error::Defaults(faults)),
        }
    }

    /// Finds an active cluster with the requested options, if the request allows to reuse one: the
    /// one with the requested name; without a name, a running one before a pending one, a younger
    /// one before an older one.
    ///
    /// # Errors
    /// The request fails, the time limit expires, or another cluster has the name.
    pub(crate) async fn reusable(&self) -> Result<Option<Cluster>, Error> {
        let StartRequest { reuse, label, .. } = &self.request;
        if !reuse && label.is_none() {
            return Ok(None);
        }
        let pending = "another dgw of yours is still starting a cluster to reuse";
        let acquire = async { Ok(reuse_lock::acquire(self.session).await) };
        let lock = with_deadline(self.deadline, pending, acquire).await?;
        let reusable = with_deadline(self.deadline, NOT_STARTED, async {
            let gateway = &self.session.gateway;
            // Before the request: one that is given meanwhile may be of a cluster not listed yet.
            let labels = label.as_ref().map(|_| Labels::read(gateway)).transpose()?;
            let listing = gateway.clusters(&Status::ACTIVE).await?;
            let has_options = |cluster: &Cluster| {
                self.options
                    .iter()
                    .all(|(key, value)| cluster.options.get(key) == Some(value))
            };
            if let (Some(label), Some(labels)) = (label, labels) {
                let named = labels.cluster(label).filter(|_| *reuse).and_then(|name| {
                    let mut clusters = listing.clusters.iter();
                    clusters.find(|cluster| cluster.name == name)
                });
                return match named {
                    None => {
                        labels.check_free(label, None, &listing.clusters)?;
                        labels.release(label, gateway)?;
                        Ok(None)
                    }
                    Some(cluster) if has_options(cluster) => Ok(Some(cluster.clone())),
                    Some(cluster) => Err(Error::OtherOptions {
                        label: label.to_string(),
                        cluster: cluster.name.clone(),
                    }),
                };
            }
            Ok(listing
                .clusters
                .into_iter()
                .filter(has_options)
                .min_by_key(|cluster| {
                    let is_pending = cluster.status == Status::Pending;
                    (is_pending, Reverse(cluster.start_time))
                }))
        })
        .await?;
        // Only a cluster that is about to be started must be waited for.
        self.lock.set(lock.filter(|_| reusable.is_none()));
        Ok(reusable)
    }

    /// Gives the new cluster its name. It is there all the same if that fails.
    fn give_label(&self, cluster: &str) {
        let Session {
            gateway, printer, ..
        } = self.session;
        let Some(label) = &self.request.label else {
            return;
        };
        let given = Labels::read(gateway)
            .map_err(Error::from)
            .and_then(|labels| match labels.cluster(label) {
                None => Ok(labels.give(label, cluster, gateway)?),
                Some(other) => Err(Error::LabelTaken {
                    label: label.to_string(),
                    cluster: other.to_owned(),
                    is_reusable: false,
                }),
            });
        if let Err(error) = given {
            printer.warn(&format!("cluster {cluster} has no name of yours: {error}"));
        }
    }

    /// Lets others find the new cluster `name`, as soon as the gateway knows it.
    pub(crate) async fn allow_reuse(&self, name: &str) {
        if let Some(lock) = self.lock.take() {
            let gateway = &self.session.gateway;
            let known = retry_while_unknown(async || gateway.cluster(name).await).await;
            log::info!("cluster {name} can be reused: {}", known.is_ok());
            drop(lock);
        }
    }

    /// Requests a new cluster and shows its phases; the caller owns it.
    ///
    /// # Errors
    /// The errors of `create`.
    pub(crate) async fn create(
        &self,
        interrupts: &mut Interrupts,
    ) -> Result<(OwnedCluster, Progress), Error> {
        let Session {
            settings,
            gateway,
            printer,
            ..
        } = self.session;
        let mut options = settings.cluster_options.clone();
        options.extend(self.options.clone());
        let mut progress = printer.progress("requesting a cluster");
        match create(gateway, &options, self.deadline, interrupts, &progress).await {
            Ok(owned) => {
                self.give_label(&owned.name);
                progress.phase(&pending_message(&owned.name));
                Ok((owned, progress))
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until the new cluster is running, scales it, and waits for its workers; if the gateway
    /// clamped the request, for those that it granted.
    ///
    /// # Errors
    /// The cluster does not start, or not in time.
    pub(crate) async fn wait_until_ready(
        &self,
        owned: &OwnedCluster,
        progress: &mut Progress,
    ) -> Result<(Cluster, Option<Grant>), Error> {
        let name = &owned.name;
        let gateway = &self.session.gateway;
        self.allow_reuse(name).await;
        let cluster = wait::wait_until_running(gateway, name, true, self.deadline, progress)
            .await
            .inspect_err(|error| {
                let has_ended = matches!(error, Error::StartFailed { .. });
                owned.has_ended.set(has_ended);
            })?;
        let grant = self.request_workers(name, true).await?;
        self.wait_for_workers(name, grant.as_ref(), progress)
            .await?;
        Ok((cluster, grant))
    }

    /// Makes a cluster ready that existed before: waits until it is running unless the request says
    /// otherwise, requests the workers that it lacks, and waits for them.
    ///
    /// # Errors
    /// The cluster ends, or is not ready in time.
    pub(crate) async fn reuse(&self, cluster: Cluster) -> Result<(Cluster, Option<Grant>), Error> {
        let name = cluster.name.clone();
        let printer = &self.session.printer;
        printer.note(&format!("using the existing cluster {name}"));
        let cluster = if cluster.status == Status::Running || !self.request.waits {
            cluster
        } else {
            let mut progress = printer.progress(&pending_message(&name));
            let gateway = &self.session.gateway;
            let running =
                wait::wait_until_running(gateway, &name, false, self.deadline, &mut progress)
                    .await?;
            progress.finish(&format!("cluster {name} is running"));
            running
        };
        let grant = self.request_workers(&name, false).await?;
        if self.request.wait_workers.is_some() {
            let mut progress = printer.progress(&format!("cluster {name} is running"));
            self.wait_for_workers(&name, grant.as_ref(), &mut progress)
                .await?;
        }
        Ok((cluster, grant))
    }

    async fn wait_for_workers(
        &self,
        name: &str,
        grant: Option<&Grant>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let Some(count) = self.expected_workers(grant) else {
            return Ok(());
        };
        goal::wait_for_goal(
            WaitGoal::AtLeast(count),
            name,
            self.session,
            self.request.probe_timeout,
            self.deadline,
            progress,
        )
        .await
        .inspect_err(|_| {
            if let Some(warning) = grant.and_then(Grant::warning) {
                progress.around(|| Printer::print_error(&warning));
            }
        })
    }

    /// Returns the number of workers to wait for: more than the gateway grants might never start.
    fn expected_workers(&self, grant: Option<&Grant>) -> Option<u32> {
        let granted = grant.map_or(Some(u32::MAX), Grant::most_workers)?;
        let expected = self.request.wait_workers?.min(granted);
        (expected > 0).then_some(expected)
    }
}
