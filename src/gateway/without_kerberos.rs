//! Replaces [`super::kerberos`] in a dgw that is built without Kerberos.

use std::time::Duration;

use super::error::{Error, KerberosError};
use crate::config::Address;

/// Has no values.
#[derive(Clone)]
pub(super) enum KerberosService {}

/// Has no values.
pub(super) enum KerberosExchange {}

impl KerberosService {
    /// # Errors
    /// Always fails. The configuration has been refused before.
    pub(super) fn new(_: &Address) -> Result<Self, Error> {
        Err(Error::Setup(
            "this dgw is built without Kerberos".to_owned(),
        ))
    }

    pub(super) fn token(
        &self,
        _: Duration,
    ) -> std::future::Ready<Result<(Vec<u8>, KerberosExchange), KerberosError>> {
        match *self {}
    }
}

impl KerberosExchange {
    pub(super) fn verify(self, _: &[u8]) -> Result<(), KerberosError> {
        match self {}
    }
}

/// Always `None`.
pub(crate) fn principal(_: Duration) -> std::future::Ready<Option<String>> {
    std::future::ready(None)
}
