//! The checks of `dgw doctor`: a mark, the name, what was found, and a hint.

use anstyle::AnsiColor;
use serde::Serialize;

use super::escape;
use super::suggested_gateway::in_hint;
use super::terminal::{is_unicode, label, wrapped};
use crate::error::{ExitCode, Failure};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckState {
    Ok,
    Failed,
    /// Not possible, or not needed.
    Skipped,
}

/// A check on the way from the configuration to the gateway's response.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) state: CheckState,
    /// The findings, a line each. Text of other programs in it is escaped.
    pub(crate) detail: String,
    /// The next step, where it failed.
    pub(crate) hint: Option<String>,
    /// The exit code of a command that fails for this reason.
    #[serde(skip)]
    pub(crate) exit_code: ExitCode,
}

impl Check {
    pub(crate) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: CheckState::Ok,
            detail: detail.into(),
            hint: None,
            exit_code: ExitCode::Done,
        }
    }

    pub(crate) fn skipped(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            state: CheckState::Skipped,
            ..Self::ok(name, detail)
        }
    }

    /// A check that failed, with a hint.
    pub(crate) fn faulty(
        name: &'static str,
        detail: impl Into<String>,
        hint: impl Into<String>,
        exit_code: ExitCode,
    ) -> Self {
        Self {
            state: CheckState::Failed,
            hint: Some(in_hint(&hint.into()).into_owned()),
            exit_code,
            ..Self::ok(name, detail)
        }
    }

    /// A check that failed as a command would, with the message and the hint that it would print.
    pub(crate) fn failed(name: &'static str, error: &dyn Failure) -> Self {
        let lines = [vec![error.to_string()], error.details()].concat();
        // Escaped line by line: text that an error quotes can't add a line.
        let lines = lines.iter().map(|line| escape::text(line));
        let hint = error.hint();
        Self::faulty(
            name,
            lines.collect::<Vec<_>>().join("\n"),
            hint.unwrap_or_else(|| "tell the gateway's administrators".to_owned()),
            error.exit_code(),
        )
    }

    /// Replaces the hint by a more specific one.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(in_hint(&hint.into()).into_owned()),
            ..self
        }
    }

    /// The check for people, in the terminal's locale, in lines of `width` columns.
    pub(super) fn text(&self, width: Option<usize>) -> String {
        self.text_in(is_unicode(), width)
    }

    fn text_in(&self, is_unicode: bool, width: Option<usize>) -> String {
        let (mark, plain, colour) = match self.state {
            CheckState::Ok => ("✓", "+", AnsiColor::Green),
            CheckState::Failed => ("✗", "x", AnsiColor::Red),
            CheckState::Skipped => ("–", "-", AnsiColor::BrightBlack),
        };
        let mark = label(if is_unicode { mark } else { plain }, colour);
        let mut text = format!("{mark} {:<NAMES$} ", self.name);
        text.push_str(lines(&self.detail, width).trim_start());
        if let Some(hint) = &self.hint {
            let head = label("hint", AnsiColor::Cyan);
            let hint = lines(&format!("hint: {hint}"), width);
            text.push_str(&hint.replacen("hint", &head, 1));
        }
        text
    }
}

/// Escaped lines, indented under the checks' names.
fn lines(text: &str, width: Option<usize>) -> String {
    const MARGIN: &str = "                 ";
    const CONTINUED: &str = "                   ";
    let lines = text.lines();
    lines
        .map(|line| wrapped(&escape::text(line), width, MARGIN, CONTINUED))
        .collect()
}

/// Room for the longest name.
const NAMES: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_is_a_mark_a_name_and_lines() {
        let check = Check::ok("files", "one\ntwo\u{1b}[2J").with_hint("do this\n\n  and that");
        let plain = anstream::adapter::strip_str(&check.text_in(false, None)).to_string();
        snapbox::assert_data_eq!(
            plain,
            snapbox::str![[r#"
+ files          one
                 two/x1b[2J
                 hint: do this

                   and that

"#]]
        );
        assert!(check.text_in(true, None).contains('✓'));
    }

    #[test]
    fn breaks_long_lines_only_at_spaces() {
        let check = Check::ok("files", "as /home/ada/.config/dask/gateway.yaml says");
        let plain = anstream::adapter::strip_str(&check.text_in(false, Some(30))).to_string();
        snapbox::assert_data_eq!(
            plain,
            snapbox::str![[r#"
+ files          as
                   /home/ada/.config/dask/gateway.yaml
                   says

"#]]
        );
    }
}
