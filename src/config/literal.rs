//! The value of a `DASK_…` variable: a Python literal where it is one, else text
//! (`dask.config.interpret_value`, which is `ast.literal_eval`).

use super::plain::{Plain, insert};

/// Interprets `text` as dask does. Sums, which are complex numbers, stay text.
pub(super) fn interpret(text: &str) -> Plain {
    let mut reader = Reader {
        rest: text.trim_start_matches([' ', '\t', '\n']),
    };
    match reader.bare() {
        Some(value) if reader.is_at_end() => value,
        // Not Python's spelling, but dask takes it.
        _ => match text.to_lowercase().as_str() {
            "none" | "null" => Plain::Null,
            "true" => Plain::Bool(true),
            "false" => Plain::Bool(false),
            _ => Plain::Text(text.to_owned()),
        },
    }
}

/// Deeper than any value that a variable may hold.
const DEPTH_LIMIT: usize = 16;

const BLANKS: [char; 2] = [' ', '\t'];

/// A reader of literals: each method takes what it understands off `rest`, or gives up.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A value, or several with commas between, which are a tuple without its brackets.
    fn bare(&mut self) -> Option<Plain> {
        let first = self.value(0)?;
        self.space();
        if !self.rest.starts_with(',') {
            return Some(first);
        }
        let mut items = vec![first];
        while self.take(',').is_some() {
            self.space();
            if self.rest.is_empty() {
                break;
            }
            items.push(self.value(1)?);
            self.space();
        }
        Some(Plain::List(items))
    }

    /// Whether nothing follows but blanks and a comment.
    fn is_at_end(&mut self) -> bool {
        self.breaks();
        self.rest.is_empty() || self.rest.starts_with('#') && !self.rest.contains('\n')
    }

    fn value(&mut self, depth: usize) -> Option<Plain> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        match self.rest.chars().next()? {
            '[' => self.items(']', depth).map(|(items, _)| Plain::List(items)),
            '(' => {
                let (mut items, has_comma) = self.items(')', depth)?;
                if items.len() == 1 && !has_comma {
                    return items.pop();
                }
                Some(Plain::List(items))
            }
            '{' => self.braces(depth),
            '-' | '+' => {
                let (sign, rest) = self.rest.split_at(1);
                self.rest = rest;
                self.space();
                let is_number = self
                    .rest
                    .starts_with(|c: char| c == '.' || c.is_ascii_digit());
                if is_number { self.word(sign) } else { None }
            }
            _ => match self.strings() {
                Some(value) => Some(value),
                None => self.word(""),
            },
        }
    }

    fn word(&mut self, sign: &str) -> Option<Plain> {
        let mut end = 0;
        for (at, c) in self.rest.char_indices() {
            let is_exponents_sign = "+-".contains(c)
                && self.rest[..at].ends_with(['e', 'E'])
                && !self.rest.starts_with("0x");
            if !(c.is_ascii_alphanumeric() || "._".contains(c) || is_exponents_sign) {
                break;
            }
            end = at + 1;
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "None" => Some(Plain::Null),
            "True" => Some(Plain::Bool(true)),
            "False" => Some(Plain::Bool(false)),
            "..." => Some(Plain::Foreign("ellipsis")),
            "set" if self.rest.starts_with("()") => {
                self.rest = &self.rest[2..];
                Some(Plain::Foreign("set"))
            }
            word => number(sign, word),
        }
    }

    /// A text, or several side by side, which are one.
    fn strings(&mut self) -> Option<Plain> {
        let (mut text, is_bytes) = self.string()?;
        loop {
            let before = self.rest;
            self.space();
            if !self
                .rest
                .starts_with(['\'', '"', 'r', 'R', 'u', 'U', 'b', 'B'])
            {
                self.rest = before;
                break;
            }
            let (more, are_bytes) = self.string()?;
            if are_bytes != is_bytes {
                return None;
            }
            text.push_str(&more);
        }
        Some(if is_bytes {
            Plain::Foreign("sequence of bytes")
        } else {
            Plain::Text(text)
        })
    }

    /// A quoted text, and whether it is one of bytes.
    fn string(&mut self) -> Option<(String, bool)> {
        let prefix = &self.rest[..self.rest.find(['\'', '"'])?];
        let (is_raw, is_bytes) = match prefix.to_ascii_lowercase().as_str() {
            "" | "u" => (false, false),
            "r" => (true, false),
            "b" => (false, true),
            "br" | "rb" => (true, true),
            _ => return None,
        };
        let quoted = &self.rest[prefix.len()..];
        let quote = quoted.chars().next()?;
        let triple = [quote; 3].iter().collect::<String>();
        let (end, mut rest) = match quoted.strip_prefix(&triple) {
            Some(rest) => (triple.as_str(), rest),
            None => (&triple[..1], &quoted[1..]),
        };
        let mut text = String::new();
        loop {
            if let Some(after) = rest.strip_prefix(end) {
                self.rest = after;
                return Some((text, is_bytes));
            }
            let c = rest.chars().next()?;
            rest = &rest[c.len_utf8()..];
            match c {
                '\\' if is_raw => {
                    let escaped = rest.chars().next()?;
                    rest = &rest[escaped.len_utf8()..];
                    text.extend([c, escaped]);
                }
                '\\' => rest = escape(rest, &mut text)?,
                '\n' if end.len() == 1 => return None,
                c => text.push(c),
            }
        }
    }

    /// A list's items, and whether a comma follows the last.
    fn items(&mut self, end: char, depth: usize) -> Option<(Vec<Plain>, bool)> {
        let mut items = Vec::new();
        let has_comma = self.series(end, |reader| {
            items.push(reader.value(depth + 1)?);
            Some(())
        })?;
        Some((items, has_comma))
    }

    /// A dict, or a set, which JSON has no word for.
    fn braces(&mut self, depth: usize) -> Option<Plain> {
        let mut entries = Vec::new();
        let mut members = 0;
        self.series('}', |reader| {
            let key = reader.value(depth + 1)?;
            reader.space();
            if reader.take(':').is_none() {
                members += 1;
                return Some(());
            }
            reader.space();
            let value = reader.value(depth + 1)?;
            insert(&mut entries, key.into_key()?, value);
            Some(())
        })?;
        match (members, entries.is_empty()) {
            (0, _) => Some(Plain::Map(entries)),
            (_, true) => Some(Plain::Foreign("set")),
            _ => None,
        }
    }

    /// An opening bracket, what `element` reads between commas, and `end`. Returns whether a comma
    /// stood before it.
    fn series(
        &mut self,
        end: char,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<bool> {
        self.rest = &self.rest[1..];
        self.breaks();
        let mut has_comma = false;
        while self.take(end).is_none() {
            element(self)?;
            self.breaks();
            has_comma = self.take(',').is_some();
            if !has_comma {
                self.take(end)?;
                break;
            }
            self.breaks();
        }
        Some(has_comma)
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANKS);
    }

    /// Between brackets, lines may break.
    fn breaks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }
}

/// What a backslash and what stands at the beginning of `rest` mean; returns what follows.
fn escape<'a>(rest: &'a str, text: &mut String) -> Option<&'a str> {
    let c = rest.chars().next()?;
    let after = &rest[c.len_utf8()..];
    let coded = |digits: &'a str, length: usize, radix| {
        let code = u32::from_str_radix(digits.get(..length)?, radix).ok()?;
        Some((char::from_u32(code)?, &digits[length..]))
    };
    let (meant, after) = match c {
        'n' => ('\n', after),
        't' => ('\t', after),
        'r' => ('\r', after),
        'a' => ('\x07', after),
        'b' => ('\x08', after),
        'f' => ('\x0c', after),
        'v' => ('\x0b', after),
        '\\' | '\'' | '"' => (c, after),
        '\n' => return Some(after),
        'x' => coded(after, 2, 16)?,
        'u' => coded(after, 4, 16)?,
        'U' => coded(after, 8, 16)?,
        '0'..='7' => {
            let is_digit = |b: &u8| (b'0'..=b'7').contains(b);
            let length = rest.bytes().take(3).take_while(is_digit).count();
            coded(rest, length, 8)?
        }
        // A name of Unicode's, which only Python knows.
        'N' => return None,
        // Python leaves what it doesn't know.
        c => {
            text.push('\\');
            (c, after)
        }
    };
    text.push(meant);
    Some(after)
}

/// A number as Python writes them, without its sign.
fn number(sign: &str, word: &str) -> Option<Plain> {
    let is_digit = |c: char| c.is_ascii_alphanumeric();
    let lone_underscore = word.ends_with('_')
        || word.match_indices('_').any(|(at, _)| {
            !word[..at].ends_with(is_digit) || !word[at + 1..].starts_with(is_digit)
        });
    if lone_underscore || !word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits = word.replace('_', "").to_ascii_lowercase();
    let radix = match digits.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    let spelled = format!("{sign}{word}");
    let sign = if sign == "-" { -1 } else { 1 };
    if radix != 10 {
        let magnitude = i128::from_str_radix(&digits[2..], radix).ok()?;
        return Some(Plain::integer(sign * magnitude, &spelled));
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        // Python has no integers with leading zeros, so `007` stays text, but `00` is none.
        if digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
            return None;
        }
        return Some(match digits.parse::<i128>() {
            Ok(magnitude) => Plain::integer(sign * magnitude, &spelled),
            Err(_) => Plain::Foreign("number so large"),
        });
    }
    if let Some(imaginary) = digits.strip_suffix('j') {
        return imaginary
            .parse::<f64>()
            .ok()
            .map(|_| Plain::Foreign("complex number"));
    }
    // Rust's own words for what isn't finite begin with letters.
    let magnitude = digits.parse::<f64>().ok()?;
    Some(Plain::Float(if sign < 0 { -magnitude } else { magnitude }))
}

#[cfg(test)]
mod tests;
