//! Named gateways, and which configuration the command line and `DGW_GATEWAY` select.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::Error;
use super::find;

/// The configuration that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConfigSelection {
    /// All that dask itself reads.
    #[default]
    Dask,
    /// A file or directory in place of the user's own (`--config`).
    Path(PathBuf),
    /// The file of a named gateway.
    Gateway(GatewayName),
}

/// The name that selects what dask itself reads.
pub(crate) const DEFAULT_GATEWAY: &str = "default";

/// Variable that selects a gateway where the command line selects none.
pub(crate) const GATEWAY_VARIABLE: &str = "DGW_GATEWAY";

impl ConfigSelection {
    /// Returns what `--gateway` selects.
    ///
    /// # Errors
    /// Fails if the name can't be one.
    pub(crate) fn of_flag(name: &str) -> Result<Self, Error> {
        Self::of_name(name, "--gateway")
    }

    /// Returns what `DGW_GATEWAY` selects, or else what dask itself reads.
    ///
    /// # Errors
    /// Fails if the name can't be one.
    pub(crate) fn of_environment(environment: &Environment) -> Result<Self, Error> {
        match environment
            .path(GATEWAY_VARIABLE)
            .filter(|name| !name.is_empty())
        {
            Some(name) => Self::of_name(&name.to_string_lossy(), GATEWAY_VARIABLE),
            None => Ok(Self::Dask),
        }
    }

    fn of_name(name: &str, setting: &'static str) -> Result<Self, Error> {
        if name == DEFAULT_GATEWAY {
            return Ok(Self::Dask);
        }
        let name = GatewayName::parse(name).ok_or(Error::GatewayName(setting))?;
        Ok(Self::Gateway(name))
    }

    /// Returns the name of the gateway, if this selects one by its name.
    pub(crate) fn gateway(&self) -> Option<&GatewayName> {
        match self {
            Self::Gateway(name) => Some(name),
            Self::Dask | Self::Path(_) => None,
        }
    }

    /// Returns the name that selects this; `None` for a path.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Dask => Some(DEFAULT_GATEWAY),
            Self::Path(_) => None,
            Self::Gateway(name) => Some(name.as_str()),
        }
    }

    /// Returns the value by which `DGW_GATEWAY` selects this, if `environment` selects another.
    pub(crate) fn variable(&self, environment: &Environment) -> Option<&str> {
        let is_selected = Self::of_environment(environment).is_ok_and(|other| other == *self);
        self.name().filter(|_| !is_selected)
    }

    /// Returns the file or directory that replaces those of the user, if there is one.
    ///
    /// # Errors
    /// Fails if there is no home directory.
    pub(super) fn own_path(&self, environment: &Environment) -> Result<Option<PathBuf>, Error> {
        match self {
            Self::Dask => Ok(None),
            Self::Path(path) => Ok(Some(path.clone())),
            Self::Gateway(name) => name.file(environment).map(Some),
        }
    }

    /// Returns the file of the named gateway, if one is selected.
    ///
    /// # Errors
    /// Fails if there is no home directory.
    pub(super) fn gateway_file(&self, environment: &Environment) -> Result<Option<PathBuf>, Error> {
        Ok(self.named(environment)?.map(|named| named.file))
    }

    /// Returns the named gateway, if one is selected.
    ///
    /// # Errors
    /// Fails if there is no home directory.
    pub(super) fn named(&self, environment: &Environment) -> Result<Option<NamedGateway>, Error> {
        let named = |name: &GatewayName| {
            Ok(NamedGateway {
                name: name.clone(),
                file: name.file(environment)?,
            })
        };
        self.gateway().map(named).transpose()
    }

    /// Refuses a named file, directory or gateway that doesn't exist.
    ///
    /// # Errors
    /// Fails if it doesn't exist.
    pub(crate) fn check_exists(&self, environment: &Environment) -> Result<(), Error> {
        match self.own_path(environment)? {
            Some(path) if path.try_exists().is_ok_and(|exists| !exists) => match self {
                Self::Gateway(name) => Err(Error::NoSuchGateway {
                    name: name.clone(),
                    known: gateway_names(environment)?,
                }),
                Self::Dask | Self::Path(_) => Err(Error::NoSuchFile(path)),
            },
            _ => Ok(()),
        }
    }
}

/// A named gateway and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedGateway {
    pub(crate) name: GatewayName,
    pub(crate) file: PathBuf,
}

/// The name of a gateway: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GatewayName(String);

impl GatewayName {
    /// Parses a name, which is also the name of a file; `None` for text that is none.
    fn parse(text: &str) -> Option<Self> {
        const LONGEST: usize = 64;
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_name = !text.is_empty()
            && text.len() <= LONGEST
            && !text.starts_with('-')
            && text != DEFAULT_GATEWAY
            && text.bytes().all(is_allowed);
        is_name.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the gateway's file, which may not exist.
    ///
    /// # Errors
    /// Fails if there is no home directory.
    pub(crate) fn file(&self, environment: &Environment) -> Result<PathBuf, Error> {
        Ok(directory(environment)?.join(format!("{}.yaml", self.0)))
    }

    fn of_file(path: &Path) -> Option<Self> {
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        let stem = path.file_stem()?.to_str()?;
        is_yaml.then(|| Self::parse(stem))?
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the directory of the named gateways' files: dask doesn't read it.
fn directory(environment: &Environment) -> Result<PathBuf, Error> {
    let directory = find::home_directory(environment).ok_or(Error::NoHome)?;
    Ok(directory.join("gateways"))
}

/// Returns the names of all named gateways, sorted.
///
/// # Errors
/// Fails if their directory can't be listed.
pub(crate) fn gateway_names(environment: &Environment) -> Result<Vec<GatewayName>, Error> {
    let path = directory(environment)?;
    let entries = match path.read_dir() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect::<Result<Vec<_>, _>>),
    };
    let entries = entries.map_err(|source| Error::Unlistable { path, source })?;
    let files = entries.iter().map(std::fs::DirEntry::path);
    let mut names = files
        .filter_map(|file| GatewayName::of_file(&file))
        .collect::<Vec<_>>();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_file_names() {
        for name in ["work", "a", "Hub-2_b", &"x".repeat(64)] {
            assert!(ConfigSelection::of_flag(name).is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a.b",
            "a/b",
            "../gateway",
            "-x",
            "a b",
            "\u{1b}[31m",
            "\u{e9}",
            &"x".repeat(65),
            &"x".repeat(300),
        ] {
            let refused = ConfigSelection::of_flag(name);
            assert!(matches!(refused, Err(Error::GatewayName(_))), "{name:?}");
        }
        let default = ConfigSelection::of_flag(DEFAULT_GATEWAY).expect("a name");
        assert_eq!(default, ConfigSelection::Dask);
    }

    #[test]
    fn the_variable_is_set_where_it_selects_another_gateway() {
        let of = |text: &str| ConfigSelection::of_flag(text).expect("a name");
        let environment = |value: &str| {
            [(GATEWAY_VARIABLE.to_owned(), value.to_owned())]
                .into_iter()
                .collect::<Environment>()
        };
        for (held, selected, expected) in [
            ("", "default", None),
            ("default", "default", None),
            ("work", "default", Some("default")),
            ("work", "work", None),
            ("", "work", Some("work")),
            ("no such", "default", Some("default")),
        ] {
            let variable = of(selected).variable(&environment(held)).map(str::to_owned);
            assert_eq!(
                variable.as_deref(),
                expected,
                "{selected} where {held:?} is"
            );
        }
        let path = ConfigSelection::Path("x".into());
        assert_eq!(path.variable(&environment("work")), None);
    }

    #[test]
    fn other_files_of_the_directory_are_no_gateways() {
        let home = tempfile::tempdir().expect("a directory");
        let variables = [("HOME".to_owned(), home.path().display().to_string())];
        let environment = Environment::from_iter(variables);
        assert_eq!(gateway_names(&environment).expect("none"), []);
        let directory = directory(&environment).expect("a home");
        std::fs::create_dir_all(&directory).expect("created");
        for file in [
            "work.yaml",
            "a-b.yaml",
            ".dgw-x1y2",
            "x.yaml~",
            "notes.txt",
            "default.yaml",
        ] {
            std::fs::write(directory.join(file), "").expect("written");
        }
        let names = gateway_names(&environment).expect("listed");
        assert_eq!(
            names.iter().map(GatewayName::as_str).collect::<Vec<_>>(),
            ["a-b", "work"]
        );
    }
}
