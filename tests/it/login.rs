//! `dgw login`

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::termios::{LocalModes, tcgetattr};
use snapbox::{IntoData, str};

use crate::support::{
    BASIC, HUB, Stub, Terminal, User, answer, json_answer, set_mode, write_private,
};

fn token(number: usize) -> &'static str {
    let token = HUB.facts["users"][number]["token"].as_str();
    token.expect("a token")
}

/// What `command` does with `secret` on its stdin.
fn given(mut command: Command, secret: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dgw starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // It may be refused before anybody reads it.
    let _ = writeln!(stdin, "{secret}");
    drop(stdin);
    child.wait_with_output().expect("dgw ends")
}

/// What `dgw ARGS` says to `secret`, and how it ends; nothing ever goes to stdout.
fn says(user: &User, args: &[&str], secret: &str, code: i32, stderr: impl IntoData) {
    let output = given(user.command(args), secret);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(code), 0),
        "{said}"
    );
    user.assert().eq(said, stderr);
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o7777
}

fn configuration(user: &User) -> String {
    fs::read_to_string(user.configuration()).expect("the configuration")
}

/// Nothing but what was there before.
fn is_untouched(user: &User, text: &str) {
    assert_eq!(configuration(user), text);
    let folder = user.configuration();
    let folder = folder.parent().expect("a folder");
    let files = fs::read_dir(folder).expect("it can be listed").count();
    assert_eq!(files, 1, "no leftovers");
}

#[test]
fn a_token_is_tried_and_kept() {
    let user = User::new();
    says(
        &user,
        &["login", "--address", HUB.fact("address")],
        token(0),
        0,
        str![[r#"
you are logged in as `[..]` at `http://[HOST]/services/dask-gateway`
`[HOME]/.config/dask/gateway.yaml` is written, with mode 600

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
    // Once more is refused, unless it is meant.
    says(
        &user,
        &["login"],
        token(1),
        2,
        str![[r#"
error: `[HOME]/.config/dask/gateway.yaml` already holds a token; nothing was changed

hint: `--force` overwrites it

"#]],
    );
    says(
        &user,
        &["login", "--force"],
        token(1),
        0,
        str![[r#"
you are logged in as `[..]` at `http://[HOST]/services/dask-gateway`
`[HOME]/.config/dask/gateway.yaml` is written, with mode 600

"#]],
    );
    assert!(configuration(&user).contains(token(1)));
    assert!(!configuration(&user).contains(token(0)));
    user.dgw(&["list"]).success();
}

#[test]
fn what_does_not_work_is_told_apart_and_not_kept() {
    let user = User::new();
    let args = ["login", "--address", HUB.fact("address")];
    says(
        &user,
        &args,
        "0123456789abcdef",
        4,
        str![[r#"
error: the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked

hint: nothing was written: create a new token at http://[HOST]/hub/token

"#]],
    );
    says(
        &user,
        &args,
        HUB.fact("revoked_token"),
        4,
        str![[r#"
error: the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked

hint: nothing was written: create a new token at http://[HOST]/hub/token

"#]],
    );
    says(
        &user,
        &args,
        HUB.fact("token_without_scope"),
        4,
        str![[r#"
error: the token is valid, but lacks access to the gateway at `http://[HOST]/services/dask-gateway`, a service of its JupyterHub

hint: nothing was written: create a new token at http://[HOST]/hub/token, without narrowing its scopes; if that one is refused too, ask the hub's administrators for the scope `access:services!service=…` of the gateway

"#]],
    );
    says(
        &user,
        &args,
        "",
        2,
        str![[r#"
error: the token is empty, or contains a space, a line break or a character that isn't ASCII

"#]],
    );
    says(
        &user,
        &args,
        "two words",
        2,
        str![[r#"
error: the token is empty, or contains a space, a line break or a character that isn't ASCII

"#]],
    );
    says(
        &user,
        &args,
        "one\nand another",
        2,
        str![[r#"
error: stdin holds more than one line: give only the secret

"#]],
    );
    let args = ["login", "--address", BASIC.fact("address")];
    says(
        &user,
        &args,
        "wrong",
        4,
        str![[r#"
error: the gateway at `http://[HOST]` did not accept the user name and password

hint: nothing was written: try again

"#]],
    );
    assert!(!user.home().join(".config").exists());
}

#[test]
fn a_wrong_address_is_found_out_before_anybody_is_asked() {
    let user = User::new();
    let root = HUB.fact("address").replace("/services/dask-gateway", "");
    says(
        &user,
        &["login", "--address", &root],
        token(0),
        9,
        str![[r#"
error: the response from `http://[HOST]/api/v1/options` is not a gateway's: it redirects to `http://[HOST]/hub/api/v1/options`

hint: a gateway responds at `http://[HOST]/services/dask-gateway`: `dgw login --address http://[HOST]/services/dask-gateway`

"#]],
    );
    let home = format!("{root}/hub/home");
    says(
        &user,
        &["login", "--address", &home],
        token(0),
        9,
        str![[r#"
error: the response from `http://[HOST]/hub/home/api/v1/options` is not a gateway's: 404 Not Found, with a web page

hint: a gateway responds at `http://[HOST]/services/dask-gateway`: `dgw login --address http://[HOST]/services/dask-gateway`

"#]],
    );
    let nobody = "http://127.0.0.1:1";
    says(
        &user,
        &["login", "--address", nobody],
        token(0),
        9,
        str![[r#"
error: can't reach the gateway at `http://[HOST]`
  Connection refused (os error 111)

hint: check `--address`, and whether this machine can reach it (VPN, firewall, proxy)

"#]],
    );
    let page = Stub::always(answer("200 OK", "Content-Type: text/html\r\n", "<html>"));
    says(
        &user,
        &["login", "--address", &page.address],
        "x",
        9,
        str![[r#"
error: the response from `http://[HOST]/api/v1/options` is not a gateway's: it is a web page

hint: check `--address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    says(
        &user,
        &["login", "--address", "gateway"],
        "x",
        2,
        str![[r#"
error: `--address` has no scheme: write `https://…` or `http://…`

"#]],
    );
    says(
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
    says(
        &user,
        &["login", "--address", &digest.address],
        "x",
        4,
        str![[r#"
error: the gateway wants digest authentication, which this dgw doesn't know

"#]],
    );
    for head in [page.seen(), digest.seen()].concat() {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
}

#[test]
fn a_password_is_typed_unseen() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login", "--address", BASIC.fact("address")]);
    let shown = terminal.wait_for("user name [nobody-special]: ");
    assert!(
        shown.contains("takes a user name and a password"),
        "{shown}"
    );
    terminal.type_("ada\n");
    terminal.wait_for("password (it isn't shown): ");
    terminal.type_(&format!("{}\n", BASIC.fact("password")));
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(BASIC.fact("password")), "{shown}");
    assert!(shown.contains("you are logged in"), "{shown}");
    assert!(configuration(&user).contains("username: \"ada\""));
    user.dgw(&["list"]).success();
}

#[test]
fn an_address_is_asked_for_where_none_is_known() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login"]);
    terminal.wait_for("address of the gateway: ");
    terminal.type_(&format!("{}\n", HUB.fact("address")));
    let shown = terminal.wait_for("token (it isn't shown): ");
    assert!(shown.contains("/hub/token"), "{shown}");
    terminal.type_(&format!("{}\n", token(2)));
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(token(2)), "{shown}");
    user.dgw(&["list"]).success();
}

#[test]
fn an_interrupt_at_the_prompt_gives_the_echo_back() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login", "--address", HUB.fact("address")]);
    terminal.wait_for("token (it isn't shown): ");
    let echoes = |terminal: &Terminal| {
        let modes = tcgetattr(&terminal.pty).expect("the terminal's modes");
        modes.local_modes.contains(LocalModes::ECHO)
    };
    assert!(!echoes(&terminal));
    terminal.type_("\x03");
    terminal.wait_for("nothing was written");
    assert!(echoes(&terminal));
    assert_eq!(terminal.rest().1, Some(130));
    assert!(!user.home().join(".config").exists());
}

#[test]
fn the_token_stays_hidden_after_a_stop() {
    let user = User::new();
    let mut shell = Terminal::running(&user, 80, "bash", &["--norc", "-i"]);
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let address = HUB.fact("address");
    shell.type_(&format!("{dgw} login --address {address}\n"));
    shell.wait_for("token (it isn't shown): ");
    shell.type_("\x1a");
    shell.wait_for("Stopped");
    shell.type_("echo in $((1 + 1))etween\n");
    shell.wait_for("in 2etween");
    shell.type_("fg\n");
    // Asked again.
    shell.wait_for("token (it isn't shown): ");
    shell.type_(&format!("{}\n", token(2)));
    let shown = shell.wait_for("you are logged in");
    assert!(!shown.contains(token(2)), "{shown}");
    shell.type_("exit\n");
    assert_eq!(shell.rest().1, Some(0));
    user.dgw(&["list"]).success();
}

#[test]
fn the_template_that_dask_leaves_is_filled_in() {
    let user = User::new();
    let import = |script: &str| {
        let output = Command::new(HUB.python())
            .args(["-c", script])
            .env_clear()
            .envs(user.environment())
            .output()
            .expect("Python runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    import("import os; os.umask(0o022); import dask_gateway");
    let template = configuration(&user);
    assert_eq!(mode(&user.configuration()), 0o644);
    assert!(template.starts_with("# gateway:"), "{template}");
    says(
        &user,
        &["login", "--address", HUB.fact("address")],
        token(9),
        0,
        str![[r#"
you are logged in as `[..]` at `http://[HOST]/services/dask-gateway`
`[HOME]/.config/dask/gateway.yaml` is written, with mode 600 (it was 644)

"#]],
    );
    assert_eq!(mode(&user.configuration()), 0o600);
    let filled = configuration(&user);
    assert!(filled.starts_with("gateway:\n  address: http"), "{filled}");
    assert!(filled.ends_with(&format!("\n\n{template}")), "{filled}");
    user.dgw(&["list"]).success();
    // Python's own client finds what it needs there.
    let clusters = import("import dask_gateway; print(dask_gateway.Gateway().list_clusters())");
    assert_eq!(clusters.trim(), "[]");
}

#[test]
fn comments_and_other_keys_stay() {
    let text = "# mine\ndistributed:\n  worker: {a: 1}\ngateway:\n    # where\n    address: http://old   # here\n    \
                auth:\n        type: basic  # was\n        kwargs:\n            password: old # secret\n    \
                cluster:\n        options: {worker_cores: 2}\n# end\n";
    let user = User::new().configured(text);
    set_mode(&user.configuration(), 0o644);
    let args = ["login", "--address", HUB.fact("address"), "--force"];
    says(
        &user,
        &args,
        token(4),
        0,
        str![[r#"
you are logged in as `[..]` at `http://[HOST]/services/dask-gateway`
`[HOME]/.config/dask/gateway.yaml` is written, with mode 600 (it was 644)
warning: others could read the secret that was there before: see that it is revoked

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
fn what_cannot_be_edited_is_left_with_the_lines_to_put_in() {
    let text = "gateway: {address: http://127.0.0.1:1}\n";
    let user = User::new().configured(text);
    let args = ["login", "--address", HUB.fact("address"), "--force"];
    says(
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
    is_untouched(&user, text);
    let json = "{\"distributed\": 1}";
    let user = User::new();
    let path = user.home().join("site.json");
    write_private(&path, json);
    let user = user.with("DASK_CONFIG", &path.display().to_string());
    says(
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
    assert_eq!(fs::read_to_string(path).expect("it is there"), json);
}

#[test]
fn files_that_may_not_be_ones_own_words_are_refused() {
    let text = format!("gateway:\n  address: {}\n", HUB.fact("address"));
    let user = User::new().configured(&text);
    set_mode(&user.configuration(), 0o664);
    says(
        &user,
        &["login"],
        token(5),
        3,
        str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: its mode is 664, it must be 600

hint: chmod 600 [HOME]/.config/dask/gateway.yaml  (importing dask_gateway in Python leaves a template there with mode 644)

"#]],
    );
    is_untouched(&user, &text);

    set_mode(&user.configuration(), 0o600);
    let folder = user.home().join(".config/dask");
    set_mode(&folder, 0o770);
    says(
        &user,
        &["login"],
        token(5),
        3,
        str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: its directory is writable by others (mode 770)

hint: chmod go-w [HOME]/.config/dask

"#]],
    );
    set_mode(&folder, 0o700);
    is_untouched(&user, &text);

    let elsewhere = user.home().join("elsewhere.yaml");
    fs::rename(user.configuration(), &elsewhere).expect("moved");
    symlink(&elsewhere, user.configuration()).expect("linked");
    says(
        &user,
        &["login"],
        token(5),
        3,
        str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: it is a symbolic link

hint: replace the link with the file itself, or name that file with `--config`

"#]],
    );
    assert!(user.configuration().is_symlink());
    is_untouched(&user, &text);
    // As the hint says.
    let path = elsewhere.display().to_string();
    let args = ["login", "--config", &path];
    set_mode(user.home(), 0o700);
    says(
        &user,
        &args,
        token(5),
        0,
        str![[r#"
you are logged in as `[..]` at `http://[HOST]/services/dask-gateway`
`[HOME]/elsewhere.yaml` is written, with mode 600

"#]],
    );
    user.dgw(&["list", "--config", &path]).success();

    fs::remove_file(user.configuration()).expect("removed");
    write_private(&user.configuration(), &text);
    // Only root can give a file away.
    if chown(user.configuration(), Some(12_345), None).is_ok() {
        says(
            &user,
            &["login"],
            token(5),
            3,
            str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: it belongs to another user (uid 12345)

hint: replace it with a copy of your own, with mode 600

"#]],
        );
        is_untouched(&user, &text);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_found_out_before_anybody_is_asked() {
    const SOMEBODY: u32 = 12_345;
    let user = User::new();
    let folder = user.home().join(".config/dask");
    fs::create_dir_all(&folder).expect("a folder");
    set_mode(&folder, 0o500);
    let mut command = user.command(&["login", "--address", HUB.fact("address")]);
    if rustix::process::geteuid().is_root() {
        for path in [user.home(), &user.home().join(".config"), &folder] {
            chown(path, Some(SOMEBODY), None).expect("root may give folders away");
        }
        command.uid(SOMEBODY);
    }
    let output = given(command, token(5));
    assert_eq!(output.status.code(), Some(1));
    user.assert()
        .eq(String::from_utf8(output.stderr).expect("UTF-8"), str![[r#"
error: can't write `[HOME]/.config/dask/gateway.yaml`, so nothing was changed: Permission denied (os error 13)

hint: fix that, or name another file with `--config`

"#]]);
}

#[test]
fn a_full_disk_loses_nothing() {
    let text = "# mine\ndistributed: {a: 1}\n";
    let user = User::new().configured(text);
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let address = HUB.fact("address");
    // No file may grow: as with a full disk, but for this process alone.
    let script = format!("trap '' XFSZ; ulimit -f 0; exec {dgw} login --address {address}");
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .env_clear()
        .envs(user.environment());
    let output = given(command, token(5));
    assert_eq!(output.status.code(), Some(1));
    user.assert()
        .eq(String::from_utf8(output.stderr).expect("UTF-8"), str![[r#"
error: can't write `[HOME]/.config/dask/gateway.yaml`, so nothing was changed: File too large (os error 27)

hint: fix that, or name another file with `--config`

"#]]);
    is_untouched(&user, text);
}

#[test]
fn a_password_with_braces_and_quotes_arrives_as_it_is() {
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
    let output = given(user.command(&args), password);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("* GET") && !said.contains("p{w}"), "{said}");
    assert!(!said.contains(&STANDARD.encode(format!("ada:{password}"))));
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
fn the_file_may_be_elsewhere() {
    let user = User::new();
    let folder = user.home().join("conf");
    let path = folder.display().to_string();
    let address = HUB.fact("address");
    let args = ["login", "--config", &path, "--address", address];
    let output = given(user.command(&args), token(6));
    assert!(output.status.success());
    assert_eq!(mode(&folder.join("gateway.yaml")), 0o600);
    assert!(!user.home().join(".config").exists());

    let file = user.home().join("mine.yaml").display().to_string();
    set_mode(user.home(), 0o700);
    let user = user.with("DASK_CONFIG", &file);
    let output = given(user.command(&["login", "--address", address]), token(6));
    assert!(output.status.success());
    assert_eq!(mode(Path::new(&file)), 0o600);
    user.dgw(&["list"]).success();
}

#[test]
fn what_goes_over_it_and_what_is_left_of_before_is_told() {
    let user = User::new()
        .configured("gateway:\n  address: http://old\n  proxy-address: old:8786\n")
        .with("DASK_GATEWAY__AUTH__KWARGS__API_TOKEN", "another");
    let args = ["login", "--address", HUB.fact("address"), "--force"];
    says(
        &user,
        &args,
        token(7),
        0,
        str![[r#"
you are logged in as `[..]` at `http://[HOST]/services/dask-gateway`
`[HOME]/.config/dask/gateway.yaml` is written, with mode 600
warning: `gateway.auth.kwargs.api_token` (DASK_GATEWAY__AUTH__KWARGS__API_TOKEN) goes over what was written: take that away
warning: `gateway.proxy-address` ([HOME]/.config/dask/gateway.yaml) is still set: check whether it belongs to this gateway

"#]],
    );
}

#[test]
fn a_site_that_names_the_gateway_needs_the_token_alone() {
    let user = User::new();
    let site = user.home().join("site");
    fs::create_dir(&site).expect("a folder");
    let text = format!("gateway:\n  address: {}\n", HUB.fact("address"));
    fs::write(site.join("gateway.yaml"), text).expect("written");
    let user = user.with("DASK_ROOT_CONFIG", &site.display().to_string());
    let output = given(user.command(&["login"]), token(8));
    assert!(output.status.success());
    assert!(!configuration(&user).contains("address"));
    user.dgw(&["list"]).success();
}

#[test]
fn a_secret_on_its_way_in_clear_is_warned_of() {
    let proxy = Stub::new(|head| {
        if head.contains("uthorization") {
            json_answer(r#"{"cluster_options": []}"#)
        } else {
            answer("401 Unauthorized", "WWW-Authenticate: jupyterhub\r\n", "")
        }
    });
    let user = User::new().with("HTTP_PROXY", &proxy.address);
    let args = ["login", "--address", "http://gateway.invalid"];
    says(
        &user,
        &args,
        "t0ken",
        0,
        str![[r#"
warning: your token goes to `gateway.invalid` unencrypted: `gateway.address` is http://
you are logged in at `http://gateway.invalid`
`[HOME]/.config/dask/gateway.yaml` is written, with mode 600

"#]],
    );
}

#[test]
fn nothing_on_stdin_is_no_password() {
    let stub = Stub::new(|head| {
        assert!(!head.contains("uthorization"), "{head}");
        answer(
            "401 Unauthorized",
            "WWW-Authenticate: Basic\r\n",
            r#"{"error": "Authentication required"}"#,
        )
    });
    let user = User::new();
    // stdin is /dev/null.
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
fn a_bad_answer_is_not_blamed_on_a_flag() {
    let user = User::new();
    let mut terminal = Terminal::new(&user, 80, &["login"]);
    terminal.wait_for("address of the gateway: ");
    terminal.type_("ftp://x\n");
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("the address of the gateway "), "{shown}");
    assert!(!shown.contains("--address"), "{shown}");
    // The end of input.
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
