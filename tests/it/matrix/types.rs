//! Values of wrong types in every field of a response.

use serde_json::{Value, json};

use super::{
    NAME, READ_CONCURRENCY, READ_LIMIT, START_CONCURRENCY, assert_clean, run_concurrently,
    run_faulty, with_name,
};
use crate::support::{BASIC, Harm, User, When, places};

/// Returns values that no field may have.
fn invalid_values() -> [Value; 5] {
    [
        json!(null),
        json!(-1.5),
        json!("\u{1b}[2J"),
        json!({"a": []}),
        json!([[]]),
    ]
}

/// How many more fields a response may have than the records that dgw prints.
const UNPRINTED_FIELDS: usize = 8;

fn assert_handled(user: &User, name: &str, args: &[&str], place: usize, value: Value, when: When) {
    let case = format!("{args:?} with {value} at {place}");
    let harm = Harm::Mistyped(place, value);
    let (output, took) = run_faulty(user, &harm, when, &with_name(name, args));
    assert!(took < READ_LIMIT, "{case}: {took:?}");
    assert_clean(&output, &case);
    let code = output.status.code();
    // An invalid certificate makes the scheduler unreachable.
    let codes = [0, 9, 5, 6, 8, i32::from(args.contains(&"--"))].map(Some);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(codes.contains(&code), "{case}: {code:?}: {stderr}");
    let printed = [output.stdout, output.stderr].concat();
    assert!(!printed.contains(&0x1b), "{case}");
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn values_of_a_wrong_type_never_cause_a_panic() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let clusters = user.json(&["list"]);
    let mut jobs = Vec::new();
    for (args, shape) in [
        (&["list"][..], &clusters),
        (&["list", "-o", "wide"], &clusters),
        (&["show", NAME], &clusters[0]),
        (&["connect", NAME, "--", "true"], &clusters[0]),
        (&["keep", NAME], &clusters),
        (&["options"], &user.json(&["options"])),
    ] {
        for place in 0..places(shape).len() + UNPRINTED_FIELDS {
            jobs.extend(invalid_values().map(|value| (args, place, value)));
        }
    }
    run_concurrently(READ_CONCURRENCY, jobs, |(args, place, value)| {
        assert_handled(&user, &name, args, place, value, When::ALWAYS);
    });
    assert_eq!(user.history(), [(name, "RUNNING".to_owned())]);
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn new_names_or_removes_the_cluster_if_types_are_wrong() {
    let mut jobs = Vec::new();
    for args in [&["new", "-s", "profile=small"][..], &["run", "--", "true"]] {
        // The options, if they are requested; the name; the record, once and from then on.
        for after in 0..3 {
            for place in (after % 2..14).step_by(2) {
                let values = invalid_values();
                let value = values[(place + after) % values.len()].clone();
                let times = if place % 4 < 2 { 1 } else { usize::MAX };
                jobs.push((args, place, value, When { after, times }));
            }
        }
    }
    run_concurrently(START_CONCURRENCY, jobs, |(args, place, value, when)| {
        let user = BASIC.user();
        let case = format!("{args:?} with {value} at {place}, {when:?}");
        let (output, _) = run_faulty(&user, &Harm::Mistyped(place, value), when, args);
        assert_clean(&output, &case);
        super::changes::assert_all_named(&user, &output, args, &case);
    });
}
