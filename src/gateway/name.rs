//! Names of clusters, as gateways give them and as users type them.

use std::fmt;

use serde::Serialize;

/// The length of the hexadecimal part of a name (`uuid.uuid4().hex` on every back end).
const HEX_DIGITS: usize = 32;

/// The most characters of a [`Label`].
const MAX_LABEL: usize = 64;

/// A cluster by its full name, a prefix of it (or of the part after its last dot), or the URL of
/// its dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterPattern {
    text: String,
    /// True if this is a full name, whatever it looks like.
    is_exact: bool,
    /// The text for messages, if it is another.
    shown: Option<String>,
}

/// A user's own name for a cluster. None looks like a name that gateways give, or the beginning of
/// one: those are hexadecimal digits, perhaps after a namespace and a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Label(String);

impl Label {
    /// Parses a user's own name.
    ///
    /// # Errors
    /// Fails if `text` has other characters, is too long, or looks like a name that gateways give.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || !text.bytes().all(is_plain) {
            return Err(
                "must begin with a letter, and have only letters, digits, `-` and `_`".into(),
            );
        }
        if text.len() > MAX_LABEL {
            return Err(format!("must have at most {MAX_LABEL} characters"));
        }
        if text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(
                "looks like the beginning of a cluster's name, because it has only the \
                        digits 0-9 and a-f"
                    .into(),
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The pattern as messages show it.
impl fmt::Display for ClusterPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown.as_ref().unwrap_or(&self.text))
    }
}

impl ClusterPattern {
    /// Parses a name, a prefix of one, or a dashboard's URL.
    ///
    /// # Errors
    /// Fails if `text` contains no name, or characters that no name has.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let name = match text.split_once("/clusters/") {
            Some((_, route)) => route.split(['/', '?', '#']).next().unwrap_or_default(),
            None => text,
        };
        if name.is_empty() {
            return Err("names no cluster".to_owned());
        }
        if !name.bytes().all(|b| b.is_ascii_graphic() && b != b'/') {
            return Err("is neither a cluster's name nor its dashboard's URL".to_owned());
        }
        Ok(Self {
            text: name.to_owned(),
            is_exact: false,
            shown: None,
        })
    }

    /// Returns the pattern that only the cluster `name` matches, shown like `self`; `None` if no
    /// gateway gives such a name.
    pub(crate) fn exactly(&self, name: String) -> Option<Self> {
        is_valid_name(&name).then(|| Self {
            text: name,
            is_exact: true,
            shown: Some(self.to_string()),
        })
    }

    /// Returns the same pattern, shown as `text`.
    pub(crate) fn shown_as(self, text: String) -> Self {
        Self {
            shown: Some(text),
            ..self
        }
    }

    /// Returns the user's own name that this can be; `None` if it can be none, or is resolved.
    pub(crate) fn label(&self) -> Option<Label> {
        Label::parse(&self.text).ok().filter(|_| !self.is_exact)
    }

    /// The name, or the part of one.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if this looks like a full name, so that no list is needed to find the cluster.
    pub(crate) fn is_full(&self) -> bool {
        let hex = self.text.rsplit('.').next().unwrap_or_default();
        self.is_exact || hex.len() == HEX_DIGITS && hex.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// Returns true if it can be part of a name that a gateway gives: hexadecimal digits, perhaps
    /// after a namespace.
    pub(crate) fn is_hexadecimal(&self) -> bool {
        let hex = self.text.rsplit('.').next().unwrap_or_default();
        hex.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// Returns true if this is `name` or a prefix of it.
    pub(crate) fn matches(&self, name: &str) -> bool {
        if self.is_exact {
            return name == self.text;
        }
        let after_namespace = name.rsplit('.').next().unwrap_or(name);
        name.starts_with(&self.text) || after_namespace.starts_with(&self.text)
    }
}

/// Returns true if a gateway may give this name to a cluster. Names are `uuid4().hex`, after a
/// namespace on Kubernetes. Users paste them into shells, so nothing else is accepted, least of all
/// a leading dash.
pub(super) fn is_valid_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2224ac3ebdf349f491d1f954e5e98d35";

    fn pattern(text: &str) -> ClusterPattern {
        ClusterPattern::parse(text).expect("a pattern")
    }

    #[test]
    fn matches_by_name_prefix_or_dashboard() {
        let in_namespace = format!("dask.{HEX}");
        for text in [
            HEX,
            &HEX[..3],
            &format!("http://h:1/x/clusters/{HEX}/status"),
            &format!("https://h/clusters/{HEX}"),
            &format!("https://h/clusters/{HEX}?x#y"),
        ] {
            assert!(pattern(text).matches(HEX), "{text}");
            assert!(pattern(text).matches(&in_namespace), "{text}");
        }
        assert!(pattern(&in_namespace).matches(&in_namespace));
        assert!(pattern("dask.22").matches(&in_namespace));
        assert!(!pattern("2225").matches(HEX));
        assert!(!pattern(&in_namespace).matches(HEX));
        assert_eq!(pattern("https://h/clusters/ab/status").as_str(), "ab");
    }

    #[test]
    fn full_names_end_in_32_hexadecimal_digits() {
        assert!(pattern(HEX).is_full());
        assert!(pattern(&format!("dask.{HEX}")).is_full());
        for text in ["2225", &format!("{HEX}0"), &HEX.replace('2', "x")] {
            assert!(!pattern(text).is_full(), "{text}");
        }
    }

    #[test]
    fn programs_and_files_are_not_hexadecimal() {
        for text in [HEX, "22", "dask.22ab", "dask."] {
            assert!(pattern(text).is_hexadecimal(), "{text}");
        }
        for text in ["python", "work.py", "dask.x", "2g"] {
            assert!(!pattern(text).is_hexadecimal(), "{text}");
        }
    }

    #[test]
    fn label_cannot_be_taken_for_a_gateways_name() {
        for text in ["era5", "G", "my-run_2", "g", "dask", &"x".repeat(MAX_LABEL)] {
            assert_eq!(
                Label::parse(text).map(|label| label.to_string()),
                Ok(text.to_owned())
            );
        }
        let url = format!("http://h/clusters/{HEX}");
        for text in [
            "",
            "5",
            "5era",
            "-e",
            "_e",
            "e.x",
            "dask.22",
            "beef",
            "DEAD",
            HEX,
            &url,
            "a b",
            "../x",
            "é",
            "x\u{1b}",
            "x\n",
            &"x".repeat(300),
        ] {
            assert!(Label::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_text_that_names_no_cluster() {
        for text in ["", "http://h/clusters/", "a b", "\u{1b}", "http://h/x"] {
            assert!(ClusterPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn valid_names_are_safe_in_a_shell() {
        for name in [HEX, "dask.0a", "a-b_c", "0"] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in ["", "-a", ".a", "_a", "a b", "a;b", "a/b", "é", "a\n"] {
            assert!(!is_valid_name(name), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_pattern_matches_itself(text in crate::hostile::text()) {
            if let Ok(pattern) = ClusterPattern::parse(&text) {
                proptest::prop_assert!(pattern.matches(pattern.as_str()));
                let _ = pattern.is_full();
            }
        }
    }
}
