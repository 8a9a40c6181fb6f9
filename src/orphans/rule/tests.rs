mod world;

use proptest::prelude::*;
use world::{Step, World, play, steps};

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

fn judged(activity: &Activity) -> Result<(), KeepReason> {
    rule(false).is_quiet(activity)
}

#[test]
fn any_need_keeps_a_cluster() {
    assert_eq!(judged(&nothing()), Ok(()));
    for (activity, reason) in [
        (
            with_tasks(|tasks| tasks.processing = Some(2)),
            KeepReason::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.queued = Some(2)),
            KeepReason::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.waiting = Some(2)),
            KeepReason::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.unrunnable = Some(2)),
            KeepReason::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.total = Some(2)),
            KeepReason::Tasks(2),
        ),
        (
            with_tasks(|tasks| (tasks.total, tasks.memory) = (Some(2), Some(2))),
            KeepReason::Results(2),
        ),
        (
            Activity {
                outsiders: Some(1),
                ..nothing()
            },
            KeepReason::Clients(1),
        ),
        (
            Activity {
                clients: Some(1),
                idle: Idle::Unknown,
                ..nothing()
            },
            KeepReason::Clients(1),
        ),
        (
            Activity {
                idle: Idle::Busy,
                ..nothing()
            },
            KeepReason::AtWork,
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
            matches!(judged(&activity), Err(KeepReason::Unknown(_))),
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
    found: &Result<QuietState, KeepReason>,
    sighting: Option<&Sighting>,
    now: i64,
) -> Option<Sighting> {
    let moment = ClockReading {
        here: at(now),
        gateway: None,
    };
    let life = ClusterAge {
        start_time: at(0),
        age: None,
    };
    judge(&rule(false), found, &life, sighting, &moment, &moment).1
}

#[test]
fn an_earlier_look_counts_until_one_finds_it_busy_or_nothing_at_all() {
    let quiet = Ok(QuietState::new(World::new(true).past(), Some(0), None));
    let first = looked(&quiet, None, 1_000);
    assert_eq!(looked(&quiet, first.as_ref(), 5_000), first);
    for reason in [
        KeepReason::Clients(1),
        KeepReason::Unknown("silence".to_owned()),
    ] {
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
    let quiet = QuietState::new(past, Some(0), Some(clock));
    assert_eq!(quiet.remembered(None), Some(hour));
    assert_eq!(quiet.remembered(Some(hour / 2)), Some(hour / 2));
}

#[test]
fn reasons_are_words() {
    let span = Duration::from_secs(300);
    for (reason, text) in [
        (KeepReason::Clients(1), "1 client connected"),
        (KeepReason::Results(2), "2 results held in memory"),
        (KeepReason::NotRunning(Status::Pending), "it is PENDING"),
        (KeepReason::Protected(None), "it is protected by `dgw keep`"),
        (
            KeepReason::Protected(Some(at(1_795_217_334_964))),
            "it is protected by `dgw keep` until 2026-11-20T23:28:54Z",
        ),
        (
            KeepReason::TooShort {
                proof: Proof::Scheduler(span),
                rule: span * 2,
                needs_sightings: false,
            },
            "idle for 5m, as its scheduler knows; 10m is asked for",
        ),
        (
            KeepReason::TooShort {
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
