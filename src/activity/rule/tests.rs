use proptest::prelude::*;

use super::*;
use crate::scheduler::Tasks;

/// What the rule is asked for here, in milliseconds.
const ASKED: i64 = 10_000;

fn rule(ignore_results: bool) -> Rule {
    Rule {
        idle_for: Duration::from_millis(ASKED.unsigned_abs()),
        ignore_results,
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("a time")
}

/// A cluster in which nothing happens.
fn nothing() -> Activity {
    Activity {
        tasks: Some(Tasks {
            total: Some(0),
            processing: Some(0),
            queued: Some(0),
            waiting: Some(0),
            unrunnable: Some(0),
            memory: Some(0),
            erred: Some(0),
            released: Some(0),
        }),
        clients: Some(0),
        outsiders: Some(0),
        idle: Idle::Since(at(0)),
        ..Activity::default()
    }
}

fn with_tasks(change: impl FnOnce(&mut Tasks)) -> Activity {
    let mut activity = nothing();
    change(activity.tasks.as_mut().expect("tasks"));
    activity
}

fn judged(activity: &Activity) -> Result<(), Reason> {
    rule(false).is_quiet(activity)
}

#[test]
fn any_need_keeps_a_cluster() {
    assert_eq!(judged(&nothing()), Ok(()));
    for (activity, reason) in [
        (
            with_tasks(|tasks| tasks.processing = Some(2)),
            Reason::Tasks(2),
        ),
        (with_tasks(|tasks| tasks.queued = Some(2)), Reason::Tasks(2)),
        (
            with_tasks(|tasks| tasks.waiting = Some(2)),
            Reason::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.unrunnable = Some(2)),
            Reason::Tasks(2),
        ),
        (with_tasks(|tasks| tasks.total = Some(2)), Reason::Tasks(2)),
        (
            with_tasks(|tasks| (tasks.total, tasks.memory) = (Some(2), Some(2))),
            Reason::Results(2),
        ),
        (
            Activity {
                outsiders: Some(1),
                ..nothing()
            },
            Reason::Clients(1),
        ),
        (
            Activity {
                clients: Some(1),
                idle: Idle::Unknown,
                ..nothing()
            },
            Reason::Clients(1),
        ),
        (
            Activity {
                idle: Idle::Busy,
                ..nothing()
            },
            Reason::AtWork,
        ),
    ] {
        assert_eq!(judged(&activity), Err(reason));
    }
}

#[test]
fn what_needs_nobody_does_not_keep_it() {
    let done = with_tasks(|tasks| {
        (tasks.total, tasks.released, tasks.erred) = (Some(5), Some(3), Some(2));
    });
    let of_a_task = Activity {
        clients: Some(3),
        ..nothing()
    };
    let held = with_tasks(|tasks| (tasks.total, tasks.memory) = (Some(2), Some(2)));
    assert_eq!(judged(&done), Ok(()));
    assert_eq!(judged(&of_a_task), Ok(()));
    assert_eq!(rule(true).is_quiet(&held), Ok(()));
}

#[test]
fn whatever_is_unknown_keeps_it() {
    let unknown = |activity: Activity| {
        assert!(
            matches!(judged(&activity), Err(Reason::Unknown(_))),
            "{activity:?}"
        );
    };
    unknown(Activity::default());
    unknown(Activity {
        outsiders: None,
        ..nothing()
    });
    unknown(Activity {
        clients: None,
        idle: Idle::Unknown,
        ..nothing()
    });
    let fields: [fn(&mut Tasks) -> &mut Option<u64>; 8] = [
        |tasks| &mut tasks.total,
        |tasks| &mut tasks.processing,
        |tasks| &mut tasks.queued,
        |tasks| &mut tasks.waiting,
        |tasks| &mut tasks.unrunnable,
        |tasks| &mut tasks.memory,
        |tasks| &mut tasks.erred,
        |tasks| &mut tasks.released,
    ];
    for field in fields {
        unknown(with_tasks(|tasks| *field(tasks) = None));
    }
    unknown(with_tasks(|tasks| tasks.memory = Some(1)));
}

/// What can happen to a cluster, and to those who look at it.
#[derive(Clone, Debug)]
enum Step {
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

fn steps() -> impl Strategy<Value = Vec<Step>> {
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
struct World {
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
    fn new(tells_idle: bool) -> Self {
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

    fn moment(&self) -> Moment {
        Moment {
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

    fn past(&self) -> Past {
        let last = self.events.iter().map(|(time, _)| *time).max();
        Past {
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
fn play(steps: &[Step], tells_idle: bool) -> usize {
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
                        Quiet::new(world.past(), Some(world.results), clock)
                    })
                } else {
                    Err(Reason::Unknown("silence".to_owned()))
                };
                let looked = world.now;
                world.wait(takes - takes / 2);
                let life = Life {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_orphan_was_needed_by_anybody_for_all_that_time(steps in steps(), tells_idle: bool) {
        play(&steps, tells_idle);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_orphan_is_found_in_the_end(
        steps in steps(), tells_idle: bool, reads_clock: bool, spans in prop::collection::vec(0..5_000_i64, 9..20),
    ) {
        let look = Step::Look { takes: 100, is_left: false, reads_clock, answers: true, ignore_results: false };
        let clients = steps.iter().filter(|step| matches!(step, Step::Connect)).count();
        let mut steps = steps;
        steps.extend(std::iter::repeat_n(Step::Leave, clients));
        steps.push(Step::Release);
        let before = play(&steps, tells_idle);
        for span in spans {
            steps.extend([Step::Wait(span), look.clone()]);
        }
        steps.extend([Step::Wait(ASKED + 2_100), look]);
        prop_assert!(play(&steps, tells_idle) > before);
    }
}

#[test]
fn the_first_look_is_enough_where_the_scheduler_knows_and_its_clock_is_known() {
    let quiet = Step::Look {
        takes: 0,
        is_left: false,
        reads_clock: true,
        answers: true,
        ignore_results: false,
    };
    let steps = [Step::Wait(ASKED + 1_000), quiet];
    assert_eq!(play(&steps, true), 1);
    assert_eq!(play(&steps, false), 0, "too old to know");
}

#[test]
fn a_client_that_came_and_left_between_two_looks_counts() {
    let look = Step::Look {
        takes: 0,
        is_left: false,
        reads_clock: false,
        answers: true,
        ignore_results: false,
    };
    let half = Step::Wait(ASKED * 3 / 4);
    let undisturbed = [look.clone(), half.clone(), half.clone(), look.clone()];
    let visited = [
        look.clone(),
        half.clone(),
        Step::Connect,
        Step::Leave,
        half,
        look,
    ];
    for tells_idle in [true, false] {
        assert_eq!(play(&undisturbed, tells_idle), 1);
        assert_eq!(play(&visited, tells_idle), 0);
    }
}

/// A look at `now` that finds nothing going on, and of which the scheduler tells no clock.
fn looked(
    found: &Result<Quiet, Reason>,
    sighting: Option<&Sighting>,
    now: i64,
) -> Option<Sighting> {
    let moment = Moment {
        here: at(now),
        gateway: None,
    };
    let life = Life {
        start_time: at(0),
        age: None,
    };
    judge(&rule(false), found, &life, sighting, &moment, &moment).1
}

#[test]
fn an_earlier_look_counts_until_one_finds_it_busy_or_nothing_at_all() {
    let quiet = Ok(Quiet::new(World::new(true).past(), Some(0), None));
    let first = looked(&quiet, None, 1_000);
    assert_eq!(looked(&quiet, first.as_ref(), 5_000), first);
    for reason in [Reason::Clients(1), Reason::Unknown("silence".to_owned())] {
        assert_eq!(looked(&Err(reason), first.as_ref(), 5_000), None);
    }
    let again = looked(&quiet, first.as_ref(), 500);
    assert_eq!(
        again.map(|sighting| sighting.at.here),
        Some(at(500)),
        "a clock set back"
    );
}

#[test]
fn nothing_is_idle_for_longer_than_it_has_been_there() {
    let past = World::new(true).past();
    let hour = Duration::from_secs(3_600);
    let clock = past.unattended_since + hour;
    let quiet = Quiet::new(past, Some(0), Some(clock));
    assert_eq!(quiet.remembered(None), Some(hour));
    assert_eq!(quiet.remembered(Some(hour / 2)), Some(hour / 2));
}

#[test]
fn reasons_are_words() {
    let span = Duration::from_secs(300);
    for (reason, text) in [
        (Reason::Clients(1), "1 client connected"),
        (Reason::Results(2), "2 results held in memory"),
        (Reason::NotRunning(Status::Pending), "it is PENDING"),
        (Reason::Protected(None), "it is protected by `dgw keep`"),
        (
            Reason::Protected(Some(at(1_795_217_334_964))),
            "it is protected by `dgw keep` until 2026-11-20T23:28:54Z",
        ),
        (
            Reason::TooShort {
                proof: Proof::Scheduler(span),
                rule: span * 2,
                needs_sightings: false,
            },
            "idle for 5m, as its scheduler knows; 10m is asked for",
        ),
        (
            Reason::TooShort {
                proof: Proof::Sighting(Duration::ZERO),
                rule: span,
                needs_sightings: true,
            },
            "first seen idle now; 5m is asked for",
        ),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}
