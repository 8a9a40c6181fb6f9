//! What a misspelled word may mean.

/// clap's threshold for its suggestions.
const THRESHOLD: f64 = 0.7;

/// Returns the candidate that `word` may be a misspelling of, whatever the case.
pub(crate) fn find<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > THRESHOLD)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_most_similar_word_or_none() {
        let candidates = ["old", "era", "ERA5"];
        assert_eq!(find("ers5", candidates), Some("ERA5"));
        assert_eq!(find("b040", candidates), None);
        assert_eq!(find("ers5", []), None);
    }
}
