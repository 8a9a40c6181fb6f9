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

/// They share a node of four cores.
static NODE: Mutex<()> = Mutex::new(());

const WHOLE_NODE: &str = "scheduler_cores=4";

/// The node, with nobody else on it, and its user.
fn the_node() -> (MutexGuard<'static, ()>, User) {
    let node = NODE.lock().unwrap_or_else(PoisonError::into_inner);
    let user = SLURM.slurm_user();
    user.dgw(&["shutdown", "--all", "--yes"]).success();
    wait_until("the node is free", || slurm("squeue", &["-h"]).is_empty());
    (node, user)
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn a_start_without_trouble_is_as_ever() {
    let (_node, user) = the_node();
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let staged = staging(&name).join(format!("dask-scheduler-{name}.log"));
    assert!(staged.is_file(), "{}", staged.display());
    assert_eq!(user.json(&["show"])["job"], serde_json::Value::Null);
    user.stdout(&["shutdown", &name]);
    assert!(!copies(&name).exists());
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn a_start_that_waits_in_the_queue_says_why() {
    let (_node, user) = the_node();
    let first = user.stdout(&["new", "-s", WHOLE_NODE]);
    // The gateway gives up after 20 s.
    let (code, told) = ended(&user, &["new", "-s", WHOLE_NODE]);
    assert_eq!(code, 6, "{told}");
    let phases = told.split("error:").next().expect("what came before");
    assert!(phases.contains(" waits: Resources"), "{told}");
    let lines = phases.lines().collect::<Vec<_>>();
    assert!(lines.windows(2).all(|two| two[0] != two[1]), "{told}");
    let job = told.split("  Slurm job ").nth(1).expect("the job's end");
    let job = job.lines().next().expect("a line");
    assert!(job.contains(": PENDING (Resources)"), "{told}");
    assert!(told.contains("hint: its job was not seen to leave the queue"));
    user.stdout(&["shutdown", &first]);
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn a_time_limit_that_runs_out_tells_how_far_it_came() {
    let (_node, user) = the_node();
    let node = slurm("sinfo", &["-h", "-o", "%n"]);
    let state = |state: &str| {
        let update = ["update", &format!("nodename={}", node.trim()), state];
        slurm("scontrol", &[&update[..], &["reason=test"]].concat());
    };
    state("state=drain");
    let (code, told) = ended(&user, &["new", "--timeout", "16s"]);
    state("state=resume");
    assert_eq!(code, 7, "{told}");
    assert!(told.contains("error: timed out after 16s"), "{told}");
    let job = told.split("  Slurm job ").nth(1).expect("the job");
    // Its words for this change while it looks.
    let reasons = [
        "ReqNodeNotAvail",
        "Nodes required for job are DOWN, DRAINED",
    ];
    let is_said = |reason| job.contains(&format!("PENDING ({reason}"));
    assert!(reasons.into_iter().any(is_said), "{told}");
    assert!(!user.has_active_clusters());
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn several_that_wait_are_not_mixed_up() {
    let (_node, user) = the_node();
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
fn a_scheduler_that_fails_leaves_the_end_of_its_log() {
    let (_node, user) = the_node();
    let setup = r#"scheduler_setup=seq 100; printf "\033]0;title\007it broke\n"; exit 3"#;
    let (code, told) = ended(&user, &["new", "-s", setup]);
    assert_eq!(code, 6, "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");
    assert!(
        told.contains("    99\n    100\n    \\x1b]0;title\\x07it broke\n"),
        "{told}"
    );
    assert!(!told.contains("    80\n"), "{told}");
    assert!(told.contains("FAILED (NonZeroExitCode)\n"), "{told}");
    assert!(told.contains("hint: the scheduler's log may tell why"));
    let (name, _) = user.history().pop().expect("a cluster");
    let file = format!("dask-scheduler-{name}.log");
    let copy = fs::read_to_string(copies(&name).join(&file)).expect("a copy");
    assert!(copy.starts_with("1\n2\n") && copy.ends_with("it broke\n"));
    wait_until("the gateway cleans up", || !staging(&name).exists());
    let copied = fs::read_dir(copies(&name)).expect("the copies");
    let copied = copied.map(|entry| entry.expect("an entry").file_name());
    assert_eq!(copied.collect::<Vec<_>>(), [file.as_str()]);
}

#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn workers_that_fail_leave_the_end_of_a_log() {
    let (_node, user) = the_node();
    let setup = "worker_setup=echo no such module; exit 3";
    let (code, told) = ended(
        &user,
        &["new", "--workers", "1", "--wait-workers", "1", "-s", setup],
    );
    assert_eq!(code, 6, "{told}");
    assert!(told.contains(" ended while it was waited for: "), "{told}");
    assert!(
        told.contains(".log ended with\n    no such module\n  copied to "),
        "{told}"
    );
    assert!(told.contains("hint: what its worker logged last may tell why"));
    assert!(!user.has_active_clusters());
}

/// The one of the README, by Slurm's own `srun`.
#[test]
#[ignore = "needs Debian's packages of Slurm"]
fn a_batch_job_runs_a_script_on_a_cluster_of_its_own() {
    let (_node, user) = the_node();
    let folder = tempfile::tempdir().expect("a folder");
    let script = repository().join("tests/it/readme/analysis.py");
    fs::copy(script, folder.path().join("analysis.py")).expect("a copy");
    fs::write(folder.path().join("job.sh"), readme::batch_script()).expect("a file");
    let programs = [Path::new(env!("CARGO_BIN_EXE_dgw")), SLURM.python()];
    let programs = programs.map(|program| program.parent().expect("a folder").to_owned());
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let path = programs
        .into_iter()
        .chain(std::env::split_paths(&inherited));
    let job = Command::new("sbatch")
        // Else it gets all of the node's memory.
        .args(["--mem=2G", "--wait", "--output=output", "job.sh"])
        .current_dir(folder.path())
        .env_clear()
        .envs(user.environment())
        .env("PATH", std::env::join_paths(path).expect("a PATH"))
        .output()
        .expect("sbatch runs");
    let output = fs::read_to_string(folder.path().join("output")).unwrap_or_default();
    assert!(job.status.success(), "{job:?}: {output}");
    assert!(output.contains("points,pi\n10000000,3.142\n"), "{output}");
    assert!(!user.has_active_clusters());
}

/// How `dgw ARGS` ends, and what it says.
fn ended(user: &User, args: &[&str]) -> (i32, String) {
    let output = user.command(args).output().expect("dgw runs");
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    (output.status.code().expect("an exit code"), told)
}

fn staging(name: &str) -> PathBuf {
    Path::new(SLURM.fact("home"))
        .join(".dask-gateway")
        .join(name)
}

fn copies(name: &str) -> PathBuf {
    Path::new(SLURM.fact("home"))
        .join(".local/state/dgw/logs")
        .join(name)
}

/// The number of the only job that works for the cluster `name`.
fn job_of(name: &str) -> String {
    let mut found = String::new();
    wait_until("its job is there", || {
        let jobs = slurm("squeue", &["-h", "-o", "%i %Z"]);
        let mut its = jobs.lines().filter(|line| line.ends_with(name));
        its.next().unwrap_or_default().clone_into(&mut found);
        assert_eq!(its.next(), None);
        !found.is_empty()
    });
    let (id, _) = found.split_once(' ').expect("a number and a folder");
    id.to_owned()
}

fn slurm(client: &str, args: &[&str]) -> String {
    let output = Command::new(client)
        .args(args)
        .env("SLURM_CONF", SLURM.fact("slurm_conf"))
        .output()
        .expect("Slurm's clients are there");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{client} {args:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn wait_until(what: &str, mut sign: impl FnMut() -> bool) {
    let started = Instant::now();
    while !sign() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(200));
    }
}
