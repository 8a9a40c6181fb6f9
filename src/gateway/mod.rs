//! The gateway's REST API, as dask-gateway-server's `routes.py` defines it. Nothing here prints.

mod answer;
mod auth;
mod clamped;
mod client;
mod endpoints;
mod error;
#[cfg_attr(not(feature = "kerberos"), path = "without_kerberos.rs")]
mod kerberos;
mod model;
mod options;
mod pages;
mod probe;
pub(crate) mod reach;
#[cfg(test)]
mod strange_answers;
mod tls;

pub(crate) use clamped::Clamped;
pub(crate) use client::Gateway;
pub(crate) use endpoints::Scaling;
pub(crate) use error::{AuthFailure, Certificate, Error};
pub(crate) use kerberos::principal;
pub(crate) use model::{Cluster, Listing, Status, TlsIdentities, TlsIdentity};
pub(crate) use options::{OptionFault, OptionField, OptionType, admit, typed};
pub(crate) use pages::Pages;
pub(crate) use probe::{AuthMethod, ServerInfo};
pub(crate) use tls::roots;
