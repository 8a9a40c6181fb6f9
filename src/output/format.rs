//! The machine-readable formats of `-o`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{escape, yaml};

/// The format of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Human-readable table, fitted to the terminal
    #[default]
    Table,
    /// Table with more columns, which need a request to each cluster
    Wide,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
    /// One YAML document
    Yaml,
    /// Comma-separated values with a header line
    Csv,
    /// Only names, one per line
    Name,
}

impl Format {
    /// Returns true for the formats for people, which [`Format::render`] doesn't render.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    /// Renders `value`, an object or an array of objects, as text that ends with a line break. A CSV
    /// header begins with `fields`, even if no record has them.
    pub(super) fn render(
        self,
        value: &Value,
        fields: &[&str],
        header: bool,
    ) -> anyhow::Result<String> {
        let records = match value {
            Value::Array(records) => records.as_slice(),
            record => std::slice::from_ref(record),
        };
        Ok(match self {
            Self::Table | Self::Wide => String::new(),
            Self::Json => {
                let json = serde_json::to_string_pretty(value)?;
                let mut text = match escape::json(&json) {
                    Cow::Borrowed(_) => json,
                    Cow::Owned(text) => text,
                };
                text.push('\n');
                text
            }
            Self::Jsonl => {
                let texts = records.iter().map(Value::to_string);
                lines(texts.map(|text| escape::json(&text).into_owned()))
            }
            Self::Yaml => yaml::render(value),
            Self::Csv => csv(records, fields, header)?,
            Self::Name => {
                let names = records
                    .iter()
                    .filter_map(|record| record.get("name")?.as_str());
                lines(names.map(|name| escape::text(name).into_owned()))
            }
        })
    }
}

/// Each text with a line break behind it.
fn lines(texts: impl Iterator<Item = String>) -> String {
    texts.flat_map(|text| [text, "\n".to_owned()]).collect()
}

/// The csv crate searches the rest of a field each time that its buffer is full: with its own 8 kB,
/// a field of 24 MB took minutes.
const CSV_BUFFER: usize = 1024 * 1024;

/// A column for each of `fields` and for each other field of any record; nested values as JSON, null
/// as an empty value.
fn csv(records: &[Value], fields: &[&str], header: bool) -> anyhow::Result<String> {
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(CSV_BUFFER)
        .from_writer(Vec::new());
    let mut fields = fields.to_vec();
    for field in records
        .iter()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
    {
        if !fields.contains(&field.as_str()) {
            fields.push(field);
        }
    }
    if fields.is_empty() {
        return Ok(String::new());
    }
    if header {
        let names = fields.iter().map(|field| escape::text(field).into_owned());
        writer.write_record(names)?;
    }
    for record in records {
        writer.write_record(fields.iter().map(|field| match &record[*field] {
            Value::Null => String::new(),
            Value::String(text) => escape::text(text).into_owned(),
            value => escape::json(&value.to_string()).into_owned(),
        }))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn record() -> Value {
        json!({"name": "a1", "options": {"x": "1,2"}, "stop_time": null, "evil": "\u{1b}[2J\n\u{9b}"})
    }

    #[test]
    fn renders_every_record_in_every_format() {
        let records = json!([record(), record()]);
        let render = |format: Format| format.render(&records, &[], true).expect("rendered");
        assert_eq!(render(Format::Name), "a1\na1\n");
        assert_eq!(render(Format::Jsonl).lines().count(), 2);
        assert_eq!(
            render(Format::Csv).lines().next(),
            Some("name,options,stop_time,evil")
        );
        assert_eq!(
            render(Format::Csv).lines().nth(1),
            Some(r#"a1,"{""x"":""1,2""}",,\x1b[2J\n\x9b"#)
        );
        let back = serde_json::from_str::<Value>(&render(Format::Json)).expect("JSON");
        assert_eq!(back, records);
        let back = serde_yaml::from_str::<Value>(&render(Format::Yaml)).expect("YAML");
        assert_eq!(back[0]["options"], json!({"x": "1,2"}));
    }

    #[test]
    fn csv_has_the_fields_of_all_records() {
        let records = json!([{"name": "a", "min": 1}, {"name": "b", "options": "x"}]);
        let csv = Format::Csv.render(&records, &[], true).expect("rendered");
        assert_eq!(csv, "name,min,options\na,1,\nb,,x\n");
    }

    #[test]
    fn no_records_are_an_empty_array_or_nothing() {
        let render = |format: Format| format.render(&json!([]), &[], true).expect("rendered");
        assert_eq!(render(Format::Json), "[]\n");
        assert_eq!(render(Format::Yaml), "[]\n");
        for format in [Format::Jsonl, Format::Csv, Format::Name] {
            assert_eq!(render(format), "");
        }
    }

    #[test]
    fn csv_without_records_has_a_header() {
        let render = |header: bool| {
            let csv = Format::Csv.render(&json!([]), &["name", "status"], header);
            csv.expect("rendered")
        };
        assert_eq!(render(true), "name,status\n");
        assert_eq!(render(false), "");
    }

    proptest! {
        #[test]
        fn escapes_control_characters_in_every_format(raw in any::<String>()) {
            let records = json!([{"name": raw, "options": {raw.clone(): [raw.clone()]}}]);
            for format in [Format::Json, Format::Jsonl, Format::Yaml, Format::Csv, Format::Name] {
                let shown = format.render(&records, &[], true).expect("rendered");
                prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            }
        }
    }
}
