//! The addresses of a gateway: its API, its dashboards, its scheduler proxy.

use url::Url;

/// An `http://` or `https://` address without credentials, query or trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl Address {
    /// Parses an address as a user writes it.
    ///
    /// # Errors
    /// Fails if `text` is no gateway's address, with a text that continues a sentence after the name of
    /// its key.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.contains("://") {
            return Err("has no scheme: write `https://…` or `http://…`");
        }
        let mut url = Url::parse(text.trim()).map_err(|_| "is not a valid URL")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must begin with `https://` or `http://`");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("has no host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user name or password: they belong in `gateway.auth`");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a query or fragment");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Returns the address without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Returns the host name or IP address; an IPv6 address is in brackets.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns the port, by default that of the scheme.
    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(8786)
    }

    /// Returns the default address of the scheduler proxy, which is the gateway's own host and port
    /// (`dask_gateway.Gateway.__init__`).
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// Returns true for `https://`.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns true if the address is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_trailing_slashes() {
        for (text, plain) in [
            ("http://h:8000/", "http://h:8000"),
            ("http://h:8000", "http://h:8000"),
            (
                "https://h/services/dask-gateway/",
                "https://h/services/dask-gateway",
            ),
        ] {
            assert_eq!(
                Address::parse(text).map(|a| a.as_str().to_owned()),
                Ok(plain.to_owned())
            );
        }
    }

    #[test]
    fn refuses_other_urls_and_text() {
        for text in [
            "",
            "gateway",
            "h:8000",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://u@h",
            "http://h/?a",
            "http://h/#a",
            "http://h:99999",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn recognizes_loopback_addresses() {
        let is_loopback = |text| Address::parse(text).expect(text).is_loopback();
        assert!(!is_loopback("http://gateway.example.org"));
        assert!(!is_loopback("http://10.0.0.1:8000"));
        assert!(is_loopback("http://127.0.0.2:8000"));
        assert!(is_loopback("http://[::1]:8000"));
        assert!(is_loopback("http://localhost:8000"));
        assert!(is_loopback("http://hub.localhost"));
        assert!(!is_loopback("http://localhost.example.org"));
        assert!(!is_loopback("http://[::2]"));
    }

    #[test]
    fn has_host_and_port_of_the_scheme_by_default() {
        for (text, expected, is_encrypted) in [
            ("http://h", "h:80", false),
            ("https://h/x", "h:443", true),
            ("https://h:8000", "h:8000", true),
            ("http://[::1]:1", "[::1]:1", false),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!(address.host_and_port(), expected);
            assert_eq!(address.is_encrypted(), is_encrypted);
        }
    }
}
