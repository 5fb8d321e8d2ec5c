//! The hash on the label of a container. Where a service joins others, the command line puts the ids of their containers
//! into the text before it hashes it (compose-spec reference §3.2, point 6).

use super::{Json, Key, text};
use crate::model::id::ServiceName;
use crate::model::join::{ComposeHash, HashPart, Namespace, Owner};
use crate::model::secret::{Secret, sha256_hex};

/// SHA-256 over the compact JSON of these fields of a service.
pub(super) fn service_hash(fields: Vec<(Key<'_>, Json<'_>)>) -> String {
    sha256_hex([text::compact(&Json::Map(fields, Vec::new()))])
}

/// The hash over these fields of a service.
pub(super) fn hash(fields: &[(Key<'_>, Json<'_>)]) -> ComposeHash {
    let mut parts = Parts::default();
    parts.push("{");
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            parts.push(",");
        }
        parts.json(&Json::Text((&**key).into()));
        parts.push(":");
        match value {
            Json::Text(mode) if is_namespace(key) => parts.mode(mode),
            Json::List(list) if key == "volumes_from" => parts.volumes_from(list),
            other => parts.json(other),
        }
    }
    parts.push("}");
    parts.finish()
}

fn is_namespace(key: &str) -> bool {
    Namespace::ALL.iter().any(|namespace| namespace.attribute() == key)
}

/// The text as far as it is written.
#[derive(Default)]
struct Parts {
    done: Vec<HashPart>,
    open: String,
    changed: bool,
}

impl Parts {
    fn push(&mut self, text: &str) {
        self.open.push_str(text);
    }

    fn json(&mut self, value: &Json<'_>) {
        text::write_compact(value, &mut self.open);
    }

    fn id_of(&mut self, service: ServiceName) {
        let text = std::mem::take(&mut self.open);
        self.done.push(HashPart::Text(Secret::new(text)));
        self.done.push(HashPart::ContainerOf(service));
        self.changed = true;
    }

    fn mode(&mut self, mode: &str) {
        match Owner::of_mode(mode) {
            Some(Owner::Service(service)) => {
                self.push("\"container:");
                self.id_of(service);
                self.push("\"");
            }
            _ => self.json(&Json::Text(mode.into())),
        }
    }

    /// The command line keeps the id or the name alone: the mode behind it is lost there.
    fn volumes_from(&mut self, list: &[Json<'_>]) {
        self.push("[");
        for (index, item) in list.iter().enumerate() {
            if index > 0 {
                self.push(",");
            }
            let Json::Text(item) = item else { continue };
            let mut words = item.split(':');
            match (words.next(), words.next()) {
                (Some("container"), Some(name)) => {
                    self.json(&Json::Text(name.into()));
                    self.changed = true;
                }
                (service, _) => {
                    self.push("\"");
                    self.id_of(ServiceName::new(service.unwrap_or_default()));
                    self.push("\"");
                }
            }
        }
        self.push("]");
    }

    fn finish(mut self) -> ComposeHash {
        if !self.changed {
            return ComposeHash::Fixed(sha256_hex([self.open]));
        }
        self.done.push(HashPart::Text(Secret::new(self.open)));
        ComposeHash::Joined(self.done)
    }
}
