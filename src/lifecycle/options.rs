//! Options of new clusters that the gateway does not accept.

use std::fmt;

use serde_json::Value;

use crate::gateway::{OptionFault, OptionField, check_option};

/// A configured default for new clusters that the gateway does not accept.
#[derive(Debug)]
pub(crate) struct DefaultFault {
    pub(crate) key: String,
    /// The file or variable that sets the value.
    pub(crate) source: String,
    pub(crate) fault: OptionFault,
}

impl fmt::Display for DefaultFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, source, fault } = self;
        let key = format!("`gateway.cluster.options.{key}` ({source})");
        match fault {
            OptionFault::Unknown { .. } => {
                write!(
                    f,
                    "{key} is not an option of this gateway{}",
                    suggestion(fault)
                )
            }
            OptionFault::Value { .. } => write!(f, "{key} {}", value_text(fault)),
        }
    }
}

/// Returns the configured `defaults` that the gateway does not accept. `source` returns where each
/// is set.
pub(crate) fn refused_defaults<'a>(
    fields: &[OptionField],
    defaults: impl IntoIterator<Item = (&'a String, &'a Value)>,
    source: impl Fn(&str) -> Option<String>,
) -> Vec<DefaultFault> {
    defaults
        .into_iter()
        .filter_map(|(key, value)| {
            let fault = check_option(fields, key, value).err()?;
            Some(DefaultFault {
                key: key.clone(),
                source: source(key).unwrap_or_else(|| "your configuration".to_owned()),
                fault,
            })
        })
        .collect()
}

/// Returns the message for refused defaults: the only one, or how many there are.
pub(super) fn defaults_text(faults: &[DefaultFault]) -> String {
    match faults {
        [only] => only.to_string(),
        several => format!(
            "the gateway does not accept {} of your defaults for new clusters",
            several.len()
        ),
    }
}

/// Returns a line for each refused default, where there are several.
pub(super) fn listed(faults: &[DefaultFault]) -> Vec<String> {
    match faults {
        [_] => Vec::new(),
        several => several.iter().map(ToString::to_string).collect(),
    }
}

/// Returns the message for an option on the command line that the gateway does not accept.
pub(super) fn option_text(key: &str, fault: &OptionFault) -> String {
    match fault {
        OptionFault::Unknown { .. } => {
            format!("this gateway has no option `{key}`{}", suggestion(fault))
        }
        OptionFault::Value { .. } => format!("`{key}` {}", value_text(fault)),
    }
}

fn value_text(fault: &OptionFault) -> String {
    match fault {
        OptionFault::Unknown { .. } => String::new(),
        OptionFault::Value {
            given, expected, ..
        } => {
            format!("must be {expected}, not `{given}`{}", suggestion(fault))
        }
    }
}

fn suggestion(fault: &OptionFault) -> String {
    let (OptionFault::Unknown { similar } | OptionFault::Value { similar, .. }) = fault;
    similar.as_ref().map_or_else(String::new, |similar| {
        format!("; did you mean `{similar}`?")
    })
}
