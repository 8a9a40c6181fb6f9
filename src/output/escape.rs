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
    in_strings(json, |c, shown| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    })
}

/// The same of such text in YAML, which knows no pairs of UTF-16.
pub(super) fn yaml(json: &str) -> Cow<'_, str> {
    in_strings(json, |c, shown| {
        let _ = match u32::from(c) {
            code @ 0x1_0000.. => write!(shown, "\\U{code:08x}"),
            code => write!(shown, "\\u{code:04x}"),
        };
    })
}

fn in_strings(json: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let is_raw = |c: char| is_active(c) && c != '\n';
    if !json.contains(is_raw) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_raw(c) {
            escape(c, &mut shown);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL, C1), line separators, what turns or hides text, and all that is not
/// to be seen: two texts that look alike must be alike.
fn is_active(c: char) -> bool {
    // Most of what there is.
    if matches!(c, ' '..='~') {
        return false;
    }
    c.is_control() || is_invisible(c)
}

/// Unicode's `Default_Ignorable_Code_Point`s, with the line separators and the interlinear and the
/// musical and hieroglyphic format controls. What joins letters (U+200C, U+200D) and chooses among
/// glyphs (U+FE0F) is among it: names, options and logs are no prose.
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
    fn escape_sequences_are_shown() {
        assert_eq!(
            text("a\x1b[31mb\u{9b}c\u{202e}\n"),
            "a\\x1b[31mb\\x9bc\\u{202e}\\n"
        );
        assert_eq!(text("Grüße, 世界"), "Grüße, 世界");
    }

    #[test]
    fn what_is_not_to_be_seen_is_shown() {
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
    fn every_script_stays_readable() {
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
        fn nothing_active_is_left(raw in any::<String>()) {
            prop_assert!(!text(&raw).contains(is_active));
        }

        #[test]
        fn json_stays_the_same_value(raw in "[\\x00-\\u{ff}\\u{2028}-\\u{202e}\\u{e0000}-\\u{e01ef}]*") {
            let plain = serde_json::to_string(&raw).expect("a string is valid JSON");
            let shown = json(&plain);
            prop_assert!(!shown.contains(is_active));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("valid JSON"), raw);
        }
    }
}
