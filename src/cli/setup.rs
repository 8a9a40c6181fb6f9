//! The arguments of the commands that set dgw up, and find out why it doesn't work.

use clap::Args;

/// Set up your configuration: ask the gateway what it wants, try it, keep it
///
/// Asks the gateway which authentication it wants, then you for a token, or for a user name and a
/// password: on a terminal, without showing what you type, or else from a line on stdin. It tries
/// them, and writes them to ~/.config/dask/gateway.yaml with mode 600, where dask's Python client
/// finds them too. Other keys and comments of that file stay; if anything goes wrong, so does all
/// of it. Where the gateway takes Kerberos tickets, a dgw that is built with Kerberos tries yours,
/// and asks for nothing.
///
/// The gateway is that of --address, or else the configured one. --config names
/// another file, or a folder.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw login --address https://hub.example.org/services/dask-gateway
  dgw login --force
  pass show dask-gateway | dgw login --address https://gateway.example.org --username ada")]
pub(crate) struct LoginArgs {
    /// Write over the token, password or address that the file holds
    #[arg(long)]
    pub(crate) force: bool,

    /// Who you are to a gateway that wants user name and password; asked for if left out
    ///
    /// Off a terminal, the configured one, or else that of your account here.
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
}

/// Find out why it doesn't work, and what to do about it
///
/// Goes every step of the way from your configuration to an answer of the gateway and of a running
/// cluster: ✓ is well, ✗ is not and is followed by what to do, – could not be tried or has nothing
/// to it. Starts nothing and changes nothing. Secrets are shown as `set`.
///
/// The exit code is that of the first ✗, as another command would end with it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw doctor
  dgw doctor --address https://gateway.example.org
  dgw doctor -o json | jq '.[] | select(.state == \"failed\")'")]
pub(crate) struct DoctorArgs {}
