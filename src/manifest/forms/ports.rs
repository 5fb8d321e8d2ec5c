//! `ports`: numbers, `[ip:][host:]container[/protocol]` with ranges, and the long form.

use super::mapping;
use crate::manifest::budget::PORT_VALUES;
use crate::manifest::check::Check;
use crate::manifest::node::{Node, Value};
use crate::manifest::schema::PORT;

/// A range of ports; a single port is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        // A third part has no effect, as for the command line.
        let mut parts = text.split('-');
        let first = parts.next().unwrap_or("");
        let last = parts.next().unwrap_or(first);
        let (first, last) = (port(first)?, port(last)?);
        (first <= last).then_some(Self { first, last })
    }

    fn count(self) -> usize {
        usize::from(self.last - self.first) + 1
    }
}

/// A decimal port without sign or blanks.
pub(crate) fn port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Expands short forms and ranges; long forms get their defaults.
pub(crate) fn ports(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let Value::List(list) = node.value else {
        check.wrong(&node, field, "a list");
        return None;
    };
    let mut done = Vec::new();
    for (index, item) in list.into_iter().enumerate() {
        let path = format!("{field}[{index}]");
        match &item.value {
            Value::Map(_) => {
                // Checked here, because ranges before it would shift its number in the path.
                let before = check.report.errors();
                let checked = check.object(&PORT, long_form(item), &path);
                done.extend(checked.filter(|_| check.report.errors() == before));
            }
            Value::Text(_) | Value::Int(_) => {
                let text = item.scalar_text().unwrap_or_default();
                match ShortForm::read(&text) {
                    Some(short) => {
                        let values = short.target.count() * PORT_VALUES;
                        if !check.report.spend_values(values, Some(item.place)) {
                            return None;
                        }
                        done.extend(short.long_forms(&item));
                    }
                    None => check.wrong(
                        &item,
                        &path,
                        "[ip:][host:]container[/protocol], such as \"8080:80\", \"127.0.0.1:53:53/udp\" or \"8000-8010:80-90\"",
                    ),
                }
            }
            _ => check.wrong(&item, &path, "a port, a text or a mapping"),
        }
    }
    Some(Node::new(Value::List(done), node.place))
}

fn long_form(mut item: Node) -> Node {
    let place = item.place;
    for (key, default) in [("mode", "ingress"), ("protocol", "tcp")] {
        if item.get(key).is_none() {
            item.set(key, Node::text(default, place));
        }
    }
    item
}

/// A port in its short form.
struct ShortForm<'a> {
    ip: &'a str,
    host: Option<Range>,
    target: Range,
    protocol: String,
}

impl<'a> ShortForm<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split('/');
        let numbers = parts.next().unwrap_or("");
        let protocol = parts.next().filter(|word| !word.is_empty()).unwrap_or("tcp");
        let protocol = protocol.to_ascii_lowercase();
        if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
            return None;
        }
        let (front, target) = numbers.rsplit_once(':').unwrap_or(("", numbers));
        let (ip, published) = front.rsplit_once(':').unwrap_or(("", front));
        let ip = address(ip)?;
        let target = Range::read(target)?;
        let host = if published.is_empty() { None } else { Some(Range::read(published)?) };
        let fits = |host: Range| target.count() == 1 || host.count() == target.count();
        host.is_none_or(fits).then_some(Self { ip, host, target, protocol })
    }

    /// One mapping in long form for each port of the container.
    fn long_forms(&self, item: &Node) -> impl Iterator<Item = Node> {
        (0..=self.target.last - self.target.first).map(|offset| self.long_form(offset, item))
    }

    fn long_form(&self, offset: u16, item: &Node) -> Node {
        let published = match self.host {
            None => String::new(),
            Some(host) if self.target.count() == 1 && host.count() > 1 => {
                format!("{}-{}", host.first, host.last)
            }
            Some(host) => (host.first + offset).to_string(),
        };
        let mut entry = mapping(item, &[("mode", "ingress")]);
        if !self.ip.is_empty() {
            entry.set("host_ip", Node::text(self.ip, item.place));
        }
        let target = i64::from(self.target.first + offset);
        entry.set("target", Node::new(Value::Int(target), item.place));
        if !published.is_empty() {
            entry.set("published", Node::text(published, item.place));
        }
        entry.set("protocol", Node::text(self.protocol.clone(), item.place));
        entry
    }
}

/// An address without its brackets; empty is every address.
fn address(text: &str) -> Option<&str> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        return inner.parse::<std::net::Ipv6Addr>().is_ok().then_some(inner);
    }
    (text.is_empty() || text.parse::<std::net::Ipv4Addr>().is_ok()).then_some(text)
}
