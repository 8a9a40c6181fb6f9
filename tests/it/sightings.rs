//! Clean-up that depends on the records of earlier runs, because a login page hides the scheduler's
//! clock.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snapbox::str;

use crate::support::{BASIC, Client, Stub, User, answer, set_mode};

const CLEAN_UP: [&str; 5] = ["shutdown", "--idle-for", "1s", "--yes", "-q"];

/// Sleeps long enough for the gateway's clock, which counts whole seconds, to pass the rule's time.
fn sleep_past_the_limit() {
    thread::sleep(Duration::from_millis(3_500));
}

/// Creates a user like `user` for whom a login page hides everything except the gateway's API.
/// Requests to that are forwarded unless `instead` returns a response.
fn behind_a_login(
    user: &User,
    instead: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (Stub, User) {
    let real = BASIC.fact("address").to_owned();
    let host = real.trim_start_matches("http://").to_owned();
    let target = host.clone();
    let stub = Stub::new(move |head| {
        if !head.contains(" /api/") {
            return answer(
                "200 OK",
                "Content-Type: text/html\r\n",
                "<html>Sign in</html>",
            );
        }
        instead(head).unwrap_or_else(|| forward(&target, head))
    });
    let file = fs::read_to_string(user.configuration()).expect("the configuration");
    let file = file.replace(&real, &stub.address);
    let file = file.replace("  auth:", &format!("  proxy-address: {host}\n  auth:"));
    (stub, User::new().configured(&file))
}

fn forward(target: &str, head: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(target).expect("the gateway listens");
    let request = format!("{head}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("a response");
    response
}

fn records_file(user: &User) -> PathBuf {
    let directory = user.home().join(".local/state/dgw");
    let entry = fs::read_dir(directory).expect("state").next();
    let gateway = entry.expect("a gateway").expect("its directory").path();
    gateway.join("sightings.json")
}

/// Runs dgw where no file can be written.
pub(crate) fn on_a_full_disk(user: &User, args: &[&str]) -> Output {
    let command = user.command(args);
    std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(user.environment())
        .stdin(Stdio::null())
        .output()
        .expect("sh runs")
}

#[test]
fn spoiled_records_only_delay_the_clean_up() {
    let owner = BASIC.user();
    let name = owner.stdout(&["new"]);
    let (_stub, user) = behind_a_login(&owner, |_| None);
    let assert_kept = || {
        user.dgw(&CLEAN_UP).success().stdout_eq("").stderr_eq("");
        assert!(owner.has_active_clusters());
        sleep_past_the_limit();
    };
    user.dgw(&["list", "--idle-for", "1s", "-o", "name"])
        .success()
        .stdout_eq("");
    user.dgw(&["shutdown", "--idle-for", "1s", "--dry-run", "-q"])
        .success()
        .stdout_eq("");
    assert!(
        !user.home().join(".local").exists(),
        "a dry run writes nothing"
    );

    assert_kept();
    let file = records_file(&user);
    let mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path)
            .expect("the file exists")
            .permissions()
            .mode()
            & 0o777
    };
    let directory = file.parent().expect("a directory");
    assert_eq!((mode(&file), mode(directory)), (0o600, 0o700));
    // `list` uses the records too.
    assert_eq!(
        user.stdout(&["list", "--idle-for", "1s", "-o", "name"]),
        name
    );

    fs::write(&file, &fs::read(&file).expect("sightings")[..20]).expect("truncated");
    assert_kept();
    fs::write(&file, "").expect("emptied");
    assert_kept();
    set_mode(&file, 0o644);
    assert_kept();
    assert_eq!(mode(&file), 0o600, "the file is replaced");
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut sightings = serde_json::from_slice::<Value>(&fs::read(&file).expect("sightings"));
        let sighting = &mut sightings.as_mut().expect("JSON")["clusters"][&name];
        assert!(sighting.is_object());
        change(sighting);
        fs::write(&file, sightings.expect("JSON").to_string()).expect("edited");
    };
    // The clock of this machine, or of the gateway, was set back.
    edit(&|sighting| sighting["at"]["here"] = json!("2999-01-01T00:00:00Z"));
    assert_kept();
    edit(&|sighting| sighting["at"]["gateway"] = json!("2999-01-01T00:00:00Z"));
    assert_kept();
    // The record is of another cluster with the same name.
    edit(&|sighting| sighting["start_time"] = json!("2020-01-01T00:00:00Z"));
    assert_kept();
    // Clients or tasks have come and gone.
    edit(&|sighting| sighting["marks"]["transitions"] = json!(77));
    assert_kept();
    edit(&|sighting| *sighting = json!("nonsense"));
    assert_kept();

    drop(Client::connect(&BASIC, &owner, &name, "pass"));
    assert_kept();
    user.dgw(&CLEAN_UP)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
    assert!(!owner.has_active_clusters());
}

#[test]
fn reports_unwritten_records_only_if_they_are_needed() {
    let owner = BASIC.user();
    owner.stdout(&["new"]);
    let (_stub, user) = behind_a_login(&owner, |_| None);
    // Not even root can create a directory there.
    let configuration = user.configuration().display().to_string();
    let other_state = User::new().with("XDG_STATE_HOME", "/proc");
    let clean_up = [&CLEAN_UP[..], &["--config", &configuration]].concat();
    other_state
        .dgw(&clean_up)
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't create the directory `/proc/dgw/http%3A%2F%2F[..]`: No such file or directory (os error 2)

hint: check the directory's mode and the free space, or set XDG_STATE_HOME to another directory

"#]]);
    let output = on_a_full_disk(&user, &CLEAN_UP);
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        stderr.contains("sightings.json`: File too large"),
        "{stderr}"
    );
    let left = fs::read_dir(records_file(&user).parent().expect("a directory"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["lock"]);
    sleep_past_the_limit();
    on_a_full_disk(&user, &CLEAN_UP);
    assert!(owner.has_active_clusters());
    // With the proof of its scheduler, no records are needed.
    let configuration = owner.configuration().display().to_string();
    let clean_up = [&CLEAN_UP[..], &["--config", &configuration]].concat();
    other_state
        .dgw(&clean_up)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
}

/// Waits until `condition` holds.
fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "the condition never held"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn checks_again_right_before_the_shutdown() {
    let owner = BASIC.user();
    let name = owner.stdout(&["new"]);
    // The last check is delayed while `is_delayed` is true.
    let (is_delayed, checks) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (delays, counter) = (Arc::clone(&is_delayed), Arc::clone(&checks));
    let route = format!("GET /api/v1/clusters/{name} ");
    let (_stub, user) = behind_a_login(&owner, move |head| {
        if head.starts_with(&route) {
            counter.fetch_add(1, Ordering::SeqCst);
            while delays.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(50));
            }
        }
        None
    });
    let start_delayed = || {
        let before = checks.load(Ordering::SeqCst);
        is_delayed.store(true, Ordering::SeqCst);
        // Longer than a busy machine needs for what happens during the delay.
        let limit = ["--request-timeout", "2m"];
        let mut command = user.command(&[&CLEAN_UP[..4], &limit].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = command.spawn().expect("dgw runs");
        wait_until(|| checks.load(Ordering::SeqCst) > before);
        run
    };
    let finish = |run: std::process::Child| {
        is_delayed.store(false, Ordering::SeqCst);
        let output = run.wait_with_output().expect("dgw ends");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout, b"");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    user.dgw(&CLEAN_UP).success().stdout_eq("");
    sleep_past_the_limit();

    let run = start_delayed();
    user.dgw(&CLEAN_UP).success().stdout_eq("").stderr_eq("");
    user.dgw(&CLEAN_UP[..4])
        .success()
        .stdout_eq("")
        .stderr_eq("another clean-up is running: nothing was done\n");
    user.stdout(&["keep", &name, "-q"]);
    let stderr = finish(run);
    assert!(
        stderr.contains("is left running after all: `dgw keep` protects it"),
        "{stderr}"
    );
    user.stdout(&["keep", "--forget", &name, "-q"]);

    let run = start_delayed();
    let client = Client::connect(&BASIC, &owner, &name, "pass");
    let stderr = finish(run);
    assert!(
        stderr.contains("is left running after all: 1 client connected"),
        "{stderr}"
    );
    drop(client);
    wait_until(|| owner.json(&["list", "--wide"])[0]["clients"] == 0);
    user.dgw(&CLEAN_UP).success().stdout_eq("");
    sleep_past_the_limit();

    let run = start_delayed();
    drop(Client::connect(&BASIC, &owner, &name, "pass"));
    wait_until(|| owner.json(&["list", "--wide"])[0]["clients"] == 0);
    let stderr = finish(run);
    assert!(
        stderr.contains("is left running after all: it changed"),
        "{stderr}"
    );
    user.dgw(&CLEAN_UP).success().stdout_eq("");
    sleep_past_the_limit();

    let mut run = start_delayed();
    run.kill().expect("killed");
    run.wait().expect("it ends");
    is_delayed.store(false, Ordering::SeqCst);
    assert!(owner.has_active_clusters());
    user.dgw(&CLEAN_UP)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
}

#[test]
fn one_failure_does_not_stop_the_rest() {
    let owner = BASIC.user();
    let [one, _] = [(); 2].map(|()| owner.stdout(&["new"]));
    let refused = Arc::new(Mutex::new(Some(one)));
    let failing = Arc::clone(&refused);
    let (_stub, user) = behind_a_login(&owner, move |head| {
        let name = failing.lock().expect("no panic").clone()?;
        let is_refused = head.starts_with("DELETE") && head.contains(&name);
        is_refused.then(|| answer("500 Internal Server Error", "", "boom"))
    });
    user.dgw(&CLEAN_UP).success().stdout_eq("");
    sleep_past_the_limit();
    user.dgw(&CLEAN_UP)
        .code(8)
        .stdout_eq("[NAME]\n")
        .stderr_eq(str![[r#"
error: 1 of 2 clusters could not be shut down
  [NAME]: the gateway failed with status 500: Internal Server Error

hint: run the command again for the remaining clusters

"#]]);
    *refused.lock().expect("no panic") = None;
    user.dgw(&CLEAN_UP)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
}

#[test]
fn keeps_every_cluster_whose_scheduler_cannot_be_read() {
    let owner = BASIC.user();
    let name = owner.stdout(&["new"]);
    let (_stub, user) = behind_a_login(&owner, |_| None);
    let file = fs::read_to_string(user.configuration()).expect("the configuration");
    let closed = file.replace(
        BASIC.fact("address").trim_start_matches("http://"),
        "127.0.0.1:1",
    );
    let user = User::new().configured(&closed);
    for _ in 0..2 {
        let output = user
            .command(&["shutdown", "--idle-for", "1s", "--yes", "-v"])
            .output();
        let output = output.expect("dgw runs");
        assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b""[..]));
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        let reason = format!("cluster {name} is not selected: its scheduler can't be asked: ");
        assert!(stderr.contains(&reason), "{stderr}");
        thread::sleep(Duration::from_secs(2));
    }
    assert!(owner.has_active_clusters());
}
