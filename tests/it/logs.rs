//! `dgw logs`

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use snapbox::str;

use crate::support::{BASIC, Client, Frozen, User};

/// Logged by the gateway's preload in the scheduler when it is scaled.
const SCALED: &str = "dask_gateway.scheduler_preload - Requesting scale to 2 workers from 0";

/// Logs `text` on each of two workers, at a level that workers keep.
fn log_on_workers(name: &str, user: &User, text: &str) {
    let work = format!(
        "client.wait_for_workers(2, timeout=60)\n\
         def log():\n    import logging\n    logging.getLogger('distributed.worker').warning({text})\n\
         client.run(log)"
    );
    drop(Client::connect(&BASIC, user, name, &work));
}

#[test]
fn prints_logs_of_the_scheduler_and_of_workers() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "2"]);
    log_on_workers(&name, &user, r"'first\x1b[2J\n  second'");
    let log = user.stdout(&["logs", &name[..8]]);
    let line = log.lines().find(|line| line.ends_with(SCALED));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    let (time, rest) = line.split_at("2026-11-21T03:12:44Z".len());
    assert!(time.ends_with('Z') && time.contains('T'), "{line}");
    assert_eq!(rest, format!(" INFO {SCALED}"));
    let times = log.lines().map(|line| &line[..20]).collect::<Vec<_>>();
    assert!(times.is_sorted(), "{log}");

    let last = user.stdout(&["logs", "--tail", "1"]);
    assert_eq!(
        last.lines().collect::<Vec<_>>(),
        [log.lines().last().expect("a line")]
    );
    assert_eq!(user.stdout(&["logs", "--tail", "0"]), "");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(user.stdout(&["logs", "--since", "1s"]), "");
    assert_eq!(user.stdout(&["logs", "--since", "1h"]), log);

    let shown = user.json(&["show"]);
    let workers = shown["worker_details"].as_array().expect("workers");
    let workers = workers.iter().map(|worker| {
        let text = |field: &str| worker[field].as_str().expect("text").to_owned();
        (text("name"), text("address"))
    });
    let workers = workers.collect::<Vec<_>>();
    let all = user.stdout(&["logs", "--all-workers"]);
    for (worker, address) in &workers {
        let first = all.lines().position(|line| {
            line.starts_with(worker.as_str())
                && line.ends_with("WARNING distributed.worker - first\\x1b[2J")
        });
        let first = first.unwrap_or_else(|| panic!("{all}"));
        let next = format!("{worker}     second");
        assert_eq!(all.lines().nth(first + 1), Some(next.as_str()));
        let own = user.stdout(&["logs", "--worker", &worker[..8]]);
        assert_eq!(user.stdout(&["logs", "--worker", address]), own);
        assert!(own.lines().any(|line| line == "    second"), "{own}");
        assert!(own.starts_with("20"), "{own}");
    }
    assert!(
        all.lines().all(|line| workers
            .iter()
            .any(|(worker, _)| line.starts_with(worker.as_str()))),
        "{all}"
    );

    let records = user.stdout(&["logs", "--all-workers", "-o", "jsonl"]);
    let records = records
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let record = records
        .into_iter()
        .find(|record| record["level"] == "WARNING");
    let record = record.expect("a warning");
    assert_eq!(
        record["text"],
        "distributed.worker - first\u{1b}[2J\n  second"
    );
    assert!(
        workers.iter().any(|(worker, _)| record["name"] == *worker),
        "{record}"
    );
    assert!(record["time"].is_string(), "{record}");
    let own = user.json(&["logs"]);
    assert_eq!(own[0]["name"], "scheduler");
    let fields = own[0].as_object().expect("an object").keys();
    assert_eq!(
        fields.collect::<Vec<_>>(),
        ["name", "time", "level", "text"]
    );

    user.dgw(&["logs", "--worker", "no-such"])
        .code(1)
        .stdout_eq("");
    user.dgw(&["logs", "--worker", ""]).code(1).stdout_eq("");
}

#[test]
fn names_a_silent_worker_and_does_not_wait_for_it() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "2"]);
    log_on_workers(&name, &user, "'here I am'");
    let shown = user.json(&["show"]);
    let worker = |index: usize| {
        let name = shown["worker_details"][index]["name"].as_str();
        name.expect("a name").to_owned()
    };
    let (frozen, well) = (worker(0), worker(1));
    let _stopped = Frozen::worker(&frozen);
    let started = Instant::now();
    let output = user
        .command(&["logs", "--all-workers", "--probe-timeout", "1s"])
        .output()
        .expect("dgw runs");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(printed.contains("here I am"), "{printed}");
    assert!(
        printed.lines().all(|line| line.starts_with(&well)),
        "{printed}"
    );
    assert_eq!(
        String::from_utf8(output.stderr).expect("UTF-8"),
        format!("warning: can't read the log of worker {frozen}: no response within 1s\n")
    );
    user.dgw(&["logs", "--worker", &frozen, "--probe-timeout", "1s"])
        .code(1)
        .stdout_eq("");
    let python = BASIC.fact("python");
    user.dgw(&["packages", "--check", "--probe-timeout", "1s", "--", python])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
0 of [..] packages differ between `[..]/python`, the scheduler of cluster [NAME] and 0 workers
error: can't read the packages of the workers of cluster `[NAME]`: no response within 1s

hint: set a longer `--probe-timeout`

"#]]);
}

/// A running `dgw logs -f`, and the lines that it prints.
struct Followed {
    child: Child,
    lines: Receiver<String>,
    stderr: ChildStderr,
}

impl Followed {
    fn start(user: &User, args: &[&str]) -> Self {
        Self::run(user, &[&["logs", "-f"], args].concat())
    }

    fn run(user: &User, args: &[&str]) -> Self {
        let mut command = user.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("dgw starts");
        let stdout: ChildStdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            lines,
            stderr,
        }
    }

    /// Waits for a line that contains `marker`, and returns the lines up to it.
    fn until(&self, marker: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.contains(marker)) {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            lines.push(line.unwrap_or_else(|_| panic!("no `{marker}`: {lines:?}")));
        }
        lines
    }

    /// Waits until dgw ends, and returns its exit code and stderr.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("dgw ends");
        let mut said = String::new();
        self.stderr
            .read_to_string(&mut said)
            .expect("stderr is text");
        (status.code(), said)
    }
}

#[test]
fn follows_logs_until_the_cluster_ends_and_prints_each_line_once() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let scheduler = Followed::start(&user, &[]);
    let events = Followed::run(&user, &["events", "-f"]);
    let workers = Followed::start(&user, &["--all-workers", "-o", "jsonl"]);
    let interrupted = Followed::start(&user, &["--tail", "0"]);
    scheduler.until("INFO");
    user.stdout(&["scale", "2"]);
    let mut lines = scheduler.until(SCALED);
    assert_eq!(interrupted.until("INFO").len(), 1);
    kill_process(Pid::from_child(&interrupted.child), Signal::INT).expect("it is running");
    assert_eq!(
        interrupted.end(),
        (None, String::new()),
        "the signal ends it"
    );
    log_on_workers(&name, &user, "'here I am'");
    // One line from each worker.
    workers.until("here I am");
    workers.until("here I am");
    lines.extend(scheduler.until("Close client connection"));
    thread::sleep(Duration::from_secs(3));
    lines.extend(scheduler.lines.try_iter());
    let scaled = lines.iter().filter(|line| line.contains(SCALED)).count();
    assert_eq!(scaled, 1, "{lines:?}");
    assert!(
        workers
            .lines
            .try_iter()
            .all(|line| !line.contains("here I am"))
    );
    assert_loss(&user, &name, &events);
    user.stdout(&["shutdown", &name]);
    for followed in [scheduler, workers, events] {
        let (code, said) = followed.end();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("cluster {name} is STOP")), "{said}");
    }
}

/// Kills a worker that holds a result, and asserts what `dgw events` and `dgw show` say of it.
fn assert_loss(user: &User, name: &str, events: &Followed) {
    let shown = user.json(&["show"]);
    assert_eq!(shown["last_loss"], Value::Null);
    let worker = &shown["worker_details"][0];
    let field = |field: &str| worker[field].as_str().expect("text").to_owned();
    let (killed, address) = (field("name"), field("address"));
    let work = format!(
        "future = client.submit(lambda: 1, workers=['{address}'], allow_other_workers=True)\n\
         future.result(60)"
    );
    let _client = Client::connect(&BASIC, user, name, &work);
    Frozen::worker(&killed).kill();
    let line = format!("worker-lost   {killed} its connection ended without notice; lost 1 result");
    let lines = events.until(&line);
    let kinds = lines
        .iter()
        .filter_map(|line| line.split_whitespace().nth(1));
    let kinds = kinds.collect::<Vec<_>>();
    for kind in [
        "started",
        "scaling",
        "worker-joined",
        "client-joined",
        "graph",
        "client-left",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {lines:?}");
    }
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("Requesting scale to 2 workers from 0"))
    );
    let times = lines.iter().map(|line| &line[..20]);
    assert!(times.is_sorted(), "{lines:?}");

    let records = user.json(&["events"]);
    let records = records.as_array().expect("an array");
    let is_loss = |record: &&Value| record["event"] == "worker-lost";
    let loss = records.iter().find(is_loss).expect("the loss");
    assert_eq!(
        (&loss["name"], &loss["tasks"]),
        (&killed.as_str().into(), &1.into())
    );
    let graph = records.iter().find(|record| record["event"] == "graph");
    assert_eq!(graph.expect("a graph")["tasks"], 1);
    assert_eq!(user.json(&["show"])["last_loss"], *loss);
    let text = user.stdout(&["show"]);
    assert!(
        text.contains(&format!("\nlast loss  worker {killed} ")),
        "{text}"
    );
    thread::sleep(Duration::from_secs(2));
    assert_eq!(user.stdout(&["events", "--since", "0s"]), "");
    user.dgw(&["events", "-f", "-o", "csv"])
        .code(2)
        .stdout_eq("");
}

#[test]
fn logs_need_the_scheduler_proxy() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.by_proxy("127.0.0.1:1")
        .dgw(&["logs"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't read the logs of cluster `[NAME]`: can't connect to the scheduler proxy at `[HOST]`: Connection refused (os error 111)

hint: logs come through the gateway's scheduler proxy: set `gateway.proxy-address` to the gateway's scheduler proxy (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it

"#]]);
    user.stdout(&["shutdown", &name]);
}

#[test]
fn pending_cluster_has_no_logs_and_missing_workers_are_reported() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["logs", &name])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: cluster `[NAME]` is PENDING, not RUNNING

hint: `dgw connect [NAME]` waits until it is running

"#]]);
    user.stdout(&["shutdown", &name]);
    user.stdout(&["new"]);
    user.dgw(&["logs", "--all-workers"])
        .success()
        .stdout_eq("")
        .stderr_eq("cluster [NAME] has no workers\n");
}

#[test]
fn fails_for_a_silent_scheduler_and_for_a_stopped_cluster() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let stopped = Frozen::scheduler_of(&name);
    let started = Instant::now();
    user.dgw(&["logs", "--probe-timeout", "500ms"])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't read the logs of cluster `[NAME]`: no response within 500ms

hint: logs come through the gateway's scheduler proxy: set a longer `--probe-timeout`, and check `gateway.proxy-address`

"#]]);
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(stopped);
    user.dgw(&["logs", "-f", "-o", "json"])
        .code(2)
        .stdout_eq("");
    user.stdout(&["shutdown", &name]);
    user.dgw(&["logs", &name])
        .code(6)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: cluster `[NAME]` is STOPPED, not RUNNING

hint: `dgw new` starts another one

"#]]);
}
