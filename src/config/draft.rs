//! The user's file as it is to become: with a gateway's address, and credentials for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::address::Address;
use super::edit::{self, Change};
use super::find::{self, Candidate};
use super::plain::Plain;
use super::read::{self, Existing};
use super::template;
use super::tree::{Node, Source, Tree};
use super::typed::Reader;
use super::{Credentials, Environment, Error, HttpProxy, Secret, Settings};
use crate::private;

const ADDRESS: &[&str] = &["gateway", "address"];
const TYPE: &[&str] = &["gateway", "auth", "type"];
const TOKEN: &[&str] = &["gateway", "auth", "kwargs", "api_token"];
const USERNAME: &[&str] = &["gateway", "auth", "kwargs", "username"];
const PASSWORD: &[&str] = &["gateway", "auth", "kwargs", "password"];

/// The user's file, and the configuration around it.
pub(crate) struct Draft<'a> {
    environment: &'a Environment,
    explicit: Option<&'a Path>,
    path: PathBuf,
    existing: Option<Existing>,
    /// The sections of all files.
    files: Vec<Tree>,
}

/// A file that was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    /// The mode of the file that was there before.
    pub(crate) old_mode: Option<u32>,
    /// Whether others could read a secret in that file.
    pub(crate) was_exposed: bool,
    /// What was written, and counts for nothing: set again by what comes later.
    pub(crate) overruled: Vec<(String, Source)>,
    /// What belonged to the address that was there before, and is still set.
    pub(crate) left_over: Vec<(String, Source)>,
}

impl<'a> Draft<'a> {
    /// Reads what there is. Other files than the one to be written must be fit for use; that one
    /// need not have its mode yet. `explicit` is `--config`.
    ///
    /// # Errors
    /// A file is malformed or refused, or none could be written.
    pub(crate) fn of(
        environment: &'a Environment,
        explicit: Option<&'a Path>,
    ) -> Result<Self, Error> {
        let path = find::own_file(environment, explicit)?;
        let existing = read::for_change(&Candidate::named(path.clone()))?;
        if existing.is_none() {
            read::judge_folder_for_change(&path)?;
        }
        private::check_writable(&path).map_err(|error| not_written(&path, &error))?;
        let candidates = match explicit {
            Some(explicit) if !explicit.exists() => find::of_site(environment),
            explicit => find::candidates(environment, explicit)?,
        };
        let mut files = Vec::new();
        for candidate in candidates {
            if candidate.path != path {
                files.extend(read::gateway_section(&candidate)?);
            } else if let Some(existing) = &existing {
                files.push(existing.tree.clone());
            }
        }
        Ok(Self {
            environment,
            explicit,
            path,
            existing,
            files,
        })
    }

    fn merged(&self) -> Result<Tree, Error> {
        let environment = self.environment.gateway_section()?;
        Ok(super::over(self.files.clone(), environment))
    }

    /// The gateway's address: the one that is `named`, or the configured one.
    ///
    /// # Errors
    /// It is malformed, or there is none.
    pub(crate) fn address(&self, named: Option<&str>) -> Result<Address, Error> {
        let merged = self.merged()?;
        match named {
            Some(text) => Address::parse(text).map_err(Error::Flag),
            None => self.reader(&merged).address(),
        }
    }

    fn reader<'b>(&'b self, tree: &'b Tree) -> Reader<'b> {
        Reader {
            tree,
            environment: self.environment,
        }
    }

    /// How requests get out.
    ///
    /// # Errors
    /// The configured proxy is none.
    pub(crate) fn http_proxy(&self) -> Result<HttpProxy, Error> {
        self.reader(&self.merged()?).http_proxy()
    }

    /// The configured user name, or else the system's.
    pub(crate) fn username(&self) -> Option<String> {
        match self.reader(&self.merged().ok()?).basic() {
            Ok(Credentials::Basic { username, .. }) => Some(username),
            _ => None,
        }
    }

    /// Refuses to write over a secret, or over another address than `address`.
    ///
    /// # Errors
    /// What the file holds.
    pub(crate) fn refuse_overwriting(&self, address: &Address) -> Result<(), Error> {
        let Some(existing) = &self.existing else {
            return Ok(());
        };
        let is_set = |path: &[&str]| match existing.tree.get(&path.join(".")) {
            None | Some(Node::Leaf(Plain::Null, _)) => false,
            Some(Node::Leaf(Plain::Text(text), _)) => !text.is_empty(),
            Some(_) => true,
        };
        let other_address = is_set(ADDRESS)
            && (self.reader(&existing.tree).address()).is_ok_and(|held| held != *address);
        let what = if is_set(TOKEN) {
            "a token"
        } else if is_set(PASSWORD) {
            "a password"
        } else if other_address {
            "the address of another gateway"
        } else {
            return Ok(());
        };
        Err(Error::Taken {
            path: self.path.clone(),
            what,
        })
    }

    /// What a client needs to try `credentials` at `address`.
    ///
    /// # Errors
    /// The configured proxy is none.
    pub(crate) fn settings(
        &self,
        address: &Address,
        credentials: Credentials,
    ) -> Result<Settings, Error> {
        Ok(Settings {
            public_address: address.as_str().to_owned(),
            scheduler_proxy: address.host_and_port(),
            address: address.clone(),
            credentials,
            http_proxy: self.http_proxy()?,
            cluster_options: serde_json::Map::new(),
            option_sources: BTreeMap::new(),
        })
    }

    /// What the file would have to hold.
    fn changes(&self, address: &Address, credentials: &Credentials) -> Vec<Change> {
        let set = |path, value: &str| Change {
            path,
            value: Some(template::escaped(value)),
        };
        let unset = |path| Change { path, value: None };
        let mut changes = Vec::new();
        // Where a site's file names it, it needn't be repeated.
        let files = super::over(self.files.clone(), Tree::default());
        if !(self.reader(&files).address()).is_ok_and(|held| held == *address) {
            changes.push(set(ADDRESS, address.as_str()));
        }
        changes.push(set(TYPE, credentials.kind()));
        match credentials {
            Credentials::Basic { username, password } => changes.extend([
                set(USERNAME, username),
                set(PASSWORD, password.expose()),
                unset(TOKEN),
            ]),
            Credentials::JupyterHub { token } => changes.extend([
                set(TOKEN, token.expose()),
                // Python's client takes no others.
                unset(USERNAME),
                unset(PASSWORD),
            ]),
            Credentials::Kerberos => {
                changes.extend([unset(TOKEN), unset(USERNAME), unset(PASSWORD)]);
            }
        }
        changes
    }

    /// Whether the file can be edited at all; worth knowing before anybody types a password.
    ///
    /// # Errors
    /// It can't; with the lines to put in by hand.
    pub(crate) fn check(&self, address: &Address, credentials: &Credentials) -> Result<(), Error> {
        let changes = self.changes(address, credentials);
        self.edited(&changes).map(|_| ())
    }

    fn edited(&self, changes: &[Change]) -> Result<String, Error> {
        let old = self.existing.as_ref();
        let old = old.map_or("", |existing| existing.text.as_str());
        edit::edited(old, changes).ok_or_else(|| {
            let shown = changes.iter().map(|change| Change {
                path: change.path,
                value: match change.path {
                    TOKEN | PASSWORD => change.value.as_ref().map(|_| "…".to_owned()),
                    _ => change.value.clone(),
                },
            });
            Error::NotEditable {
                path: self.path.clone(),
                lines: edit::written_out(&shown.collect::<Vec<_>>()),
            }
        })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It can't be edited or written, or has changed since it was read. Then it is as it was.
    pub(crate) fn write(
        &self,
        address: &Address,
        credentials: &Credentials,
    ) -> Result<Written, Error> {
        let changes = self.changes(address, credentials);
        let text = self.edited(&changes)?;
        let now = read::for_change(&Candidate::named(self.path.clone()))?;
        let text_of = |existing: Option<&Existing>| existing.map(|existing| existing.text.clone());
        if text_of(now.as_ref()) != text_of(self.existing.as_ref()) {
            return Err(Error::Raced(self.path.clone()));
        }
        private::write_atomically(&self.path, text.as_bytes())
            .map_err(|error| not_written(&self.path, &error))?;

        let own = Source::File(self.path.clone());
        let written = Draft::of(self.environment, self.explicit)?.merged()?;
        let set = changes.iter().filter(|change| change.value.is_some());
        let overruled = set.filter_map(|change| {
            let key = change.path.join(".");
            let source = written.get(&key).and_then(Node::source)?.clone();
            (source != own).then_some((key, source))
        });
        let moved = changes.iter().any(|change| change.path == ADDRESS);
        let left_over = ["gateway.public-address", "gateway.proxy-address"]
            .into_iter()
            .filter(|_| moved)
            .filter_map(|key| match written.get(key)? {
                Node::Leaf(Plain::Null, _) => None,
                node => Some((key.to_owned(), node.source()?.clone())),
            });
        Ok(Written {
            path: self.path.clone(),
            old_mode: self.existing.as_ref().map(|existing| existing.mode),
            was_exposed: (self.existing.as_ref())
                .is_some_and(|old| old.mode & 0o044 != 0 && read::holds_secret(&old.tree)),
            overruled: overruled.collect(),
            left_over: left_over.collect(),
        })
    }
}

/// A token as it was typed, without the space around it.
///
/// # Errors
/// It can't be a token.
pub(crate) fn token(text: &str) -> Result<Credentials, Error> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::Unfit {
            what: "token",
            problem: "is empty, or holds a space, a line break or what isn't ASCII",
        });
    }
    Ok(Credentials::JupyterHub {
        token: Secret::new(text.to_owned()),
    })
}

/// A user name and a password as they were typed.
///
/// # Errors
/// What no server of this kind takes.
pub(crate) fn basic(username: &str, password: &str) -> Result<Credentials, Error> {
    let is_plain = |text: &str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if username.is_empty() || username.contains(':') || !is_plain(username) {
        return Err(Error::Unfit {
            what: "user name",
            problem: "is empty, or holds a colon, a control character or what isn't ASCII",
        });
    }
    if !is_plain(password) {
        return Err(Error::Unfit {
            what: "password",
            problem: "holds a control character or what isn't ASCII, which no gateway takes",
        });
    }
    Ok(Credentials::Basic {
        username: username.to_owned(),
        password: Secret::new(password.to_owned()),
    })
}

fn not_written(path: &Path, error: &std::io::Error) -> Error {
    Error::NotWritten {
        path: path.to_owned(),
        cause: error.to_string(),
    }
}
