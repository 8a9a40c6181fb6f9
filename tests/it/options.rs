//! `dgw options`

use snapbox::str;

use crate::support::{BASIC, Stub, User, json_answer};

#[test]
fn lists_every_type_of_option_with_its_values() {
    let user = BASIC.user();
    user.dgw(&["options"])
        .success()
        .stdout_eq(str![[r#"
NAME             TYPE     VALUES              DEFAULT  YOURS  LABEL
worker_cores     int      1..4                1        -      Worker cores
worker_memory    float    0.5..8              1        -      Worker memory (GiB)
worker_setup     string   -                   ""       -      Worker set-up
profile          select   small,medium,large  small    -      Profile
priority         int      -                   0        -      Priority
spot             bool     true,false          false    -      Spot instances
environment      mapping  KEY=VALUE           {}       -      Environment variables
scheduler_start  select   normal,slow,never   normal   -      Scheduler start

"#]])
        .stderr_eq("");
}

#[test]
fn json_has_every_field() {
    let user = BASIC.user();
    user.dgw(&["options", "-o", "json"])
        .success()
        .stdout_eq(str![[r#"
[
  {
    "name": "worker_cores",
    "label": "Worker cores",
    "type": "int",
    "min": 1,
    "max": 4,
    "default": 1,
    "your_default": null
  },
  {
    "name": "worker_memory",
    "label": "Worker memory (GiB)",
    "type": "float",
    "min": 0.5,
    "max": 8.0,
    "default": 1,
    "your_default": null
  },
  {
    "name": "worker_setup",
    "label": "Worker set-up",
    "type": "string",
    "default": "",
    "your_default": null
  },
  {
    "name": "profile",
    "label": "Profile",
    "type": "select",
    "options": [
      "small",
      "medium",
      "large"
    ],
    "default": "small",
    "your_default": null
  },
  {
    "name": "priority",
    "label": "Priority",
    "type": "int",
    "min": null,
    "max": null,
    "default": 0,
    "your_default": null
  },
  {
    "name": "spot",
    "label": "Spot instances",
    "type": "bool",
    "default": false,
    "your_default": null
  },
  {
    "name": "environment",
    "label": "Environment variables",
    "type": "mapping",
    "default": {},
    "your_default": null
  },
  {
    "name": "scheduler_start",
    "label": "Scheduler start",
    "type": "select",
    "options": [
      "normal",
      "slow",
      "never"
    ],
    "default": "normal",
    "your_default": null
  }
]

"#]]);
    user.dgw(&["options", "-o", "name", "--sort-by", "name"])
        .success()
        .stdout_eq(str![[r#"
environment
priority
profile
scheduler_start
spot
worker_cores
worker_memory
worker_setup

"#]]);
}

#[test]
fn shows_configured_defaults_beside_the_gateways() {
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__PROFILE", "medium");
    let profile = &user.json(&["options"])[3];
    assert_eq!(
        (&profile["default"], &profile["your_default"]),
        (&"small".into(), &"medium".into())
    );
}

#[test]
fn says_that_there_are_no_options() {
    let stub = Stub::always(json_answer(r#"{"cluster_options": []}"#));
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["options"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
this gateway offers no options

"#]]);
}

#[test]
fn names_all_configured_defaults_that_the_gateway_refuses() {
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORES", "7")
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__COLOUR", "red");
    let refusal = str![[r#"
error: the gateway does not accept 2 of your defaults for new clusters
  `gateway.cluster.options.colour` (DASK_GATEWAY__CLUSTER__OPTIONS__COLOUR) is not an option of this gateway
  `gateway.cluster.options.worker_cores` (DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORES) must be an integer, 1 to 4, not `7`

hint: `dgw options` lists the options that this gateway offers, and your defaults

"#]];
    // `-s` makes dgw request the options first, so it finds the defaults before it requests a cluster.
    let args = ["new", "-s", "spot=yes"];
    user.dgw(&args).code(3).stdout_eq("").stderr_eq(refusal);
    let late = user.command(&["new"]).output().expect("dgw runs");
    assert_eq!(late.status.code(), Some(3));
    let messages = String::from_utf8_lossy(&late.stderr);
    assert!(
        messages.contains("COLOUR") && messages.contains("WORKER_CORES"),
        "{messages}"
    );
    let shown = user.command(&["options"]).output().expect("dgw runs");
    let table = String::from_utf8_lossy(&shown.stdout);
    assert!(table.contains("7(refused)"), "{table}");
    let messages = String::from_utf8_lossy(&shown.stderr);
    assert_eq!(
        messages
            .matches("warning: `gateway.cluster.options.")
            .count(),
        2,
        "{messages}"
    );
    let report = user.command(&["doctor"]).output().expect("dgw runs");
    assert_eq!(report.status.code(), Some(3));
    let report = String::from_utf8_lossy(&report.stdout);
    assert!(
        report.contains("COLOUR") && report.contains("WORKER_CORES"),
        "{report}"
    );
    assert_eq!(user.history(), []);
}
