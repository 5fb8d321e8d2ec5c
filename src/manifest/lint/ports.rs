//! Ports of the host.

use std::collections::BTreeMap;

use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::{Port, Service};
use crate::manifest::report::Finding;

/// Ports on which databases and caches listen. Most of them ask for no password, or let passwords be guessed for ever.
const DATABASES: [(i64, &str); 12] = [
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (2379, "etcd"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (5984, "CouchDB"),
    (6379, "Redis"),
    (7474, "Neo4j"),
    (9042, "Cassandra"),
    (9200, "Elasticsearch"),
    (11211, "memcached"),
    (27017, "MongoDB"),
];

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        for port in service.ports() {
            open_database(service, port, findings);
            shared(service, port, findings);
        }
    }
    same(project, findings);
}

fn open_database(service: &Service<'_>, port: Port<'_>, findings: &mut Findings<'_>) {
    let known = DATABASES.iter().find(|(number, _)| *number == port.target);
    let Some((number, what)) = known.filter(|_| port.is_open() && port.protocol == "tcp") else {
        return;
    };
    let message = format!("the port of {what} ({number}) is open on every address of the host");
    findings.add(
        Finding::warning("published-database-port", &format!("{}.ports", service.field), message)
            .at(port.place)
            .help(
                "services reach it by name without ports:; for the host alone write 127.0.0.1 in front, as in \
                 \"127.0.0.1:3306:3306\" (the engine opens published ports past the host's firewall)",
            ),
    );
}

/// Replicas that all want one port of the host.
fn shared(service: &Service<'_>, port: Port<'_>, findings: &mut Findings<'_>) {
    let Some((first, last)) = port.published else {
        return;
    };
    let free = i64::from(last) - i64::from(first) + 1;
    let replicas = service.replicas();
    if replicas <= free || first == 0 {
        return;
    }
    let message = format!("{replicas} replicas cannot share {free} of the host's ports");
    findings.add(
        Finding::warning("replicas-share-port", &format!("{}.ports", service.field), message)
            .at(port.place)
            .help("publish a proxy in front of them, or a range with one port for each replica"),
    );
}

/// Two services that want one port.
fn same(project: &Project<'_>, findings: &mut Findings<'_>) {
    let mut taken: BTreeMap<(u16, &str), Vec<(&str, Port<'_>)>> = BTreeMap::new();
    for service in &project.services {
        for port in service.ports() {
            let Some((number, last)) = port.published.filter(|(first, _)| *first != 0) else {
                continue;
            };
            if number != last {
                continue;
            }
            let holders = taken.entry((number, port.protocol)).or_default();
            if let Some((name, other)) = holders.iter().find(|(_, other)| overlap(*other, port)) {
                let message = format!("port {number} of the host is taken by {name} already");
                findings.add(
                    Finding::warning(
                        "same-host-port",
                        &format!("{}.ports", service.field),
                        message,
                    )
                    .at(port.place)
                    .help("only one of them can start; give one of them another port of the host")
                    .related(other.place, format!("{name} takes it here")),
                );
            } else {
                holders.push((service.name, port));
            }
        }
    }
}

fn overlap(left: Port<'_>, right: Port<'_>) -> bool {
    left.is_open() || right.is_open() || left.address == right.address
}
