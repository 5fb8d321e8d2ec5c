//! `extends`: a service takes another one as its base (compose-spec reference §2.7). Paths of the base resolve against the
//! file of the base; its `depends_on`, networks and volumes come along, top-level resources do not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::environment::{Environment, child};
use crate::manifest::layers::Layers;
use crate::manifest::merge;
use crate::manifest::node::Node;
use crate::manifest::report::Finding;
use crate::manifest::schema::{PROJECT, SERVICE};
use crate::model::path::LocalPath;

/// Longest chain of bases.
const LONGEST: usize = 32;

/// Resolves every `extends` of a layer in canonical form.
pub(crate) fn apply(
    layers: &mut Layers<'_, '_>,
    mut layer: Node,
    environment: &mut Environment,
) -> Node {
    let extending: Vec<Arc<str>> = layer
        .get("services")
        .and_then(Node::as_map)
        .into_iter()
        .flatten()
        .filter(|(_, entry)| entry.node.get("extends").is_some())
        .map(|(name, _)| Arc::clone(name))
        .collect();
    if extending.is_empty() {
        return layer;
    }
    let here = layer.clone();
    let mut resolver = Resolver { layers, environment, loaded: BTreeMap::new() };
    for name in extending {
        let mut chain = Vec::new();
        let done = resolver.service(&Scope::Here(&here), &name, &mut chain);
        if let (Some(done), Some(node)) =
            (done, layer.get_mut("services").and_then(|services| services.get_mut(&name)))
        {
            *node = done;
        }
    }
    layer
}

/// Where a service is looked up.
enum Scope<'n> {
    Here(&'n Node),
    File(LocalPath),
}

struct Resolver<'r, 'a, 'f> {
    layers: &'r mut Layers<'a, 'f>,
    environment: &'r mut Environment,
    loaded: BTreeMap<LocalPath, Option<Node>>,
}

impl Resolver<'_, '_, '_> {
    fn find<'s>(
        &'s mut self,
        scope: &Scope<'s>,
        name: &str,
        from: Option<&Node>,
    ) -> Option<&'s Node> {
        let layer = match scope {
            Scope::Here(layer) => Some(*layer),
            Scope::File(path) => {
                self.load(path, from);
                Some(self.loaded.get(path)?.as_ref()?)
            }
        };
        let found = layer.and_then(|layer| layer.at(&["services", name]));
        if let (None, Some(from)) = (&found, from) {
            let shown = self.layers.report.sources.shown(name, from.place);
            let message = format!("there is no service {shown} to extend");
            self.layers.report.add(
                Finding::error("extends", "services", message)
                    .at(from.place)
                    .help("name a service of the same file, or add the file in which it is"),
            );
        }
        found
    }

    /// Reads a file once; what cannot be read is reported once.
    fn load(&mut self, path: &LocalPath, from: Option<&Node>) {
        if self.loaded.contains_key(path) {
            return;
        }
        let directory = path.parent();
        let documents = self.layers.read(path, from);
        let mut layer: Option<Node> = None;
        for document in documents.iter().flat_map(|documents| documents.iter()) {
            let next = self.layers.layer(document.clone(), &directory, self.environment);
            layer = match (layer, next) {
                (Some(base), Some(over)) => {
                    Some(merge::merge(&PROJECT, base, over, "", self.layers.report))
                }
                (first, next) => next.or(first),
            };
        }
        self.loaded.insert(path.clone(), layer);
    }

    fn service(&mut self, scope: &Scope<'_>, name: &str, chain: &mut Vec<String>) -> Option<Node> {
        let mut node = self.find(scope, name, None)?.clone();
        // Every service that extends it gets a copy.
        if !self.layers.report.spend_values(node.count(), Some(node.place)) {
            return None;
        }
        let Some(extends) = node.take("extends") else {
            return Some(node);
        };
        let field = child("services", name);
        let key = match scope {
            Scope::Here(_) => name.to_owned(),
            Scope::File(path) => format!("{} in {}", name, path.display()),
        };
        if chain.contains(&key) || chain.len() >= LONGEST {
            chain.push(key);
            let message =
                format!("the services extend each other in a circle: {}", chain.join(" → "));
            self.layers.report.add(
                Finding::error("extends-cycle", &field, message)
                    .at(extends.place)
                    .help("remove one of these"),
            );
            return None;
        }
        chain.push(key);
        let target = extends.get("service")?.clone();
        let base_name = target.as_text()?.to_owned();
        let file = extends.get("file").and_then(Node::as_text).map(LocalPath::new);
        let other = file.map(Scope::File);
        let scope = other.as_ref().unwrap_or(scope);
        self.find(scope, &base_name, Some(&target))?;
        let base = self.service(scope, &base_name, chain);
        chain.pop();
        let base = merge::alone(&SERVICE, base?, &field, self.layers.report);
        Some(merge::merge(&SERVICE, base, node, &field, self.layers.report))
    }
}
