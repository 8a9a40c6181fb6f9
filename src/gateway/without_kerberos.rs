//! What stands in for [`super::kerberos`] in a dgw that is built without it: nobody has a ticket.

use std::fmt;
use std::time::Duration;

use super::Error;
use crate::config::Address;

/// There is none.
pub(super) enum Service {}

/// There is none.
pub(super) enum Exchange {}

/// There is none.
#[derive(Debug)]
pub(crate) enum KerberosError {}

impl Service {
    /// # Errors
    /// Always. The configuration has said so before.
    pub(super) fn of(_: &Address) -> Result<Self, Error> {
        Err(Error::Setup(
            "this dgw is built without Kerberos".to_owned(),
        ))
    }

    pub(super) fn token(
        &self,
        _: Duration,
    ) -> std::future::Ready<Result<(Vec<u8>, Exchange), KerberosError>> {
        match *self {}
    }
}

impl Exchange {
    pub(super) fn conclude(self, _: &[u8]) -> Result<(), KerberosError> {
        match self {}
    }
}

impl KerberosError {
    pub(crate) fn hint(&self) -> String {
        match *self {}
    }

    pub(super) fn cause(&self) -> Option<&str> {
        match *self {}
    }

    pub(super) fn is_temporary(&self) -> bool {
        match *self {}
    }
}

impl fmt::Display for KerberosError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// Nobody.
pub(crate) fn principal(_: Duration) -> std::future::Ready<Option<String>> {
    std::future::ready(None)
}
