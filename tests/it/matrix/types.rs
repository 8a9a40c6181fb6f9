//! Wrong types in every field.

use serde_json::{Value, json};

use super::{LOOK, LOOKS, NAME, STARTS, about, harmed, is_decent, side_by_side};
use crate::support::{BASIC, Harm, User, When, places};

/// What no field is.
fn strange() -> [Value; 5] {
    [
        json!(null),
        json!(-1.5),
        json!("\u{1b}[2J"),
        json!({"a": []}),
        json!([[]]),
    ]
}

/// So many more fields may an answer have than what is made of it.
const UNSEEN: usize = 8;

fn is_told(user: &User, name: &str, args: &[&str], place: usize, value: Value, when: When) {
    let what = format!("{args:?} with {value} at {place}");
    let harm = Harm::Mistyped(place, value);
    let (output, took) = harmed(user, &harm, when, &about(name, args));
    assert!(took < LOOK, "{what}: {took:?}");
    is_decent(&output, &what);
    let code = output.status.code();
    // A certificate that is none leads to no scheduler.
    let codes = [0, 9, 5, 6, 8, i32::from(args.contains(&"--"))].map(Some);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(codes.contains(&code), "{what}: {code:?}: {stderr}");
    let said = [output.stdout, output.stderr].concat();
    assert!(!said.contains(&0x1b), "{what}");
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn values_of_another_type_are_no_answer_and_never_a_panic() {
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
        for place in 0..places(shape).len() + UNSEEN {
            jobs.extend(strange().map(|value| (args, place, value)));
        }
    }
    side_by_side(LOOKS, jobs, |(args, place, value)| {
        is_told(&user, &name, args, place, value, When::ALWAYS);
    });
    assert_eq!(user.history(), [(name, "RUNNING".to_owned())]);
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn a_new_cluster_whose_answers_have_other_types_is_known_or_gone() {
    let mut jobs = Vec::new();
    for args in [&["new", "-s", "profile=small"][..], &["run", "--", "true"]] {
        // The options, where they are asked for; the name; the record, once and from then on.
        for after in 0..3 {
            for place in (after % 2..14).step_by(2) {
                let values = strange();
                let value = values[(place + after) % values.len()].clone();
                let times = if place % 4 < 2 { 1 } else { usize::MAX };
                jobs.push((args, place, value, When { after, times }));
            }
        }
    }
    side_by_side(STARTS, jobs, |(args, place, value, when)| {
        let user = BASIC.user();
        let what = format!("{args:?} with {value} at {place}, {when:?}");
        let (output, _) = harmed(&user, &Harm::Mistyped(place, value), when, args);
        is_decent(&output, &what);
        super::changes::none_is_unknown(&user, &output, args, &what);
    });
}
