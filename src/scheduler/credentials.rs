//! What a plain `distributed.Client()` needs to be connected to a cluster: its certificate and key
//! in files, and variables that lead to them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::Secret;
use crate::gateway::{Cluster, TlsIdentity};
use crate::private::write_new;

/// Every variable that is set, for those who take them back.
pub(crate) const VARIABLES: [&str; 8] = [
    "DASK_SCHEDULER_ADDRESS",
    CA_FILE,
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT",
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY",
    "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION",
    // Else a client shows the scheduler's private address.
    "DASK_DISTRIBUTED__DASHBOARD__LINK",
    "DGW_CLUSTER",
    "DGW_DASHBOARD",
];

const CA_FILE: &str = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE";

/// A cluster's certificate and key in files of a folder that must be private.
pub(crate) struct Credentials {
    certificate: PathBuf,
    key: PathBuf,
}

impl Credentials {
    /// Those that `folder` holds, or will.
    pub(crate) fn within(folder: &Path) -> Self {
        Self {
            certificate: folder.join("cluster.pem"),
            key: folder.join("cluster.key"),
        }
    }

    /// Writes both files, with mode 600.
    ///
    /// # Errors
    /// They are there already, or the folder can't be written.
    pub(crate) fn write(&self, identity: &TlsIdentity) -> io::Result<()> {
        write_new(&self.certificate, identity.certificate.expose().as_bytes())?;
        write_new(&self.key, identity.key.expose().as_bytes())
    }

    /// What was written.
    ///
    /// # Errors
    /// The files can't be read.
    pub(crate) fn read(&self) -> io::Result<TlsIdentity> {
        Ok(TlsIdentity {
            certificate: Secret::new(fs::read_to_string(&self.certificate)?),
            key: Secret::new(fs::read_to_string(&self.key)?),
        })
    }

    /// The variables by which every Python client since distributed 2022.4 finds the relay at
    /// `address` (`distributed.security`, `distributed.client`), and by which other programs learn
    /// which cluster it is. The certificate vouches for itself.
    pub(crate) fn variables(
        &self,
        cluster: &Cluster,
        address: SocketAddr,
    ) -> Vec<(&'static str, OsString)> {
        let dashboard = cluster.dashboard_link.as_deref().unwrap_or_default();
        let values: [OsString; VARIABLES.len()] = [
            format!("tls://{address}").into(),
            self.certificate.clone().into(),
            self.certificate.clone().into(),
            self.key.clone().into(),
            "True".into(),
            dashboard.into(),
            cluster.name.clone().into(),
            dashboard.into(),
        ];
        let variables = VARIABLES.into_iter().zip(values);
        variables.filter(|(_, value)| !value.is_empty()).collect()
    }
}
