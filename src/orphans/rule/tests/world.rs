//! Simulated cluster, for testing the rule against its true history.

use proptest::prelude::*;

use super::*;
use crate::scheduler::ClientHistory;

/// Event in a cluster, or a check of it.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Wait(i64),
    Connect,
    Leave,
    /// A client submits work that needs no client (`fire_and_forget`) and leaves; the work takes
    /// this long.
    Work(i64),
    Hold,
    Release,
    /// Workers come and go until the list of events has forgotten all clients.
    Flood,
    /// Under the same name.
    Restart,
    SetBackScheduler(i64),
    SetBackLocal(i64),
    SetForwardLocal(i64),
    SetBackGateway(i64),
    Check {
        takes: i64,
        /// A client leaves before the scheduler is read.
        is_left: bool,
        /// The scheduler's clock can be read, too.
        reads_clock: bool,
        /// The scheduler responds.
        answers: bool,
        ignore_results: bool,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let span = 0..15_000_i64;
    let check = || {
        (
            0..2_000_i64,
            any::<bool>(),
            any::<bool>(),
            prop::bool::weighted(0.9),
            prop::bool::weighted(0.2),
        )
            .prop_map(|(takes, is_left, reads_clock, answers, ignore_results)| {
                Step::Check {
                    takes,
                    is_left,
                    reads_clock,
                    answers,
                    ignore_results,
                }
            })
    };
    let step = prop_oneof![
        6 => span.clone().prop_map(Step::Wait),
        1 => Just(Step::Connect),
        1 => Just(Step::Leave),
        1 => span.clone().prop_map(Step::Work),
        1 => Just(Step::Hold),
        1 => Just(Step::Release),
        1 => Just(Step::Flood),
        1 => Just(Step::Restart),
        1 => span.clone().prop_map(Step::SetBackScheduler),
        1 => span.clone().prop_map(Step::SetBackLocal),
        1 => span.clone().prop_map(Step::SetForwardLocal),
        1 => span.prop_map(Step::SetBackGateway),
        8 => check(),
    ];
    prop::collection::vec(step, 1..40)
}

/// True state of a cluster, and the history that its scheduler keeps.
pub(super) struct World {
    now: i64,
    /// Last time that it was needed, in true time.
    needed: i64,
    /// Last time that it was needed if results are ignored.
    busy: i64,
    local: i64,
    gateway: i64,
    scheduler: i64,
    tells_idle: bool,
    start_time: i64,
    started: i64,
    clients: u64,
    results: u64,
    idle_since: i64,
    transitions: u64,
    events: Vec<(i64, String)>,
    reaches_back_to: i64,
    names: u64,
}

impl World {
    pub(super) fn new(tells_idle: bool) -> Self {
        let mut world = Self {
            now: 1_000_000,
            needed: 0,
            busy: 0,
            local: 0,
            gateway: 7_000,
            scheduler: -30_000,
            tells_idle,
            start_time: 0,
            started: 0,
            clients: 0,
            results: 0,
            idle_since: 0,
            transitions: 0,
            events: Vec::new(),
            reaches_back_to: 0,
            names: 0,
        };
        world.restart();
        world
    }

    fn restart(&mut self) {
        self.is_used();
        self.start_time = self.now + self.gateway;
        self.started = self.now + self.scheduler;
        (self.clients, self.results, self.transitions) = (0, 0, 0);
        self.idle_since = self.started;
        self.events.clear();
        self.reaches_back_to = self.started;
    }

    fn is_used(&mut self) {
        (self.needed, self.busy) = (self.now, self.now);
    }

    fn is_needed(&self, ignore_results: bool) -> bool {
        self.clients > 0 || (self.results > 0 && !ignore_results)
    }

    fn wait(&mut self, span: i64) {
        self.now += span;
        if self.is_needed(false) {
            self.needed = self.now;
        }
        if self.is_needed(true) {
            self.busy = self.now;
        }
    }

    fn client_event(&mut self) {
        self.is_used();
        self.names += 1;
        let name = format!("Client-{}", self.names);
        self.events.push((self.now + self.scheduler, name));
    }

    fn transition(&mut self) {
        self.is_used();
        self.transitions += 1;
        self.idle_since = self.now + self.scheduler;
    }

    fn flood(&mut self) {
        self.events.clear();
        self.reaches_back_to = self.now + self.scheduler;
    }

    fn reading(&self) -> ClockReading {
        ClockReading {
            local: at(self.now + self.local),
            // In whole seconds.
            gateway: Some(at((self.now + self.gateway).div_euclid(1_000) * 1_000)),
        }
    }

    fn activity(&self) -> Activity {
        let mut activity = with_tasks(|tasks| {
            (tasks.total, tasks.memory) = (Some(self.results), Some(self.results));
        });
        (activity.clients, activity.outsiders) = (Some(self.clients), Some(self.clients));
        activity.idle = if self.tells_idle {
            Idle::Since(at(self.idle_since))
        } else {
            Idle::Unknown
        };
        activity
    }

    pub(super) fn past(&self) -> ClientHistory {
        let last = self.events.iter().map(|(time, _)| *time).max();
        ClientHistory {
            idle_since: self.tells_idle.then(|| at(self.idle_since)),
            transitions: self.tells_idle.then_some(self.transitions),
            unattended_since: at(last.unwrap_or(self.reaches_back_to)),
            last_client: self.events.last().map(|(_, name)| name.clone()),
            latest: at(self.started),
        }
    }
}

/// Runs `steps`, and tests at each check that nobody needed a cluster that is judged an orphan.
/// Returns how many checks found one.
pub(super) fn play(steps: &[Step], tells_idle: bool) -> usize {
    let mut world = World::new(tells_idle);
    let mut record: Option<IdleRecord> = None;
    let mut orphans = 0;
    for step in steps {
        match step {
            Step::Wait(span) => world.wait(*span),
            Step::Connect => {
                world.clients += 1;
                world.client_event();
            }
            Step::Leave if world.clients > 0 => {
                world.clients -= 1;
                world.client_event();
            }
            Step::Work(span) => {
                world.client_event();
                world.now += span;
                world.transition();
            }
            // Only clients and work add or remove results.
            Step::Hold => {
                world.client_event();
                world.transition();
                world.results = 1;
            }
            Step::Release => {
                world.client_event();
                world.transition();
                world.results = 0;
            }
            Step::Leave => {}
            Step::Flood => world.flood(),
            Step::Restart => world.restart(),
            Step::SetBackScheduler(span) => world.scheduler -= span,
            Step::SetBackLocal(span) => world.local -= span,
            Step::SetForwardLocal(span) => world.local += span,
            Step::SetBackGateway(span) => world.gateway -= span,
            Step::Check {
                takes,
                is_left,
                reads_clock,
                answers,
                ignore_results,
            } => {
                let rule = rule(*ignore_results);
                let before = world.reading();
                world.wait(takes / 2);
                if *is_left && world.clients > 0 {
                    world.clients -= 1;
                    world.client_event();
                }
                let clock = world.now + world.scheduler;
                let found = if *answers {
                    rule.check(&world.activity()).map(|()| {
                        let clock = reads_clock.then(|| at(clock.div_euclid(1_000) * 1_000));
                        IdleState::new(world.past(), Some(world.results), clock)
                    })
                } else {
                    Err(NotIdle::Unknown("silence".to_owned()))
                };
                let checked = world.now;
                world.wait(takes - takes / 2);
                let age = ClusterAge {
                    start_time: at(world.start_time),
                    age: Some(Duration::from_millis(
                        (world.now + world.gateway - world.start_time)
                            .max(0)
                            .unsigned_abs(),
                    )),
                };
                let after = before.at_the_latest(Duration::from_millis(takes.unsigned_abs()));
                let (verdict, left) = judge(&rule, &found, &age, record.as_ref(), &before, &after);
                if let OrphanVerdict::Orphan(evidence) = verdict {
                    orphans += 1;
                    assert!(found.is_ok() && *answers, "{evidence:?}");
                    assert!(!world.is_needed(*ignore_results), "{evidence:?}");
                    let needed = if *ignore_results {
                        world.busy
                    } else {
                        world.needed
                    };
                    let idle = checked - needed;
                    assert!(idle >= REQUIRED, "{evidence:?}, really {idle} ms");
                }
                record = left;
            }
        }
    }
    orphans
}
