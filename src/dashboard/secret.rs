//! Random secrets and names.

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
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?)))
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

/// Returns a new label of a host name: no other ever was the same. It is no secret.
///
/// # Errors
/// Fails if the system provides no random numbers.
pub(super) fn random_label() -> Result<String, Error> {
    let number = u64::from_be_bytes(random()?);
    Ok(format!("dgw-{number:016x}"))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let random = ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(bytes)
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

    #[test]
    fn labels_are_valid_and_differ() {
        let [one, other] = [random_label(), random_label()].map(|new| new.expect("new"));
        assert_ne!(one, other);
        assert_eq!(one.len(), 20);
        let is_valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(one.bytes().all(is_valid), "{one}");
    }
}
