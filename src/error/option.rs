//! What is wrong with an option of a cluster.

use std::fmt;

use crate::gateway::OptionFault;

/// A configured default for new clusters that the gateway doesn't take.
#[derive(Debug)]
pub(crate) struct DefaultFault {
    pub(crate) key: String,
    /// Where the value was set.
    pub(crate) set_in: String,
    pub(crate) fault: OptionFault,
}

impl fmt::Display for DefaultFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&default_text(self))
    }
}

/// All that are wrong: the only one, or how many there are to be listed.
pub(super) fn defaults_text(faults: &[DefaultFault]) -> String {
    match faults {
        [only] => only.to_string(),
        several => format!(
            "{} of your defaults for new clusters are none that the gateway takes",
            several.len()
        ),
    }
}

/// A line each, where there are several.
pub(super) fn listed(faults: &[DefaultFault]) -> Vec<String> {
    match faults {
        [_] => Vec::new(),
        several => several.iter().map(ToString::to_string).collect(),
    }
}

fn default_text(DefaultFault { key, set_in, fault }: &DefaultFault) -> String {
    let key = format!("`gateway.cluster.options.{key}` ({set_in})");
    match fault {
        OptionFault::Unknown { similar } => {
            format!(
                "{key} is no option of this gateway{}",
                meant(similar.as_ref())
            )
        }
        OptionFault::Value {
            given,
            expected,
            similar,
        } => format!(
            "{key} must be {expected}, not `{given}`{}",
            meant(similar.as_ref())
        ),
    }
}

fn meant(similar: Option<&String>) -> String {
    similar.map_or_else(String::new, |similar| {
        format!("; did you mean `{similar}`?")
    })
}

/// An option on the command line that the gateway doesn't take.
pub(super) fn option_text(key: &str, fault: &OptionFault) -> String {
    match fault {
        OptionFault::Unknown { similar } => {
            format!(
                "this gateway has no option `{key}`{}",
                meant(similar.as_ref())
            )
        }
        OptionFault::Value {
            given,
            expected,
            similar,
        } => {
            format!(
                "`{key}` must be {expected}, not `{given}`{}",
                meant(similar.as_ref())
            )
        }
    }
}
