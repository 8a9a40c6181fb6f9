//! Starting a cluster, or reusing an active one: `dgw new` and `dgw run`.

use std::cmp::Reverse;
use std::time::Duration;

use serde_json::{Map, Value};

use super::create::create;
use super::deadline::{Deadline, with_deadline};
use super::diagnose::pending_message;
use super::goal::{self, WaitGoal};
use super::options::refused_defaults;
use super::owned::OwnedCluster;
use super::scale::{self, Grant, scaling_message};
use super::{Error, select, wait};
use crate::count;
use crate::gateway::{self, Cluster, OptionField, Scaling, Status, parse_options};
use crate::output::{Printer, Progress};
use crate::session::Session;
use crate::signals::Interrupts;

/// The message if the time limit expires before the request for a cluster.
const NOT_STARTED: &str = "the gateway has not responded; nothing was started";

/// The cluster to start, as the command line describes it.
#[derive(Clone, Debug)]
pub(crate) struct StartRequest {
    /// Options as typed, unchecked.
    pub(crate) options: Vec<(String, String)>,
    pub(crate) scaling: Option<Scaling>,
    /// The number of workers to wait for.
    pub(crate) wait_workers: Option<u32>,
    /// True to use an active cluster with the same options, if there is one.
    pub(crate) reuse: bool,
    /// True to wait until the cluster is running.
    pub(crate) waits: bool,
    pub(crate) timeout: Option<Duration>,
    /// The time limit of a request to a scheduler.
    pub(crate) probe_timeout: Duration,
}

/// A start whose time limit is running.
pub(crate) struct Start<'a> {
    request: StartRequest,
    /// The options of the command line, checked and typed.
    options: Map<String, Value>,
    deadline: Option<Deadline>,
    session: &'a Session,
}

impl<'a> Start<'a> {
    /// Starts the time limit and checks the options; asks the gateway for those that it offers only
    /// if there are any to check.
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
        };
        start.options = with_deadline(deadline, NOT_STARTED, start.checked_options()).await?;
        Ok(start)
    }

    async fn checked_options(&self) -> Result<Map<String, Value>, Error> {
        self.refuse_endless_wait()?;
        if self.request.options.is_empty() {
            return Ok(Map::new());
        }
        let fields = self.session.gateway.options().await?;
        let options = parse_options(&fields, &self.request.options)
            .map_err(|(key, fault)| Error::Option { key, fault })?;
        // The fields are known now, so that no request is wasted on defaults that fail.
        self.check_defaults(&fields, &options)?;
        Ok(options)
    }

    /// Refuses to wait for workers that nobody requests. A cluster that is reused may have them.
    fn refuse_endless_wait(&self) -> Result<(), Error> {
        let Some(wanted) = self.request.wait_workers.filter(|_| !self.request.reuse) else {
            return Ok(());
        };
        let (coming, is_adaptive) = match self.request.scaling {
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

    /// Finds an active cluster with the requested options, if the request allows to reuse one: a
    /// running one before a pending one, a younger one before an older one.
    ///
    /// # Errors
    /// The request fails, or the time limit expires.
    pub(crate) async fn reusable(&self) -> Result<Option<Cluster>, Error> {
        if !self.request.reuse {
            return Ok(None);
        }
        with_deadline(self.deadline, NOT_STARTED, async {
            let listing = self.session.gateway.clusters(&Status::ACTIVE).await?;
            let has_options = |cluster: &Cluster| {
                self.options
                    .iter()
                    .all(|(key, value)| cluster.options.get(key) == Some(value))
            };
            Ok(listing
                .clusters
                .into_iter()
                .filter(has_options)
                .min_by_key(|cluster| {
                    let is_pending = cluster.status == Status::Pending;
                    (is_pending, Reverse(cluster.start_time))
                }))
        })
        .await
    }

    /// Requests a new cluster and shows its phases; the caller owns it.
    ///
    /// # Errors
    /// The gateway refuses, with the configured default to blame if there is one; see also
    /// `create`.
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
                progress.phase(&pending_message(&owned.name));
                Ok((owned, progress))
            }
            Err(error) => Err(self.blame_defaults(error).await),
        }
    }

    /// Replaces the gateway's refusal by the configured defaults that it does not accept, if that is
    /// the cause.
    async fn blame_defaults(&self, error: Error) -> Error {
        let is_refused = matches!(
            error,
            Error::Gateway(gateway::Error::Rejected(_) | gateway::Error::StartRefused(_))
        );
        if !is_refused || self.session.settings.cluster_options.is_empty() {
            return error;
        }
        let Ok(fields) = self.session.gateway.options().await else {
            return error;
        };
        self.check_defaults(&fields, &self.options)
            .err()
            .unwrap_or(error)
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
        let cluster = wait::wait_until_running(gateway, name, true, self.deadline, progress)
            .await
            .inspect_err(|error| {
                let has_ended = matches!(error, Error::StartFailed { .. });
                owned.has_ended.set(has_ended);
            })?;
        let grant = match self.request.scaling {
            Some(scaling) => Some(self.scale(name, scaling).await?),
            None => None,
        };
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
        let grant = match self.request.scaling {
            Some(scaling) => self.add_workers(&name, scaling).await?,
            None => None,
        };
        if self.request.wait_workers.is_some() {
            let mut progress = printer.progress(&format!("cluster {name} is running"));
            self.wait_for_workers(&name, grant.as_ref(), &mut progress)
                .await?;
        }
        Ok((cluster, grant))
    }

    /// Requests more workers for a cluster that existed before and has fewer. Someone else's work
    /// may run there, so none are removed. The gateway does not report earlier requests, so only
    /// present workers count.
    async fn add_workers(&self, name: &str, scaling: Scaling) -> Result<Option<Grant>, Error> {
        let pending = format!("cluster {name} has not reported its number of workers");
        let current = with_deadline(self.deadline, &pending, self.current_workers(name)).await?;
        let printer = &self.session.printer;
        match scaling {
            Scaling::Fixed(count) if current >= u64::from(count) => return Ok(None),
            Scaling::Adaptive {
                maximum: Some(maximum),
                ..
            } if current > u64::from(maximum) => {
                printer.note(&format!(
                    "cluster {name} has {}, more than {maximum}: its scaling is \
                     left unchanged",
                    count::of(current, "worker")
                ));
                return Ok(None);
            }
            _ => {}
        }
        let grant = self.scale(name, scaling).await?;
        match grant.scaling() {
            Some(Scaling::Fixed(count)) => printer.note(&format!(
                "cluster {name} is scaling from {current} to {}; adaptive scaling is off",
                count::of(count, "worker")
            )),
            Some(range) => printer.note(&scaling_message(name, range)),
            None => {}
        }
        Ok(Some(grant))
    }

    /// Returns the number of workers of the running cluster `name`. If its scheduler does not
    /// report it, the gateway must not be asked to scale it either.
    async fn current_workers(&self, name: &str) -> Result<u64, Error> {
        let identity = select::running_identity(&self.session.gateway, name).await?;
        let schedulers = self.session.schedulers(self.request.probe_timeout);
        let unknown = |cause: String| Error::WorkersUnknown {
            name: name.to_owned(),
            cause,
        };
        schedulers
            .activity(name, identity.as_ref())
            .await
            .map_err(|error| unknown(error.to_string()))?
            .workers
            .ok_or_else(|| unknown("its scheduler does not report it".to_owned()))
    }

    async fn scale(&self, name: &str, scaling: Scaling) -> Result<Grant, Error> {
        let pending =
            format!("the gateway has not accepted the number of workers of cluster {name}");
        let scaling = scale::scale(&self.session.gateway, name, scaling);
        with_deadline(self.deadline, &pending, scaling).await
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
