//! Files that are laid upon others, and what they hardly meant: lists and mappings are joined, so that an empty one takes
//! nothing away, and another network does not replace the first (Compose Specification, 13-merge).

use std::sync::Arc;

use crate::manifest::environment::child;
use crate::manifest::node::{Map, MergeTag, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Place;

/// What the files said that were laid upon others; judged when all are merged, because a later file may put it right.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    empty: Vec<Empty>,
    joined: Vec<Joined>,
}

/// An empty list or mapping over one that is not.
#[derive(Debug)]
struct Empty {
    service: Arc<str>,
    key: Arc<str>,
    place: Place,
    before: Place,
}

/// Networks that a later file adds to those of a service.
#[derive(Debug)]
struct Joined {
    service: Arc<str>,
    kept: Vec<(Arc<str>, Place)>,
    added: Vec<(Arc<str>, Place)>,
}

impl Overrides {
    /// Looks at a file before it is laid upon the others.
    pub(crate) fn look(&mut self, base: &Node, over: &Node) {
        for (name, entry) in over.get("services").and_then(Node::as_map).into_iter().flatten() {
            let Some(before) = base.at(&["services", name]) else {
                continue;
            };
            if entry.node.merge != MergeTag::Rule {
                continue;
            }
            for (key, value) in entry.node.as_map().into_iter().flatten() {
                let Some(old) = before.get(key) else {
                    continue;
                };
                if value.node.merge == MergeTag::Rule {
                    self.key(name, key, old, &value.node);
                }
            }
        }
    }

    fn key(&mut self, service: &Arc<str>, key: &Arc<str>, old: &Node, new: &Node) {
        // These two are replaced, not joined.
        let joins = !matches!(&**key, "command" | "entrypoint");
        if joins && is_empty(new) == Some(true) && is_empty(old) == Some(false) {
            self.empty.push(Empty {
                service: Arc::clone(service),
                key: Arc::clone(key),
                place: new.place,
                before: old.place,
            });
        }
        if let ("networks", Some(old), Some(new)) = (&**key, old.as_map(), new.as_map()) {
            let kept = without(old, new);
            let added = without(new, old);
            if !kept.is_empty() && !added.is_empty() {
                self.joined.push(Joined { service: Arc::clone(service), kept, added });
            }
        }
    }

    /// Tells what holds in the merged model.
    pub(crate) fn check(&self, model: &Node, report: &mut Report) {
        for one in &self.empty {
            let value = model.at(&["services", &one.service, &one.key]);
            if value.and_then(is_empty) == Some(false) {
                report.add(one.finding());
            }
        }
        for one in &self.joined {
            if let Some(finding) = one.finding(model) {
                report.add(finding);
            }
        }
    }
}

impl Empty {
    fn finding(&self) -> Finding {
        let field = format!("{}.{}", child("services", &self.service), self.key);
        let message = "an empty value here takes nothing away from the file below".to_owned();
        Finding::warning("override-removes-nothing", &field, message)
            .at(self.place)
            .help(format!("write {}: !reset null; or !override with what shall remain", self.key))
            .related(self.before, "this stays")
    }
}

impl Joined {
    /// The later file closes the service in, and the earlier one leaves a way in and out.
    fn finding(&self, model: &Node) -> Option<Finding> {
        let internal = |name: &str| {
            let network = model.at(&["networks", name]);
            network.and_then(|network| network.get("internal")).and_then(Node::as_bool)
                == Some(true)
        };
        let now = model.at(&["services", &self.service, "networks"])?.as_map()?;
        let still = |name: &str| now.contains_key(name) && !internal(name);
        let (open, before) = self.kept.iter().find(|(name, _)| still(name))?;
        let closed = |name: &str| now.contains_key(name) && internal(name);
        let (name, place) = self.added.iter().find(|(name, _)| closed(name))?;
        let field = format!("{}.networks", child("services", &self.service));
        let message = format!("{name} is internal, but the service stays on {open}, too");
        let help = format!(
            "write networks: !override [{name}] to leave {open}; or name {open} here, if that is meant"
        );
        let finding = Finding::warning("override-widens-networks", &field, message).at(*place);
        Some(finding.help(help).related(*before, "it stays there"))
    }
}

fn is_empty(node: &Node) -> Option<bool> {
    match &node.value {
        Value::List(list) => Some(list.is_empty()),
        Value::Map(map) => Some(map.is_empty()),
        _ => None,
    }
}

/// Keys of `map` that `other` does not have.
fn without(map: &Map, other: &Map) -> Vec<(Arc<str>, Place)> {
    let names = map.iter().filter(|(name, _)| !other.contains_key(*name));
    names.map(|(name, entry)| (Arc::clone(name), entry.key)).collect()
}
