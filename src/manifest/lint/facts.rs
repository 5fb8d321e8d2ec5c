//! What is only known of the whole model: a service that a profile switches off still loads its files and uses its volumes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::node::{Node, Value};
use crate::manifest::source::Place;

/// Top-level sections, and where services name their entries.
const SECTIONS: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

/// Facts of the merged model before anything is left out of it.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Entries of top-level sections that no service names, with the place of their key.
    pub(super) unused: Vec<(&'static str, Arc<str>, Place)>,
    /// Paths that some service, config or secret names.
    pub(super) paths: BTreeSet<Arc<str>>,
}

impl Facts {
    /// Collects them.
    pub(crate) fn of(model: &Node) -> Self {
        let mut facts = Self::default();
        for section in SECTIONS {
            let mut used = BTreeSet::new();
            for service in services(model) {
                names(service.get(section), &mut used);
                names(service.at(&["build", section]), &mut used);
            }
            facts.unused(model, section, &used);
        }
        for service in services(model) {
            for list in ["env_file", "volumes", "label_file"] {
                for item in service.get(list).and_then(Node::as_list).unwrap_or(&[]) {
                    facts.path(item.get("path").or_else(|| item.get("source")).unwrap_or(item));
                }
            }
        }
        for section in ["configs", "secrets"] {
            for (_, entry) in model.get(section).and_then(Node::as_map).into_iter().flatten() {
                if let Some(file) = entry.node.get("file") {
                    facts.path(file);
                }
            }
        }
        facts
    }

    fn unused(&mut self, model: &Node, section: &'static str, used: &BTreeSet<Arc<str>>) {
        for (name, entry) in model.get(section).and_then(Node::as_map).into_iter().flatten() {
            let implied = section == "networks" && &**name == "default";
            if !used.contains(name) && !implied {
                self.unused.push((section, Arc::clone(name), entry.key));
            }
        }
    }

    fn path(&mut self, node: &Node) {
        if let Value::Text(path) = &node.value {
            self.paths.insert(Arc::clone(path));
        }
    }
}

fn services(model: &Node) -> impl Iterator<Item = &Node> {
    let map = model.get("services").and_then(Node::as_map);
    map.into_iter().flat_map(|map| map.values().map(|entry| &entry.node))
}

/// Names in a mapping of endpoints or a list of mounts.
fn names(node: Option<&Node>, used: &mut BTreeSet<Arc<str>>) {
    match node.map(|node| &node.value) {
        Some(Value::Map(map)) => used.extend(map.keys().cloned()),
        Some(Value::List(list)) => {
            for mount in list {
                if let Value::Text(name) = &mount.get("source").unwrap_or(mount).value {
                    used.insert(Arc::clone(name));
                }
            }
        }
        _ => {}
    }
}
