//! `dgw new`

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use snapbox::str;

use crate::support::{BASIC, Faulty, Harm, Stub, User, When, answer, json_answer, set_mode};

#[test]
fn prints_the_name_of_a_running_cluster() {
    let user = BASIC.user();
    user.dgw(&["new", "--workers", "1"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME] is running ([ELAPSED])

"#]]);
    let cluster = &user.json(&["list"])[0];
    assert_eq!(cluster["status"], "RUNNING");
    assert_eq!(
        user.stdout(&["new", "-q", "-o", "json"]).lines().next(),
        Some("{")
    );
}

#[test]
fn gives_options_the_types_that_the_gateway_declares() {
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__PRIORITY", "7");
    let options = [
        "worker_cores=2",
        "worker_memory=2",
        "worker_setup=5",
        "profile=large",
        "spot=yes",
        "environment=A=1",
        "environment=B=2=3",
        "scheduler_start=normal",
    ];
    let mut args = vec!["new"];
    args.extend(options.iter().flat_map(|option| ["-s", option]));
    args.push("--show-values");
    assert_eq!(
        user.json(&args)["options"],
        json!({
            "worker_cores": 2, "worker_memory": 2.0, "worker_setup": "5", "profile": "large",
            "priority": 7, "spot": true, "environment": {"A": "1", "B": "2=3"},
            "scheduler_start": "normal",
        })
    );
}

/// Of options that are in the environment or in a file, no output has the values.
#[test]
fn takes_options_from_the_environment_and_from_files() {
    let user = BASIC
        .user()
        .with("SECRET", "s3cret-variable")
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_SETUP", "{NOPE}");
    let file = |name: &str, contents: &str| {
        let path = user.home().join(name);
        fs::write(&path, contents).expect("written");
        format!("@{}", path.display())
    };
    let key = file("key", "s3cret-file\n");
    let entries = file("entries", "# more\nLINE=s3cret-line\n");
    let setup = file("setup", "echo set\necho up\n");
    let options = [
        "environment=SECRET".to_owned(),
        format!("environment=FILE={key}"),
        format!("environment={entries}"),
        "environment=LITERAL=@@x".to_owned(),
        format!("worker_setup={setup}"),
    ];
    let mut args = vec!["new", "-vvv", "-o", "json"];
    args.extend(options.iter().flat_map(|option| ["-s", option]));

    // The defaults are for new clusters only.
    user.dgw(&["list"]).success();
    user.dgw(&["new"]).code(3).stderr_eq(str![[r#"
error: `gateway.cluster.options.worker_setup` (DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_SETUP) names the environment variable `NOPE`, which is not set

hint: `export NOPE=…`, or correct the value

"#]]);
    let user = user.with("NOPE", "source nope");
    let output = user.command(&args).output().expect("dgw runs");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).expect("UTF-8");
    assert!(output.status.success(), "{printed}");
    assert!(!printed.contains("s3cret"), "{printed}");
    let hidden = json!({"SECRET": "…", "FILE": "…", "LINE": "…", "LITERAL": "…"});
    assert_eq!(user.json(&["show"])["options"]["environment"], hidden);
    for args in [
        &["list"][..],
        &["list", "-o", "yaml"],
        &["show"],
        &["connect", "-o", "json"],
        &["shutdown", "--all", "--dry-run", "-o", "json"],
        &["list", "--all", "-vvv"],
    ] {
        let output = user.command(args).output().expect("dgw runs");
        let printed = String::from_utf8([output.stdout, output.stderr].concat());
        let printed = printed.expect("UTF-8");
        assert!(!printed.contains("s3cret"), "{args:?}: {printed}");
    }
    let shown = &user.json(&["show", "--show-values"])["options"];
    assert_eq!(shown["worker_setup"], "echo set\necho up");
    assert_eq!(
        shown["environment"],
        json!({
            "SECRET": "s3cret-variable", "FILE": "s3cret-file", "LINE": "s3cret-line",
            "LITERAL": "@x",
        })
    );

    for (option, message) in [
        (
            "environment=UNSET",
            "error: `environment` takes `UNSET` from the environment, but that variable is not set",
        ),
        (
            "worker_setup=@/nope",
            "error: can't read the value of `worker_setup` from `/nope`: No such file",
        ),
        (
            &*format!("worker_cores={key}"),
            "error: `worker_cores` must be an integer, 1 to 4, not `…`",
        ),
    ] {
        let output = user.command(&["new", "-s", option]).output();
        let output = output.expect("dgw runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with(message), "{stderr}");
    }
    // Nobody writes into it.
    let pipe = user.home().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let option = format!("worker_setup=@{}", pipe.display());
    user.dgw(&["run", "--timeout", "1s", "-s", &option, "--", "true"])
        .code(7)
        .stderr_eq(str![[r#"
error: timed out after [ELAPSED]: a file with the value of an option has no end yet; nothing was started

hint: set a longer limit with `--timeout`

"#]]);
    assert_eq!(user.history().len(), 1);
}

#[test]
fn refuses_invalid_options_before_anything_starts() {
    let user = BASIC.user();
    user.dgw(&["new", "-s", "worker_core=2"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: this gateway has no option `worker_core`; did you mean `worker_cores`?

hint: `dgw options` lists the options that this gateway offers

"#]]);
    user.dgw(&["new", "-s", "worker_cores=5"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `worker_cores` must be an integer, 1 to 4, not `5`

"#]]);
    user.dgw(&["new", "-s", "worker_memory=lots"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `worker_memory` must be a number, 0.5 to 8, not `lots`

"#]]);
    user.dgw(&["new", "-s", "profile=smal"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `profile` must be one of small, medium, large, not `smal`; did you mean `small`?

"#]]);
    user.dgw(&["new", "-s", "spot"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: invalid value 'spot' for '--set <KEY=VALUE>': must be KEY=VALUE

For more information, try '--help'.

"#]]);
    user.dgw(&["new", "--adapt", "4..1"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: invalid value '4..1' for '--adapt <MIN..MAX>': the minimum, 4, is above the maximum, 1

For more information, try '--help'.

"#]]);
    let user = user.with("DASK_GATEWAY__CLUSTER__OPTIONS__PROFILE", "huge");
    user.dgw(&["new"]).code(3).stdout_eq("").stderr_eq(str![[r#"
error: `gateway.cluster.options.profile` (DASK_GATEWAY__CLUSTER__OPTIONS__PROFILE) must be one of small, medium, large, not `huge`

hint: `dgw options` lists the options that this gateway offers, and your defaults

"#]]);
    assert_eq!(user.history(), []);
}

#[test]
fn reports_a_failed_start_and_leaves_nothing_behind() {
    let user = BASIC.user();
    user.dgw(&["new", "-s", "scheduler_start=never"])
        .code(6)
        .stdout_eq("")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
error: cluster `[NAME]` did not start: the gateway reports FAILED after [ELAPSED] of PENDING

hint: the gateway does not say why: check the options, or ask its administrators to check its log

"#]]);
    assert!(!user.has_active_clusters());
}

#[test]
fn shuts_down_a_start_that_exceeds_the_time_limit() {
    let user = BASIC.user();
    user.dgw(&["new", "-s", "scheduler_start=slow", "--timeout", "6s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])
error: timed out after [ELAPSED]: cluster `[NAME]` is still PENDING

hint: set a longer limit with `--timeout`

"#]]);
    assert!(!user.has_active_clusters());
}

#[test]
fn waits_for_a_slow_start() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "-s", "scheduler_start=slow", "--timeout", "60s"]);
    assert_eq!(user.json(&["list"])[0]["name"], name);
}

#[test]
fn no_wait_prints_the_name_immediately() {
    let user = BASIC.user();
    user.dgw(&["new", "--no-wait", "-s", "scheduler_start=slow"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING

"#]]);
    assert_eq!(user.history()[0].1, "PENDING");
    user.dgw(&["new", "--no-wait", "--workers", "1"])
        .code(2)
        .stdout_eq("");
}

#[test]
fn warns_if_the_gateway_grants_fewer_workers() {
    let user = BASIC.user();
    user.dgw(&["new", "--workers", "99"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME] is running ([ELAPSED])
warning: the gateway granted less than requested for cluster `[NAME]`: Scale request of 99 workers would exceed resource limit of 4 workers. Scaling to 4 instead.

"#]]);
    user.dgw(&["new", "--reuse", "--adapt", "1..99"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq(str![[r#"
using the existing cluster [NAME]
cluster [NAME] scales adaptively with 4 workers
warning: the gateway granted less than requested for cluster `[NAME]`: Adapt with `maximum=99, minimum=4` workers would exceed resource limit of 4 workers. Using `maximum=4, minimum=4` instead.

"#]]);
    let clamped = &user.json(&["new", "--reuse", "-q", "--adapt", "1..4"])["clamped"];
    assert_eq!(clamped, &json!(null), "the cluster has these bounds");
    let clamped = &user.json(&["new", "--reuse", "-q", "--adapt", "9..50"])["clamped"];
    let reason = clamped.as_str().expect("the gateway's explanation");
    assert!(reason.contains("resource limit of 4 workers"), "{reason}");

    // All or nothing: an existing cluster stays, a new one does not.
    user.dgw(&["new", "--reuse", "--strict", "--workers", "99"])
        .code(8)
        .stdout_eq("")
        .stderr_eq(str![[r#"
using the existing cluster [NAME]
cluster [NAME] scales adaptively with 4 workers
error: the gateway granted less than requested for cluster `[NAME]`: Adapt with `maximum=99, minimum=99` workers would exceed resource limit of 4 workers. Using `maximum=4, minimum=4` instead.

hint: without `--strict`, dgw uses the workers that are granted

"#]]);
    user.dgw(&["new", "--strict", "-s", "worker_cores=2", "--workers", "99"])
        .code(8)
        .stdout_eq("")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])
error: the gateway granted less than requested for cluster `[NAME]`: Scale request of 99 workers would exceed resource limit of 4 workers. Scaling to 4 instead.

hint: without `--strict`, dgw uses the workers that are granted

"#]]);
    let active = user.json(&["list"]);
    assert_eq!(active.as_array().map(Vec::len), Some(1));
}

/// Only one of two that start at the same time starts a cluster.
#[test]
fn reuse_waits_for_another_start() {
    let user = BASIC.user();
    let reuse = |args: &[&str]| {
        let mut command = user.command(&[&["new", "--reuse"], args].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("dgw runs")
    };
    let both = [reuse(&["--workers", "1"]), reuse(&["--workers", "2"])];
    let outputs = both.map(|child| child.wait_with_output().expect("dgw ends"));
    let messages = outputs
        .each_ref()
        .map(|output| String::from_utf8_lossy(&output.stderr));
    assert!(
        outputs.iter().all(|output| output.status.success()),
        "{messages:?}"
    );
    assert_eq!(outputs[0].stdout, outputs[1].stdout, "{messages:?}");
    assert_eq!(user.history().len(), 1);
    let waited = "waiting for another dgw of yours, which is starting or naming a cluster\n";
    let waits = messages.iter().filter(|text| text.contains(waited));
    assert!(waits.count() >= 1, "{messages:?}");
    user.stdout(&["wait", "--for", "workers=2", "--timeout", "60s"]);
}

/// A lock that is held, or can't be taken, as on a file system without locks.
#[test]
fn reuse_does_not_wait_for_ever() {
    let user = BASIC.user();
    user.stdout(&["new", "--reuse"]);
    let state = user.home().join(".local/state/dgw");
    let of_gateway = fs::read_dir(state).expect("the state").next();
    let file = of_gateway.expect("a gateway").expect("an entry").path();
    let file = file.join("reuse-lock");
    let lock = File::options().write(true).open(&file).expect("the lock");
    lock.lock().expect("it can be locked");
    user.dgw(&["new", "--reuse", "--timeout", "1s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
waiting for another dgw of yours, which is starting or naming a cluster
error: timed out after [ELAPSED]: another dgw of yours is still starting a cluster to reuse

hint: set a longer limit with `--timeout`

"#]]);
    fs::remove_file(&file).expect("it can be removed");
    fs::create_dir(&file).expect("a directory in its place");
    user.dgw(&["new", "--reuse", "--timeout", "9s"]).success();
}

#[test]
fn shuts_the_cluster_down_if_its_name_cannot_be_printed() {
    for args in [&["new"][..], &["new", "--no-wait"]] {
        let user = BASIC.user();
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full");
        let status = user.command(args).stdout(full).status().expect("dgw runs");
        assert_eq!(status.code(), Some(1));
        assert_eq!(user.history().len(), 1);
        assert!(!user.has_active_clusters(), "{args:?}");
    }
}

#[test]
fn reuses_the_youngest_running_cluster_with_the_same_options() {
    let user = BASIC.user();
    let fresh = user.stdout(&["new", "--reuse", "-s", "worker_cores=2"]);
    assert_eq!(user.stdout(&["new", "--reuse"]), fresh);
    assert_eq!(
        user.stdout(&["new", "--reuse", "-s", "worker_cores=2"]),
        fresh
    );
    let other = user.stdout(&["new", "--reuse", "-s", "worker_cores=1"]);
    assert_ne!(other, fresh);
    assert_eq!(user.stdout(&["new", "--reuse"]), other);
    assert_names_lead_to_clusters(&user, &fresh, &other);
}

/// Names two clusters, and finds, replaces, reuses and forgets the names.
fn assert_names_lead_to_clusters(user: &User, fresh: &str, other: &str) {
    let found = |pattern: &str| user.json(&["show", pattern])["name"].clone();
    user.dgw(&["name", &fresh[..12], "era5"])
        .success()
        .stdout_eq("")
        .stderr_eq("cluster [NAME] is now named `era5`\n");
    assert_eq!(found("era5"), fresh);
    assert_eq!(user.json(&["list", "era5"])[0]["label"], "era5");
    let record = user.json(&["name", other, "cmip6"]);
    assert_eq!(record, json!({"name": other, "label": "cmip6"}));
    for args in [
        &["shutdown", "ers5"][..],
        &["show", "ers5"],
        &["name", "ers5", "x"],
        &["keep", "ers5"],
    ] {
        user.dgw(args).code(5).stdout_eq("").stderr_eq(str![[r#"
error: no cluster matches `ers5`
  [NAME]  RUNNING   [..]  [..]
  [NAME]  RUNNING   [..]  [..]

hint: did you mean `era5`?

"#]]);
    }
    for args in [&["show"][..], &["scale", "1"], &["keep"]] {
        let output = user.command(args).output().expect("dgw runs");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        for label in ["era5", "cmip6"] {
            let is_its_line = |line: &str| line.ends_with(&format!("  {label}"));
            assert!(stderr.lines().any(is_its_line), "{args:?}: {stderr}");
        }
    }
    user.dgw(&["name", other, "era5"])
        .code(2)
        .stderr_eq(str![[r#"
error: `era5` already means cluster `[NAME]`

hint: choose another name; `dgw list` shows those in use

"#]]);
    let both = [fresh, other].map(|cluster| {
        let mut command = user.command(&["name", cluster, "both"]);
        command.stderr(Stdio::null()).spawn().expect("dgw runs")
    });
    let mut codes = both.map(|mut child| child.wait().expect("dgw ends").code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(2)], "one gets the name");
    user.stdout(&["name", fresh, "era5"]);
    user.stdout(&["name", other, "cmip6"]);
    user.dgw(&["keep", "cmip6"]).success().stderr_eq(
        "cluster [NAME] is protected until `dgw keep --forget`; `dgw shutdown cmip6` still shuts it down\n",
    );
    for text in ["beef", "22", "a/b", "a.b", &"x".repeat(300), "\u{1b}[2J"] {
        user.dgw(&["name", other, text]).code(2);
    }

    // A name in use is refused before anything starts, unless its cluster may be reused.
    let clusters = user.history().len();
    user.dgw(&["new", "--name", "era5"])
        .code(2)
        .stderr_eq(str![[r#"
error: `era5` already means cluster `[NAME]`

hint: `--reuse` uses that cluster; or choose another name: `dgw list` shows those in use

"#]]);
    user.dgw(&["new", "--reuse", "--name", "era5", "-s", "worker_cores=1"])
        .code(2);
    assert_eq!(user.history().len(), clusters);
    assert_eq!(user.stdout(&["new", "--reuse", "--name", "era5"]), fresh);

    // `DGW_CLUSTER` is the default, but never for a shutdown.
    let with_default = |args: &[&str], value: &str| {
        let output = user.command(args).env("DGW_CLUSTER", value).output();
        let output = output.expect("dgw runs");
        let stdout = String::from_utf8(output.stdout).expect("UTF-8");
        (output.status.code(), stdout.trim_end().to_owned())
    };
    let show = ["show", "-o", "name"];
    assert_eq!(with_default(&show, "era5"), (Some(0), fresh.to_owned()));
    assert_eq!(with_default(&show, other), (Some(0), other.to_owned()));
    assert_eq!(with_default(&show, "gone").0, Some(5));
    assert_eq!(with_default(&show, "a b").0, Some(2));
    assert_eq!(with_default(&["shutdown"], "era5").0, Some(2));

    // Its cluster has ended: the name shuts down nothing else, and another cluster can get it.
    assert_eq!(user.stdout(&["shutdown", "era5"]), fresh);
    user.dgw(&["shutdown", "era5"]).code(5).stdout_eq("");
    let next = user.stdout(&["new", "--reuse", "--name", "era5"]);
    assert!(next != fresh && next != other);
    assert_eq!(found("era5"), next);
    user.dgw(&["name", "era5", "--forget"]).success();
    user.dgw(&["show", "era5"]).code(5);
    assert_eq!(found("cmip6"), other);

    // The cluster stays if its name can't be written.
    let names = user.state().join("names");
    set_mode(&names, 0o777);
    user.dgw(&["show", "cmip6"]).code(1);
    let listed = user.stdout(&["list", "-o", "name"]);
    assert_eq!(listed.lines().count(), 2);
    let clusters = user.history().len();
    user.dgw(&["new", "--name", "ocean"]).code(1);
    assert_eq!(user.history().len(), clusters);
    set_mode(&names, 0o700);
    assert_eq!(found("cmip6"), other);
}

/// Other programs may be using the cluster, and its number of workers may have been set on purpose.
#[test]
fn reuse_never_removes_workers() {
    let user = BASIC.user();
    user.stdout(&["new", "--adapt", "2..3", "--wait-workers", "2"]);
    let reuse = |more: &[&str]| {
        user.dgw(&[&["new", "--reuse"][..], more].concat())
            .success()
    };
    let reused = "using the existing cluster [NAME]\n";
    reuse(&["--workers", "1"]).stderr_eq(reused);
    reuse(&["--workers", "2", "-q", "--wait-workers", "2"]).stderr_eq("");
    reuse(&["--adapt", "0..1"]).stderr_eq(str![[r#"
using the existing cluster [NAME]
cluster [NAME] keeps its scaling (between 2 and 3 workers), so that it loses no workers

"#]]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(user.json(&["show"])["workers"], 2);
    reuse(&["--workers", "3"]).stderr_eq(str![[r#"
using the existing cluster [NAME]
cluster [NAME] scales adaptively with 3 workers

"#]]);
    reuse(&["--adapt", "..4"]).stderr_eq(str![[r#"
using the existing cluster [NAME]
cluster [NAME] scales adaptively between 3 and 4 workers

"#]]);
}

/// Database backends go from PENDING to STOPPING to FAILED if a scheduler never starts.
#[test]
fn a_start_that_is_stopping_has_failed() {
    let name = "0123456789abcdef0123456789abcdef";
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("POST") => json_answer(&format!(r#"{{"name": "{name}"}}"#)),
        _ => json_answer(&record(name, "STOPPING")),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["new"]).code(6).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME] is STOPPING
error: cluster `[NAME]` did not start: the gateway reports STOPPING after [ELAPSED] of PENDING

hint: the gateway does not say why: check the options, or ask its administrators to check its log

"#]]);
}

#[test]
fn names_clusters_that_may_have_been_started_if_the_response_is_lost() {
    let name = "0123456789abcdef0123456789abcdef";
    let stub = Stub::new(move |head| {
        if head.starts_with("POST") {
            return Vec::new();
        }
        // Started this second, by the server's clock.
        json_answer(&format!(
            r#"{{"{name}": {{"name": "{name}", "status": "PENDING", "start_time": {}, "stop_time": null,
                "options": {{}}, "dashboard_route": null}}}}"#,
            unix_milliseconds()
        ))
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["new"]).code(9).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
error: the response from `http://[HOST]/api/v1/clusters/` was lost: connection closed before message completed; a cluster may have been started, perhaps this one
  [NAME]  PENDING   [AGE]

hint: another `dgw` of yours may have started it: check with `dgw list`, which may show later ones too, before you run `dgw shutdown NAME`

"#]]);
    let methods = stub
        .seen()
        .iter()
        .map(|head| head[..4].to_owned())
        .collect::<Vec<_>>();
    assert_eq!(
        methods,
        ["POST", "GET "],
        "a POST is sent once, and nothing is deleted"
    );
}

#[test]
fn does_not_name_old_clusters_if_the_response_is_lost() {
    let record = r#"{"a": {"name": "a", "status": "RUNNING", "start_time": 1000, "stop_time": null,
        "options": {}, "dashboard_route": null}}"#;
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("POST") => answer("502 Bad Gateway", "", ""),
        _ => json_answer(record),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["new"]).code(9).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
error: the gateway failed with status 502: Bad Gateway; a cluster may have been started, but none has been listed so far

hint: `dgw list` shows whether a cluster was started

"#]]);
}

/// The gateway responds after the time limit, or never.
#[test]
fn the_time_limit_holds_if_the_gateway_hangs() {
    let behind_faulty = |harm: Harm, after: usize| {
        let user = BASIC.user();
        let gateway = BASIC.fact("address");
        let host_and_port = gateway.strip_prefix("http://").expect("plain HTTP");
        let faulty = Faulty::new(host_and_port, harm, When { after, times: 1 });
        let yaml = std::fs::read_to_string(user.configuration()).expect("a configuration");
        let proxied = User::new().configured(&yaml.replacen(gateway, &faulty.address, 1));
        (user, proxied)
    };
    let late = Harm::Late(Duration::from_secs(3));
    let (user, proxied) = behind_faulty(late, 0);
    proxied
        .dgw(&["new", "--timeout", "1s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
requesting a cluster
timed out: waiting for the gateway's response, to shut down what it starts
error: timed out after [ELAPSED]: the gateway took too long to respond; cluster [NAME] was shut down

hint: set a longer limit with `--timeout`

"#]]);
    assert_eq!(user.history().len(), 1);
    assert!(!user.has_active_clusters());

    let (_user, proxied) = behind_faulty(Harm::Silence, 0);
    let started = Instant::now();
    proxied.dgw(&["new", "--timeout", "1s"]).code(7).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
timed out: waiting for the gateway's response, to shut down what it starts
error: timed out after [ELAPSED]: the gateway has not responded; a cluster may have been started, but none has been listed so far

hint: `dgw list` shows whether a cluster was started

"#]]);
    assert!(started.elapsed() < Duration::from_secs(15));

    // The request that comes before the one for a cluster hangs.
    for args in [
        &["new", "-s", "spot=yes"][..],
        &["new", "--reuse"],
        &["run", "--reuse", "true"],
    ] {
        let (user, proxied) = behind_faulty(Harm::Silence, 0);
        let started = Instant::now();
        let args = [&args[..1], &["--timeout", "1s"], &args[1..]].concat();
        proxied.dgw(&args).code(7).stdout_eq("");
        assert!(started.elapsed() < Duration::from_secs(5), "{args:?}");
        assert_eq!(user.history(), []);
    }
}

fn unix_milliseconds() -> u128 {
    let elapsed = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    elapsed.as_millis()
}

#[test]
fn prints_no_invalid_name() {
    let stub = Stub::new(|head| match head.split(' ').next() {
        Some("POST") => json_answer(r#"{"name": "--all\u001b]0;x\u0007\nerror: fake"}"#),
        _ => json_answer("{}"),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["new"]).code(9).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: it contains an invalid cluster name; a cluster may have been started, but none has been listed so far

hint: `dgw list` shows whether a cluster was started

"#]]);
    assert!(!stub.seen().iter().any(|head| head.starts_with("DELETE")));
}

/// The options are in order: the gateway's own limit, or its site's, does not allow the cluster.
#[test]
fn a_site_may_refuse_a_cluster() {
    let user = BASIC.user();
    for command in [&["new"][..], &["run", "true"]] {
        user.dgw(&[&command[..1], &["-q", "-s", "priority=1001"], &command[1..]].concat())
            .code(4)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: the gateway refused to start the cluster: you already have 2 clusters of this priority

hint: `dgw shutdown CLUSTER` frees what a cluster of yours uses, and `--reuse` uses that cluster instead of a new one

"#]]);
    }
    user.dgw(&["new", "-q", "-s", "priority=-1001"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway refused to start the cluster: Scheduler cores request of 1 exceeds cluster cores limit of 0.5

hint: request less: `dgw options` shows what you can set

"#]]);
    assert_eq!(user.history(), []);
}

#[test]
fn warns_of_a_cluster_left_behind_even_with_quiet() {
    let name = "0123456789abcdef0123456789abcdef";
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("POST") if head.contains("/scale") => {
            answer("422 Unprocessable", "", r#"{"error": "no"}"#)
        }
        Some("POST") => json_answer(&format!(r#"{{"name": "{name}"}}"#)),
        Some("DELETE") => answer("403 Forbidden", "", r#"{"error": "not yours"}"#),
        _ => json_answer(&record(name, "RUNNING")),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["new", "-q", "--workers", "1"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
warning: cluster [NAME] may still exist (the gateway at `http://[HOST]` denied permission for cluster `[NAME]`: not yours): shut it down with `dgw shutdown [NAME]`
error: the gateway refused the request: no

hint: `dgw options` shows what this gateway accepts, and your defaults

"#]]);
}

#[test]
fn repeats_the_shutdown_request_after_temporary_failures() {
    let name = "0123456789abcdef0123456789abcdef";
    let deletes = std::sync::atomic::AtomicUsize::new(0);
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("POST") => json_answer(&format!(r#"{{"name": "{name}"}}"#)),
        Some("DELETE") => match deletes.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 | 1 => answer("503 Service Unavailable", "", ""),
            _ => answer("204 No Content", "", ""),
        },
        _ if deletes.load(std::sync::atomic::Ordering::SeqCst) > 2 => {
            json_answer(&record(name, "STOPPED"))
        }
        _ => json_answer(&record(name, "PENDING")),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["new", "--timeout", "1s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])
error: timed out after [ELAPSED]: cluster `[NAME]` is still PENDING

hint: set a longer limit with `--timeout`

"#]]);
}

/// A Kubernetes backend knows a new cluster only after a moment.
#[test]
fn tolerates_that_a_new_cluster_is_unknown_at_first() {
    let name = "0123456789abcdef0123456789abcdef";
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("POST") => json_answer(&format!(r#"{{"name": "{name}"}}"#)),
        _ if asked
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst)
            .is_multiple_of(2) =>
        {
            answer(
                "404 Not Found",
                "",
                &format!(r#"{{"error": "Cluster {name} not found"}}"#),
            )
        }
        _ => json_answer(&record(name, "RUNNING")),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    assert_eq!(user.stdout(&["new"]), name);
    assert_eq!(user.json(&["new", "--no-wait"])["status"], "RUNNING");
}

fn record(name: &str, status: &str) -> String {
    format!(
        r#"{{"name": "{name}", "status": "{status}", "start_time": 1000, "stop_time": null,
            "options": {{}}, "dashboard_route": null}}"#
    )
}
