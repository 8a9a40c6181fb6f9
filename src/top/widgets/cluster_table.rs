//! The columns of the table of all clusters.

use super::table::{self, Column, Growth, Value, Width};
use crate::gateway::Status;
use crate::scheduler::{Idle, SchedulerReport};
use crate::top::gateways::WatchedGateway;
use crate::top::measures::{cpu_share, elapsed};
use crate::top::model::{ClusterKey, Model, WatchedCluster};
use crate::top::theme::FAINT;

/// A row of the table.
pub(super) struct ClusterLine<'a> {
    pub(super) watched: &'a WatchedCluster,
    model: &'a Model,
}

impl ClusterLine<'_> {
    fn gateway(&self) -> &WatchedGateway {
        self.model.gateway_of(self.watched)
    }

    /// Returns a value of the scheduler's report, or that there is none.
    fn reported(&self, value: impl FnOnce(&SchedulerReport) -> Value) -> Value {
        if self.watched.cluster.status != Status::Running {
            return Value::NotApplicable;
        }
        let value = self.watched.report().map_or(Value::Unknown, value);
        if self.watched.is_silent(self.model) {
            Value::Styled(FAINT.into(), Box::new(value))
        } else {
            value
        }
    }

    /// Returns a value that needs workers.
    fn reported_of_workers(&self, value: impl FnOnce(&SchedulerReport) -> Value) -> Value {
        self.reported(|report| match report.activity.workers {
            Some(0) => Value::NotApplicable,
            _ => value(report),
        })
    }
}

/// Returns the keys of all clusters, in the order of the table.
pub(in crate::top) fn sorted_keys(model: &Model) -> Vec<&ClusterKey> {
    let rows = rows(model).into_iter();
    rows.map(|row| &row.watched.key).collect()
}

/// Returns the sorted rows of the table.
pub(super) fn rows(model: &Model) -> Vec<ClusterLine<'_>> {
    let rows = model.clusters().iter();
    let rows = rows.map(|watched| ClusterLine { watched, model });
    let columns = columns(&[], model.settings().names_gateways);
    table::sort(rows.collect(), &columns, model.order())
}

/// Returns the titles of the columns.
pub(super) fn titles(names_gateways: bool) -> Vec<&'static str> {
    let columns = columns(&[], names_gateways);
    columns.iter().map(|column| column.title).collect()
}

/// Returns the columns for these rows.
pub(super) fn columns<'a>(
    rows: &[ClusterLine<'_>],
    names_gateways: bool,
) -> Vec<Column<ClusterLine<'a>>> {
    let up_to = |width: fn(&ClusterLine<'_>) -> usize, most| {
        let longest = rows.iter().map(width).max().unwrap_or(0);
        Growth::UpTo(u16::try_from(longest).unwrap_or(u16::MAX).min(most))
    };
    let gateway = up_to(|row| row.gateway().name().len() + 1, 20);
    let title = up_to(|row| row.model.title(row.watched).len(), u16::MAX);
    // Besides a gateway, these leave room for the age on 80 columns.
    let [name, cpu] = if names_gateways { [7, 8] } else { [8, 9] };
    let columns: [Column<ClusterLine<'a>>; 11] = [
        Column {
            narrow_title: "GATE…",
            ..Column::new("GATEWAY", Width(5, 8, gateway), 0, |row| {
                let name = row.gateway().name().to_owned();
                if row.gateway().is_failing() {
                    Value::SilentName(name)
                } else {
                    Value::Text(name)
                }
            })
        },
        Column::new("NAME", Width(7, name, title), 0, |row| {
            Value::ClusterName(row.model.title(row.watched))
        }),
        Column::new("STATUS", Width(8, 8, Growth::None), 0, |row| {
            let status = row.watched.cluster.status;
            if row.watched.is_silent(row.model) {
                Value::SilentStatus(status)
            } else {
                Value::Status(status)
            }
        }),
        Column::number("AGE", 6, 3, |row| Value::Time(row.watched.age(row.model))),
        Column::number("WORKERS", 7, 2, |row| {
            row.reported(|report| Value::count(report.activity.workers))
        }),
        Column::number("CORES", 5, 6, |row| {
            row.reported(|report| Value::count(report.activity.threads))
        }),
        Column::new("CPU", Width(4, cpu, Growth::Shared), 0, |row| {
            row.reported_of_workers(|report| {
                cpu_share(report).map_or(Value::Unknown, Value::CpuShare)
            })
        }),
        Column::new("MEMORY", Width(6, 10, Growth::Shared), 0, |row| {
            row.reported_of_workers(|report| {
                Value::Memory(report.activity.memory_used, report.activity.memory_limit)
            })
        }),
        Column {
            narrow_title: "DONE",
            width: Width(5, 10, Growth::None),
            ..Column::number("DONE/TASKS", 10, 0, |row| {
                row.reported(|report| Value::Tasks(report.activity.tasks.clone()))
            })
        },
        Column::number("CLIENTS", 7, 7, |row| {
            row.reported(|report| Value::count(report.activity.clients))
        }),
        Column::number("IDLE", 6, 4, |row| {
            row.reported(|report| match report.activity.idle {
                Idle::Unknown => Value::Unknown,
                Idle::Busy => Value::Busy,
                Idle::Since(time) => Value::Time(elapsed(row.model.now_of(row.watched), time)),
            })
        }),
    ];
    let hidden = usize::from(!names_gateways);
    columns.into_iter().skip(hidden).collect()
}
