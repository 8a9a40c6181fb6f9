//! The credentials that dgw sends to the gateway.

use super::address::Address;
use super::environment;
use super::error::Error;
use super::layers::Layers;
use super::node::Source;
use super::secret::Secret;
use super::value_reader::ValueReader;

/// The credentials that dgw sends to the gateway.
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
    /// The configured credentials are for another address, so none are sent.
    Withheld {
        /// The kind of credentials that are configured.
        kind: &'static str,
        /// The address that they are for; none if no address is configured.
        configured_for: Option<Address>,
    },
}

/// The values that `gateway.auth.type` may have.
pub(crate) const KNOWN_TYPES: &str = if cfg!(feature = "kerberos") {
    "`jupyterhub`, `basic` and `kerberos`"
} else {
    "`jupyterhub` and `basic`"
};

impl Credentials {
    /// Returns the type of authentication, as `gateway.auth.type` spells it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "basic",
            Self::JupyterHub { .. } => "jupyterhub",
            Self::Kerberos => "kerberos",
            Self::Withheld { kind, .. } => kind,
        }
    }

    /// Returns the word for what is secret in them.
    pub(crate) fn secret_name(&self) -> &'static str {
        match self.kind() {
            "basic" => "password",
            "jupyterhub" => "token",
            _ => "Kerberos token",
        }
    }

    /// Returns true if a server that gets them could use the gateway as the user.
    fn are_secret(&self) -> bool {
        match self {
            Self::Basic { password, .. } => !password.expose().is_empty(),
            Self::JupyterHub { .. } | Self::Kerberos => true,
            Self::Withheld { .. } => false,
        }
    }
}

/// Accepts a token as the user typed it, without the space around it.
///
/// # Errors
/// Fails for text that can't be a token.
pub(crate) fn token(text: &str) -> Result<Credentials, Error> {
    let text = text.trim();
    if !is_token(text) {
        return Err(Error::Typed {
            what: "token",
            problem: "is empty, or contains a space, a line break or a character that isn't ASCII",
        });
    }
    Ok(Credentials::JupyterHub {
        token: Secret::new(text.to_owned()),
    })
}

/// Accepts a user name and a password as the user typed them.
///
/// # Errors
/// Fails for text that HTTP's basic authentication can't send.
pub(crate) fn basic(username: &str, password: &str) -> Result<Credentials, Error> {
    let is_printable = |text: &str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if username.is_empty() || username.contains(':') || !is_printable(username) {
        return Err(Error::Typed {
            what: "user name",
            problem: "is empty, or contains a colon, a control character or a character that isn't \
                      ASCII",
        });
    }
    if !is_printable(password) {
        return Err(Error::Typed {
            what: "password",
            problem: "contains a control character or a character that isn't ASCII",
        });
    }
    Ok(Credentials::Basic {
        username: username.to_owned(),
        password: Secret::new(password.to_owned()),
    })
}

/// Returns true for text like the name of a type or a Python class, and unlike a token.
pub(super) fn is_word(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphabetic() || "._-".contains(c);
    text.len() <= 64 && text.chars().all(is_part)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Key of the token, and the variable that replaces it.
const TOKEN: &str = "gateway.auth.kwargs.api_token";
const HUB_TOKEN: &str = "JUPYTERHUB_API_TOKEN";

impl ValueReader<'_> {
    /// Reads the credentials for the gateway at `address`: those that are configured, unless they are
    /// secret and for another address.
    ///
    /// # Errors
    /// Fails as [`Self::credentials`] does, or if others could have set the address.
    pub(super) fn credentials_for(
        &self,
        address: &Address,
        layers: &Layers,
    ) -> Result<Credentials, Error> {
        let credentials = self.credentials()?;
        if !credentials.are_secret() {
            return Ok(credentials);
        }
        let source = self.credentials_source(&credentials);
        // The hub's own variable is for the gateway that the hub has configured.
        if source == Source::Variable(HUB_TOKEN.to_owned()) && layers.are_of_named_gateway() {
            return Err(Error::NoToken);
        }
        let configured_for = layers.address_for(&source, self.environment);
        if configured_for.as_ref() == Some(address) {
            layers.check_destinations(Some(&source))?;
            return Ok(credentials);
        }
        Ok(Credentials::Withheld {
            kind: credentials.kind(),
            configured_for,
        })
    }

    /// Returns where the secret of `credentials` was set.
    fn credentials_source(&self, credentials: &Credentials) -> Source {
        let key = match credentials {
            Credentials::Basic { .. } => "gateway.auth.kwargs.password",
            Credentials::JupyterHub { .. } => TOKEN,
            Credentials::Kerberos | Credentials::Withheld { .. } => "gateway.auth.type",
        };
        let node = self.tree.get_set(key);
        let source = node.and_then(|node| node.source().cloned());
        source.unwrap_or_else(|| Source::Variable(HUB_TOKEN.to_owned()))
    }

    /// Reads the credentials.
    ///
    /// # Errors
    /// Fails if the type of authentication is unknown, or if a value is missing or malformed.
    pub(super) fn credentials(&self) -> Result<Credentials, Error> {
        let key = "gateway.auth.type";
        let Some((kind, source)) = self.text_and_source(key)? else {
            // dask_gateway's own default.
            return self.basic();
        };
        let problem = match kind.as_str() {
            "basic" => return self.basic(),
            "jupyterhub" => return self.jupyterhub(),
            "kerberos" if cfg!(feature = "kerberos") => return Ok(Credentials::Kerberos),
            "kerberos" => {
                return Err(Error::WithoutKerberos {
                    set_in: source.to_string(),
                });
            }
            class if class.contains('.') && is_word(class) => {
                format!(
                    "is the Python class `{class}`, which dgw can't load: it supports {KNOWN_TYPES}"
                )
            }
            other if is_word(other) => format!("is `{other}`: dgw supports {KNOWN_TYPES}"),
            // Perhaps a token in the wrong place.
            _ => format!("is not a type of authentication: dgw supports {KNOWN_TYPES}"),
        };
        Err(Error::value(key, source, problem))
    }

    /// Reads the user name and password, whatever the type of authentication.
    ///
    /// # Errors
    /// Fails if one is malformed, or if there is no user name.
    pub(super) fn basic(&self) -> Result<Credentials, Error> {
        let username = self.ascii("gateway.auth.kwargs.username")?;
        let password = self.ascii("gateway.auth.kwargs.password")?;
        // Python's getpass.getuser reads these, in this order.
        let account = || {
            ["LOGNAME", "USER", "LNAME", "USERNAME"]
                .into_iter()
                .find_map(|name| self.environment.get(name).filter(|user| !user.is_empty()))
                .map(str::to_owned)
                .or_else(environment::account)
        };
        let username = username.map(|(username, _)| username).or_else(account);
        Ok(Credentials::Basic {
            username: username.ok_or(Error::NoUsername)?,
            password: Secret::new(password.map(|(password, _)| password).unwrap_or_default()),
        })
    }

    fn jupyterhub(&self) -> Result<Credentials, Error> {
        let key = TOKEN;
        let of_hub = Source::Variable(HUB_TOKEN.to_owned());
        let (token, source) = match self.ascii(key)? {
            Some(configured) => configured,
            None => match self.environment.get(HUB_TOKEN) {
                Some(token) => (token.to_owned(), &of_hub),
                None => return Err(Error::NoToken),
            },
        };
        if !is_token(&token) {
            let problem = "is empty, or contains a space or line break";
            return Err(Error::value(key, source, problem));
        }
        Ok(Credentials::JupyterHub {
            token: Secret::new(token),
        })
    }

    /// Reads a text that must be ASCII: servers fail on credentials that are not.
    fn ascii(&self, key: &str) -> Result<Option<(String, &Source)>, Error> {
        match self.text_and_source(key)? {
            Some((text, source)) if !text.is_ascii() => {
                let problem = "may only contain ASCII characters";
                Err(Error::value(key, source, problem))
            }
            text => Ok(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_typed_tokens_without_space_around() {
        let typed = token(" t0ken\n");
        assert!(
            matches!(typed, Ok(Credentials::JupyterHub { token }) if token.expose() == "t0ken")
        );
        for text in ["", " ", "two words", "a\tb", "t\u{f6}ken", "a\u{7f}"] {
            assert!(token(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn accepts_typed_passwords_that_basic_authentication_can_send() {
        let typed = basic("Ada L", "a: b~");
        assert!(matches!(
            typed,
            Ok(Credentials::Basic { username, password })
                if username == "Ada L" && password.expose() == "a: b~"
        ));
        assert!(basic("ada", "").is_ok());
        for (username, password) in [
            ("", "x"),
            ("a:b", "x"),
            ("a\tb", "x"),
            ("\u{e9}", "x"),
            ("ada", "a\nb"),
            ("ada", "\u{e9}"),
            ("ada", "\u{7f}"),
        ] {
            assert!(
                basic(username, password).is_err(),
                "{username:?} {password:?}"
            );
        }
    }
}
