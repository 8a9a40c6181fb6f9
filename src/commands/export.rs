//! `dgw connect --export` and `--unexport`: a connection that outlives the dgw that made it.
//!
//! A relay in the background, of a session of its own, holds the private folder. What it serves
//! stands in a file there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::connection::{Way, unreached};
use super::private_folder;
use crate::cli::value::ClusterName;
use crate::cli::{ConnectArgs, GlobalArgs};
use crate::error::Error;
use crate::gateway::{Cluster, Gateway};
use crate::output::Printer;
use crate::scheduler::{Credentials, Relay, VARIABLES};

/// A relay does nothing before it is there: it takes some milliseconds.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A relay that is told to end has nothing to wait for.
const END_LIMIT: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(20);

/// What a relay in the background serves.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Served {
    pub(super) name: String,
    /// The gateway's address.
    pub(super) gateway: String,
    /// Where the relay listens.
    pub(super) address: SocketAddr,
    pub(super) pid: i32,
}

impl Served {
    /// Tells those who look into `folder`.
    ///
    /// # Errors
    /// The folder can't be written.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let mut options = File::options();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(Self::file(folder))?;
        file.write_all(serde_json::to_string(self)?.as_bytes())
    }

    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::file(folder)).ok()?).ok()
    }

    fn file(folder: &Path) -> PathBuf {
        folder.join("relay.json")
    }
}

/// What is printed.
#[derive(Serialize)]
struct Exported<'a> {
    name: &'a str,
    folder: &'a Path,
    variables: BTreeMap<&'a str, String>,
}

/// Starts a relay for the running `cluster`, unless there is one, and prints what leads to it.
pub(super) async fn begin(
    cluster: &Cluster,
    way: Way,
    global: &GlobalArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    if way.folder.path().to_str().is_none() {
        return Err(Error::NoPrivateFolder {
            place: way.folder.path().to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8 text"),
        });
    }
    let there = served()
        .into_iter()
        .find(|(_, served)| served.name == cluster.name && served.gateway == gateway.base_url());
    let is_new = there.is_none();
    let (folder, address) = match there {
        Some((folder, served)) => (folder, served.address),
        None => start(cluster, way, global, gateway).await?,
    };
    let variables = Credentials::within(&folder).variables(cluster, address);
    let variables = variables.into_iter();
    let exported = Exported {
        name: &cluster.name,
        folder: &folder,
        variables: variables
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect(),
    };
    let told = printer.result(&exported, || {
        let lines = exported.variables.iter();
        let lines = lines.map(|(name, value)| format!("export {name}={}\n", quoted(value)));
        lines.collect()
    });
    if let Err(error) = told {
        // Nobody has heard of it, so nobody would end it.
        if is_new && let Some(served) = Served::read(&folder) {
            stop(&folder, &served)?;
        }
        return Err(error.into());
    }
    printer.note(&format!(
        "cluster {} is connected until it ends or `dgw connect --unexport`; its certificate and \
         key are in `{}`",
        cluster.name,
        folder.display()
    ));
    Ok(())
}

/// Starts dgw again, in the background, with the port for its stdin.
async fn start(
    cluster: &Cluster,
    way: Way,
    global: &GlobalArgs,
    gateway: &Gateway,
) -> Result<(PathBuf, SocketAddr), Error> {
    let identity = way.provide(cluster, gateway).await?;
    let Way { folder, listener } = way;
    let address = listener.local_addr().map_err(Error::NoPort)?;
    // Tried here, where somebody hears of it.
    let trial = listener.try_clone().map_err(Error::NoPort)?;
    let relay = Relay::start(trial, gateway.scheduler_proxy(), &cluster.name, &identity)
        .map_err(|fault| unreached(cluster, &fault))?;
    relay
        .reach()
        .await
        .map_err(|fault| unreached(cluster, &fault))?;
    drop(relay);

    let mut starting = Command::new(std::env::current_exe().context("can't find dgw itself")?);
    if let Some(path) = &global.config {
        starting.arg("--config").arg(path);
    }
    if let Some(address) = &global.address {
        starting.args(["--address", address]);
    }
    starting.args(["relay", &cluster.name]).arg(folder.path());
    starting
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let path = folder.hand_over();
    let began = async {
        let mut process = starting.spawn().map_err(|error| error.to_string())?;
        let deadline = Instant::now() + START_LIMIT;
        while Served::read(&path).is_none() {
            if let Ok(Some(status)) = process.try_wait() {
                return Err(status.to_string());
            }
            if Instant::now() > deadline {
                let _ = process.kill();
                return Err("it takes too long".to_owned());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    };
    if let Err(why) = began.await {
        let _ = fs::remove_dir_all(&path);
        return Err(Error::NoRelay(why));
    }
    Ok((path, address))
}

/// Ends the relay that is meant, and prints what takes its variables back. Asks no gateway.
pub(super) fn end(args: &ConnectArgs, printer: &Printer) -> Result<(), Error> {
    if let Some((folder, served)) = meant(args.target.cluster.as_ref())? {
        stop(&folder, &served)?;
        printer.note(&format!("cluster {} is no longer connected", served.name));
    } else {
        printer.note("nothing is exported");
    }
    let unset = serde_json::json!({ "unset": VARIABLES });
    Ok(printer.result(&unset, || format!("unset {}\n", VARIABLES.join(" ")))?)
}

/// That of the cluster that was named; else that of this shell's; else the only one.
fn meant(name: Option<&ClusterName>) -> Result<Option<(PathBuf, Served)>, Error> {
    let mut there = served();
    if let Some(name) = name {
        there.retain(|(_, served)| name.fits(&served.name));
        if there.is_empty() {
            return Err(Error::NoneFits {
                pattern: name.as_str().to_owned(),
                there: Vec::new(),
            });
        }
    } else if let Ok(own) = std::env::var("DGW_CLUSTER") {
        there.retain(|(_, served)| served.name == own);
    }
    if there.len() > 1 {
        let there = there.into_iter();
        return Err(Error::SeveralExported {
            there: there.map(|(_, served)| served.name).collect(),
        });
    }
    Ok(there.pop())
}

fn stop(folder: &Path, served: &Served) -> Result<(), Error> {
    // It holds the folder, so the number is still its own.
    if let Some(pid) = Pid::from_raw(served.pid) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let deadline = Instant::now() + END_LIMIT;
    while private_folder::is_held(folder) == Some(true) {
        if Instant::now() > deadline {
            let pid = served.pid;
            return Err(Error::LeftBehind(format!(
                "process {pid} still serves cluster {}",
                served.name
            )));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// What relays of this user's serve.
fn served() -> Vec<(PathBuf, Served)> {
    let held = private_folder::all().into_iter();
    let held = held.filter(|(_, is_held)| *is_held);
    held.filter_map(|(folder, _)| {
        let served = Served::read(&folder)?;
        Some((folder, served))
    })
    .collect()
}

/// As every shell of the Bourne family reads it, whatever is in it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_value_stays_one_word() {
        assert_eq!(quoted("/tmp/a b"), "'/tmp/a b'");
        assert_eq!(quoted("it's $(x)"), r"'it'\''s $(x)'");
    }
}
