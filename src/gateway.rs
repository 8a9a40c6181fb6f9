//! The gateway's REST API, as `routes.py` of dask-gateway-server defines it. Nothing here prints.

mod auth;
mod body;
mod client;
mod dashboard_client;
mod decode;
mod endpoints;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod hint;
#[cfg(test)]
mod hostile_responses;
mod hub;
#[cfg_attr(not(feature = "kerberos"), path = "gateway/without_kerberos.rs")]
mod kerberos;
mod model;
mod name;
mod network_error;
mod options;
pub(crate) mod reach;
mod request;
mod resolver;
mod response;
mod scaling;
mod server_info;
#[cfg(test)]
mod simulated;
pub(crate) mod tls;

pub(crate) use body::{BodyError, read_body};
pub(crate) use client::Gateway;
pub(crate) use dashboard_client::DashboardClient;
pub(crate) use decode::{DecodeError, decode, decode_json};
pub(crate) use error::{AuthFailure, Error};
pub(crate) use hint::token_page;
pub(crate) use kerberos::principal;
pub(crate) use model::{Cluster, Listing, Status, TlsIdentities, TlsIdentity};
pub(crate) use name::{ClusterPattern, Label};
pub(crate) use options::{OptionFault, OptionField, OptionType, check_option, parse_options};
pub(crate) use resolver::resolve;
pub(crate) use scaling::{Clamped, Scaling};
pub(crate) use server_info::{AuthMethod, ServerInfo};
#[cfg(test)]
pub(crate) use simulated::{NetworkFault, Server, ServerResponse};
pub(crate) use tls::{client_config_builder, roots};
