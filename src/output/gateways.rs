//! The table of gateways.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::sorting::RowSchema;
use super::table::{Cell, Column, KEEP, SHORTEN};
use crate::duration;

/// A gateway, as it is configured.
#[derive(Debug, Serialize)]
pub(crate) struct GatewayRow {
    pub(crate) name: String,
    /// True if commands without `--gateway` talk to it.
    #[serde(rename = "default")]
    pub(crate) is_default: bool,
    pub(crate) address: Option<String>,
    pub(crate) user: Option<String>,
    /// The type of authentication.
    pub(crate) auth: Option<&'static str>,
    /// Why it can't be used, or doesn't respond.
    pub(crate) error: Option<String>,
    /// Its response, if it was asked.
    #[serde(flatten)]
    pub(crate) response: Option<GatewayResponse>,
}

/// What a gateway responded.
#[derive(Debug, Default, Serialize)]
pub(crate) struct GatewayResponse {
    pub(crate) version: Option<String>,
    /// How long it took, in seconds in records.
    #[serde(serialize_with = "seconds")]
    pub(crate) latency: Option<Duration>,
}

#[expect(clippy::ref_option, reason = "serde calls it like this")]
fn seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64()).serialize(serializer)
}

/// NAME DEFAULT ADDRESS USER AUTH ERROR, with VERSION LATENCY if the gateways are asked.
pub(crate) fn shape(is_checked: bool) -> RowSchema<GatewayRow> {
    const RESPONSE: [&str; 2] = ["VERSION", "LATENCY"];
    let mut columns = columns();
    let mut fields = vec!["name", "default", "address", "user", "auth", "error"];
    if is_checked {
        fields.extend(["version", "latency"]);
    } else {
        columns.retain(|column| !RESPONSE.contains(&column.title));
    }
    RowSchema {
        columns,
        fields,
        elsewhere: (!is_checked).then(|| (RESPONSE.into(), "`--check`")),
    }
}

fn columns() -> Vec<Column<GatewayRow>> {
    vec![
        Column::new("NAME", KEEP, |row| Cell::text(&row.name)),
        Column::new("DEFAULT", KEEP, |row| {
            Cell::new(if row.is_default { "yes" } else { "-" }, !row.is_default)
        }),
        Column::new("ADDRESS", SHORTEN, |row| {
            optional_cell(row.address.as_deref())
        }),
        Column::new("USER", SHORTEN, |row| optional_cell(row.user.as_deref())),
        Column::new("AUTH", KEEP, |row| optional_cell(row.auth)),
        Column::new("VERSION", KEEP, |row| {
            let response = row.response.as_ref();
            optional_cell(response.and_then(|response| response.version.as_deref()))
        }),
        Column::new("LATENCY", KEEP, |row| {
            let response = row.response.as_ref();
            match response.and_then(|response| response.latency) {
                Some(span) => Cell::new(latency(span), span.as_secs_f64()),
                None => Cell::new("-", Value::Null),
            }
        }),
        Column::new("ERROR", SHORTEN, |row| optional_cell(row.error.as_deref())),
    ]
}

fn optional_cell(text: Option<&str>) -> Cell<'_> {
    Cell::new(text.unwrap_or("-"), text)
}

fn latency(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{}ms", span.as_millis())
    } else {
        duration::short(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_match_the_records() {
        let mut row = GatewayRow {
            name: "work".to_owned(),
            is_default: false,
            address: None,
            user: None,
            auth: None,
            error: None,
            response: None,
        };
        let fields = |row: &GatewayRow| {
            let record = serde_json::to_value(row).expect("a record");
            let record = record.as_object().expect("an object");
            record.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(fields(&row), shape(false).fields);
        row.response = Some(GatewayResponse::default());
        assert_eq!(fields(&row), shape(true).fields);
    }

    #[test]
    fn latency_is_in_milliseconds_up_to_a_second() {
        assert_eq!(latency(Duration::from_micros(12_900)), "12ms");
        assert_eq!(latency(Duration::from_millis(2_500)), "2s");
    }
}
