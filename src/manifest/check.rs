//! One walk over a document with the schema: unknown keys, wrong kinds and features that are not built are reported with
//! their place, and every value is brought into its canonical long form.

pub(crate) mod nulls;
mod pairs;

use crate::manifest::environment::child;
use crate::manifest::extension;
use crate::manifest::node::{Entry, Map, MergeTag, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::schema::{Field, Kind, Object, Support};
use crate::manifest::source::Place;
use crate::manifest::{suggest, units};
use crate::model::path::LocalPath;

/// What the walk carries along.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    /// Where findings go.
    pub(crate) report: &'a mut Report,
    /// Relative paths of the document start here.
    pub(crate) directory: &'a LocalPath,
    /// What `~` stands for, if the settings let HOME in.
    pub(crate) home: Option<&'a str>,
    /// Inside a key without effect, of which only the outermost is pointed out.
    pub(crate) no_effect: bool,
}

impl Check<'_> {
    /// Reports that `node` is not what may stand at `field`.
    pub(crate) fn wrong(&mut self, node: &Node, field: &str, allowed: &str) {
        let found = self.found(node);
        self.report.add(
            Finding::error("wrong-kind", field, format!("{field} is {found}"))
                .at(node.place)
                .help(format!("{field} takes {allowed}")),
        );
    }

    /// How a node is named in a message: a scalar by its text in the file, before interpolation.
    pub(crate) fn found(&self, node: &Node) -> String {
        match node.value {
            Value::List(_) | Value::Map(_) | Value::Null => node.kind().to_owned(),
            _ => {
                let raw = self.report.sources.raw(node.place);
                let short: String = raw.lines().next().unwrap_or("").chars().take(60).collect();
                format!("{} ({short})", node.kind())
            }
        }
    }

    /// The canonical form of `node`; `None` after an error, which is then in the report.
    pub(crate) fn kind(&mut self, kind: &'static Kind, node: Node, field: &str) -> Option<Node> {
        if node.merge == MergeTag::Reset {
            return Some(node);
        }
        let merge = node.merge;
        let done = match kind {
            Kind::Any => Some(node),
            Kind::List(item) => self.list(item, node, field),
            Kind::OneOrMany(item) => self.one_or_many(item, node, field),
            Kind::Map(item) => self.map(item, false, node, field),
            Kind::MapOfOptional(item) => self.map(item, true, node, field),
            Kind::Pairs(unset) => self.pairs(*unset, node, field),
            Kind::Words => self.words(node, field),
            Kind::Object(object) => self.object(object, node, field),
            Kind::Form(form) => {
                let long = (form.expand)(self, node, field)?;
                self.kind(&form.long, long, field)
            }
            _ => self.scalar(kind, &node, field),
        };
        done.map(|node| node.tagged(merge))
    }

    fn scalar(&mut self, kind: &'static Kind, node: &Node, field: &str) -> Option<Node> {
        let place = node.place;
        let value = match kind {
            Kind::Text if matches!(node.value, Value::Text(_)) => Some(node.value.clone()),
            Kind::TextOrNumber if !matches!(node.value, Value::Bool(_)) => {
                node.scalar_text().map(Value::Text)
            }
            // An earlier file may have brought the value.
            Kind::Label if node.is_null() => Some(Value::Null),
            Kind::Label => node.scalar_text().map(Value::Text),
            Kind::Bool => self.boolean(node, field).map(Value::Bool),
            Kind::Int => integer(node).map(Value::Int),
            Kind::Float => number(node).map(Value::Float),
            Kind::Bytes => match &node.value {
                Value::Int(size) => Some(Value::Int(*size)),
                Value::Text(text) if &**text == "-1" => Some(Value::Int(-1)),
                Value::Text(text) => units::bytes(text).map(Value::Int),
                _ => None,
            },
            Kind::Duration => node
                .as_text()
                .and_then(units::duration)
                .map(|time| Value::Text(units::duration_text(time).into())),
            Kind::Mode => match &node.value {
                Value::Int(mode) => Some(Value::Int(*mode)),
                Value::Text(text) => i64::from_str_radix(text, 8).ok().map(Value::Int),
                _ => None,
            },
            Kind::OneOf(words) => {
                node.as_text().filter(|text| words.contains(text)).map(|_| node.value.clone())
            }
            _ => None,
        };
        if value.is_none() {
            self.wrong(node, field, &allowed(kind));
        }
        value.map(|value| Node::new(value, place))
    }

    fn boolean(&mut self, node: &Node, field: &str) -> Option<bool> {
        let value = match &node.value {
            Value::Bool(value) => return Some(*value),
            Value::Text(text) => text.to_ascii_lowercase(),
            _ => return None,
        };
        let meant = match value.as_str() {
            "true" => return Some(true),
            "false" => return Some(false),
            "y" | "yes" | "on" => true,
            "n" | "no" | "off" => false,
            _ => return None,
        };
        let found = self.found(node);
        self.report.add(
            Finding::warning("old-boolean", field, format!("{field} is {found}"))
                .at(node.place)
                .help(format!("YAML 1.2 knows true and false only; write {meant}")),
        );
        Some(meant)
    }

    fn list(&mut self, item: &'static Kind, node: Node, field: &str) -> Option<Node> {
        let Value::List(list) = node.value else {
            self.wrong(&node, field, "a list");
            return None;
        };
        let done = list
            .into_iter()
            .enumerate()
            .filter_map(|(index, node)| self.kind(item, node, &format!("{field}[{index}]")))
            .filter(|node| node.merge != MergeTag::Reset)
            .collect();
        Some(Node::new(Value::List(done), node.place))
    }

    fn one_or_many(&mut self, item: &'static Kind, node: Node, field: &str) -> Option<Node> {
        if matches!(node.value, Value::List(_)) {
            return self.list(item, node, field);
        }
        let place = node.place;
        let one = self.kind(item, node, field)?;
        Some(Node::new(Value::List(vec![one]), place))
    }

    fn map(
        &mut self,
        item: &'static Kind,
        optional: bool,
        node: Node,
        field: &str,
    ) -> Option<Node> {
        let Value::Map(map) = node.value else {
            self.wrong(&node, field, "a mapping");
            return None;
        };
        let mut done = Map::with_capacity(map.len());
        for (key, entry) in map {
            let path = child(field, &key);
            if key.is_empty() {
                self.empty_key(entry.key, &path);
                continue;
            }
            let node = if optional && entry.node.is_null() {
                Some(entry.node)
            } else {
                self.kind(item, entry.node, &path)
            };
            if let Some(node) = node {
                done.insert(key, Entry { key: entry.key, node });
            }
        }
        Some(Node::new(Value::Map(done), node.place))
    }

    fn empty_key(&mut self, place: Place, field: &str) {
        let finding = Finding::error("empty-key", field, "a key is empty").at(place);
        self.report.add(finding.help("give it a name, or remove the line"));
    }

    /// Checks a mapping with known keys.
    pub(crate) fn object(
        &mut self,
        object: &'static Object,
        node: Node,
        field: &str,
    ) -> Option<Node> {
        let Value::Map(map) = node.value else {
            self.wrong(&node, field, "a mapping");
            return None;
        };
        self.required(object, &map, node.place, field);
        let mut done = Map::with_capacity(map.len());
        for (key, entry) in map {
            let path = child(field, &key);
            let Some(known) = object.field(&key) else {
                if key.starts_with("x-") {
                    extension::check(object, &key, &entry, field, self.report);
                    done.insert(key, entry);
                } else {
                    self.unknown(object, &key, &entry, field);
                }
                continue;
            };
            let key_place = entry.key;
            if let Some(node) = self.field(known, entry, &path) {
                done.insert(key, Entry { key: key_place, node });
            }
        }
        Some(Node::new(Value::Map(done), node.place))
    }

    fn required(&mut self, object: &'static Object, map: &Map, place: Place, field: &str) {
        for key in object.required {
            if map.contains_key(*key) {
                continue;
            }
            let message = format!("{} is missing", child(field, key));
            let kind = object.field(key).map_or_else(String::new, |field| allowed(&field.kind));
            self.report.add(
                Finding::error("missing-key", field, message)
                    .at(place)
                    .help(format!("{key} takes {kind}")),
            );
        }
    }

    fn field(&mut self, known: &'static Field, entry: Entry, path: &str) -> Option<Node> {
        if nulls::is_lacking(known, &entry.node) && path != "services" {
            // An earlier file may have brought the value.
            return Some(entry.node);
        }
        if nulls::is_lacking(known, &entry.node) {
            nulls::tell(known, &entry, path, self.report);
            return None;
        }
        match known.support {
            Support::NotYet(why) => {
                self.report.add(
                    Finding::error("not-built-yet", path, format!("{path} is not built yet"))
                        .at(entry.key)
                        .help(why),
                );
                return None;
            }
            Support::NoEffect(_) if self.no_effect || !self.is_written(&entry, known.key) => {}
            Support::NoEffect(why) if known.key != "version" => {
                self.report.add(
                    Finding::note("no-effect", path, format!("{path} has no effect"))
                        .at(entry.key)
                        .help(why),
                );
            }
            Support::NoEffect(_) => {
                self.report.add(
                    Finding::warning(
                        "obsolete-version",
                        path,
                        "version is obsolete and has no effect",
                    )
                    .at(entry.key)
                    .help("remove the line"),
                );
            }
            Support::NotRun(_) if entry.node.as_bool() == Some(false) => {}
            Support::NotRun(why) => {
                let (_, key) = path.rsplit_once('.').unwrap_or(("", path));
                let message = format!("this service is not run because of {key}");
                self.report.add(Finding::warning("not-run", path, message).at(entry.key).help(why));
            }
            Support::Supported | Support::Since(..) => {}
        }
        let outer = self.no_effect;
        self.no_effect |= matches!(known.support, Support::NoEffect(_));
        let done = self.kind(&known.kind, entry.node, path);
        self.no_effect = outer;
        done
    }

    /// Whether a key stands in the file; defaults and short forms have keys that nobody wrote.
    fn is_written(&self, entry: &Entry, key: &str) -> bool {
        self.report.sources.raw(entry.key).trim_matches(['"', '\'']) == key
    }

    fn unknown(&mut self, object: &'static Object, key: &str, entry: &Entry, field: &str) {
        let path = child(field, key);
        let place = if field.is_empty() { "at the top of a file" } else { "here" };
        let mut finding =
            Finding::error("unknown-key", &path, format!("the key {key} is not known {place}"))
                .at(entry.key);
        finding = match suggest::nearest(key, object.keys()) {
            Some(near) => finding.help(format!("did you mean {near}?")),
            None => finding.help("keys of your own begin with x-"),
        };
        self.report.add(finding);
    }
}

fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

fn number(node: &Node) -> Option<f64> {
    match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "CPUs and ratios are small numbers")]
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// What may stand there, in words.
pub(crate) fn allowed(kind: &Kind) -> String {
    match kind {
        Kind::Text => "a text (in quotes, if it looks like a number)".to_owned(),
        Kind::TextOrNumber => "a text or a number".to_owned(),
        Kind::Label => "a text, a number or a truth value".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Int => "a whole number".to_owned(),
        Kind::Float => "a number".to_owned(),
        Kind::Bytes => "a size such as 512m or 1g".to_owned(),
        Kind::Duration => "a time such as 30s, 1m30s or 500ms".to_owned(),
        Kind::Mode => "permission bits such as 0440".to_owned(),
        Kind::OneOf(words) => format!("one of {}", words.join(", ")),
        Kind::List(_) => "a list".to_owned(),
        Kind::OneOrMany(_) => "one value or a list".to_owned(),
        Kind::Map(_) | Kind::MapOfOptional(_) | Kind::Object(_) => "a mapping".to_owned(),
        Kind::Pairs(_) => "a mapping, or a list of key=value".to_owned(),
        Kind::Form(form) => allowed(&form.long),
        Kind::Any | Kind::Words => "a value".to_owned(),
    }
}
