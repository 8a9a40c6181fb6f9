//! What `dgw doctor` finds: a mark, the step, what was found, and the mend.

use std::fmt::Write as _;

use serde::Serialize;

use super::escape;
use super::label::label;
use crate::error::Error;

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckState {
    Ok,
    Failed,
    /// Could not be tried, or there's nothing to it.
    Skipped,
}

/// A step of the way from the configuration to an answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) state: CheckState,
    /// What was found; several things are lines. What others say in it is escaped.
    pub(crate) detail: String,
    /// What to do about it, where it failed.
    pub(crate) mend: Option<String>,
    /// The exit status that a command would end with that fails of this.
    #[serde(skip)]
    pub(crate) exit_status: u8,
}

impl Check {
    pub(crate) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: CheckState::Ok,
            detail: detail.into(),
            mend: None,
            exit_status: 0,
        }
    }

    pub(crate) fn skipped(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            state: CheckState::Skipped,
            ..Self::ok(name, detail)
        }
    }

    /// A step that failed, with what to do about it.
    pub(crate) fn faulty(
        name: &'static str,
        detail: impl Into<String>,
        mend: impl Into<String>,
        exit_status: u8,
    ) -> Self {
        Self {
            state: CheckState::Failed,
            mend: Some(mend.into()),
            exit_status,
            ..Self::ok(name, detail)
        }
    }

    /// A step that failed as a command would, with the message and the hint it would print.
    pub(crate) fn failed(name: &'static str, error: &Error) -> Self {
        let mut lines = vec![error.to_string()];
        lines.extend(error.details());
        // Where a line ends is dgw's to say, and nobody's whom the message quotes.
        let lines = lines.iter().map(|line| escape::text(line));
        let lines = lines.collect::<Vec<_>>();
        let mend = error
            .hint()
            .unwrap_or_else(|| "tell those who run the gateway".to_owned());
        Self::faulty(name, lines.join("\n"), mend, error.exit_status())
    }

    /// The same, with a better mend.
    pub(crate) fn mended_by(self, mend: impl Into<String>) -> Self {
        Self {
            mend: Some(mend.into()),
            ..self
        }
    }

    /// For people, in lines of so many columns; `is_unicode` is whether the terminal's locale knows
    /// the marks.
    pub(super) fn text(&self, is_unicode: bool, width: Option<usize>) -> String {
        let (mark, plain, colour) = match self.state {
            CheckState::Ok => ("✓", "+", anstyle::AnsiColor::Green),
            CheckState::Failed => ("✗", "x", anstyle::AnsiColor::Red),
            CheckState::Skipped => ("–", "-", anstyle::AnsiColor::BrightBlack),
        };
        let mark = label(if is_unicode { mark } else { plain }, colour);
        let mut text = format!("{mark} {:<NAMES$} ", self.name);
        text.push_str(lines(&self.detail, width).trim_start());
        if let Some(mend) = &self.mend {
            let head = label("mend", anstyle::AnsiColor::Cyan);
            let mend = lines(&format!("mend: {mend}"), width);
            text.push_str(&mend.replacen("mend", &head, 1));
        }
        text
    }
}

/// Lines with a margin under the steps' names. What doesn't fit is broken at spaces only: a path or
/// a command stays one that can be copied.
fn lines(text: &str, width: Option<usize>) -> String {
    const MARGIN: &str = "                 ";
    const CONTINUED: &str = "                   ";
    let options = textwrap::Options::new(width.unwrap_or(usize::MAX))
        .initial_indent(MARGIN)
        .subsequent_indent(CONTINUED)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut lines = String::new();
    for line in text.lines() {
        for part in textwrap::wrap(&escape::text(line), &options) {
            let _ = writeln!(lines, "{}", part.trim_end());
        }
    }
    lines
}

/// Room for the longest name.
const NAMES: usize = 14;

/// Whether the locale says that the terminal shows more than ASCII.
pub(super) fn is_unicode() -> bool {
    let mut variables = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = variables.find_map(|name| {
        let value = std::env::var(name).ok();
        value.filter(|value| !value.is_empty())
    });
    let locale = locale.unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_mark_a_name_and_lines() {
        let step = Check::ok("files", "one\ntwo\u{1b}[2J").mended_by("do this\n\n  and that");
        let plain = anstream::adapter::strip_str(&step.text(false, None)).to_string();
        snapbox::assert_data_eq!(
            plain,
            snapbox::str![[r#"
+ files          one
                 two/x1b[2J
                 mend: do this

                   and that

"#]]
        );
        assert!(step.text(true, None).contains('✓'));
    }

    #[test]
    fn a_long_line_is_broken_at_spaces_only() {
        let step = Check::ok("files", "as /home/ada/.config/dask/gateway.yaml says");
        let plain = anstream::adapter::strip_str(&step.text(false, Some(30))).to_string();
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
