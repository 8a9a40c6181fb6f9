//! Names of clusters, as gateways give them and as users type them.

/// The length of the hexadecimal part of a name (`uuid.uuid4().hex` on every back end).
const HEX_DIGITS: usize = 32;

/// A cluster by its full name, a prefix of it (or of the part after its last dot), or the URL of
/// its dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterPattern(String);

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
        Ok(Self(name.to_owned()))
    }

    /// The name, or the part of one.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if this looks like a full name, so that no list is needed to find the cluster.
    pub(crate) fn is_full(&self) -> bool {
        let hex = self.0.rsplit('.').next().unwrap_or_default();
        hex.len() == HEX_DIGITS && hex.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// Returns true if it can be part of a name that a gateway gives: hexadecimal digits, perhaps
    /// after a namespace.
    pub(crate) fn is_hexadecimal(&self) -> bool {
        let hex = self.0.rsplit('.').next().unwrap_or_default();
        hex.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// Returns true if this is `name` or a prefix of it.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let after_namespace = name.rsplit('.').next().unwrap_or(name);
        name.starts_with(&self.0) || after_namespace.starts_with(&self.0)
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
