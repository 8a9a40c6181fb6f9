//! Files, values, address.

use crate::config::{self, InspectedFile, Inspection};
use crate::error::config_code;
use crate::output::Check;

/// Which files count, and whether they may.
pub(super) fn files(found: &Inspection) -> Check {
    const NAME: &str = "files";
    let mut lines = Vec::new();
    let mut mends = Vec::new();
    let mut exit_status = None;
    if let Some(fault) = &found.fault {
        lines.push(fault.to_string());
        mends.extend(fault.hint());
        exit_status = Some(config_code(fault) as u8);
    }
    for file in &found.files {
        match &file.has_section {
            Ok(true) => lines.push(described(file, "")),
            Ok(false) if file.path.ends_with("gateway.yaml") => {
                lines.push(described(file, ", has no gateway section"));
            }
            Ok(false) => {}
            Err(error) => {
                lines.push(described(file, &format!(": {}", fault(error))));
                mends.extend(mend(error));
                exit_status = exit_status.or(Some(config_code(error) as u8));
            }
        }
    }
    match exit_status {
        Some(exit_status) => {
            if mends.is_empty() {
                mends
                    .push("put a file of your own in its place: `dgw login` writes one".to_owned());
            }
            let mend = mends.join("\n");
            Check::faulty(NAME, lines.join("\n"), mend, exit_status)
        }
        None if lines.is_empty() => Check::skipped(NAME, "there are none with a gateway section"),
        None => Check::ok(NAME, lines.join("\n")),
    }
}

fn described(file: &InspectedFile, note: &str) -> String {
    let owner = if file.is_site { "the site's, " } else { "" };
    let mode = match file.mode {
        Some(mode) => format!("mode {mode:03o}"),
        None => "mode unknown".to_owned(),
    };
    format!("{} ({owner}{mode}){note}", file.path.display())
}

/// Without the path, which stands there already.
fn fault(error: &config::Error) -> String {
    match error {
        config::Error::Refused { fault, .. } => format!("refused, {fault}"),
        error => error.to_string(),
    }
}

fn mend(error: &config::Error) -> Option<String> {
    match error {
        config::Error::Malformed { .. } => Some(
            "mend that line: the file must be a YAML mapping; or move it away, and `dgw login` \
             writes another"
                .to_owned(),
        ),
        error => error.hint(),
    }
}

/// What is set, where, and whether dgw can use it.
pub(super) fn values(found: &Inspection) -> Check {
    const NAME: &str = "values";
    let lines = found.values.iter().map(|value| {
        let note = if value.is_known {
            ""
        } else {
            ": dask-gateway has no such key"
        };
        let (key, shown, source) = (&value.key, &value.shown, &value.source);
        match shown.as_str() {
            "set" => format!("{key} is set ({source}){note}"),
            shown => format!("{key} = {shown} ({source}){note}"),
        }
    });
    let mut lines = lines.collect::<Vec<_>>();
    let faults = &found.value_faults;
    match faults.first() {
        None if lines.is_empty() => Check::skipped(NAME, "none is set"),
        None => Check::ok(NAME, lines.join("\n")),
        Some(first) => {
            lines.extend(faults.iter().map(ToString::to_string));
            let mends = faults.iter().map(|fault| {
                let named = || "set it right there, or take it away".to_owned();
                fault.hint().unwrap_or_else(named)
            });
            let mend = mends.collect::<Vec<_>>().join("\n");
            Check::faulty(NAME, lines.join("\n"), mend, config_code(first) as u8)
        }
    }
}

/// Where the gateway is.
pub(super) fn address(found: &Inspection, is_named: bool) -> Check {
    const NAME: &str = "address";
    match &found.address {
        Ok(address) if is_named => Check::ok(NAME, format!("{} (`--address`)", address.as_str())),
        Ok(address) => Check::ok(NAME, address.as_str()),
        Err(error) => {
            let mend = error.hint().unwrap_or_else(|| {
                "set it right: it looks like `https://gateway.example.org`".to_owned()
            });
            Check::faulty(NAME, error.to_string(), mend, config_code(error) as u8)
        }
    }
}
