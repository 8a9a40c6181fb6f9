//! Counts the requests of each command: as few as the job needs.

use crate::support::{BASIC, User};

#[test]
fn commands_make_as_few_requests_as_possible() {
    let user = BASIC.user();
    let name = requests_of_new(&user);
    let one = |args: &[&str]| assert_eq!(requests(&user, args), ["GET"], "{args:?}");
    one(&["list"]);
    one(&["list", "--all", &name[..4], "-o", "json"]);
    one(&["list", "--wide"]);
    one(&["show", &name]);
    one(&["show"]);
    one(&["options"]);
    one(&["connect", &name]);
    one(&["dashboard", &name]);
    one(&["connect"]);
    one(&["dashboard", &name[..4]]);
    assert_eq!(requests(&user, &["scale", &name, "1"]), ["GET", "POST"]);
    assert_eq!(requests(&user, &["scale", "1"]), ["GET", "POST"]);
    assert_eq!(requests(&user, &["adapt", &name, "--off"]), ["GET", "POST"]);
    assert_eq!(
        requests(&user, &["adapt", &name, "--off", "--force"]),
        ["POST"]
    );
    assert_eq!(requests(&user, &["shutdown", &name, "--dry-run"]), ["GET"]);
    assert_eq!(
        requests(&user, &["shutdown", &name, "--no-wait"]),
        ["GET", "DELETE"]
    );
}

fn requests_of_new(user: &User) -> String {
    assert_eq!(requests(user, &["new"]), ["POST", "GET"]);
    assert_eq!(requests(user, &["new", "--reuse"]), ["GET"]);
    let name = user.stdout(&["list", "-o", "name"]);
    assert_eq!(
        requests(user, &["new", "-s", "priority=1", "--workers", "1"]),
        ["GET", "POST", "GET", "POST"]
    );
    let other = user.stdout(&["list", "-o", "name"]).replace(&name, "");
    user.stdout(&["shutdown", other.trim()]);
    name
}

/// Returns the methods of the requests that `dgw ARGS -v` logs.
fn requests(user: &User, args: &[&str]) -> Vec<String> {
    let output = user
        .command(&[args, &["-v"]].concat())
        .output()
        .expect("dgw runs");
    let messages = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{messages}");
    let logged = messages
        .lines()
        .filter_map(|line| line.split_once(" * ")?.1.split_once(" http"));
    logged.map(|(method, _)| method.to_owned()).collect()
}
