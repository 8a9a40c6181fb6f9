//! Completion: the scripts, and the requests for candidates that they make.

use std::fs;

use crate::support::{BASIC, Stub, User, answer};

#[test]
fn shipped_scripts_are_current() {
    for (shell, file) in [("bash", "dgw.bash"), ("zsh", "_dgw"), ("fish", "dgw.fish")] {
        let path = crate::support::repository().join("completions").join(file);
        let shipped = fs::read_to_string(path).expect("the script exists");
        let printed = User::new().stdout(&["completions", shell]);
        assert_eq!(printed, shipped.trim_end(), "{file}");
    }
}

#[test]
fn completes_names_and_keys_live() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    assert!(completed(&user, &["connect", ""]).contains(&name));
    assert!(completed(&user, &["shutdown", &name[..4]]).contains(&name));
    assert!(completed(&user, &["new", "-s", "worker_"]).contains("worker_cores="));
    assert!(completed(&user, &["list", "--status", "s"]).contains("stopping"));
    assert!(completed(&user, &["li"]).contains("list"));

    user.stdout(&["scale", "1", "--wait"]);
    let shown = user.json(&["show"]);
    let worker = shown["worker_details"][0]["name"].as_str().expect("a name");
    assert!(completed(&user, &["logs", "--worker", ""]).contains(worker));
    user.stdout(&["new"]);
    assert!(!completed(&user, &["logs", "--worker", ""]).contains(worker));
    let words = ["logs", &name[..8], "--worker", &worker[..4]];
    assert!(completed(&user, &words).contains(worker));

    let configuration = user.configuration().display().to_string();
    let other = User::new();
    let words = ["--config", &configuration, "connect", ""];
    assert!(completed(&other, &words).contains(&name));
    let elsewhere = ["--address=http://127.0.0.1:1", "connect", ""];
    assert!(!completed(&user, &elsewhere).contains(&name));
}

/// The user has not pressed Enter yet.
#[test]
fn sends_credentials_only_to_the_configured_gateway_over_https() {
    let named = Stub::always(answer("500 Internal Server Error", "", "boom"));
    completed(&BASIC.user(), &["--address", &named.address, "connect", ""]);
    assert_eq!(named.seen(), [""; 0]);
    let proxy = Stub::always(answer("500 Internal Server Error", "", "boom"));
    let clear = User::new().configured(&format!(
        "gateway:\n  address: http://gateway.invalid\n  http-client:\n    proxy: {}\n  auth:\n    \
         type: basic\n    kwargs:\n      username: ada\n      password: pw\n",
        proxy.address
    ));
    completed(&clear, &["connect", ""]);
    assert_eq!(proxy.seen(), [""; 0]);
    // The configured address is allowed.
    let user = BASIC.user();
    let name = user.stdout(&["new", "--no-wait"]);
    let same = ["--address", BASIC.fact("address"), "connect", ""];
    assert!(completed(&user, &same).contains(&name));
}

#[test]
fn offers_nothing_twice_and_keeps_typed_words() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let other = user.stdout(&["new"]);
    let shown = completed(&user, &["shutdown", &name, ""]);
    assert!(shown.contains(&other) && !shown.contains(&name), "{shown}");
    let shown = completed(&user, &["shutdown", &name]);
    assert!(shown.contains(&name), "{shown}");

    let shown = completed(&user, &["list", "--status", "running,"]);
    assert_eq!(
        shown,
        "running,pending\nrunning,stopping\nrunning,stopped\nrunning,failed"
    );
    let shown = completed(&user, &["list", "--status", "=", "running,stopp"]);
    assert_eq!(shown, "running,stopping\nrunning,stopped");

    let set = ["new", "--set", "=", "profile", "="];
    assert_eq!(completed(&user, &set[..4]), "profile=");
    assert!(completed(&user, &set).starts_with("small"));
    let wait = ["wait", "--for", "=", "workers", "="];
    assert_eq!(completed(&user, &wait[..4]), "workers=");
    assert_eq!(completed(&user, &wait), "");
    // Some bash configurations do not break words at `=`.
    let shown = completed(&user, &["new", "--set=profile=s"]);
    assert_eq!(shown, "--set=profile=small");

    let shown = completed(&user, &["list", "--sort-by", "s"]);
    assert_eq!(shown, "status\nstart_time\nstop_time\nscheduler_address");
    let shown = completed(&user, &["ls", "-o", "wide", "--sort-by", "-c"]);
    assert_eq!(shown, "-cores\n-clients");
    let shown = completed(&user, &["show", "--sort-by", "=", "m"]);
    assert_eq!(shown, "memory\nmemory_limit");
    assert!(completed(&user, &["top", "--sort-by", ""]).starts_with("name\n"));
    let all = ["top", "--all-gateways", "--sort-by", ""];
    assert!(completed(&user, &all).starts_with("gateway\nname\n"));
    assert!(completed(&user, &["options", "--sort-by", ""]).contains("yours"));

    let user = user.with("SECRET_OF_MINE", "s3cret");
    let secret = completed(&user, &["new", "-s", "environment=SECRET_"]);
    assert_eq!(secret, "environment=SECRET_OF_MINE");
    fs::write(user.home().join("secret.txt"), "s3cret").expect("written");
    let file = format!("environment=KEY=@{}/secret.", user.home().display());
    let files = completed(&user, &["new", "-s", &file]);
    assert_eq!(files, format!("{file}txt"));
    let (set, path) = file.split_once("=KEY=@").expect("a file");
    let words = ["new", "-s", set, "=", "KEY", "=@", path];
    assert_eq!(completed(&user, &words), format!("{path}txt"));
    let with_at = format!("@{path}");
    let words = ["new", "-s", set, "=", "KEY", "=@", &with_at];
    assert_eq!(completed(&user, &words), format!("{with_at}txt"));
    user.dgw(&["name", &name, "era5"]).success();
    assert_eq!(completed(&user, &["show", "er"]), "era5");

    for words in [&["connect", "--", ""][..], &["run", "--", "pyth"]] {
        assert_eq!(completed(&user, words), "", "{words:?}");
    }
    assert!(completed(&user, &["list", "--", ""]).contains(&name));
}

#[test]
fn completes_to_nothing_after_any_failure() {
    let stub = Stub::always(answer("500 Internal Server Error", "", "boom"));
    let broken = User::basic(&stub.address, "ada", "pw");
    let refused = BASIC.user();
    crate::support::set_mode(&refused.configuration(), 0o644);
    for user in [User::new(), broken, refused] {
        let shown = completed(&user, &["connect", ""]);
        assert!(!shown.lines().any(|line| !line.starts_with('-')), "{shown}");
    }
}

/// Returns the candidates that bash gets for the last of `words`; stderr must be empty.
fn completed(user: &User, words: &[&str]) -> String {
    let mut command = user.command(&[&["--", "dgw"], words].concat());
    command
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    let output = command.output().expect("dgw runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).expect("UTF-8")
}
