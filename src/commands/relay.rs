//! `dgw relay`: what `dgw connect --export` leaves in the background.

use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::export::Served;
use super::interrupt::Interrupts;
use super::private_folder::PrivateFolder;
use crate::cli::RelayArgs;
use crate::error::Error;
use crate::gateway::{self, Gateway};
use crate::scheduler::{Credentials, Relay};

/// Between looks whether the cluster is still there: one small request.
const PAUSE: Duration = Duration::from_secs(30);

/// Nor need it be looked at more often than this when it loses connections.
const SHORT_PAUSE: Duration = Duration::from_secs(5);

/// A cluster that neither the gateway nor its scheduler has told of for so long is given up.
const SILENCE_LIMIT: Duration = Duration::from_secs(600);

/// Serves a cluster until it ends, or until a signal.
pub(super) async fn run(args: &RelayArgs, gateway: &Gateway) -> Result<(), Error> {
    let mut interrupts = Interrupts::listen()?;
    let folder = PrivateFolder::adopt(args.folder.clone())?;
    // The terminal it was started from is not its own, and it stands in nobody's way.
    let _ = rustix::process::setsid();
    let _ = std::env::set_current_dir("/");
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    let listener = TcpListener::from(socket.map_err(Error::NoPort)?);
    let unfit = |fault| Error::NotReached {
        name: args.name.clone(),
        fault: format!("{fault}"),
    };
    let identity = Credentials::within(folder.path()).read();
    let identity = identity.context("can't read the cluster's certificate")?;
    let relay =
        Relay::start(listener, gateway.scheduler_proxy(), &args.name, &identity).map_err(unfit)?;
    let served = Served {
        name: args.name.clone(),
        gateway: gateway.base_url().to_owned(),
        address: relay.address(),
        pid: rustix::process::getpid().as_raw_nonzero().get(),
    };
    served
        .write(folder.path())
        .context("can't write into the private folder")?;
    tokio::select! {
        _ = interrupts.next() => {}
        () = end_of(&args.name, &relay, &folder, gateway) => {}
    }
    drop(folder);
    Ok(())
}

/// Returns when the cluster has ended, or has not been heard of for long, or the folder is gone, as
/// with the last session of the user's: nobody can connect any more.
async fn end_of(name: &str, relay: &Relay, folder: &PrivateFolder, gateway: &Gateway) {
    let mut last_heard = Instant::now();
    while last_heard.elapsed() < SILENCE_LIMIT && folder.path().exists() {
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = relay.loss() => sleep(SHORT_PAUSE).await,
        }
        let is_there = match gateway.cluster(name).await {
            Ok(cluster) if cluster.status.is_active() => true,
            Ok(_) | Err(gateway::Error::NoSuchCluster(_)) => return,
            // A token that has run out doesn't end the cluster.
            Err(_) => relay.reach().await.is_ok(),
        };
        if is_there {
            last_heard = Instant::now();
        }
    }
}
