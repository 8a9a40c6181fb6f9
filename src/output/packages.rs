//! The table of packages: their versions here, on the scheduler and on the workers.

use anstyle::AnsiColor;
use serde::Serialize;

use super::sorting::RowSchema;
use super::table::{Cell, Column, KEEP, SHORTEN, SHORTEN_LAST};

/// A package, and what is known of it in each place.
#[derive(Debug, Serialize)]
pub(crate) struct PackageRow {
    pub(crate) name: String,
    pub(crate) difference: Difference,
    /// Its version, or `missing`; `None` where it is unknown.
    pub(crate) here: Option<String>,
    pub(crate) scheduler: Option<String>,
    pub(crate) workers: Vec<WorkerVersion>,
}

/// How a package differs between the places where its version is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Difference {
    /// Dask does not work with such a difference, or may damage data.
    Breaking,
    Version,
    /// It is not installed everywhere.
    Missing,
    None,
    /// It is known in one place only.
    Unknown,
}

/// The version that some workers have.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct WorkerVersion {
    /// Its version, or `missing`; `None` where it is unknown.
    pub(crate) version: Option<String>,
    /// The number of workers that have it.
    pub(crate) count: u64,
    /// The name of one of them.
    pub(crate) worker: String,
}

/// PACKAGE DIFFERENCE HERE SCHEDULER WORKERS.
pub(crate) fn shape() -> RowSchema<PackageRow> {
    RowSchema {
        columns: columns(),
        fields: ["name", "difference", "here", "scheduler", "workers"].into(),
        elsewhere: None,
    }
}

fn columns() -> Vec<Column<PackageRow>> {
    vec![
        Column::new("PACKAGE", SHORTEN_LAST, |row| Cell::text(&row.name)),
        Column::new("DIFFERENCE", KEEP, |row| {
            let (text, colour) = match row.difference {
                Difference::Breaking => ("breaking", AnsiColor::Red),
                Difference::Version => ("version", AnsiColor::Yellow),
                Difference::Missing => ("missing", AnsiColor::BrightBlack),
                Difference::None => return Cell::new("none", row.difference as u8),
                Difference::Unknown => return Cell::unknown(),
            };
            Cell::new(text, row.difference as u8).coloured(colour)
        }),
        Column::new("HERE", SHORTEN_LAST, |row| version(row.here.as_deref())),
        Column::new("SCHEDULER", SHORTEN_LAST, |row| {
            version(row.scheduler.as_deref())
        }),
        Column::new("WORKERS", SHORTEN, |row| match &row.workers[..] {
            [only] => version(only.version.as_deref()),
            groups => {
                let texts = groups.iter().map(|group| {
                    let version = group.version.as_deref().unwrap_or("?");
                    format!("{version}({})", group.count)
                });
                Cell::text(texts.collect::<Vec<_>>().join(","))
            }
        }),
    ]
}

fn version(version: Option<&str>) -> Cell<'_> {
    version.map_or_else(Cell::unknown, Cell::text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_match_the_records() {
        let row = PackageRow {
            name: "dask".to_owned(),
            difference: Difference::Breaking,
            here: Some("missing".to_owned()),
            scheduler: None,
            workers: Vec::new(),
        };
        let record = serde_json::to_value(&row).expect("a record");
        let fields = record.as_object().expect("an object").keys();
        assert_eq!(fields.collect::<Vec<_>>(), shape().fields);
        assert_eq!(record["difference"], "breaking");
    }
}
