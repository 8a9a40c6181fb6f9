//! Parts of a whole for people: memory as `1.2/8.0 GiB`, tasks as `120/400`.

use crate::scheduler::Tasks;

/// Binary units and their bytes.
const UNITS: [(&str, f64); 5] = [
    ("TiB", 1_099_511_627_776.0),
    ("GiB", 1_073_741_824.0),
    ("MiB", 1_048_576.0),
    ("KiB", 1024.0),
    ("B", 1.0),
];

/// Used and limit in the unit that suits the limit, with `?` for either, `None` for both.
pub(crate) fn used_of(used: Option<u64>, limit: Option<u64>) -> Option<String> {
    spaced(used, limit, " ")
}

/// The same as one word, for a table: `1.2/8.0GiB`.
pub(super) fn used_of_word(used: Option<u64>, limit: Option<u64>) -> Option<String> {
    spaced(used, limit, "")
}

/// Tasks that are done, and all of them, as `120/400`; `None` if the number of all is unknown.
pub(crate) fn done_of_all(tasks: &Tasks) -> Option<String> {
    let total = tasks.total?;
    let done = tasks.done();
    let done = done.map_or_else(|| "?".to_owned(), |done| done.to_string());
    Some(format!("{done}/{total}"))
}

fn spaced(used: Option<u64>, limit: Option<u64>, space: &str) -> Option<String> {
    // Usually the unit of the memory that workers will bring.
    let (unit, bytes) = match limit.or(used)? {
        0 => ("GiB", 1_073_741_824.0),
        size => unit(size),
    };
    let digits = usize::from(unit != "B");
    let shown = |size: Option<u64>| match size {
        Some(size) => format!("{:.digits$}", float(size) / bytes),
        None => "?".to_owned(),
    };
    Some(format!("{}/{}{space}{unit}", shown(used), shown(limit)))
}

fn unit(size: u64) -> (&'static str, f64) {
    let fits = |(_, bytes): &&(&str, f64)| *bytes <= float(size);
    *UNITS.iter().find(fits).unwrap_or(&("B", 1.0))
}

#[expect(clippy::cast_precision_loss, reason = "few digits of it are shown")]
fn float(size: u64) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_counted_when_done() {
        let tasks = |total, queued| Tasks {
            total,
            processing: Some(0),
            queued,
            waiting: Some(0),
            unrunnable: Some(0),
            ..Tasks::default()
        };
        for (total, queued, text) in [
            (Some(30), Some(30), Some("0/30")),
            (Some(30), Some(0), Some("30/30")),
            (Some(30), None, Some("?/30")),
            (Some(30), Some(31), Some("?/30")),
            (None, Some(3), None),
        ] {
            assert_eq!(done_of_all(&tasks(total, queued)).as_deref(), text);
        }
    }

    #[test]
    fn used_and_limit_have_one_unit() {
        const GIB: u64 = 1 << 30;
        for (used, limit, text) in [
            (Some(GIB * 6 / 5), Some(8 * GIB), Some("1.2/8.0 GiB")),
            (Some(GIB), Some(3 << 40), Some("0.0/3.0 TiB")),
            (Some(GIB / 2), None, Some("512.0/? MiB")),
            (None, Some(GIB), Some("?/1.0 GiB")),
            (Some(0), Some(0), Some("0.0/0.0 GiB")),
            (Some(1), Some(1023), Some("1/1023 B")),
            (None, None, None),
        ] {
            assert_eq!(used_of(used, limit).as_deref(), text);
            let word = text.map(|text| text.replace(' ', ""));
            assert_eq!(used_of_word(used, limit), word);
        }
    }
}
