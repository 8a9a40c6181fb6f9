//! The table of the options that a gateway offers.

use serde::Serialize;
use serde_json::Value;

use super::option_values::without_values;
use super::sorting::RowSchema;
use super::table::{Cell, Column, KEEP, OMIT, SHORTEN};
use crate::gateway::{OptionField, OptionType};

/// An option, and the user's default for it.
#[derive(Debug, Serialize)]
pub(crate) struct OptionRow {
    name: String,
    label: String,
    #[serde(flatten)]
    spec: OptionType,
    default: Value,
    your_default: Option<Value>,
    /// True if the gateway doesn't accept that default.
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
        let mark = if self.is_refused { "(refused)" } else { "" };
        yours + mark
    }

    /// The accepted values as one word, if the gateway's own words have no spaces: `1..4`,
    /// `small,medium`.
    fn values(&self) -> String {
        let range = |min: Option<String>, max: Option<String>| match (min, max) {
            (None, None) => String::new(),
            (min, max) => [min.unwrap_or_default(), max.unwrap_or_default()].join(".."),
        };
        match &self.spec {
            OptionType::Int { min, max } => range(
                min.map(|min| min.to_string()),
                max.map(|max| max.to_string()),
            ),
            OptionType::Float { min, max } => range(
                min.map(|min| min.to_string()),
                max.map(|max| max.to_string()),
            ),
            OptionType::Select { options } => options.join(","),
            OptionType::Bool => "true,false".to_owned(),
            spec => spec.range(),
        }
    }
}

/// NAME TYPE VALUES DEFAULT YOURS LABEL.
pub(crate) fn shape() -> RowSchema<OptionRow> {
    RowSchema {
        columns: columns(),
        fields: FIELDS.into(),
        elsewhere: None,
    }
}

/// The fields of the records; only some types have bounds or choices.
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

fn columns() -> Vec<Column<OptionRow>> {
    vec![
        Column::new("NAME", KEEP, |row| Cell::text(&row.name)),
        Column::new("TYPE", KEEP, |row| Cell::text(row.spec.kind())),
        Column::new("VALUES", SHORTEN, |row| Cell::text(row.values())),
        Column::new("DEFAULT", KEEP, |row| {
            Cell::new(shown(&row.default), row.default.clone())
        }),
        Column::new("YOURS", KEEP, |row| {
            Cell::new(row.yours(), row.your_default.clone())
        }),
        Column::new("LABEL", OMIT, |row| Cell::text(&row.label)),
    ]
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        value => without_values(value).to_string(),
    }
}
