//! The tables as a tree, for programs that make Compose files: the generator of the oracle is one.

use super::kind::{Kind, Object, Support};
use super::project::PROJECT;

/// What may stand at a place.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A text or a number.
    TextOrNumber,
    /// A scalar or nothing.
    Label,
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A size.
    Bytes,
    /// A time.
    Duration,
    /// Permission bits.
    Mode,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list.
    List(Box<Self>),
    /// One value or a list of them.
    OneOrMany(Box<Self>),
    /// A mapping with keys of the user.
    Map(Box<Self>),
    /// A mapping or a list of `key=value`.
    Pairs,
    /// Nothing, a list of words, or a line.
    Words,
    /// A mapping with these keys.
    Object(Vec<Key>),
    /// Short forms, which the tables do not know, and this long one.
    Form(Box<Self>),
}

/// A key of [`Shape::Object`] that composelet does something about; what is refused is left out.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// Whether the mapping must have it.
    pub required: bool,
}

/// The shape of a Compose file.
pub fn shape() -> Shape {
    object(&PROJECT)
}

fn object(object: &'static Object) -> Shape {
    let built = object.fields.iter().filter(|field| !matches!(field.support, Support::NotYet(_)));
    let keys = built.map(|field| Key {
        name: field.key,
        shape: of(&field.kind),
        required: object.required.contains(&field.key),
    });
    Shape::Object(keys.collect())
}

fn of(kind: &'static Kind) -> Shape {
    match kind {
        Kind::Text => Shape::Text,
        Kind::TextOrNumber => Shape::TextOrNumber,
        Kind::Label => Shape::Label,
        Kind::Bool => Shape::Bool,
        Kind::Int => Shape::Int,
        Kind::Float => Shape::Float,
        Kind::Bytes => Shape::Bytes,
        Kind::Duration => Shape::Duration,
        Kind::Mode => Shape::Mode,
        Kind::OneOf(words) => Shape::OneOf(words),
        Kind::List(item) => Shape::List(Box::new(of(item))),
        Kind::OneOrMany(item) => Shape::OneOrMany(Box::new(of(item))),
        Kind::Map(item) | Kind::MapOfOptional(item) => Shape::Map(Box::new(of(item))),
        Kind::Pairs(_) => Shape::Pairs,
        Kind::Words => Shape::Words,
        Kind::Object(inner) => object(inner),
        Kind::Form(form) => Shape::Form(Box::new(of(&form.long))),
        Kind::Any => Shape::Any,
    }
}
