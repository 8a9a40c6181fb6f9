//! Strange values for property tests: what nobody sends who means well.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// JSON of any kind, its numbers and texts at their limits more often than chance would have it.
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

/// Text of any kind, that which moves cursors and ends lines among it.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let telling = [
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
        select(telling.map(str::to_owned).to_vec()),
        "[ -~]{0,60}",
    ]
}

/// `valid`, of which a few places hold something strange, or nothing.
pub(crate) fn spoilt(valid: Value) -> impl Strategy<Value = Value> {
    let change = (any::<Index>(), prop::option::weighted(0.8, json()));
    prop::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut value = valid.clone();
        for (at, new) in changes {
            let mut places = Vec::new();
            collect(&value, String::new(), &mut places);
            spoil(&mut value, at.get::<String>(&places), new);
        }
        value
    })
}

/// The JSON pointers of a value and of all in it.
fn collect(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(inner, format!("{place}/{key}"), places);
            }
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                collect(inner, format!("{place}/{at}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}

/// Puts `new` in a place of `value`, or takes away what is there.
fn spoil(value: &mut Value, place: &str, new: Option<Value>) {
    if let Some(new) = new {
        if let Some(old) = value.pointer_mut(place) {
            *old = new;
        }
    } else if let Some((parent, key)) = place.rsplit_once('/') {
        let key = key.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(map)) = value.pointer_mut(parent) {
            map.remove(&key);
        }
    }
}
