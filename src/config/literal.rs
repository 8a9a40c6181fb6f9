//! The value of a `DASK_…` variable: a Python literal where it is one, else text
//! (`dask.config.interpret_value`).

use serde_json::{Map, Number, Value};

/// Interprets `text` as dask does. Bytes, sets, complex numbers and mappings whose keys aren't
/// strings have no place in a gateway's configuration and stay text.
pub(super) fn interpret(text: &str) -> Value {
    let mut reader = Reader { rest: text };
    match reader.value(0) {
        Some(value) if reader.rest.is_empty() => value,
        // Not Python's spelling, but dask takes it.
        _ => match text.to_lowercase().as_str() {
            "none" | "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text.to_owned()),
        },
    }
}

/// Deeper than any value that a variable may hold.
const DEPTH_LIMIT: usize = 16;

/// A reader of literals: each method takes what it understands off `rest`, or gives up.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        match self.rest.chars().next()? {
            '\'' | '"' => self.string().map(Value::String),
            '[' => self.items(']', depth).map(Value::Array),
            '(' => self.items(')', depth).map(Value::Array),
            '{' => self.mapping(depth).map(Value::Object),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Value> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "None" => Some(Value::Null),
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            word => number(word),
        }
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(match chars.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    plain @ ('\\' | '\'' | '"') => plain,
                    _ => return None,
                }),
                '\n' => return None,
                c => text.push(c),
            }
        }
        None
    }

    fn items(&mut self, end: char, depth: usize) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        self.series(end, |reader| {
            items.push(reader.value(depth + 1)?);
            Some(())
        })?;
        Some(items)
    }

    fn mapping(&mut self, depth: usize) -> Option<Map<String, Value>> {
        let mut entries = Map::new();
        self.series('}', |reader| {
            let key = reader.key()?;
            reader.space();
            reader.take(':')?;
            reader.space();
            entries.insert(key, reader.value(depth + 1)?);
            Some(())
        })?;
        Some(entries)
    }

    fn key(&mut self) -> Option<String> {
        if self.rest.starts_with(['\'', '"']) {
            self.string()
        } else {
            None
        }
    }

    /// An opening bracket, what `element` reads between commas, and `end`.
    fn series(
        &mut self,
        end: char,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.rest = &self.rest[1..];
        self.space();
        while self.take(end).is_none() {
            element(self)?;
            self.space();
            if self.take(',').is_none() {
                return self.take(end);
            }
            self.space();
        }
        Some(())
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

fn number(word: &str) -> Option<Value> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    // Python has no integers with leading zeros, so `007` stays text.
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if let Ok(integer) = word.parse::<i64>() {
        return Some(integer.into());
    }
    Number::from_f64(word.parse().ok()?).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn literals_read_as_python_reads_them() {
        for (text, value) in [
            ("8786", json!(8786)),
            ("-1", json!(-1)),
            ("1.5", json!(1.5)),
            ("True", json!(true)),
            ("false", json!(false)),
            ("None", json!(null)),
            ("'quoted 8786'", json!("quoted 8786")),
            ("\"x\"", json!("x")),
            (r"'it\'s'", json!("it's")),
            (
                "{'cores': 2, \"image\": 'a:b',}",
                json!({"cores": 2, "image": "a:b"}),
            ),
            (
                "[1, [True, None], ('a', 2.5)]",
                json!([1, [true, null], ["a", 2.5]]),
            ),
            ("{}", json!({})),
            ("[ ]", json!([])),
        ] {
            assert_eq!(interpret(text), value, "{text}");
        }
    }

    #[test]
    fn anything_else_is_text() {
        for text in [
            "007",
            "http://gateway:8000",
            "'a' 'b",
            "",
            "inf",
            "-",
            "{a: 1}",
            "{'a'}",
            "[1",
            "1 2",
            "{1: 2}",
            "a'b'",
            "0123456789abcdef",
            r"'\x41'",
        ] {
            assert_eq!(interpret(text), json!(text));
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            interpret(&text);
        }

        #[test]
        fn no_brackets_are_too_many(text in r"[\[\]{}(),'a:]{0,200}") {
            interpret(&text);
        }
    }
}
