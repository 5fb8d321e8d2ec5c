//! Every key of the Compose Specification as data: what may stand there, whether composelet does anything with it, how two
//! files merge, and how the command line prints it. Fields stand in the order in which the command line prints them,
//! because its service hash is taken over that text (compose-spec reference §3.2).

mod build;
mod deploy;
mod mounts;
mod project;
mod service;

use crate::manifest::check::Check;
use crate::manifest::node::Node;

pub(crate) use build::BUILD;
pub(crate) use project::{PROJECT, VOLUME};
pub(crate) use service::{PORT, SERVICE};

/// What may stand at a place, and its canonical form.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Anything, untouched.
    Any,
    /// A text.
    Text,
    /// A text or a number; canonical is the text.
    TextOrNumber,
    /// A text, number, truth value or nothing; canonical is the text, nothing is the empty text.
    Label,
    /// `true` or `false`, also as text after interpolation.
    Bool,
    /// An integer, also as text.
    Int,
    /// A number, also as text.
    Float,
    /// A size such as `512m`; canonical is the number of bytes.
    Bytes,
    /// A time such as `1m30s`; canonical is that form.
    Duration,
    /// Permission bits; a text is read as octal.
    Mode,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list.
    List(&'static Self),
    /// One value or a list of them; canonical is the list.
    OneOrMany(&'static Self),
    /// A mapping with the user's own keys.
    Map(&'static Self),
    /// A mapping with the user's own keys whose values may be nothing.
    MapOfOptional(&'static Self),
    /// A mapping, or a list of `key=value`; a key without a value is nothing.
    Pairs(Unset),
    /// Nothing, a list, or a text that is split like a shell line.
    Words,
    /// A mapping with these keys.
    Object(&'static Object),
    /// Short forms that become the form of another kind.
    Form(&'static Form),
}

/// What a key without a value means in [`Kind::Pairs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unset {
    /// The empty text.
    Empty,
    /// The value of the project's environment, or unset.
    FromEnvironment,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its keys, in the order of the command line's output.
    pub(crate) fields: &'static [Field],
    /// Keys that must be there.
    pub(crate) required: &'static [&'static str],
}

/// Short forms of something.
#[derive(Debug)]
pub(crate) struct Form {
    /// Brings a value into the long form; `None` after an error that is already reported.
    pub(crate) expand: fn(&mut Check<'_>, Node, &str) -> Option<Node>,
    /// The long form.
    pub(crate) long: Kind,
}

/// A key.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) key: &'static str,
    /// What may stand there.
    pub(crate) kind: Kind,
    /// What composelet does with it.
    pub(crate) support: Support,
    /// When the command line prints it.
    pub(crate) print: Print,
    /// How two files merge.
    pub(crate) merge: Merge,
}

/// What composelet does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// What the specification says.
    Supported,
    /// It is read and checked, and changes nothing; why.
    NoEffect(&'static str),
    /// An error: it would be wrong to run without it; why, or what to do.
    NotYet(&'static str),
}

/// When the command line prints a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Print {
    /// Unless it is empty, zero or false.
    NonZero,
    /// Whenever it is set.
    Set,
    /// Always; `null` if it is not set.
    Null,
    /// Always; an empty mapping if it is not set.
    Empty,
    /// Never.
    Never,
}

/// How two files merge at a key (Compose Specification, 13-merge).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Merge {
    /// Mappings by key, lists appended, scalars replaced.
    Default,
    /// The later file replaces.
    Replace,
    /// Lists are appended; of entries with the same identity the later one stands in the place of the earlier.
    Unique(fn(&Node) -> String),
    /// As `Default`, and a repeated entry is an error.
    NoRepeat,
    /// Replaced unless the drivers agree.
    Logging,
    /// Mappings by key; each entry is replaced whole.
    ReplaceEntries,
}

impl Field {
    const fn new(key: &'static str, kind: Kind) -> Self {
        Self {
            key,
            kind,
            support: Support::Supported,
            print: Print::NonZero,
            merge: Merge::Default,
        }
    }

    const fn no_effect(mut self, why: &'static str) -> Self {
        self.support = Support::NoEffect(why);
        self
    }

    const fn not_yet(mut self, why: &'static str) -> Self {
        self.support = Support::NotYet(why);
        self
    }

    const fn print(mut self, print: Print) -> Self {
        self.print = print;
        self
    }

    const fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }
}

const fn field(key: &'static str, kind: Kind) -> Field {
    Field::new(key, kind)
}

impl Object {
    const fn new(fields: &'static [Field]) -> Self {
        Self { fields, required: &[] }
    }

    /// The field of `key`.
    pub(crate) fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The names of all keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.key)
    }
}

impl Kind {
    /// The object that this kind holds at each of its entries, for the walk over all keys.
    pub(crate) fn object(&self) -> Option<(&'static str, &'static Object)> {
        match self {
            Self::Object(object) => Some(("", object)),
            Self::Form(form) => form.long.object(),
            Self::List(kind) | Self::OneOrMany(kind) => {
                kind.object().map(|(_, object)| ("[]", object))
            }
            Self::Map(kind) | Self::MapOfOptional(kind) => {
                kind.object().map(|(_, object)| (".*", object))
            }
            _ => None,
        }
    }
}

/// A key of the specification with what composelet does with it, for the documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Dotted path; `*` stands for a key of the user, `[]` for an entry of a list.
    pub path: String,
    /// `supported`, `no effect` or `not yet`.
    pub state: &'static str,
    /// Why.
    pub why: &'static str,
}

/// Every key of the specification, depth first.
pub fn keys() -> Vec<KeyRow> {
    let mut rows = Vec::new();
    walk("", &PROJECT, &mut rows);
    rows
}

fn walk(path: &str, object: &'static Object, rows: &mut Vec<KeyRow>) {
    for field in object.fields {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", field.key);
        let (state, why) = match field.support {
            Support::Supported => ("supported", ""),
            Support::NoEffect(why) => ("no effect", why),
            Support::NotYet(why) => ("not yet", why),
        };
        if let Some((suffix, object)) = field.kind.object() {
            let inner = format!("{path}{suffix}");
            rows.push(KeyRow { path, state, why });
            if state != "not yet" {
                walk(&inner, object, rows);
            }
        } else {
            rows.push(KeyRow { path, state, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/manifest-reference.md`, one row a key.
    fn table() -> String {
        let rows = keys().into_iter().map(|row| {
            let why = if row.why.is_empty() { "" } else { row.why };
            format!("| `{}` | {} | {why} |\n", row.path, row.state)
        });
        rows.collect()
    }

    #[test]
    fn the_reference_has_a_row_for_every_key() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manifest-reference.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- keys: begin -->\n", "<!-- keys: end -->");
        let (head, rest) = text.split_once(begin).unwrap();
        let (rows, tail) = rest.split_once(end).unwrap();
        let wanted = format!("| key | state | why |\n|---|---|---|\n{}", table());
        if rows != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, format!("{head}{begin}{wanted}{end}{tail}")).unwrap();
        } else {
            assert_eq!(rows, wanted, "run the tests with UPDATE_EXPECT=1");
        }
    }
}
