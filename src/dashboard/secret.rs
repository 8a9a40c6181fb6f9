//! Random secrets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::crypto::ring;
use subtle::ConstantTimeEq as _;

use super::error::Error;

/// 256 random bits, as text that fits into a URL and a cookie. It has neither `Display` nor `Debug`.
pub(super) struct RandomSecret(String);

impl RandomSecret {
    /// Makes a new secret.
    ///
    /// # Errors
    /// Fails if the system provides no random numbers.
    pub(super) fn new() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        let random = ring::default_provider().secure_random;
        random.fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the text itself, for the link and the cookie.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns true if `text` is this secret, in a time that reveals nothing.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_matches_only_itself() {
        let [one, other] = [RandomSecret::new(), RandomSecret::new()].map(|new| new.expect("new"));
        assert_eq!(one.expose().len(), 43);
        assert!(one.matches(one.expose()));
        assert!(!one.matches(other.expose()));
        assert!(!one.matches("") && !one.matches(&one.expose()[1..]));
    }
}
