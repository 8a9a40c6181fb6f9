//! Which configuration dgw reads, and which it refuses before it sends anything.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use snapbox::str;

use crate::support::{BASIC, Stub, User, answer, json_answer, set_mode, write_private};

/// A stub that responds to every request, and a user configured for it.
fn stub_and_user() -> (Stub, User) {
    let stub = Stub::always(json_answer("{}"));
    let user = User::basic(&stub.address, "ada", "pw");
    (stub, user)
}

#[test]
fn refuses_file_with_wrong_mode() {
    let (stub, user) = stub_and_user();
    set_mode(&user.configuration(), 0o644);
    user.dgw(&["list"]).code(3).stdout_eq("").stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: its mode is 644; it must be 600

hint: chmod 600 [HOME]/.config/dask/gateway.yaml  (importing dask_gateway in Python leaves a template there with mode 644)

"#]]);
    for mode in [0o400, 0o640, 0o604, 0o700, 0o660, 0o1600] {
        set_mode(&user.configuration(), mode);
        user.dgw(&["list"]).code(3).stdout_eq("");
    }
    set_mode(&user.configuration(), 0o600);
    user.dgw(&["list"]).success();
    assert_eq!(
        stub.seen().len(),
        1,
        "nothing was sent while the file was refused"
    );
}

#[test]
fn refuses_file_in_writable_directory() {
    let (stub, user) = stub_and_user();
    let directory = user.home().join(".config/dask");
    for mode in [0o770, 0o707, 0o1777] {
        set_mode(&directory, mode);
        user.dgw(&["list"]).code(3).stdout_eq("");
    }
    user.dgw(&["list"]).code(3).stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: its directory is writable by others (mode 1777)

hint: chmod go-w [HOME]/.config/dask

"#]]);
    assert_eq!(stub.seen(), [""; 0]);
}

#[test]
fn accepts_own_link_to_own_file_and_refuses_pipe() {
    let (stub, user) = stub_and_user();
    let file = user.configuration();
    let dotfiles = user.home().join("dotfiles");
    fs::create_dir(&dotfiles).expect("a directory");
    let elsewhere = dotfiles.join("gateway.yaml");
    fs::rename(&file, &elsewhere).expect("the file is moved");
    symlink("../../dotfiles/gateway.yaml", &file).expect("the link is created");
    set_mode(&dotfiles, 0o755);
    user.dgw(&["list"]).success();
    assert_eq!(stub.seen().len(), 1);
    set_mode(&elsewhere, 0o644);
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/../../dotfiles/gateway.yaml`: its mode is 644; it must be 600

hint: chmod 600 [HOME]/.config/dask/../../dotfiles/gateway.yaml  (importing dask_gateway in Python leaves a template there with mode 644)

"#]]);
    set_mode(&elsewhere, 0o600);
    set_mode(&dotfiles, 0o775);
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/../../dotfiles/gateway.yaml`: its directory is writable by others (mode 775)

hint: chmod go-w [HOME]/.config/dask/../../dotfiles

"#]]);

    fs::remove_file(&file).expect("the file is removed");
    let mkfifo = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(mkfifo.is_ok_and(|status| status.success()));
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: it is not a regular file

hint: move or remove the file, then let `dgw login` write a new one

"#]]);
    assert_eq!(stub.seen().len(), 1);
}

/// Runs `dgw list` as an ordinary user even if root runs the tests: root may read any file.
fn list_without_privileges(user: &User) -> std::process::Output {
    const UNPRIVILEGED_UID: u32 = 12_345;
    let mut command = user.command(&["list"]);
    if rustix::process::geteuid().is_root() {
        for path in [
            user.home().to_owned(),
            user.home().join(".config"),
            user.home().join(".config/dask"),
            user.configuration(),
        ] {
            chown(path, Some(UNPRIVILEGED_UID), None).expect("root may change the owner");
        }
        command.uid(UNPRIVILEGED_UID);
    }
    command.output().expect("dgw runs")
}

#[test]
fn refuses_unreadable_file() {
    let (stub, user) = stub_and_user();
    let user = user.with("DASK_GATEWAY__ADDRESS", &stub.address);
    set_mode(&user.configuration(), 0o000);
    let output = list_without_privileges(&user);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("it can't be read (mode 000)") && stderr.contains("chmod 600"),
        "{stderr}"
    );
    set_mode(&user.configuration(), 0o600);
    assert_eq!(list_without_privileges(&user).status.code(), Some(0));
    assert_eq!(stub.seen().len(), 1);
}

#[test]
fn ignores_other_files_in_the_directory() {
    let (_stub, user) = stub_and_user();
    let directory = user.home().join(".config/dask");
    fs::write(directory.join("jobqueue.yaml"), "x".repeat(100_000)).expect("the file is written");
    fs::write(directory.join("labextension.yaml"), b"\xff\xfe").expect("the file is written");
    fs::write(directory.join("distributed.yaml"), "distributed: {a: 1}")
        .expect("the file is written");
    fs::create_dir(directory.join("a.yaml")).expect("a directory");
    user.dgw(&["list"]).success();
}

#[test]
fn refuses_file_of_another_user() {
    let (stub, user) = stub_and_user();
    // Only root can change the owner of a file.
    if chown(user.configuration(), Some(12_345), None).is_ok() {
        user.dgw(&["list"])
            .code(3)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: it belongs to another user (uid 12345)

hint: replace it with a copy of your own, with mode 600

"#]]);
    }
    assert_eq!(stub.seen(), [""; 0]);
}

#[test]
fn locates_errors_in_malformed_files_without_quoting_them() {
    for text in [
        "gateway:\n  auth:\n    kwargs: {api_token: s3cret\n",
        "gateway:\n  a: b: s3cret\n",
        "gateway:\n\ts3cret: 1\n",
        "gateway: [s3cret\n",
        "- gateway: s3cret\n",
        "gateway s3cret",
        "gateway: !!binary \"s3cret\"\n--- \ngateway: 1\n",
    ] {
        let user = User::new().configured(text);
        let output = user.command(&["list", "-vvv"]).output().expect("dgw runs");
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{text}: {shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    let user = User::new().configured("gateway:\n  auth:\n    kwargs: {api_token: s3cret\n");
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `[HOME]/.config/dask/gateway.yaml` is not a valid dask configuration file, at line 4, column 1

hint: correct that line: the file must be a YAML mapping

"#]]);
    let user = User::new().configured(&format!("gateway:\n  address: {}\n", "x".repeat(70_000)));
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: it is larger than 64 KiB

hint: move or remove the file, then let `dgw login` write a new one

"#]]);
    let user = User::new();
    write_private(&user.configuration(), "");
    fs::write(user.configuration(), b"gateway: \xff\n").expect("the file is written");
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/.config/dask/gateway.yaml`: it is not UTF-8 text

hint: move or remove the file, then let `dgw login` write a new one

"#]]);
}

#[test]
fn explains_how_to_set_an_address() {
    User::new()
        .dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no gateway address is configured

hint: `dgw login --address https://gateway.example.org` configures one

"#]]);
    let template = "# gateway:\n#   address: null\n";
    let user = User::new().configured(template);
    set_mode(&user.configuration(), 0o644);
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no gateway address is configured

hint: `dgw login --address https://gateway.example.org` configures one

"#]]);
}

#[test]
fn names_key_and_file_of_invalid_values() {
    for (yaml, stderr) in [
        (
            "address: gateway.example.org",
            str![[r#"
error: `gateway.address` ([HOME]/.config/dask/gateway.yaml) has no scheme: write `https://…` or `http://…`

"#]],
        ),
        (
            "address: http://ada:s3cret@h",
            str![[r#"
error: `gateway.address` ([HOME]/.config/dask/gateway.yaml) must not contain a user name or password: they belong in `gateway.auth`

"#]],
        ),
        (
            "{address: \"http://h/{NOPE}\"}",
            str![[r#"
error: `gateway.address` ([HOME]/.config/dask/gateway.yaml) names the environment variable `NOPE`, which is not set

hint: `export NOPE=…`, or correct the value

"#]],
        ),
        (
            "{address: http://h, proxy-address: h}",
            str![[r#"
error: `gateway.proxy-address` ([HOME]/.config/dask/gateway.yaml) must be a port, `host:port` or `gateway://host:port`

"#]],
        ),
        (
            "{address: http://h, auth: {type: my.own.Auth}}",
            str![[r#"
error: `gateway.auth.type` ([HOME]/.config/dask/gateway.yaml) is the Python class `my.own.Auth`, which dgw can't load: it supports `jupyterhub`[..]

"#]],
        ),
        (
            "{address: http://h, auth: jupyterhub}",
            str![[r#"
error: `gateway.auth` ([HOME]/.config/dask/gateway.yaml) must be a mapping

"#]],
        ),
        (
            "{address: http://h, auth: {type: jupyterhub}}",
            str![[r#"
error: no JupyterHub token is configured: `gateway.auth.kwargs.api_token` is not set

hint: create a token on the hub's token page and give it to `dgw login`, or set JUPYTERHUB_API_TOKEN

"#]],
        ),
        (
            "{address: http://h, auth: {type: jupyterhub, kwargs: {api_token: 1.5}}}",
            str![[r#"
error: `gateway.auth.kwargs.api_token` ([HOME]/.config/dask/gateway.yaml) must be text: put it in quotes

"#]],
        ),
        (
            "{address: http://h, cluster: {options: 3}}",
            str![[r#"
error: `gateway.cluster.options` ([HOME]/.config/dask/gateway.yaml) must be a mapping

"#]],
        ),
        (
            "{address: http://h, http-client: {proxy: 3}}",
            str![[r#"
error: `gateway.http-client.proxy` ([HOME]/.config/dask/gateway.yaml) must be true, false or a URL

"#]],
        ),
        (
            "{address: http://h, http-client: {proxy: \"http://u:s3cret@h:x\"}}",
            str![[r#"
error: `gateway.http-client.proxy` ([HOME]/.config/dask/gateway.yaml) must be a proxy URL, such as `http://HOST:PORT`

"#]],
        ),
    ] {
        let user = User::new()
            .configured(&format!("gateway: {yaml}\n").replace(": address", ":\n  address"));
        user.dgw(&["list", "-q"])
            .code(3)
            .stdout_eq("")
            .stderr_eq(stderr);
    }
}

#[test]
fn flags_override_variables_and_variables_override_files() {
    let (address, password) = (BASIC.fact("address"), BASIC.fact("password"));
    let user = User::new()
        .configured("gateway:\n  address: http://127.0.0.1:1\n  auth: {type: jupyterhub}\n")
        .with("DASK_GATEWAY__ADDRESS", address)
        .with("DASK_GATEWAY__AUTH__TYPE", "basic")
        .with("DASK_GATEWAY__AUTH__KWARGS__USERNAME", "'variables'")
        .with("DASK_GATEWAY__AUTH__KWARGS__PASSWORD", password);
    user.dgw(&["list"]).success();
    user.dgw(&["list", "--address", "http://127.0.0.1:1"])
        .code(9);
}

/// Returns true if the head of a request has credentials, or a secret anywhere.
fn has_credentials(head: &str) -> bool {
    head.to_lowercase().contains("authorization") || head.contains("s3cret")
}

#[test]
fn sends_credentials_only_to_the_address_they_are_configured_for() {
    let configured = Stub::always(json_answer("{}"));
    let other = Stub::new(|head| {
        if head.contains("/api/version") {
            json_answer(r#"{"version": "2026.3.0"}"#)
        } else if head.contains("/api/health") {
            json_answer(r#"{"status": "pass"}"#)
        } else {
            answer("401 Unauthorized", "WWW-Authenticate: jupyterhub\r\n", "{}")
        }
    });
    let redirecting = Stub::always(answer(
        "302 Found",
        &format!("Location: {}/api\r\n", configured.address),
        "",
    ));
    let token = User::jupyterhub(&configured.address, "s3cret", None);
    let of_hub = User::new()
        .configured(&format!(
            "gateway:\n  address: {}\n  auth: {{type: jupyterhub}}\n",
            configured.address
        ))
        .with("JUPYTERHUB_API_TOKEN", "s3cret");
    let without_address = User::new()
        .configured("gateway: {auth: {type: jupyterhub}}\n")
        .with("JUPYTERHUB_API_TOKEN", "s3cret");
    let users = [
        &User::basic(&configured.address, "ada", "s3cret"),
        &token,
        &of_hub,
        &without_address,
    ];
    for user in users {
        for args in [
            &["list"][..],
            &["list", "-o", "wide", "-vvv"],
            &["new"],
            &["options"],
            &["show", "0123"],
            &["shutdown", "--all", "--yes"],
            &["scale", "0123", "2"],
            &["doctor"],
        ] {
            let at = ["--address", &other.address];
            let output = user
                .command(&[args, &at].concat())
                .output()
                .expect("dgw runs");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{args:?}: {stderr}");
            assert!(!stderr.contains("s3cret"), "{stderr}");
            let at = ["--address", &redirecting.address];
            let output = user
                .command(&[args, &at].concat())
                .output()
                .expect("dgw runs");
            assert_ne!(output.status.code(), Some(0), "{args:?}");
        }
    }
    let seen = [other.seen(), redirecting.seen()].concat();
    assert!(seen.len() > 8, "{}", seen.len());
    assert!(!seen.iter().any(|head| has_credentials(head)), "{seen:?}");
    assert_eq!(configured.seen(), [""; 0], "no redirect was followed");

    let explanation = str![[r#"
error: the gateway at `http://[HOST]` requires authentication, and dgw did not send your token there, because it is configured for `http://[HOST]`

hint: log in there, with a NAME of your choice: `dgw login -g NAME --address http://[HOST]`

"#]];
    token
        .dgw(&["list", "--address", &other.address])
        .code(3)
        .stdout_eq("")
        .stderr_eq(explanation.clone());
    let elsewhere = token.with("DASK_GATEWAY__ADDRESS", &other.address);
    elsewhere
        .dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(explanation);
    without_address
        .dgw(&["list", "--address", &other.address])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` requires authentication, and dgw did not send your token there, because it is not configured for any address

hint: log in there, with a NAME of your choice: `dgw login -g NAME --address http://[HOST]`

"#]]);
    assert!(!other.seen().iter().any(|head| has_credentials(head)));

    // The same address, spelled in another way, and a gateway that needs no authentication.
    let same = format!("{}/", configured.address.to_uppercase());
    of_hub.dgw(&["list", "--address", &same]).success();
    assert!(configured.seen().iter().all(|head| head.contains("s3cret")));
    let open = Stub::always(json_answer("{}"));
    of_hub.dgw(&["list", "--address", &open.address]).success();
    assert!(!open.seen().iter().any(|head| has_credentials(head)));
}

#[test]
fn reads_named_files_and_directories() {
    let user = User::new().configured("gateway: {address: \"http://127.0.0.1:1\"}\n");
    let text = format!(
        "gateway:\n  address: \"{{GATEWAY_HERE}}\"\n  auth: {{type: basic, kwargs: {{username: ada, password: \"{}\"}}}}\n",
        BASIC.fact("password")
    );
    let other = user.home().join("other/mine.yml");
    write_private(&other, &text);
    let path = |path: &Path| path.display().to_string();
    let directory = path(other.parent().expect("a directory"));
    let user = user.with("GATEWAY_HERE", BASIC.fact("address"));
    user.dgw(&["list"]).code(9);
    user.dgw(&["list", "--config", &path(&other)]).success();
    user.dgw(&["list", "--config", &directory]).success();
    user.dgw(&["list", "--config", "/nonexistent"])
        .code(3)
        .stderr_eq(str![[r#"
error: no such configuration file: `/nonexistent`

hint: check `--config`

"#]]);
    let user = user.with("DASK_CONFIG", &directory);
    user.dgw(&["list"]).success();
    let mode = fs::metadata(&other)
        .expect("the file exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn accepts_world_readable_site_file_without_secrets() {
    let user = User::new();
    let site = user.home().join("site");
    fs::create_dir(&site).expect("a directory");
    let file = site.join("gateway.yaml");
    let address = BASIC.fact("address");
    fs::write(
        &file,
        format!("{{\"gateway\": {{\"address\": \"{address}\"}}}}"),
    )
    .expect("the file is written");
    set_mode(&file, 0o644);
    let password = BASIC.fact("password");
    let user = user
        .configured(&format!(
            "gateway:\n  auth:\n    kwargs: {{username: ada, password: \"{password}\"}}\n"
        ))
        .with("DASK_ROOT_CONFIG", &site.display().to_string());
    user.dgw(&["list"]).success();
    fs::write(&file, "gateway: {auth: {kwargs: {password: s3cret}}}").expect("the file is written");
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/site/gateway.yaml`: it holds a secret and is readable by others (mode 644)

hint: chmod 600 [HOME]/site/gateway.yaml

"#]]);
}

#[test]
fn refuses_world_writable_site_file() {
    let (stub, user) = stub_and_user();
    let site = user.home().join("site");
    let file = site.join("gateway.yaml");
    write_private(&file, "gateway: {proxy-address: 8786}\n");
    let user = user.with("DASK_ROOT_CONFIG", &site.display().to_string());
    set_mode(&file, 0o666);
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to use `[HOME]/site/gateway.yaml`: it is writable by everyone (mode 666)

hint: chmod o-w [HOME]/site/gateway.yaml

"#]]);
    set_mode(&file, 0o644);
    set_mode(&site, 0o1777);
    user.dgw(&["list"]).code(3).stdout_eq("").stderr_eq(str![[r#"
error: refused to use `[HOME]/site/gateway.yaml`: its directory is writable by everyone (mode 1777)

hint: tell your site's administrators: anyone who changes [HOME]/site/gateway.yaml can make dgw send them your token

"#]]);
    assert_eq!(stub.seen().len(), 0);
    set_mode(&site, 0o775);
    user.dgw(&["list"]).success();
}

#[test]
fn sends_no_secret_where_a_site_file_says_that_others_can_change() {
    let stub = Stub::always(json_answer("{}"));
    let user = User::new();
    let site = user.home().join("site/gateway.yaml");
    let text = format!("gateway:\n  address: {}\n", stub.address);
    write_private(&site, &text);
    set_mode(&site, 0o644);
    // Only root can give files away.
    if chown(&site, Some(12_345), None).is_err() {
        return;
    }
    let kwargs = "auth: {type: jupyterhub, kwargs: {api_token: s3cret-t0ken}}";
    let user = user
        .configured(&format!("gateway:\n  {kwargs}\n"))
        .with("DASK_ROOT_CONFIG", &user_path(&site));
    let refusal = str![[r#"
error: refused to use `gateway.address` of `[HOME]/site/gateway.yaml`, because others can change that file
  `[HOME]/site/gateway.yaml`: it belongs to another user (uid 12345)

hint: check that address; `dgw login --address URL` saves it in a file of your own

"#]];
    for args in [&["list"][..], &["new"], &["login", "--force"]] {
        user.dgw(args)
            .code(3)
            .stdout_eq("")
            .stderr_eq(refusal.clone());
    }
    let doctor = user.command(&["doctor"]).output().expect("dgw runs");
    assert_eq!(doctor.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("others can change that file"));
    assert!(!stub.seen().iter().any(|head| has_credentials(head)));

    // What the user's own file says counts, whoever owns the site's.
    let own = format!("gateway:\n  address: {}\n  {kwargs}\n", stub.address);
    write_private(&user.configuration(), &own);
    user.dgw(&["list"]).success();
    // The site's own secret may go where the site says, and what is no secret anywhere.
    write_private(&user.configuration(), "");
    user.dgw(&["list"]).success();
    fs::write(&site, "gateway: {address: \"http://{HOME}.example\"}").expect("written");
    user.dgw(&["list"]).code(3);
}

/// The directory of a file.
fn user_path(file: &Path) -> String {
    file.parent().expect("a directory").display().to_string()
}

#[test]
fn bad_files_and_variables_are_refused_at_once() {
    let user = User::new().configured("gateway: {x: !!str, y: 1}\n");
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `[HOME]/.config/dask/gateway.yaml` is not a valid dask configuration file, at line 1, column 11

hint: correct that line: the file must be a YAML mapping

"#]]);
    let long = format!("DASK_GATEWAY__{}", "A__".repeat(40_000));
    let (_stub, user) = stub_and_user();
    let user = user.with(&long, "1");
    user.dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the environment variable `DASK_GATEWAY__A__A__A__A__A__A__A__A__A__A__A__A__A__A__A__A__A_` is too large for a setting

hint: unset it, or put the setting in a file

"#]]);
    let (_stub, user) = stub_and_user();
    let large = "DASK_GATEWAY__CLUSTER__OPTIONS__X";
    user.with(large, &"1".repeat(120_000))
        .dgw(&["list"])
        .code(3);
}

#[test]
fn names_the_systems_error() {
    let (_stub, user) = stub_and_user();
    let refusals = (4..20).filter_map(|limit| {
        let script = format!("ulimit -n {limit}; exec \"$0\" list");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_dgw")]);
        let output = command.env_clear().envs(user.environment()).output();
        let output = output.expect("sh runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !stderr.contains("chmod") && !stderr.contains("mode 600"),
            "{stderr}"
        );
        (!output.status.success()).then_some(stderr)
    });
    let refusals = refusals.collect::<Vec<_>>();
    assert!(!refusals.is_empty());
    for stderr in refusals {
        assert!(stderr.contains("Too many open files"), "{stderr}");
        assert!(stderr.contains("ulimit -n"), "{stderr}");
    }
}

#[test]
fn doctor_shows_no_secret_in_the_wrong_place() {
    for yaml in [
        "address: http://127.0.0.1:1\n  http-client: {proxy: [\"ada:s3cret-t0ken\"]}",
        "address: http://127.0.0.1:1\n  http-client: {proxy: \"ada:s3cret-t0ken\"}",
        "address: http://127.0.0.1:1/?token=s3cret-t0ken",
        "address: http://ada:s3cret-t0ken@127.0.0.1:1",
        "address: \"http://127.0.0.1:1/{MY_TOKEN}\"",
        "address: http://127.0.0.1:1/s3cret-t0ken",
        "address: s3cret-t0ken",
        "address: http://127.0.0.1:1\n  proxy-address: s3cret-t0ken",
        "address: http://127.0.0.1:1\n  public-address: \"{MY_TOKEN}\"",
        "address: http://127.0.0.1:1\n  s3: {cret: s3cret-t0ken}",
    ] {
        let kwargs = "auth: {type: jupyterhub, kwargs: {api_token: \"{MY_TOKEN}\"}}";
        let user = User::new()
            .configured(&format!("gateway:\n  {yaml}\n  {kwargs}\n"))
            .with("MY_TOKEN", "s3cret-t0ken");
        for args in [&["doctor", "-vv"][..], &["doctor", "-o", "json"], &["list"]] {
            let output = user.command(args).output().expect("dgw runs");
            let all = [output.stdout, output.stderr].concat();
            let all = String::from_utf8_lossy(&all);
            assert!(!all.contains("s3cret-t0ken"), "{yaml}: {all}");
        }
    }
}

#[test]
fn warns_each_time_a_secret_is_sent_unencrypted() {
    let user = User::jupyterhub("http://gateway.invalid", "t0ken", None);
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
warning: dgw sends your token to `gateway.invalid` unencrypted, because the gateway's address is http://
error: can't reach the gateway at `http://gateway.invalid`
  failed to lookup address information: Name or service not known

hint: check `gateway.address`, and whether this machine can reach it (VPN, firewall, proxy)

"#]]);
    user.dgw(&["list", "-q"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `http://gateway.invalid`
  failed to lookup address information: Name or service not known

hint: check `gateway.address`, and whether this machine can reach it (VPN, firewall, proxy)

"#]]);
}

#[test]
fn reads_a_mapping_from_one_variable() {
    let user = BASIC.user().with(
        "DASK_GATEWAY__CLUSTER__OPTIONS",
        "{'priority': 3, \"profile\": 'large'}",
    );
    let options = user.json(&["options"]);
    assert_eq!(options[3]["your_default"], "large");
    assert_eq!(options[4]["your_default"], 3);
}

#[test]
fn names_variable_that_is_not_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let user = BASIC.user();
    let garbled = std::ffi::OsStr::from_bytes(b"/tmp/\xff");
    let output = user
        .command(&["list"])
        .env("DASK_CONFIG", garbled)
        .output()
        .expect("dgw runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`DASK_CONFIG`"));
}

#[test]
fn checks_every_user_file_with_a_gateway_section() {
    let (stub, user) = stub_and_user();
    let path = |path: &Path| path.display().to_string();
    let named = user.home().join("named/z.json");
    let beside = user.home().join(".config/dask/distributed.yml");
    for file in [&named, &beside] {
        write_private(file, "{\"gateway\": {\"foo\": null}}");
    }
    let directory = path(named.parent().expect("a directory"));
    let user = user.with("DASK_CONFIG", &directory);
    let refused = |args: &[&str], rule: &str| {
        let output = user.command(args).output().expect("dgw runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{rule}: {stderr}");
        assert!(stderr.contains(rule), "{rule}: {stderr}");
    };
    user.dgw(&["list"]).success();
    for file in [&named, &beside] {
        set_mode(file, 0o640);
        refused(&["list"], "its mode is 640; it must be 600");
        set_mode(file, 0o600);
    }
    set_mode(&user.home().join("named"), 0o775);
    refused(&["list"], "its directory is writable by others (mode 775)");
    refused(
        &["list", "--config", &path(&named)],
        "its directory is writable by others",
    );
    set_mode(&user.home().join("named"), 0o755);
    set_mode(&named, 0o604);
    refused(&["list", "--config", &path(&named)], "its mode is 604");
    refused(&["list", "--config", &directory], "its mode is 604");
    set_mode(&named, 0o600);
    if chown(user.home().join("named"), Some(12_345), None).is_ok() {
        refused(
            &["list"],
            "its directory belongs to another user (uid 12345)",
        );
        chown(user.home().join("named"), Some(0), None).expect("the owner is restored");
    }
    user.dgw(&["list"]).success();
    // A file without a gateway section does not concern dgw.
    fs::write(&named, "{\"distributed\": {\"gateway\": 1}}").expect("the file is written");
    set_mode(&named, 0o666);
    user.dgw(&["list"]).success();
    assert_eq!(stub.seen().len(), 3);
}

#[test]
fn refuses_site_file_only_with_a_readable_secret() {
    let (stub, user) = stub_and_user();
    let file = user.home().join("site/gateway.yaml");
    write_private(&file, "");
    let site = user.home().join("site").display().to_string();
    let user = user.with("DASK_ROOT_CONFIG", &site);
    let user = user.with("SITE_TOKEN", "t0ken");
    let code = |yaml: &str, mode: u32| {
        fs::write(&file, format!("gateway: {yaml}\n")).expect("the file is written");
        set_mode(&file, mode);
        user.command(&["list", "-q"])
            .output()
            .expect("dgw runs")
            .status
            .code()
    };
    for (yaml, holds_secret) in [
        (
            "{proxy-address: 8786, auth: {type: jupyterhub, kwargs: {username: ada}}}",
            false,
        ),
        (
            "{auth: {kwargs: {api_token: \"{SITE_TOKEN}\", password: \"\"}}}",
            false,
        ),
        (
            "{auth: {kwargs: {api_token: null}}, http-client: {proxy: \"http://p:1\"}}",
            false,
        ),
        ("{auth: {kwargs: {api_token: 0123456789abcdef}}}", true),
        ("{auth: {kwargs: {api-token: 0123456789abcdef}}}", true),
        ("{auth: {kwargs: {password: 12345}}}", true),
        ("{auth: {kwargs: {password: \"{{s3cret\"}}}", true),
        (
            "{auth: {kwargs: {api_token: \"{SITE_TOKEN}s3cret\"}}}",
            true,
        ),
        (
            "{auth: {kwargs: {api_token: \"{SITE_TOKEN}s3cret{SITE_TOKEN}\"}}}",
            true,
        ),
        (
            "{http_client: {proxy: \"http://ada:s3cret@127.0.0.1:1\"}}",
            true,
        ),
    ] {
        for (mode, is_open) in [(0o600, false), (0o644, true), (0o640, true), (0o604, true)] {
            let is_refused = code(yaml, mode) == Some(3);
            assert_eq!(is_refused, holds_secret && is_open, "{mode:o} {yaml}");
        }
        assert_ne!(code(yaml, 0o620), Some(3), "{yaml}");
    }
    if chown(&file, Some(12_345), None).is_ok() {
        code("{auth: {kwargs: {password: s3cret}}}", 0o644);
        user.dgw(&["list"]).code(3).stdout_eq("").stderr_eq(str![[r#"
error: refused to use `[HOME]/site/gateway.yaml`: it holds a secret and is readable by others (mode 644)

hint: tell your site's administrators that everyone here can read the secret in [HOME]/site/gateway.yaml, and give dgw your own file with mode 600

"#]]);
    }
    assert!(stub.seen().iter().all(|head| !head.contains("s3cret")));
}
