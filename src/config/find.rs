//! Which files count, in dask's order.

use std::path::{Path, PathBuf};

use super::{Environment, Error};

/// Whose file it is: that decides how it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Set up for everyone by the site's administrators.
    Site,
    /// The user's own, which is held to mode 600.
    User,
}

/// A file that may hold a `gateway:` section.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) owner: Owner,
    /// Whether it was named as a file, not found in a folder.
    is_named: bool,
}

impl Candidate {
    /// Whether it is there for the gateway's sake, whatever is in it. Of the folder's other files
    /// only those with a gateway section matter.
    pub(super) fn is_the_gateways(&self) -> bool {
        self.is_named || self.path.file_stem().is_some_and(|stem| stem == "gateway")
    }
}

/// The files dask would read, later ones over earlier ones: the site's folder, that of the Python
/// one would run, `~/.config/dask`, then `DASK_CONFIG` (`dask.config._get_paths`). `explicit`
/// stands in for the last two.
///
/// # Errors
/// `explicit` doesn't exist.
pub(super) fn candidates(
    environment: &Environment,
    explicit: Option<&Path>,
) -> Result<Vec<Candidate>, Error> {
    let site = environment.get("DASK_ROOT_CONFIG").unwrap_or("/etc/dask");
    let mut places = vec![(PathBuf::from(site), Owner::Site)];
    if let Some(prefix) = python_prefix(environment) {
        places.push((prefix.join("etc/dask"), Owner::Site));
    }
    if let Some(path) = explicit {
        if !path.exists() {
            return Err(Error::NoSuchFile(path.to_owned()));
        }
        places.push((path.to_owned(), Owner::User));
    } else {
        let home = environment.get("HOME").filter(|home| !home.is_empty());
        let home = home.map(PathBuf::from).or_else(dirs::home_dir);
        // Not dirs::config_dir: dask says `~/.config` on every system.
        places.extend(home.map(|home| (home.join(".config/dask"), Owner::User)));
        let named = environment.get("DASK_CONFIG");
        places.extend(named.map(|named| (PathBuf::from(named), Owner::User)));
    }
    let mut found = Vec::new();
    for (at, (path, owner)) in places.iter().enumerate() {
        // A folder named twice counts once, where it is named last.
        if !places[at + 1..].iter().any(|(later, _)| later == path) {
            found.extend(expand(path, *owner));
        }
    }
    Ok(found)
}

/// The `sys.prefix` of the Python that a shell would run here: of the active conda or virtual
/// environment, or of the one that an image has put on `PATH`.
fn python_prefix(environment: &Environment) -> Option<PathBuf> {
    let programs = environment.get("PATH")?;
    let mut candidates = std::env::split_paths(programs)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| ["python3", "python"].map(|name| folder.join(name)));
    let python = candidates.find(|program| program.is_file())?;
    let prefix = |program: &Path| Some(program.parent()?.parent()?.to_owned());
    // A virtual environment's Python is a link, but not to be followed.
    let own = prefix(&python)?;
    if own.join("pyvenv.cfg").exists() {
        return Some(own);
    }
    prefix(&python.canonicalize().ok()?)
}

/// A file as it is; a folder as its YAML and JSON files, sorted. What isn't there or can't be
/// listed counts as empty, as in dask.
fn expand(path: &Path, owner: Owner) -> Vec<Candidate> {
    let candidate = |path: PathBuf, is_named| Candidate {
        path,
        owner,
        is_named,
    };
    let Ok(entries) = path.read_dir() else {
        let named = path.exists().then(|| candidate(path.to_owned(), true));
        return named.into_iter().collect();
    };
    let mut files = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| {
                ["json", "yaml", "yml"].contains(&extension.to_lowercase().as_str())
            })
        })
        .collect::<Vec<_>>();
    files.sort();
    files
        .into_iter()
        .map(|path| candidate(path, false))
        .collect()
}
