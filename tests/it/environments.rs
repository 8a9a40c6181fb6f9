//! What dgw finds itself in: streams that are closed or full, no home, bytes that are no text.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Output, Stdio};

use crate::support::{BASIC, User, is_calm, set_mode, write_private};

/// `dgw ARGS` with its streams as `redirection` says to a shell.
fn redirected(user: &User, redirection: &str, args: &[&str]) -> Output {
    let mut shell = Command::new("sh");
    let line = format!("exec \"$0\" \"$@\" {redirection}");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_dgw")]);
    shell.args(args).env_clear().envs(user.environment());
    shell.stdin(Stdio::null()).output().expect("sh runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The name of the only active cluster.
fn active(user: &User) -> String {
    let history = user.history().into_iter();
    let mut active = history.filter(|(_, status)| status == "PENDING" || status == "RUNNING");
    let (name, _) = active.next().expect("a cluster");
    assert!(active.next().is_none(), "one cluster");
    name
}

#[test]
fn a_new_name_that_goes_nowhere_is_told_on_stderr() {
    for redirection in [">&-", ">/dev/null", "1</dev/null", "1</etc/passwd"] {
        for args in [&["new", "-q"][..], &["new", "-q", "--no-wait"]] {
            let user = BASIC.user();
            let output = redirected(&user, redirection, args);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(0), "{redirection}: {said}");
            assert!(said.contains(&active(&user)), "{redirection}: {said}");
        }
    }
    let user = BASIC.user();
    let output = redirected(&user, "| cat", &["new", "-q"]);
    assert_eq!(stderr(&output), "", "a name that arrives is told once");
    let output = redirected(&user, ">&- 2>&-", &["list"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn nothing_is_done_in_vain_where_stdout_is_full() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    for args in [
        &["list"][..],
        &["list", "-o", "wide"],
        &["list", "-o", "json"],
        &["list", "-o", "csv"],
        &["options"],
        &["show"],
        &["connect"],
        &["connect", "--export"],
        &["connect", "--unexport"],
        &["dashboard"],
        &["logs"],
        &["keep", &name, "-o", "json"],
        &["scale", "0", "-o", "json"],
        &["wait", &name, "--for", "running", "-o", "json"],
        &["shutdown", "--all", "--dry-run"],
        &["doctor"],
        &["doctor", "-o", "json"],
        &["completions", "bash"],
        &["--help"],
        &["new", "--help"],
        &["--version"],
    ] {
        let output = redirected(&user, ">/dev/full", args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        let lines = said.lines().collect::<Vec<_>>();
        let error = lines
            .iter()
            .position(|line| *line == "error: can't write to stdout");
        let error = error.unwrap_or_else(|| panic!("{args:?}: {said}"));
        assert_eq!(
            lines[error + 1],
            "  No space left on device (os error 28)",
            "{args:?}"
        );
    }
    let unexported = user.command(&["connect", "--unexport"]).output();
    let said = stderr(&unexported.expect("dgw runs"));
    assert!(said.contains("nothing is exported"), "{said}");

    // What can't be told is not left behind.
    for args in [&["new"][..], &["new", "--no-wait"], &["new", "-o", "json"]] {
        let other = BASIC.user();
        let output = redirected(&other, ">/dev/full", args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("can't write the cluster's name"), "{said}");
        assert!(!other.has_active_clusters(), "{args:?}");
    }

    // stdout is COMMAND's there.
    let output = redirected(&user, ">/dev/full", &["connect", "--", "true"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // A shell that completes is told nothing, whatever happens.
    let shell = user.by_same_user("COMPLETE", "bash");
    let shell = shell.with("_CLAP_COMPLETE_INDEX", "2");
    for redirection in [">/dev/full", ">&-", "2>&-"] {
        let output = redirected(&shell, redirection, &["--", "dgw", "show", ""]);
        assert_eq!(stderr(&output), "", "{redirection}");
    }
    let gone = redirected(&user, ">/dev/full", &["shutdown", &name]);
    assert_eq!(gone.status.code(), Some(1), "{}", stderr(&gone));
    assert!(!user.has_active_clusters());
}

#[test]
fn no_stderr_and_no_stdin_change_nothing() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    for redirection in ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"] {
        for (args, code) in [
            (&["list", "-o", "name"][..], 0),
            (&["-v", "list", "-o", "name"], 0),
            (&["list", "-o", "name", "--nonsense"], 2),
            (&["list", "zzz"], 5),
            (&["shutdown", "--all"], 2),
            (&["keep", "zzz"], 5),
            (&["top"], 2),
            (&["connect", "--", "sh", "-c", "exit 7"], 7),
            (&["wait", &name, "--for", "running"], 0),
        ] {
            let output = redirected(&user, redirection, args);
            let said = stderr(&output);
            assert_eq!(
                output.status.code(),
                Some(code),
                "{args:?} {redirection}: {said}"
            );
            if args.contains(&"name") && code == 0 {
                assert_eq!(output.stdout, format!("{name}\n").into_bytes());
            }
        }
        let other = BASIC.user();
        let output = redirected(&other, redirection, &["new"]);
        assert_eq!(output.status.code(), Some(0), "{redirection}");
        assert_eq!(output.stdout, format!("{}\n", active(&other)).into_bytes());
    }
    // Nobody types anything there.
    let stranger = User::new();
    let args = [
        "login",
        "--address",
        BASIC.fact("address"),
        "--username",
        "ada",
    ];
    let output = redirected(&stranger, "<&-", &args);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("error: "), "{}", stderr(&output));
    assert!(!stranger.configuration().exists());
}

#[test]
fn without_a_home_what_needs_none_works_and_the_rest_says_so() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let file = user.configuration().display().to_string();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let missing = elsewhere.path().join("missing");
    let run = |home: Option<&OsStr>, args: &[&str]| {
        let mut command = user.command(args);
        command.current_dir(elsewhere.path());
        match home {
            Some(home) => command.env("HOME", home),
            None => command.env_remove("HOME"),
        };
        command.output().expect("dgw runs")
    };
    for home in [
        None,
        Some(OsStr::new("")),
        Some(OsStr::new("relative")),
        Some(missing.as_os_str()),
        Some(OsStr::new("/dev/null")),
    ] {
        let what = format!("{home:?}");
        let listed = run(home, &["list", "-o", "name", "--config", &file]);
        assert_eq!(
            listed.stdout,
            format!("{name}\n").into_bytes(),
            "{what}: {}",
            stderr(&listed)
        );
        let wide = run(home, &["list", "-o", "wide", "--config", &file]);
        assert!(wide.status.success(), "{what}: {}", stderr(&wide));
        let unset = run(home, &["doctor"]);
        assert_eq!(unset.status.code(), Some(3), "{what}: {}", stderr(&unset));
        assert!(is_calm(&unset), "{what}");
    }
    // What depends on where dgw is run protects nothing.
    for args in [
        &["keep", &name, "--config", &file][..],
        &["shutdown", "--idle-for", "1s", "--yes", "--config", &file],
    ] {
        for home in ["relative", "/dev/null"] {
            let output = run(Some(OsStr::new(home)), args);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{home} {args:?}: {said}");
            assert!(said.contains("XDG_STATE_HOME"), "{said}");
            assert!(!said.contains("is protected"), "{said}");
        }
    }
    assert!(user.has_active_clusters());
    assert_eq!(
        fs::read_dir(elsewhere.path()).expect("a folder").count(),
        0,
        "nothing is written where nothing was named"
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_or_handed_on_as_they_are() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let odd = OsStr::from_bytes(b"a\xffb");
    let run = |args: &[&OsStr]| {
        let mut command = user.command(&[]);
        command.args(args).output().expect("dgw runs")
    };
    let plain = |text: &'static str| OsStr::new(text);
    for (args, code) in [
        (vec![plain("show"), odd], 2),
        (vec![plain("list"), odd], 2),
        (vec![plain("shutdown"), odd], 2),
        (vec![plain("new"), plain("-s"), odd], 2),
        (
            vec![
                plain("new"),
                plain("-s"),
                OsStr::from_bytes(b"profile=\xff"),
            ],
            2,
        ),
        (
            vec![
                plain("list"),
                plain("--address"),
                OsStr::from_bytes(b"http://\xff"),
            ],
            2,
        ),
        (vec![plain("list"), plain("--config"), odd], 3),
        (vec![plain("list"), plain("-o"), odd], 2),
        (vec![plain("list"), plain("--sort-by"), odd], 2),
        (vec![plain("logs"), plain("--worker"), odd], 2),
        (vec![odd], 2),
        (vec![OsStr::from_bytes(b"--\xff")], 2),
        (vec![plain("connect"), plain("--"), odd], 127),
        (vec![plain("run"), plain("--"), odd], 127),
    ] {
        let output = run(&args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.starts_with("error: "), "{args:?}: {said}");
        assert!(is_calm(&output), "{args:?}");
    }
    assert_eq!(user.history().len(), 1, "nothing was started");
    let handed_on = b"a\xffb";
    for command in ["connect", "run"] {
        let args = [
            plain(command),
            plain("--"),
            plain("printf"),
            plain("%s"),
            odd,
        ];
        let output = run(&args);
        assert!(output.status.success(), "{command}: {}", stderr(&output));
        assert_eq!(output.stdout, handed_on, "{command}");
    }

    // Files may be called so.
    let odd_file = user.home().join(odd);
    fs::copy(user.configuration(), &odd_file).expect("copied");
    set_mode(&odd_file, 0o600);
    set_mode(user.home(), 0o700);
    let listed = run(&[plain("list"), plain("--config"), odd_file.as_os_str()]);
    assert!(listed.status.success(), "{}", stderr(&listed));
}

#[test]
fn variables_that_are_no_text_are_refused_where_they_matter() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let odd = OsStr::from_bytes(b"/\xff");
    let run = |variable: &str, value: &OsStr, args: &[&str]| {
        let mut command = user.command(args);
        command.env(variable, value).output().expect("dgw runs")
    };
    for variable in ["DASK_GATEWAY__X", "DASK_CONFIG", "JUPYTERHUB_API_TOKEN"] {
        let output = run(variable, odd, &["list"]);
        assert_eq!(output.status.code(), Some(3), "{variable}");
        assert!(stderr(&output).contains(variable), "{}", stderr(&output));
    }
    let mut path = std::env::var_os("PATH").expect("PATH is set");
    path.push(":");
    path.push(odd);
    for (variable, value) in [
        ("PATH", path.as_os_str()),
        ("USER", odd),
        ("TERM", odd),
        ("LANG", odd),
        ("LC_ALL", odd),
        ("NO_COLOR", odd),
        ("HTTP_PROXY", odd),
        ("SSL_CERT_FILE", odd),
        ("XDG_STATE_HOME", odd),
        ("XDG_RUNTIME_DIR", odd),
        ("TMPDIR", OsStr::new("relative")),
        ("WHATEVER", odd),
    ] {
        for args in [&["list", "-o", "wide"][..], &["doctor"], &["options"]] {
            let output = run(variable, value, args);
            let said = stderr(&output);
            assert!(output.status.success(), "{variable} {args:?}: {said}");
        }
    }
    // COMMAND gets them as they are.
    let args = ["connect", &name, "--", "printenv", "WHATEVER"];
    let output = run("WHATEVER", odd, &args);
    assert_eq!(output.stdout, b"/\xff\n");

    // A home may be called so.
    let home = user.home().join(OsStr::from_bytes(b"h\xff"));
    let configuration = fs::read_to_string(user.configuration()).expect("a configuration");
    write_private(&home.join(".config/dask/gateway.yaml"), &configuration);
    let output = run("HOME", home.as_os_str(), &["keep", &name]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = run("HOME", home.as_os_str(), &["keep", "--forget", &name]);
    let said = stderr(&output);
    assert!(said.contains("no longer protected"), "{said}");

    // Lines for a shell can't spell such a folder.
    let temporary = user.home().join(OsStr::from_bytes(b"t\xff"));
    fs::create_dir(&temporary).expect("a folder");
    let output = run("TMPDIR", temporary.as_os_str(), &["connect", "--export"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("TMPDIR"), "{}", stderr(&output));
    let left = fs::read_dir(&temporary).expect("a folder").count();
    assert_eq!(left, 0, "nothing is left there");
    let args = [
        "connect",
        "--",
        "sh",
        "-c",
        "test -r \"$DASK_DISTRIBUTED__COMM__TLS__CA_FILE\"",
    ];
    let output = run("TMPDIR", temporary.as_os_str(), &args);
    assert!(output.status.success(), "{}", stderr(&output));
}
