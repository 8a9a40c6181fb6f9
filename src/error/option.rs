//! What is wrong with an option of a cluster.

use crate::gateway::OptionFault;

/// A configured default for new clusters that the gateway doesn't take.
pub(super) fn default_text(key: &str, set_in: &str, fault: &OptionFault) -> String {
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
