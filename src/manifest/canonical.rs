//! What `docker compose config` prints, and the service hash (compose-spec reference §3.2, dialect of Debian's 2.26.1-4).
//! The order of keys is that of the schema table.

mod label;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::forms;
use crate::manifest::node::{Node, Value};
use crate::manifest::schema::{
    Field, Kind, Object, PROJECT, Print, THROTTLE_DEVICE, WEIGHT_DEVICE,
};
use crate::model::join::ComposeHash;
use crate::model::secret::sha256_hex;

/// A project in the canonical form of the command line.
#[derive(Clone, PartialEq)]
pub struct Canonical {
    project: Vec<(Key, Json)>,
    extensions: Vec<(Key, Json)>,
}

impl std::fmt::Debug for Canonical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It holds every value of the project, secrets among them (invariant 17).
        f.write_str("Canonical(…)")
    }
}

/// A key: mostly one of the schema's.
pub(crate) type Key = Cow<'static, str>;

/// A value whose keys keep their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number of single precision, as the command line keeps CPUs and ratios.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Vec<Self>),
    /// Something that JSON always shows and YAML leaves out, because nobody wrote it.
    Unwritten(Box<Self>),
    /// A mapping whose keys the command line gave no names for JSON, so that they begin with a capital there.
    Untagged(Box<Self>),
    /// A mapping; the second part is printed in YAML only.
    Map(Vec<(Key, Self)>, Vec<(Key, Self)>),
}

impl Canonical {
    pub(crate) fn new(tree: &Node) -> Self {
        match object(&PROJECT, tree) {
            Json::Map(mut project, extensions) => {
                if !project.iter().any(|(key, _)| key == "services") {
                    project.push((Key::Borrowed("services"), empty()));
                }
                Self { project, extensions }
            }
            _ => Self { project: Vec::new(), extensions: Vec::new() },
        }
    }

    /// What `docker compose config --format json` prints: two blanks a level, dollar signs doubled, no line end.
    /// It shows the values of secrets in `environment`, as the command does.
    pub fn json(&self) -> String {
        let mut all = self.project.clone();
        all.extend(self.extensions.iter().cloned());
        all.sort_by(|left, right| left.0.cmp(&right.0));
        text::pretty(&Json::Map(all, Vec::new())).replace('$', "$$")
    }

    /// What `docker compose config` prints: YAML, dollar signs doubled. It shows values as [`Canonical::json`] does.
    pub fn yaml(&self) -> String {
        let order = ["name", "services", "networks", "volumes", "secrets", "configs"];
        let rank = |key: &str| order.iter().position(|name| *name == key);
        let mut all = self.project.clone();
        all.sort_by_key(|(key, _)| rank(key));
        text::yaml(&Json::Map(all, self.extensions.clone())).replace('$', "$$")
    }

    /// The hash of every service, by name, as `docker compose config --hash` tells it.
    pub fn service_hashes(&self) -> BTreeMap<String, String> {
        let services = self.services().iter();
        services
            .map(|(name, service)| (name.to_string(), service_hash(&counting(service))))
            .collect()
    }

    /// The hash of every service, by name, as the label `com.docker.compose.config-hash` has it: with the ids of the
    /// containers that it joins.
    pub(crate) fn label_hashes(&self) -> BTreeMap<String, ComposeHash> {
        let services = self.services().iter();
        services
            .map(|(name, service)| (name.to_string(), label::hash(&counting(service))))
            .collect()
    }

    fn services(&self) -> &[(Key, Json)] {
        match self.project.iter().find(|(key, _)| key == "services") {
            Some((_, Json::Map(services, _))) => services,
            _ => &[],
        }
    }
}

/// SHA-256 over the compact JSON of a service.
fn service_hash(fields: &[(Key, Json)]) -> String {
    sha256_hex([text::compact(&Json::Map(fields.to_vec(), Vec::new()))])
}

/// The fields of a service that its hash is made of.
fn counting(service: &Json) -> Vec<(Key, Json)> {
    let Json::Map(fields, _) = service else {
        return Vec::new();
    };
    let kept = fields
        .iter()
        .filter(|(key, _)| !matches!(&**key, "build" | "pull_policy" | "scale"))
        .map(|(key, value)| match (&**key, value) {
            ("deploy", Json::Map(deploy, _)) => {
                let deploy = deploy.iter().filter(|(key, _)| key != "replicas").cloned();
                (key.clone(), Json::Map(deploy.collect(), Vec::new()))
            }
            _ => (key.clone(), value.clone()),
        });
    kept.collect()
}

fn empty() -> Json {
    Json::Map(Vec::new(), Vec::new())
}

fn object(object: &'static Object, node: &Node) -> Json {
    match node.get("single").and_then(Node::as_int) {
        None => {}
        // The command line shows a single limit of 0 as if nothing stood there.
        Some(0) => return empty(),
        Some(single) => return Json::Int(single),
    }
    let mut fields = Vec::new();
    for field in object.fields {
        if let Some(value) = printed(field, node.get(field.key)) {
            fields.push((Key::Borrowed(field.key), value));
        }
    }
    let extensions = node
        .as_map()
        .into_iter()
        .flatten()
        .filter(|(key, _)| object.field(key).is_none())
        .map(|(key, entry)| (Key::Owned(key.to_string()), plain(&entry.node)));
    let mut extensions: Vec<(Key, Json)> = extensions.collect();
    extensions.sort_by(|left, right| left.0.cmp(&right.0));
    Json::Map(fields, extensions)
}

fn printed(field: &'static Field, node: Option<&Node>) -> Option<Json> {
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
fn empty_of(kind: &'static Kind) -> Json {
    match kind {
        Kind::Object(inner) => object(inner, &Node::map(crate::manifest::source::Place::default())),
        _ => empty(),
    }
}

fn is_zero(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Int(number) => *number == 0,
        Json::Float(number) => *number == 0.0,
        Json::Text(text) => text.is_empty(),
        Json::List(list) => list.is_empty(),
        Json::Map(..) | Json::Unwritten(_) | Json::Untagged(_) => false,
    }
}

fn value(kind: &'static Kind, node: &Node) -> Json {
    match (kind, &node.value) {
        (_, Value::Null) => Json::Null,
        (Kind::Object(inner), _)
            if [&WEIGHT_DEVICE, &THROTTLE_DEVICE].iter().any(|one| std::ptr::eq(*one, *inner)) =>
        {
            Json::Untagged(Box::new(object(inner, node)))
        }
        (Kind::Object(inner), _) => object(inner, node),
        (Kind::Form(form), _) => {
            let mut done = value(&form.long, node);
            if let Json::List(lines) = &mut done
                && std::ptr::eq(*form, &raw const forms::EXTRA_HOSTS)
            {
                lines.sort_by_key(|line| match line {
                    Json::Text(text) => Arc::clone(text),
                    _ => Arc::from(""),
                });
            }
            done
        }
        (Kind::List(item) | Kind::OneOrMany(item), Value::List(list)) => {
            Json::List(list.iter().map(|node| value(item, node)).collect())
        }
        (Kind::Map(item) | Kind::MapOfOptional(item), Value::Map(map)) => {
            let entries = map
                .iter()
                .map(|(key, entry)| (Key::Owned(key.to_string()), value(item, &entry.node)));
            Json::Map(sorted(entries.collect()), Vec::new())
        }
        (Kind::Bytes, Value::Int(size)) => Json::Text(size.to_string().into()),
        _ => plain(node),
    }
}

fn sorted(mut entries: Vec<(Key, Json)>) -> Vec<(Key, Json)> {
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    entries
}

fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) => Json::Int(*number),
        Value::Float(number) => Json::Float(*number),
        Value::Text(text) => Json::Text(Arc::clone(text)),
        Value::List(list) => Json::List(list.iter().map(plain).collect()),
        Value::Map(map) => {
            let entries =
                map.iter().map(|(key, entry)| (Key::Owned(key.to_string()), plain(&entry.node)));
            Json::Map(sorted(entries.collect()), Vec::new())
        }
    }
}
