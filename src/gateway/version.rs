//! The server's version, as `/api/version` returns it.

use serde::Deserialize;

/// The path that returns the version. It needs no authentication.
pub(super) const VERSION_PATH: &str = "/api/version";

/// The first servers that respond differently to a token that their hub does not know and to one
/// that lacks access (`JupyterHubAuthenticator.authenticate`).
const DISTINGUISHES_TOKENS: (u32, u32) = (2025, 4);

/// The body of a response from [`VERSION_PATH`].
#[derive(Deserialize)]
pub(super) struct ServerVersion {
    pub(super) version: String,
}

impl ServerVersion {
    /// Returns true if a 401 from this server means that the token is known but lacks access.
    pub(super) fn distinguishes_tokens(&self) -> bool {
        let mut parts = self.version.split('.').map(str::parse::<u32>);
        match (parts.next(), parts.next()) {
            (Some(Ok(year)), Some(Ok(month))) => (year, month) >= DISTINGUISHES_TOKENS,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_versions_as_numbers() {
        for (version, is_new) in [
            ("2025.4.0", true),
            ("2026.3.0", true),
            ("2025.10.0rc1", true),
            ("2025.3.0", false),
            ("2024.12.1", false),
            ("0.9.0", false),
            ("unknown", false),
            ("", false),
        ] {
            let server = ServerVersion {
                version: version.to_owned(),
            };
            assert_eq!(server.distinguishes_tokens(), is_new, "{version}");
        }
    }
}
