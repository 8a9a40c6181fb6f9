//! `-g NAME` in the commands that messages suggest.

use std::borrow::Cow;
use std::sync::OnceLock;

/// The gateway that suggested commands must name, because the environment selects another one.
static GATEWAY: OnceLock<String> = OnceLock::new();

/// From now on, the commands that messages suggest name this gateway.
pub(crate) fn suggest_gateway(name: &str) {
    // A process has one command line.
    let _ = GATEWAY.set(name.to_owned());
}

/// Returns a hint, whose commands name the gateway.
pub(super) fn in_hint(text: &str) -> Cow<'_, str> {
    match GATEWAY.get() {
        Some(gateway) => with_gateway(text, gateway, 1).into(),
        None => text.into(),
    }
}

/// Returns a message, whose commands name the gateway if they have arguments: without any, they are
/// mentioned rather than suggested.
pub(super) fn in_message(text: &str) -> Cow<'_, str> {
    match GATEWAY.get() {
        Some(gateway) => with_gateway(text, gateway, 2).into(),
        None => text.into(),
    }
}

/// Adds `-g GATEWAY` to the quoted commands of dgw in `text` that have so many words or more.
fn with_gateway(text: &str, gateway: &str, fewest_words: usize) -> String {
    let parts = text.split('`').enumerate().map(|(at, part)| {
        let words = part
            .strip_prefix("dgw ")
            .filter(|words| at % 2 == 1 && words.split(' ').count() >= fewest_words)
            .filter(|words| !words.split(' ').any(|word| word == "-g"));
        words.map_or_else(
            || part.to_owned(),
            |words| format!("dgw -g {gateway} {words}"),
        )
    });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quoted_commands_that_name_no_gateway_get_one() {
        let text =
            "dgw is here: `dgw list`, `dgw scale ab 4` or `dgw login -g NAME`; not `dgw.log`";
        let expected = "dgw is here: `dgw list`, `dgw -g work scale ab 4` or `dgw login -g NAME`; not `dgw.log`";
        assert_eq!(with_gateway(text, "work", 2), expected);
        let expected = expected.replace("`dgw list`", "`dgw -g work list`");
        assert_eq!(with_gateway(text, "work", 1), expected);
        assert_eq!(with_gateway("odd ` dgw", "work", 1), "odd ` dgw");
    }
}
