//! A service as the lints look at it.

use crate::manifest::environment::child;
use crate::manifest::node::Node;
use crate::manifest::source::Place;

/// An enabled service in normal form.
#[derive(Debug)]
pub(super) struct Service<'a> {
    /// Its key.
    pub(super) name: &'a str,
    /// Its path, `services.<name>`.
    pub(super) field: String,
    /// Place of its key.
    pub(super) key: Place,
    /// Its definition.
    pub(super) node: &'a Node,
}

/// A port of a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port<'a> {
    /// Where it stands.
    pub(super) place: Place,
    /// Port in the container.
    pub(super) target: i64,
    /// First and last port of the host; `None` if the engine chooses.
    pub(super) published: Option<(u16, u16)>,
    /// Address of the host; empty is every address.
    pub(super) address: &'a str,
    /// `tcp`, `udp` or `sctp`.
    pub(super) protocol: &'a str,
}

/// The command of a health check.
#[derive(Clone, Debug)]
pub(super) struct Probe<'a> {
    /// Where it stands.
    pub(super) place: Place,
    /// All its words in one line.
    pub(super) line: String,
    /// Whether a shell runs the line.
    pub(super) shell: bool,
    /// The words of the list, without `CMD` or `CMD-SHELL`.
    pub(super) words: Vec<&'a Node>,
}

/// The services of a tree.
pub(super) fn services(tree: &Node) -> Vec<Service<'_>> {
    let map = tree.get("services").and_then(Node::as_map);
    let each = map.into_iter().flatten().map(|(name, entry)| Service {
        name,
        field: child("services", name),
        key: entry.key,
        node: &entry.node,
    });
    each.collect()
}

impl<'a> Service<'a> {
    /// The words of a command line; none if it is the image's.
    pub(super) fn words(&self, key: &str) -> &'a [Node] {
        self.node.get(key).and_then(Node::as_list).unwrap_or(&[])
    }

    /// A text of the service.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.node.get(key).and_then(Node::as_text)
    }

    /// How many containers it has.
    pub(super) fn replicas(&self) -> i64 {
        let declared = self.node.get("scale").or_else(|| self.node.at(&["deploy", "replicas"]));
        declared.and_then(Node::as_int).unwrap_or(1)
    }

    /// Its published ports; none if it shares the network of the host.
    pub(super) fn ports(&self) -> impl Iterator<Item = Port<'a>> {
        let host = self.text("network_mode") == Some("host");
        let entries = self.words("ports").iter().filter(move |_| !host);
        entries.filter_map(|node| {
            let text = |key| node.get(key).and_then(Node::as_text);
            let published = text("published").and_then(|text| {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                Some((first.parse().ok()?, last.parse().ok()?))
            });
            Some(Port {
                place: node.place,
                target: node.get("target")?.as_int()?,
                published,
                address: text("host_ip").unwrap_or(""),
                protocol: text("protocol").unwrap_or("tcp"),
            })
        })
    }

    /// The command of its health check, if it declares one that runs.
    pub(super) fn probe(&self) -> Option<Probe<'a>> {
        let check = self.node.get("healthcheck")?;
        if check.get("disable").and_then(Node::as_bool) == Some(true) {
            return None;
        }
        let test = check.get("test")?;
        let (kind, words) = test.as_list()?.split_first()?;
        let texts: Vec<&str> = words.iter().filter_map(Node::as_text).collect();
        let (line, shell) = match (kind.as_text()?, texts.as_slice()) {
            ("CMD-SHELL", _) => (texts.join(" "), true),
            ("CMD", [program, "-c", line, ..]) if is_shell(program) => ((*line).to_owned(), true),
            ("CMD", _) => (texts.join(" "), false),
            _ => return None,
        };
        Some(Probe { place: test.place, line, shell, words: words.iter().collect() })
    }
}

impl Port<'_> {
    /// Whether every address of the host takes connections for it.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.address, "" | "0.0.0.0" | "::")
    }
}

fn is_shell(program: &str) -> bool {
    matches!(program.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash"))
}
