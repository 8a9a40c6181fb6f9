//! The files and environment variables by which a plain `distributed.Client()` connects to a
//! cluster.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::Secret;
use crate::gateway::{Cluster, TlsIdentity};
use crate::private::write_new;

/// Every variable that a connection sets.
pub(super) const VARIABLES: [&str; 8] = [
    "DASK_SCHEDULER_ADDRESS",
    CA_FILE,
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT",
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY",
    "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION",
    // Without it a client shows the scheduler's private address.
    "DASK_DISTRIBUTED__DASHBOARD__LINK",
    "DGW_CLUSTER",
    "DGW_DASHBOARD",
];

const CA_FILE: &str = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE";

/// A cluster's certificate and key in files of a private directory.
pub(super) struct ClusterFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl ClusterFiles {
    /// Names the files in `directory`.
    pub(super) fn within(directory: &Path) -> Self {
        Self {
            certificate: directory.join("cluster.pem"),
            key: directory.join("cluster.key"),
        }
    }

    /// Writes both files, with mode 600.
    ///
    /// # Errors
    /// They exist already, or the directory can't be written.
    pub(super) fn write(&self, identity: &TlsIdentity) -> io::Result<()> {
        write_new(&self.certificate, identity.certificate.expose().as_bytes())?;
        write_new(&self.key, identity.key.expose().as_bytes())
    }

    /// Reads both files.
    ///
    /// # Errors
    /// The files can't be read.
    pub(super) fn read(&self) -> io::Result<TlsIdentity> {
        Ok(TlsIdentity {
            certificate: Secret::new(fs::read_to_string(&self.certificate)?),
            key: Secret::new(fs::read_to_string(&self.key)?),
        })
    }

    /// Returns the variables by which every Python client since distributed 2022.4 finds the relay at
    /// `address` (`distributed.security`, `distributed.client`), and by which other programs learn
    /// the cluster's name and dashboard. The certificate is its own authority.
    pub(super) fn variables(
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
        VARIABLES
            .into_iter()
            .zip(values)
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }
}
