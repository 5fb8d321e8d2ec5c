//! Ports, names, logs, runtimes and networks.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::model::rulebook::Level;
use crate::model::violation::Rule;
use crate::policy::judge::Judge;
use crate::policy::request::{entries, is_on, objects, text, texts};

/// Log drivers whose lines stay on the host; empty is the daemon's own.
const LOCAL_DRIVERS: [&str; 5] = ["", "json-file", "local", "journald", "none"];
/// Options of these drivers.
const LOCAL_OPTIONS: [&str; 10] = [
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];
/// Ports that the kernel gives to those who ask for any (Linux, `ip_local_port_range`).
const EPHEMERAL: RangeInclusive<u16> = 32768..=60999;
/// Options of a bridge that stay inside of it.
const BRIDGE_OPTIONS: [&str; 4] = [
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.driver.mtu",
];

pub(super) fn judge(judge: &mut Judge<'_>, body: &Value) {
    ports(judge, body);
    if !judge.holds(Level::Baseline) {
        return;
    }
    if let Some(runtime) = text(body, "/HostConfig/Runtime").filter(|name| *name != "runc") {
        judge.refuse(Rule::Runtime, "runtime", runtime);
    }
    for (name, _) in entries(body, "/HostConfig/Annotations") {
        judge.refuse(Rule::Runtime, "annotations", name);
    }
    let driver = body.pointer("/HostConfig/LogConfig/Type").and_then(Value::as_str);
    if let Some(driver) = driver.filter(|driver| !LOCAL_DRIVERS.contains(driver)) {
        judge.refuse(Rule::LogDriver, "logging", driver);
    }
    for (option, _) in entries(body, "/HostConfig/LogConfig/Config") {
        if !LOCAL_OPTIONS.contains(&option) {
            judge.refuse(Rule::LogDriver, "logging.options", option);
        }
    }
    for link in texts(body, "/HostConfig/Links") {
        judge.refuse(Rule::Links, "external_links", link);
    }
    for line in texts(body, "/HostConfig/ExtraHosts") {
        let address = line.split_once(':').map_or(line, |(_, address)| address);
        let address = address.trim_matches(['[', ']']);
        let gateway = address == "host-gateway" && judge.holds(Level::Restricted);
        if gateway || is_metadata(address) {
            judge.refuse(Rule::MetadataAddress, "extra_hosts", line);
        }
    }
}

/// Link-local addresses, at which clouds answer with credentials, and their names.
fn is_metadata(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    if lower == "fd00:ec2::254" || lower == "100.100.100.200" {
        return true;
    }
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(four)) => four.is_link_local(),
        Ok(std::net::IpAddr::V6(six)) => {
            six.to_ipv4().is_some_and(|four| four.is_link_local()) || six.is_unicast_link_local()
        }
        Err(_) => false,
    }
}

fn ports(judge: &mut Judge<'_>, body: &Value) {
    if judge.holds(Level::Baseline) && is_on(body, "/HostConfig/PublishAllPorts") {
        judge.refuse(Rule::HostPorts, "ports", "all");
    }
    for (port, bindings) in entries(body, "/HostConfig/PortBindings") {
        for binding in objects(bindings, "") {
            let ip = text(binding, "/HostIp").unwrap_or("0.0.0.0");
            let host = text(binding, "/HostPort").unwrap_or_default();
            let shown = format!("{ip}:{host}:{port}");
            let addresses = judge.rules.host_addresses.as_ref();
            let reachable = addresses.is_none_or(|list| list.contains(ip));
            let free = judge.rules.ports.as_ref().is_none_or(|ports| within(host, ports));
            if !reachable || !free {
                judge.refuse(Rule::HostPorts, "ports", &shown);
            }
        }
    }
}

/// Whether every port of `8000`, `8000-8010` or `` (any) lies in one of `allowed`.
fn within(port: &str, allowed: &[RangeInclusive<u16>]) -> bool {
    let asked = match port.split_once('-') {
        _ if port.is_empty() => Some(EPHEMERAL),
        Some((from, to)) => from.parse().ok().zip(to.parse().ok()).map(|(from, to)| from..=to),
        None => port.parse().ok().map(|port: u16| port..=port),
    };
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return false;
    };
    let mut next = u32::from(*asked.start());
    let last = u32::from(*asked.end());
    let covers = |port: u32| {
        let mut fits = allowed
            .iter()
            .filter(|range| u32::from(*range.start()) <= port && port <= u32::from(*range.end()));
        fits.next().map(|range| u32::from(*range.end()) + 1)
    };
    while next <= last {
        match covers(next) {
            Some(after) => next = after,
            None => return false,
        }
    }
    true
}

/// A network that is created.
pub(super) fn network(judge: &mut Judge<'_>, body: &Value) {
    let driver = text(body, "/Driver").unwrap_or("bridge");
    let Some(allowed) = &judge.rules.network_drivers else {
        return;
    };
    if !allowed.contains(driver) {
        return judge.refuse(Rule::NetworkDriver, "driver", driver);
    }
    if driver != "bridge" || !judge.holds(Level::Baseline) {
        return;
    }
    for (option, _) in entries(body, "/Options") {
        if !BRIDGE_OPTIONS.contains(&option) {
            judge.refuse(Rule::NetworkDriver, "driver_opts", option);
        }
    }
    let ipam = text(body, "/IPAM/Driver").filter(|driver| *driver != "default");
    if let Some(driver) = ipam {
        judge.refuse(Rule::NetworkDriver, "ipam.driver", driver);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_of_a_range_has_to_be_allowed() {
        let allowed = [80..=80, 443..=443, 8000..=8099, 8100..=8200];
        assert!(within("80", &allowed) && within("8090-8110", &allowed));
        assert!(!within("81", &allowed) && !within("80-443", &allowed) && !within("", &allowed));
        assert!(!within("8010-8000", &allowed) && !within("x", &allowed));
        assert!(within("", &[1024..=u16::MAX]) && within("65535", &[1024..=u16::MAX]));
    }

    #[test]
    fn addresses_of_metadata_services_are_known_in_every_spelling() {
        for address in
            ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "::ffff:169.254.169.254"]
        {
            assert!(is_metadata(address), "{address}");
        }
        assert!(!is_metadata("10.0.0.1") && !is_metadata("host-gateway"));
    }
}
