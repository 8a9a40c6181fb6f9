//! Decoding within a limit on memory.
//!
//! A few bytes of a response can become a hundred times as many in memory: `[[],[],…]`. Each value
//! that is kept counts against a limit, whatever type it is decoded into. A value that is skipped
//! takes no memory and doesn't count.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, Visitor};

/// The bytes that a kept value counts, besides those of its text: a [`serde_json::Value`] in a map
/// takes 72, its key and the allocations of both some 60 more, and those of a collection as much.
const VALUE: usize = 160;

/// Why a response can't be decoded.
#[derive(Debug)]
pub(crate) enum DecodeError<E> {
    /// It would take more memory than the limit.
    TooLarge,
    Invalid(E),
}

/// Decodes a `T` that takes about `limit` bytes at the most.
///
/// # Errors
/// Fails if the response is not a `T`, or if it takes more.
pub(crate) fn decode<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
    limit: usize,
) -> Result<T, DecodeError<D::Error>> {
    let budget = Budget(Cell::new(Some(limit)));
    let inner = deserializer;
    T::deserialize(Counted {
        inner,
        budget: &budget,
    })
    .map_err(|error| match budget.0.get() {
        None => DecodeError::TooLarge,
        Some(_) => DecodeError::Invalid(error),
    })
}

/// Decodes JSON; see [`decode`].
///
/// # Errors
/// Fails like [`decode`], and if anything follows the value.
pub(crate) fn decode_json<'de, T: Deserialize<'de>>(
    json: &'de [u8],
    limit: usize,
) -> Result<T, DecodeError<serde_json::Error>> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = decode(&mut deserializer, limit)?;
    deserializer.end().map_err(DecodeError::Invalid)?;
    Ok(value)
}

/// The bytes that are left; `None` once there were too few.
struct Budget(Cell<Option<usize>>);

impl Budget {
    fn take<E: de::Error>(&self, cost: usize) -> Result<(), E> {
        self.0
            .set(self.0.get().and_then(|left| left.checked_sub(cost)));
        match self.0.get() {
            Some(_) => Ok(()),
            None => Err(E::custom("it takes too much memory")),
        }
    }
}

/// Part of a decoder whose values count against a budget.
struct Counted<'b, T> {
    inner: T,
    budget: &'b Budget,
}

macro_rules! counted {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.budget.take(VALUE)?;
            let visitor = Counted { inner: visitor, budget: self.budget };
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

impl<'de, D: serde::Deserializer<'de>> serde::Deserializer<'de> for Counted<'_, D> {
    type Error = D::Error;

    counted! {
        deserialize_any() deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str()
        deserialize_string() deserialize_bytes() deserialize_byte_buf() deserialize_option()
        deserialize_unit() deserialize_seq() deserialize_map()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    /// The name of a field, which is not kept.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_identifier(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Visits of values that take no memory beside their own.
macro_rules! passed_on {
    ($($method:ident($($value:ident: $type:ty)?))*) => {$(
        fn $method<E: de::Error>(self $(, $value: $type)?) -> Result<V::Value, E> {
            self.inner.$method($($value)?)
        }
    )*};
}

/// Visits of texts.
macro_rules! counted_texts {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: de::Error>(self, text: $type) -> Result<V::Value, E> {
            self.budget.take(text.len())?;
            self.inner.$method(text)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Counted<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    passed_on! {
        visit_bool(value: bool) visit_i64(value: i64) visit_i128(value: i128)
        visit_u64(value: u64) visit_u128(value: u128) visit_f64(value: f64)
        visit_none() visit_unit()
    }

    counted_texts! {
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let budget = self.budget;
        self.inner.visit_some(Counted { inner, budget })
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(
        self,
        inner: D,
    ) -> Result<V::Value, D::Error> {
        let budget = self.budget;
        self.inner.visit_newtype_struct(Counted { inner, budget })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let budget = self.budget;
        self.inner.visit_seq(Counted { inner, budget })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let budget = self.budget;
        self.inner.visit_map(Counted { inner, budget })
    }

    /// No variant of an enum in a response contains anything.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(access)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Counted<'_, S> {
    type Value = S::Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let budget = self.budget;
        self.inner.deserialize(Counted { inner, budget })
    }
}

/// Tells no size: a length that the server merely claims allocates nothing.
impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        inner: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let budget = self.budget;
        self.inner.next_element_seed(Counted { inner, budget })
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        inner: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let budget = self.budget;
        self.inner.next_key_seed(Counted { inner, budget })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, inner: S) -> Result<S::Value, A::Error> {
        let budget = self.budget;
        self.inner.next_value_seed(Counted { inner, budget })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::IgnoredAny;
    use serde_json::Value;

    use super::*;

    #[derive(Deserialize)]
    struct OneField {
        #[expect(dead_code, reason = "only decoded")]
        known: u64,
    }

    fn is_too_large<T: for<'a> Deserialize<'a>>(json: &str, limit: usize) -> bool {
        match decode_json::<T>(json.as_bytes(), limit) {
            Ok(_) => false,
            Err(DecodeError::TooLarge) => true,
            Err(DecodeError::Invalid(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn kept_values_count_and_skipped_ones_do_not() {
        let list = format!("[{}[]]", "[],".repeat(1000));
        assert!(is_too_large::<Value>(&list, 1000 * VALUE));
        assert!(!is_too_large::<Value>(&list, 1002 * VALUE));
        assert!(!is_too_large::<IgnoredAny>(&list, 0));
        let fields = format!(r#"{{"known": 1, "other": {list}}}"#);
        assert!(!is_too_large::<OneField>(&fields, 2 * VALUE));
        assert!(is_too_large::<BTreeMap<String, Value>>(
            &fields,
            1000 * VALUE
        ));
    }

    #[test]
    fn texts_and_keys_count_by_their_length() {
        let text = "x".repeat(10_000);
        assert!(is_too_large::<String>(&format!("{text:?}"), 10_000));
        assert!(!is_too_large::<String>(&format!("{text:?}"), 11_000));
        let keys = format!(r#"{{"{text}": 1}}"#);
        assert!(is_too_large::<BTreeMap<String, u64>>(&keys, 10_000));
        assert!(!is_too_large::<BTreeMap<String, u64>>(&keys, 11_000));
    }

    #[test]
    fn what_is_not_json_is_invalid() {
        for json in [&b""[..], b"1 2", b"[1,", b"\"\xff\""] {
            let decoded = decode_json::<Value>(json, 10_000);
            assert!(matches!(decoded, Err(DecodeError::Invalid(_))), "{json:?}");
        }
    }
}
