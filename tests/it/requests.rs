//! As few requests as the job needs: each command's, counted.

use crate::support::{BASIC, User};

#[test]
fn each_command_makes_as_few_requests_as_it_can() {
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

/// The methods of the requests that `dgw ARGS` says it makes.
fn requests(user: &User, args: &[&str]) -> Vec<String> {
    let output = user
        .command(&[args, &["-v"]].concat())
        .output()
        .expect("dgw runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{said}");
    let logged = said
        .lines()
        .filter_map(|line| line.strip_prefix("* ")?.split_once(" http"));
    logged.map(|(method, _)| method.to_owned()).collect()
}
