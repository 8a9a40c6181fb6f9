//! The addresses of a gateway: its API, its dashboards, its scheduler proxy.

use url::Url;

/// An `http://` or `https://` address without credentials, query or trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl Address {
    /// Reads an address as a person writes it.
    ///
    /// # Errors
    /// What is wrong with `text`, fit to follow the name of its key.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.contains("://") {
            return Err("has no scheme: write `https://…` or `http://…`");
        }
        let mut url = Url::parse(text.trim()).map_err(|_| "is not a valid URL")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must begin with `https://` or `http://`");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a user name or password: they belong in `gateway.auth`");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a query or fragment");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address as text, without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The host name, or the bare IP address.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, its scheme's own where none is named.
    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(8786)
    }

    /// The host and port that schedulers are reached at by default: the address's own
    /// (`dask_gateway.Gateway.__init__`).
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// Whether it is `https://`.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it leads to this machine.
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
    fn slashes_at_the_end_are_dropped() {
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
    fn what_is_no_gateway_address_is_refused() {
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
    fn this_machine_is_known_by_all_its_names() {
        let is_loopback = |text| Address::parse(text).expect(text).is_loopback();
        assert!(!is_loopback("http://gateway.example.org"));
        assert!(!is_loopback("http://10.0.0.1:8000"));
        assert!(is_loopback("http://127.0.0.2:8000"));
        assert!(is_loopback("http://[::1]:8000"));
        assert!(is_loopback("http://localhost:8000"));
    }
}
