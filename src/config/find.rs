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
    /// A file of the user's, named as such.
    pub(super) fn named(path: PathBuf) -> Self {
        Self {
            path,
            owner: Owner::User,
            is_named: true,
        }
    }

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
    let site = site_folders(environment).into_iter();
    let mut places = site.map(|path| (path, Owner::Site)).collect::<Vec<_>>();
    if let Some(path) = explicit
        && path.try_exists().is_ok_and(|exists| !exists)
    {
        return Err(Error::NoSuchFile(path.to_owned()));
    }
    let of_user = of_user(environment, explicit).into_iter();
    places.extend(of_user.map(|path| (path, Owner::User)));
    let mut found = Vec::new();
    for (at, (path, owner)) in places.iter().enumerate() {
        // A folder named twice counts once, where it is named last.
        if !places[at + 1..].iter().any(|(later, _)| later == path) {
            found.extend(expand(path, *owner));
        }
    }
    Ok(found)
}

/// Where the user's own files are.
fn of_user(environment: &Environment, explicit: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = explicit {
        return vec![path.to_owned()];
    }
    let home = environment.path("HOME").filter(|home| !home.is_empty());
    let home = home.map(PathBuf::from).or_else(dirs::home_dir);
    // Not dirs::config_dir: dask says `~/.config` on every system.
    let of_home = home.map(|home| home.join(".config/dask"));
    let named = environment.get("DASK_CONFIG").map(PathBuf::from);
    of_home.into_iter().chain(named).collect()
}

/// A place of the user's that may hold files, and can't be looked into. dask passes over it.
pub(super) fn hidden(environment: &Environment, explicit: Option<&Path>) -> Option<PathBuf> {
    let is_hidden = |path: &PathBuf| {
        let denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
        path.read_dir().is_err_and(denied)
    };
    of_user(environment, explicit).into_iter().find(is_hidden)
}

/// The `sys.prefix` of the Python that a shell would run here: of the active conda or virtual
/// environment, or of the one that an image has put on `PATH`.
fn python_prefix(environment: &Environment) -> Option<PathBuf> {
    let programs = environment.path("PATH")?;
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

/// The site's files.
pub(super) fn of_site(environment: &Environment) -> Vec<Candidate> {
    let folders = site_folders(environment);
    let files = folders.iter().flat_map(|path| expand(path, Owner::Site));
    files.collect()
}

fn site_folders(environment: &Environment) -> Vec<PathBuf> {
    let site = environment.get("DASK_ROOT_CONFIG").unwrap_or("/etc/dask");
    let of_python = python_prefix(environment).map(|prefix| prefix.join("etc/dask"));
    [PathBuf::from(site)].into_iter().chain(of_python).collect()
}

/// The file that is the user's to write: `explicit`, what `DASK_CONFIG` names, or
/// `~/.config/dask/gateway.yaml`; in a folder, `gateway.yaml`. It need not be there yet.
///
/// # Errors
/// There's no home folder to look in.
pub(super) fn own_file(
    environment: &Environment,
    explicit: Option<&Path>,
) -> Result<PathBuf, Error> {
    let named = explicit.map(Path::to_owned);
    let named = named.or_else(|| environment.get("DASK_CONFIG").map(PathBuf::from));
    let path = named
        .or_else(|| dirs::home_dir().map(|home| home.join(".config/dask")))
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

/// A file as it is; a folder as its YAML and JSON files, sorted. What isn't there or can't be
/// listed counts as empty, as in dask.
fn expand(path: &Path, owner: Owner) -> Vec<Candidate> {
    let candidate = |path: PathBuf, is_named| Candidate {
        path,
        owner,
        is_named,
    };
    let Ok(entries) = path.read_dir() else {
        let is_file = path.exists() && !path.is_dir();
        let named = is_file.then(|| candidate(path.to_owned(), true));
        return named.into_iter().collect();
    };
    let mut files = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_configuration(path))
        .collect::<Vec<_>>();
    files.sort();
    files
        .into_iter()
        .map(|path| candidate(path, false))
        .collect()
}
