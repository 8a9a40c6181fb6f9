//! `dgw adapt`

use snapbox::str;

use crate::support::BASIC;

#[test]
fn sets_and_removes_bounds() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.dgw(&["adapt", "--min", "0", "--max", "2"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] scales adaptively between 0 and 2 workers

"#]]);
    user.dgw(&["adapt", &name, "--max", "1"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] scales adaptively with at most 1 worker

"#]]);
    user.dgw(&["adapt", "--off"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] keeps its workers; adaptive scaling is off

"#]]);
    user.dgw(&["adapt", "--min", "1", "-o", "json"])
        .success()
        .stdout_eq(str![[r#"
{
  "name": "[NAME]",
  "workers": null,
  "adaptive": true,
  "minimum": 1,
  "maximum": null,
  "clamped": null
}

"#]]);
    let clamped = user.dgw(&["adapt", "--max", "9", "-o", "json"]).code(8);
    let clamped = &clamped.get_output().stdout;
    let clamped: serde_json::Value = serde_json::from_slice(clamped).expect("JSON");
    assert_eq!(
        (&clamped["minimum"], &clamped["maximum"]),
        (&0.into(), &4.into())
    );
    user.dgw(&["adapt", "--max", "9"]).code(8).stdout_eq("").stderr_eq(str![[r#"
cluster [NAME] scales adaptively between 0 and 4 workers
warning: the gateway granted less than requested for cluster `[NAME]`: Adapt with `maximum=9, minimum=0` workers would exceed resource limit of 4 workers. Using `maximum=4, minimum=0` instead.

"#]]);
}

#[test]
fn refuses_a_minimum_above_the_maximum() {
    let user = BASIC.user();
    user.dgw(&["adapt", "--min", "3", "--max", "1"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the minimum, 3, is above the maximum, 1

"#]]);
    user.dgw(&["adapt"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the following required arguments were not provided:
  <--min <N>|--max <N>|--off>

Usage: dgw adapt [OPTIONS] [--min <N>] [--max <N>] [CLUSTER]
       dgw adapt [OPTIONS] --off [CLUSTER]

For more information, try '--help'.

"#]]);
    user.dgw(&["adapt", "--off", "--max", "1"])
        .code(2)
        .stdout_eq("");
}
