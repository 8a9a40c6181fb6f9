//! The user's own configuration file, to which `dgw login` writes an address and credentials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::address::Address;
use super::credentials::Credentials;
use super::edit::{self, Change};
use super::environment::Environment;
use super::error::Error;
use super::find::{self, Candidate};
use super::http_proxy::HttpProxy;
use super::layers::{Layer, Layers};
use super::node::{Node, Source};
use super::read::{self, ExistingFile, FileForChange};
use super::selection::ConfigSelection;
use super::settings::Settings;
use super::template;
use super::value_reader::ValueReader;
use crate::private;

const ADDRESS: &[&str] = &["gateway", "address"];
const PROXY_ADDRESS: &[&str] = &["gateway", "proxy-address"];
const TYPE: &[&str] = &["gateway", "auth", "type"];
const TOKEN: &[&str] = &["gateway", "auth", "kwargs", "api_token"];
const USERNAME: &[&str] = &["gateway", "auth", "kwargs", "username"];
const PASSWORD: &[&str] = &["gateway", "auth", "kwargs", "password"];

/// The user's own configuration file, and the configuration around it.
pub(crate) struct UserFile<'a> {
    environment: &'a Environment,
    path: PathBuf,
    /// The file itself, if the path is a link.
    target: PathBuf,
    existing: Option<ExistingFile>,
    layers: Layers,
    /// The merged `gateway:` sections of all files.
    files: Node,
    /// The same with the environment's.
    merged: Node,
    /// The scheduler proxy to write.
    scheduler_proxy: Option<String>,
}

/// A configuration file that `dgw login` has written.
#[derive(Debug)]
pub(crate) struct WrittenFile {
    pub(crate) path: PathBuf,
    /// The mode of the previous file.
    pub(crate) old_mode: Option<u32>,
    /// Others could read a secret in the previous file.
    pub(crate) was_exposed: bool,
    /// Settings that were written, but that another source overrides.
    pub(crate) overridden: Vec<(String, Source)>,
    /// Settings that belong to the previous address, and are still set.
    pub(crate) left_over: Vec<(String, Source)>,
}

impl<'a> UserFile<'a> {
    /// Reads the file that `selection` names, which may have any mode, and all others.
    ///
    /// # Errors
    /// Fails if a file is malformed or refused, or if the file can't be written.
    pub(crate) fn read(
        environment: &'a Environment,
        selection: &ConfigSelection,
    ) -> Result<Self, Error> {
        let path = find::file_to_write(environment, selection)?;
        let FileForChange { target, existing } = read::for_change(&Candidate::named(path.clone()))?;
        private::check_writable(&target).map_err(|error| not_written(&path, &error))?;
        let mut files = Vec::new();
        for candidate in find::candidates(environment, selection)? {
            if candidate.path != path {
                files.extend(read::layer(&candidate)?);
            } else if let Some(existing) = &existing {
                files.push(Layer {
                    file: Some(candidate.path),
                    untrusted: None,
                    section: existing.section.clone(),
                });
            }
        }
        let layers = Layers::new(files, environment.gateway_section()?)
            .of_gateway(selection.gateway_file(environment)?);
        Ok(Self {
            environment,
            path,
            target,
            existing,
            files: layers.merged_files(),
            merged: layers.merged(),
            layers,
            scheduler_proxy: None,
        })
    }

    /// Returns the file with this address of the scheduler proxy, `host:port`, to be written too.
    pub(crate) fn with_scheduler_proxy(self, scheduler_proxy: Option<String>) -> Self {
        Self {
            scheduler_proxy,
            ..self
        }
    }

    /// Returns the gateway's address: that of the flag `--address`, or the configured one.
    ///
    /// # Errors
    /// Fails if it is malformed, if there is none, or if others could have set the configured one.
    pub(crate) fn address(&self, flag: Option<&str>) -> Result<Address, Error> {
        if let Some(text) = flag {
            return Address::parse(text).map_err(Error::AddressFlag);
        }
        self.layers.check_destinations(None)?;
        self.reader(&self.merged).address()
    }

    fn reader<'b>(&'b self, tree: &'b Node) -> ValueReader<'b> {
        ValueReader {
            tree,
            environment: self.environment,
        }
    }

    /// Returns the configured HTTP proxy.
    ///
    /// # Errors
    /// Fails if it is malformed, or if others could have set it.
    pub(crate) fn http_proxy(&self) -> Result<HttpProxy, Error> {
        self.layers.check_http_proxy()?;
        self.reader(&self.merged).http_proxy()
    }

    /// Returns the configured user name, by default that of the system.
    pub(crate) fn username(&self) -> Option<String> {
        match self.reader(&self.merged).basic() {
            Ok(Credentials::Basic { username, .. }) => Some(username),
            _ => None,
        }
    }

    /// Refuses to overwrite a secret, or another address than `address`.
    ///
    /// # Errors
    /// Fails if the file holds one.
    pub(crate) fn refuse_overwriting(&self, address: &Address) -> Result<(), Error> {
        let Some(existing) = &self.existing else {
            return Ok(());
        };
        let is_set = |path: &[&str]| {
            let node = existing.section.get_set(&path.join("."));
            node.is_some_and(
                |node| !matches!(node, Node::Leaf(leaf, _) if leaf.as_text() == Some("")),
            )
        };
        let held = self.reader(&existing.section).address();
        let new_address = held
            .is_ok_and(|held| held != *address)
            .then(|| address.as_str().to_owned());
        let what = if is_set(TOKEN) {
            "a token"
        } else if is_set(PASSWORD) {
            "a password"
        } else if new_address.is_some() {
            "the address of another gateway"
        } else {
            return Ok(());
        };
        Err(Error::WouldOverwrite {
            path: self.path.clone(),
            what,
            new_address,
        })
    }

    /// Returns settings to try `credentials` at `address`.
    ///
    /// # Errors
    /// Fails if the configured HTTP proxy is malformed.
    pub(crate) fn settings(
        &self,
        address: &Address,
        credentials: Credentials,
    ) -> Result<Settings, Error> {
        let configured = || self.reader(&self.merged).scheduler_proxy(address).ok()?;
        let scheduler_proxy = self.scheduler_proxy.clone().or_else(configured);
        let settings = Settings {
            public_address: address.as_str().to_owned(),
            scheduler_proxy: scheduler_proxy.unwrap_or_else(|| address.host_and_port()),
            address: address.clone(),
            credentials,
            secret_fields: self.layers.secret_fields(),
            http_proxy: self.http_proxy()?,
            cluster_options: serde_json::Map::new(),
            option_sources: BTreeMap::new(),
            option_error: None,
            default_workers: None,
            named: None,
        };
        settings.mask_secrets();
        Ok(settings)
    }

    /// Returns the changes by which the file gets `address` and `credentials`.
    fn changes(&self, address: &Address, credentials: &Credentials) -> Vec<Change> {
        let change = |path, value: Option<&str>| Change {
            path,
            value: value.map(template::escaped),
        };
        let mut changes = Vec::new();
        // The address of a site's file needn't be repeated, if nobody else can change it.
        let is_held = (self.reader(&self.files).address()).is_ok_and(|held| held == *address);
        if !is_held || self.layers.check_destinations(None).is_err() {
            changes.push(change(ADDRESS, Some(address.as_str())));
        }
        if let Some(proxy) = &self.scheduler_proxy {
            changes.push(change(PROXY_ADDRESS, Some(proxy)));
        }
        let (token, username, password) = match credentials {
            Credentials::Basic { username, password } => {
                (None, Some(username.as_str()), Some(password.expose()))
            }
            Credentials::JupyterHub { token } => (Some(token.expose()), None, None),
            Credentials::Kerberos | Credentials::Withheld { .. } => (None, None, None),
        };
        // Python's client accepts no others than those of the type.
        changes.extend([
            change(TYPE, Some(credentials.kind())),
            change(USERNAME, username),
            change(PASSWORD, password),
            change(TOKEN, token),
        ]);
        // A section that was emptied has lost its indentation: nothing is added to one.
        changes.sort_by_key(|change| change.value.is_none());
        changes
    }

    /// Checks that the file can be edited, before the user types a password.
    ///
    /// # Errors
    /// Fails if it can't, with the lines to add by hand.
    pub(crate) fn check(&self, address: &Address, credentials: &Credentials) -> Result<(), Error> {
        let changes = self.changes(address, credentials);
        self.edited(&changes).map(|_| ())
    }

    fn text(&self) -> &str {
        self.existing.as_ref().map_or("", |existing| &existing.text)
    }

    fn edited(&self, changes: &[Change]) -> Result<String, Error> {
        edit::edited(&self.path, self.text(), changes).ok_or_else(|| {
            let shown = changes.iter().map(|change| Change {
                path: change.path,
                value: match change.path {
                    TOKEN | PASSWORD => change.value.as_ref().map(|_| "…".to_owned()),
                    _ => change.value.clone(),
                },
            });
            Error::NotEditable {
                path: self.path.clone(),
                lines: edit::as_new_file(&shown.collect::<Vec<_>>()),
            }
        })
    }

    /// Writes the file. Everything that can fail comes before the new file replaces the old one.
    ///
    /// # Errors
    /// Fails, and leaves the file unchanged, if it can't be edited or written, or has changed since it
    /// was read.
    pub(crate) fn write(
        &self,
        address: &Address,
        credentials: &Credentials,
    ) -> Result<WrittenFile, Error> {
        let changes = self.changes(address, credentials);
        let text = self.edited(&changes)?;
        let written = self.outcome(&changes, &text)?;
        self.replace(&text)?;
        Ok(written)
    }

    /// Removes the token and the password from the file, and nothing else. Returns the words for what
    /// it held of them.
    ///
    /// # Errors
    /// Fails, and leaves the file unchanged, if it can't be edited or written, or has changed since it
    /// was read.
    pub(crate) fn remove_secrets(&self) -> Result<Vec<&'static str>, Error> {
        let section = self.existing.as_ref().map(|existing| &existing.section);
        let is_held = |path: &[&str]| {
            section.is_some_and(|section| section.get_set(&path.join(".")).is_some())
        };
        let mut held = vec![(TOKEN, "token"), (PASSWORD, "password")];
        held.retain(|(path, _)| is_held(path));
        if !held.is_empty() {
            let changes = held.iter().map(|(path, _)| Change { path, value: None });
            self.replace(&self.edited(&changes.collect::<Vec<_>>())?)?;
        }
        Ok(held.into_iter().map(|(_, word)| word).collect())
    }

    /// Returns the path of the file, which may not exist.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file, if it has not changed since it was read.
    fn replace(&self, text: &str) -> Result<(), Error> {
        let now = read::for_change(&Candidate::named(self.path.clone()))?;
        let text_of = |file: &Option<ExistingFile>| file.as_ref().map(|file| file.text.clone());
        if now.target != self.target || text_of(&now.existing) != text_of(&self.existing) {
            return Err(Error::ChangedMeanwhile(self.path.clone()));
        }
        private::write_atomically(&self.target, text.as_bytes())
            .map_err(|error| not_written(&self.path, &error))
    }

    /// Returns what the file means with `changes`, by which it has become `text`.
    fn outcome(&self, changes: &[Change], text: &str) -> Result<WrittenFile, Error> {
        let own = Source::File(self.path.clone());
        let section = read::gateway_section(read::parse(&self.path, text)?).unwrap_or_default();
        let merged = self.layers.with_file(&self.path, section).merged();
        let source_of = |key: &str| merged.get_set(key).and_then(Node::source).cloned();
        let set = changes.iter().filter(|change| change.value.is_some());
        let overridden = set.filter_map(|change| {
            let key = change.path.join(".");
            let source = source_of(&key).filter(|source| *source != own)?;
            Some((key, source))
        });
        let has_new_address = changes.iter().any(|change| change.path == ADDRESS);
        let left_over = ["gateway.public-address", "gateway.proxy-address"]
            .into_iter()
            .filter(|_| has_new_address)
            .filter(|key| !changes.iter().any(|change| change.path.join(".") == *key))
            .filter_map(|key| Some((key.to_owned(), source_of(key)?)));
        Ok(WrittenFile {
            path: self.path.clone(),
            old_mode: self.existing.as_ref().map(|existing| existing.mode),
            was_exposed: (self.existing.as_ref())
                .is_some_and(|old| old.mode & 0o044 != 0 && read::holds_secret(&old.section)),
            overridden: overridden.collect(),
            left_over: left_over.collect(),
        })
    }
}

fn not_written(path: &Path, error: &std::io::Error) -> Error {
    Error::NotWritten {
        path: path.to_owned(),
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::token;

    #[test]
    fn nothing_fails_after_the_file_is_written() {
        let home = tempfile::tempdir().expect("a directory");
        let site = home.path().join("site");
        let own = home.path().join(".config/dask/gateway.yaml");
        fs::create_dir(&site).expect("a directory");
        let variables = [("HOME", home.path()), ("DASK_ROOT_CONFIG", &site)];
        let variables = variables.map(|(name, path)| (name.to_owned(), path.display().to_string()));
        let environment = Environment::from_iter(variables);
        let file = UserFile::read(&environment, &ConfigSelection::Dask).expect("it can be read");
        // From here on it can't be read again.
        fs::write(site.join("gateway.yaml"), "gateway: [").expect("written");
        let address = Address::parse("https://g.example").expect("an address");
        let credentials = token("t0ken").expect("a token");
        let written = file.write(&address, &credentials).expect("it is written");
        assert_eq!(written.path, own);
        let mode = fs::metadata(&own).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
