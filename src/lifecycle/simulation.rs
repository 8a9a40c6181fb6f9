//! Histories of `new` and `run` in simulated time: whatever is lost, late or interrupted, no cluster is
//! left that the user isn't told of, and nobody else's is shut down.
//!
//! Simulated are time, which jumps to the next event, signals, COMMAND, and the gateway with its
//! clusters and the network in front of it. All else is what users run: the requests, their limits
//! and retries, the reading of responses, and how clusters are started, owned, waited for and shut down.
//!
//! `DGW_HISTORIES=100000 cargo test --bin dgw histories` plays more of them than usual, and of those of the
//! clean-up rule.

mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::owned::OwnedCluster;
use super::{Error, Start, StartRequest, WorkerRequest};
use crate::config::{ConfigSelection, Environment};
use crate::gateway::{Scaling, Status};
use crate::hostile::histories;
use crate::output::{OutputOptions, Printer, take_lines};
use crate::session::{Invocation, Overrides, Session};
use crate::signals::{Interrupted, Interrupts, Signal};

use world::{Fate, Life, Outage, Passage, SimulatedGateway, World};

/// Number of histories, unless `DGW_HISTORIES` says otherwise.
const HISTORIES: u32 = 500;

/// What every command may take beyond its own time limit and COMMAND's time: a patient shutdown, after
/// an outage.
const BOUND: Duration = Duration::from_secs(20 * 60);

/// No request is under way for longer.
const SETTLED: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
struct History {
    /// True for `new`, which hands the cluster over; false for `run`.
    hands_over: bool,
    timeout: Option<Duration>,
    life: Life,
    passages: Vec<Passage>,
    outages: Vec<Outage>,
    signals: Vec<(Duration, Signal)>,
    command_takes: Duration,
    /// When another `dgw` of the same user starts a cluster.
    other_start: Option<Duration>,
}

fn seconds(range: std::ops::Range<f64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs_f64)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Answered),
        2 => Just(Fate::Refused),
        1 => Just(Fate::LostBefore),
        2 => Just(Fate::LostAfter),
        1 => Just(Fate::Silent),
        2 => prop::sample::select(vec![401, 403, 404, 409, 422, 429, 500, 502, 503]).prop_map(Fate::Status),
        1 => Just(Fate::Truncated),
    ]
}

fn passage() -> impl Strategy<Value = Passage> {
    let span = || prop_oneof![8 => seconds(0.0..0.1), 2 => seconds(0.0..40.0)];
    (fate(), span(), span()).prop_map(|(fate, there, back)| Passage { fate, there, back })
}

fn outage() -> impl Strategy<Value = Outage> {
    let fate = prop::sample::select(vec![
        Fate::Refused,
        Fate::Status(502),
        Fate::Status(503),
        Fate::LostBefore,
        Fate::Silent,
    ]);
    (
        seconds(0.0..200.0),
        seconds(0.0..200.0),
        fate,
        any::<bool>(),
    )
        .prop_map(|(from, length, fate, forgets)| Outage {
            from,
            length,
            fate,
            forgets,
        })
}

fn life() -> impl Strategy<Value = Life> {
    let starts_in = prop_oneof![
        6 => seconds(0.0..5.0).prop_map(Some),
        3 => seconds(0.0..120.0).prop_map(Some),
        1 => Just(None),
    ];
    let unknown_for = prop_oneof![3 => Just(Duration::ZERO), 1 => seconds(0.0..25.0)];
    (
        starts_in,
        prop::bool::weighted(0.15),
        unknown_for,
        seconds(0.0..60.0),
    )
        .prop_map(|(starts_in, fails, unknown_for, stops_in)| Life {
            starts_in,
            fails,
            unknown_for,
            stops_in,
        })
}

fn history() -> impl Strategy<Value = History> {
    let signal = (
        prop_oneof![seconds(0.0..10.0), seconds(0.0..200.0)],
        prop::sample::select(Signal::ALL.to_vec()),
    );
    (
        any::<bool>(),
        prop::option::of(seconds(1.0..300.0)),
        life(),
        prop::collection::vec(passage(), 0..14),
        prop::collection::vec(outage(), 0..3),
        prop::collection::vec(signal, 0..3),
        prop_oneof![seconds(0.0..10.0), seconds(0.0..7200.0)],
        prop::option::weighted(0.4, seconds(0.0..60.0)),
    )
        .prop_map(
            |(
                hands_over,
                timeout,
                life,
                passages,
                outages,
                signals,
                command_takes,
                other_start,
            )| {
                // What never starts is waited for without end, as it should be.
                let timeout = timeout.or(life.starts_in.is_none().then_some(SETTLED));
                History {
                    hands_over,
                    timeout,
                    life,
                    passages,
                    outages,
                    signals,
                    command_takes,
                    other_start,
                }
            },
        )
}

/// Creates a session with a gateway that is never reached.
fn session() -> Session {
    let directory = tempfile::tempdir().expect("a directory");
    let invocation = Invocation {
        environment: Environment::from_iter([
            ("DASK_ROOT_CONFIG".to_owned(), "/nonexistent".to_owned()),
            ("USER".to_owned(), "ada".to_owned()),
        ]),
        overrides: Overrides {
            config: ConfigSelection::Path(directory.path().to_owned()),
            address: Some("http://127.0.0.1:9".to_owned()),
            request_timeout: Duration::from_secs(30),
        },
        printer: Printer::new(OutputOptions {
            quiet: true,
            ..OutputOptions::default()
        }),
    };
    invocation.session().expect("a session")
}

/// Does what `dgw new` and `dgw run` do. Returns the name of the cluster that it hands over.
async fn start(
    history: &History,
    session: &Session,
    interrupts: &mut Interrupts,
) -> Result<Option<String>, Error> {
    let request = StartRequest {
        options: Vec::new(),
        workers: (!history.hands_over).then(|| {
            WorkerRequest::by_flag(Scaling::Adaptive {
                minimum: Some(1),
                maximum: Some(8),
            })
        }),
        wait_workers: None,
        label: None,
        reuse: false,
        strict: false,
        waits: true,
        timeout: history.timeout,
        probe_timeout: Duration::from_secs(2),
    };
    let start = Start::prepare(request, session).await?;
    let (owned, mut progress) = start.create(interrupts).await?;
    let (owned, _) = owned
        .run_or_shut_down(session, interrupts, async |owned| {
            start.wait_until_ready(owned, &mut progress).await
        })
        .await?;
    if history.hands_over {
        return Ok(Some(owned.name));
    }
    let command = async |_: &OwnedCluster, interrupts: &mut Interrupts| {
        tokio::select! {
            biased;
            () = sleep(history.command_takes) => Ok(()),
            signal = interrupts.next() => {
                sleep(Duration::from_secs(1)).await;
                Err(Error::from(Interrupted::new(signal, "COMMAND has ended")))
            }
        }
    };
    owned
        .run_then_shut_down(session, interrupts, command)
        .await?;
    Ok(None)
}

fn interrupts_of(history: &History) -> Interrupts {
    let began = Instant::now();
    let streams = history.signals.iter().map(|(after, signal)| {
        let time = began + *after;
        let arrival = stream::once(async move { sleep_until(time).await });
        (*signal, arrival.boxed())
    });
    Interrupts::of(streams.collect())
}

/// Plays a history and tests what is left.
async fn play(history: &History, session: &Session, gateway: &SimulatedGateway) {
    let began = Instant::now();
    gateway.with(|world| {
        *world = World::new();
        world.life = history.life;
        world.passages = history.passages.iter().copied().collect();
        world.outages.clone_from(&history.outages);
    });
    let _ = take_lines();
    let other = tokio::spawn({
        let (gateway, other_start) = (gateway.clone(), history.other_start);
        async move {
            if let Some(after) = other_start {
                sleep(after).await;
                gateway.with(|world| world.start(false));
            }
        }
    });
    let mut interrupts = interrupts_of(history);
    let limit = history.timeout.unwrap_or_default() + history.command_takes + BOUND;
    let result = timeout(limit, start(history, session, &mut interrupts)).await;
    let Ok(result) = result else {
        panic!("it has not ended after {:?}", began.elapsed());
    };
    let handed_over = match &result {
        Ok(handed_over) => handed_over.clone(),
        Err(error) => {
            Printer::print_error(error);
            None
        }
    };
    let told = take_lines().join("\n");
    if let Some(name) = &handed_over {
        gateway.with(|world| {
            let mut clusters = world.clusters.iter();
            let cluster = clusters.find(|cluster| cluster.name == *name);
            let status = cluster.map(|cluster| world.status(cluster));
            assert_eq!(status, Some(Status::Running), "handed over: {told}");
        });
    }
    // Requests that were under way arrive.
    sleep(SETTLED).await;
    other.await.expect("no panic");
    gateway.with(|world| {
        for cluster in &world.clusters {
            let name = &cluster.name;
            if !cluster.is_ours {
                assert!(!World::is_deleted(cluster), "not ours: {told}");
                continue;
            }
            let status = world.status(cluster);
            if told.contains("nothing was started") {
                assert!(!status.is_active(), "{name} is {status}: {told}");
            }
            if told.contains(&format!("{name} was shut down")) {
                assert!(!status.is_active(), "{name} is {status}: {told}");
            }
            if !status.is_active() {
                continue;
            }
            let is_told = match (&result, &handed_over) {
                (Ok(_), handed_over) => handed_over.as_ref() == Some(name),
                (Err(_), _) => told.contains(name) || told.contains("`dgw list`"),
            };
            assert!(is_told, "{name} is {status}: {told}");
        }
    });
}

/// Creates a session with a simulated gateway.
fn simulated() -> (Session, SimulatedGateway) {
    let gateway = SimulatedGateway(Arc::new(Mutex::new(World::new())));
    let session = session();
    let session = Session {
        gateway: session.gateway.clone().served_by(Arc::new(gateway.clone())),
        ..session
    };
    (session, gateway)
}

fn play_in_new_runtime(history: &History, session: &Session, gateway: &SimulatedGateway) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play(history, session, gateway));
}

#[test]
fn histories_leave_no_cluster_untold() {
    let (session, gateway) = simulated();
    let mut runner = TestRunner::new(Config {
        cases: histories(HISTORIES),
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&history(), |history| {
        play_in_new_runtime(&history, &session, &gateway);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Histories that once left a cluster untold: the gateway knew it only after a late response.
#[test]
fn late_responses_prove_nothing() {
    let passage = |there, back| Passage {
        fate: Fate::Answered,
        there: Duration::from_secs(there),
        back: Duration::from_secs(back),
    };
    let history = |unknown_for, passages, interrupted| History {
        hands_over: false,
        timeout: None,
        life: Life {
            starts_in: Some(Duration::ZERO),
            fails: false,
            unknown_for: Duration::from_secs(unknown_for),
            stops_in: Duration::ZERO,
        },
        passages,
        outages: Vec::new(),
        signals: vec![(Duration::from_secs(interrupted), Signal::Hangup)],
        command_takes: Duration::ZERO,
        other_start: None,
    };
    let late_creation = history(10, vec![passage(25, 0)], 0);
    let passages = vec![passage(0, 0), passage(21, 0), passage(0, 0), passage(0, 27)];
    let late_status = history(18, passages, 9);
    let truncated = Passage {
        fate: Fate::Truncated,
        ..passage(25, 0)
    };
    let other_is_listed = History {
        other_start: Some(Duration::ZERO),
        signals: Vec::new(),
        ..history(6, vec![truncated], 0)
    };
    let (session, gateway) = simulated();
    for history in [late_creation, late_status, other_is_listed] {
        play_in_new_runtime(&history, &session, &gateway);
    }
}
