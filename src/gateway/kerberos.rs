//! Kerberos: a token for each request, made of the user's ticket by the system's GSSAPI library,
//! and the proof in the answer that it is the gateway's.
//!
//! The tokens are Kerberos' own, not wrapped in SPNEGO: so does dask-gateway's Python client
//! (`KerberosAuth`), and the server's `KerberosAuthenticator` takes no second round.

use std::time::Duration;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::error::{Error as GssError, MajorFlags};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Error;
use crate::config::Address;

/// A gateway as Kerberos knows it, `HTTP@host`.
#[derive(Clone)]
pub(super) struct Service {
    name: String,
    /// Whether the host is an IP address: hardly any realm knows those.
    is_numeric: bool,
}

/// A request that was sent with a token, until it is answered.
pub(super) struct Exchange {
    context: ClientCtx,
    service: String,
}

/// Why there is no token, or why an answer isn't the gateway's.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub(crate) struct KerberosError {
    kind: Kind,
    /// In the library's words, which hold names of principals, realms and files only.
    cause: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("you have no Kerberos ticket")]
    NoTicket,
    #[error("your Kerberos ticket has expired")]
    Expired,
    #[error("no KDC of your Kerberos realm can be reached")]
    Unreachable,
    #[error("Kerberos gave no token within {} s", .0.as_secs_f32())]
    Silent(Duration),
    #[error("Kerberos knows no service `{service}`")]
    NoSuchService { service: String, is_numeric: bool },
    #[error("what answers for `{0}` doesn't prove that it is that service")]
    Unproven(String),
    #[error("Kerberos gives no token for `{0}`")]
    Other(String),
}

/// Errors of the protocol and of MIT's library, as the minor status has them: RFC 4120, section
/// 7.5.9, and the table `krb5`, both from this number on. Heimdal numbers those the same.
const KRB5: u32 = (-1_765_328_384_i32).cast_unsigned();
const KDC_ERR_S_PRINCIPAL_UNKNOWN: u32 = KRB5 + 7;
const KRB_AP_ERR_TKT_EXPIRED: u32 = KRB5 + 32;
const CC_NOTFOUND: u32 = KRB5 + 141;
const REALM_UNKNOWN: u32 = KRB5 + 154;
const KDC_UNREACH: u32 = KRB5 + 156;
const FCC_NOFILE: u32 = KRB5 + 195;

impl Service {
    /// The service of the gateway at `address`.
    ///
    /// # Errors
    /// None: only a dgw without Kerberos has any.
    #[expect(clippy::unnecessary_wraps)]
    pub(super) fn of(address: &Address) -> Result<Self, Error> {
        let host = address.host().trim_matches(['[', ']']);
        Ok(Self {
            name: format!("HTTP@{host}"),
            is_numeric: host.parse::<std::net::IpAddr>().is_ok(),
        })
    }

    /// A token for one request. The KDC may have to be asked for it, which may take until `limit`.
    ///
    /// # Errors
    /// See [`KerberosError`].
    pub(super) async fn token(
        &self,
        limit: Duration,
    ) -> Result<(Vec<u8>, Exchange), KerberosError> {
        let service = self.clone();
        // The library waits for the KDC as long as its own configuration says, and can't be called
        // off: the thread is left to it.
        let asking = spawn_blocking(move || service.ask());
        match timeout(limit, asking).await {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => Err(KerberosError {
                kind: Kind::Other(self.name.clone()),
                cause: Some(panic.to_string()),
            }),
            Err(_) => Err(KerberosError {
                kind: Kind::Silent(limit),
                cause: None,
            }),
        }
    }

    fn ask(&self) -> Result<(Vec<u8>, Exchange), KerberosError> {
        // No delegation: the gateway has no business elsewhere in one's name.
        let flags = CtxFlags::GSS_C_MUTUAL_FLAG;
        let asked = || {
            let target = Name::new(self.name.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
            let mut context = ClientCtx::new(None, target, flags, Some(GSS_MECH_KRB5));
            let token = context.step(None, None)?;
            Ok((token, context))
        };
        let (token, context) = asked().map_err(|error| self.fault(error))?;
        let token = token.map(|token| token.to_vec()).unwrap_or_default();
        let exchange = Exchange {
            context,
            service: self.name.clone(),
        };
        Ok((token, exchange))
    }

    fn fault(&self, error: GssError) -> KerberosError {
        let kind = match error.minor {
            KDC_ERR_S_PRINCIPAL_UNKNOWN => Kind::NoSuchService {
                service: self.name.clone(),
                is_numeric: self.is_numeric,
            },
            KRB_AP_ERR_TKT_EXPIRED => Kind::Expired,
            KDC_UNREACH | REALM_UNKNOWN => Kind::Unreachable,
            CC_NOTFOUND | FCC_NOFILE => Kind::NoTicket,
            _ if error.major.bits() == MajorFlags::GSS_S_NO_CRED.bits() => Kind::NoTicket,
            _ => Kind::Other(self.name.clone()),
        };
        KerberosError {
            kind,
            cause: Some(words(error)),
        }
    }
}

impl Exchange {
    /// Holds the answer's `token` against the one that was sent.
    ///
    /// # Errors
    /// Whoever answered doesn't have the service's key.
    pub(super) fn conclude(mut self, token: &[u8]) -> Result<(), KerberosError> {
        let unproven = |cause| KerberosError {
            kind: Kind::Unproven(self.service.clone()),
            cause,
        };
        if token.is_empty() {
            return Err(unproven(Some("the answer holds no token".to_owned())));
        }
        let done = self.context.step(Some(token), None);
        done.map_err(|error| unproven(Some(words(error))))?;
        if self.context.is_complete() {
            Ok(())
        } else {
            Err(unproven(None))
        }
    }
}

impl KerberosError {
    /// The one thing to do about it.
    pub(crate) fn hint(&self) -> String {
        match &self.kind {
            Kind::NoTicket => {
                "`kinit` gets one, and `klist` shows those that you have; cron and jobs get theirs \
                 by a keytab: KRB5_CLIENT_KTNAME=/path/to/keytab"
            }
            Kind::Expired => "`kinit` gets another; `klist` shows until when it is good",
            Kind::Unreachable | Kind::Silent(_) => {
                "check whether this machine can reach your realm's KDC (VPN, firewall), and whether \
                 it is the one in /etc/krb5.conf, or KRB5_CONFIG; `klist` shows your realm"
            }
            Kind::NoSuchService {
                is_numeric: true, ..
            } => {
                "Kerberos knows services by their host's name: set `gateway.address` to one in \
                 place of the IP address"
            }
            Kind::NoSuchService { .. } => {
                "check the host's name in `gateway.address`, and with `klist` whether your ticket \
                 is one of its realm's"
            }
            Kind::Unproven(_) => {
                "check `gateway.address`: something else may answer there; if it is right, tell \
                 those who run the gateway"
            }
            Kind::Other(_) => "`klist` shows your tickets, and `kinit` gets another",
        }
        .to_owned()
    }

    /// What the library says of it.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Whether it may pass by itself.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Silent(_))
    }
}

/// Whose ticket it is, if there is one that is good.
pub(crate) async fn principal(limit: Duration) -> Option<String> {
    let asking = spawn_blocking(|| {
        let cred = Cred::acquire(None, None, CredUsage::Initiate, None).ok()?;
        let name = cred.name().ok()?.display_name().ok()?;
        Some(String::from_utf8_lossy(&name).into_owned())
    });
    timeout(limit, asking).await.ok()?.ok()?
}

/// What GSSAPI says; where that says next to nothing, what Kerberos says, which the library puts in
/// brackets after it. To be asked of the thread that the error came up in.
fn words(error: GssError) -> String {
    let text = error.to_string();
    let is_told_within =
        [MajorFlags::GSS_S_FAILURE, MajorFlags::GSS_S_NO_CRED].map(|major| major.bits());
    match text.split_once(" (") {
        Some((_, inner)) if is_told_within.contains(&error.major.bits()) => {
            inner.strip_suffix(')').unwrap_or(inner).to_owned()
        }
        Some((outer, _)) => outer.to_owned(),
        None => text,
    }
}
