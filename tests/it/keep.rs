//! `dgw keep`

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;
use snapbox::str;

use crate::support::{BASIC, User, set_mode};

#[test]
fn a_protected_cluster_survives_clean_up() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.dgw(&["keep", &name[..8]])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] is protected until `dgw keep --forget`; `dgw shutdown [NAME]` still shuts it down

"#]]);
    assert_eq!(
        user.json(&["keep", &name]),
        json!([{"name": name, "status": "RUNNING", "kept": true, "kept_until": null}])
    );
    thread::sleep(Duration::from_secs(2));
    let assert_clean_up = |code: i32, names: &str| {
        let run = user.dgw(&["shutdown", "--idle-for", "1s", "--yes", "-q"]);
        run.code(code).stdout_eq(names.to_owned())
    };
    assert_clean_up(0, "").stderr_eq("");

    // A damaged file still protects, and so does one with another mode.
    let file = user.state().join("keeps").join(&name);
    fs::write(&file, "{\"un").expect("written");
    assert_clean_up(0, "").stderr_eq("");
    fs::write(&file, r#"{"until": "2026-01-01T00:00:00Z"}"#).expect("written");
    set_mode(&file, 0o644);
    assert_clean_up(0, "").stderr_eq("");
    assert!(user.stdout(&["list", "-o", "wide"]).contains("always"));

    // Nothing is shut down if others could have removed the protection.
    set_mode(&user.state().join("keeps"), 0o777);
    assert_clean_up(1, "").stderr_eq(str![[r#"
error: refused to use `[HOME]/.local/state/dgw/http%3A%2F%2F[..]/keeps`: it is writable by others (mode 777)

hint: chmod 700 [HOME]/.local/state/dgw/http%3A%2F%2F[..]/keeps

"#]]);
    user.dgw(&["list", "-o", "wide", "--no-header"])
        .success()
        .stdout_eq(str![[r#"
[NAME]  RUNNING  [..]  ?  [..]

"#]])
        .stderr_eq(str![[r#"
warning: can't tell which clusters are protected: refused to use `[HOME]/.local/state/dgw/http%3A%2F%2F[..]/keeps`: it is writable by others (mode 777)

"#]]);
    set_mode(&user.state().join("keeps"), 0o700);

    user.dgw(&["keep", "--forget", &name])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] is no longer protected

"#]]);
    user.dgw(&["keep", "--forget", &name])
        .success()
        .stderr_eq(str![[r#"
cluster [NAME] was not protected

"#]]);
    user.stdout(&["keep", &name, "--for", "1s", "-q"]);
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!(user.json(&["keep", "--list"]), json!([]));
    assert_clean_up(0, "[NAME]\n").stderr_eq("");
}

/// Only its name and `--even-kept` shut a protected cluster down.
#[test]
fn every_selector_spares_protected_clusters() {
    let user = BASIC.user();
    user.dgw(&["keep"]).code(5).stderr_eq(str![[r#"
error: you have no active cluster

hint: `dgw new` starts one

"#]]);
    let kept = user.stdout(&["new"]);
    user.dgw(&["keep", "--for", "1h"])
        .success()
        .stderr_eq(str![[r#"
cluster [NAME] is protected for 1h; `dgw shutdown [NAME]` still shuts it down

"#]]);
    let other = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["keep"]).code(5).stderr_eq(str![[r#"
error: you have 2 active clusters: name one
  [NAME]  RUNNING   [AGE]
  [NAME]  PENDING   [AGE]

"#]]);

    // Neither looking at a protection nor protecting again without a time changes it.
    let listed = user.json(&["keep", "--list"]);
    assert_eq!(listed[0]["name"], *kept);
    assert_eq!(listed[0]["kept"], true);
    assert!(listed[0]["kept_until"].is_string(), "{listed}");
    user.dgw(&["keep", &kept]).success().stderr_eq(str![[r#"
cluster [NAME] is already protected until [TIME]; `--for` or `--forget` changes that

"#]]);
    assert_eq!(user.json(&["keep", "--list"]), listed);
    assert_eq!(user.json(&["keep", &kept]), listed);
    assert_eq!(user.json(&["show", &kept])["kept"], true);
    user.dgw(&["keep", "--list"])
        .success()
        .stdout_eq(str![[r#"
NAME                              STATUS   UNTIL
[NAME]  RUNNING  [TIME]

"#]])
        .stderr_eq("");
    user.stdout(&["keep", &kept, "--for", "always", "-q"]);
    assert_eq!(
        user.json(&["keep", "--list"]),
        json!([{"name": kept, "status": "RUNNING", "kept": true, "kept_until": null}])
    );

    thread::sleep(Duration::from_secs(2));
    for selector in [
        &["--all"][..],
        &["--status", "running"],
        &["--older-than", "1s", "--status", "running"],
        &["--idle-for", "1s"],
    ] {
        let dry_run = [
            &["shutdown", "--dry-run", "--status", "running,pending"],
            selector,
        ];
        let dry_run = user.command(&dry_run.concat()).output().expect("dgw runs");
        let shown = String::from_utf8(dry_run.stdout).expect("UTF-8");
        assert!(!shown.contains(&kept), "{selector:?}: {shown}");
        let notes = String::from_utf8(dry_run.stderr).expect("UTF-8");
        let note = format!(
            "left out 1 cluster that `dgw keep` protects: {kept} (`--even-kept` includes them)\n"
        );
        assert!(notes.starts_with(&note), "{selector:?}: {notes}");
    }
    assert_eq!(user.stdout(&["shutdown", "--all", "--yes", "-q"]), other);

    // Nothing is selected if others could have removed a protection, whatever the selector.
    set_mode(&user.state().join("keeps"), 0o770);
    user.dgw(&["shutdown", "--all", "--yes", "-q"])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/.local/state/dgw/http%3A%2F%2F[..]/keeps`: it is writable by others (mode 770)

hint: chmod 700 [HOME]/.local/state/dgw/http%3A%2F%2F[..]/keeps

"#]]);
    set_mode(&user.state().join("keeps"), 0o700);

    // Nor if they could have moved all of dgw's state away, as somebody did here.
    let state_home = user.home().join(".local/state");
    let (state, away) = (state_home.join("dgw"), state_home.join("away"));
    fs::rename(&state, &away).expect("moved away");
    set_mode(&state_home, 0o777);
    for selector in [&["--all"][..], &["--idle-for", "1s"]] {
        user.dgw(&[&["shutdown", "--yes", "-q"], selector].concat())
            .code(1)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: others can exchange what is in `[HOME]/.local/state`: it is writable by others (mode 777)

hint: run `chmod go-w [HOME]/.local/state` if it is yours, or use another directory

"#]]);
    }
    set_mode(&state_home, 0o755);
    fs::rename(&away, &state).expect("moved back");

    user.dgw(&["shutdown", &kept, "--even-kept"]).code(2);
    assert!(user.has_active_clusters());
    let gone = user.stdout(&["shutdown", "--all", "--even-kept", "--yes", "-q"]);
    assert_eq!(gone, kept);
}

#[test]
fn a_protection_that_cannot_be_written_is_an_error() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    // Not even root can create a directory there.
    let other_state = User::new().with("XDG_STATE_HOME", "/proc");
    let configuration = user.configuration().display().to_string();
    other_state
        .dgw(&["keep", &name, "--config", &configuration])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't create the directory `/proc/dgw/http%3A%2F%2F[..]`: No such file or directory (os error 2)

hint: check the directory's mode and the free space, or set XDG_STATE_HOME to another directory

"#]]);
    let output = crate::sightings::on_a_full_disk(&user, &["keep", &name]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        stderr.contains(&format!("keeps/{name}`: File too large")),
        "{stderr}"
    );
    assert_eq!(
        fs::read_dir(user.state().join("keeps"))
            .expect("keeps")
            .count(),
        0
    );
    user.stdout(&["shutdown", &name]);
}

#[test]
fn protects_only_existing_clusters() {
    let user = BASIC.user();
    user.dgw(&["keep", "abc"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no cluster matches `abc`

hint: `dgw list --all` lists every cluster that the gateway still knows

"#]]);
    let name = user.stdout(&["new"]);
    user.dgw(&["keep", "nosuch", &name])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] is protected until `dgw keep --forget`; `dgw shutdown [NAME]` still shuts it down
error: no cluster matches `nosuch`
  [NAME]  RUNNING   [AGE]

hint: `dgw list --all` also lists clusters that have ended

"#]]);
    let other = user.stdout(&["new", "--no-wait"]);
    let several = user.stdout(&["keep", &name, &other, "-o", "name"]);
    assert_eq!(several, format!("{name}\n{other}"));
    user.stdout(&["shutdown", &name, &other]);
    assert!(
        !user.has_active_clusters(),
        "a name includes a protected cluster"
    );
    user.dgw(&["keep", &name]).code(6);
    assert!(
        !user.state().join("keeps").join(&name).exists(),
        "the protection of an ended cluster is removed"
    );
    user.stdout(&["keep", "--forget", &other]);
}
