//! What is sent to say who one is.

use super::environment;
use super::error::Error;
use super::secret::Secret;
use super::tree::Source;
use super::typed::{Reader, wrong};

/// What is sent to say who one is.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    Basic {
        username: String,
        password: Secret,
    },
    JupyterHub {
        token: Secret,
    },
    /// The user's ticket, which the system keeps.
    Kerberos,
}

/// What `gateway.auth.type` may be.
pub(crate) const KNOWN_TYPES: &str = if cfg!(feature = "kerberos") {
    "`jupyterhub`, `basic` and `kerberos`"
} else {
    "`jupyterhub` and `basic`"
};

impl Credentials {
    /// The name of the authentication, as `gateway.auth.type` spells it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "basic",
            Self::JupyterHub { .. } => "jupyterhub",
            Self::Kerberos => "kerberos",
        }
    }
}

impl Reader<'_> {
    pub(super) fn credentials(&self) -> Result<Credentials, Error> {
        let key = "gateway.auth.type";
        match self.text(key)?.as_deref() {
            // What dask_gateway's own defaults say.
            None | Some("basic") => self.basic(),
            Some("jupyterhub") => self.jupyterhub(),
            Some("kerberos") if cfg!(feature = "kerberos") => Ok(Credentials::Kerberos),
            Some(other) => {
                let (_, source) = self.leaf(key)?.ok_or(Error::Missing {
                    key: "gateway.auth.type",
                    what: "authentication",
                })?;
                let problem = match other {
                    "kerberos" => {
                        return Err(Error::WithoutKerberos {
                            set_in: source.to_string(),
                        });
                    }
                    class if class.contains('.') => format!(
                        "is the Python class `{class}`, which dgw can't load: it knows {KNOWN_TYPES}"
                    ),
                    other => format!("is `{other}`: dgw knows {KNOWN_TYPES}"),
                };
                Err(wrong(key, source, &problem))
            }
        }
    }

    pub(super) fn basic(&self) -> Result<Credentials, Error> {
        let username_key = "gateway.auth.kwargs.username";
        let username = self.ascii(username_key)?.or_else(|| {
            // Python's getpass.getuser looks at these, in this order.
            ["LOGNAME", "USER", "LNAME", "USERNAME"]
                .into_iter()
                .find_map(|name| self.environment.get(name).filter(|user| !user.is_empty()))
                .map(str::to_owned)
                .or_else(environment::account)
        });
        Ok(Credentials::Basic {
            username: username.ok_or(Error::Missing {
                key: username_key,
                what: "user name",
            })?,
            password: Secret::new(
                self.ascii("gateway.auth.kwargs.password")?
                    .unwrap_or_default(),
            ),
        })
    }

    fn jupyterhub(&self) -> Result<Credentials, Error> {
        let key = "gateway.auth.kwargs.api_token";
        let variable = "JUPYTERHUB_API_TOKEN";
        let (token, source) = match (self.ascii(key)?, self.leaf(key)?) {
            (Some(token), Some((_, source))) => (token, source.clone()),
            _ => match self.environment.get(variable) {
                Some(token) => (token.to_owned(), Source::Variable(variable.to_owned())),
                None => {
                    return Err(Error::Missing {
                        key,
                        what: "JupyterHub token",
                    });
                }
            },
        };
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            let problem = "is empty, or holds a space or line break";
            return Err(wrong(key, &source, problem));
        }
        Ok(Credentials::JupyterHub {
            token: Secret::new(token),
        })
    }

    /// Credentials must be ASCII: servers answer anything else with an error of their own.
    fn ascii(&self, key: &str) -> Result<Option<String>, Error> {
        let text = self.text(key)?;
        match (&text, self.leaf(key)?) {
            (Some(text), Some((_, source))) if !text.is_ascii() => {
                Err(wrong(key, source, "may only hold ASCII characters"))
            }
            _ => Ok(text),
        }
    }
}
