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

/// The files dask would read, later ones over earlier ones: the site's folder, `~/.config/dask`,
/// then `DASK_CONFIG` (`dask.config._get_paths`). `explicit` stands in for the last two.
///
/// # Errors
/// `explicit` doesn't exist, or there's no home folder to look in.
pub(super) fn candidates(
    environment: &Environment,
    explicit: Option<&Path>,
) -> Result<Vec<Candidate>, Error> {
    let site = environment.get("DASK_ROOT_CONFIG").unwrap_or("/etc/dask");
    let mut found = expand(Path::new(site), Owner::Site);
    if let Some(path) = explicit {
        if !path.exists() {
            return Err(Error::NoSuchFile(path.to_owned()));
        }
        found.extend(expand(path, Owner::User));
        return Ok(found);
    }
    // Not dirs::config_dir: dask says `~/.config` on every system.
    let home = dirs::home_dir().map(|home| home.join(".config/dask"));
    let named = environment.get("DASK_CONFIG").map(PathBuf::from);
    // A folder named twice counts once, where it is named last.
    if let Some(home) = home.filter(|home| Some(home) != named.as_ref()) {
        found.extend(expand(&home, Owner::User));
    }
    if let Some(named) = named {
        found.extend(expand(&named, Owner::User));
    }
    Ok(found)
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
