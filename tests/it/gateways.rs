//! Several gateways: `--gateway`, `DGW_GATEWAY`, `dgw gateways`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use snapbox::str;

use crate::support::{
    BASIC, HUB, Stub, Terminal, TestGateway, User, json_answer, output_with_stdin, set_mode, until,
    write_private,
};

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("it exists");
    metadata.permissions().mode() & 0o7777
}

/// A configuration with a token.
fn with_token(address: &str, token: &str) -> String {
    format!(
        "gateway:\n  address: {address}\n  auth:\n    type: jupyterhub\n    kwargs:\n      api_token: \
         {token}\n"
    )
}

#[test]
fn logs_in_to_several_gateways_and_uses_each() {
    let user = HUB.user();
    let address = BASIC.fact("address");
    let login = [
        "login",
        "-g",
        "work",
        "--address",
        address,
        "--username",
        "gwen",
    ];
    let output = output_with_stdin(user.command(&login), BASIC.fact("password"));
    assert!(output.status.success(), "{output:?}");
    let file = user.gateway_file("work");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().expect("a directory")), 0o700);

    let all = user.json(&["gateways", "--check"]);
    let field = |at: usize, name: &str| all[at][name].clone();
    assert_eq!(field(0, "name"), "default");
    assert_eq!(field(0, "default"), true);
    assert_eq!(field(0, "address"), HUB.fact("address"));
    assert!(field(0, "user").is_string(), "{all}");
    assert_eq!(field(1, "name"), "work");
    assert_eq!(field(1, "default"), false);
    assert_eq!(field(1, "user"), "gwen");
    for at in [0, 1] {
        assert!(field(at, "version").is_string(), "{all}");
        assert!(
            field(at, "latency")
                .as_f64()
                .is_some_and(|latency| latency > 0.0)
        );
        assert_eq!(field(at, "error"), Value::Null);
    }
    user.dgw(&["list", "-g", "work"]).success();
    user.dgw(&["doctor", "-g", "work"]).success();

    // A second login replaces only with `--force`.
    let again = output_with_stdin(user.command(&login), BASIC.fact("password"));
    assert_eq!(again.status.code(), Some(2));
    let other = ["login", "--address", address, "--username", "gwen"];
    let other = output_with_stdin(user.command(&other), BASIC.fact("password"));
    assert_eq!(other.status.code(), Some(2));
    let hint = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(
        hint.contains(&format!("dgw login -g NAME --address {address}")),
        "{hint}"
    );
}

#[test]
fn never_sends_the_credentials_of_one_gateway_to_another() {
    let [default, one, two, environment] = [(); 4].map(|()| Stub::always(json_answer("{}")));
    let user = User::new()
        .configured(&with_token(&default.address, "t-default"))
        .with("DASK_GATEWAY__ADDRESS", &environment.address)
        .with("DASK_GATEWAY__AUTH__KWARGS__API_TOKEN", "t-environment")
        .with("JUPYTERHUB_API_TOKEN", "t-hub");
    write_private(
        &user.gateway_file("one"),
        &with_token(&one.address, "t-one"),
    );
    write_private(
        &user.gateway_file("two"),
        &with_token(&two.address, "t-two"),
    );
    // This one has no token of its own.
    let without = format!(
        "gateway:\n  address: {}\n  auth:\n    type: jupyterhub\n",
        one.address
    );
    write_private(&user.gateway_file("without"), &without);
    let assert_tokens = |stub: &Stub, token: &str| {
        for head in stub.seen() {
            let others = ["t-default", "t-environment", "t-hub", "t-one", "t-two"];
            for other in others.into_iter().filter(|other| *other != token) {
                assert!(!head.contains(other), "{other} was sent: {head}");
            }
        }
    };
    let run = |args: &[&str], code| {
        let output = user.command(args).output().expect("dgw runs");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    };
    run(&["gateways"], 8);
    assert!(one.seen().is_empty() && two.seen().is_empty());
    run(&["list", "-g", "one"], 0);
    run(&["list", "--gateway=two"], 0);
    run(&["list", "-g", "without"], 3);
    // The token of one isn't sent to the address of another.
    run(&["list", "-g", "one", "--address", &two.address], 0);
    run(&["gateways", "--check"], 8);
    run(&["list", "--all-gateways"], 8);
    let clean_up = ["shutdown", "--idle-for", "1s", "--all-gateways", "--yes"];
    run(&clean_up, 8);
    for (stub, token) in [
        (&one, "t-one"),
        (&two, "t-two"),
        (&default, ""),
        (&environment, "t-environment"),
    ] {
        assert_tokens(stub, token);
    }
    assert!(one.seen().iter().any(|head| head.contains("t-one")));
    assert!(two.seen().iter().any(|head| head.contains("t-two")));
    assert!(default.seen().is_empty(), "{:?}", default.seen());
}

#[test]
fn flag_wins_over_the_variable_and_neither_goes_with_a_file() {
    let user = User::new().configured(&with_token("http://127.0.0.1:1", "t"));
    for name in ["a", "b"] {
        let address = format!("http://127.0.0.1:1/{name}");
        write_private(&user.gateway_file(name), &with_token(&address, "t"));
    }
    let user = user.with("DGW_GATEWAY", "a");
    let default = |args: &[&str]| {
        let rows = user.json(&[&["gateways"], args].concat());
        let rows = rows.as_array().expect("rows");
        let default = rows.iter().find(|row| row["default"] == true);
        default.map(|row| row["name"].as_str().expect("a name").to_owned())
    };
    assert_eq!(default(&[]).as_deref(), Some("a"));
    assert_eq!(default(&["-g", "b"]).as_deref(), Some("b"));
    assert_eq!(default(&["-g", "default"]).as_deref(), Some("default"));
    user.dgw(&["list", "-g", "a", "--config", "x"])
        .code(2)
        .stderr_eq(str![[r#"
error: `--gateway` and `--config` exclude each other

"#]]);
    // Alone, the file wins over the variable.
    user.dgw(&["list", "--config", "/nonexistent"]).code(3);
}

#[test]
fn lists_and_cleans_up_all_gateways_though_one_has_stopped() {
    let user = HUB.user();
    let log_in = |name: &str, gateway: &TestGateway| {
        let address = gateway.fact("address");
        let login = ["login", "-g", name, "--address", address];
        let login = [&login[..], &["--username", "gateways-all"]].concat();
        let output = output_with_stdin(user.command(&login), gateway.fact("password"));
        assert!(output.status.success(), "{output:?}");
    };
    let stopping = TestGateway::start(&[]);
    log_in("work", &BASIC);
    log_in("stopping", &stopping);
    // The same gateway under another name.
    fs::copy(user.gateway_file("work"), user.gateway_file("zwork")).expect("a copy");
    let names = ["default", "work", "stopping"];
    let [hub, work, lost] = names.map(|name| user.stdout(&["new", "-q", "-g", name]));
    // Names of one's own are kept for each gateway.
    user.dgw(&["name", "-g", "default", &hub, "era5"]).success();
    user.dgw(&["name", "-g", "work", &work, "era5"]).success();
    assert_eq!(user.json(&["show", "-g", "work", "era5"])["name"], work);
    assert_eq!(user.json(&["show", "era5"])["name"], hub);
    user.dgw(&["keep", "-g", "default", &hub]).success();

    let pairs = |output: &[u8]| {
        let rows = serde_json::from_slice::<Value>(output).expect("JSON");
        let rows = rows.as_array().expect("rows").iter();
        let pair = |row: &Value| {
            let text = |field: &str| row[field].as_str().expect("a text").to_owned();
            (text("gateway"), text("name"))
        };
        rows.map(pair).collect::<Vec<_>>()
    };
    let pair = |gateway: &str, name: &str| (gateway.to_owned(), name.to_owned());
    let all = user.command(&["list", "--all-gateways", "--wide", "-o", "json"]);
    let all = { all }.output().expect("dgw runs");
    assert_eq!(
        pairs(&all.stdout),
        [
            pair("default", &hub),
            pair("stopping", &lost),
            pair("work", &work),
            pair("zwork", &work)
        ],
        "{all:?}"
    );
    assert_eq!(all.status.code(), Some(0));
    let table = user.stdout(&["list", "--all-gateways", "--sort-by", "-gateway"]);
    assert!(table.starts_with("GATEWAY "), "{table}");
    assert!(
        table
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("zwork "))
    );

    let host = stopping
        .fact("address")
        .trim_start_matches("http://")
        .to_owned();
    drop(stopping);
    let is_stopped = || std::net::TcpStream::connect(&host).is_err();
    until(is_stopped, || "the gateway does not stop".to_owned());
    let idle = ["--idle-for", "1s", "--all-gateways"];
    let run = |args: &[&str]| {
        let output = user.command(args).output().expect("dgw runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(8), "{output:?}");
        assert!(
            stderr.contains("error: 1 of 4 gateways failed\n  stopping: "),
            "{stderr}"
        );
        assert!(
            stderr.ends_with("hint: `dgw doctor -g stopping` explains how to fix it\n"),
            "{stderr}"
        );
        output.stdout
    };
    let left = run(&["list", "--all-gateways", "-o", "json"]);
    assert_eq!(pairs(&left).len(), 3);
    thread::sleep(Duration::from_secs(2));
    let selected = run(&[&["shutdown", "--dry-run", "-o", "json"], &idle[..]].concat());
    assert_eq!(
        pairs(&selected),
        [pair("work", &work)],
        "`dgw keep` protects the other"
    );
    user.dgw(&["keep", "-g", "default", &hub, "--forget"])
        .success();
    let ended = run(&[&["shutdown", "--yes", "-o", "json"], &idle[..]].concat());
    assert_eq!(pairs(&ended), [pair("default", &hub), pair("work", &work)]);
}

#[test]
fn all_gateways_are_not_one() {
    let user = User::new();
    for args in [
        &["list", "--all-gateways", "-g", "work"][..],
        &["list", "--all-gateways", "--address", "http://127.0.0.1:1"],
        &["list", "--all-gateways", "ab12"],
        &["shutdown", "--all", "--all-gateways", "--yes"],
    ] {
        user.dgw(args).code(2);
    }
    user.dgw(&["list", "--all-gateways"]).code(3);
}

#[test]
fn refuses_names_that_are_none_and_unknown_gateways() {
    let user = User::new();
    for name in [
        "a/b",
        "../gateway",
        ".",
        "a.b",
        "\u{1b}[31m",
        &"x".repeat(300),
        "",
    ] {
        user.dgw(&["list", &format!("--gateway={name}")])
            .code(2)
            .stderr_eq(str![[r#"
error: `--gateway` must be a name of letters, digits, `-` and `_`, at most 64 characters long

"#]]);
    }
    write_private(
        &user.gateway_file("work"),
        &with_token("http://127.0.0.1:1", "t"),
    );
    user.dgw(&["list", "-g", "wrok"])
        .code(3)
        .stderr_eq(str![[r#"
error: no such gateway: `wrok`
  work

hint: did you mean `-g work`?

"#]]);
    user.dgw(&["list", "-g", "other"])
        .code(3)
        .stderr_eq(str![[r#"
error: no such gateway: `other`
  work

hint: `dgw login -g other --address URL` sets it up

"#]]);
    user.with("DGW_GATEWAY", "no such")
        .dgw(&["list"])
        .code(2)
        .stderr_eq(str![[r#"
error: `DGW_GATEWAY` must be a name of letters, digits, `-` and `_`, at most 64 characters long

"#]]);
}

#[test]
fn broken_files_hide_no_other_gateway() {
    let user = User::new();
    let address = "http://127.0.0.1:1";
    write_private(
        &user.gateway_file("b-works"),
        &with_token(address, "s3cret"),
    );
    write_private(&user.gateway_file("a-broken"), "gateway: [s3cret");
    write_private(&user.gateway_file("c-without"), "gateway: {}\n");
    write_private(&user.gateway_file("d-open"), &with_token(address, "s3cret"));
    set_mode(&user.gateway_file("d-open"), 0o644);
    symlink("/dev/null", user.gateway_file("e-link")).expect("a link");
    write_private(
        &user.gateway_file("f-basic"),
        &format!(
            "gateway:\n  address: {address}\n  auth: {{type: basic, kwargs: {{username: ada, password: s3cret}}}}\n"
        ),
    );
    user.dgw(&["gateways"])
        .code(8)
        .stdout_eq(str![[r#"
NAME       DEFAULT  ADDRESS             USER  AUTH        ERROR
a-broken   -        -                   -     -           `[HOME]/.config/dask/gateways/a-broken.yaml` is not a valid dask configuration file, at line 2, column 1
b-works    -        http://[HOST]  -     jupyterhub  -
c-without  -        -                   -     -           gateway `c-without`: no gateway address is configured
d-open     -        -                   -     -           refused to use `[HOME]/.config/dask/gateways/d-open.yaml`: its mode is 644; it must be 600
e-link     -        -                   -     -           refused to use `[HOME]/.config/dask/gateways/e-link.yaml`: it is not a regular file
f-basic    -        http://[HOST]  ada   basic       -

"#]])
        .stderr_eq(str![[r#"
error: 4 of 6 gateways failed
  a-broken: `[HOME]/.config/dask/gateways/a-broken.yaml` is not a valid dask configuration file, at line 2, column 1
  c-without: gateway `c-without`: no gateway address is configured
  d-open: refused to use `[HOME]/.config/dask/gateways/d-open.yaml`: its mode is 644; it must be 600
  e-link: refused to use `[HOME]/.config/dask/gateways/e-link.yaml`: it is not a regular file

hint: `dgw doctor -g a-broken` explains how to fix it

"#]]);
    user.dgw(&["gateways", "-o", "name"])
        .code(8)
        .stdout_eq(str![[r#"
a-broken
b-works
c-without
d-open
e-link
f-basic

"#]]);
    // Below each list, which erases what was printed before.
    let args = ["list", "--all-gateways", "--watch", "1s"];
    let mut terminal = Terminal::new(&user, 80, &args);
    for _ in 0..2 {
        terminal.wait_for("gateway `a-broken`");
        terminal.wait_for("gateway `c-without`");
    }
    terminal.hang_up();
}

#[test]
fn logs_out_of_one_gateway_only() {
    let user = User::new().configured(&with_token("http://127.0.0.1:1", "t-default"));
    let file = user.gateway_file("work");
    let text =
        with_token("http://127.0.0.1:2", "t-work") + "  cluster:\n    options: {cores: 2}  # few\n";
    write_private(&file, &text);
    user.dgw(&["logout", "-g", "work"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
removed the token from `[HOME]/.config/dask/gateways/work.yaml`
the token is still valid: revoke it on your JupyterHub's token page

"#]]);
    let left = fs::read_to_string(&file).expect("the file");
    assert!(
        !left.contains("t-work") && left.contains("{cores: 2}  # few"),
        "{left}"
    );
    assert!(left.contains("address: http://127.0.0.1:2"), "{left}");
    assert_eq!(mode(&file), 0o600);
    let default = fs::read_to_string(user.configuration()).expect("the file");
    assert!(default.contains("t-default"));
    user.dgw(&["logout", "-g", "work"]).success();
    // A wrong name must not look like a logout.
    user.dgw(&["logout", "-g", "wrok"])
        .code(3)
        .stderr_eq(str![[r#"
error: no such gateway: `wrok`
  work

hint: did you mean `-g work`?

"#]]);
    assert!(!user.gateway_file("wrok").exists());
}

#[test]
fn python_code_uses_the_named_gateways_file_alone() {
    let user = HUB.user();
    let address = BASIC.fact("address");
    let name = "gateways-python";
    let login = [
        "login",
        "-g",
        "work",
        "--address",
        address,
        "--username",
        name,
    ];
    let output = output_with_stdin(user.command(&login), BASIC.fact("password"));
    assert!(output.status.success(), "{output:?}");
    let cluster = user.stdout(&["new", "-q", "-g", "work"]);
    // A connected shell, COMMAND, and hints lead to the same gateway.
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let script = format!(
        "{dgw} connect -g work -- sh -c 'echo $DGW_GATEWAY'; \
         eval \"$({dgw} connect -q -g work --export)\"; echo $DGW_GATEWAY; {dgw} show -o name; \
         eval \"$({dgw} connect -q --unexport)\"; echo ${{DGW_GATEWAY-none}}"
    );
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .envs(user.environment());
    let output = shell.output().expect("sh runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = printed.lines().collect::<Vec<_>>();
    assert_eq!(lines, ["work", "work", &cluster, "none"], "{output:?}");
    user.dgw(&["show", "-g", "work", "ffff"])
        .code(5)
        .stderr_eq(str![[r#"
error: no cluster matches `ffff`
  [NAME]  RUNNING   [..]

hint: `dgw -g work list --all` also lists clusters that have ended

"#]]);
    let user = user.with("DGW_GATEWAY", "work");
    let text = user.stdout(&["connect"]);
    let code = text.split_once("\n\n").expect("code").1;
    let code = format!("{code}\nprint(cluster.name, len(Gateway().list_clusters()))");
    let mut python = std::process::Command::new(BASIC.python());
    python
        .args(["-c", &code])
        .env_clear()
        .envs(user.environment());
    let output = python.output().expect("Python runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(printed.trim_end(), format!("{cluster} 1"), "{output:?}");
    // COMMAND's own dgw talks to the same gateway.
    let inner = env!("CARGO_BIN_EXE_dgw");
    let listed = user.stdout(&["connect", "-g", "work", "--", inner, "list", "-o", "name"]);
    assert_eq!(listed, cluster);
    user.dgw(&["shutdown", &cluster]).success();
}

#[test]
fn says_that_no_password_is_configured_after_a_logout() {
    let user = BASIC.user();
    user.dgw(&["logout"]).success();
    user.dgw(&["list"]).code(4).stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` requires a password, and none is configured

hint: `dgw login` saves one

"#]]);
}
