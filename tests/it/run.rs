//! `dgw run` and `dgw connect -- COMMAND`: run any script on a cluster, and leave nothing behind.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use snapbox::str;

use crate::support::{BASIC, HUB, Stub, Terminal, TestGateway, User, repository, send, spawned};

/// Returns `user` with a TMPDIR of its own.
fn with_own_tmpdir(user: User) -> User {
    let place = user.home().join("tmp");
    fs::create_dir(&place).expect("a directory");
    let place = place.display().to_string();
    user.with("TMPDIR", &place)
}

/// Lists the processes with this user's HOME: dgw and everything that it started.
fn processes_of(user: &User) -> Vec<PathBuf> {
    let home = format!("HOME={}", user.home().display());
    let is_of_user = |process: &PathBuf| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == home.as_bytes())
    };
    let processes = Path::new("/proc").read_dir().expect("/proc");
    let processes = processes.map(|entry| entry.expect("an entry").path());
    processes.filter(is_of_user).collect()
}

/// Lists what is in the user's TMPDIR.
fn leftovers(user: &User) -> Vec<PathBuf> {
    let entries = user.home().join("tmp").read_dir().expect("the directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

fn assert_nothing_left(user: &User) {
    assert_eq!(leftovers(user), Vec::<PathBuf>::new());
    assert_eq!(processes_of(user), Vec::<PathBuf>::new());
    // Some COMMANDs write down the address of their relay.
    if let Ok(address) = fs::read_to_string(user.home().join("address")) {
        let port = address.trim().strip_prefix("tls://").expect("an address");
        assert!(
            TcpStream::connect(port).is_err(),
            "a process still listens on {port}"
        );
    }
    let is_ending = |(_, status): &(String, String)| status != "STOPPED" && status != "FAILED";
    let started = Instant::now();
    while user.history().iter().any(is_ending) {
        assert!(!user.has_active_clusters(), "an active cluster is left");
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the cluster never ends"
        );
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn runs_a_script_of_arrays_and_data_frames() {
    run_analysis(&with_own_tmpdir(BASIC.user()), &BASIC, 0);
}

#[test]
fn runs_a_script_without_dask_gateways_client() {
    run_analysis(&without_client(with_own_tmpdir(BASIC.user())), &BASIC, 1);
}

#[test]
fn runs_a_script_behind_a_hub_without_dask_gateways_client() {
    run_analysis(&without_client(with_own_tmpdir(HUB.user())), &HUB, 1);
}

/// The command of README's first page.
#[test]
fn scales_adaptively_by_default() {
    let user = with_own_tmpdir(BASIC.user());
    let python = BASIC.fact("python");
    let work = "from distributed import Client; print(Client().submit(sum, [1, 2]).result())";
    user.dgw(&["run", "--", python, "-c", work])
        .success()
        .stdout_eq("3\n")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME] is running ([ELAPSED])
scaling adaptively between 1 and 4 workers; change this with `--workers`, `--adapt`, or `dgw.run.workers` in the configuration
[..]
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])

"#]]);
    // A default of one's own: COMMAND waits for a fixed number.
    let user = user.with("DASK_DGW__RUN__WORKERS", "2");
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let script = format!("{dgw} show -o json | grep '^  \"workers\":'");
    user.dgw(&["run", "--", "sh", "-c", &script])
        .success()
        .stdout_eq("  \"workers\": 2,\n")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
...
cluster [NAME] is running ([ELAPSED])
requested 2 workers (`dgw.run.workers`, DASK_DGW__RUN__WORKERS)
[..]
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])

"#]]);
    assert_eq!(user.history().len(), 2);
    assert_nothing_left(&user);
    let user = user.with("DASK_DGW__RUN__WORKERS", "many");
    user.dgw(&["run", "true"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `dgw.run.workers` (DASK_DGW__RUN__WORKERS) must be a number of workers, or MIN..MAX such as 1..8

"#]]);
}

/// Returns `user` with a Python that can't import `dask_gateway`.
fn without_client(user: User) -> User {
    let hiding = "import sys\nsys.modules['dask_gateway'] = None\n";
    fs::write(user.home().join("sitecustomize.py"), hiding).expect("a file");
    let directory = user.home().display().to_string();
    user.with("PYTHONPATH", &directory)
}

/// Runs the script with a Python in which `import dask_gateway` exits with the status `import`.
fn run_analysis(user: &User, gateway: &TestGateway, import: i32) {
    let script = repository().join("tests/it/scripts/analysis.py");
    let (python, script) = (gateway.fact("python"), script.display());
    let work = format!("{python} -c 'import dask_gateway' 2>&-; echo $?; exec {python} {script}");
    let args = ["run", "--workers", "2", "--usage", "usage.json", "--"];
    let mut command = user.command(&[&args[..], &["sh", "-c", &work]].concat());
    let output = command.current_dir(user.home()).output().expect("dgw runs");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{import}\n999999000000 [148.5, 149.5, 150.5] 2\n")
    );
    assert_used(user, &messages);
    assert_nothing_left(user);
    assert_eq!(user.history().len(), 1);
}

/// Asserts that the line and the record of what the script used have what is known of two workers with
/// a thread each.
fn assert_used(user: &User, messages: &str) {
    let file = fs::read(user.home().join("usage.json")).expect("a file");
    let record = serde_json::from_slice::<serde_json::Value>(&file).expect("JSON");
    let number = |field: &str| record[field].as_f64().expect(field);
    let held = number("seconds") * 2.0 / 3600.0;
    assert!((number("core_hours") - held).abs() < 0.001, "{record}");
    assert!((0.0..200.0).contains(&number("cpu_percent")), "{record}");
    assert!(number("memory_max") <= number("memory_limit"), "{record}");
    for (field, expected) in [
        ("exit_status", 0.0),
        ("workers_max", 2.0),
        ("threads_max", 2.0),
        ("workers_lost", 0.0),
    ] {
        assert!((number(field) - expected).abs() < 0.1, "{field}: {record}");
    }
    let tasks = format!(
        "{} tasks in {} graphs\n",
        record["tasks_submitted"], record["graphs"]
    );
    let line = messages.lines().find(|line| line.starts_with("used "));
    let line = format!("{}\n", line.expect(messages));
    assert!(line.ends_with(&tasks), "{line}{record}");
    assert!(
        line.contains("(sampled): 2 workers at most, CPU "),
        "{line}"
    );
}

#[test]
fn exits_with_the_status_of_command() {
    let user = with_own_tmpdir(BASIC.user());
    for (script, status) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -SEGV $$", 139),
    ] {
        user.dgw(&["run", "-q", "--", "sh", "-c", script])
            .code(status)
            .stdout_eq("")
            .stderr_eq("");
    }
    assert_nothing_left(&user);
    let name = user.stdout(&["new"]);
    let script = format!("[ $DGW_CLUSTER = {name} ] && exit 3");
    user.dgw(&["connect", "--", "sh", "-c", &script])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
warning: cluster [NAME] has no workers, and none are requested: COMMAND's tasks will wait; `dgw scale [NAME] 4` or `dgw adapt [NAME] --min 1 --max 8` requests some

"#]]);
    user.dgw(&["connect", "-q", "--", "true"]).stderr_eq("");
    let work = "import os, time; from distributed import Client; \
                task = Client().submit(int); time.sleep(45); os._exit(5)";
    user.dgw(&["connect", "--", BASIC.fact("python"), "-c", work])
        .code(5)
        .stderr_eq(str![[r#"
warning: cluster [NAME] has no workers, and none are requested: [..]
warning: COMMAND's tasks still wait for workers: none are requested; `dgw scale [NAME] 4` or `dgw adapt [NAME] --min 1 --max 8` requests some

"#]]);
    // Adaptive scaling starts workers when there is work.
    user.stdout(&["adapt", "--min", "0", "--max", "2"]);
    user.dgw(&["connect", "--", "true"]).stderr_eq("");
    assert!(
        user.has_active_clusters(),
        "`connect` must not shut the cluster down"
    );
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
}

#[test]
fn starts_no_cluster_for_a_command_that_cannot_run() {
    let user = with_own_tmpdir(BASIC.user());
    for command in ["run", "connect"] {
        user.dgw(&[command, "--", "no-such-command", "x"])
            .code(127)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: no such command: `no-such-command`

"#]]);
        user.dgw(&[command, "--", "/nonexistent/x"])
            .code(127)
            .stderr_eq(str![[r#"
error: no such command: `/nonexistent/x`

"#]]);
        let script = user.home().join("work.py");
        fs::write(&script, "").expect("written");
        user.dgw(&[command, "--", &script.display().to_string()])
            .code(126)
            .stderr_eq(str![[r#"
error: can't run `[HOME]/work.py`: permission denied

hint: put `python` before it: `-- python [HOME]/work.py`

"#]]);
        for path in ["/etc/passwd", "/tmp"] {
            user.dgw(&[command, "--", path])
                .code(126)
                .stdout_eq("")
                .stderr_eq(format!("error: can't run `{path}`: permission denied\n"));
        }
    }
    user.dgw(&["run"]).code(2);
    user.dgw(&["run", "--no-such-flag", "true"]).code(2);
    for (args, refusal) in [
        (
            &["run", "--workers", "2", "--wait-workers", "3", "true"][..],
            "you requested only 2 workers\n\nhint: set `--workers` to at least 3",
        ),
        (
            &["new", "--adapt", "2..3", "--wait-workers", "3"],
            "the cluster keeps only 2 workers without work\n\n\
             hint: set the MIN of `--adapt` to at least 3",
        ),
        (
            &["new", "--adapt", "..3", "--wait-workers", "3"],
            "the cluster keeps only 0 workers without work\n\n\
             hint: set the MIN of `--adapt` to at least 3",
        ),
    ] {
        let refusal = format!("error: `--wait-workers 3` would never end: {refusal}\n");
        user.dgw(args).code(2).stdout_eq("").stderr_eq(refusal);
    }
    for (file, cause) in [
        ("-", "stdout is COMMAND's"),
        (
            "/nonexistent/usage",
            "No such file or directory (os error 2)",
        ),
        ("/dev/null", "it is not a regular file"),
    ] {
        let refusal = format!(
            "error: can't write the usage to `{file}`: {cause}\n\nhint: set `--usage` to a file in \
             a directory that exists and that you can write\n"
        );
        user.dgw(&["run", "--usage", file, "--", "true"])
            .code(1)
            .stdout_eq("")
            .stderr_eq(refusal);
    }
    user.dgw(&["connect", "true", "--", "--export"]).code(127);
    user.dgw(&["run", "true", "--workers", "1"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `--workers` behind the COMMAND `true` can be an option of dgw or of COMMAND
  of dgw:      dgw run --workers 1 -- true
  of COMMAND:  dgw run -- true --workers 1

hint: put `--` before COMMAND, as in one of these lines

"#]]);
    for (command, line) in [
        (&["run", "sh", "-c", "exit 0"][..], "run -- sh -c 'exit 0'"),
        (&["connect", "sh", "x.sh"], "connect -- sh x.sh"),
        (&["connect", "22ab", "./x.sh"], "connect 22ab -- ./x.sh"),
    ] {
        let output = user.command(command).output().expect("dgw runs");
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{messages}");
        assert!(
            messages.ends_with(&format!("hint: `dgw {line}`\n")),
            "{messages}"
        );
    }
    assert_eq!(user.history(), []);
}

/// The file is executable, but its interpreter does not exist.
#[test]
fn shuts_down_if_command_fails_to_run() {
    let user = with_own_tmpdir(BASIC.user());
    let program = user.home().join("program");
    fs::write(&program, "#!/nonexistent/interpreter\n").expect("a file");
    crate::support::set_mode(&program, 0o700);
    let program = program.display().to_string();
    user.dgw(&["run", &program]).code(127).stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME] is running ([ELAPSED])
scaling adaptively between 1 and 4 workers; change this with `--workers`, `--adapt`, or `dgw.run.workers` in the configuration
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])
error: no such command: `[HOME]/program`

"#]]);
    assert_nothing_left(&user);
}

#[test]
fn starts_no_cluster_without_a_private_directory() {
    let user = BASIC.user().with("TMPDIR", "/nonexistent/tmp");
    for (args, code_for_eval) in [
        (&["run", "true"][..], ""),
        (&["connect", "--", "true"], ""),
        (&["connect", "--export"], "sh -c 'exit 1'\n"),
    ] {
        let ended = user.dgw(args).code(1);
        ended.stdout_eq(code_for_eval).stderr_eq(str![[r#"
error: can't create a private directory in `/nonexistent/tmp`
...

hint: set TMPDIR to a directory of your own

"#]]);
    }
    assert_eq!(user.history(), []);
}

#[test]
fn starts_no_cluster_where_others_can_exchange_its_directory() {
    let user = with_own_tmpdir(BASIC.user());
    crate::support::set_mode(user.home(), 0o777);
    user.dgw(&["run", "true"])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't create a private directory in `[HOME]/tmp`
  others can exchange what is in `[HOME]`: it is writable by others (mode 777)

hint: set TMPDIR to a directory of your own

"#]]);
    assert_eq!(user.history(), []);
}

#[test]
fn removes_secrets_from_the_environment() {
    let password = BASIC.fact("password");
    let user = User::new().configured(&format!(
        "gateway:\n  address: {}\n  auth:\n    kwargs:\n      username: ada\n      \
         password: \"{{MY_SECRET}}{{REST_OF_IT}}\"\n",
        BASIC.fact("address")
    ));
    let (start, rest) = password.split_at(3);
    let user = with_own_tmpdir(user)
        .with("MY_SECRET", start)
        .with("REST_OF_IT", rest)
        .with("COPY", &format!("so {password} it is"))
        .with("JUPYTERHUB_API_TOKEN", "t0ken-of-the-hub")
        .with("DASK_GATEWAY__AUTH__KWARGS__PASSWORD", password)
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", "False")
        .with("DASK_INTERNAL_INHERIT_CONFIG", "e30=")
        .with("DASK_SCHEDULER_ADDRESS", "tcp://elsewhere:8786")
        .with("DASK_DISTRIBUTED__COMM__TLS__CA-FILE", "/elsewhere")
        .with("DASK_DISTRIBUTED__WORKER__DAEMON", "True")
        .with("KEPT", "so");
    let environment = user.stdout(&["run", "-q", "--", "env"]);
    assert!(!environment.contains(password), "{environment}");
    let names = environment
        .lines()
        .filter_map(|line| line.split('=').next());
    let mut names = names.collect::<Vec<_>>();
    names.sort_unstable();
    names.retain(|name| !["PWD", "SHLVL", "_"].contains(name));
    assert_eq!(
        names,
        [
            "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION",
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE",
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT",
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY",
            "DASK_DISTRIBUTED__DASHBOARD__LINK",
            "DASK_DISTRIBUTED__WORKER__DAEMON",
            "DASK_ROOT_CONFIG",
            "DASK_SCHEDULER_ADDRESS",
            "DGW_CLUSTER",
            "DGW_DASHBOARD",
            "HOME",
            "KEPT",
            "PATH",
            "TMPDIR",
            "USER",
        ]
    );
    assert!(!environment.contains("elsewhere"), "{environment}");
}

#[test]
fn keeps_certificates_private() {
    let user = with_own_tmpdir(BASIC.user());
    let modes = "stat -c '%a %F' \"${DASK_DISTRIBUTED__COMM__TLS__CA_FILE%/*}\" \
                 \"$DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY\" \
                 \"$DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT\"";
    let place = user.home().join("run");
    fs::create_dir(&place).expect("a directory");
    let inside = "case $DASK_DISTRIBUTED__COMM__TLS__CA_FILE in */run/*) echo runtime;; esac";
    let script = format!("umask 0; {modes}; {inside}");
    for (mode, marker) in [(0o755, ""), (0o700, "runtime\n")] {
        crate::support::set_mode(&place, mode);
        let mut command = user.command(&["run", "-q", "--", "sh", "-c", &script]);
        command.env("XDG_RUNTIME_DIR", &place);
        let output = command.output().expect("dgw runs");
        let shown = String::from_utf8(output.stdout).expect("text");
        assert_eq!(
            shown,
            format!("700 directory\n600 regular file\n600 regular file\n{marker}")
        );
        assert!(place.read_dir().expect("the directory").next().is_none());
    }
    assert_nothing_left(&user);
}

#[test]
fn names_and_keeps_the_cluster_with_keep() {
    let user = with_own_tmpdir(BASIC.user());
    user.dgw(&["run", "-q", "--keep", "echo", "done"])
        .success()
        .stdout_eq("done\n")
        .stderr_eq(str![[r#"
cluster [NAME] is still running; `dgw shutdown [NAME]` shuts it down

"#]]);
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
    let (name, status) = user.history().remove(0);
    assert_eq!(status, "RUNNING");
    let seen = user.stdout(&[
        "run",
        "-q",
        "--reuse",
        "--",
        "sh",
        "-c",
        "echo $DGW_CLUSTER",
    ]);
    assert_eq!(seen, name);
    assert_eq!(user.history(), [(name, "RUNNING".to_owned())]);
}

#[test]
fn runs_with_fewer_workers_than_requested() {
    let user = with_own_tmpdir(BASIC.user());
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let script = format!("{dgw} show -o json | grep '^  \"workers\": 4,$' && echo done");
    user.dgw(&["run", "--workers", "9", "--", "sh", "-c", &script])
        .success()
        .stdout_eq("  \"workers\": 4,\ndone\n")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
...
cluster [NAME] is running ([ELAPSED])
warning: the gateway granted less than requested for cluster `[NAME]`: Scale request of 9 workers would exceed resource limit of 4 workers. Scaling to 4 instead.
[..]
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])

"#]]);
    assert_nothing_left(&user);
}

/// Each signal with the exit status of a process that it ends.
const SIGNALS: [(Signal, i32); 4] = [
    (Signal::INT, 130),
    (Signal::TERM, 143),
    (Signal::HUP, 129),
    (Signal::QUIT, 131),
];

/// Runs `dgw ARGS`, sends each signal as soon as stderr contains `marker`, and asserts that nothing is
/// left.
fn assert_clean_after_signals(args: &[&str], marker: &str) {
    assert_clean_after_signals_with(args, marker, |status| status);
}

fn assert_clean_after_signals_with(args: &[&str], marker: &str, expected: fn(i32) -> i32) {
    thread::scope(|scope| {
        for (signal, status) in SIGNALS {
            scope.spawn(move || {
                let user = with_own_tmpdir(BASIC.user());
                let (mut child, mut stderr) = spawned(&mut user.command(args), marker);
                send(&child, signal);
                let code = child.wait().expect("dgw ends").code();
                let mut messages = String::new();
                stderr
                    .read_to_string(&mut messages)
                    .expect("stderr is text");
                assert_eq!(code, Some(expected(status)), "{messages}");
                assert_nothing_left(&user);
            });
        }
    });
}

#[test]
fn signal_while_pending_leaves_nothing() {
    assert_clean_after_signals(&["run", "-s", "scheduler_start=slow", "true"], "PENDING");
}

#[test]
fn signal_while_waiting_for_workers_leaves_nothing() {
    assert_clean_after_signals(&["run", "--workers", "4", "true"], "/4 workers");
}

#[test]
fn signal_while_command_runs_leaves_nothing() {
    let script = "ulimit -c 0; echo \"$DASK_SCHEDULER_ADDRESS\" > \"$HOME/address\"; \
                  echo at work >&2; exec sleep 60";
    assert_clean_after_signals(&["run", "--", "sh", "-c", script], "at work");
}

#[test]
fn signal_while_shutting_down_leaves_nothing() {
    assert_clean_after_signals_with(&["run", "true"], "shutting down", |_| 0);
}

#[test]
fn signal_during_the_first_request_leaves_nothing() {
    for (signal, status) in SIGNALS {
        let stub = Stub::new(|_| {
            thread::sleep(Duration::from_secs(5));
            Vec::new()
        });
        let user = with_own_tmpdir(User::basic(&stub.address, "ada", "pw"));
        let mut command = user.command(&["run", "-v", "-s", "spot=yes", "true"]);
        let (mut child, _stderr) = spawned(&mut command, "configuration");
        while stub.seen().is_empty() {
            thread::sleep(Duration::from_millis(10));
        }
        send(&child, signal);
        assert_eq!(child.wait().expect("dgw ends").code(), Some(status));
        assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
    }
}

#[test]
fn forwards_user_signals_to_command() {
    let user = with_own_tmpdir(BASIC.user());
    let script = "trap 'echo got one; exit 5' USR1; echo at work >&2; while :; do sleep 0.1; done";
    let mut command = user.command(&["run", "--", "sh", "-c", script]);
    let (child, mut stderr) = spawned(&mut command, "at work");
    send(&child, Signal::USR1);
    let output = child.wait_with_output().expect("dgw ends");
    let mut messages = String::new();
    stderr
        .read_to_string(&mut messages)
        .expect("stderr is text");
    assert_eq!(output.status.code(), Some(5), "{messages}");
    assert_eq!(output.stdout, b"got one\n");
    assert_nothing_left(&user);
}

#[test]
fn kills_a_command_that_ignores_signals() {
    let user = with_own_tmpdir(BASIC.user());
    let script = "trap '' TERM HUP; echo at work >&2; while :; do sleep 0.1; done";
    for (signals_twice, minimum) in [(false, 10), (true, 1)] {
        let mut command = user.command(&["run", "--", "sh", "-c", script]);
        let (mut child, mut stderr) = spawned(&mut command, "at work");
        let begun = Instant::now();
        send(&child, Signal::TERM);
        if signals_twice {
            thread::sleep(Duration::from_millis(1_200));
            send(&child, Signal::TERM);
        }
        assert_eq!(child.wait().expect("dgw ends").code(), Some(137));
        assert!(begun.elapsed() >= Duration::from_secs(minimum));
        let mut messages = String::new();
        stderr
            .read_to_string(&mut messages)
            .expect("stderr is text");
        assert!(
            messages.contains("`sh` is still running: killing it"),
            "{messages}"
        );
        assert!(messages.contains("was shut down"), "{messages}");
        assert_nothing_left(&user);
    }
}

#[test]
fn warns_if_the_cluster_stops_while_command_runs() {
    let user =
        with_own_tmpdir(BASIC.user()).with("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "3s");
    let work = "import os, sys, time, distributed\n\
        client = distributed.Client()\n\
        future = client.submit(time.sleep, 600)\n\
        print('at work', file=sys.stderr, flush=True)\n\
        future.result()";
    let python = BASIC.fact("python");
    let args = ["run", "--workers", "1", "--", python, "-c", work];
    let (mut child, mut stderr) = spawned(&mut user.command(&args), "at work");
    user.stdout(&["shutdown", "--all", "--yes"]);
    let stopped = Instant::now();
    assert_eq!(child.wait().expect("dgw ends").code(), Some(1));
    assert!(stopped.elapsed() < Duration::from_secs(60));
    let mut messages = String::new();
    stderr
        .read_to_string(&mut messages)
        .expect("stderr is text");
    assert!(messages.contains("is STOPP"), "{messages}");
    assert!(
        messages.contains("but COMMAND is still running"),
        "{messages}"
    );
    let last = messages.split("error: cluster ").last().expect("an error");
    assert!(
        last.contains(
            " was ended from outside while COMMAND was running: the gateway reports STOPP"
        ) && last.contains("\n  COMMAND ended with status 1\n\nhint: "),
        "{messages}"
    );
    assert!(!messages.contains("shut down"), "{messages}");
    assert_nothing_left(&user);
}

/// A program may end its cluster itself, and save its results afterwards.
#[test]
fn command_may_shut_its_cluster_down() {
    let user = with_own_tmpdir(BASIC.user());
    let work = "import distributed, os, subprocess, sys\n\
        client = distributed.Client()\n\
        client.shutdown()\n\
        wait = ['wait', os.environ['DGW_CLUSTER'], '--for', 'stopped', '--quiet']\n\
        subprocess.run([sys.argv[1], *wait])\n\
        print('saved')";
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let args = ["run", "--", BASIC.fact("python"), "-c", work, dgw];
    let output = user.command(&args).output().expect("dgw runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(output.stdout, b"saved\n", "{stderr}");
    let (_, last) = stderr.split_once("warning: cluster `").expect(&stderr);
    assert!(last.contains("was ended from outside"), "{stderr}");
    assert!(!stderr.contains("shut down"), "{stderr}");
    assert_nothing_left(&user);
}

/// Nothing tells a COMMAND without a connection that its work may be lost.
#[test]
fn a_cluster_that_ends_unseen_is_a_failure() {
    let user = with_own_tmpdir(BASIC.user());
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let script = format!("{dgw} shutdown -q $DGW_CLUSTER; echo still here");
    let failed = str![[r#"
...
error: cluster `[NAME]` was ended from outside while COMMAND was running: the gateway reports STOPPED
  COMMAND ended with status 0, but was not connected to see the end

hint: `dgw show [NAME]` shows when it ended

"#]];
    let command = ["sh", "-c", &script];
    user.dgw(&[&["run", "--"][..], &command].concat())
        .code(6)
        .stdout_eq("[NAME]\nstill here\n")
        .stderr_eq(failed.clone());
    user.stdout(&["new"]);
    user.dgw(&[&["connect", "--"][..], &command].concat())
        .code(6)
        .stdout_eq("[NAME]\nstill here\n")
        .stderr_eq(failed);
    assert_nothing_left(&user);
}

/// Only the directory of the killed process is removed.
#[test]
fn removes_directories_that_a_killed_dgw_left() {
    let user = with_own_tmpdir(BASIC.user());
    let name = user.stdout(&["new"]);
    let args = [
        "connect",
        "--",
        "sh",
        "-c",
        "echo at work >&2; exec sleep 60",
    ];
    let (mut killed, _stderr) = spawned(&mut user.command(&args), "at work");
    let orphan = child_of(&killed);
    send(&killed, Signal::KILL);
    killed.wait().expect("dgw ends");
    let kill = Command::new("kill").arg(orphan).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let directories = leftovers(&user);
    assert_eq!(directories.len(), 1);
    let (mut living, _stderr) = spawned(&mut user.command(&args), "at work");
    assert_eq!(leftovers(&user).len(), 2, "a young directory may be in use");
    let long_ago = SystemTime::now() - Duration::from_secs(120);
    for directory in leftovers(&user) {
        let directory = fs::File::open(directory).expect("the directory");
        directory
            .set_modified(long_ago)
            .expect("its time can be set");
    }
    user.stdout(&["connect", "--", "true"]);
    assert_eq!(leftovers(&user).len(), 1);
    assert!(
        !directories[0].exists(),
        "the directory of the killed process"
    );
    send(&living, Signal::TERM);
    assert_eq!(living.wait().expect("dgw ends").code(), Some(143));
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
    user.stdout(&["shutdown", &name]);
}

fn child_of(parent: &std::process::Child) -> String {
    let pid = parent.id();
    let children = Path::new("/proc").join(format!("{pid}/task/{pid}/children"));
    let children = fs::read_to_string(children).expect("/proc");
    children.trim().to_owned()
}

/// One Ctrl-C is one signal, and COMMAND uses the terminal as if dgw were not there.
#[test]
fn leaves_the_terminal_to_command() {
    let user = with_own_tmpdir(BASIC.user());
    user.stdout(&["new"]);
    let work = "import os, signal, sys, time\n\
        count = 0\n\
        def pressed(*_):\n\
        \x20   global count\n\
        \x20   count += 1\n\
        signal.signal(signal.SIGINT, pressed)\n\
        print('a terminal:', os.isatty(0), os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n\
        print('read:', input(), flush=True)\n\
        deadline = time.monotonic() + 3\n\
        time.sleep(1)\n\
        print('press a key', flush=True)\n\
        while time.monotonic() < deadline: time.sleep(0.1)\n\
        print('pressed', count, flush=True)";
    let python = BASIC.fact("python");
    let mut terminal = Terminal::new(&user, 80, &["connect", "--", python, "-c", work]);
    terminal.wait_for("a terminal: True True");
    terminal.type_("some words\n");
    terminal.wait_for("read: some words");
    terminal.wait_for("press a key");
    terminal.type_("\x03");
    let (shown, code) = terminal.rest();
    assert!(shown.contains("pressed 1"), "{shown}");
    assert_eq!(code, Some(0), "{shown}");
}

#[test]
fn ctrl_c_ends_command_and_then_the_cluster() {
    let user = with_own_tmpdir(BASIC.user());
    let args = ["run", "--", "sh", "-c", "echo at work; exec sleep 60"];
    let mut terminal = Terminal::new(&user, 80, &args);
    terminal.wait_for("at work");
    terminal.type_("\x03");
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains("was shut down"), "{shown}");
    assert_nothing_left(&user);
}

/// The port of the scheduler proxy is closed.
#[test]
fn checks_the_scheduler_before_command_runs() {
    let user = with_own_tmpdir(BASIC.user()).with("DASK_GATEWAY__PROXY_ADDRESS", "127.0.0.1:1");
    user.dgw(&["run", "echo", "never"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])
error: can't reach the scheduler of cluster `[NAME]`: can't connect to the scheduler proxy at `[HOST]`: Connection refused (os error 111)

hint: programs connect through the gateway's scheduler proxy: set `gateway.proxy-address` to the gateway's scheduler proxy (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it

"#]]);
    assert_nothing_left(&user);
}

#[test]
fn waits_for_a_gateway_that_is_away_at_the_end() {
    let gateway = TestGateway::start(&[]);
    let user = with_own_tmpdir(gateway.user());
    let args = ["run", "--", "sh", "-c", "echo at work >&2; read line"];
    let mut command = user.command(&args);
    command.stdin(std::process::Stdio::piped());
    let (mut child, mut stderr) = spawned(&mut command, "at work");
    drop(gateway);
    drop(child.stdin.take());
    thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().is_ok_and(|status| status.is_none()));
    send(&child, Signal::TERM);
    thread::sleep(Duration::from_millis(1_200));
    send(&child, Signal::TERM);
    assert_eq!(child.wait().expect("dgw ends").code(), Some(1));
    let mut messages = String::new();
    stderr
        .read_to_string(&mut messages)
        .expect("stderr is text");
    assert!(
        messages.contains("may still exist (interrupted again)"),
        "{messages}"
    );
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
}
