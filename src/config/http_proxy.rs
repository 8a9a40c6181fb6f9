//! The HTTP proxy for requests to the gateway.

use serde_json::Value;
use url::Url;

use super::error::Error;
use super::leaf::Leaf;
use super::secret::Secret;
use super::value_reader::ValueReader;

/// The HTTP proxy for requests to the gateway, `gateway.http-client.proxy`.
#[derive(Clone, Debug)]
pub(crate) enum HttpProxy {
    /// As `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say.
    FromEnvironment,
    Direct,
    /// The proxy's URL, which may hold a password.
    Url(Secret),
}

impl ValueReader<'_> {
    /// Reads the HTTP proxy.
    ///
    /// # Errors
    /// Fails if the value is neither a boolean nor a proxy's URL.
    pub(super) fn http_proxy(&self) -> Result<HttpProxy, Error> {
        let key = "gateway.http-client.proxy";
        let Some((value, source)) = self.value_or_null(key)? else {
            return Ok(self.proxy_of_environment());
        };
        match value {
            Leaf::Json(Value::Bool(true)) => Ok(self.proxy_of_environment()),
            // An explicit null is not the default, which is true.
            Leaf::Json(Value::Bool(false) | Value::Null) => Ok(HttpProxy::Direct),
            Leaf::Json(Value::String(text)) => match boolean(text) {
                Some(true) => Ok(self.proxy_of_environment()),
                Some(false) => Ok(HttpProxy::Direct),
                None => {
                    let url = self.fill_template(key, text, source)?;
                    if !is_proxy_url(&url) {
                        // The URL itself may hold a password.
                        let problem = "must be a proxy URL, such as `http://HOST:PORT`";
                        return Err(Error::value(key, source, problem));
                    }
                    Ok(HttpProxy::Url(Secret::new(url)))
                }
            },
            _ => {
                let problem = "must be true, false or a URL";
                Err(Error::value(key, source, problem))
            }
        }
    }

    fn proxy_of_environment(&self) -> HttpProxy {
        // The HTTP library applies `*` to names, but not to IP addresses.
        let exempt = ["NO_PROXY", "no_proxy"]
            .into_iter()
            .find_map(|name| self.environment.get(name));
        if exempt.is_some_and(|hosts| hosts.split(',').any(|host| host.trim() == "*")) {
            return HttpProxy::Direct;
        }
        HttpProxy::FromEnvironment
    }
}

/// Reads YAML's words for booleans, which are text in a variable or in quotes. dask would take them
/// for the name of a proxy.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => Some(true),
        "no" | "off" | "false" => Some(false),
        _ => None,
    }
}

/// Returns true if `text` is the URL of an HTTP proxy, with or without its scheme.
fn is_proxy_url(text: &str) -> bool {
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
    fn recognizes_proxy_urls() {
        for (text, expected) in [
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
            assert_eq!(is_proxy_url(text), expected, "{text}");
        }
    }
}
