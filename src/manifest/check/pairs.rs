//! Values that are pairs, and values that are command lines.

use std::sync::Arc;

use super::Check;
use crate::manifest::budget::WORD_VALUES;
use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Map, MergeTag, Node, Value};
use crate::manifest::report::Finding;
use crate::manifest::schema::{Kind, Unset};
use crate::manifest::shell;

impl Check<'_> {
    /// A mapping, or a list of `key=value`, as a mapping.
    pub(crate) fn pairs(&mut self, unset: Unset, node: Node, field: &str) -> Option<Node> {
        let place = node.place;
        let mut done = Map::new();
        match node.value {
            Value::Map(map) => {
                for (key, entry) in map {
                    let path = child(field, &key);
                    if key.is_empty() {
                        self.empty_key(entry.key, &path);
                        continue;
                    }
                    if let Some(node) = self.pair_value(unset, entry.node, &path) {
                        done.insert(key, Entry { key: entry.key, node });
                    }
                }
            }
            Value::List(list) => {
                for (index, item) in list.into_iter().enumerate() {
                    self.pair_item(unset, &item, &format!("{field}[{index}]"), &mut done);
                }
            }
            _ => {
                self.wrong(&node, field, "a mapping, or a list of key=value");
                return None;
            }
        }
        Some(Node::new(Value::Map(done), place))
    }

    fn pair_value(&mut self, unset: Unset, node: Node, field: &str) -> Option<Node> {
        if node.merge == MergeTag::Reset {
            return Some(node);
        }
        match (node.scalar_text(), unset) {
            (Some(text), _) => Some(Node::text(text, node.place).tagged(node.merge)),
            (None, Unset::Empty) if node.is_null() => Some(Node::text("", node.place)),
            (None, Unset::FromEnvironment) if node.is_null() => Some(node),
            _ => {
                self.wrong(&node, field, "a text, a number, a truth value or nothing");
                None
            }
        }
    }

    fn pair_item(&mut self, unset: Unset, item: &Node, field: &str, done: &mut Map) {
        let Some(text) = item.as_text() else {
            self.wrong(item, field, "key=value");
            return;
        };
        let (key, node) = match (text.split_once('='), unset) {
            (Some((key, value)), _) => (key, Node::text(value, item.place)),
            (None, Unset::Empty) => (text, Node::text("", item.place)),
            (None, Unset::FromEnvironment) => (text, Node::new(Value::Null, item.place)),
        };
        let key_place = item.place;
        done.insert(Arc::from(key), Entry { key: key_place, node });
    }

    /// Nothing, a list of words, or a line that is split into words.
    pub(super) fn words(&mut self, node: Node, field: &str) -> Option<Node> {
        static WORD: Kind = Kind::Text;
        let place = node.place;
        match &node.value {
            Value::Null => Some(node),
            Value::List(_) => self.list(&WORD, node, field),
            Value::Text(line) => {
                let Some(words) = shell::words(line) else {
                    self.wrong(&node, field, "a line whose quotes and parentheses are closed");
                    return None;
                };
                if !self.report.spend_values(words.len() * WORD_VALUES, Some(place)) {
                    return None;
                }
                self.warn_operator(line, &node, field);
                let words = words.into_iter().map(|word| Node::text(word, place));
                Some(Node::new(Value::List(words.collect()), place))
            }
            _ => {
                self.wrong(&node, field, "a text, a list of texts or nothing");
                None
            }
        }
    }

    /// The command line drops everything behind an unquoted operator without a word; so do we, but not in silence.
    fn warn_operator(&mut self, line: &str, node: &Node, field: &str) {
        if shell::cut_at(line).is_some() {
            self.report.add(
                Finding::warning(
                    "no-shell",
                    field,
                    format!(
                        "{field} is not run by a shell: everything from the operator on is dropped"
                    ),
                )
                .at(node.place)
                .help("write [\"sh\", \"-c\", \"…\"] if a shell is wanted"),
            );
        }
    }
}
