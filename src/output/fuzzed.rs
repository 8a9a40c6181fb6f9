//! Fuzz target: text of servers, in every format.

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::escape::{self, is_active};
use super::format::Format;
use super::logs::{self, LogLine};
use super::table::{self, Cell, Column, KEEP, Layout, SHORTEN};
use crate::config::fuzzed::is_read_as;
use crate::scheduler::LogEntry;

/// Nested values that the configuration's reader reads back.
const DEPTH_LIMIT: usize = 20;

/// Prints the input as a text and, if it is JSON, as a value, and reads it back.
pub(crate) fn escape(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    for shown in [
        escape::text(text),
        escape::cell(text.into()),
        escape::message(text),
    ] {
        assert!(!shown.contains(is_active));
    }
    let mut value = serde_json::from_slice(input).unwrap_or_else(|_| Value::from(text));
    simplify(&mut value, 0);
    let record = json!({"name": text, "value": value, text: [text]});
    let records = Value::from(vec![record.clone(), record]);
    for format in [
        Format::Json,
        Format::Jsonl,
        Format::Yaml,
        Format::Csv,
        Format::Name,
    ] {
        let shown = format.render(&records, &["name"], true).expect("rendered");
        assert!(!shown.contains(|c| is_active(c) && c != '\n'));
        match format {
            Format::Json => {
                assert_eq!(
                    serde_json::from_str::<Value>(&shown).expect("JSON"),
                    records
                );
            }
            Format::Yaml => assert!(is_read_as(&shown, &records)),
            Format::Csv => assert_eq!(shown.lines().count(), 3),
            _ => assert_eq!(shown.lines().count(), 2),
        }
    }
    let line = LogLine {
        name: text.to_owned(),
        entry: LogEntry::at(1.5, text, text),
    };
    let shown = logs::text(&[line], true);
    assert!(!shown.contains(|c| is_active(c) && c != '\n'));
    print_table(text, usize::from(input.first().copied().unwrap_or(80)));
}

/// Prints a table with the text in two of its columns.
fn print_table(text: &str, width: usize) {
    let columns = [
        Column::new("NAME", KEEP, |text: &String| Cell::text(text)),
        Column::new("OPTIONS", SHORTEN, |text| Cell::text(text)),
    ];
    let rows = [text.to_owned(), "x".to_owned()];
    for is_for_terminal in [false, true] {
        let layout = Layout {
            width: is_for_terminal.then_some(width),
            is_for_terminal,
            ..Layout::default()
        };
        let shown = table::render(&rows, &columns, true, layout).text;
        assert_eq!(shown.lines().count(), 3);
        for line in shown.lines() {
            assert!(!line.contains(is_active));
            assert!(!is_for_terminal || width == 0 || line.width() <= width);
        }
    }
}

/// Removes what may change when it is read back: fractions, and values deep inside.
fn simplify(value: &mut Value, depth: usize) {
    match value {
        Value::Number(number) if number.is_f64() => *value = Value::Null,
        Value::Array(_) | Value::Object(_) if depth > DEPTH_LIMIT => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(|item| simplify(item, depth + 1)),
        Value::Object(entries) => entries
            .values_mut()
            .for_each(|item| simplify(item, depth + 1)),
        _ => {}
    }
}
