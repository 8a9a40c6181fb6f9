//! Clusters that are jobs of a real Slurm. `cargo test -- --ignored slurm` starts one; it needs
//! Debian's packages of it, and root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::readme;
use crate::support::{SLURM, User, repository};

/// The tests share a node of four cores.
static NODE: Mutex<()> = Mutex::new(());

const WHOLE_NODE: &str = "scheduler_cores=4";

/// Waits until the node is free, and returns a lock on it and its user.
fn free_node() -> (MutexGuard<'static, ()>, User) {
    let node = NODE.lock().unwrap_or_else(PoisonError::into_inner);
    let user = SLURM.slurm_user();
    user.dgw(&["shutdown", "--all", "--yes"]).success();
    wait_until("the node is free", || slurm("squeue", &["-h"]).is_empty());
    (node, user)
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn reports_no_job_for_a_normal_start() {
    let (_node, user) = free_node();
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let staged = staging(&name).join(format!("dask-scheduler-{name}.log"));
    assert!(staged.is_file(), "{}", staged.display());
    assert_eq!(user.json(&["show"])["job"], serde_json::Value::Null);
    user.stdout(&["shutdown", &name]);
    assert!(!copied_logs(&name).exists());
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn explains_why_a_job_waits_in_the_queue() {
    let (_node, user) = free_node();
    let first = user.stdout(&["new", "-s", WHOLE_NODE]);
    // The gateway gives up after 20 s.
    let (code, stderr) = run_to_end(&user, &["new", "-s", WHOLE_NODE]);
    assert_eq!(code, 6, "{stderr}");
    let phases = stderr.split("error:").next().expect("the phases");
    assert!(phases.contains(" is waiting: Resources"), "{stderr}");
    let lines = phases.lines().collect::<Vec<_>>();
    assert!(lines.windows(2).all(|two| two[0] != two[1]), "{stderr}");
    let job = stderr.split("  Slurm job ").nth(1).expect("the job's end");
    let job = job.lines().next().expect("a line");
    assert!(job.contains(": PENDING (Resources)"), "{stderr}");
    assert!(stderr.contains("hint: dgw only saw its job waiting in the queue"));
    user.stdout(&["shutdown", &first]);
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn reports_state_of_the_job_at_a_timeout() {
    let (_node, user) = free_node();
    let node = slurm("sinfo", &["-h", "-o", "%n"]);
    let state = |state: &str| {
        let update = ["update", &format!("nodename={}", node.trim()), state];
        slurm("scontrol", &[&update[..], &["reason=test"]].concat());
    };
    state("state=drain");
    let (code, stderr) = run_to_end(&user, &["new", "--timeout", "16s"]);
    state("state=resume");
    assert_eq!(code, 7, "{stderr}");
    assert!(stderr.contains("error: timed out after 16s"), "{stderr}");
    let job = stderr.split("  Slurm job ").nth(1).expect("the job");
    // Slurm reports one of these, depending on when it last checked.
    let reasons = [
        "ReqNodeNotAvail",
        "Nodes required for job are DOWN, DRAINED",
    ];
    let is_reported = |reason| job.contains(&format!("PENDING ({reason}"));
    assert!(reasons.into_iter().any(is_reported), "{stderr}");
    assert!(stderr.contains("hint: Slurm's partition"), "{stderr}");
    assert!(!user.has_active_clusters());
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn matches_jobs_to_clusters() {
    let (_node, user) = free_node();
    user.stdout(&["new", "-s", WHOLE_NODE]);
    let [held, free] = [(); 2].map(|()| user.stdout(&["new", "--no-wait", "-s", WHOLE_NODE]));
    let [held_job, free_job] = [&held, &free].map(|name| job_of(name));
    slurm("scontrol", &["hold", &held_job]);
    wait_until("Slurm knows why", || {
        let reason = |name: &String| user.json(&["show", name])["job"]["reason"].clone();
        reason(&held).is_string() && reason(&free).is_string()
    });
    let [held, free] = [&held, &free].map(|name| user.json(&["show", name])["job"].clone());
    assert_eq!(held["id"], held_job.as_str());
    assert_eq!(free["id"], free_job.as_str());
    let reason = held["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("JobHeld"), "{held}");
    let reason = free["reason"].as_str().expect("a reason");
    assert!(["Resources", "Priority"].contains(&reason), "{free}");
    let shown = user.stdout(&["show", &user.history().last().expect("a cluster").0]);
    assert!(shown.contains("Slurm job "), "{shown}");
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn shows_and_copies_the_log_of_a_failed_scheduler() {
    let (_node, user) = free_node();
    let setup = r#"scheduler_setup=seq 100; printf "\033]0;title\007it broke\n"; exit 3"#;
    let (code, stderr) = run_to_end(&user, &["new", "-s", setup]);
    assert_eq!(code, 6, "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
    assert!(
        stderr.contains("    99\n    100\n    \\x1b]0;title\\x07it broke\n"),
        "{stderr}"
    );
    assert!(!stderr.contains("    80\n"), "{stderr}");
    assert!(stderr.contains("FAILED (NonZeroExitCode)\n"), "{stderr}");
    assert!(stderr.contains("hint: read the end of the scheduler's log above"));
    let (name, _) = user.history().pop().expect("a cluster");
    let file = format!("dask-scheduler-{name}.log");
    let copy = fs::read_to_string(copied_logs(&name).join(&file)).expect("a copy");
    assert!(copy.starts_with("1\n2\n") && copy.ends_with("it broke\n"));
    wait_until("the gateway cleans up", || !staging(&name).exists());
    let copied = fs::read_dir(copied_logs(&name)).expect("the copied logs");
    let copied = copied.map(|entry| entry.expect("an entry").file_name());
    assert_eq!(copied.collect::<Vec<_>>(), [file.as_str()]);
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn shows_and_copies_the_log_of_a_failed_worker() {
    let (_node, user) = free_node();
    let setup = "worker_setup=echo no such module; exit 3";
    let (code, stderr) = run_to_end(
        &user,
        &["new", "--workers", "1", "--wait-workers", "1", "-s", setup],
    );
    assert_eq!(code, 6, "{stderr}");
    assert!(
        stderr.contains(" ended while dgw waited for it: "),
        "{stderr}"
    );
    assert!(
        stderr.contains(".log ended with\n    no such module\n  copied to "),
        "{stderr}"
    );
    assert!(stderr.contains("hint: read the end of its worker's log above"));
    assert!(!user.has_active_clusters());
}

/// COMMAND has no connection: it can't notice that the scheduler is gone.
#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn says_that_slurm_ended_the_cluster_of_a_command() {
    let (_node, user) = free_node();
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let script = format!(
        "scancel $(squeue -h -o '%i %Z' | grep $DGW_CLUSTER | sort -n | head -1 | cut -d' ' -f1)
        {dgw} wait $DGW_CLUSTER --for stopped --timeout 60s -q"
    );
    let (code, stderr) = run_to_end(&user, &["run", "--", "sh", "-c", &script]);
    assert_eq!(code, 6, "{stderr}");
    let last = stderr.split("error: cluster ").last().expect("an error");
    assert!(
        last.contains(" was ended from outside while COMMAND was running: ")
            && last.contains("Slurm job ")
            && last.contains(" is CANCELLED"),
        "{stderr}"
    );
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn events_tell_of_a_worker_whose_job_is_cancelled() {
    let (_node, user) = free_node();
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let jobs = slurm("squeue", &["-h", "-o", "%i %Z"]);
    let ids = jobs.lines().filter(|line| line.ends_with(&name));
    let ids = ids.filter_map(|line| line.split(' ').next()?.parse::<u32>().ok());
    let id = ids.max().expect("the worker's job").to_string();
    slurm("scancel", &[&id]);
    let mut events = Vec::new();
    wait_until("the job has ended", || {
        let found = user.json(&["events"]);
        events.clone_from(found.as_array().expect("an array"));
        let kinds = events.iter().map(|event| &event["event"]);
        let ends = kinds.filter(|kind| ["job-ended", "worker-lost"].iter().any(|end| *kind == end));
        ends.count() == 2
    });
    let event = |kind: &str| {
        let found = events.iter().find(|event| event["event"] == kind);
        found
            .unwrap_or_else(|| panic!("no {kind}: {events:?}"))
            .clone()
    };
    let job = event("job-ended");
    assert_eq!(job["name"], id.as_str());
    let text = job["text"].as_str().expect("a text");
    assert!(
        text.starts_with(&format!("Slurm job {id} ended: CANCELLED")),
        "{text}"
    );
    let lost = event("worker-lost");
    assert_eq!(lost["name"], event("worker-joined")["name"]);
    let log = lost["log"].as_array().expect("lines");
    assert!(!log.is_empty(), "{lost}");
    let shown = user.json(&["show"]);
    assert_eq!(shown["last_loss"]["log"], lost["log"], "{shown}");
    user.stdout(&["shutdown", &name]);
}

/// Submits it with Slurm's own `sbatch`.
#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn runs_the_batch_script_of_the_readme() {
    let (_node, user) = free_node();
    let directory = tempfile::tempdir().expect("a directory");
    let script = repository().join("tests/it/readme/analysis.py");
    fs::copy(script, directory.path().join("analysis.py")).expect("a copy");
    fs::write(directory.path().join("job.sh"), readme::batch_script()).expect("a file");
    let programs = [Path::new(env!("CARGO_BIN_EXE_dgw")), SLURM.python()];
    let programs = programs.map(|program| program.parent().expect("a directory").to_owned());
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let path = programs
        .into_iter()
        .chain(std::env::split_paths(&inherited));
    let job = Command::new("sbatch")
        // By default a job gets all of the node's memory.
        .args(["--mem=2G", "--wait", "--output=output", "job.sh"])
        .current_dir(directory.path())
        .env_clear()
        .envs(user.environment())
        .env("PATH", std::env::join_paths(path).expect("a PATH"))
        .output()
        .expect("sbatch runs");
    let output = fs::read_to_string(directory.path().join("output")).unwrap_or_default();
    assert!(job.status.success(), "{job:?}: {output}");
    assert!(output.contains("points,pi\n10000000,3.142\n"), "{output}");
    assert!(!user.has_active_clusters());
}

/// Runs `dgw ARGS` and returns its exit code and stderr.
fn run_to_end(user: &User, args: &[&str]) -> (i32, String) {
    let output = user.command(args).output().expect("dgw runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    (output.status.code().expect("an exit code"), stderr)
}

fn staging(name: &str) -> PathBuf {
    Path::new(SLURM.fact("home"))
        .join(".dask-gateway")
        .join(name)
}

fn copied_logs(name: &str) -> PathBuf {
    Path::new(SLURM.fact("home"))
        .join(".local/state/dgw/logs")
        .join(name)
}

/// The ID of the only job in the working directory of the cluster `name`.
fn job_of(name: &str) -> String {
    let mut found = String::new();
    wait_until("its job is there", || {
        let jobs = slurm("squeue", &["-h", "-o", "%i %Z"]);
        let mut its = jobs.lines().filter(|line| line.ends_with(name));
        its.next().unwrap_or_default().clone_into(&mut found);
        assert_eq!(its.next(), None);
        !found.is_empty()
    });
    let (id, _) = found.split_once(' ').expect("an ID and a directory");
    id.to_owned()
}

fn slurm(client: &str, args: &[&str]) -> String {
    let output = Command::new(client)
        .args(args)
        .env("SLURM_CONF", SLURM.fact("slurm_conf"))
        .output()
        .expect("Slurm's clients are installed");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{client} {args:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn wait_until(goal: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "{goal}");
        thread::sleep(Duration::from_millis(200));
    }
}
