//! Kerberos: the system's GSSAPI library makes a token for each request from the user's ticket, and
//! checks the token in the response, which proves that the response is the gateway's.
//!
//! The tokens are plain Kerberos, not wrapped in SPNEGO, as in dask-gateway's Python client
//! (`KerberosAuth`). The server's `KerberosAuthenticator` supports no second round.

use std::time::Duration;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::error::{Error as GssError, MajorFlags};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE};
use tokio::time::timeout;

use super::error::{Error, KerberosError};
use crate::config::Address;
use crate::duration;
use crate::thread;

/// A gateway's Kerberos service, `HTTP@host`.
#[derive(Clone)]
pub(super) struct KerberosService(String);

/// The state between a request with a token and its response.
pub(super) struct KerberosExchange {
    context: ClientCtx,
    service: String,
}

/// The first minor status of Kerberos: those of RFC 4120, section 7.5.9, and of the table `krb5` of
/// MIT's library count from here. Heimdal uses the same numbers.
const KRB5: u32 = (-1_765_328_384_i32).cast_unsigned();
const KDC_ERR_S_PRINCIPAL_UNKNOWN: u32 = KRB5 + 7;
const KRB_AP_ERR_TKT_EXPIRED: u32 = KRB5 + 32;
const CC_NOTFOUND: u32 = KRB5 + 141;
const REALM_UNKNOWN: u32 = KRB5 + 154;
const KDC_UNREACH: u32 = KRB5 + 156;
const FCC_NOFILE: u32 = KRB5 + 195;

/// The hint for a user whose KDC does not respond.
const KDC_HINT: &str = "check whether this machine can reach your realm's KDC (VPN, firewall), and \
                        whether /etc/krb5.conf or KRB5_CONFIG names the right one; `klist` shows \
                        your realm";

impl KerberosService {
    /// The service of the gateway at `address`.
    ///
    /// # Errors
    /// Never fails; a dgw without Kerberos does.
    #[expect(clippy::unnecessary_wraps)]
    pub(super) fn new(address: &Address) -> Result<Self, Error> {
        let host = address.host().trim_matches(['[', ']']);
        Ok(Self(format!("HTTP@{host}")))
    }

    /// Gets a token for one request, from the KDC if necessary, within `limit`.
    ///
    /// # Errors
    /// Fails without a valid ticket, or without a response from the KDC.
    pub(super) async fn token(
        &self,
        limit: Duration,
    ) -> Result<(Vec<u8>, KerberosExchange), KerberosError> {
        let service = self.clone();
        // The library waits for the KDC as long as its own configuration says, and can't be
        // cancelled: after the time limit its thread goes on.
        let Ok(requesting) = thread::start(move || service.request_token()) else {
            // Without a thread, everything else has to wait.
            return self.request_token();
        };
        match timeout(limit, requesting).await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => Err(self.other_error(error.to_string())),
            Err(_) => Err(KerberosError {
                message: format!(
                    "Kerberos returned no token within {}",
                    duration::exact(limit)
                ),
                cause: None,
                hint: KDC_HINT,
                is_temporary: true,
            }),
        }
    }

    fn request_token(&self) -> Result<(Vec<u8>, KerberosExchange), KerberosError> {
        // No delegation: the gateway needs no access to other services as the user.
        let flags = CtxFlags::GSS_C_MUTUAL_FLAG;
        let request = || {
            let target = Name::new(self.0.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
            let mut context = ClientCtx::new(None, target, flags, Some(GSS_MECH_KRB5));
            let token = context.step(None, None)?;
            Ok((token, context))
        };
        let (token, context) = request().map_err(|error| self.error(error))?;
        let token = token.map(|token| token.to_vec()).unwrap_or_default();
        let exchange = KerberosExchange {
            context,
            service: self.0.clone(),
        };
        Ok((token, exchange))
    }

    fn error(&self, error: GssError) -> KerberosError {
        let is_unreachable = matches!(error.minor, KDC_UNREACH | REALM_UNKNOWN);
        let has_no_ticket = matches!(error.minor, CC_NOTFOUND | FCC_NOFILE)
            || error.major.bits() == MajorFlags::GSS_S_NO_CRED.bits();
        let (message, hint) = match error.minor {
            KDC_ERR_S_PRINCIPAL_UNKNOWN => (
                format!("Kerberos has no service `{}`", self.0),
                "check the host name in `gateway.address` (an IP address does not work), and with \
                 `klist` whether your ticket is for its realm",
            ),
            KRB_AP_ERR_TKT_EXPIRED => (
                "your Kerberos ticket has expired".to_owned(),
                "get a new one with `kinit`; `klist` shows when it expires",
            ),
            _ if is_unreachable => (
                "can't reach a KDC of your Kerberos realm".to_owned(),
                KDC_HINT,
            ),
            _ if has_no_ticket => (
                "you have no Kerberos ticket".to_owned(),
                "get one with `kinit` (`klist` lists your tickets); for cron and jobs, use a \
                 keytab: KRB5_CLIENT_KTNAME=/path/to/keytab",
            ),
            _ => return self.other_error(text(error)),
        };
        KerberosError {
            message,
            cause: Some(text(error)),
            hint,
            is_temporary: is_unreachable,
        }
    }

    fn other_error(&self, cause: String) -> KerberosError {
        KerberosError {
            message: format!("Kerberos returned no token for `{}`", self.0),
            cause: Some(cause),
            hint: "list your tickets with `klist`, and get a new one with `kinit`",
            is_temporary: false,
        }
    }
}

impl KerberosExchange {
    /// Checks the `token` of the response.
    ///
    /// # Errors
    /// Fails if the server does not have the service's key.
    pub(super) fn verify(mut self, token: &[u8]) -> Result<(), KerberosError> {
        let unproven = |cause| KerberosError {
            message: format!(
                "the server did not prove that it is the service `{}`",
                self.service
            ),
            cause,
            hint: "check `gateway.address`: it may lead to another server; if it is right, contact \
                   the gateway's administrators",
            is_temporary: false,
        };
        if token.is_empty() {
            return Err(unproven(Some("the response contains no token".to_owned())));
        }
        let done = self.context.step(Some(token), None);
        done.map_err(|error| unproven(Some(text(error))))?;
        if self.context.is_complete() {
            Ok(())
        } else {
            Err(unproven(None))
        }
    }
}

/// The principal of the user's ticket, if there is a valid one.
pub(crate) async fn principal(limit: Duration) -> Option<String> {
    let acquiring = thread::start(|| {
        let cred = Cred::acquire(None, None, CredUsage::Initiate, None).ok()?;
        let name = cred.name().ok()?.display_name().ok()?;
        Some(String::from_utf8_lossy(&name).into_owned())
    });
    let acquiring = acquiring.ok()?;
    timeout(limit, acquiring).await.ok()?.ok()?
}

/// GSSAPI's message; where that explains nothing, Kerberos' own, which the library puts in
/// parentheses after it. Must be called on the thread of the error.
fn text(error: GssError) -> String {
    let message = error.to_string();
    let unexplained =
        [MajorFlags::GSS_S_FAILURE, MajorFlags::GSS_S_NO_CRED].map(|major| major.bits());
    match message.split_once(" (") {
        Some((_, inner)) if unexplained.contains(&error.major.bits()) => {
            inner.strip_suffix(')').unwrap_or(inner).to_owned()
        }
        Some((outer, _)) => outer.to_owned(),
        None => message,
    }
}
