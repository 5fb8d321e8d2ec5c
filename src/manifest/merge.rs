//! Several files become one (Compose Specification, 13-merge). Both sides are in canonical form already, so the rules are
//! those of the schema table: mappings by key, lists appended or matched by identity, the rest replaced.

use std::collections::BTreeMap;

use crate::manifest::environment::child;
use crate::manifest::node::{Map, MergeTag, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::schema::{Field, Kind, Merge, Object};

/// Lays `over` upon `base`; both are mappings of `object`.
pub(crate) fn merge(
    object: &'static Object,
    base: Node,
    over: Node,
    field: &str,
    report: &mut Report,
) -> Node {
    Merger { report }.object(object, base, over, field)
}

/// A document on its own: tags have done their work, repeated entries of lists are settled.
pub(crate) fn alone(object: &'static Object, node: Node, field: &str, report: &mut Report) -> Node {
    let base = Node::map(node.place);
    merge(object, base, node, field, report)
}

struct Merger<'a> {
    report: &'a mut Report,
}

impl Merger<'_> {
    fn object(&mut self, object: &'static Object, base: Node, over: Node, path: &str) -> Node {
        static ANY: Kind = Kind::Any;
        self.maps(base, over, path, &|key| match object.field(key) {
            Some(Field { kind, merge, .. }) => (kind, *merge),
            None => (&ANY, Merge::Replace),
        })
    }

    fn maps(
        &mut self,
        base: Node,
        over: Node,
        path: &str,
        rule: &dyn Fn(&str) -> (&'static Kind, Merge),
    ) -> Node {
        let place = over.place;
        let (mut into, upon) = match (base.value, over.value) {
            (Value::Map(base), Value::Map(over)) => (base, over),
            (_, over) => return Node::new(over, place),
        };
        for (key, mut entry) in upon {
            let (kind, merge) = rule(&key);
            let field = child(path, &key);
            let tag = std::mem::take(&mut entry.node.merge);
            if tag == MergeTag::Reset {
                into.shift_remove(&key);
                continue;
            }
            let before = into.get_mut(&key).filter(|_| tag != MergeTag::Override);
            if let Some(before) = before {
                let base = std::mem::replace(&mut before.node, Node::new(Value::Null, entry.key));
                before.key = entry.key;
                before.node = self.value(kind, merge, base, entry.node, &field);
            } else {
                entry.node = self.fresh(kind, merge, entry.node, &field);
                into.insert(key, entry);
            }
        }
        Node::new(Value::Map(into), place)
    }

    /// A value that has nothing below it: settled within itself.
    fn fresh(&mut self, kind: &'static Kind, merge: Merge, node: Node, field: &str) -> Node {
        let place = node.place;
        let empty = match &node.value {
            _ if matches!(merge, Merge::Pools | Merge::Replace) => return node,
            Value::Map(_) => Value::Map(Map::new()),
            Value::List(_) => Value::List(Vec::new()),
            _ => return node,
        };
        self.value(kind, merge, Node::new(empty, place), node, field)
    }

    fn value(
        &mut self,
        kind: &'static Kind,
        merge: Merge,
        base: Node,
        over: Node,
        field: &str,
    ) -> Node {
        if let (Merge::Logging, true) = (merge, drivers_differ(&base, &over)) {
            return over;
        }
        match (&base.value, &over.value, merge) {
            (_, _, Merge::Replace) => over,
            (_, Value::Null, _) => base,
            (Value::Null, _, _) => self.fresh(kind, merge, over, field),
            (Value::List(_), Value::List(_), Merge::Pools) => self.pools(&base, &over, field),
            (Value::List(_), Value::List(_), _) => self.lists(kind, merge, base, over, field),
            (Value::Map(_), Value::Map(_), _) => self.mappings(kind, merge, base, over, field),
            _ => over,
        }
    }

    fn mappings(
        &mut self,
        kind: &'static Kind,
        merge: Merge,
        base: Node,
        over: Node,
        field: &str,
    ) -> Node {
        static ANY: Kind = Kind::Any;
        match kind {
            Kind::Object(object) => self.object(object, base, over, field),
            Kind::Form(form) => self.mappings(&form.long, merge, base, over, field),
            Kind::Map(item) | Kind::MapOfOptional(item) => {
                let each = match merge {
                    Merge::ReplaceEntries => Merge::Replace,
                    _ => Merge::Default,
                };
                let whole = matches!(merge, Merge::ReplaceEntries);
                self.maps(base, over, field, &|_| {
                    if whole { (&ANY, each) } else { (*item, each) }
                })
            }
            Kind::Pairs(_) => Self::pairs(base, over),
            _ => self.maps(base, over, field, &|_| (&ANY, Merge::Default)),
        }
    }

    /// `key=value` mappings: the later value stands, also if it is null.
    fn pairs(mut base: Node, over: Node) -> Node {
        let (Some(into), Value::Map(upon)) = (base.as_map_mut(), over.value) else {
            return base;
        };
        for (key, mut entry) in upon {
            if std::mem::take(&mut entry.node.merge) == MergeTag::Reset {
                into.shift_remove(&key);
            } else {
                into.insert(key, entry);
            }
        }
        base.place = over.place;
        base
    }

    fn lists(
        &mut self,
        kind: &'static Kind,
        merge: Merge,
        base: Node,
        over: Node,
        field: &str,
    ) -> Node {
        let place = over.place;
        let (Value::List(mut into), Value::List(upon)) = (base.value, over.value) else {
            return Node::new(Value::Null, place);
        };
        match merge {
            Merge::Unique(identity) => into = self.unique(kind, identity, into, upon, field),
            Merge::NoRepeat => {
                into.extend(upon);
                self.no_repeat(&into, field);
            }
            _ => into.extend(upon),
        }
        Node::new(Value::List(into), place)
    }

    /// Address pools, as the command line has them: each pair of an earlier and a later one is looked at in turn, and what
    /// no later one mentions is gone.
    fn pools(&mut self, base: &Node, over: &Node, field: &str) -> Node {
        let place = over.place;
        let subnet = |node: &Node| node.get("subnet").and_then(Node::scalar_text);
        let mut out: Vec<Node> = Vec::new();
        for earlier in base.as_list().unwrap_or(&[]) {
            for later in over.as_list().unwrap_or(&[]) {
                let known = out.iter().any(|pool| subnet(pool) == subnet(later));
                if subnet(later) != subnet(earlier) && !known {
                    out.push(later.clone());
                    continue;
                }
                let merged = self
                    .maps(earlier.clone(), later.clone(), field, &|_| (&Kind::Any, Merge::Default));
                match out.iter_mut().find(|pool| subnet(pool) == subnet(&merged)) {
                    Some(before) => *before = merged,
                    None => out.push(merged),
                }
            }
        }
        Node::new(Value::List(out), place)
    }

    fn unique(
        &mut self,
        kind: &'static Kind,
        identity: fn(&Node) -> String,
        base: Vec<Node>,
        over: Vec<Node>,
        field: &str,
    ) -> Vec<Node> {
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        let mut out: Vec<Node> = Vec::with_capacity(base.len() + over.len());
        for node in base.into_iter().chain(over) {
            let key = identity(&node);
            let known = at.get(&key).and_then(|index| out.get_mut(*index));
            let Some(before) = known else {
                at.insert(key, out.len());
                out.push(node);
                continue;
            };
            let old = std::mem::replace(before, Node::new(Value::Null, node.place));
            *before = match item_object(kind) {
                Some(object) => self.object(object, old, node, field),
                None => node,
            };
        }
        out
    }

    fn no_repeat(&mut self, list: &[Node], field: &str) {
        let mut seen: BTreeMap<String, &Node> = BTreeMap::new();
        for node in list {
            let text = node.scalar_text().map_or_else(String::new, |text| text.to_string());
            if let Some(first) = seen.insert(text, node) {
                self.report.add(
                    Finding::error(
                        "repeated-entry",
                        field,
                        format!("{field} holds the same entry twice"),
                    )
                    .at(node.place)
                    .help("keep one of the two")
                    .related(first.place, "it stands here, too"),
                );
            }
        }
    }
}

/// The object by which two entries with one identity merge; entries with short forms are replaced whole.
fn item_object(kind: &'static Kind) -> Option<&'static Object> {
    match kind {
        Kind::List(Kind::Object(object)) => Some(object),
        _ => None,
    }
}

fn drivers_differ(base: &Node, over: &Node) -> bool {
    let driver = |node: &Node| node.get("driver").and_then(Node::scalar_text);
    matches!((driver(base), driver(over)), (Some(base), Some(over)) if base != over)
}
