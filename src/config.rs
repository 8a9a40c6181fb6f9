//! The configuration: what dask itself would see, and what dgw needs of it.
//!
//! Files and variables are found (`find`), opened and checked (`guard`), read (`read`, `yaml`,
//! `literal`), merged as `dask.config` merges them (`node`, `load`) and typed (`value_reader`,
//! `settings`). Nothing here uses the network, and nothing is sent before all of it has succeeded.

mod address;
mod credentials;
mod edit;
mod environment;
mod error;
mod find;
mod guard;
mod http_proxy;
mod inspect;
mod layers;
mod leaf;
mod literal;
mod load;
mod masking;
mod node;
mod read;
mod secret;
mod secret_variables;
mod selection;
mod settings;
mod template;
mod user_file;
mod value_reader;
mod yaml;

#[cfg(test)]
mod differential;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
#[cfg(test)]
mod hostile_files;

pub(crate) use address::Address;
pub(crate) use credentials::{Credentials, KNOWN_TYPES, basic, token};
pub(crate) use environment::Environment;
pub(crate) use error::{Error, WITH_KERBEROS};
pub(crate) use http_proxy::HttpProxy;
pub(crate) use inspect::{InspectedFile, Inspection, inspect};
pub(crate) use load::load;
pub(crate) use masking::{mask, mask_issued, masked, masked_json};
pub(crate) use secret::Secret;
pub(crate) use secret_variables::secret_variables;
pub(crate) use selection::{
    ConfigSelection, DEFAULT_GATEWAY, GATEWAY_VARIABLE, GatewayName, gateway_names,
};
pub(crate) use settings::Settings;
pub(crate) use user_file::{UserFile, WrittenFile};
