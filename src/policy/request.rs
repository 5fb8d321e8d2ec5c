//! What is judged: the requests that make something or run something, as they are sent.

use serde_json::Value;

use crate::model::build::Build;
use crate::policy::fields::Kind;

/// A request of a project.
#[derive(Clone, Debug)]
pub enum Request<'a> {
    /// Create a container: its body, and whether its image was built on this host.
    Container {
        /// The JSON body.
        body: &'a Value,
        /// The image was built here and came from no registry.
        built: bool,
    },
    /// Create a network.
    Network(&'a Value),
    /// Attach a container to a network.
    Connect(&'a Value),
    /// Create a volume.
    Volume(&'a Value),
    /// Run a command inside a container.
    Exec(&'a Value),
    /// Change a container while it runs.
    Update(&'a Value),
    /// Build an image.
    Build(BuildInput<'a>),
    /// Fetch an image.
    Pull(&'a str),
}

/// A build: what is told by the manifest, beside the parameters of the call.
#[derive(Clone, Debug)]
pub struct BuildInput<'a> {
    /// How the image is built.
    pub build: &'a Build,
    /// Names of the parameters that are sent.
    pub parameters: Vec<&'a str>,
}

impl<'a> Request<'a> {
    /// Its JSON body with the table of fields that it is held against.
    pub(super) fn body(&self) -> Option<(Kind, &'a Value)> {
        match self {
            Self::Container { body, .. } => Some((Kind::Container, body)),
            Self::Network(body) => Some((Kind::Network, body)),
            Self::Connect(body) => Some((Kind::Connect, body)),
            Self::Volume(body) => Some((Kind::Volume, body)),
            Self::Exec(body) => Some((Kind::Exec, body)),
            Self::Update(body) => Some((Kind::Update, body)),
            Self::Build(_) | Self::Pull(_) => None,
        }
    }
}

/// A text in a body.
pub(super) fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The texts of a list in a body.
pub(super) fn texts<'a>(body: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    let list = body.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// The objects of a list in a body.
pub(super) fn objects<'a>(body: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    body.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Keys and values of a mapping in a body.
pub(super) fn entries<'a>(
    body: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let mapping = body.pointer(pointer).and_then(Value::as_object);
    mapping.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// Whether a switch is on.
pub(super) fn is_on(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// A number in a body.
pub(super) fn number(body: &Value, pointer: &str) -> Option<i64> {
    body.pointer(pointer).and_then(Value::as_i64)
}
