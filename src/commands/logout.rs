//! `dgw logout`

use clap::Args;

use crate::config::UserFile;
use crate::error::Error;
use crate::session::Invocation;

/// Remove the saved token or password
///
/// Removes it from the file that `dgw login` writes, and keeps the rest of that file: the address, other
/// keys, and comments. With --gateway NAME, that is the file of that gateway. dgw sends nothing: a token
/// stays valid until it expires or you revoke it on its JupyterHub.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw logout
  dgw logout -g work")]
pub(crate) struct LogoutArgs {}

impl LogoutArgs {
    /// Removes the token and the password from the user's configuration.
    #[expect(clippy::unused_async, reason = "called like every other subcommand")]
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let Invocation {
            environment,
            overrides,
            printer,
        } = invocation;
        overrides.config.check_exists(environment)?;
        let file = UserFile::read(environment, &overrides.config)?;
        let removed = file.remove_secrets()?;
        let path = file.path().display();
        if removed.is_empty() {
            printer.note(&format!(
                "`{path}` holds no token or password, so there is nothing to remove"
            ));
            return Ok(());
        }
        printer.note(&format!(
            "removed the {} from `{path}`",
            removed.join(" and the ")
        ));
        if removed.contains(&"token") {
            printer.note("the token is still valid: revoke it on your JupyterHub's token page");
        }
        Ok(())
    }
}
