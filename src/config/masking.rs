//! Secrets that must not be printed, whoever sends them back.
//!
//! A server, or a proxy in front of it, may quote a request in its error message, with the header that
//! authenticates it. Each secret that dgw sends is registered here before it is sent, and the output
//! masks it in whatever it prints.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

use memchr::memmem::Finder;

/// Stands for a secret.
const MASK: &str = "***";

/// A shorter secret is not masked: it would hide words of other texts, and be told by them.
const SHORTEST: usize = 8;

/// How many secrets that servers issue are kept: `top` may run for days, and get new cookies.
const ISSUED: usize = 16;

static MASKS: RwLock<Masks> = RwLock::new(Masks::NONE);

/// Registers a secret of the user's for [`masked`].
pub(crate) fn mask(secret: &str) {
    let mut masks = MASKS.write().unwrap_or_else(PoisonError::into_inner);
    masks.add(secret);
}

/// Registers a secret that a server or a library has issued, and that will be replaced by others.
pub(crate) fn mask_issued(secret: &str) {
    let mut masks = MASKS.write().unwrap_or_else(PoisonError::into_inner);
    masks.add_issued(secret);
}

/// Returns `text` with a mask in the place of each registered secret.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let masks = MASKS.read().unwrap_or_else(PoisonError::into_inner);
    masks.apply(text, Form::Text)
}

/// Returns JSON text with such masks; it stays JSON.
pub(crate) fn masked_json(json: &str) -> Cow<'_, str> {
    let masks = MASKS.read().unwrap_or_else(PoisonError::into_inner);
    masks.apply(json, Form::Json)
}

/// The form of a text in which secrets are sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

/// A secret to mask.
struct Mask {
    text: Finder<'static>,
    in_json: Finder<'static>,
}

/// The secrets to mask.
struct Masks {
    own: Vec<Mask>,
    issued: VecDeque<Mask>,
}

impl Mask {
    fn new(secret: &str) -> Self {
        let json = serde_json::Value::from(secret).to_string();
        Self {
            text: Finder::new(secret).into_owned(),
            in_json: Finder::new(&json[1..json.len() - 1]).into_owned(),
        }
    }

    /// Returns the forms in which the secret may be in a text: one may quote JSON.
    fn forms(&self, form: Form) -> impl Iterator<Item = &Finder<'static>> {
        let is_same = self.text.needle() == self.in_json.needle();
        let text = (form == Form::Text).then_some(&self.text);
        let json = (form == Form::Json || !is_same).then_some(&self.in_json);
        text.into_iter().chain(json)
    }
}

impl Form {
    /// Returns `text` with masks; `None` if the secret isn't in it.
    fn replaced(self, text: &str, secret: &Finder<'static>) -> Option<String> {
        let mut masked = String::new();
        let mut end = 0;
        for start in secret.find_iter(text.as_bytes()) {
            if self == Self::Json && is_escaped(&text[..start]) {
                continue;
            }
            // A secret is UTF-8, so what it equals begins and ends with characters.
            masked.push_str(&text[end..start]);
            masked.push_str(MASK);
            end = start + secret.needle().len();
        }
        if end == 0 {
            return None;
        }
        masked.push_str(&text[end..]);
        Some(masked)
    }
}

/// Returns true if the character after `before` is part of an escape sequence.
fn is_escaped(before: &str) -> bool {
    let slashes = before.len() - before.trim_end_matches('\\').len();
    slashes % 2 == 1
}

impl Masks {
    const NONE: Self = Self {
        own: Vec::new(),
        issued: VecDeque::new(),
    };

    fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST && !self.has(secret) {
            self.own.push(Mask::new(secret));
        }
    }

    fn add_issued(&mut self, secret: &str) {
        if secret.len() < SHORTEST || self.has(secret) {
            return;
        }
        if self.issued.len() == ISSUED {
            self.issued.pop_front();
        }
        self.issued.push_back(Mask::new(secret));
    }

    fn has(&self, secret: &str) -> bool {
        let mut masks = self.own.iter().chain(&self.issued);
        masks.any(|mask| mask.text.needle() == secret.as_bytes())
    }

    fn apply<'a>(&self, text: &'a str, form: Form) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for mask in self.own.iter().chain(&self.issued) {
            for secret in mask.forms(form) {
                if let Some(replaced) = form.replaced(&masked, secret) {
                    masked = Cow::Owned(replaced);
                }
            }
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masks(secrets: &[&str]) -> Masks {
        let mut masks = Masks::NONE;
        for secret in secrets {
            masks.add(secret);
        }
        masks
    }

    fn in_text(masks: &Masks, text: &str) -> String {
        masks.apply(text, Form::Text).into_owned()
    }

    #[test]
    fn masks_every_occurrence_in_text_and_in_json() {
        let masks = masks(&["pass\"wörd", "nabcdefgh"]);
        assert_eq!(
            in_text(&masks, "x pass\"wörd, pass\"wörd y"),
            "x ***, *** y"
        );
        let in_json = |json: &str| masks.apply(json, Form::Json).into_owned();
        assert_eq!(in_json(r#"{"a": "pass\"wörd"}"#), r#"{"a": "***"}"#);
        assert_eq!(in_text(&masks, r#"a=["pass\"wörd"]"#), r#"a=["***"]"#);
        assert_eq!(in_text(&masks, r"\nabcdefgh"), r"\***");
        assert_eq!(in_json(r#""\nabcdefgh nabcdefgh""#), r#""\nabcdefgh ***""#);
        assert_eq!(in_json(r#""\\nabcdefgh""#), r#""\\***""#);
        for other in ["", "pass", "abcdefgh"] {
            let shown = masks.apply(other, Form::Text);
            assert!(matches!(shown, Cow::Borrowed(_)), "{other}");
        }
    }

    #[test]
    fn short_secrets_are_not_masked() {
        let masks = masks(&["", "pw", "running"]);
        assert_eq!(in_text(&masks, "running pw"), "running pw");
    }

    #[test]
    fn keeps_the_latest_of_the_secrets_that_servers_issue() {
        let mut masks = masks(&["my secret"]);
        for number in 1000..1100 {
            masks.add_issued(&format!("cookie-{number}"));
        }
        assert_eq!(masks.issued.len(), ISSUED);
        assert_eq!(in_text(&masks, "cookie-1099 my secret"), "*** ***");
        assert_eq!(in_text(&masks, "cookie-1000"), "cookie-1000");
    }

    proptest! {
        #[test]
        fn no_secret_is_left(secret in ".{8,20}", before in ".{0,20}", after in ".{0,20}") {
            prop_assume!(!format!("{before}{MASK}{after}").contains(&secret));
            let masks = masks(&[&secret]);
            let text = format!("{before}{secret}{after}");
            prop_assert!(!in_text(&masks, &text).contains(&secret));
            let json = serde_json::Value::from(text).to_string();
            let json = masks.apply(&json, Form::Json);
            let text = serde_json::from_str::<String>(&json).expect("still JSON");
            prop_assert!(!text.contains(&secret), "{text}");
        }
    }
}
