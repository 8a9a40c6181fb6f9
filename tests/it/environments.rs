//! Unusual environments: closed or full streams, no home, bytes that are not UTF-8.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Output, Stdio};

use crate::support::{BASIC, User, is_calm, set_mode, write_private};

/// Runs `dgw ARGS` with a redirection in the syntax of `sh`.
fn run_redirected(user: &User, redirection: &str, args: &[&str]) -> Output {
    let mut shell = Command::new("sh");
    let line = format!("exec \"$0\" \"$@\" {redirection}");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_dgw")]);
    shell.args(args).env_clear().envs(user.environment());
    shell.stdin(Stdio::null()).output().expect("sh runs")
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The name of the only active cluster.
fn active_cluster(user: &User) -> String {
    let history = user.history().into_iter();
    let mut active = history.filter(|(_, status)| status == "PENDING" || status == "RUNNING");
    let (name, _) = active.next().expect("a cluster");
    assert!(active.next().is_none(), "one cluster");
    name
}

#[test]
fn prints_name_of_new_cluster_on_stderr_if_stdout_is_lost() {
    for redirection in [">&-", ">/dev/null", "1</dev/null", "1</etc/passwd"] {
        for args in [&["new", "-q"][..], &["new", "-q", "--no-wait"]] {
            let user = BASIC.user();
            let output = run_redirected(&user, redirection, args);
            let stderr = stderr_of(&output);
            assert_eq!(output.status.code(), Some(0), "{redirection}: {stderr}");
            assert!(
                stderr.contains(&active_cluster(&user)),
                "{redirection}: {stderr}"
            );
        }
    }
    let user = BASIC.user();
    let output = run_redirected(&user, "| cat", &["new", "-q"]);
    assert_eq!(
        stderr_of(&output),
        "",
        "a name that stdout accepts is not repeated"
    );
    let output = run_redirected(&user, ">&- 2>&-", &["list"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn fails_if_stdout_is_full() {
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
        &["shutdown", "--all", "--even-kept", "--dry-run"],
        &["doctor"],
        &["doctor", "-o", "json"],
        &["completions", "bash"],
        &["--help"],
        &["new", "--help"],
        &["--version"],
    ] {
        let output = run_redirected(&user, ">/dev/full", args);
        let stderr = stderr_of(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        let lines = stderr.lines().collect::<Vec<_>>();
        let error = lines
            .iter()
            .position(|line| *line == "error: can't write to stdout");
        let error = error.unwrap_or_else(|| panic!("{args:?}: {stderr}"));
        assert_eq!(
            lines[error + 1],
            "  No space left on device (os error 28)",
            "{args:?}"
        );
    }
    let unexported = user.command(&["connect", "--unexport"]).output();
    let stderr = stderr_of(&unexported.expect("dgw runs"));
    assert!(stderr.contains("nothing is exported"), "{stderr}");

    // A cluster whose name can't be printed is shut down.
    for args in [&["new"][..], &["new", "--no-wait"], &["new", "-o", "json"]] {
        let other_user = BASIC.user();
        let output = run_redirected(&other_user, ">/dev/full", args);
        let stderr = stderr_of(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(
            stderr.contains("can't write the cluster's name"),
            "{stderr}"
        );
        assert!(!other_user.has_active_clusters(), "{args:?}");
    }

    // Only COMMAND writes to stdout.
    let output = run_redirected(&user, ">/dev/full", &["connect", "--", "true"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr_of(&output));
    // Completion prints no errors: they would disturb the command line.
    let completing = user.by_same_user("COMPLETE", "bash");
    let completing = completing.with("_CLAP_COMPLETE_INDEX", "2");
    for redirection in [">/dev/full", ">&-", "2>&-"] {
        let output = run_redirected(&completing, redirection, &["--", "dgw", "show", ""]);
        assert_eq!(stderr_of(&output), "", "{redirection}");
    }
    let shut_down = run_redirected(&user, ">/dev/full", &["shutdown", &name]);
    assert_eq!(
        shut_down.status.code(),
        Some(1),
        "{}",
        stderr_of(&shut_down)
    );
    assert!(!user.has_active_clusters());
}

#[test]
fn works_without_stderr_and_stdin() {
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
            let output = run_redirected(&user, redirection, args);
            let stderr = stderr_of(&output);
            assert_eq!(
                output.status.code(),
                Some(code),
                "{args:?} {redirection}: {stderr}"
            );
            if args.contains(&"name") && code == 0 {
                assert_eq!(output.stdout, format!("{name}\n").into_bytes());
            }
        }
        let other_user = BASIC.user();
        let output = run_redirected(&other_user, redirection, &["new"]);
        assert_eq!(output.status.code(), Some(0), "{redirection}");
        assert_eq!(
            output.stdout,
            format!("{}\n", active_cluster(&other_user)).into_bytes()
        );
    }
    // Without stdin there is no password.
    let user_without_configuration = User::new();
    let args = [
        "login",
        "--address",
        BASIC.fact("address"),
        "--username",
        "ada",
    ];
    let output = run_redirected(&user_without_configuration, "<&-", &args);
    assert!(!output.status.success());
    assert!(
        stderr_of(&output).contains("error: "),
        "{}",
        stderr_of(&output)
    );
    assert!(!user_without_configuration.configuration().exists());
}

#[test]
fn works_without_a_home_where_none_is_needed() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let file = user.configuration().display().to_string();
    let elsewhere = tempfile::tempdir().expect("a directory");
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
        let context = format!("{home:?}");
        let listed = run(home, &["list", "-o", "name", "--config", &file]);
        assert_eq!(
            listed.stdout,
            format!("{name}\n").into_bytes(),
            "{context}: {}",
            stderr_of(&listed)
        );
        let wide = run(home, &["list", "-o", "wide", "--config", &file]);
        assert!(wide.status.success(), "{context}: {}", stderr_of(&wide));
        let unset = run(home, &["doctor"]);
        assert_eq!(
            unset.status.code(),
            Some(3),
            "{context}: {}",
            stderr_of(&unset)
        );
        assert!(is_calm(&unset), "{context}");
    }
    // A relative state directory would depend on the working directory, so dgw refuses it.
    for args in [
        &["keep", &name, "--config", &file][..],
        &["shutdown", "--idle-for", "1s", "--yes", "--config", &file],
    ] {
        for home in ["relative", "/dev/null"] {
            let output = run(Some(OsStr::new(home)), args);
            let stderr = stderr_of(&output);
            assert_eq!(output.status.code(), Some(1), "{home} {args:?}: {stderr}");
            assert!(stderr.contains("XDG_STATE_HOME"), "{stderr}");
            assert!(!stderr.contains("is protected"), "{stderr}");
        }
    }
    assert!(user.has_active_clusters());
    assert_eq!(
        fs::read_dir(elsewhere.path()).expect("a directory").count(),
        0,
        "nothing is written to the working directory"
    );
}

#[test]
fn refuses_arguments_that_are_not_utf8_or_passes_them_on() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let not_utf8 = OsStr::from_bytes(b"a\xffb");
    let run = |args: &[&OsStr]| {
        let mut command = user.command(&[]);
        command.args(args).output().expect("dgw runs")
    };
    let plain = |text: &'static str| OsStr::new(text);
    for (args, code) in [
        (vec![plain("show"), not_utf8], 2),
        (vec![plain("list"), not_utf8], 2),
        (vec![plain("shutdown"), not_utf8], 2),
        (vec![plain("new"), plain("-s"), not_utf8], 2),
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
        (vec![plain("list"), plain("--config"), not_utf8], 3),
        (vec![plain("list"), plain("-o"), not_utf8], 2),
        (vec![plain("list"), plain("--sort-by"), not_utf8], 2),
        (vec![plain("logs"), plain("--worker"), not_utf8], 2),
        (vec![not_utf8], 2),
        (vec![OsStr::from_bytes(b"--\xff")], 2),
        (vec![plain("connect"), plain("--"), not_utf8], 127),
        (vec![plain("run"), plain("--"), not_utf8], 127),
    ] {
        let output = run(&args);
        let stderr = stderr_of(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
        assert!(is_calm(&output), "{args:?}");
    }
    assert_eq!(user.history().len(), 1, "nothing was started");
    let unchanged = b"a\xffb";
    for command in ["connect", "run"] {
        let args = [
            plain(command),
            plain("--"),
            plain("printf"),
            plain("%s"),
            not_utf8,
        ];
        let output = run(&args);
        assert!(output.status.success(), "{command}: {}", stderr_of(&output));
        assert_eq!(output.stdout, unchanged, "{command}");
    }

    // A file name need not be UTF-8.
    let file = user.home().join(not_utf8);
    fs::copy(user.configuration(), &file).expect("the file is copied");
    set_mode(&file, 0o600);
    set_mode(user.home(), 0o700);
    let listed = run(&[plain("list"), plain("--config"), file.as_os_str()]);
    assert!(listed.status.success(), "{}", stderr_of(&listed));
}

#[test]
fn refuses_variables_that_are_not_utf8_only_if_it_needs_them() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let not_utf8 = OsStr::from_bytes(b"/\xff");
    let run = |variable: &str, value: &OsStr, args: &[&str]| {
        let mut command = user.command(args);
        command.env(variable, value).output().expect("dgw runs")
    };
    for variable in ["DASK_GATEWAY__X", "DASK_CONFIG", "JUPYTERHUB_API_TOKEN"] {
        let output = run(variable, not_utf8, &["list"]);
        assert_eq!(output.status.code(), Some(3), "{variable}");
        assert!(
            stderr_of(&output).contains(variable),
            "{}",
            stderr_of(&output)
        );
    }
    let mut path = std::env::var_os("PATH").expect("PATH is set");
    path.push(":");
    path.push(not_utf8);
    for (variable, value) in [
        ("PATH", path.as_os_str()),
        ("USER", not_utf8),
        ("TERM", not_utf8),
        ("LANG", not_utf8),
        ("LC_ALL", not_utf8),
        ("NO_COLOR", not_utf8),
        ("HTTP_PROXY", not_utf8),
        ("SSL_CERT_FILE", not_utf8),
        ("XDG_STATE_HOME", not_utf8),
        ("XDG_RUNTIME_DIR", not_utf8),
        ("TMPDIR", OsStr::new("relative")),
        ("WHATEVER", not_utf8),
    ] {
        for args in [&["list", "-o", "wide"][..], &["doctor"], &["options"]] {
            let output = run(variable, value, args);
            let stderr = stderr_of(&output);
            assert!(output.status.success(), "{variable} {args:?}: {stderr}");
        }
    }
    // COMMAND receives them unchanged.
    let args = ["connect", &name, "--", "printenv", "WHATEVER"];
    let output = run("WHATEVER", not_utf8, &args);
    assert_eq!(output.stdout, b"/\xff\n");

    // The path of the home need not be UTF-8.
    let home = user.home().join(OsStr::from_bytes(b"h\xff"));
    let configuration = fs::read_to_string(user.configuration()).expect("a configuration");
    write_private(&home.join(".config/dask/gateway.yaml"), &configuration);
    let output = run("HOME", home.as_os_str(), &["keep", &name]);
    assert!(output.status.success(), "{}", stderr_of(&output));
    let output = run("HOME", home.as_os_str(), &["keep", "--forget", &name]);
    let stderr = stderr_of(&output);
    assert!(stderr.contains("no longer protected"), "{stderr}");

    // Shell code can't contain such a path.
    let temporary = user.home().join(OsStr::from_bytes(b"t\xff"));
    fs::create_dir(&temporary).expect("a directory");
    let output = run("TMPDIR", temporary.as_os_str(), &["connect", "--export"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr_of(&output));
    assert!(
        stderr_of(&output).contains("TMPDIR"),
        "{}",
        stderr_of(&output)
    );
    let left = fs::read_dir(&temporary).expect("a directory").count();
    assert_eq!(left, 0, "no file remains");
    let args = [
        "connect",
        "--",
        "sh",
        "-c",
        "test -r \"$DASK_DISTRIBUTED__COMM__TLS__CA_FILE\"",
    ];
    let output = run("TMPDIR", temporary.as_os_str(), &args);
    assert!(output.status.success(), "{}", stderr_of(&output));
}
