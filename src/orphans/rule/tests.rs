mod world;

use proptest::prelude::*;
use world::{Step, World, play, steps};

use jiff::Timestamp;

use super::*;
use crate::scheduler::ClientHistory;

/// Idle time that the rule requires here, in milliseconds.
const REQUIRED: i64 = 10_000;

fn rule(ignore_results: bool) -> OrphanRule {
    OrphanRule {
        idle_for: Duration::from_millis(REQUIRED.unsigned_abs()),
        ignore_results,
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("a time")
}

/// Activity of a cluster in which nothing happens.
fn idle() -> Activity {
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
    let mut activity = idle();
    change(activity.tasks.as_mut().expect("tasks"));
    activity
}

fn checked(activity: &Activity) -> Result<(), NotIdle> {
    rule(false).check(activity)
}

#[test]
fn work_clients_and_results_keep_a_cluster() {
    assert_eq!(checked(&idle()), Ok(()));
    for (activity, reason) in [
        (
            with_tasks(|tasks| tasks.processing = Some(2)),
            NotIdle::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.queued = Some(2)),
            NotIdle::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.waiting = Some(2)),
            NotIdle::Tasks(2),
        ),
        (
            with_tasks(|tasks| tasks.unrunnable = Some(2)),
            NotIdle::Tasks(2),
        ),
        (with_tasks(|tasks| tasks.total = Some(2)), NotIdle::Tasks(2)),
        (
            with_tasks(|tasks| (tasks.total, tasks.memory) = (Some(2), Some(2))),
            NotIdle::Results(2),
        ),
        (
            Activity {
                outsiders: Some(1),
                ..idle()
            },
            NotIdle::Clients(1),
        ),
        (
            Activity {
                clients: Some(1),
                idle: Idle::Unknown,
                ..idle()
            },
            NotIdle::Clients(1),
        ),
        (
            Activity {
                idle: Idle::Busy,
                ..idle()
            },
            NotIdle::Busy,
        ),
    ] {
        assert_eq!(checked(&activity), Err(reason));
    }
}

#[test]
fn finished_tasks_and_tasks_own_clients_do_not_keep_it() {
    let done = with_tasks(|tasks| {
        (tasks.total, tasks.released, tasks.erred) = (Some(5), Some(3), Some(2));
    });
    let of_a_task = Activity {
        clients: Some(3),
        ..idle()
    };
    let held = with_tasks(|tasks| (tasks.total, tasks.memory) = (Some(2), Some(2)));
    assert_eq!(checked(&done), Ok(()));
    assert_eq!(checked(&of_a_task), Ok(()));
    assert_eq!(rule(true).check(&held), Ok(()));
}

#[test]
fn unknown_numbers_keep_it() {
    let unknown = |activity: Activity| {
        assert!(
            matches!(checked(&activity), Err(NotIdle::Unknown(_))),
            "{activity:?}"
        );
    };
    unknown(Activity::default());
    unknown(Activity {
        outsiders: None,
        ..idle()
    });
    unknown(Activity {
        clients: None,
        idle: Idle::Unknown,
        ..idle()
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
    #![proptest_config(ProptestConfig::with_cases(crate::hostile::histories(1_500)))]

    #[test]
    fn histories_end_no_cluster_that_was_in_use(steps in steps(), tells_idle: bool) {
        play(&steps, tells_idle);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn orphan_is_found_in_the_end(
        steps in steps(), tells_idle: bool, reads_clock: bool, spans in prop::collection::vec(0..5_000_i64, 9..20),
    ) {
        let check = Step::Check { takes: 100, is_left: false, reads_clock, answers: true, ignore_results: false };
        let clients = steps.iter().filter(|step| matches!(step, Step::Connect)).count();
        let mut steps = steps;
        steps.extend(std::iter::repeat_n(Step::Leave, clients));
        steps.push(Step::Release);
        let before = play(&steps, tells_idle);
        for span in spans {
            steps.extend([Step::Wait(span), check.clone()]);
        }
        steps.extend([Step::Wait(REQUIRED + 2_100), check]);
        prop_assert!(play(&steps, tells_idle) > before);
    }
}

#[test]
fn one_check_is_enough_if_the_scheduler_knows_its_history_and_clock() {
    let check = Step::Check {
        takes: 0,
        is_left: false,
        reads_clock: true,
        answers: true,
        ignore_results: false,
    };
    let steps = [Step::Wait(REQUIRED + 1_000), check];
    assert_eq!(play(&steps, true), 1);
    assert_eq!(play(&steps, false), 0, "too old to know");
}

#[test]
fn client_that_came_and_left_between_two_checks_counts() {
    let check = Step::Check {
        takes: 0,
        is_left: false,
        reads_clock: false,
        answers: true,
        ignore_results: false,
    };
    let half = Step::Wait(REQUIRED * 3 / 4);
    let undisturbed = [check.clone(), half.clone(), half.clone(), check.clone()];
    let visited = [
        check.clone(),
        half.clone(),
        Step::Connect,
        Step::Leave,
        half,
        check,
    ];
    for tells_idle in [true, false] {
        assert_eq!(play(&undisturbed, tells_idle), 1);
        assert_eq!(play(&visited, tells_idle), 0);
    }
}

/// Time by both clocks, in milliseconds.
fn reading(local: i64) -> ClockReading {
    ClockReading {
        local: at(local),
        gateway: None,
    }
}

/// State of an idle cluster since 0 on the scheduler's clock, which reads `clock`.
fn state(clock: Option<i64>) -> IdleState {
    let history = ClientHistory {
        idle_since: Some(at(0)),
        transitions: Some(0),
        unattended_since: at(0),
        last_client: None,
        latest: at(0),
    };
    IdleState::new(history, Some(0), clock.map(at))
}

/// Judges a cluster of unknown age at `now`.
fn judged(
    found: &Result<IdleState, NotIdle>,
    earlier: Option<&IdleRecord>,
    now: i64,
) -> (OrphanVerdict, Option<IdleRecord>) {
    let age = ClusterAge {
        start_time: at(0),
        age: None,
    };
    let after = reading(now + 10);
    judge(&rule(false), found, &age, earlier, &reading(now), &after)
}

/// Record of a check at `now` that found the cluster idle.
fn recorded(now: i64) -> IdleRecord {
    judged(&Ok(state(None)), None, now).1.expect("a record")
}

#[test]
fn record_is_of_the_time_after_the_first_idle_check() {
    let first = recorded(1_000);
    assert_eq!((first.start_time, first.at), (at(0), reading(1_010)));
    assert_eq!(first.marks, state(None).marks);
    let (_, again) = judged(&Ok(state(None)), Some(&first), 5_000);
    assert_eq!(again, Some(first));
}

#[test]
fn record_ends_with_a_busy_check_and_with_a_clock_set_back() {
    let first = recorded(1_000);
    for reason in [NotIdle::Clients(1), NotIdle::Unknown("silence".to_owned())] {
        let (verdict, record) = judged(&Err(reason.clone()), Some(&first), 5_000);
        assert_eq!(verdict, OrphanVerdict::NotOrphan(reason));
        assert_eq!(record, None);
    }
    let (_, again) = judged(&Ok(state(None)), Some(&first), 500);
    assert_eq!(again.map(|record| record.at), Some(reading(510)));
}

#[test]
fn record_of_another_cluster_or_of_other_marks_does_not_count() {
    let mut restarted = recorded(1_000);
    restarted.start_time = at(1);
    let mut changed = recorded(1_000);
    changed.marks = IdleState::new(World::new(true).past(), Some(7), None).marks;
    let now = 1_010 + REQUIRED;
    for earlier in [restarted, changed] {
        let (verdict, record) = judged(&Ok(state(None)), Some(&earlier), now);
        assert_eq!(
            verdict,
            too_short(IdleEvidence::EarlierRun(Duration::ZERO), true)
        );
        assert_eq!(record.map(|record| record.at), Some(reading(now + 10)));
    }
}

fn too_short(evidence: IdleEvidence, needs_records: bool) -> OrphanVerdict {
    OrphanVerdict::NotOrphan(NotIdle::TooShort {
        evidence,
        required: rule(false).idle_for,
        needs_records,
    })
}

#[test]
fn longer_evidence_counts_and_the_required_time_suffices() {
    let required = rule(false).idle_for;
    let millisecond = Duration::from_millis(1);
    let first = recorded(1_000);
    let start = first.at.local.as_millisecond();
    let by_scheduler = IdleEvidence::Scheduler;
    let by_record = IdleEvidence::EarlierRun;
    for (clock, record_age, verdict) in [
        (
            Some(REQUIRED),
            None,
            OrphanVerdict::Orphan(by_scheduler(required)),
        ),
        (
            Some(REQUIRED - 1),
            None,
            too_short(by_scheduler(required.saturating_sub(millisecond)), false),
        ),
        (
            None,
            Some(REQUIRED),
            OrphanVerdict::Orphan(by_record(required)),
        ),
        (
            None,
            Some(REQUIRED - 1),
            too_short(by_record(required.saturating_sub(millisecond)), true),
        ),
        (
            Some(REQUIRED),
            Some(REQUIRED),
            OrphanVerdict::Orphan(by_scheduler(required)),
        ),
        (
            Some(REQUIRED - 1),
            Some(REQUIRED),
            OrphanVerdict::Orphan(by_record(required)),
        ),
        (
            Some(REQUIRED),
            Some(REQUIRED - 1),
            OrphanVerdict::Orphan(by_scheduler(required)),
        ),
        (None, None, too_short(by_record(Duration::ZERO), true)),
    ] {
        let earlier = record_age.map(|_| &first);
        let now = start + record_age.unwrap_or_default();
        assert_eq!(judged(&Ok(state(clock)), earlier, now).0, verdict);
    }
}
