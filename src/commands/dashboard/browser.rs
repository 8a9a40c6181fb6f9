//! A browser on this machine.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::error::DashboardError;
use crate::config::{self, Settings};
use crate::error::Error;
use crate::output::Printer;
use crate::private::{TempDir, write_new};

/// An opener that fails has failed by then.
const FAILURE_LIMIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// Opens URLs in a browser that gets none of the user's credentials.
pub(super) struct Browser {
    /// Names of environment variables that hold secrets.
    hidden: Vec<OsString>,
}

impl Browser {
    /// Hides the secrets of `settings` from the browser.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            hidden: config::secret_variables(settings),
        }
    }

    /// Opens a URL or a file with the first of the system's openers that works. Other users of the
    /// machine can see what is opened.
    ///
    /// # Errors
    /// No opener works.
    pub(super) async fn open(&self, target: impl AsRef<OsStr>) -> Result<(), DashboardError> {
        for mut command in open::commands(target) {
            for name in &self.hidden {
                command.env_remove(name);
            }
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                // Ctrl-C is meant for dgw, not for a browser that it started.
                .process_group(0);
            if let Ok(mut opener) = command.spawn()
                && succeeds(&mut opener).await
            {
                return Ok(());
            }
        }
        Err(DashboardError::NoBrowser)
    }

    /// Opens a URL that nobody else may see, by a private page that redirects to it. The page must
    /// exist until the browser has read it.
    ///
    /// # Errors
    /// No browser can be opened, or the page can't be written.
    pub(super) async fn open_secretly(&self, url: &str) -> Result<PrivatePage, Error> {
        let page = PrivatePage::redirecting_to(url)?;
        self.open(&page.path).await?;
        Ok(page)
    }
}

/// A page in a directory that only its owner may enter; both are removed when it is dropped.
pub(super) struct PrivatePage {
    path: PathBuf,
    _directory: TempDir,
}

impl PrivatePage {
    fn redirecting_to(url: &str) -> Result<Self, Error> {
        let directory = TempDir::create(|error| Printer::print_error(error))?;
        let path = directory.path().join("dashboard.html");
        let html = format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"refresh\" content=\"0; url={url}\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>Dask dashboard</title>\n<p><a href=\"{url}\">Open the dashboard</a></p>\n"
        );
        write_new(&path, html.as_bytes()).context("can't write a page for the browser")?;
        Ok(Self {
            path,
            _directory: directory,
        })
    }
}

/// Returns true if `opener` ends well, or keeps running as a browser does. It may outlive dgw.
async fn succeeds(opener: &mut Child) -> bool {
    let deadline = Instant::now() + FAILURE_LIMIT;
    while Instant::now() < deadline {
        match opener.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => sleep(PAUSE).await,
            Err(_) => return false,
        }
    }
    true
}
