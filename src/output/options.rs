//! The table of the options that a gateway offers.

use serde::Serialize;
use serde_json::Value;

use super::sorting::RowSchema;
use super::table::{Cell, Column, Fit};
use crate::gateway::{OptionField, OptionType};

/// An option, and the user's own default for it.
#[derive(Debug, Serialize)]
pub(crate) struct OptionRow {
    name: String,
    label: String,
    #[serde(flatten)]
    spec: OptionType,
    default: Value,
    your_default: Option<Value>,
    /// Whether the gateway doesn't take that.
    #[serde(skip)]
    is_refused: bool,
}

impl OptionRow {
    pub(crate) fn new(field: OptionField, your_default: Option<Value>, is_refused: bool) -> Self {
        Self {
            name: field.name,
            label: field.label,
            spec: field.spec,
            default: field.default,
            your_default,
            is_refused,
        }
    }

    fn yours(&self) -> String {
        let yours = self.your_default.as_ref().map_or("-".to_owned(), shown);
        let mark = if self.is_refused { " (refused)" } else { "" };
        yours + mark
    }
}

/// NAME TYPE VALUES DEFAULT YOURS LABEL.
pub(crate) fn shape() -> RowSchema<OptionRow> {
    RowSchema {
        columns: columns().into(),
        fields: FIELDS.into(),
        elsewhere: None,
    }
}

/// The fields that records have: bounds and choices are those of some types only.
const FIELDS: [&str; 8] = [
    "name",
    "label",
    "type",
    "min",
    "max",
    "options",
    "default",
    "your_default",
];

fn columns() -> [Column<OptionRow>; 6] {
    [
        Column {
            title: "NAME",
            fit: Fit::Keep,
            cell: |row| Cell::plain(&row.name),
            order: |a, b| a.name.cmp(&b.name),
        },
        Column {
            title: "TYPE",
            fit: Fit::Keep,
            cell: |row| Cell::plain(row.spec.kind()),
            order: |a, b| a.spec.kind().cmp(b.spec.kind()),
        },
        Column {
            title: "VALUES",
            fit: Fit::Shorten,
            cell: |row| Cell::plain(row.spec.range()),
            order: |a, b| a.spec.range().cmp(&b.spec.range()),
        },
        Column {
            title: "DEFAULT",
            fit: Fit::Keep,
            cell: |row| Cell::plain(shown(&row.default)),
            order: |a, b| shown(&a.default).cmp(&shown(&b.default)),
        },
        Column {
            title: "YOURS",
            fit: Fit::Keep,
            cell: |row| Cell::plain(row.yours()),
            order: |a, b| {
                let text = |row: &OptionRow| row.your_default.as_ref().map(shown);
                text(a).cmp(&text(b))
            },
        },
        Column {
            title: "LABEL",
            fit: Fit::Drop,
            cell: |row| Cell::plain(&row.label),
            order: |a, b| a.label.cmp(&b.label),
        },
    ]
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
