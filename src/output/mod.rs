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
mod stdout;
mod suspension;
mod table;
mod terminal;
pub(crate) mod top;
mod yaml;

pub(crate) use clusters::{
    Aged, Protection, columns as cluster_columns, wide_columns as wide_cluster_columns,
};
pub(crate) use doctor::{State, Step};
pub(crate) use escape::text as escaped;
pub(crate) use format::Format;
pub(crate) use logs::Logged;
pub(crate) use options::{OfferedOption, columns as option_columns};
pub(crate) use printer::{Colour, Manner, Printer};
pub(crate) use progress::Progress;
pub(crate) use prompt::Echo;
pub(crate) use show::Shown;
pub(crate) use suspension::{Suspension, Turn};
pub(crate) use table::Column;
