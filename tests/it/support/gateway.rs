//! Real gateways on loopback: one of each kind for all tests, started by the first test that uses it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::User;

/// Authenticates by user name, with one password for all.
pub(crate) static BASIC: LazyLock<TestGateway> = LazyLock::new(|| TestGateway::start(&[]));

/// Runs behind a JupyterHub and authenticates by its tokens.
pub(crate) static HUB: LazyLock<TestGateway> =
    LazyLock::new(|| TestGateway::start(&["--auth", "jupyterhub"]));

/// Serves HTTPS with a certificate of a private authority.
pub(crate) static TLS: LazyLock<TestGateway> = LazyLock::new(|| TestGateway::start(&["--tls"]));

/// Starts clusters with older releases of distributed.
pub(crate) static RELEASES: LazyLock<TestGateway> =
    LazyLock::new(|| TestGateway::start(&["--releases"]));

/// Starts clusters as jobs of a Slurm on this machine, all of one user.
pub(crate) static SLURM: LazyLock<TestGateway> =
    LazyLock::new(|| TestGateway::start(&["--backend", "slurm"]));

/// Authenticates by tickets of its own Kerberos realm.
#[cfg(feature = "kerberos")]
pub(crate) static KERBEROS: LazyLock<TestGateway> =
    LazyLock::new(|| TestGateway::start(&["--auth", "kerberos"]));

/// Serves HTTPS below a path of its address, with an HTTP proxy beside it.
pub(crate) static PREFIX: LazyLock<TestGateway> =
    LazyLock::new(|| TestGateway::start(&["--tls", "--prefix", "/dg/site", "--http-proxy"]));

/// Number of the hub's users that tests choose by index; the rest are for [`TestGateway::user`].
const NAMED_HUB_USERS: usize = 16;

/// Versions that `serve --server` supports, oldest first.
pub(crate) const OLDER_SERVERS: [&str; 5] =
    ["0.9.0", "2022.4.0", "2023.1.1", "2024.1.0", "2025.4.0"];

/// A gateway that ends, with everything that it started, when this process ends: its supervisor reads
/// from a pipe, and stops at the end of input.
pub(crate) struct TestGateway {
    pub(crate) facts: Value,
    users: AtomicUsize,
    _supervisor: Child,
}

impl TestGateway {
    /// Runs `serve` with these arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut supervisor = Command::new("python3")
            .arg(repository().join("tests/gateway"))
            .arg("serve")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let stdout = supervisor.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the supervisor describes the gateway");
        let facts = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no gateway was started with {args:?}: {line}"));
        Self {
            facts,
            users: AtomicUsize::new(0),
            _supervisor: supervisor,
        }
    }

    pub(crate) fn fact(&self, name: &str) -> &str {
        let fact = self.facts[name].as_str();
        fact.unwrap_or_else(|| panic!("the gateway's {name}"))
    }

    /// Creates a user that no other test has, so that all of its clusters are this test's.
    pub(crate) fn user(&self) -> User {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let address = self.fact("address");
        let user = if self.fact("auth") == "basic" {
            User::basic(address, &format!("user{number}"), self.fact("password"))
        } else {
            let token = self.facts["users"][NAMED_HUB_USERS + number]["token"].as_str();
            let proxy = self.facts["proxy_address"].as_str();
            User::jupyterhub(address, token.expect("a user is left"), proxy)
        };
        let user = user.leaving_nothing();
        match self.facts["ca_file"].as_str() {
            Some(ca) => user.with("SSL_CERT_FILE", ca),
            None => user,
        }
    }

    /// Returns the user that owns the Slurm jobs, with its real home.
    pub(crate) fn slurm_user(&self) -> User {
        let user = User::basic(
            self.fact("address"),
            self.fact("user"),
            self.fact("password"),
        );
        let configuration = user.configuration().display().to_string();
        user.with("DASK_CONFIG", &configuration)
            .with("HOME", self.fact("home"))
            .with("SLURM_CONF", self.fact("slurm_conf"))
    }

    /// Returns the Python interpreter that has dask-gateway's client.
    pub(crate) fn python(&self) -> &Path {
        Path::new(self.fact("python"))
    }
}

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
