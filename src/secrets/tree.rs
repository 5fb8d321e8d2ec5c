//! A document of YAML or JSON with the order of its keys, which the message authentication code of SOPS depends on.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::secrets::failure::Failure;
use crate::secrets::plain::Plain;

/// Most values of a document. Aliases of YAML are written out, so that few bytes can become many values.
const MOST_VALUES: usize = 100_000;

/// A document, or a part of one.
#[derive(Clone, PartialEq)]
pub(super) enum Tree {
    /// A scalar.
    Scalar(Plain),
    /// A list.
    List(Vec<Tree>),
    /// A mapping in the order of the file.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// What is below a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            Self::Scalar(_) | Self::List(_) => None,
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(Plain::Text(bytes)) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// Reads a document of JSON, whose numbers are all floating-point numbers, as for SOPS.
pub(super) fn json(text: &str) -> Result<Tree, Failure> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let left = Cell::new(MOST_VALUES);
    let tree = Reader { left: &left, json: true }.deserialize(&mut reader);
    let ended = tree.and_then(|tree| reader.end().map(|()| tree));
    ended.map_err(|error| invalid("JSON", error.line()))
}

/// Reads the documents of YAML.
pub(super) fn yaml(text: &str) -> Result<Vec<Tree>, Failure> {
    let left = Cell::new(MOST_VALUES);
    let documents = serde_yaml::Deserializer::from_str(text);
    let tree = |document| {
        let reader = Reader { left: &left, json: false };
        let line = |error: serde_yaml::Error| error.location().map_or(1, |place| place.line());
        reader.deserialize(document).map_err(|error| invalid("YAML", line(error)))
    };
    documents.map(tree).collect()
}

/// The texts of the parsers quote values: they are not shown.
fn invalid(form: &str, line: usize) -> Failure {
    Failure::Damaged(format!("it is no {form} that can be read, as line {line} shows"))
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    left: &'a Cell<usize>,
    json: bool,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Tree, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| de::Error::custom("too many values"))?);
        from.deserialize_any(self)
    }
}

fn number(number: f64) -> Tree {
    Tree::Scalar(Plain::Float(number))
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Plain::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Plain::Bool(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "SOPS reads every number of JSON so")]
    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(if self.json { number(value as f64) } else { Tree::Scalar(Plain::Int(value)) })
    }

    #[expect(clippy::cast_precision_loss, reason = "SOPS reads every number of JSON so")]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tree, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) if self.json => Ok(number(value as f64)),
            Err(_) => Err(E::custom("a number that is too large")),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
        if value.is_finite() { Ok(number(value)) } else { Err(E::custom("no number")) }
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(Plain::Text(value.as_bytes().to_vec())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let (mut map, mut names) = (Vec::new(), BTreeSet::new());
        while let Some(Name(name)) = entries.next_key()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom("a key stands twice"));
            }
            map.push((name, entries.next_value_seed(self)?));
        }
        Ok(Tree::Map(map))
    }
}

/// A key. SOPS takes texts only.
struct Name(String);

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self)
    }
}
