//! What a key may hold, and everything else the tables say about it.

use crate::manifest::check::Check;
use crate::manifest::node::Node;
use crate::model::observed::ApiVersion;

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
    /// What the specification says, on engines that speak this API version; what of it, if not all. An older engine is
    /// told from it by a condition.
    Since(ApiVersion, &'static str),
    /// It is read and checked, and changes nothing; why.
    NoEffect(&'static str),
    /// The file loads, but a service that uses it is not run; why.
    NotRun(&'static str),
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
    /// Address pools: those of the later file, each upon the earlier one with its subnet.
    Pools,
}

impl Field {
    pub(super) const fn new(key: &'static str, kind: Kind) -> Self {
        Self {
            key,
            kind,
            support: Support::Supported,
            print: Print::NonZero,
            merge: Merge::Default,
        }
    }

    pub(super) const fn since(self, api: ApiVersion) -> Self {
        self.since_for(api, "")
    }

    /// As `since`, for a part of what the key may hold.
    pub(super) const fn since_for(mut self, api: ApiVersion, what: &'static str) -> Self {
        self.support = Support::Since(api, what);
        self
    }

    pub(super) const fn not_run(mut self, why: &'static str) -> Self {
        self.support = Support::NotRun(why);
        self
    }

    pub(super) const fn no_effect(mut self, why: &'static str) -> Self {
        self.support = Support::NoEffect(why);
        self
    }

    pub(super) const fn not_yet(mut self, why: &'static str) -> Self {
        self.support = Support::NotYet(why);
        self
    }

    pub(super) const fn print(mut self, print: Print) -> Self {
        self.print = print;
        self
    }

    pub(super) const fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }
}

pub(super) const fn field(key: &'static str, kind: Kind) -> Field {
    Field::new(key, kind)
}

impl Object {
    pub(super) const fn new(fields: &'static [Field]) -> Self {
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
