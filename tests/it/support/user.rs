//! A user: a home with a configuration, and an environment to run dgw in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use snapbox::cmd::OutputAssert;
use tempfile::TempDir;

pub(crate) struct User {
    home: TempDir,
    variables: Vec<(String, String)>,
    /// The configuration with which the user's clusters are shut down on drop.
    clean_up_configuration: Option<String>,
}

/// Left-over clusters would slow down every other test.
impl Drop for User {
    fn drop(&mut self) {
        if let Some(yaml) = self.clean_up_configuration.take() {
            let mut remover = Self::new().configured(&yaml);
            remover.variables.clone_from(&self.variables);
            let args = [
                "shutdown",
                "--all",
                "--even-kept",
                "--yes",
                "--no-wait",
                "--quiet",
            ];
            let _ = remover.command(&args).output();
        }
    }
}

impl User {
    /// Creates a user without any configuration.
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().expect("a directory for a home"),
            variables: Vec::new(),
            clean_up_configuration: None,
        }
    }

    /// Returns the user, whose clusters are now shut down on drop.
    pub(crate) fn leaving_nothing(mut self) -> Self {
        let file = fs::read_to_string(self.configuration());
        self.clean_up_configuration = Some(file.expect("the configuration"));
        self
    }

    pub(crate) fn basic(address: &str, name: &str, password: &str) -> Self {
        Self::new().configured(&format!(
            "gateway:\n  address: {address}\n  auth:\n    type: basic\n    kwargs:\n      \
             username: {name}\n      password: \"{password}\"\n"
        ))
    }

    pub(crate) fn jupyterhub(address: &str, token: &str, proxy: Option<&str>) -> Self {
        let proxy = proxy.map_or(String::new(), |proxy| format!("  proxy-address: {proxy}\n"));
        Self::new().configured(&format!(
            "gateway:\n  address: {address}\n{proxy}  auth:\n    type: jupyterhub\n    kwargs:\n      \
             api_token: \"{token}\"\n"
        ))
    }

    /// Returns the same user with another scheduler proxy.
    pub(crate) fn by_proxy(&self, proxy: &str) -> Self {
        let file = fs::read_to_string(self.configuration()).expect("the configuration");
        let file = file.replace("  auth:", &format!("  proxy-address: {proxy}\n  auth:"));
        Self::new().configured(&file)
    }

    /// Returns the same user, with a home of its own, with a variable set.
    pub(crate) fn by_same_user(&self, name: &str, value: &str) -> Self {
        let file = fs::read_to_string(self.configuration()).expect("the configuration");
        let mut other = Self::new().configured(&file).with(name, value);
        other.variables.extend(self.variables.iter().cloned());
        other
    }

    /// Writes this text as the configuration.
    pub(crate) fn configured(self, yaml: &str) -> Self {
        write_private(&self.configuration(), yaml);
        self
    }

    /// Sets a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns dgw's state directory for the only gateway.
    pub(crate) fn state(&self) -> PathBuf {
        let directory = self.home().join(".local/state/dgw");
        let entry = fs::read_dir(directory).expect("state").next();
        entry.expect("a gateway").expect("its directory").path()
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.home().join(".config/dask/gateway.yaml")
    }

    /// Returns the file of the gateway with this name.
    pub(crate) fn gateway_file(&self, name: &str) -> PathBuf {
        let directory = self.home().join(".config/dask/gateways");
        directory.join(name).with_extension("yaml")
    }

    /// Creates the command `dgw ARGS` in this user's environment, without stdin.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dgw"));
        command.args(args).env_clear().envs(self.environment());
        command.stdin(Stdio::null());
        command
    }

    /// Returns the whole environment of this user.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let home = self.home().display().to_string();
        let mut variables = vec![
            ("HOME".to_owned(), home),
            ("USER".to_owned(), "nobody-special".to_owned()),
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("DASK_ROOT_CONFIG".to_owned(), "/nonexistent".to_owned()),
        ];
        variables.extend(self.variables.iter().cloned());
        variables
    }

    /// Runs `dgw ARGS`, and redacts what differs from run to run.
    pub(crate) fn dgw(&self, args: &[&str]) -> OutputAssert {
        snapbox::cmd::Command::from_std(self.command(args))
            .with_assert(assert(self.home()))
            .assert()
    }

    /// Returns a comparison that redacts what differs from run to run.
    pub(crate) fn assert(&self) -> snapbox::Assert {
        assert(self.home())
    }

    /// Returns the stdout of `dgw ARGS`, which must succeed, without white space at the end.
    pub(crate) fn stdout(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("dgw runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "dgw {args:?}: {stderr}");
        let stdout = String::from_utf8(output.stdout).expect("stdout is UTF-8");
        stdout.trim_end().to_owned()
    }

    /// Returns the stdout of `dgw ARGS -o json`, which must succeed.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let stdout = self.stdout(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&stdout).expect("stdout is JSON")
    }

    /// Returns the names and statuses of all clusters that this user ever had.
    pub(crate) fn history(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let clusters = self.json(&["list", "--all"]);
        let clusters = clusters.as_array().expect("an array").iter();
        clusters
            .map(|cluster| (text(&cluster["name"]), text(&cluster["status"])))
            .collect()
    }

    /// Returns true if a cluster of this user is PENDING or RUNNING.
    pub(crate) fn has_active_clusters(&self) -> bool {
        let active = |(_, status): &(String, String)| status == "PENDING" || status == "RUNNING";
        self.history().iter().any(active)
    }
}

/// Returns true if dgw exited without a panic, and not by a signal.
pub(crate) fn is_calm(output: &Output) -> bool {
    let messages = String::from_utf8_lossy(&output.stderr);
    output.status.code().is_some() && !messages.contains("panicked")
}

/// Creates a snapshot comparison; `SNAPSHOTS=overwrite` updates the snapshots.
fn assert(home: &Path) -> snapbox::Assert {
    let mut redactions = snapbox::Redactions::new();
    let regex = |pattern: &str| regex::Regex::new(pattern).expect("a valid pattern");
    redactions
        .insert("[HOME]", home.display().to_string())
        .expect("a placeholder");
    for (placeholder, pattern) in [
        ("[NAME]", r"\b[0-9a-f]{32}\b"),
        ("[USER]", r"\buser\d+\b"),
        ("[HOST]", r"127\.0\.0\.1:\d+"),
        ("[TIME]", r"\d{4}-\d\d-\d\dT[0-9:.]+Z"),
        ("[ELAPSED]", r"(?:\(|after )(?<redacted>(?:\d+m)?\d+s)\b"),
        (
            "[AGE]",
            r"(?:PENDING|RUNNING|STOPPING|STOPPED|FAILED) +(?<redacted>(?:\d+m)?\d+s *)",
        ),
        ("[AGO]", r"(?<redacted>\d+s) (?:after its start|ago)\b"),
        ("[TOOK]", r" bytes, (?<redacted>\d[\d.]*(?:m|µ)?s)\b"),
    ] {
        redactions
            .insert(placeholder, regex(pattern))
            .expect("a placeholder");
    }
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .redact_with(redactions)
        .normalize_paths(false)
}

/// Writes a file with mode 600 in a directory with mode 700, whatever the umask.
pub(crate) fn write_private(path: &Path, text: &str) {
    let directory = path.parent().expect("a file in a directory");
    fs::create_dir_all(directory).expect("the directory can be made");
    set_mode(directory, 0o700);
    fs::write(path, text).expect("the file can be written");
    set_mode(path, 0o600);
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
}
