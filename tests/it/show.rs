//! `dgw show`

use serde_json::Value;
use snapbox::str;

use crate::packages::assert_compares;
use crate::support::{BASIC, Client};

#[test]
fn shows_a_computing_cluster_in_full() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "2"]);
    let work = "client.wait_for_workers(2, timeout=60)\n\
                future = client.submit(lambda: b'x' * 300_000_000)\n\
                client.submit(len, future).result(60)\ntime.sleep(1)";
    let _client = Client::connect(&BASIC, &user, &name, work);
    let shown = user.json(&["show"]);
    assert_eq!(shown["name"], name);
    assert_eq!(shown["workers"], 2);
    assert_eq!(shown["clients"], 1);
    assert!(shown["memory_used"].as_u64() > Some(300_000_000), "{shown}");
    let workers = shown["worker_details"].as_array().expect("workers");
    assert_eq!(workers.len(), 2);
    for worker in workers {
        assert_eq!(worker["host"], "127.0.0.1");
        assert_eq!(worker["threads"], 1);
        assert_eq!(worker["status"], "running");
        assert_eq!(worker["memory_limit"], 1_u64 << 30);
        assert!(
            worker["last_seen"].is_string() && worker["cpu"].is_number(),
            "{worker}"
        );
    }
    let versions = &shown["versions"];
    assert!(
        versions["scheduler"]["distributed"].is_string(),
        "{versions}"
    );
    let by_worker = versions["workers"].as_object().expect("by worker");
    assert_eq!(by_worker.len(), 2);
    assert!(
        by_worker
            .values()
            .all(|found| *found == versions["scheduler"]),
        "{versions}"
    );

    let text = user.stdout(&["show", &name[..8]]);
    let worker = workers[0]["name"].as_str().expect("a name");
    for part in [
        &*name,
        worker,
        "2, threads 2",
        "clients    1",
        "WORKER",
        "1 in memory",
        " GiB",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(user.stdout(&["show", "-o", "name"]), name);

    // Fields that `list` has too come first, in the same order.
    let line = |args: &[&str]| user.stdout(&[args, &["-o", "csv"]].concat());
    let listed = line(&["list", "--wide"]);
    let listed = listed.lines().next().expect("a header");
    let full = line(&["show"]);
    assert!(
        full.starts_with(&format!("{listed},worker_details,")),
        "{full}"
    );

    let order = |by: &str| {
        let shown = user.json(&["show", "--sort-by", by]);
        let workers = shown["worker_details"].as_array().expect("workers").clone();
        let names = workers
            .iter()
            .map(|worker| worker["name"].as_str().expect("a name").to_owned());
        names.collect::<Vec<_>>()
    };
    let by_memory = order("memory");
    let reversed = order("-MEMORY");
    assert!(by_memory.iter().eq(reversed.iter().rev()), "{by_memory:?}");
    let text = user.stdout(&["show", "--sort-by", "-memory"]);
    let place = |name: &String| text.find(name.as_str());
    assert!(place(&reversed[0]) < place(&reversed[1]), "{text}");
    assert_compares(&user);
    user.dgw(&["show", "--sort-by", "bogus"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no column `bogus` to sort by: the columns are worker, host, threads, cpu, memory, tasks, seen, name, address, status, memory_limit, last_seen

"#]]);
}

#[test]
fn shows_a_pending_and_a_stopped_cluster_without_activity() {
    let user = BASIC.user();
    user.dgw(&["show"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: you have no active cluster

hint: `dgw new` starts one

"#]]);
    let name = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["show"])
        .success()
        .stdout_eq(str![[r#"
cluster    [NAME]
status     PENDING, started [AGO] ago
started    [TIME]
options    worker_cores=1 worker_memory=1.0 profile=small priority=0 spot=false scheduler_start=slow

"#]])
        .stderr_eq("");
    user.stdout(&["shutdown", &name]);
    user.dgw(&["show", &name])
        .success()
        .stdout_eq(str![[r#"
cluster    [NAME]
status     STOPPED, [AGO] after its start, [AGO] ago
started    [TIME]
stopped    [TIME]
options    worker_cores=1 worker_memory=1.0 profile=small priority=0 spot=false scheduler_start=slow

"#]])
        .stderr_eq("");
    let shown = user.json(&["show", &name]);
    for field in [
        "workers",
        "tasks",
        "idle_since",
        "worker_details",
        "versions",
        "job",
        "last_loss",
    ] {
        assert_eq!(shown.get(field), Some(&Value::Null), "{field}");
    }
}
