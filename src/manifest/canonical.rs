//! What `docker compose config` prints, and the service hash (compose-spec reference §3.2, dialect of Debian's 2.26.1-4).
//! The order of keys is that of the schema table.

mod label;
mod mask;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::forms;
use crate::manifest::node::{Node, Value};
use crate::manifest::schema::{
    Field, Kind, Object, PROJECT, Print, SERVICE, THROTTLE_DEVICE, WEIGHT_DEVICE,
};
use crate::model::join::ComposeHash;
use crate::model::secret::Secret;

/// A project in the canonical form of the command line. It is printed from the tree: a second one is never built, but for
/// the service that is being printed.
#[derive(Clone, PartialEq)]
pub struct Canonical {
    tree: Node,
}

impl std::fmt::Debug for Canonical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It holds every value of the project, secrets among them (invariant 17).
        f.write_str("Canonical(…)")
    }
}

/// A key: mostly one of the schema's.
pub(crate) type Key<'a> = Cow<'a, str>;

/// The members of a mapping, in the order in which they print.
type Fields<'a> = Vec<(Key<'a>, Json<'a>)>;

/// A value whose keys keep their order.
#[derive(Clone, Debug)]
pub(crate) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number of single precision, as the command line keeps CPUs and ratios.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// Something that JSON always shows and YAML leaves out, because nobody wrote it.
    Unwritten(Box<Self>),
    /// A mapping whose keys the command line gave no names for JSON, so that they begin with a capital there.
    Untagged(Box<Self>),
    /// A mapping; the second part is printed in YAML only.
    Map(Vec<(Key<'a>, Self)>, Vec<(Key<'a>, Self)>),
    /// A mapping with known keys that is brought into this form when its turn to be printed comes.
    Later(&'static Object, &'a Node),
}

impl Canonical {
    /// Takes over a tree in normal form.
    pub(crate) fn new(tree: Node) -> Self {
        Self { tree }
    }

    /// The same with a word in the place of every value that holds one of `values`; hashes of it are not those of the project.
    #[must_use]
    pub fn masked(mut self, values: &BTreeSet<Secret>) -> Self {
        mask::mask(&mut self.tree, values);
        self
    }

    /// What `docker compose config --format json` prints: two blanks a level, dollar signs doubled, no line end.
    /// It shows the values of secrets in `environment`, as the command does.
    pub fn json(&self) -> String {
        let (mut all, extensions) = self.project();
        all.extend(extensions);
        all.sort_by(|left, right| left.0.cmp(&right.0));
        doubled(text::pretty(&Json::Map(all, Vec::new())))
    }

    /// What `docker compose config` prints: YAML, dollar signs doubled. It shows values as [`Canonical::json`] does.
    pub fn yaml(&self) -> String {
        let order = ["name", "services", "networks", "volumes", "secrets", "configs"];
        let rank = |key: &str| order.iter().position(|name| *name == key);
        let (mut all, extensions) = self.project();
        all.sort_by_key(|(key, _)| rank(key));
        doubled(text::yaml(&Json::Map(all, extensions)))
    }

    /// The hash of every service, by name, as `docker compose config --hash` tells it.
    pub fn service_hashes(&self) -> BTreeMap<String, String> {
        let services = self.tree.get("services").and_then(Node::as_map);
        let services = services.into_iter().flatten();
        let hash = |node| label::service_hash(counting(node, |_| true));
        services.map(|(name, entry)| (name.to_string(), hash(&entry.node))).collect()
    }

    fn project(&self) -> (Fields<'_>, Fields<'_>) {
        let Json::Map(mut project, extensions) = object(&PROJECT, Some(&self.tree)) else {
            return (Vec::new(), Vec::new());
        };
        if !project.iter().any(|(key, _)| key == "services") {
            project.push((Key::Borrowed("services"), empty()));
        }
        (project, extensions)
    }
}

/// Dollar signs as a file has them, where one alone begins a variable.
fn doubled(text: String) -> String {
    if text.contains('$') { text.replace('$', "$$") } else { text }
}

/// The hash of a service in normal form, as the label `com.docker.compose.config-hash` has it: with the ids of the
/// containers that it joins, and without dependencies on services that are not among the `services` of the project.
pub(crate) fn label_hash(service: &Node, services: Option<&Node>) -> ComposeHash {
    let enabled = |name: &str| services.is_some_and(|services| services.get(name).is_some());
    label::hash(&counting(service, enabled))
}

/// The fields of a service that its hash is made of; of its dependencies those that are `enabled`.
fn counting(service: &Node, enabled: impl Fn(&str) -> bool) -> Vec<(Key<'_>, Json<'_>)> {
    let Json::Map(mut fields, _) = object(&SERVICE, Some(service)) else {
        return Vec::new();
    };
    fields.retain(|(key, _)| !matches!(&**key, "build" | "pull_policy" | "scale"));
    for (key, value) in &mut fields {
        match (&**key, value) {
            ("deploy", Json::Map(deploy, _)) => deploy.retain(|(key, _)| key != "replicas"),
            ("depends_on", Json::Map(edges, _)) => edges.retain(|(name, _)| enabled(name)),
            _ => {}
        }
    }
    fields.retain(|(key, value)| key != "depends_on" || !is_empty(value));
    fields
}

fn is_empty(value: &Json<'_>) -> bool {
    matches!(value, Json::Map(fields, extensions) if fields.is_empty() && extensions.is_empty())
}

fn empty<'a>() -> Json<'a> {
    Json::Map(Vec::new(), Vec::new())
}

fn object<'a>(object: &'static Object, node: Option<&'a Node>) -> Json<'a> {
    let map = node.and_then(Node::as_map);
    let get = |key: &str| map?.get(key).map(|entry| &entry.node);
    match get("single").and_then(Node::as_int) {
        None => {}
        // The command line shows a single limit of 0 as if nothing stood there.
        Some(0) => return empty(),
        Some(single) => return Json::Int(single),
    }
    let mut fields = Vec::new();
    for field in object.fields {
        if let Some(value) = printed(field, get(field.key)) {
            fields.push((Key::Borrowed(field.key), value));
        }
    }
    let extensions = map
        .into_iter()
        .flatten()
        .filter(|(key, _)| object.field(key).is_none())
        .map(|(key, entry)| (Key::Borrowed(&**key), plain(&entry.node)));
    Json::Map(fields, sorted(extensions.collect()))
}

impl<'a> Json<'a> {
    /// What [`Json::Later`] puts off.
    fn now(&self) -> Option<Json<'a>> {
        match self {
            Self::Later(known, node) => Some(object(known, Some(node))),
            _ => None,
        }
    }
}

fn printed<'a>(field: &'static Field, node: Option<&'a Node>) -> Option<Json<'a>> {
    let node = node.filter(|node| !node.is_null());
    match (field.print, node) {
        (Print::Never, _) | (Print::NonZero | Print::Set, None) => None,
        (Print::Null, None) => Some(Json::Unwritten(Box::new(Json::Null))),
        (Print::Empty, None) => Some(Json::Unwritten(Box::new(empty_of(&field.kind)))),
        (Print::Empty, Some(node)) if node.as_map().is_some_and(|map| map.is_empty()) => {
            Some(Json::Unwritten(Box::new(empty_of(&field.kind))))
        }
        (Print::NonZero, Some(node)) => {
            let value = value(&field.kind, node);
            let zero = match (&field.kind, &value) {
                (Kind::Duration, Json::Text(text)) => &**text == "0s",
                (Kind::Bytes, Json::Text(text)) => &**text == "0",
                (kind, Json::Map(fields, more)) => {
                    kind.object().is_none_or(|(suffix, _)| !suffix.is_empty())
                        && fields.is_empty()
                        && more.is_empty()
                }
                (_, value) => is_zero(value),
            };
            (!zero).then_some(value)
        }
        (_, Some(node)) => Some(value(&field.kind, node)),
    }
}

/// An object that is always printed, with those of its keys that are.
fn empty_of<'a>(kind: &'static Kind) -> Json<'a> {
    match kind {
        Kind::Object(inner) => object(inner, None),
        _ => empty(),
    }
}

fn is_zero(value: &Json<'_>) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Int(number) => *number == 0,
        Json::Float(number) => *number == 0.0,
        Json::Text(text) => text.is_empty(),
        Json::List(list) => list.is_empty(),
        Json::Map(..) | Json::Unwritten(_) | Json::Untagged(_) | Json::Later(..) => false,
    }
}

fn value<'a>(kind: &'static Kind, node: &'a Node) -> Json<'a> {
    match (kind, &node.value) {
        (_, Value::Null) => Json::Null,
        (Kind::Object(inner), _)
            if [&WEIGHT_DEVICE, &THROTTLE_DEVICE].iter().any(|one| std::ptr::eq(*one, *inner)) =>
        {
            Json::Untagged(Box::new(object(inner, Some(node))))
        }
        (Kind::Object(inner), _) if std::ptr::eq(*inner, &raw const SERVICE) => {
            Json::Later(inner, node)
        }
        (Kind::Object(inner), _) => object(inner, Some(node)),
        (Kind::Form(form), _) => {
            let mut done = value(&form.long, node);
            if let Json::List(lines) = &mut done
                && std::ptr::eq(*form, &raw const forms::EXTRA_HOSTS)
            {
                let text = |line: &Json<'a>| match line {
                    Json::Text(text) => text.clone(),
                    _ => Cow::Borrowed(""),
                };
                lines.sort_by_cached_key(text);
            }
            done
        }
        (Kind::List(item) | Kind::OneOrMany(item), Value::List(list)) => {
            Json::List(list.iter().map(|node| value(item, node)).collect())
        }
        (Kind::Map(item) | Kind::MapOfOptional(item), Value::Map(map)) => {
            let entries =
                map.iter().map(|(key, entry)| (Key::Borrowed(&**key), value(item, &entry.node)));
            Json::Map(sorted(entries.collect()), Vec::new())
        }
        (Kind::Bytes, Value::Int(size)) => Json::Text(size.to_string().into()),
        _ => plain(node),
    }
}

fn sorted<'a>(mut entries: Vec<(Key<'a>, Json<'a>)>) -> Vec<(Key<'a>, Json<'a>)> {
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    entries
}

fn plain(node: &Node) -> Json<'_> {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) => Json::Int(*number),
        Value::Float(number) => Json::Float(*number),
        Value::Text(text) => Json::Text(Cow::Borrowed(text)),
        Value::List(list) => Json::List(list.iter().map(plain).collect()),
        Value::Map(map) => {
            let entries =
                map.iter().map(|(key, entry)| (Key::Borrowed(&**key), plain(&entry.node)));
            Json::Map(sorted(entries.collect()), Vec::new())
        }
    }
}
