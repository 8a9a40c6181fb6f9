//! Finds the files that count, in dask's order.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::Error;
use super::selection::ConfigSelection;

/// Whose file it is, which decides the rules it must meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Set up for everyone by the site's administrators.
    Site,
    /// The user's own, which must have mode 600.
    User,
}

/// A file that may hold a `gateway:` section.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) owner: Owner,
    /// It was named as a file, not found in a directory.
    is_named: bool,
}

impl Candidate {
    /// The user's file `path`.
    pub(super) fn named(path: PathBuf) -> Self {
        Self {
            path,
            owner: Owner::User,
            is_named: true,
        }
    }

    /// Returns true if the file is meant for the gateway, whatever its content. Any other file of its
    /// directory only counts if it has a gateway section.
    pub(super) fn is_the_gateways(&self) -> bool {
        self.is_named || self.path.file_stem().is_some_and(|stem| stem == "gateway")
    }
}

/// Finds the files that dask would read, of which later ones win: in the site's directory, in that of
/// the user's Python, in `~/.config/dask`, then `DASK_CONFIG` (`dask.config._get_paths`). What
/// `selection` names replaces the last two, and need not exist.
///
/// # Errors
/// Fails if a directory can't be listed, because its files may decide who the user is. dask counts it
/// as empty.
pub(super) fn candidates(
    environment: &Environment,
    selection: &ConfigSelection,
) -> Result<Vec<Candidate>, Error> {
    let site = site_directories(environment).into_iter();
    let of_user = user_paths(environment, selection)?.into_iter();
    let places = site
        .map(|path| (path, Owner::Site))
        .chain(of_user.map(|path| (path, Owner::User)))
        .collect::<Vec<_>>();
    let mut found = Vec::new();
    for (at, (path, owner)) in places.iter().enumerate() {
        // A directory named twice counts once, where it is named last.
        if !places[at + 1..].iter().any(|(later, _)| later == path) {
            found.extend(files_of(path, *owner)?);
        }
    }
    Ok(found)
}

/// Returns the files and directories of the user's own configuration.
fn user_paths(
    environment: &Environment,
    selection: &ConfigSelection,
) -> Result<Vec<PathBuf>, Error> {
    if let Some(path) = selection.own_path(environment)? {
        return Ok(vec![path]);
    }
    let named = environment.get("DASK_CONFIG").map(PathBuf::from);
    Ok(home_directory(environment)
        .into_iter()
        .chain(named)
        .collect())
}

/// Returns `~/.config/dask`, as dask does on every system.
pub(super) fn home_directory(environment: &Environment) -> Option<PathBuf> {
    let home = environment.path("HOME").filter(|home| !home.is_empty());
    let home = home.map(PathBuf::from).or_else(dirs::home_dir)?;
    Some(home.join(".config/dask"))
}

/// Returns the `sys.prefix` of the Python that a shell would run here: that of the active conda or
/// virtual environment, or of the one that a container image has put on `PATH`.
fn python_prefix(environment: &Environment) -> Option<PathBuf> {
    let programs = environment.path("PATH")?;
    let mut candidates = std::env::split_paths(programs)
        .filter(|directory| directory.is_absolute())
        .flat_map(|directory| ["python3", "python"].map(|name| directory.join(name)));
    let python = candidates.find(|program| program.is_file())?;
    let prefix = |program: &Path| Some(program.parent()?.parent()?.to_owned());
    // A virtual environment's Python is a link, but not to be followed.
    let own = prefix(&python)?;
    if own.join("pyvenv.cfg").exists() {
        return Some(own);
    }
    prefix(&python.canonicalize().ok()?)
}

fn site_directories(environment: &Environment) -> Vec<PathBuf> {
    let site = environment.get("DASK_ROOT_CONFIG").unwrap_or("/etc/dask");
    let of_python = python_prefix(environment).map(|prefix| prefix.join("etc/dask"));
    [PathBuf::from(site)].into_iter().chain(of_python).collect()
}

/// Returns the file that `dgw login` writes: that of `selection` or of `DASK_CONFIG`, or
/// `~/.config/dask/gateway.yaml`; in a directory, `gateway.yaml`. It may not exist yet.
///
/// # Errors
/// Fails if there is no home directory.
pub(super) fn file_to_write(
    environment: &Environment,
    selection: &ConfigSelection,
) -> Result<PathBuf, Error> {
    let named = selection.own_path(environment)?;
    let named = named.or_else(|| environment.get("DASK_CONFIG").map(PathBuf::from));
    let path = named
        .or_else(|| home_directory(environment))
        .ok_or(Error::NoHome)?;
    let is_file = path.is_file() || (!path.is_dir() && is_configuration(&path));
    Ok(if is_file {
        path
    } else {
        path.join("gateway.yaml")
    })
}

fn is_configuration(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["json", "yaml", "yml"].contains(&extension.to_lowercase().as_str())
    })
}

/// Returns a file itself, or the YAML and JSON files of a directory, sorted. A path that doesn't exist
/// counts as empty, and so does a site's directory that isn't for this user.
fn files_of(path: &Path, owner: Owner) -> Result<Vec<Candidate>, Error> {
    let candidate = |path: PathBuf, is_named| Candidate {
        path,
        owner,
        is_named,
    };
    let failed = |source: io::Error| Error::Unlistable {
        path: path.to_owned(),
        source,
    };
    let entries = match path.read_dir() {
        Ok(entries) => entries,
        Err(error) => {
            return match error.kind() {
                ErrorKind::NotFound => Ok(Vec::new()),
                ErrorKind::NotADirectory => match path.metadata() {
                    Ok(_) => Ok(vec![candidate(path.to_owned(), true)]),
                    // One of the directories above it is a file.
                    Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(Vec::new()),
                    Err(error) => Err(failed(error)),
                },
                ErrorKind::PermissionDenied if owner == Owner::Site => Ok(Vec::new()),
                _ => Err(failed(error)),
            };
        }
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut files = paths.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    files.retain(|path| is_configuration(path));
    files.sort();
    let files = files.into_iter().map(|path| candidate(path, false));
    Ok(files.collect())
}
