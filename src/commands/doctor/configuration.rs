//! The configuration: files, values, address.

use crate::config::{self, InspectedFile, Inspection};
use crate::error::Failure as _;
use crate::output::Check;

/// Checks which files count, and whether they are accepted.
pub(super) fn files(found: &Inspection) -> Check {
    const NAME: &str = "files";
    let mut lines = Vec::new();
    let mut hints = Vec::new();
    let mut exit_code = None;
    if let Some(fault) = &found.fault {
        lines.push(fault.to_string());
        hints.extend(fault.hint());
        exit_code = Some(fault.exit_code());
    }
    for file in &found.files {
        match &file.has_section {
            Ok(true) => lines.push(describe(file, "")),
            Ok(false) if file.path.ends_with("gateway.yaml") => {
                lines.push(describe(file, ", has no gateway section"));
            }
            Ok(false) => {}
            Err(error) => {
                lines.push(describe(file, &format!(": {}", without_path(error))));
                hints.extend(file_hint(error));
                exit_code = exit_code.or(Some(error.exit_code()));
            }
        }
    }
    match exit_code {
        Some(exit_code) => {
            if hints.is_empty() {
                hints.push("replace it with a file of your own: `dgw login` writes one".to_owned());
            }
            Check::faulty(NAME, lines.join("\n"), hints.join("\n"), exit_code)
        }
        None if lines.is_empty() => Check::skipped(NAME, "no file has a gateway section"),
        None => Check::ok(NAME, lines.join("\n")),
    }
}

fn describe(file: &InspectedFile, note: &str) -> String {
    let owner = if file.is_site { "the site's, " } else { "" };
    let mode = match file.mode {
        Some(mode) => format!("mode {mode:03o}"),
        None => "mode unknown".to_owned(),
    };
    format!("{} ({owner}{mode}){note}", file.path.display())
}

/// Returns the message without the path, which precedes it.
fn without_path(error: &config::Error) -> String {
    match error {
        config::Error::Refused { fault, .. } => format!("refused, {fault}"),
        error => error.to_string(),
    }
}

fn file_hint(error: &config::Error) -> Option<String> {
    match error {
        config::Error::Malformed { .. } => Some(
            "correct that line (the file must be a YAML mapping), or move the file away and run \
             `dgw login`"
                .to_owned(),
        ),
        error => error.hint(),
    }
}

/// Checks which values are set, where, and whether dgw can use them.
pub(super) fn values(found: &Inspection) -> Check {
    const NAME: &str = "values";
    let mut lines = found
        .values
        .iter()
        .map(|value| {
            let note = match value.key.split('.').next() {
                _ if value.is_known => "",
                Some("dgw") => ": dgw has no such key",
                _ => ": dask-gateway has no such key",
            };
            let (key, shown, source) = (&value.key, &value.shown, &value.source);
            match shown.as_str() {
                "set" => format!("{key} is set ({source}){note}"),
                shown => format!("{key} = {shown} ({source}){note}"),
            }
        })
        .collect::<Vec<_>>();
    let faults = &found.value_faults;
    match faults.first() {
        None if lines.is_empty() => Check::skipped(NAME, "no value is set"),
        None => Check::ok(NAME, lines.join("\n")),
        Some(first) => {
            lines.extend(faults.iter().map(ToString::to_string));
            let hints = faults.iter().map(|fault| {
                let default = || "correct or remove the value there".to_owned();
                fault.hint().unwrap_or_else(default)
            });
            let hints = hints.collect::<Vec<_>>().join("\n");
            Check::faulty(NAME, lines.join("\n"), hints, first.exit_code())
        }
    }
}

/// Checks the gateway's address.
pub(super) fn address(found: &Inspection, is_from_flag: bool) -> Check {
    const NAME: &str = "address";
    match &found.address {
        Ok(address) if is_from_flag => {
            Check::ok(NAME, format!("{} (`--address`)", address.as_str()))
        }
        Ok(address) => Check::ok(NAME, address.as_str()),
        Err(error) => {
            let default =
                || "correct it: an address looks like `https://gateway.example.org`".to_owned();
            let hint = error.hint().unwrap_or_else(default);
            Check::faulty(NAME, error.to_string(), hint, error.exit_code())
        }
    }
}
