//! The full-screen view of clusters: what is known of them, how it is kept current, what keys do,
//! and how it is drawn.

mod app;
mod gateways;
mod history;
mod keys;
mod measures;
mod model;
mod polling;
mod screen;
mod theme;
mod widgets;

pub(crate) use app::{App, GatewayErrors};
pub(crate) use model::{SortOrder, ViewSettings, ViewTable};
pub(crate) use polling::GatewaySource;
pub(crate) use screen::require_screen;
pub(crate) use widgets::titles;

#[cfg(test)]
mod tests;
