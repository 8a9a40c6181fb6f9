//! A cluster that anything may happen to, for the rule to be held against.

use proptest::prelude::*;

use super::*;

/// What can happen to a cluster, and to those who look at it.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Wait(i64),
    Connect,
    Leave,
    /// Somebody comes, leaves work that needs no client (`fire_and_forget`) and is gone; it takes
    /// so long.
    Work(i64),
    Hold,
    Release,
    /// Workers come and go until the list of events has forgotten all clients.
    Flood,
    /// Under the same name.
    Restart,
    SetBackScheduler(i64),
    SetBackHere(i64),
    SetForwardHere(i64),
    SetBackGateway(i64),
    Look {
        takes: i64,
        /// Whether a client leaves before the scheduler is asked.
        is_left: bool,
        /// Whether the scheduler's clock can be read, too.
        reads_clock: bool,
        /// Whether the scheduler answers.
        answers: bool,
        ignore_results: bool,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let span = 0..15_000_i64;
    let look = || {
        (
            0..2_000_i64,
            any::<bool>(),
            any::<bool>(),
            prop::bool::weighted(0.9),
            prop::bool::weighted(0.2),
        )
            .prop_map(|(takes, is_left, reads_clock, answers, ignore_results)| {
                Step::Look {
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
        1 => span.clone().prop_map(Step::SetBackHere),
        1 => span.clone().prop_map(Step::SetForwardHere),
        1 => span.prop_map(Step::SetBackGateway),
        8 => look(),
    ];
    prop::collection::vec(step, 1..40)
}

/// A cluster as it really is, and what its scheduler remembers of that.
pub(super) struct World {
    now: i64,
    /// When anybody needed it last, by the time that really is.
    needed: i64,
    /// The same, where results count for nothing.
    busy: i64,
    here: i64,
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
            here: 0,
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

    fn moment(&self) -> ClockReading {
        ClockReading {
            here: at(self.now + self.here),
            // To the second.
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

/// Plays `steps`, and checks at each look that nobody needed what is taken for an orphan. Returns
/// how many looks found one.
pub(super) fn play(steps: &[Step], tells_idle: bool) -> usize {
    let mut world = World::new(tells_idle);
    let mut sighting: Option<Sighting> = None;
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
            // Clients and work alone bring results and take them away.
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
            Step::SetBackHere(span) => world.here -= span,
            Step::SetForwardHere(span) => world.here += span,
            Step::SetBackGateway(span) => world.gateway -= span,
            Step::Look {
                takes,
                is_left,
                reads_clock,
                answers,
                ignore_results,
            } => {
                let rule = rule(*ignore_results);
                let before = world.moment();
                world.wait(takes / 2);
                if *is_left && world.clients > 0 {
                    world.clients -= 1;
                    world.client_event();
                }
                let clock = world.now + world.scheduler;
                let found = if *answers {
                    rule.is_quiet(&world.activity()).map(|()| {
                        let clock = reads_clock.then(|| at(clock.div_euclid(1_000) * 1_000));
                        QuietState::new(world.past(), Some(world.results), clock)
                    })
                } else {
                    Err(KeepReason::Unknown("silence".to_owned()))
                };
                let looked = world.now;
                world.wait(takes - takes / 2);
                let life = ClusterAge {
                    start_time: at(world.start_time),
                    age: Some(Duration::from_millis(
                        (world.now + world.gateway - world.start_time)
                            .max(0)
                            .unsigned_abs(),
                    )),
                };
                let after = before.at_the_latest(Duration::from_millis(takes.unsigned_abs()));
                let (verdict, seen) =
                    judge(&rule, &found, &life, sighting.as_ref(), &before, &after);
                if let Verdict::Orphan(proof) = verdict {
                    orphans += 1;
                    assert!(found.is_ok() && *answers, "{proof:?}");
                    assert!(!world.is_needed(*ignore_results), "{proof:?}");
                    let needed = if *ignore_results {
                        world.busy
                    } else {
                        world.needed
                    };
                    let quiet = looked - needed;
                    assert!(quiet >= ASKED, "{proof:?}, really {quiet} ms");
                }
                sighting = seen;
            }
        }
    }
    orphans
}
