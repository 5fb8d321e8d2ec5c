//! A checked tree as Rust types, read where it stands: no other tree is built in between.

use std::sync::Arc;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::manifest::node::{Entry, Node, Value};

/// Decodes a checked tree.
///
/// # Errors
/// The text of the decoder if the tree does not have the form that the schema promised.
pub(super) fn decode<'a, T: Deserialize<'a>>(node: &'a Node) -> Result<T, Error> {
    T::deserialize(Decoder(node))
}

/// Nothing is the empty list and the empty mapping, too.
#[derive(Clone, Copy)]
struct Decoder<'a>(&'a Node);

impl<'a> IntoDeserializer<'a, Error> for Decoder<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn entry<'a>((key, entry): (&'a Arc<str>, &'a Entry)) -> (StrDeserializer<'a, Error>, Decoder<'a>) {
    (StrDeserializer::new(key), Decoder(&entry.node))
}

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(list) => visitor.visit_seq(SeqDeserializer::new(list.iter().map(Decoder))),
            Value::Map(map) => visitor.visit_map(MapDeserializer::new(map.iter().map(entry))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() {
            return visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Self>()));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() {
            let none = std::iter::empty::<(StrDeserializer<'de, Error>, Self)>();
            return visitor.visit_map(MapDeserializer::new(none));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct enum identifier ignored_any
    }
}
