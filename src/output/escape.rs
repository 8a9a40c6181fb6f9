//! Nothing that a gateway sends can write to the terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with every character that could move the cursor, break the line or turn the writing
/// direction shown escaped.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_active(c) && u32::from(c) < 0x100 => {
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c if is_active(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// JSON text with such characters as `\u` escapes: they can only stand inside its strings, and
/// a reader gets them back unchanged.
pub(super) fn json(json: &str) -> Cow<'_, str> {
    let is_raw = |c: char| is_active(c) && c != '\n';
    if !json.contains(is_raw) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_raw(c) {
            // All of them lie in the basic plane: one unit each.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL, C1), line separators, and what turns or hides text.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_are_shown() {
        assert_eq!(
            text("a\x1b[31mb\u{9b}c\u{202e}\n"),
            "a\\x1b[31mb\\x9bc\\u{202e}\\n"
        );
        assert_eq!(text("Grüße, 世界"), "Grüße, 世界");
    }

    proptest! {
        #[test]
        fn nothing_active_is_left(raw in any::<String>()) {
            prop_assert!(!text(&raw).contains(is_active));
        }

        #[test]
        fn json_stays_the_same_value(raw in "[\\x00-\\u{ff}\\u{2028}-\\u{202e}]*") {
            let plain = serde_json::to_string(&raw).expect("a string is valid JSON");
            let shown = json(&plain);
            prop_assert!(!shown.contains(is_active));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("valid JSON"), raw);
        }
    }
}
