//! Hostile values for property tests.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Returns the number of histories that a test plays: `DGW_HISTORIES`, or else `usual`.
pub(crate) fn histories(usual: u32) -> u32 {
    let wanted = std::env::var("DGW_HISTORIES").ok();
    wanted.map_or(usual, |wanted| wanted.parse().expect("a number"))
}

/// Generates JSON of any kind, with numbers and text at their limits more often than by chance.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec![
            json!(0),
            json!(-1),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e308),
            json!(-1e308),
            json!(5e-324),
            json!(253_402_300_800_000_i64),
            json!(-377_705_116_800_000_i64),
        ]),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Generates text of any kind, including control sequences and line ends.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let notable = [
        "",
        "\0",
        "\u{1b}[2J\u{9b}",
        "\r\n",
        "\u{202e}",
        "世界",
        "👩‍👩‍👧",
        "../..",
        "-rf",
        "=",
        "==",
        "NaN",
        "1e999",
        "http://[::1",
        "{HOME}",
        "<<",
        "&a *a",
    ];
    prop_oneof![
        any::<String>(),
        select(notable.map(str::to_owned).to_vec()),
        "[ -~]{0,60}",
    ]
}

/// Generates `valid` with a few values replaced or removed.
pub(crate) fn corrupted(valid: Value) -> impl Strategy<Value = Value> {
    let change = (any::<Index>(), prop::option::weighted(0.8, json()));
    prop::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut value = valid.clone();
        for (at, new) in changes {
            let mut pointers = Vec::new();
            collect_pointers(&value, String::new(), &mut pointers);
            corrupt(&mut value, at.get::<String>(&pointers), new);
        }
        value
    })
}

/// Collects the JSON pointers of a value and of every value in it.
fn collect_pointers(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect_pointers(inner, format!("{pointer}/{key}"), pointers);
            }
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                collect_pointers(inner, format!("{pointer}/{at}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(pointer);
}

/// Replaces the value at `pointer` by `new`, or removes it.
fn corrupt(value: &mut Value, pointer: &str, new: Option<Value>) {
    if let Some(new) = new {
        if let Some(old) = value.pointer_mut(pointer) {
            *old = new;
        }
    } else if let Some((parent, key)) = pointer.rsplit_once('/') {
        let key = key.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(map)) = value.pointer_mut(parent) {
            map.remove(&key);
        }
    }
}
