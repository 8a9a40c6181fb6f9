//! The only room that prints. stdout is for data, stderr for messages.

mod clusters;
mod doctor;
mod error;
mod escape;
mod events;
mod format;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod gateways;
mod logger;
mod logs;
mod messages;
mod option_values;
mod options;
mod packages;
mod printer;
mod progress;
mod prompt;
mod protected;
mod quantity;
mod show;
mod sorting;
mod spinner_line;
mod stderr;
mod stdout;
mod suggested_gateway;
mod table;
mod terminal;
mod yaml;

pub(crate) use clusters::{
    options as options_text, shape as cluster_schema, wide_shape as wide_cluster_schema,
    with_gateway,
};
pub(crate) use doctor::{Check, CheckState};
pub(crate) use error::Error;
pub(crate) use escape::text as escaped;
pub(crate) use format::Format;
pub(crate) use gateways::{GatewayResponse, GatewayRow, shape as gateway_schema};
pub(crate) use logs::LogLine;
pub(crate) use options::{OptionRow, shape as option_schema};
pub(crate) use packages::{Difference, PackageRow, WorkerVersion, shape as package_schema};
pub(crate) use printer::{Colour, OutputOptions, Printer};
pub(crate) use progress::Progress;
pub(crate) use prompt::Echo;
pub(crate) use protected::{ProtectedCluster, shape as protected_schema};
pub(crate) use quantity::{done_of_all, used_of};
pub(crate) use show::{ClusterDetails, JobSummary, packages as packages_text, worker_schema};
pub(crate) use sorting::{RowSchema, SortBy, SortKey, name_of, names as sort_names, sorted};
#[cfg(test)]
pub(crate) use stderr::take_lines;
pub(crate) use suggested_gateway::suggest_gateway;
pub(crate) use table::{Fit, GAP, fit, shortened};
pub(crate) use terminal::is_dumb as is_dumb_terminal;
