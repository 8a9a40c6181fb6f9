//! The only place that prints. stdout is data, stderr is talk.

mod clusters;
mod doctor;
mod escape;
mod format;
mod label;
mod logger;
mod logs;
mod margin;
mod options;
mod printer;
mod progress;
mod prompt;
mod quantity;
mod show;
mod sorting;
mod stdout;
mod suspension;
mod table;
mod terminal;
mod yaml;

pub(crate) use clusters::{
    ClusterRow, ProtectionStatus, options as options_text, shape as cluster_shape,
    wide_shape as wide_cluster_shape,
};
pub(crate) use doctor::{Check, CheckState};
pub(crate) use escape::text as escaped;
pub(crate) use format::Format;
pub(crate) use logs::LogLine;
pub(crate) use options::{OptionRow, shape as option_shape};
pub(crate) use printer::{Colour, OutputOptions, Printer};
pub(crate) use progress::Progress;
pub(crate) use prompt::Echo;
pub(crate) use quantity::used_of;
pub(crate) use show::{ClusterDetails, worker_sort_names};
pub(crate) use sorting::{RowSchema, SortBy, names as sort_names};
pub(crate) use suspension::{Suspension, Turn};
pub(crate) use table::shortened;
pub(crate) use terminal::is_dumb as is_dumb_terminal;
