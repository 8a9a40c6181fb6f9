//! The HTTP proxy by which requests go.

use url::Url;

use super::error::Error;
use super::plain::Plain;
use super::secret::Secret;
use super::typed::{Reader, wrong};

/// How the gateway is reached, `gateway.http-client.proxy`.
#[derive(Clone, Debug)]
pub(crate) enum HttpProxy {
    /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count.
    FromEnvironment {
        /// Whether any of them names a proxy.
        is_named: bool,
    },
    Direct,
    /// A proxy's URL, which may hold a password.
    Url(Secret),
}

impl Reader<'_> {
    /// How requests get out.
    ///
    /// # Errors
    /// The value is no proxy's URL, or none of the words for one.
    pub(super) fn http_proxy(&self) -> Result<HttpProxy, Error> {
        let key = "gateway.http-client.proxy";
        let Some((value, source)) = self.set_leaf(key)? else {
            return Ok(self.proxy_of_environment());
        };
        match value {
            Plain::Bool(true) => Ok(self.proxy_of_environment()),
            // An explicit null is not the default, which is true.
            Plain::Bool(false) | Plain::Null => Ok(HttpProxy::Direct),
            Plain::Text(text) => match boolean(text) {
                Some(true) => Ok(self.proxy_of_environment()),
                Some(false) => Ok(HttpProxy::Direct),
                None => {
                    let url = self.filled(key, text, source)?;
                    if !is_proxys(&url) {
                        // The URL itself may hold a password.
                        let problem = "is not a proxy's URL: it looks like `http://HOST:PORT`";
                        return Err(wrong(key, source, problem));
                    }
                    Ok(HttpProxy::Url(Secret::new(url)))
                }
            },
            _ => Err(wrong(key, source, "must be true, false or a URL")),
        }
    }

    fn proxy_of_environment(&self) -> HttpProxy {
        // The HTTP library takes `*` for every name, but for no IP address.
        let exempt = ["NO_PROXY", "no_proxy"]
            .into_iter()
            .find_map(|name| self.environment.get(name));
        if exempt.is_some_and(|hosts| hosts.split(',').any(|host| host.trim() == "*")) {
            return HttpProxy::Direct;
        }
        let names = ["http_proxy", "https_proxy", "all_proxy"];
        let is_named = names.into_iter().any(|name| {
            let variables = [name.to_owned(), name.to_uppercase()];
            variables
                .iter()
                .any(|name| self.environment.get(name).is_some())
        });
        HttpProxy::FromEnvironment { is_named }
    }
}

/// What a YAML file says without quotes, said by a variable or in quotes: dask would take it for a
/// proxy's name.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => Some(true),
        "no" | "off" | "false" => Some(false),
        _ => None,
    }
}

/// Whether requests can go by what is at `text`, a URL that may leave out its scheme, as those of
/// variables do.
fn is_proxys(text: &str) -> bool {
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_nowhere_is_no_proxy() {
        for (text, is_one) in [
            ("http://proxy.example.org:3128", true),
            ("https://ada:s3cret@proxy.example.org", true),
            ("proxy.example.org:3128", true),
            ("ada:s3cret@127.0.0.1:3128", true),
            ("http://[::1]:3128/", true),
            ("", false),
            ("http://", false),
            ("http://proxy.example.org:x", false),
            ("proxy.example.org:99999", false),
            ("http://[::1", false),
            ("http://two words", false),
            ("socks5://proxy.example.org:1080", false),
            ("ftp://proxy.example.org", false),
        ] {
            assert_eq!(is_proxys(text), is_one, "{text}");
        }
    }
}
