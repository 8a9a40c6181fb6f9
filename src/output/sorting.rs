//! `--sort-by`: by a table's column, named by its title, or by a field of the records.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::error::Error;
use super::table::{Cell, Column};

/// A column's title or a field's name, and the direction.
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

/// The columns and fields of rows: what they are shown as, and what they may be sorted by.
pub(crate) struct RowSchema<T> {
    pub(crate) columns: Vec<Column<T>>,
    /// The names of the fields that every record has, or may have, in their order.
    pub(crate) fields: Vec<&'static str>,
    /// Titles and fields that another flag adds, and that flag.
    pub(crate) elsewhere: Option<(Vec<&'static str>, &'static str)>,
}

/// Where the values come from that rows are sorted by.
enum SortSource<T> {
    Column(fn(&T) -> Cell<'_>),
    Field(&'static str),
}

/// A value to sort by: numbers by size, times from the earliest, all else as text; what is missing
/// comes last. Values of several kinds, as options have them, still have one order.
#[derive(PartialEq, PartialOrd)]
pub(crate) enum SortKey {
    Number(f64),
    Time(Timestamp),
    Text(String),
    Missing,
}

impl From<Value> for SortKey {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Missing,
            Value::Number(number) => number.as_f64().map_or(Self::Missing, Self::Number),
            Value::String(text) => text.parse().map_or(Self::Text(text), Self::Time),
            value => Self::Text(value.to_string()),
        }
    }
}

/// Sorts `rows` by `key`; equal ones keep their order.
pub(crate) fn sorted<T>(rows: Vec<T>, key: impl Fn(&T) -> SortKey, is_reversed: bool) -> Vec<T> {
    let with_key = |row| (key(&row), row);
    let mut keyed = rows.into_iter().map(with_key).collect::<Vec<_>>();
    keyed.sort_by(|(a, _), (b, _)| {
        let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        if is_reversed { order.reverse() } else { order }
    });
    keyed.into_iter().map(|(_, row)| row).collect()
}

impl SortBy {
    /// Returns true if `title` is the one named.
    pub(super) fn is(&self, title: &str) -> bool {
        [title, &name_of(title)]
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name))
    }

    /// Returns the index in `titles` of the one named.
    ///
    /// # Errors
    /// The name is none of them.
    pub(crate) fn index(&self, titles: &[&str]) -> Result<usize, Error> {
        let found = titles.iter().position(|title| self.is(title));
        found.ok_or_else(|| self.unknown(&lowercase(titles)))
    }

    /// Checks that rows of this schema can be sorted like this.
    ///
    /// # Errors
    /// They have neither such a column nor such a field.
    pub(super) fn check<T>(&self, schema: &RowSchema<T>) -> Result<(), Error> {
        self.source(schema).map(|_| ())
    }

    /// Sorts `rows`; equal ones keep their order.
    ///
    /// # Errors
    /// They have neither such a column nor such a field.
    pub(super) fn sort<T: Serialize>(
        &self,
        rows: Vec<T>,
        schema: &RowSchema<T>,
    ) -> Result<Vec<T>, Error> {
        let source = self.source(schema)?;
        let value = |row: &T| match source {
            SortSource::Column(cell) => cell(row).into_key(),
            SortSource::Field(field) => {
                let mut record = serde_json::to_value(row).unwrap_or_default();
                record.get_mut(field).map(Value::take).unwrap_or_default()
            }
        };
        let key = |row: &T| SortKey::from(value(row));
        Ok(sorted(rows, key, self.is_reversed))
    }

    fn source<T>(&self, schema: &RowSchema<T>) -> Result<SortSource<T>, Error> {
        if let Some(column) = schema.columns.iter().find(|column| self.is(column.title)) {
            return Ok(SortSource::Column(column.cell));
        }
        if let Some(field) = schema.fields.iter().find(|field| self.is(field)) {
            return Ok(SortSource::Field(field));
        }
        if let Some((names, flag)) = &schema.elsewhere
            && names.iter().any(|name| self.is(name))
        {
            return Err(Error::ColumnOfFlag {
                name: self.name.clone(),
                flag,
            });
        }
        Err(self.unknown(&names(schema)))
    }

    fn unknown(&self, known: &[String]) -> Error {
        Error::NoColumn {
            name: self.name.clone(),
            known: known.join(", "),
        }
    }
}

/// All names that rows of this schema can be sorted by: the columns' titles in lower case, then the
/// fields without a column of that name.
pub(crate) fn names<T>(schema: &RowSchema<T>) -> Vec<String> {
    let titles = schema.columns.iter().map(|column| column.title);
    let mut names = lowercase(&titles.collect::<Vec<_>>());
    for field in &schema.fields {
        if !names.iter().any(|name| name == field) {
            names.push((*field).to_owned());
        }
    }
    names
}

fn lowercase(titles: &[&str]) -> Vec<String> {
    titles.iter().map(|title| name_of(title)).collect()
}

/// Returns the name by which a column is sorted: its title in lower case, or the part of it behind the
/// slash, as `tasks` for `DONE/TASKS`.
pub(crate) fn name_of(title: &str) -> String {
    let (_, name) = title.rsplit_once('/').unwrap_or(("", title));
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::KEEP;
    use super::*;

    fn shape() -> RowSchema<Value> {
        let cell = |row: &Value| Cell::new("", row["n"].as_i64().map(|n| -n));
        RowSchema {
            columns: vec![Column::new("AGE", KEEP, cell)],
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
    fn sorts_by_columns_and_fields_in_both_directions() {
        assert_eq!(sorted("born"), [2, 3, 1]);
        assert_eq!(sorted("-BORN"), [1, 3, 2]);
        assert_eq!(sorted("size"), [3, 1, 2]);
        assert_eq!(sorted("tasks"), [2, 1, 3]);
        assert_eq!(sorted("age"), [3, 2, 1]);
        assert_eq!(sorted("-Age"), [1, 2, 3]);
    }

    #[test]
    fn unknown_name_is_an_error_that_lists_the_known_ones() {
        let message = |by: &str| {
            let error = SortBy::from(by).check(&shape()).err();
            error.expect("an error").to_string()
        };
        let known = "the columns are age, born, size, tasks";
        assert_eq!(message("x"), format!("no column `x` to sort by: {known}"));
        assert_eq!(message("-"), format!("no column `` to sort by: {known}"));
        assert_eq!(
            message("-cores"),
            "no column `cores` to sort by without `-o wide`"
        );
    }

    #[test]
    fn values_of_several_kinds_have_one_order() {
        let values = [
            json!(null),
            json!("b"),
            json!("2026-01-01T00:00:00Z"),
            json!(10),
            json!(true),
            json!(9.5),
            json!("5"),
        ];
        let mut keys = values.map(SortKey::from);
        keys.sort_by(|a, b| a.partial_cmp(b).expect("they can be compared"));
        let texts = keys.map(|key| match key {
            SortKey::Number(number) => number.to_string(),
            SortKey::Time(time) => time.to_string(),
            SortKey::Text(text) => text,
            SortKey::Missing => "-".to_owned(),
        });
        let expected = ["9.5", "10", "2026-01-01T00:00:00Z", "5", "b", "true", "-"];
        assert_eq!(texts, expected);
    }
}
