//! Numbers of things as people read them: `1 worker`, `3 clusters`.

use std::fmt::Display;

/// Returns `number` with `noun`, which gets an `s` unless there is exactly one.
pub(crate) fn of(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let texts = [0, 1, 2, 11].map(|number| of(number, "worker"));
        assert_eq!(texts, ["0 workers", "1 worker", "2 workers", "11 workers"]);
    }
}
