//! A browser on this machine.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use crate::config::{self, Settings};
use crate::error::Error;

/// What is going to fail has failed by then.
const FAILS_BY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// The way to open a browser.
pub(super) struct Browser {
    /// Names of variables that it has no business with.
    hidden: Vec<OsString>,
}

impl Browser {
    /// One that gets none of the user's credentials.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            hidden: config::secret_variables(settings),
        }
    }

    /// Starts the system's way to open a URL or a file, the first that works. Other users of the
    /// machine see what is opened.
    ///
    /// # Errors
    /// None works.
    pub(super) async fn open(&self, what: impl AsRef<OsStr>) -> Result<(), Error> {
        for mut command in open::commands(what) {
            for name in &self.hidden {
                command.env_remove(name);
            }
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                // An interrupt is meant for dgw, not for a browser that it has started.
                .process_group(0);
            if let Ok(mut opener) = command.spawn()
                && succeeds(&mut opener).await
            {
                return Ok(());
            }
        }
        Err(Error::NoBrowser)
    }

    /// Opens a URL that nobody else may see: by a page of one's own that leads there. What is there
    /// while it lasts must last until the browser has read it.
    ///
    /// # Errors
    /// No browser can be opened, or the page can't be written.
    pub(super) async fn open_secretly(&self, url: &str) -> Result<PrivatePage, Error> {
        let page = PrivatePage::leading_to(url).context("can't write a page for the browser")?;
        self.open(&page.path).await?;
        Ok(page)
    }
}

/// A page in a folder that only its owner may enter. Both go when this is dropped.
pub(super) struct PrivatePage {
    folder: PathBuf,
    path: PathBuf,
}

impl PrivatePage {
    fn leading_to(url: &str) -> io::Result<Self> {
        let parent = dirs::runtime_dir().unwrap_or_else(std::env::temp_dir);
        let folder = new_folder(&parent)?;
        let page = Self {
            path: folder.join("dashboard.html"),
            folder,
        };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&page.path)?;
        write!(
            file,
            "<!doctype html>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"refresh\" content=\"0; url={url}\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>Dask dashboard</title>\n<p><a href=\"{url}\">To the dashboard</a></p>\n"
        )?;
        Ok(page)
    }
}

impl Drop for PrivatePage {
    fn drop(&mut self) {
        // What stays holds a link that leads nowhere any more.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A folder that wasn't there, so that nobody else can have anything in it.
fn new_folder(parent: &Path) -> io::Result<PathBuf> {
    const ATTEMPTS: u32 = 100;
    let mut number = 0;
    loop {
        let folder = parent.join(format!("dgw-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < ATTEMPTS => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether `opener` does its work: ends well, or runs on, as a browser of its own does. It may
/// outlive dgw.
async fn succeeds(opener: &mut Child) -> bool {
    let deadline = Instant::now() + FAILS_BY;
    while Instant::now() < deadline {
        match opener.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => sleep(PAUSE).await,
            Err(_) => return false,
        }
    }
    true
}
