//! What `--sort-by` asks for: a table's column by its title, or a field of the records.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::table::Column;
use crate::error::Error;

/// A column's title or a field's name, and whether its order is turned round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SortBy {
    name: String,
    pub(crate) is_reversed: bool,
}

impl From<&str> for SortBy {
    fn from(text: &str) -> Self {
        let reversed = text.strip_prefix('-');
        Self {
            name: reversed.unwrap_or(text).to_owned(),
            is_reversed: reversed.is_some(),
        }
    }
}

/// What rows are shown as, and what they may be sorted by.
pub(crate) struct RowSchema<T> {
    pub(crate) columns: Vec<Column<T>>,
    /// The names of the fields that every record has, or may have, in their order.
    pub(crate) fields: Vec<&'static str>,
    /// Titles and fields that another flag brings, and that flag.
    pub(crate) elsewhere: Option<(Vec<&'static str>, &'static str)>,
}

/// By what rows are sorted.
enum Key {
    Column(usize),
    OptionField(&'static str),
}

impl SortBy {
    /// Whether `title` is meant.
    pub(super) fn is(&self, title: &str) -> bool {
        self.name.eq_ignore_ascii_case(title)
    }

    /// The place in `titles` of what is meant.
    ///
    /// # Errors
    /// It names none of them.
    pub(crate) fn place(&self, titles: &[&str]) -> Result<usize, Error> {
        let found = titles.iter().position(|title| self.is(title));
        found.ok_or_else(|| self.unknown(&lowercase(titles)))
    }

    /// Whether rows of this shape can be sorted so.
    ///
    /// # Errors
    /// They have neither such a column nor such a field.
    pub(super) fn check<T>(&self, shape: &RowSchema<T>) -> Result<(), Error> {
        self.key(shape).map(|_| ())
    }

    /// Sorts `rows`; equal ones stay as they are.
    ///
    /// # Errors
    /// They have neither such a column nor such a field.
    pub(super) fn sort<T: Serialize>(
        &self,
        rows: Vec<T>,
        shape: &RowSchema<T>,
    ) -> Result<Vec<T>, Error> {
        let turned = |order: Ordering| {
            if self.is_reversed {
                order.reverse()
            } else {
                order
            }
        };
        let mut rows = rows;
        match self.key(shape)? {
            Key::Column(at) => {
                let order = shape.columns[at].order;
                rows.sort_by(|a, b| turned(order(a, b)));
                Ok(rows)
            }
            Key::OptionField(field) => {
                let value = |row: &T| {
                    let record = serde_json::to_value(row).unwrap_or_default();
                    record.get(field).cloned().unwrap_or_default()
                };
                let mut keyed = rows
                    .into_iter()
                    .map(|row| (value(&row), row))
                    .collect::<Vec<_>>();
                keyed.sort_by(|(a, _), (b, _)| turned(compare(a, b)));
                Ok(keyed.into_iter().map(|(_, row)| row).collect())
            }
        }
    }

    fn key<T>(&self, shape: &RowSchema<T>) -> Result<Key, Error> {
        let titles = shape.columns.iter().map(|column| column.title);
        let titles = titles.collect::<Vec<_>>();
        if let Some(at) = titles.iter().position(|title| self.is(title)) {
            return Ok(Key::Column(at));
        }
        if let Some(field) = shape.fields.iter().find(|field| self.is(field)) {
            return Ok(Key::OptionField(field));
        }
        if let Some((names, flag)) = &shape.elsewhere
            && names.iter().any(|name| self.is(name))
        {
            return Err(Error::Usage(format!(
                "no column `{}` to sort by without {flag}",
                self.name
            )));
        }
        Err(self.unknown(&names(shape)))
    }

    fn unknown(&self, there: &[String]) -> Error {
        Error::Usage(format!(
            "no column `{}` to sort by: there are {}",
            self.name,
            there.join(", ")
        ))
    }
}

/// All that rows of this shape can be sorted by: the columns' titles, in lower case, then the fields
/// that no column is called like.
pub(crate) fn names<T>(shape: &RowSchema<T>) -> Vec<String> {
    let titles = shape.columns.iter().map(|column| column.title);
    let mut names = lowercase(&titles.collect::<Vec<_>>());
    for field in &shape.fields {
        if !names.iter().any(|name| name == field) {
            names.push((*field).to_owned());
        }
    }
    names
}

fn lowercase(titles: &[&str]) -> Vec<String> {
    titles.iter().map(|title| title.to_lowercase()).collect()
}

/// Numbers by their size, times by what is earlier, all else as text; what isn't there is last.
fn compare(a: &Value, b: &Value) -> Ordering {
    let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    if let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) {
        return a.total_cmp(&b);
    }
    if let (Some(a), Some(b)) = (time(a), time(b)) {
        return a.cmp(&b);
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let none = |value: &Value| value.is_null();
    none(a).cmp(&none(b)).then_with(|| text(a).cmp(&text(b)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::{Cell, Fit};
    use super::*;

    fn shape() -> RowSchema<Value> {
        let column = Column {
            title: "AGE",
            fit: Fit::Keep,
            cell: |_| Cell::plain(""),
            order: |a: &Value, b: &Value| b["n"].as_i64().cmp(&a["n"].as_i64()),
        };
        RowSchema {
            columns: vec![column],
            fields: vec!["born", "size", "tasks"],
            elsewhere: Some((vec!["CORES"], "`-o wide`")),
        }
    }

    fn sorted(by: &str) -> Vec<i64> {
        let rows = vec![
            json!({"n": 1, "born": "2026-01-01T00:00:00.12Z", "size": 10, "tasks": {"b": 1}}),
            json!({"n": 2, "born": "2026-01-01T00:00:00Z", "size": null, "tasks": {"a": 1}}),
            json!({"n": 3, "born": "2026-01-01T00:00:00.1Z", "size": 9}),
        ];
        let rows = SortBy::from(by).sort(rows, &shape());
        let rows = rows.expect("it can be sorted by");
        rows.iter().filter_map(|row| row["n"].as_i64()).collect()
    }

    #[test]
    fn rows_are_sorted_by_columns_and_by_fields_either_way() {
        assert_eq!(sorted("born"), [2, 3, 1]);
        assert_eq!(sorted("-BORN"), [1, 3, 2]);
        assert_eq!(sorted("size"), [3, 1, 2]);
        assert_eq!(sorted("tasks"), [2, 1, 3]);
        assert_eq!(sorted("age"), [3, 2, 1]);
        assert_eq!(sorted("-Age"), [1, 2, 3]);
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let message = |by: &str| {
            let error = SortBy::from(by).check(&shape()).err();
            error.expect("an error").to_string()
        };
        let there = "there are age, born, size, tasks";
        assert_eq!(message("x"), format!("no column `x` to sort by: {there}"));
        assert_eq!(message("-"), format!("no column `` to sort by: {there}"));
        assert_eq!(
            message("-cores"),
            "no column `cores` to sort by without `-o wide`"
        );
    }
}
