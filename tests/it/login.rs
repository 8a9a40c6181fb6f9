//! `dgw login`

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::termios::{LocalModes, tcgetattr};
use snapbox::{IntoData, str};

use crate::support::{
    BASIC, HUB, Stub, Terminal, User, answer, json_answer, output_with_stdin, set_mode,
    write_private,
};

fn token(number: usize) -> &'static str {
    let token = HUB.facts["users"][number]["token"].as_str();
    token.expect("a token")
}

/// Runs `dgw ARGS` with `secret` on stdin, and checks the exit code and stderr; stdout must be empty.
fn assert_login(user: &User, args: &[&str], secret: &str, code: i32, stderr: impl IntoData) {
    let output = output_with_stdin(user.command(args), secret);
    let messages = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(code), 0),
        "{messages}"
    );
    user.assert().eq(messages, stderr);
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("the file exists");
    metadata.permissions().mode() & 0o7777
}

fn configuration(user: &User) -> String {
    fs::read_to_string(user.configuration()).expect("the configuration")
}

/// Asserts that the configuration is still `text`, with no other file beside it.
fn assert_unchanged(user: &User, text: &str) {
    assert_eq!(configuration(user), text);
    let directory = user.configuration();
    let directory = directory.parent().expect("a directory");
    let files = fs::read_dir(directory)
        .expect("the directory can be listed")
        .count();
    assert_eq!(files, 1, "leftover files");
}

#[test]
fn saves_a_token_that_works() {
    let user = User::new();
    assert_login(
        &user,
        &["login", "--address", HUB.fact("address")],
        token(0),
        0,
        str![[r#"
logged in to `http://[HOST]/services/dask-gateway` as `[USER]`
saved the credentials in `[HOME]/.config/dask/gateway.yaml` (mode 600)
warning: programs can't connect to this gateway's clusters: `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS; ask the gateway's administrators for its address, and save it with `dgw login --force --proxy-address HOST:PORT`

"#]],
    );
    user.assert().eq(
        configuration(&user).replace(token(0), "[TOKEN]"),
        str![[r#"
gateway:
  address: http://[HOST]/services/dask-gateway
  auth:
    type: jupyterhub
    kwargs:
      api_token: "[TOKEN]"

"#]],
    );
    assert_eq!(mode(&user.configuration()), 0o600);
    assert_eq!(mode(&user.home().join(".config/dask")), 0o700);
    user.dgw(&["list"]).success();
    // A second login overwrites only with `--force`.
    assert_login(
        &user,
        &["login"],
        token(1),
        2,
        str![[r#"
error: `[HOME]/.config/dask/gateway.yaml` already holds a token; nothing was changed

hint: use `--force` to overwrite it

"#]],
    );
    assert_login(
        &user,
        &["login", "--force"],
        token(1),
        0,
        str![[r#"
logged in to `http://[HOST]/services/dask-gateway` as `[USER]`
saved the credentials in `[HOME]/.config/dask/gateway.yaml` (mode 600)
warning: programs can't connect to this gateway's clusters: `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS; ask the gateway's administrators for its address, and save it with `dgw login --force --proxy-address HOST:PORT`

"#]],
    );
    assert!(configuration(&user).contains(token(1)));
    assert!(!configuration(&user).contains(token(0)));
    user.dgw(&["list"]).success();
}

#[test]
fn distinguishes_bad_credentials_and_saves_none() {
    let user = User::new();
    let args = ["login", "--address", HUB.fact("address")];
    assert_login(
        &user,
        &args,
        "0123456789abcdef",
        4,
        str![[r#"
error: the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked

hint: nothing was saved: create a new token at http://[HOST]/hub/token

"#]],
    );
    assert_login(
        &user,
        &args,
        HUB.fact("revoked_token"),
        4,
        str![[r#"
error: the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked

hint: nothing was saved: create a new token at http://[HOST]/hub/token

"#]],
    );
    assert_login(
        &user,
        &args,
        HUB.fact("token_without_scope"),
        4,
        str![[r#"
error: the gateway at `http://[HOST]/services/dask-gateway` did not accept the JupyterHub token

hint: nothing was saved: create a new token at http://[HOST]/hub/token; check that it has access to the gateway's service (the scope `access:services!service=…`)

"#]],
    );
    assert_login(
        &user,
        &args,
        "",
        2,
        str![[r#"
error: the token is empty, or contains a space, a line break or a character that isn't ASCII

"#]],
    );
    assert_login(
        &user,
        &args,
        "two words",
        2,
        str![[r#"
error: the token is empty, or contains a space, a line break or a character that isn't ASCII

"#]],
    );
    assert_login(
        &user,
        &args,
        "one\nand another",
        2,
        str![[r#"
error: stdin holds more than one line: give only the secret

"#]],
    );
    let args = ["login", "--address", BASIC.fact("address")];
    assert_login(
        &user,
        &args,
        "wrong",
        4,
        str![[r#"
error: the gateway at `http://[HOST]` did not accept the user name and password

hint: nothing was saved: try again

"#]],
    );
    assert!(!user.home().join(".config").exists());
}

#[test]
fn rejects_wrong_addresses_before_asking_for_credentials() {
    let user = User::new();
    let root = HUB.fact("address").replace("/services/dask-gateway", "");
    assert_login(
        &user,
        &["login", "--address", &root],
        token(0),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/options` did not respond like a Dask gateway: it redirects to `http://[HOST]/hub/api/v1/options`

hint: check `--address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    let home = format!("{root}/hub/home");
    assert_login(
        &user,
        &["login", "--address", &home],
        token(0),
        9,
        str![[r#"
error: `http://[HOST]/hub/home/api/v1/options` did not respond like a Dask gateway: 404 Not Found, with a web page

hint: check `--address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    let unreachable = "http://127.0.0.1:1";
    assert_login(
        &user,
        &["login", "--address", unreachable],
        token(0),
        9,
        str![[r#"
error: can't reach the gateway at `http://[HOST]`
  Connection refused (os error 111)

hint: check `--address`, and whether this machine can reach it (VPN, firewall, proxy)

"#]],
    );
    let page = Stub::always(answer("200 OK", "Content-Type: text/html\r\n", "<html>"));
    assert_login(
        &user,
        &["login", "--address", &page.address],
        "x",
        9,
        str![[r#"
error: `http://[HOST]/api/v1/options` did not respond like a Dask gateway: it is a web page

hint: check `--address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_login(
        &user,
        &["login", "--address", "gateway"],
        "x",
        2,
        str![[r#"
error: `--address` has no scheme: write `https://…` or `http://…`

"#]],
    );
    assert_login(
        &user,
        &["login"],
        "x",
        3,
        str![[r#"
error: no gateway address is configured

hint: `dgw login --address https://gateway.example.org` configures one

"#]],
    );
    let digest = answer("401 Unauthorized", "WWW-Authenticate: Digest\r\n", "");
    let digest = Stub::always(digest);
    assert_login(
        &user,
        &["login", "--address", &digest.address],
        "x",
        4,
        str![[r#"
error: the gateway requires digest authentication, which dgw does not support

"#]],
    );
    for head in [page.seen(), digest.seen()].concat() {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
}

#[test]
fn hides_a_typed_password() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login", "--address", BASIC.fact("address")]);
    let shown = terminal.wait_for("user name [nobody-special]: ");
    assert!(
        shown.contains("accepts a user name and a password"),
        "{shown}"
    );
    terminal.type_("ada\n");
    terminal.wait_for("password (input is hidden): ");
    terminal.type_(&format!("{}\n", BASIC.fact("password")));
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(BASIC.fact("password")), "{shown}");
    assert!(shown.contains("logged in to"), "{shown}");
    assert!(configuration(&user).contains("username: \"ada\""));
    user.dgw(&["list"]).success();
}

#[test]
fn asks_for_the_address_if_none_is_configured() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login"]);
    terminal.wait_for("address of the gateway: ");
    terminal.type_(&format!("{}\n", HUB.fact("address")));
    let shown = terminal.wait_for("token (input is hidden): ");
    assert!(shown.contains("/hub/token"), "{shown}");
    terminal.type_(&format!("{}\n", token(2)));
    let prompt = "address of the scheduler proxy (HOST:PORT, or Enter to go on without it): ";
    terminal.wait_for(prompt);
    assert!(configuration(&user).contains(token(2)));
    terminal.type_("8786\n");
    let shown = terminal.wait_for(prompt);
    assert!(shown.contains("it must be HOST:PORT"), "{shown}");
    terminal.type_("127.0.0.1:1\n");
    let shown = terminal.wait_for(prompt);
    assert!(shown.contains("Connection refused"), "{shown}");
    let proxy = BASIC.fact("address").trim_start_matches("http://");
    terminal.type_(&format!("gateway://{proxy}\n"));
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(token(2)), "{shown}");
    let saved = configuration(&user);
    assert!(
        saved.contains(proxy) && !saved.contains("127.0.0.1:1\n"),
        "{saved}"
    );
    user.dgw(&["list"]).success();
}

#[test]
fn restores_echo_after_an_interrupt() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login", "--address", HUB.fact("address")]);
    terminal.wait_for("token (input is hidden): ");
    let echoes = |terminal: &Terminal| {
        let modes = tcgetattr(&terminal.pty).expect("the terminal's modes");
        modes.local_modes.contains(LocalModes::ECHO)
    };
    assert!(!echoes(&terminal));
    terminal.type_("\x03");
    terminal.wait_for("nothing was saved");
    assert!(echoes(&terminal));
    assert_eq!(terminal.rest().1, Some(130));
    assert!(!user.home().join(".config").exists());
}

#[test]
fn hides_the_token_after_ctrl_z_and_fg() {
    let user = User::new();
    let mut shell = Terminal::running(&user, 80, "bash", &["--norc", "-i"]);
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let address = HUB.fact("address");
    shell.type_(&format!("{dgw} login --address {address}\n"));
    shell.wait_for("token (input is hidden): ");
    shell.type_("\x1a");
    shell.wait_for("Stopped");
    shell.type_("echo in $((1 + 1))etween\n");
    shell.wait_for("in 2etween");
    shell.type_("fg\n");
    // The prompt is repeated.
    shell.wait_for("token (input is hidden): ");
    shell.type_(&format!("{}\n", token(2)));
    let shown = shell.wait_for("or Enter to go on without it): ");
    assert!(
        shown.contains("logged in to") && !shown.contains(token(2)),
        "{shown}"
    );
    shell.type_("\nexit\n");
    assert_eq!(shell.rest().1, Some(0));
    user.dgw(&["list"]).success();
}

#[test]
fn fills_in_the_template_that_dask_writes() {
    let user = User::new();
    let import = |script: &str| {
        let output = Command::new(HUB.python())
            .args(["-c", script])
            .env_clear()
            .envs(user.environment())
            .output()
            .expect("Python runs");
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{messages}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    import("import os; os.umask(0o022); import dask_gateway");
    let template = configuration(&user);
    assert_eq!(mode(&user.configuration()), 0o644);
    assert!(template.starts_with("# gateway:"), "{template}");
    assert_login(
        &user,
        &["login", "--address", HUB.fact("address")],
        token(9),
        0,
        str![[r#"
logged in to `http://[HOST]/services/dask-gateway` as `[USER]`
saved the credentials in `[HOME]/.config/dask/gateway.yaml` (mode 600; it was 644)
warning: programs can't connect to this gateway's clusters: `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS; ask the gateway's administrators for its address, and save it with `dgw login --force --proxy-address HOST:PORT`

"#]],
    );
    assert_eq!(mode(&user.configuration()), 0o600);
    let filled = configuration(&user);
    assert!(filled.starts_with("gateway:\n  address: http"), "{filled}");
    assert!(filled.ends_with(&format!("\n\n{template}")), "{filled}");
    user.dgw(&["list"]).success();
    // Python's client reads the same file.
    let clusters = import("import dask_gateway; print(dask_gateway.Gateway().list_clusters())");
    assert_eq!(clusters.trim(), "[]");
}

#[test]
fn keeps_comments_and_other_keys() {
    let text = "# mine\ndistributed:\n  worker: {a: 1}\ngateway:\n    # where\n    address: http://old   # here\n    \
                auth:\n        type: basic  # was\n        kwargs:\n            password: old # secret\n    \
                cluster:\n        options: {worker_cores: 2}\n# end\n";
    let user = User::new().configured(text);
    set_mode(&user.configuration(), 0o644);
    let args = ["login", "--address", HUB.fact("address"), "--force"];
    assert_login(
        &user,
        &args,
        token(4),
        0,
        str![[r#"
logged in to `http://[HOST]/services/dask-gateway` as `[USER]`
saved the credentials in `[HOME]/.config/dask/gateway.yaml` (mode 600; it was 644)
warning: the previous secret was readable by others: make sure that it is revoked
warning: programs can't connect to this gateway's clusters: `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS; ask the gateway's administrators for its address, and save it with `dgw login --force --proxy-address HOST:PORT`

"#]],
    );
    user.assert().eq(
        configuration(&user).replace(token(4), "[TOKEN]"),
        str![[r##"
# mine
distributed:
  worker: {a: 1}
gateway:
    # where
    address: http://[HOST]/services/dask-gateway   # here
    auth:
        type: jupyterhub  # was
        kwargs:
            api_token: "[TOKEN]"
    cluster:
        options: {worker_cores: 2}
# end

"##]],
    );
    assert_eq!(
        user.stdout(&["options", "-o", "json"])
            .matches("\"your_default\": 2")
            .count(),
        1
    );
}

#[test]
fn prints_the_lines_to_add_if_the_file_cannot_be_edited() {
    let text = "gateway: {address: http://127.0.0.1:1}\n";
    let user = User::new().configured(text);
    let args = ["login", "--address", HUB.fact("address"), "--force"];
    assert_login(
        &user,
        &args,
        token(4),
        3,
        str![[r#"
error: can't edit `[HOME]/.config/dask/gateway.yaml` safely; it was left unchanged

hint: add these lines to it yourself, with the secret, and run `chmod 600` on it:

gateway:
  address: http://[HOST]/services/dask-gateway
  auth:
    type: jupyterhub
    kwargs:
      api_token: "…"

"#]],
    );
    assert_unchanged(&user, text);
    let json = "{\"distributed\": 1}";
    let user = User::new();
    let path = user.home().join("site.json");
    write_private(&path, json);
    let user = user.with("DASK_CONFIG", &path.display().to_string());
    assert_login(
        &user,
        &["login", "--address", HUB.fact("address")],
        token(4),
        3,
        str![[r#"
error: can't edit `[HOME]/site.json` safely; it was left unchanged

hint: add these lines to it yourself, with the secret, and run `chmod 600` on it:

gateway:
  address: http://[HOST]/services/dask-gateway
  auth:
    type: jupyterhub
    kwargs:
      api_token: "…"

"#]],
    );
    assert_eq!(fs::read_to_string(path).expect("the file exists"), json);
}

#[test]
fn refuses_files_that_others_may_have_written() {
    let text = format!("gateway:\n  address: {}\n", HUB.fact("address"));
    let user = User::new().configured(&text);
    set_mode(&user.configuration(), 0o664);
    assert_login(
        &user,
        &["login"],
        token(5),
        3,
        str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: its mode is 664; it must be 600

hint: chmod 600 [HOME]/.config/dask/gateway.yaml  (importing dask_gateway in Python leaves a template there with mode 644)

"#]],
    );
    assert_unchanged(&user, &text);

    set_mode(&user.configuration(), 0o600);
    let directory = user.home().join(".config/dask");
    set_mode(&directory, 0o770);
    assert_login(
        &user,
        &["login"],
        token(5),
        3,
        str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: its directory is writable by others (mode 770)

hint: chmod go-w [HOME]/.config/dask

"#]],
    );
    set_mode(&directory, 0o700);
    assert_unchanged(&user, &text);

    let elsewhere = user.home().join("elsewhere.yaml");
    fs::rename(user.configuration(), &elsewhere).expect("moved");
    symlink(&elsewhere, user.configuration()).expect("linked");
    // The target is judged, and written.
    set_mode(user.home(), 0o775);
    let output = output_with_stdin(user.command(&["login"]), token(5));
    assert_eq!(output.status.code(), Some(3));
    assert_unchanged(&user, &text);
    set_mode(user.home(), 0o700);
    assert_login(
        &user,
        &["login"],
        token(5),
        0,
        str![[r#"
logged in to `http://[HOST]/services/dask-gateway` as `[USER]`
saved the credentials in `[HOME]/.config/dask/gateway.yaml` (mode 600)
warning: programs can't connect to this gateway's clusters: `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS; ask the gateway's administrators for its address, and save it with `dgw login --force --proxy-address HOST:PORT`

"#]],
    );
    assert!(user.configuration().is_symlink());
    assert_eq!(mode(&elsewhere), 0o600);
    assert!(
        fs::read_to_string(&elsewhere)
            .expect("read")
            .contains("api_token")
    );
    user.dgw(&["list"]).success();

    fs::remove_file(user.configuration()).expect("removed");
    write_private(&user.configuration(), &text);
    // Only root can give a file away.
    if chown(user.configuration(), Some(12_345), None).is_ok() {
        assert_login(
            &user,
            &["login"],
            token(5),
            3,
            str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: it belongs to another user (uid 12345)

hint: replace it with a copy of your own, with mode 600

"#]],
        );
        assert_unchanged(&user, &text);
    }
}

#[test]
fn refuses_unwritable_directories_before_asking_for_credentials() {
    const OTHER_USER: u32 = 12_345;
    let user = User::new();
    let directory = user.home().join(".config/dask");
    fs::create_dir_all(&directory).expect("a directory");
    set_mode(&directory, 0o500);
    let mut command = user.command(&["login", "--address", HUB.fact("address")]);
    if rustix::process::geteuid().is_root() {
        for path in [user.home(), &user.home().join(".config"), &directory] {
            chown(path, Some(OTHER_USER), None).expect("root can change the owner");
        }
        command.uid(OTHER_USER);
    }
    let output = output_with_stdin(command, token(5));
    assert_eq!(output.status.code(), Some(1));
    user.assert()
        .eq(String::from_utf8(output.stderr).expect("UTF-8"), str![[r#"
error: can't write `[HOME]/.config/dask/gateway.yaml`, so nothing was changed: Permission denied (os error 13)

hint: correct that, or name another file with `--config`

"#]]);
}

#[test]
fn full_disk_loses_nothing() {
    let text = "# mine\ndistributed: {a: 1}\n";
    let user = User::new().configured(text);
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let address = HUB.fact("address");
    // A file size limit of 0 acts like a full disk, for this process alone.
    let script = format!("trap '' XFSZ; ulimit -f 0; exec {dgw} login --address {address}");
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .env_clear()
        .envs(user.environment());
    let output = output_with_stdin(command, token(5));
    assert_eq!(output.status.code(), Some(1));
    user.assert()
        .eq(String::from_utf8(output.stderr).expect("UTF-8"), str![[r#"
error: can't write `[HOME]/.config/dask/gateway.yaml`, so nothing was changed: File too large (os error 27)

hint: correct that, or name another file with `--config`

"#]]);
    assert_unchanged(&user, text);
    let directory = user.home().join(".config/dask");
    let files = fs::read_dir(directory).expect("a directory").count();
    assert_eq!(files, 1, "no temporary file is left");
}

#[test]
fn quotes_braces_and_quotation_marks_in_a_password() {
    let password = "p{w}'\"\\ # {{x: ";
    let expected = format!("Basic {}", STANDARD.encode(format!("ada:{password}")));
    let stub = Stub::new(move |head| {
        let options = json_answer(r#"{"cluster_options": []}"#);
        if head.contains(&expected) {
            if head.contains("options") {
                options
            } else {
                json_answer("{}")
            }
        } else {
            answer("401 Unauthorized", "WWW-Authenticate: Basic\r\n", "")
        }
    });
    let user = User::new();
    let args = [
        "login",
        "--address",
        &stub.address,
        "--username",
        "ada",
        "-vvv",
    ];
    let output = output_with_stdin(user.command(&args), password);
    let messages = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{messages}");
    assert!(
        messages.contains("* GET") && !messages.contains("p{w}"),
        "{messages}"
    );
    assert!(!messages.contains(&STANDARD.encode(format!("ada:{password}"))));
    user.dgw(&["list"]).success();
    let script = "from dask_gateway.auth import get_auth; print(get_auth().password, end='')";
    let output = Command::new(BASIC.python())
        .args(["-c", script])
        .env_clear()
        .envs(user.environment())
        .output()
        .expect("Python runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), password);
}

#[test]
fn writes_the_file_that_is_named() {
    let user = User::new();
    let directory = user.home().join("conf");
    let path = directory.display().to_string();
    let address = HUB.fact("address");
    let args = ["login", "--config", &path, "--address", address];
    let output = output_with_stdin(user.command(&args), token(6));
    assert!(output.status.success());
    assert_eq!(mode(&directory.join("gateway.yaml")), 0o600);
    assert!(!user.home().join(".config").exists());

    let file = user.home().join("mine.yaml").display().to_string();
    set_mode(user.home(), 0o700);
    let user = user.with("DASK_CONFIG", &file);
    let output = output_with_stdin(user.command(&["login", "--address", address]), token(6));
    assert!(output.status.success());
    assert_eq!(mode(Path::new(&file)), 0o600);
    user.dgw(&["list"]).success();
}

#[test]
fn warns_about_overriding_and_leftover_settings() {
    let user = User::new()
        .configured("gateway:\n  address: http://old\n  proxy-address: old:8786\n")
        .with("DASK_GATEWAY__AUTH__KWARGS__API_TOKEN", "another");
    let args = ["login", "--address", HUB.fact("address"), "--force"];
    assert_login(
        &user,
        &args,
        token(7),
        0,
        str![[r#"
logged in to `http://[HOST]/services/dask-gateway` as `[USER]`
saved the credentials in `[HOME]/.config/dask/gateway.yaml` (mode 600)
warning: `gateway.auth.kwargs.api_token` (DASK_GATEWAY__AUTH__KWARGS__API_TOKEN) overrides what was saved: remove it
warning: `gateway.proxy-address` ([HOME]/.config/dask/gateway.yaml) is still set: check that it belongs to this gateway
warning: programs can't connect to this gateway's clusters: can't connect to the scheduler proxy at `old:8786`: failed to lookup address information: Name or service not known; ask the gateway's administrators for its address, and save it with `dgw login --force --proxy-address HOST:PORT`

"#]],
    );
}

#[test]
fn tries_the_scheduler_proxy_and_saves_its_address() {
    let page = Stub::tcp(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let user = User::new();
    let login = |proxy: &str| {
        let args = [
            "login",
            "--address",
            BASIC.fact("address"),
            "--username",
            "ada",
            "--force",
        ];
        let args = [&args[..], &["--proxy-address", proxy]].concat();
        let output = output_with_stdin(user.command(&args), BASIC.fact("password"));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), stderr)
    };
    for (proxy, cause) in [
        (&*page, "does not speak TLS"),
        ("127.0.0.1:1", "Connection refused"),
    ] {
        let (code, stderr) = login(proxy);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(
            stderr.contains("warning: programs can't connect"),
            "{stderr}"
        );
        assert!(stderr.contains(proxy) && stderr.contains(cause), "{stderr}");
        assert!(configuration(&user).contains(proxy));
    }
    let gateway = BASIC.fact("address").trim_start_matches("http://");
    let (code, stderr) = login(&format!("gateway://{gateway}"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!stderr.contains("scheduler proxy"), "{stderr}");
    assert!(configuration(&user).contains(gateway));
    for wrong in ["8786", "host", "host:99999", ":1"] {
        let (code, stderr) = login(wrong);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("must be HOST:PORT"), "{stderr}");
    }
}

#[test]
fn saves_only_the_token_if_the_site_configures_the_address() {
    let user = User::new();
    let site = user.home().join("site");
    fs::create_dir(&site).expect("a directory");
    let text = format!("gateway:\n  address: {}\n", HUB.fact("address"));
    fs::write(site.join("gateway.yaml"), text).expect("written");
    let user = user.with("DASK_ROOT_CONFIG", &site.display().to_string());
    let output = output_with_stdin(user.command(&["login"]), token(8));
    assert!(output.status.success());
    assert!(!configuration(&user).contains("address"));
    user.dgw(&["list"]).success();
}

#[test]
fn warns_about_secrets_sent_unencrypted() {
    let proxy = Stub::new(|head| {
        if head.contains("uthorization") {
            json_answer(r#"{"cluster_options": []}"#)
        } else {
            answer("401 Unauthorized", "WWW-Authenticate: jupyterhub\r\n", "")
        }
    });
    let user = User::new().with("HTTP_PROXY", &proxy.address);
    let args = ["login", "--address", "http://gateway.invalid"];
    assert_login(
        &user,
        &args,
        "t0ken",
        0,
        str![[r#"
warning: dgw sends your token to `gateway.invalid` unencrypted, because the gateway's address is http://
logged in to `http://gateway.invalid`
saved the credentials in `[HOME]/.config/dask/gateway.yaml` (mode 600)
warning: programs can't connect to this gateway's clusters: can't connect to the scheduler proxy at `gateway.invalid:80`: failed to lookup address information: Name or service not known; ask the gateway's administrators for its address, and save it with `dgw login --force --proxy-address HOST:PORT`

"#]],
    );
}

#[test]
fn rejects_empty_stdin() {
    let stub = Stub::new(|head| {
        assert!(!head.contains("uthorization"), "{head}");
        answer(
            "401 Unauthorized",
            "WWW-Authenticate: Basic\r\n",
            r#"{"error": "Authentication required"}"#,
        )
    });
    let user = User::new();
    // `User::dgw` sets stdin to /dev/null.
    user.dgw(&["login", "--address", &stub.address, "--username", "ada"])
        .code(2)
        .stdout_eq("")
        .stderr_eq("error: no password on stdin\n");
    assert!(!user.configuration().exists());
    assert!(
        !stub
            .seen()
            .iter()
            .any(|head| head.to_lowercase().contains("authorization"))
    );
}

#[test]
fn does_not_blame_a_flag_for_a_bad_answer() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login"]);
    terminal.wait_for("address of the gateway: ");
    terminal.type_("ftp://x\n");
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("the address of the gateway "), "{shown}");
    assert!(!shown.contains("--address"), "{shown}");
    // Ctrl-D ends the input.
    let mut terminal = Terminal::new(&user, 80, &["login"]);
    terminal.wait_for("address of the gateway: ");
    terminal.type_("\u{4}");
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(2), "{shown}");
    assert!(
        shown.contains("no address of the gateway on stdin"),
        "{shown}"
    );
}
