//! The tree that a YAML document becomes: ordered mappings, scalars already resolved as Compose resolves them, and the
//! place of everything.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::manifest::source::Place;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The value.
    pub(crate) value: Value,
    /// Where it stands.
    pub(crate) place: Place,
    /// What a merge does with it (Compose Specification, 13-merge).
    pub(crate) merge: MergeTag,
}

/// A tag that steers the merge of several files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MergeTag {
    /// The rule of its path.
    #[default]
    Rule,
    /// `!reset`: gone from both sides.
    Reset,
    /// `!override`: replaces the other side whole.
    Override,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing written, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// A mapping in the order of the file. Boxed, because most values are scalars and every value pays for the largest kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Map(Box<IndexMap<Arc<str>, Entry>>);

impl Map {
    /// An empty mapping.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An empty mapping with room for `count` keys.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self(Box::new(IndexMap::with_capacity(count)))
    }
}

impl Deref for Map {
    type Target = IndexMap<Arc<str>, Entry>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Map {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl FromIterator<(Arc<str>, Entry)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Entry)>>(entries: I) -> Self {
        Self(Box::new(entries.into_iter().collect()))
    }
}

impl IntoIterator for Map {
    type Item = (Arc<str>, Entry);
    type IntoIter = indexmap::map::IntoIter<Arc<str>, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Arc<str>, &'a Entry);
    type IntoIter = indexmap::map::Iter<'a, Arc<str>, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = (&'a Arc<str>, &'a mut Entry);
    type IntoIter = indexmap::map::IterMut<'a, Arc<str>, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

/// The value of a key, and where the key stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Place of the key.
    pub(crate) key: Place,
    /// The value.
    pub(crate) node: Node,
}

impl Node {
    /// A value at a place.
    pub(crate) fn new(value: Value, place: Place) -> Self {
        Self { value, place, merge: MergeTag::Rule }
    }

    /// A text at a place.
    pub(crate) fn text(text: impl Into<Arc<str>>, place: Place) -> Self {
        Self::new(Value::Text(text.into()), place)
    }

    /// An empty mapping at a place.
    pub(crate) fn map(place: Place) -> Self {
        Self::new(Value::Map(Map::new()), place)
    }

    /// This node with the merge tag of another.
    pub(crate) fn tagged(mut self, merge: MergeTag) -> Self {
        self.merge = merge;
        self
    }

    /// The value of `key`, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    /// The value of `key`, to change it.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_map_mut()?.get_mut(key).map(|entry| &mut entry.node)
    }

    /// The value at a dotted path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Sets `key`; ignored if this is not a mapping.
    pub(crate) fn set(&mut self, key: &str, node: Self) {
        let key_place = node.place;
        if let Some(map) = self.as_map_mut() {
            map.insert(Arc::from(key), Entry { key: key_place, node });
        }
    }

    /// Removes `key` and returns its value.
    pub(crate) fn take(&mut self, key: &str) -> Option<Self> {
        self.as_map_mut()?.shift_remove(key).map(|entry| entry.node)
    }

    /// The mapping.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The mapping, to change it.
    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list.
    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match &self.value {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether nothing stands here.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The scalar as Compose prints it into a text; `None` for null, lists and mappings.
    pub(crate) fn scalar_text(&self) -> Option<Arc<str>> {
        match &self.value {
            Value::Text(text) => Some(Arc::clone(text)),
            Value::Bool(value) => Some(Arc::from(if *value { "true" } else { "false" })),
            Value::Int(number) => Some(Arc::from(number.to_string())),
            Value::Float(number) => Some(Arc::from(super::scalar::float_text(*number))),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether both say the same, wherever they stand.
    pub(crate) fn means(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::List(left), Value::List(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|(left, right)| left.means(right))
            }
            (Value::Map(left), Value::Map(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(key, entry)| {
                        right.get(key).is_some_and(|other| entry.node.means(&other.node))
                    })
            }
            (left, right) => left == right,
        }
    }

    /// How many values it is made of, itself included.
    pub(crate) fn count(&self) -> usize {
        match &self.value {
            Value::List(list) => 1 + list.iter().map(Self::count).sum::<usize>(),
            Value::Map(map) => 1 + map.values().map(|entry| entry.node.count()).sum::<usize>(),
            _ => 1,
        }
    }

    /// What kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
