//! Escapes text of servers and other programs, so that it can't control the terminal, and masks
//! secrets in it.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::config::{masked, masked_json};

/// Returns `text` without secrets that dgw knows, and with every character escaped that could move the
/// cursor, break the line, reverse the writing direction or stay invisible.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    replaced(masked(text), is_active, |c, shown| {
        let _ = match (c, u32::from(c)) {
            ('\n', _) => write!(shown, "\\n"),
            ('\r', _) => write!(shown, "\\r"),
            ('\t', _) => write!(shown, "\\t"),
            (_, code @ ..=0xff) => write!(shown, "\\x{code:02x}"),
            (_, code) => write!(shown, "\\u{{{code:x}}}"),
        };
    })
}

/// The length of a text in a table, in characters: more than any terminal shows.
const CELL_LIMIT: usize = 1000;

/// The length of a line of a message, in characters. Servers' messages take a tenth of it.
const MESSAGE_LIMIT: usize = 4000;

/// The bytes of a text that [`cell`] looks at: secrets are masked before the text is cut.
pub(super) const CELL_ROOM: usize = 8 * CELL_LIMIT;

/// Returns a text for a table, escaped and cut: a column is as wide as its widest cell, so one long
/// cell would fill all others of its column with spaces.
pub(super) fn cell(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => cut(text, CELL_LIMIT),
        Cow::Owned(text) => match cut(&text, CELL_LIMIT) {
            Cow::Borrowed(_) => text.into(),
            Cow::Owned(shown) => shown.into(),
        },
    }
}

/// Returns a line of a message, escaped and cut.
pub(super) fn message(text: &str) -> Cow<'_, str> {
    cut(text, MESSAGE_LIMIT)
}

fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return self::text(text);
    }
    // Masked first, so that no part of a secret is left by the cut.
    let begin = masked(prefix(text, 2 * limit));
    let shown = prefix(&begin, limit);
    if shown.len() == text.len() {
        return self::text(text);
    }
    Cow::Owned(format!("{}…", self::text(shown)))
}

/// Returns the first `length` characters of `text`.
fn prefix(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Returns JSON text with such characters as `\u` escapes. They can only stand inside its strings,
/// and a reader gets them back unchanged.
pub(super) fn json(json: &str) -> Cow<'_, str> {
    replaced(masked_json(json), is_active_in_json, |c, shown| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    })
}

/// Returns JSON text with such characters as the escapes of YAML, which has no surrogate pairs.
pub(super) fn yaml(json: &str) -> Cow<'_, str> {
    replaced(masked_json(json), is_active_in_json, |c, shown| {
        let _ = match u32::from(c) {
            code @ 0x1_0000.. => write!(shown, "\\U{code:08x}"),
            code => write!(shown, "\\u{code:04x}"),
        };
    })
}

/// Returns true for characters to escape in JSON. The line breaks between its values are in no string.
fn is_active_in_json(c: char) -> bool {
    is_active(c) && c != '\n'
}

fn replaced(
    text: Cow<'_, str>,
    is_replaced: impl Fn(char) -> bool,
    replace: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    // Nearly every text is plain, which its bytes tell sooner than its characters.
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain || !text.contains(&is_replaced) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_replaced(c) {
            replace(c, &mut shown);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Returns true for control characters (C0, DEL, C1) and for everything invisible: line separators,
/// characters that change the direction or hide text. Two different texts must not look alike.
pub(super) fn is_active(c: char) -> bool {
    c.is_control() || (!c.is_ascii() && is_invisible(c))
}

/// Returns true for Unicode's `Default_Ignorable_Code_Point`s, line separators, and the interlinear,
/// musical and hieroglyphic format controls. They include characters that join letters (U+200C,
/// U+200D) and choose glyphs (U+FE0F): names, options and logs can do without these.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_only_cells_that_no_terminal_could_show() {
        for length in [0, 10, CELL_LIMIT] {
            let text = "ü".repeat(length);
            assert_eq!(cell(text.as_str().into()), text);
        }
        for length in [CELL_LIMIT + 1, 10 * CELL_ROOM] {
            let cut = format!("{}…", "ü".repeat(CELL_LIMIT));
            assert_eq!(cell("ü".repeat(length).into()), cut);
        }
    }

    #[test]
    fn escapes_control_sequences_and_line_breaks() {
        assert_eq!(
            text("a\x1b[31mb\u{9b}c\u{202e}\n"),
            "a\\x1b[31mb\\x9bc\\u{202e}\\n"
        );
        assert_eq!(
            text("ü\0\r\t\x7f\u{a0}\u{ff}ÿĀ世"),
            "ü\\x00\\r\\t\\x7f\u{a0}ÿÿĀ世"
        );
        assert_eq!(text("\\n"), "\\n");
    }

    #[test]
    fn escapes_only_raw_characters_in_json_and_yaml() {
        let raw = "{\n  \"ü\": \"a\\n\u{7f}\u{202e}\u{e0041}\"\n}";
        assert_eq!(
            json(raw),
            "{\n  \"ü\": \"a\\n\\u007f\\u202e\\udb40\\udc41\"\n}"
        );
        assert_eq!(
            yaml(raw),
            "{\n  \"ü\": \"a\\n\\u007f\\u202e\\U000e0041\"\n}"
        );
        let harmless = "[\n  \"世界\"\n]";
        assert_eq!(json(harmless), harmless);
        assert_eq!(yaml(harmless), harmless);
    }

    #[test]
    fn escapes_invisible_characters() {
        for hidden in
            "\u{ad}\u{34f}\u{115f}\u{1160}\u{180e}\u{200d}\u{3164}\u{fe0f}\u{ffa0}\u{fff9}\
                       \u{fffb}\u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{e01ef}"
                .chars()
        {
            let raw = format!("a{hidden}b");
            assert!(text(&raw).is_ascii(), "{hidden:?}");
            let plain = serde_json::to_string(&raw).expect("a string is valid JSON");
            let shown = json(&plain);
            assert!(shown.is_ascii(), "{hidden:?}");
            let back = serde_json::from_str::<String>(&shown).expect("valid JSON");
            assert_eq!(back, raw);
        }
        assert_eq!(text("\u{ad}\u{e0041}"), "\\xad\\u{e0041}");
    }

    #[test]
    fn leaves_every_script_readable() {
        for plain in [
            "Grüße, 世界",
            "مجموعة العمل",
            "क्लस्टर का नाम",
            "ክላስተር",
            "한국어 클러스터",
            "ภาษาไทย",
            "e\u{301}te\u{301}",
            "日本語ﾊﾝｶｸ",
            "👍🏽🇳🇱",
        ] {
            assert_eq!(text(plain), plain);
            assert_eq!(json(plain), plain);
        }
    }

    proptest! {
        #[test]
        fn leaves_no_active_character(raw in any::<String>()) {
            prop_assert!(!text(&raw).contains(is_active));
        }

        #[test]
        fn escaped_json_is_the_same_value(raw in "[\\x00-\\u{ff}\\u{2028}-\\u{202e}\\u{e0000}-\\u{e01ef}]*") {
            let plain = serde_json::to_string(&raw).expect("a string is valid JSON");
            let shown = json(&plain);
            prop_assert!(!shown.contains(is_active));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("valid JSON"), raw);
        }
    }
}
