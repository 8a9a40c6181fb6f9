//! Configurations as sites that run Dask Gateway write them, each with a gateway of that kind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use snapbox::str;

use crate::support::{HUB, PREFIX, TestGateway, User, set_mode, write_private};

/// The token of a hub user, and `host:port` of the gateway behind the hub.
fn hub_user(number: usize) -> (&'static str, &'static str) {
    let token = HUB.facts["users"][number]["token"].as_str();
    (token.expect("a token"), HUB.fact("proxy_address"))
}

/// Asserts that dgw can start a cluster, reach its scheduler and shut it down.
fn assert_works(user: &User, dashboard: &str) {
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let clusters = user.json(&["list", "--wide"]);
    assert_eq!(clusters[0]["workers"], 1, "{clusters}");
    let link = format!("{dashboard}/clusters/{name}/status");
    assert_eq!(clusters[0]["dashboard_link"], link.as_str());
    assert_eq!(user.stdout(&["dashboard"]), link);
    assert!(user.stdout(&["logs"]).contains("Scheduler at"));
    assert_eq!(user.stdout(&["shutdown", &name]), name);
}

/// As at JASMIN: the user's file contains a token of the notebook service, and the gateway's own host
/// is the scheduler proxy too.
#[test]
fn works_on_a_separate_host_with_a_hub_token() {
    let (token, host) = hub_user(12);
    let address = format!("http://{host}/services/dask-gateway");
    let user = User::new().configured(&format!(
        "gateway:\n  address: {address}\n  auth:\n    type: jupyterhub\n    kwargs:\n      \
         api_token: {token}\n"
    ));
    assert_works(&user, &address);
}

/// As on a hub's notebook server: everything is set in the environment, and dashboards are paths on
/// the hub.
#[test]
fn works_in_a_terminal_of_a_hub() {
    let (token, host) = hub_user(13);
    let user = User::new()
        .with(
            "DASK_GATEWAY__ADDRESS",
            &format!("{}/", HUB.fact("address")),
        )
        .with("DASK_GATEWAY__PROXY_ADDRESS", &format!("gateway://{host}"))
        .with("DASK_GATEWAY__PUBLIC_ADDRESS", "/services/dask-gateway/")
        .with("DASK_GATEWAY__AUTH__TYPE", "jupyterhub")
        .with(
            "DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_SETUP",
            "{JUPYTER_IMAGE_SPEC}",
        )
        .with("JUPYTERHUB_API_TOKEN", token)
        .with("JUPYTER_IMAGE_SPEC", "pangeo/base-notebook:2026.01");
    assert_works(&user, "/services/dask-gateway");
    let name = user.stdout(&["new"]);
    let shown = user.json(&["show"]);
    assert_eq!(
        shown["options"]["worker_setup"],
        "pangeo/base-notebook:2026.01"
    );
    user.dgw(&["dashboard", "--open"])
        .code(3)
        .stderr_eq(str![[r#"
error: the dashboard's URL has no host: `/services/dask-gateway/clusters/[NAME]/status`

hint: set `gateway.public-address` to a full URL, or open this path on your hub

"#]]);
    user.stdout(&["shutdown", &name]);
}

/// As at Nebari: a `ConfigMap` in JSON with underscores. Each file of such a volume is a link to a
/// link, and its directory is writable by everyone but mounted read-only. The token is that of the
/// notebook server.
#[test]
#[expect(clippy::print_stderr, reason = "shows that a part was skipped")]
fn reads_site_json_with_underscores_through_links() {
    let (token, host) = hub_user(14);
    let user = User::new();
    let site = user.home().join("etc/dask");
    let version = site.join("..2026_11_21");
    let file = version.join("gateway.yaml");
    let json = format!(
        r#"{{"gateway": {{"address": "{}", "proxy_address": "tcp://{host}",
            "public_address": "https://nebari.example.org/gateway", "auth": {{"type": "jupyterhub"}},
            "cluster": {{"options": {{"worker_setup": "{{NB_USER}}"}}}}}}}}"#,
        HUB.fact("address"),
    );
    write_private(&file, &json);
    symlink("..2026_11_21", site.join("..data")).expect("the link is created");
    symlink("..data/gateway.yaml", site.join("gateway.yaml")).expect("the link is created");
    set_mode(&file, 0o644);
    let user = user
        .with("DASK_ROOT_CONFIG", &site.display().to_string())
        .with("JUPYTERHUB_API_TOKEN", token)
        .with("NB_USER", "ada");
    assert_works(&user, "https://nebari.example.org/gateway");

    for (directory, file) in [(&version, "..data/gateway.yaml"), (&site, "gateway.yaml")] {
        let refused = format!(
            "error: refused to use `{}`: its directory is writable by everyone (mode 777)",
            site.join(file).display()
        );
        set_mode(directory, 0o777);
        let output = user.command(&["list"]).output().expect("dgw runs");
        assert_eq!(output.status.code(), Some(3));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with(&refused), "{stderr}");
    }
    let mounted = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
    let in_namespace = |then: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &format!("{mounted} && exec {then}")]);
        command.arg(env!("CARGO_BIN_EXE_dgw")).arg(&site);
        command.env_clear().envs(user.environment());
        command.output()
    };
    if in_namespace("true").is_ok_and(|output| output.status.success()) {
        let output = in_namespace("\"$0\" list").expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    } else {
        eprintln!("skipped: this machine does not let users mount anything");
    }
}

/// An image or a shared environment that contains the site's settings where its Python reads them:
/// under its prefix.
#[test]
fn reads_configuration_of_the_active_python_environment() {
    let (token, host) = hub_user(15);
    let user = User::new();
    let conda = user.home().join("opt/conda");
    let file = conda.join("etc/dask/gateway.yaml");
    write_private(
        &file,
        &format!(
            "gateway: {{address: \"{}\", proxy-address: \"{host}\", auth: {{type: jupyterhub}}}}",
            HUB.fact("address")
        ),
    );
    set_mode(&file, 0o644);
    write_private(&conda.join("bin/python3.11"), "");
    symlink("python3.11", conda.join("bin/python3")).expect("the link is created");
    let user = user
        .with(
            "PATH",
            &format!("/nonexistent:{}/bin:/usr/bin", conda.display()),
        )
        .with("JUPYTERHUB_API_TOKEN", token);
    user.dgw(&["list"]).success();
    let venv = user.home().join("venv");
    let by_venv = |user: User| user.with("PATH", &format!("{}/bin:/usr/bin", venv.display()));
    write_private(&venv.join("pyvenv.cfg"), "");
    fs::create_dir(venv.join("bin")).expect("a directory");
    symlink(conda.join("bin/python3"), venv.join("bin/python")).expect("the link is created");
    let user = by_venv(user);
    user.dgw(&["list"]).code(3);
    write_private(
        &venv.join("etc/dask/gateway.yaml"),
        "gateway: {address: \"http://127.0.0.1:1\", auth: {type: basic, kwargs: {password: x}}}",
    );
    user.dgw(&["list"]).code(9);
    set_mode(&venv.join("etc/dask/gateway.yaml"), 0o644);
    user.dgw(&["list"]).code(3).stdout_eq("").stderr_eq(str![[r#"
error: refused to use `[HOME]/venv/etc/dask/gateway.yaml`: it holds a secret and is readable by others (mode 644)

hint: chmod 600 [HOME]/venv/etc/dask/gateway.yaml

"#]]);
}

/// A front end with a path prefix, a certificate of the site's own authority, and HTTP/2 for clients
/// that offer it.
#[test]
fn works_with_a_path_prefix_and_a_private_authority_over_http_2() {
    let address = PREFIX.fact("address");
    let (ca_file, password) = (PREFIX.fact("ca_file"), PREFIX.fact("password"));
    assert_eq!(negotiated_protocol(&PREFIX), "h2");
    let user = User::basic(&format!("{address}/"), "ada", password).with("SSL_CERT_FILE", ca_file);
    assert_works(&user, address);
    let directory = user.home().join("authorities");
    fs::create_dir(&directory).expect("a directory");
    fs::copy(ca_file, directory.join("site.pem")).expect("the file is copied");
    let named = format!("/nonexistent:{}", directory.display());
    let with_directory = || User::basic(address, "ada", password).with("SSL_CERT_DIR", &named);
    with_directory().dgw(&["list"]).success();
    // dgw uses the directory even if the file can't be read.
    with_directory()
        .with("SSL_CERT_FILE", "/nonexistent")
        .dgw(&["list"])
        .success();
    // As with other programs, the named authorities replace the system's.
    User::basic(address, "ada", password)
        .with("SSL_CERT_DIR", "/nonexistent")
        .dgw(&["list"])
        .code(9);
    let above = address.replace("/dg/site", "");
    let user = User::basic(&above, "ada", password).with("SSL_CERT_FILE", ca_file);
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `https://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: [..]

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]]);
}

/// The protocol that the gateway's front end chooses if both are offered.
fn negotiated_protocol(gateway: &TestGateway) -> String {
    let script = "import socket, ssl, sys\n\
        context = ssl.create_default_context(cafile=sys.argv[2])\n\
        context.set_alpn_protocols(['h2', 'http/1.1'])\n\
        host, port = sys.argv[1].split('/')[2].split(':')\n\
        with context.wrap_socket(socket.create_connection((host, port)), server_hostname=host) as tls:\n    \
            print(tls.selected_alpn_protocol(), end='')\n";
    let output = Command::new(gateway.python())
        .args([
            "-c",
            script,
            gateway.fact("address"),
            gateway.fact("ca_file"),
        ])
        .output()
        .expect("Python runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Front ends that prefer HTTP/2 and that speak nothing else.
#[test]
fn reports_front_ends_that_speak_only_http_2() {
    let user_of = |address: &str| {
        User::basic(address, "ada", "pw").with("SSL_CERT_FILE", PREFIX.fact("ca_file"))
    };
    let (_server, address) = front_end("both");
    user_of(&address).dgw(&["list", "-q"]).success();
    let (_server, address) = front_end("h2");
    user_of(&address)
        .dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the server at `https://[HOST]` does not speak HTTP/1.1; it may speak only HTTP/2

hint: check the port in `gateway.address`; if it is right, ask the gateway's administrators to allow HTTP/1.1 on its front end

"#]]);
    let output = user_of(&address).command(&["doctor"]).output();
    let report = String::from_utf8(output.expect("dgw runs").stdout).expect("stdout is UTF-8");
    let tls = format!("x tls            the server at `{address}` does not speak HTTP/1.1");
    assert!(report.contains(&tls), "{report}");
    // One that ignores the protocols that the client offers.
    let (_server, address) = front_end("unconditional");
    user_of(&address)
        .dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the server at `https://[HOST]` does not speak HTTP/1.1; it may speak only HTTP/2

hint: check the port in `gateway.address`; if it is right, ask the gateway's administrators to allow HTTP/1.1 on its front end

"#]]);
}

/// Starts an HTTP/2 server, which ends when its stdin is closed, and returns its address.
fn front_end(kind: &str) -> (Child, String) {
    let script = "const [cert, key, kind] = process.argv.slice(1);\n\
        const read = require('fs').readFileSync;\n\
        const files = {cert: read(cert), key: read(key)};\n\
        const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);\n\
        const server = kind === 'unconditional'\n\
          ? require('tls').createServer(files, socket => socket.end(settings))\n\
          : require('http2').createSecureServer({...files, allowHTTP1: kind === 'both'},\n\
              (_, answer) => answer.end('{}'));\n\
        server.on('error', () => {}).listen(0, '127.0.0.1',\n\
          () => console.log(server.address().port));\n\
        process.stdin.on('end', () => process.exit()).resume();";
    let work = Path::new(PREFIX.fact("work"));
    let mut server = Command::new("node")
        .args(["-e", script])
        .args([work.join("server.pem"), work.join("server.key")])
        .arg(kind)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut port = String::new();
    BufReader::new(server.stdout.take().expect("stdout is piped"))
        .read_line(&mut port)
        .expect("the server prints its port");
    (server, format!("https://127.0.0.1:{}", port.trim_end()))
}

/// If the gateway refuses a default option, the message says where it is set.
#[test]
fn names_source_of_a_refused_default() {
    let user = PREFIX.user();
    let assert_refused = |yaml: &str, code: i32, stderr: snapbox::data::Inline| {
        let file = fs::read_to_string(user.configuration()).expect("the configuration");
        let file = file
            .split("  cluster:")
            .next()
            .unwrap_or_default()
            .to_owned();
        let text = format!("{file}  cluster:\n    options: {yaml}\n");
        write_private(&user.configuration(), &text);
        user.dgw(&["new", "-q"])
            .code(code)
            .stdout_eq("")
            .stderr_eq(stderr);
    };
    assert_refused(
        "{worker_cores: 99}",
        3,
        str![[r#"
error: `gateway.cluster.options.worker_cores` ([HOME]/.config/dask/gateway.yaml) must be an integer, 1 to 4, not `99`

hint: `dgw options` lists the options that this gateway offers, and your defaults

"#]],
    );
    assert_refused(
        "{worker-cores: 2}",
        3,
        str![[r#"
error: `gateway.cluster.options.worker-cores` ([HOME]/.config/dask/gateway.yaml) is not an option of this gateway; did you mean `worker_cores`?

hint: `dgw options` lists the options that this gateway offers, and your defaults

"#]],
    );
    assert_refused(
        "{profile: yes}",
        3,
        str![[r#"
error: `gateway.cluster.options.profile` ([HOME]/.config/dask/gateway.yaml) must be one of small, medium, large, not `true`

hint: `dgw options` lists the options that this gateway offers, and your defaults

"#]],
    );
    assert_refused(
        "{worker_setup: 2026-11-21}",
        3,
        str![[r#"
error: `gateway.cluster.options.worker_setup` ([HOME]/.config/dask/gateway.yaml) can't be sent to a gateway: it holds a date

"#]],
    );
    let user = PREFIX
        .user()
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORES", "99");
    user.dgw(&["new", "-q"]).code(3).stdout_eq("").stderr_eq(str![[r#"
error: `gateway.cluster.options.worker_cores` (DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORES) must be an integer, 1 to 4, not `99`

hint: `dgw options` lists the options that this gateway offers, and your defaults

"#]]);
    // An option on the command line replaces the default.
    let name = user.stdout(&["new", "-q", "-s", "worker_cores=1"]);
    user.stdout(&["shutdown", &name]);
}
