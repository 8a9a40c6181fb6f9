//! What is on the screen. Everything here reads the model, and nothing changes it.

mod bars;
mod chart;
mod cluster_details;
mod cluster_list;
mod cluster_table;
mod footer;
mod layout;
mod table;
mod tasks;
mod words;
mod worker_table;

use ratatui::Frame;

pub(super) use cluster_table::sorted_keys;

use super::model::{Model, ViewTable};
use super::theme;

/// Returns the titles of the columns to sort by.
pub(crate) fn titles(table: ViewTable) -> Vec<&'static str> {
    match table {
        ViewTable::Clusters => cluster_table::titles(false),
        ViewTable::ClustersOfAllGateways => cluster_table::titles(true),
        ViewTable::Workers => worker_table::titles(),
    }
}

/// Draws the screen, and returns how many rows of the table it has room for.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model) -> usize {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let visible_rows = match model.opened() {
        Some(watched) => cluster_details::draw(buffer, area, model, watched),
        None => cluster_list::draw(buffer, area, model),
    };
    let titles = titles(model.table());
    let sorted_by = titles.get(model.order().column).unwrap_or(&"");
    footer::draw(buffer, area, model, sorted_by);
    if model.shows_help() {
        footer::draw_help(buffer, area);
    }
    if !model.settings().has_colour {
        theme::remove_colours(buffer);
    }
    visible_rows
}
