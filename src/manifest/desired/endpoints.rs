//! Networks and ports of a container.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::container::Located;
use super::spec;
use crate::manifest::node::Node;
use crate::manifest::normalise::Context;
use crate::manifest::report::Finding;
use crate::model::config::{ContainerPort, Endpoint, HostBinding, NetworkMode, Protocol};
use crate::model::desired::DesiredNetwork;

/// The network stack.
pub(super) fn network_mode(spec: &spec::Service) -> NetworkMode {
    match spec.network_mode.as_deref() {
        None | Some("") => NetworkMode::Networks,
        Some("none") => NetworkMode::None,
        Some("host") => NetworkMode::Host,
        Some("bridge" | "default") => NetworkMode::Bridge,
        Some(other) => NetworkMode::Other(other.to_owned()),
    }
}

/// Endpoints by real network name.
pub(super) fn endpoints(
    spec: &spec::Service,
    networks: &BTreeMap<String, DesiredNetwork>,
) -> BTreeMap<String, Endpoint> {
    let mut out = BTreeMap::new();
    if spec.network_mode.is_some() {
        return out;
    }
    for (key, endpoint) in &spec.networks {
        let Some(network) = networks.get(key) else {
            continue;
        };
        let endpoint = endpoint.as_ref().map_or_else(Endpoint::default, |spec| Endpoint {
            aliases: spec.aliases.iter().cloned().collect(),
            ipv4_address: spec.ipv4_address.clone(),
            ipv6_address: spec.ipv6_address.clone(),
            link_local_ips: spec.link_local_ips.iter().cloned().collect(),
            mac_address: spec.mac_address.clone(),
            driver_opts: spec.driver_opts.clone(),
            gw_priority: spec.gw_priority,
            interface_name: spec.interface_name.clone().filter(|name| !name.is_empty()),
            priority: spec.priority,
            ..Endpoint::default()
        });
        let links = external_links(spec);
        out.insert(network.name.clone(), Endpoint { links, ..endpoint });
    }
    if let Some(first) = first_by_key(spec, networks).and_then(|name| out.get_mut(name)) {
        first.priority = first.priority.saturating_add(1);
    }
    out
}

/// The primary network where its real name alone would not make it that: ties are broken by the key of the file
/// (reference, gotcha 27), which is not known any more once networks have their real names.
fn first_by_key<'a>(
    spec: &spec::Service,
    networks: &'a BTreeMap<String, DesiredNetwork>,
) -> Option<&'a String> {
    let priority = |key: &str| spec.networks.get(key)?.as_ref().map(|endpoint| endpoint.priority);
    let known = || {
        let named = spec.networks.keys().filter_map(|key| Some((key, &networks.get(key)?.name)));
        named.map(|(key, name)| (Reverse(priority(key).unwrap_or_default()), key, name))
    };
    let (_, _, by_key) = known().min()?;
    let (_, by_name) = known().map(|(priority, _, name)| (priority, name)).min()?;
    (by_key != by_name).then_some(by_key)
}

/// `external_links` as `container:alias`; without an alias it is the name.
pub(super) fn external_links(spec: &spec::Service) -> BTreeSet<String> {
    let links = spec.external_links.iter();
    links
        .map(|link| if link.contains(':') { link.clone() } else { format!("{link}:{link}") })
        .collect()
}

/// `tcp`, `udp` or `sctp`.
fn protocol(text: &str) -> Option<Protocol> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" | "" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        _ => None,
    }
}

/// Published ports.
pub(super) fn ports(
    spec: &spec::Service,
    located: &Located<'_>,
    context: &mut Context<'_, '_>,
) -> BTreeMap<ContainerPort, BTreeSet<HostBinding>> {
    let mut out: BTreeMap<ContainerPort, BTreeSet<HostBinding>> = BTreeMap::new();
    let nodes = located.node.get("ports").and_then(Node::as_list).unwrap_or(&[]);
    for (index, (port, node)) in spec.ports.iter().zip(nodes).enumerate() {
        let field = format!("{}.ports[{index}]", located.field);
        let number = u16::try_from(port.target).ok().filter(|number| *number > 0);
        let ip_ok = port.host_ip.is_empty() || port.host_ip.parse::<std::net::IpAddr>().is_ok();
        let range_ok = port.published.is_empty() || published(&port.published);
        let (Some(number), Some(protocol), true, true) =
            (number, protocol(&port.protocol), ip_ok, range_ok)
        else {
            context.report.add(
                Finding::error("port", &field, "this is not a port that can be published")
                    .at(node.place)
                    .help("target and published are 1 to 65535 (published may be a range), host_ip is an address, protocol is tcp, udp or sctp"),
            );
            continue;
        };
        let key = ContainerPort { port: number, protocol };
        out.entry(key)
            .or_default()
            .insert(HostBinding { ip: port.host_ip.clone(), port: port.published.clone() });
    }
    out
}

/// A port or a range of them.
fn published(text: &str) -> bool {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if first <= last)
}

/// `expose`, and the target of every published port.
pub(super) fn expose(
    spec: &spec::Service,
    located: &Located<'_>,
    context: &mut Context<'_, '_>,
) -> BTreeSet<ContainerPort> {
    let mut out = BTreeSet::new();
    let nodes = located.node.get("expose").and_then(Node::as_list).unwrap_or(&[]);
    for (index, (text, node)) in spec.expose.iter().zip(nodes).enumerate() {
        let (range, word) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<u16>(), last.parse::<u16>(), protocol(word)) {
            (Ok(first), Ok(last), Some(protocol)) if first > 0 && first <= last => {
                let count = usize::from(last - first) + 1;
                if !context.report.spend_values(count, Some(node.place)) {
                    break;
                }
                out.extend((first..=last).map(|port| ContainerPort { port, protocol }));
            }
            _ => {
                let field = format!("{}.expose[{index}]", located.field);
                context
                    .report
                    .add(Finding::error("port", &field, "this is not a port").at(node.place).help(
                    "a port or a range such as 8000-8010, with /udp or /sctp behind it if need be",
                ));
            }
        }
    }
    out
}
