//! What nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::crypto::ring;
use subtle::ConstantTimeEq as _;

use super::Error;

/// 256 random bits, as text that a URL and a cookie can hold. It has neither `Display` nor `Debug`.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        let random = ring::default_provider().secure_random;
        random.fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The text itself, for the link and the cookie.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `text` is it. How long that takes tells nothing.
    pub(super) fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_itself_alone() {
        let [one, other] = [Secret::new(), Secret::new()].map(|made| made.expect("made"));
        assert_eq!(one.expose().len(), 43);
        assert!(one.is(one.expose()));
        assert!(!one.is(other.expose()) && !one.is("") && !one.is(&one.expose()[1..]));
    }
}
