//! YAML text → [`Node`] trees, one per document, within a budget. The parser crate yields events; aliases, merge keys and
//! duplicate keys are ours, because every ready-made reader gets at least one of them wrong or unbounded.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag};

use crate::manifest::node::{Entry, Map, MergeTag, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::scalar;
use crate::manifest::source::{Content, Place};
use crate::model::path::LocalPath;

/// Most nodes of one file, counted after the expansion of aliases.
pub(crate) const MOST_NODES: usize = 100_000;
/// Deepest nesting.
pub(crate) const DEEPEST: usize = 64;
/// Most bytes of scalar text after the expansion of aliases.
const MOST_TEXT: usize = 16 << 20;
/// Longest key, in bytes: YAML 1.2 (§7.4) has the same number for keys on one line. The way to a value, which messages
/// name, is made of keys.
const LONGEST_KEY: usize = 1024;
/// Largest file.
pub(crate) const LARGEST_FILE: usize = 1 << 20;

/// Reading stopped; the report says why.
#[derive(Debug)]
pub(crate) struct Stopped;

/// The bytes of a file as text: UTF-8 with or without a byte order mark, and no NUL.
pub(crate) fn decode(
    bytes: &[u8],
    path: &LocalPath,
    content: Content,
    report: &mut Report,
) -> Result<Arc<str>, Stopped> {
    let name = path.display();
    if bytes.len() > LARGEST_FILE {
        let message = format!("{name} has {} bytes", bytes.len());
        report.add(Finding::error("file-too-large", "", message).help("at most 1 MiB"));
        return Err(Stopped);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.find('\0') {
            None => Ok(Arc::from(text)),
            Some(at) => {
                let message = format!("{name} contains a NUL character");
                let finding = Finding::error("not-text", "", message);
                let place = broken(bytes, at, path, content, report);
                report.add(finding.at(place).help("a manifest is UTF-8 text"));
                Err(Stopped)
            }
        },
        Err(error) => {
            let message = format!("{name} is not UTF-8 from byte {} on", error.valid_up_to());
            let finding = Finding::error("not-text", "", message);
            let place = broken(bytes, error.valid_up_to(), path, content, report);
            report.add(finding.at(place).help("save the file as UTF-8"));
            Err(Stopped)
        }
    }
}

/// The place of a byte in what is no text.
fn broken(
    bytes: &[u8],
    at: usize,
    path: &LocalPath,
    content: Content,
    report: &mut Report,
) -> Place {
    let text = String::from_utf8_lossy(bytes);
    let source = report.sources.add(path.clone(), Arc::from(&*text), content);
    // Up to here it is text, so that a byte of one is a byte of the other.
    let start = u32::try_from(at).unwrap_or(u32::MAX);
    Place { source, start, end: start.saturating_add(1) }
}

/// Reads every document of `text`; a text without one has none.
pub(crate) fn documents(
    text: &str,
    source: u32,
    report: &mut Report,
) -> Result<Vec<Node>, Stopped> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        source,
        report,
        anchors: BTreeMap::new(),
        nodes: 0,
        text: 0,
        copies: 0,
    };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            event => {
                documents.push(reader.node(event, span, 0)?.0);
            }
        }
    }
    Ok(documents)
}

/// What an alias stands for, with what its expansion costs.
#[derive(Clone)]
struct Anchored {
    node: Node,
    cost: Cost,
}

/// Size of a subtree.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    nodes: usize,
    text: usize,
    height: usize,
}

impl Cost {
    fn add(&mut self, child: Self) {
        self.nodes += child.nodes;
        self.text += child.text;
        self.height = self.height.max(child.height + 1);
    }
}

struct Reader<'a, 'r> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    source: u32,
    report: &'r mut Report,
    anchors: BTreeMap<usize, Option<Anchored>>,
    nodes: usize,
    text: usize,
    copies: usize,
}

impl<'a> Reader<'a, '_> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Stopped> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                let place = self.range(at, at + 1);
                self.report.add(
                    Finding::error("yaml-syntax", "", format!("not valid YAML: {}", error.info()))
                        .at(place)
                        .help("mend the syntax; indentation and quotes are the usual causes"),
                );
                Err(Stopped)
            }
        }
    }

    fn child(&mut self) -> Result<(Event<'a>, Span), Stopped> {
        self.next()?.ok_or(Stopped)
    }

    fn range(&self, start: usize, end: usize) -> Place {
        Place {
            source: self.source,
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        }
    }

    fn place(&self, span: Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        self.range(range.start, range.end)
    }

    fn stop(&mut self, code: &'static str, place: Place, message: &str, help: &str) -> Stopped {
        self.report.add(Finding::error(code, "", message).at(place).help(help));
        Stopped
    }

    /// Takes from the budget; the budget is what keeps a hostile file from eating the host.
    fn spend(&mut self, cost: Cost, depth: usize, place: Place) -> Result<(), Stopped> {
        self.nodes += cost.nodes;
        self.text += cost.text;
        if depth + cost.height > DEEPEST {
            let help = format!("at most {DEEPEST} levels");
            return Err(self.stop("too-deep", place, "the file is nested too deeply", &help));
        }
        if self.nodes > MOST_NODES || self.text > MOST_TEXT {
            let help = format!("at most {MOST_NODES} values after the expansion of aliases");
            return Err(self.stop("too-large", place, "the file holds too many values", &help));
        }
        Ok(())
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<(Node, Cost), Stopped> {
        let place = self.place(span);
        let anchor = event.anchor_id();
        if let Some(id) = anchor {
            self.anchors.insert(id, None);
        }
        let (mut node, cost) = match event {
            Event::Alias(id) => return self.alias(id, place, depth),
            Event::Scalar(text, style, _, tag) => {
                let cost = Cost { nodes: 1, text: text.len(), height: 0 };
                self.spend(cost, depth, place)?;
                (self.scalar(&text, style, tag.as_deref(), place), cost)
            }
            Event::SequenceStart(_, _, tag) => {
                self.spend(Cost { nodes: 1, ..Cost::default() }, depth, place)?;
                let merge = self.merge_tag(tag.as_deref(), place);
                let (list, cost) = self.list(depth)?;
                (Node::new(Value::List(list), place).tagged(merge), cost)
            }
            Event::MappingStart(_, _, tag) => {
                self.spend(Cost { nodes: 1, ..Cost::default() }, depth, place)?;
                let merge = self.merge_tag(tag.as_deref(), place);
                let (map, cost) = self.map(depth)?;
                (Node::new(Value::Map(map), place).tagged(merge), cost)
            }
            _ => {
                return Err(self.stop(
                    "yaml-syntax",
                    place,
                    "not valid YAML here",
                    "mend the syntax",
                ));
            }
        };
        if node.place.end < node.place.start {
            node.place.end = node.place.start;
        }
        if let Some(id) = anchor {
            self.remember(id, &node, cost, place)?;
        }
        Ok((node, cost))
    }

    fn remember(
        &mut self,
        id: usize,
        node: &Node,
        cost: Cost,
        place: Place,
    ) -> Result<(), Stopped> {
        self.copies += cost.nodes;
        if self.copies > MOST_NODES * 4 {
            return Err(self.stop(
                "too-large",
                place,
                "too much is anchored",
                "use fewer nested anchors",
            ));
        }
        let node = node.clone();
        self.anchors.insert(id, Some(Anchored { node, cost }));
        Ok(())
    }

    fn alias(&mut self, id: usize, place: Place, depth: usize) -> Result<(Node, Cost), Stopped> {
        match self.anchors.get(&id) {
            Some(Some(anchored)) => {
                let cost = anchored.cost;
                self.spend(cost, depth, place)?;
                match self.anchors.get(&id) {
                    Some(Some(anchored)) => Ok((anchored.node.clone(), cost)),
                    _ => Err(Stopped),
                }
            }
            _ => Err(self.stop(
                "alias-cycle",
                place,
                "this alias stands inside its own anchor",
                "break the circle",
            )),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Node {
        let merge = self.merge_tag(tag, place);
        let as_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
        let resolves = tag.is_some_and(|tag| tag.is_yaml_core_schema() && !as_text);
        let value = if (style == ScalarStyle::Plain && !as_text) || resolves {
            scalar::resolve(text)
        } else {
            Value::Text(Arc::from(text))
        };
        let unusable = match &value {
            Value::Float(number) if !number.is_finite() => {
                Some("this is not a number with a value")
            }
            _ if tag.is_some_and(|tag| tag.suffix() == "binary") => {
                Some("bytes in base64 are not understood here")
            }
            _ => None,
        };
        if let Some(message) = unusable {
            let finding = Finding::error("unusable-value", "", message).at(place);
            self.report.add(finding.help("write it as a text, in quotes"));
        }
        Node::new(value, place).tagged(merge)
    }

    fn merge_tag(&mut self, tag: Option<&Tag>, place: Place) -> MergeTag {
        let Some(tag) = tag else {
            return MergeTag::Rule;
        };
        match (tag.is_yaml_core_schema(), tag.suffix()) {
            (false, "reset") => MergeTag::Reset,
            (false, "override") => MergeTag::Override,
            (false, _) => {
                let message = format!("the tag {} means nothing here", tag.original());
                self.report.add(
                    Finding::warning("unknown-tag", "", message)
                        .at(place)
                        .help("Compose knows !reset and !override"),
                );
                MergeTag::Rule
            }
            _ => MergeTag::Rule,
        }
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, Cost), Stopped> {
        let mut cost = Cost { nodes: 1, ..Cost::default() };
        let mut list = Vec::new();
        loop {
            let (event, span) = self.child()?;
            if event == Event::SequenceEnd {
                return Ok((list, cost));
            }
            let (node, child) = self.node(event, span, depth + 1)?;
            cost.add(child);
            list.push(node);
        }
    }

    fn map(&mut self, depth: usize) -> Result<(Map, Cost), Stopped> {
        let mut cost = Cost { nodes: 1, ..Cost::default() };
        let mut map = Map::new();
        let mut merged: Option<(Place, Node)> = None;
        loop {
            let (event, span) = self.child()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let (key, key_cost) = self.node(event, span, depth + 1)?;
            cost.add(key_cost);
            let (event, span) = self.child()?;
            let (node, child) = self.node(event, span, depth + 1)?;
            cost.add(child);
            if is_merge {
                if let Some((first, _)) = &merged {
                    let first = *first;
                    return Err(self.duplicate("<<", key.place, first));
                }
                merged = Some((key.place, node));
                continue;
            }
            let Value::Text(name) = key.value else {
                let message = format!("a key must be a text, this is {}", key.kind());
                return Err(self.stop(
                    "key-not-text",
                    key.place,
                    &message,
                    "put the key in quotes",
                ));
            };
            if name.len() > LONGEST_KEY {
                let help = format!("at most {LONGEST_KEY} bytes");
                return Err(self.stop("long-key", key.place, "this key is too long", &help));
            }
            if let Some(first) = map.get(&name).map(|entry: &Entry| entry.key) {
                return Err(self.duplicate(&name, key.place, first));
            }
            map.insert(name, Entry { key: key.place, node });
        }
        if let Some((_, node)) = merged {
            self.merge(&mut map, node)?;
        }
        map.shrink_to_fit();
        Ok((map, cost))
    }

    fn duplicate(&mut self, key: &str, place: Place, first: Place) -> Stopped {
        self.report.add(
            Finding::error("duplicate-key", key, format!("the key {key} stands here twice"))
                .at(place)
                .help("keep one of the two")
                .related(first, "first defined here"),
        );
        Stopped
    }

    /// `<<`: explicit keys beat merged ones, earlier mappings of a list beat later ones.
    fn merge(&mut self, map: &mut Map, node: Node) -> Result<(), Stopped> {
        let place = node.place;
        let sources = match node.value {
            Value::List(list) => list,
            _ => vec![node],
        };
        for source in sources {
            let Value::Map(entries) = source.value else {
                return Err(self.stop(
                    "merge-key",
                    place,
                    "the merge key << takes a mapping or a list of mappings",
                    "write <<: *anchor or <<: [*first, *second]",
                ));
            };
            for (key, entry) in entries {
                map.entry(key).or_insert(entry);
            }
        }
        Ok(())
    }
}
