//! Clean-up where it takes what earlier runs saw: a login page hides the scheduler's clock.

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

/// What the rule is asked for here.
const CLEAN: [&str; 5] = ["shutdown", "--idle-for", "1s", "--yes", "-q"];

/// So much longer that the gateway's clock shows it too, which tells whole seconds.
fn pass_the_time() {
    thread::sleep(Duration::from_millis(3_500));
}

/// `user`, for whom a login page stands in front of everything but the gateway's own API. That is
/// passed on, but for what `instead` answers.
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
        instead(head).unwrap_or_else(|| pass_on(&target, head))
    });
    let file = fs::read_to_string(user.configuration()).expect("the configuration");
    let file = file.replace(&real, &stub.address);
    let file = file.replace("  auth:", &format!("  proxy-address: {host}\n  auth:"));
    (stub, User::new().configured(&file))
}

fn pass_on(target: &str, head: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(target).expect("the gateway listens");
    let request = format!("{head}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

fn file(user: &User) -> PathBuf {
    let folder = user.home().join(".local/state/dgw");
    let entry = fs::read_dir(folder).expect("state").next();
    let gateway = entry.expect("a gateway").expect("its folder").path();
    gateway.join("sightings.json")
}

/// dgw where nothing can be written to a file.
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
fn whatever_spoils_what_earlier_runs_saw_delays_and_no_more() {
    let owner = BASIC.user();
    let name = owner.stdout(&["new"]);
    let (_stub, user) = behind_a_login(&owner, |_| None);
    let kept = || {
        user.dgw(&CLEAN).success().stdout_eq("").stderr_eq("");
        assert!(owner.has_active_clusters());
        pass_the_time();
    };
    user.dgw(&["list", "--idle-for", "1s", "-o", "name"])
        .success()
        .stdout_eq("");
    user.dgw(&["shutdown", "--idle-for", "1s", "--dry-run", "-q"])
        .success()
        .stdout_eq("");
    assert!(
        !user.home().join(".local").exists(),
        "who only looks leaves nothing behind"
    );

    kept();
    let file = file(&user);
    let mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    let folder = file.parent().expect("a folder");
    assert_eq!((mode(&file), mode(folder)), (0o600, 0o700));
    // Whoever only looks may know it.
    assert_eq!(
        user.stdout(&["list", "--idle-for", "1s", "-o", "name"]),
        name
    );

    fs::write(&file, &fs::read(&file).expect("sightings")[..20]).expect("truncated");
    kept();
    fs::write(&file, "").expect("emptied");
    kept();
    set_mode(&file, 0o644);
    kept();
    assert_eq!(mode(&file), 0o600, "it is written anew");
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut sightings = serde_json::from_slice::<Value>(&fs::read(&file).expect("sightings"));
        let sighting = &mut sightings.as_mut().expect("JSON")["clusters"][&name];
        assert!(sighting.is_object());
        change(sighting);
        fs::write(&file, sightings.expect("JSON").to_string()).expect("edited");
    };
    // What this machine's clock, or the gateway's, makes of it once it was set back.
    edit(&|sighting| sighting["at"]["here"] = json!("2999-01-01T00:00:00Z"));
    kept();
    edit(&|sighting| sighting["at"]["gateway"] = json!("2999-01-01T00:00:00Z"));
    kept();
    // The same name, started at another time.
    edit(&|sighting| sighting["start_time"] = json!("2020-01-01T00:00:00Z"));
    kept();
    // Clients and work change these.
    edit(&|sighting| sighting["marks"]["transitions"] = json!(77));
    kept();
    edit(&|sighting| *sighting = json!("nonsense"));
    kept();

    drop(Client::connect(&BASIC, &owner, &name, "pass"));
    kept();
    user.dgw(&CLEAN)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
    assert!(!owner.has_active_clusters());
}

#[test]
fn what_can_not_be_written_down_is_said_where_it_is_needed() {
    let owner = BASIC.user();
    owner.stdout(&["new"]);
    let (_stub, user) = behind_a_login(&owner, |_| None);
    // Not even root can make a folder there.
    let configuration = user.configuration().display().to_string();
    let elsewhere = User::new().with("XDG_STATE_HOME", "/proc");
    let clean = [&CLEAN[..], &["--config", &configuration]].concat();
    elsewhere
        .dgw(&clean)
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't create the directory `/proc/dgw/http%3A%2F%2F[..]`: No such file or directory (os error 2)

hint: check the directory's mode and the free space, or set XDG_STATE_HOME to another directory

"#]]);
    let full = on_a_full_disk(&user, &CLEAN);
    assert_eq!((full.status.code(), &*full.stdout), (Some(1), &b""[..]));
    let stderr = String::from_utf8(full.stderr).expect("UTF-8");
    assert!(
        stderr.contains("sightings.json`: File too large"),
        "{stderr}"
    );
    let left = fs::read_dir(file(&user).parent().expect("a folder"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["lock"]);
    pass_the_time();
    on_a_full_disk(&user, &CLEAN);
    assert!(owner.has_active_clusters());
    // What its scheduler proves needs none of it.
    let configuration = owner.configuration().display().to_string();
    let clean = [&CLEAN[..], &["--config", &configuration]].concat();
    elsewhere
        .dgw(&clean)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
}

/// Something that one waits for, for a while.
fn eventually(what: impl Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(30), "it never came");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn between_the_look_and_the_end_anything_may_happen() {
    let owner = BASIC.user();
    let name = owner.stdout(&["new"]);
    // The last look is held up for as long as this says so.
    let (waits, looks) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (holds_up, counted) = (Arc::clone(&waits), Arc::clone(&looks));
    let route = format!("GET /api/v1/clusters/{name} ");
    let (_stub, user) = behind_a_login(&owner, move |head| {
        if head.starts_with(&route) {
            counted.fetch_add(1, Ordering::SeqCst);
            while holds_up.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(50));
            }
        }
        None
    });
    let held_up = || {
        let before = looks.load(Ordering::SeqCst);
        waits.store(true, Ordering::SeqCst);
        let mut command = user.command(&["shutdown", "--idle-for", "1s", "--yes"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = command.spawn().expect("dgw runs");
        eventually(|| looks.load(Ordering::SeqCst) > before);
        run
    };
    let goes_on = |run: std::process::Child| {
        waits.store(false, Ordering::SeqCst);
        let output = run.wait_with_output().expect("dgw ends");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout, b"");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    user.dgw(&CLEAN).success().stdout_eq("");
    pass_the_time();

    let run = held_up();
    user.dgw(&CLEAN).success().stdout_eq("").stderr_eq("");
    user.dgw(&CLEAN[..4])
        .success()
        .stdout_eq("")
        .stderr_eq("another clean-up is running: nothing was done\n");
    user.stdout(&["keep", &name, "-q"]);
    let stderr = goes_on(run);
    assert!(
        stderr.contains("is kept after all: it is protected"),
        "{stderr}"
    );
    user.stdout(&["keep", "--forget", &name, "-q"]);

    let run = held_up();
    let client = Client::connect(&BASIC, &owner, &name, "pass");
    let stderr = goes_on(run);
    assert!(
        stderr.contains("is kept after all: 1 client connected"),
        "{stderr}"
    );
    drop(client);
    eventually(|| owner.json(&["list", "--wide"])[0]["clients"] == 0);
    user.dgw(&CLEAN).success().stdout_eq("");
    pass_the_time();

    let run = held_up();
    drop(Client::connect(&BASIC, &owner, &name, "pass"));
    eventually(|| owner.json(&["list", "--wide"])[0]["clients"] == 0);
    let stderr = goes_on(run);
    assert!(stderr.contains("is kept after all: it changed"), "{stderr}");
    user.dgw(&CLEAN).success().stdout_eq("");
    pass_the_time();

    let mut run = held_up();
    run.kill().expect("killed");
    run.wait().expect("it ends");
    waits.store(false, Ordering::SeqCst);
    assert!(owner.has_active_clusters());
    user.dgw(&CLEAN)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
}

#[test]
fn one_that_fails_does_not_stop_the_rest() {
    let owner = BASIC.user();
    let [one, _] = [(); 2].map(|()| owner.stdout(&["new"]));
    let refused = Arc::new(Mutex::new(Some(one)));
    let fails = Arc::clone(&refused);
    let (_stub, user) = behind_a_login(&owner, move |head| {
        let fails = fails.lock().expect("no panic").clone()?;
        let is_it = head.starts_with("DELETE") && head.contains(&fails);
        is_it.then(|| answer("500 Internal Server Error", "", "boom"))
    });
    user.dgw(&CLEAN).success().stdout_eq("");
    pass_the_time();
    user.dgw(&CLEAN)
        .code(8)
        .stdout_eq("[NAME]\n")
        .stderr_eq(str![[r#"
error: 1 of 2 clusters could not be shut down
  [NAME]: the gateway failed with status 500: Internal Server Error

hint: run the command again for the remaining clusters

"#]]);
    *refused.lock().expect("no panic") = None;
    user.dgw(&CLEAN)
        .success()
        .stdout_eq("[NAME]\n")
        .stderr_eq("");
}

#[test]
fn a_login_page_in_place_of_everything_keeps_everything() {
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
        let reason = format!("cluster {name} is kept: its scheduler can't be read: ");
        assert!(stderr.contains(&reason), "{stderr}");
        thread::sleep(Duration::from_secs(2));
    }
    assert!(owner.has_active_clusters());
}
