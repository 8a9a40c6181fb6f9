//! The simulated gateway with its clusters, and the network in front of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::gateway::{NetworkFault, Server, ServerResponse, Status};

/// How long the server holds a `?wait` request.
const LONG_POLL: Duration = Duration::from_secs(20);

const CLUSTERS: &str = "/api/v1/clusters/";

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Answered,
    /// The gateway never gets it.
    Refused,
    /// The connection breaks on the way there.
    LostBefore,
    /// The connection breaks on the way back.
    LostAfter,
    /// The gateway gets it, and there is no response.
    Silent,
    /// Something in between responds with this status.
    Status(u16),
    /// Only half of the body arrives.
    Truncated,
}

/// A request's fate, and how long it is on its way there and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) fate: Fate,
    pub(super) there: Duration,
    pub(super) back: Duration,
}

/// How clusters live here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// Time until a cluster is running, or has failed; `None` if it stays PENDING.
    pub(super) starts_in: Option<Duration>,
    pub(super) fails: bool,
    /// Time for which the gateway does not know a new cluster.
    pub(super) unknown_for: Duration,
    pub(super) stops_in: Duration,
}

/// A time in which no request gets through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: Duration,
    pub(super) length: Duration,
    pub(super) fate: Fate,
    /// Afterwards the gateway has forgotten the clusters that had ended.
    pub(super) forgets: bool,
}

pub(super) struct SimulatedCluster {
    pub(super) name: String,
    pub(super) is_ours: bool,
    started: Instant,
    deleted: Option<Instant>,
    is_forgotten: bool,
}

pub(super) struct World {
    pub(super) began: Instant,
    pub(super) life: Life,
    pub(super) passages: VecDeque<Passage>,
    pub(super) outages: Vec<Outage>,
    pub(super) clusters: Vec<SimulatedCluster>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            life: Life {
                starts_in: None,
                fails: false,
                unknown_for: Duration::ZERO,
                stops_in: Duration::ZERO,
            },
            passages: VecDeque::new(),
            outages: Vec::new(),
            clusters: Vec::new(),
        }
    }

    fn clock(&self, instant: Instant) -> Timestamp {
        let epoch = Timestamp::from_second(1_700_000_000).expect("a time");
        epoch + (instant - self.began)
    }

    pub(super) fn start(&mut self, is_ours: bool) -> String {
        let name = format!("{:032x}", self.clusters.len() + 1);
        self.clusters.push(SimulatedCluster {
            name: name.clone(),
            is_ours,
            started: Instant::now(),
            deleted: None,
            is_forgotten: false,
        });
        name
    }

    pub(super) fn status(&self, cluster: &SimulatedCluster) -> Status {
        let age = cluster.started.elapsed();
        let has_started = self.life.starts_in.is_some_and(|span| age >= span);
        match cluster.deleted {
            Some(deleted) if deleted.elapsed() >= self.life.stops_in => Status::Stopped,
            Some(_) => Status::Stopping,
            None if has_started && self.life.fails => Status::Failed,
            None if has_started => Status::Running,
            None => Status::Pending,
        }
    }

    /// Returns true if somebody has asked to shut it down.
    pub(super) fn is_deleted(cluster: &SimulatedCluster) -> bool {
        cluster.deleted.is_some()
    }

    fn is_known(&self, cluster: &SimulatedCluster) -> bool {
        !cluster.is_forgotten && cluster.started.elapsed() >= self.life.unknown_for
    }

    fn known(&self, name: &str) -> Option<&SimulatedCluster> {
        let mut clusters = self.clusters.iter();
        clusters.find(|cluster| cluster.name == name && self.is_known(cluster))
    }

    fn outage(&mut self) -> Option<Outage> {
        let now = self.began.elapsed();
        let outage = self
            .outages
            .iter()
            .find(|outage| (outage.from..outage.from + outage.length).contains(&now))
            .copied()?;
        if outage.forgets {
            for index in 0..self.clusters.len() {
                let status = self.status(&self.clusters[index]);
                self.clusters[index].is_forgotten |= !status.is_active();
            }
        }
        Some(outage)
    }

    fn record(&self, cluster: &SimulatedCluster) -> Value {
        json!({
            "name": cluster.name,
            "status": self.status(cluster).as_str(),
            "start_time": self.clock(cluster.started).as_millisecond(),
            "options": {},
        })
    }

    /// Does what the server does, and returns the status and the body of its response.
    fn handle(&mut self, method: &Method, path: &str) -> (u16, Value) {
        let missing = (404, json!({ "error": "no such cluster" }));
        let name = path.strip_prefix(CLUSTERS).unwrap_or_default();
        let (name, action) = name.split_once('/').unwrap_or((name, ""));
        match (method.as_str(), name) {
            ("POST", "") => (201, json!({ "name": self.start(true) })),
            ("GET", "") => {
                let known = self
                    .clusters
                    .iter()
                    .filter(|cluster| self.is_known(cluster) && self.status(cluster).is_active())
                    .map(|cluster| (cluster.name.clone(), self.record(cluster)));
                (200, known.collect())
            }
            ("GET", name) => self
                .known(name)
                .map_or(missing, |cluster| (200, self.record(cluster))),
            ("DELETE", name) => {
                if let Some(known) = self.known(name).map(|cluster| cluster.name.clone()) {
                    let mut clusters = self.clusters.iter_mut();
                    let cluster = clusters.find(|cluster| cluster.name == known);
                    let cluster = cluster.expect("a known cluster");
                    cluster.deleted.get_or_insert_with(Instant::now);
                }
                (204, Value::Null)
            }
            ("POST", name) if !action.is_empty() => match self.known(name) {
                Some(cluster) if self.status(cluster) == Status::Running => {
                    (200, json!({ "ok": true }))
                }
                Some(_) => (409, json!({ "error": "the cluster is not running" })),
                None => missing,
            },
            _ => missing,
        }
    }
}

/// The gateway as dgw reaches it.
#[derive(Clone)]
pub(super) struct SimulatedGateway(pub(super) Arc<Mutex<World>>);

impl SimulatedGateway {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Handles a request, after as long as the server holds it.
    async fn handle(&self, method: Method, path: String) -> (u16, Value) {
        let (path, is_held) = match path.split_once("?wait") {
            Some((path, _)) => (path.to_owned(), true),
            None => (path, false),
        };
        let received = Instant::now();
        loop {
            let (status, body) = self.with(|world| world.handle(&method, &path));
            let is_pending = body["status"] == "PENDING";
            if !is_held || !is_pending || received.elapsed() >= LONG_POLL {
                return (status, body);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

impl Server for SimulatedGateway {
    fn respond(
        &self,
        method: Method,
        path: String,
    ) -> BoxFuture<'static, Result<ServerResponse, NetworkFault>> {
        let gateway = self.clone();
        async move {
            let passage = gateway.with(|world| {
                let passage = world.passages.pop_front().unwrap_or(Passage {
                    fate: Fate::Answered,
                    there: Duration::from_millis(2),
                    back: Duration::from_millis(2),
                });
                match world.outage() {
                    Some(outage) => Passage {
                        fate: outage.fate,
                        ..passage
                    },
                    None => passage,
                }
            });
            let respond = |status, body| {
                Ok(ServerResponse {
                    status,
                    date: gateway.with(|world| world.clock(Instant::now())),
                    body,
                })
            };
            match passage.fate {
                Fate::Refused => return Err(NetworkFault::Refused),
                Fate::LostBefore => {
                    sleep(passage.there).await;
                    return Err(NetworkFault::Broken);
                }
                Fate::Status(status) => {
                    sleep(passage.there).await;
                    // Only the gateway itself can say that there is no such cluster.
                    let body = match status {
                        404 => "<html>",
                        _ => r#"{"error": "not now"}"#,
                    };
                    return respond(status, body.to_owned());
                }
                _ => {}
            }
            // The gateway gets it even if dgw gives up, or ends.
            let work = {
                let gateway = gateway.clone();
                tokio::spawn(async move {
                    sleep(passage.there).await;
                    gateway.handle(method, path).await
                })
            };
            let (status, body) = work.await.expect("no panic");
            sleep(passage.back).await;
            let body = match body {
                Value::Null => String::new(),
                body => body.to_string(),
            };
            match passage.fate {
                Fate::LostAfter => Err(NetworkFault::Broken),
                Fate::Silent => std::future::pending().await,
                Fate::Truncated => respond(status, body[..body.len() / 2].to_owned()),
                _ => respond(status, body),
            }
        }
        .boxed()
    }
}
