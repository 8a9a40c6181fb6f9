//! The packages of a Python interpreter on this machine, read without importing any of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use super::error::Error;
use crate::capture::capture;
use crate::config::{self, Settings};
use crate::scheduler::PackageSet;

/// Prints the packages in one line. `-c` puts the working directory into the path, where a file may
/// have the name of a module. Newer interpreters leave it out with `PYTHONSAFEPATH`.
const SCRIPT: &str = "\
import sys
sys.path = [path for path in sys.path if path]
import json
from importlib.metadata import distributions
found = {}
for each in distributions():
    try:
        found.setdefault(each.metadata['Name'], each.version)
    except Exception:
        pass
found.pop(None, None)
print(json.dumps({'python': '.'.join(map(str, sys.version_info[:3])), 'packages': found}))";

/// Time limit for the interpreter: a thousand packages on a slow network file system take seconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Size limit of its output: a thousand packages take 30 kB.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// Variable with directories of modules.
const PYTHON_PATH: &str = "PYTHONPATH";

/// Variables that name the directory of an active environment.
const ENVIRONMENTS: [&str; 2] = ["VIRTUAL_ENV", "CONDA_PREFIX"];

/// The packages that an interpreter finds.
#[derive(Debug)]
pub(crate) struct LocalPackages {
    /// The interpreter, for people.
    pub(crate) program: String,
    /// By normalized name.
    pub(super) packages: PackageSet,
}

/// The output of [`SCRIPT`].
#[derive(Deserialize)]
struct Listing {
    python: String,
    packages: BTreeMap<String, Option<String>>,
}

impl LocalPackages {
    /// Reads the packages of the interpreter that `command` runs; without it, those of the active
    /// environment's interpreter, or else of `python3`.
    ///
    /// # Errors
    /// Fails if there is no interpreter, or it can't list its packages.
    pub(crate) async fn read(command: &[OsString], settings: &Settings) -> Result<Self, Error> {
        let found = [found_interpreter()];
        let command = if command.is_empty() { &found } else { command };
        let words = command.iter().map(|word| word.to_string_lossy());
        let program = words.collect::<Vec<_>>().join(" ");
        let mut process = Command::new(&command[0]);
        process.args(&command[1..]).args(["-c", SCRIPT]);
        for name in config::secret_variables(settings) {
            process.env_remove(name);
        }
        process.env("PYTHONSAFEPATH", "1");
        if let Some(path) = std::env::var_os(PYTHON_PATH) {
            process.env(PYTHON_PATH, absolute_directories(&path));
        }
        let listing = capture(&mut process, SIZE_LIMIT, TIMEOUT).await;
        let listing = listing.and_then(|output| {
            // Other programs may print something before.
            let line = output.trim_end().lines().next_back().unwrap_or_default();
            let listing = serde_json::from_str::<Listing>(line);
            listing.map_err(|_| "its output is not a list of packages".to_owned())
        });
        match listing {
            Ok(listing) => Ok(Self::new(program, listing)),
            Err(cause) => Err(Error::Interpreter { program, cause }),
        }
    }

    fn new(program: String, listing: Listing) -> Self {
        let named = listing.packages.into_iter();
        let mut packages = named
            .map(|(name, version)| (normalized(&name), version))
            .collect::<PackageSet>();
        packages.insert("python".to_owned(), Some(listing.python));
        Self { program, packages }
    }

    /// Reads the packages of the active environment's interpreter, or of `python3`, if it has
    /// distributed: any other is not the one of the user's work.
    ///
    /// # Errors
    /// Fails with the reason why no packages here can be compared, and what to do about it.
    pub(crate) async fn find(settings: &Settings) -> Result<Self, String> {
        let reason = match Self::read(&[], settings).await {
            Ok(here) if here.packages.contains_key("distributed") => return Ok(here),
            Ok(here) => format!("`{}` has no distributed", here.program),
            Err(error) => error.to_string(),
        };
        Err(format!(
            "the packages here are not compared: {reason}; name your interpreter with `dgw packages \
             -- PYTHON`"
        ))
    }

    #[cfg(test)]
    pub(super) fn of(packages: &[(&str, &str)]) -> Self {
        let packages = packages.iter().map(|(name, version)| {
            let name = (*name).to_owned();
            (name, Some((*version).to_owned()))
        });
        Self {
            program: "python3".to_owned(),
            packages: packages.collect(),
        }
    }
}

/// Returns the directories in `path` that are the same in each working directory. An empty one stands
/// for the working directory itself, as where `PYTHONPATH=$PYTHONPATH:/more` finds none: Python would
/// run its `sitecustomize.py`, and more.
fn absolute_directories(path: &OsStr) -> OsString {
    let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    // None holds a colon now.
    std::env::join_paths(directories).unwrap_or_default()
}

/// Returns the interpreter of the active environment, or else `python3`.
fn found_interpreter() -> OsString {
    let directories = ENVIRONMENTS.iter().filter_map(std::env::var_os);
    let mut programs = directories.map(|directory| Path::new(&directory).join("bin/python"));
    let found = programs.find(|program| program.is_absolute() && program.is_file());
    found.map_or_else(|| "python3".into(), Into::into)
}

/// Returns the name of a package as the Python Packaging Authority compares it.
fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_directories_of_modules_are_left_out() {
        for (path, expected) in [("", ""), (":/a::b:./c:/d/../e:", "/a:/d/../e"), (".", "")] {
            assert_eq!(absolute_directories(path.as_ref()), expected, "{path}");
        }
    }

    #[test]
    fn names_are_compared_as_packaging_tools_do() {
        assert_eq!(normalized("Zope.Interface"), "zope-interface");
        assert_eq!(normalized("dask_gateway--x"), "dask-gateway-x");
    }
}
