//! `dgw connect`

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::attach::{
    Child, ConnectionSetup, RelayLauncher, export, find_program, is_python, unexport,
};
use crate::cli::{TargetArgs, value};
use crate::config::{ConfigSelection, Credentials};
use crate::error::{Error, ExitCode, Failure};
use crate::gateway::{Cluster, ClusterPattern, Status};
use crate::lifecycle::{self, Deadline, LabelledCluster};
use crate::session::{Invocation, Session};
use crate::signals::{Interrupted, Interrupts, ignore_user_signals};

/// Wait until a cluster is running, and print how to connect to it, or run a COMMAND connected to it
///
/// In COMMAND's environment a plain `distributed.Client()` connects to the cluster, with dask-gateway
/// installed or without. COMMAND gets the signals and keeps the terminal, and its exit code is
/// dgw's. It does not get your token or password; it does get `DGW_CLUSTER`, the cluster's name, and
/// `DGW_DASHBOARD`.
///
/// If the cluster has no workers, and nobody has requested any, dgw warns before COMMAND starts.
/// If COMMAND's tasks wait for workers for half a minute, dgw says once why none arrive.
///
/// COMMAND reaches the cluster through a local port that accepts only clients with the cluster's own
/// certificate. The certificate is in a directory that only you can read, in `XDG_RUNTIME_DIR` or
/// `TMPDIR`, and is removed when COMMAND ends.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw connect
  dgw connect 2224 --timeout 5m
  dgw connect -- python analysis.py
  eval \"$(dgw connect --export)\"; python analysis.py; eval \"$(dgw connect --unexport)\"")]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Give up if the cluster is not running after this time
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    timeout: Option<Duration>,

    /// Print lines for a shell's eval that connect every program it runs
    ///
    /// For sh, bash, zsh and the like. A background process holds the connection until
    /// `dgw connect --unexport`, or until the cluster ends. dgw prints on stderr where the certificate
    /// and the key are. If it fails, eval fails with dgw's exit code.
    #[arg(long, conflicts_with = "command")]
    export: bool,

    /// End the connection of --export, and print lines for eval that unset its variables
    ///
    /// Ends the connection to CLUSTER; by default that of this shell, or else the only one.
    #[arg(long, conflicts_with_all = ["export", "command", "timeout"])]
    unexport: bool,

    /// Command to run, and its arguments
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

impl ConnectArgs {
    /// Returns true if a shell is to evaluate what dgw prints.
    pub(super) fn is_for_eval(&self) -> bool {
        self.export || self.unexport
    }

    /// Waits until a cluster is running, and prints how to connect to it or runs COMMAND.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        if self.unexport {
            let mut pattern = self.target.cluster.clone();
            // Only a name of the user's own needs the gateway's address.
            if let Some(named) = pattern.as_ref().filter(|it| it.label().is_some()) {
                pattern = Some(
                    lifecycle::resolve(named, &invocation.session()?.gateway)
                        .map_err(lifecycle::Error::from)?,
                );
            }
            return Ok(unexport(pattern.as_ref(), &invocation.printer)?);
        }
        let session = invocation.session()?;
        let mut interrupts = Interrupts::listen()?;
        if self.export {
            let setup = ConnectionSetup::acquire()?;
            let launcher = RelayLauncher::new(&session.overrides)?;
            let work = async {
                let cluster = self.running_cluster(&session).await?;
                Ok::<_, Error>(export(&cluster, setup, &launcher, &session).await?)
            };
            return Box::pin(interrupts.run("nothing was exported", work)).await;
        }
        if self.command.is_empty() {
            let work = self.running_cluster(&session);
            let cluster = interrupts.run("the cluster is left as it is", work).await?;
            return Ok(session
                .printer
                .result(&LabelledCluster::new(&cluster, &session.gateway), || {
                    instructions(&cluster, &session)
                })?);
        }
        find_program(&self.command)?;
        ignore_user_signals()?;
        let setup = ConnectionSetup::acquire()?;
        let work = async {
            let cluster = self.running_cluster(&session).await?;
            let connection = setup.connect(&cluster, &session.gateway).await?;
            connection.warn_without_workers(&session).await;
            let child = Child::start(&self.command, connection, &session)?;
            Ok::<_, Error>(child)
        };
        let child = interrupts
            .run("COMMAND was not run", Box::pin(work))
            .await?;
        Ok(child.wait(&mut interrupts, None, &session, None).await?)
    }

    /// Returns the target cluster as soon as it is running.
    async fn running_cluster(&self, session: &Session) -> Result<Cluster, ConnectError> {
        let Session {
            gateway, printer, ..
        } = session;
        let deadline = self.timeout.map(Deadline::after);
        let find = lifecycle::find(gateway, self.target.cluster.as_ref());
        let found = lifecycle::with_deadline(deadline, "the gateway has not responded", find).await;
        let found = found.map_err(|error| {
            // With a COMMAND, the word can only be meant as a cluster.
            if self.command.is_empty() {
                ConnectError::of_find(error)
            } else {
                ConnectError::Lifecycle(error)
            }
        })?;
        let Cluster { name, status, .. } = &found;
        if *status == Status::Running {
            return Ok(found);
        }
        if !status.is_active() {
            return Err(ConnectError::Lifecycle(lifecycle::Error::NotRunning {
                name: found.name,
                status: found.status,
            }));
        }
        let mut progress = printer.progress(&lifecycle::pending_message(name));
        let cluster =
            lifecycle::wait_until_running(gateway, name, false, deadline, &mut progress).await?;
        progress.finish(&format!("cluster {name} is running"));
        Ok(cluster)
    }
}

/// Why there is no cluster to connect to.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error(transparent)]
    Lifecycle(#[from] lifecycle::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// What should name a cluster looks like a program or a file.
    #[error("no cluster matches `{0}`")]
    Program(String),
}

impl ConnectError {
    fn of_find(error: lifecycle::Error) -> Self {
        match error {
            lifecycle::Error::NoMatch { pattern, .. } if is_program(&pattern) => {
                Self::Program(pattern)
            }
            error => Self::Lifecycle(error),
        }
    }
}

/// Returns true if no gateway gives such a name to a cluster.
fn is_program(pattern: &str) -> bool {
    ClusterPattern::parse(pattern).is_ok_and(|pattern| !pattern.is_hexadecimal())
}

impl Failure for ConnectError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Lifecycle(error) => error.exit_code(),
            Self::Interrupted(error) => error.exit_code(),
            Self::Program(_) => ExitCode::NoCluster,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Lifecycle(error) => error.details(),
            Self::Interrupted(_) | Self::Program(_) => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Lifecycle(error) => error.hint(),
            Self::Interrupted(error) => error.hint(),
            Self::Program(word) => {
                let python = if is_python(Path::new(word)) {
                    "python "
                } else {
                    ""
                };
                Some(format!(
                    "to run it connected to your cluster: `dgw connect -- {python}{word}`"
                ))
            }
        }
    }

    fn is_silent(&self) -> bool {
        match self {
            Self::Lifecycle(error) => error.is_silent(),
            Self::Interrupted(error) => error.is_silent(),
            Self::Program(_) => false,
        }
    }
}

fn instructions(cluster: &Cluster, session: &Session) -> String {
    format!(
        "cluster    {}\nscheduler  {}\ndashboard  {}\n\n{}",
        cluster.name,
        cluster.scheduler_address.as_deref().unwrap_or("-"),
        cluster.dashboard_link.as_deref().unwrap_or("-"),
        python_code(cluster, session)
    )
}

/// Returns Python code that connects to the cluster. Python reads the same configuration, so the code
/// holds only what the command line changed, and never credentials.
fn python_code(cluster: &Cluster, session: &Session) -> String {
    let Session {
        settings,
        overrides,
        ..
    } = session;
    let is_withheld = matches!(settings.credentials, Credentials::Withheld { .. });
    let mut arguments = String::new();
    let path = match &overrides.config {
        ConfigSelection::Path(path) => Some(path),
        ConfigSelection::Dask | ConfigSelection::Gateway(_) => None,
    };
    if overrides.address.is_some() || path.is_some() || is_withheld {
        arguments = format!(
            "\n    address={:?},\n    proxy_address={:?},\n    public_address={:?},\n",
            settings.address.as_str(),
            settings.scheduler_proxy,
            settings.public_address,
        );
    }
    let imports = if is_withheld {
        // Python would send the configured credentials to any address.
        arguments.push_str("    auth=BasicAuth(),\n");
        "BasicAuth, Gateway"
    } else {
        "Gateway"
    };
    let credentials = match (path, &settings.named) {
        (Some(path), _) => format!(
            "# For the credentials, set DASK_CONFIG={}\n",
            path.display()
        ),
        // In place of the default gateway's settings: merged with them, its credentials could go here.
        (None, Some(named)) => format!(
            "import dask\nimport yaml\n\n\
             with open({:?}) as file:\n    dask.config.set(yaml.safe_load(file))\n\n",
            named.file.display().to_string()
        ),
        (None, None) => String::new(),
    };
    format!(
        "{credentials}from dask_gateway import {imports}\n\n\
         cluster = Gateway({arguments}).connect(\"{}\")\n\
         client = cluster.get_client()\n",
        cluster.name
    )
}
