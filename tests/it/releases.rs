//! Clusters of older releases of distributed. `cargo test -- --ignored releases` installs them in
//! target/gateway/releases and checks what dgw reads from them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use snapbox::str;

use crate::packages::rows;
use crate::support::{Client, RELEASES, User};

#[test]
#[ignore = "installs four releases of distributed, and takes a minute"]
fn reads_older_releases_of_distributed() {
    let releases = RELEASES.facts["releases"].as_object().expect("releases");
    assert!(releases.len() >= 4);
    for (release, python) in releases {
        let python = Path::new(python.as_str().expect("a path"));
        assert_reports(release, python);
    }
    assert_warns_of_mixed_releases();
}

fn assert_warns_of_mixed_releases() {
    let user = RELEASES.user();
    let workers = ["--workers", "1", "--wait-workers", "1"];
    let releases = ["-s", "release=2025.4.0", "-s", "worker_release=2024.5.0"];
    user.stdout(&[&["new"], &workers[..], &releases[..]].concat());
    user.dgw(&["show"]).success().stderr_eq(
        "warning: worker [NAME] has dask 2024.5.0 (scheduler: 2025.4.0), \
         distributed 2024.5.0 (scheduler: 2025.4.0)\n",
    );
    let here = RELEASES.facts["releases"]["2025.4.0"]
        .as_str()
        .expect("a path");
    user.dgw(&["packages", "--check", "-o", "name", "--", here])
        .code(1)
        .stdout_eq(str![[r#"
dask
distributed
...
"#]]);
}

fn assert_reports(release: &str, python: &Path) {
    let user = RELEASES.user();
    let name = user.stdout(&["new", "--workers", "2", "-s", &format!("release={release}")]);
    let fresh = show_until(&user, |shown| shown["workers"] == 2);
    assert_eq!(fresh["versions"]["scheduler"]["distributed"], release);
    assert_eq!(fresh["clients"], 0, "{release}");
    assert_eq!(fresh["tasks"]["total"], 0, "{release}");
    // The oldest release does not know the request, and responds as if it were busy.
    let reports_idle = release != "2022.4.0";
    let table = user.stdout(&["list", "-o", "wide", "--no-header"]);
    let has_unknown_cell = table.split_whitespace().any(|cell| cell == "?");
    assert_eq!(has_unknown_cell, !reports_idle, "{release}: {table}");
    assert_eq!(
        fresh["idle_since"].is_string(),
        reports_idle,
        "{release}: {fresh}"
    );
    let workers = fresh["versions"]["workers"].as_object().expect("workers");
    assert_eq!(workers.len(), 2, "{release}");

    let idle = ["list", "--idle-for", "1s", "-o", "name"];
    if !reports_idle {
        assert_eq!(user.stdout(&idle), "", "{release}");
    }

    let log = user.stdout(&["logs"]);
    let lines = log.lines().collect::<Vec<_>>();
    assert!(
        lines.len() > 3 && lines.iter().map(|line| &line[..20]).is_sorted(),
        "{release}: {log}"
    );
    assert_eq!(
        user.stdout(&["logs", "--tail", "2"]),
        lines[lines.len() - 2..].join("\n"),
        "{release}"
    );
    assert_eq!(user.stdout(&["logs", "--since", "1h"]), log, "{release}");
    assert!(
        user.stdout(&["logs", "--all-workers"])
            .contains("Registered to"),
        "{release}"
    );

    assert_packages(release, &user, python);

    // A script on that release connects to the cluster.
    let script = "from distributed import Client; print(Client().submit(sum, [1, 2]).result())";
    let python_of_old = python.display().to_string();
    let sum = user.stdout(&["connect", "--", &python_of_old, "-c", script]);
    assert_eq!(sum, "3", "{release}");

    let work = "futures = client.map(lambda x: time.sleep(30) or x, range(20), pure=False)\n\
                time.sleep(2)";
    let client = Client::connect_by(python, &user, &name, work);
    let busy = show_until(&user, |shown| shown["tasks"]["total"] == 20);
    assert_eq!(busy["clients"], 1, "{release}");
    assert_eq!(busy["idle_since"], Value::Null, "{release}");
    let states = ["processing", "queued"].map(|state| busy["tasks"][state].as_u64());
    assert_eq!(
        states.into_iter().flatten().sum::<u64>(),
        20,
        "{release}: {busy}"
    );
    assert_eq!(user.stdout(&idle), "", "{release}");
    for worker in busy["worker_details"].as_array().expect("workers") {
        for field in [
            "name",
            "host",
            "threads",
            "cpu",
            "memory",
            "memory_limit",
            "last_seen",
        ] {
            assert!(!worker[field].is_null(), "{release}: {field}");
        }
        assert!(worker["tasks"].as_u64() > Some(0), "{release}: {worker}");
    }
    drop(client);
    assert_events(release, &user, busy["worker_details"][0]["name"].clone());
    show_until(&user, |shown| {
        shown["clients"] == 0 && shown["idle_since"].is_string() == reports_idle
    });
    // The oldest release does not remember clients: dgw must have seen them in an earlier run.
    thread::sleep(Duration::from_secs(3));
    let clean = || user.stdout(&["shutdown", "--idle-for", "1s", "--yes"]);
    if !reports_idle {
        assert_eq!(clean(), "", "{release}");
        thread::sleep(Duration::from_secs(4));
    }
    assert_eq!(clean(), name, "{release}");
}

fn assert_packages(release: &str, user: &User, python: &Path) {
    // The older ones are not asked to import anything.
    let packages = rows(user, &["--all", "--", &python.display().to_string()]);
    let packages = packages.as_array().expect("rows");
    let differences = packages.iter().map(|row| {
        let known = row["difference"] != "unknown";
        assert!(!known || row["difference"] == "none", "{release}: {row}");
        known
    });
    let known = differences.filter(|known| *known).count();
    assert!(known >= 7, "{release}: {packages:?}");
    assert_eq!(known == packages.len(), release == "2025.4.0", "{release}");
}

fn assert_events(release: &str, user: &User, worker: Value) {
    let events = user.json(&["events"]);
    let events = events.as_array().expect("events");
    let has = |event: &str, field: &str, value: Value| {
        let is_one = |record: &&Value| record["event"] == event && record[field] == value;
        assert!(
            events.iter().any(|record| is_one(&record)),
            "{release}: {event}: {events:?}"
        );
    };
    has("graph", "tasks", 20.into());
    has("worker-joined", "name", worker);
    has(
        "scaling",
        "text",
        "Requesting scale to 2 workers from 0".into(),
    );
}

fn show_until(user: &User, condition: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let shown = user.json(&["show"]);
        if condition(&shown) {
            return shown;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{shown}");
        thread::sleep(Duration::from_millis(200));
    }
}
