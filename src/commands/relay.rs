//! `dgw relay`: the background process of `dgw connect --export`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::attach::serve_export;
use crate::error::Error;
use crate::session::Invocation;

/// Serve the connection of `dgw connect --export`
///
/// `dgw connect --export` starts it, with a listening socket as its stdin.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct RelayArgs {
    /// Full name of the cluster
    name: String,

    /// Private directory with the certificate and the key
    #[arg(value_hint = ValueHint::DirPath)]
    directory: PathBuf,
}

impl RelayArgs {
    /// Serves a cluster until it ends, or until a signal.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        Ok(serve_export(&self.name, &self.directory, &session).await?)
    }
}
