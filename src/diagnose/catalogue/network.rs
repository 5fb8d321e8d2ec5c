//! Names that are not found and connections that nobody takes.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Likely, Possible};
use crate::diagnose::cause::Sign::{Engine, Fact, Log, Probe};
use crate::diagnose::evidence::Evidence;
use crate::diagnose::sight::{holds_all, named, refused, serves, shares_network, unresolved};

/// How a refused connection to the own container looks.
const OWN: &[&str] = &["localhost", "127.0.0.1", "[::1]"];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "name-on-another-network",
        title: "the service that it looks for is on no network of its own, so that its name is unknown",
        certainty: Certain,
        signs: &[Fact(
            "a name that cannot be resolved is that of a neighbour without a common network",
            other_network,
        )],
        mend: "give both services one network under `networks:`",
    },
    Cause {
        id: "neighbour-not-running",
        title: "the service that it looks for does not run, or is ill",
        certainty: Likely,
        signs: &[Fact(
            "a name or connection that fails is that of a neighbour that does not serve",
            not_running,
        )],
        mend: "mend that one first; this one comes by itself",
    },
    Cause {
        id: "localhost-is-the-container",
        title: "it looks for another service on localhost, and that is its own container",
        certainty: Likely,
        signs: &[Fact("a connection to localhost or 127.0.0.1 is refused", own_container)],
        mend: "name the other service by its name in the project (`db:5432`), not by localhost",
    },
    Cause {
        id: "name-not-resolved",
        title: "a host name cannot be resolved",
        certainty: Likely,
        signs: &[Fact("a name that cannot be resolved is no neighbour's", unknown_name)],
        mend: "correct the name: services are found by their key, container name and aliases; names of the world need the host's DNS",
    },
    Cause {
        id: "connection-refused",
        title: "nobody takes the connection: the other side listens on another port or address, or not yet",
        certainty: Likely,
        signs: &[Fact(
            "a connection to something else than the own container is refused",
            refused_elsewhere,
        )],
        mend: "use the port inside the other container (not the published one), wait with `service_healthy`, and let it listen on 0.0.0.0",
    },
    Cause {
        id: "dependency-not-ready",
        title: "it waits for another service that is not as far as it has to be",
        certainty: Possible,
        signs: &[
            Engine(&["to be healthy; it is"]),
            Engine(&["to be started; it is"]),
            Engine(&["to be completed; it is"]),
        ],
        mend: "mend that one first; this one comes by itself",
    },
    Cause {
        id: "certificate-not-trusted",
        title: "a certificate is expired, or its authority is unknown inside the container",
        certainty: Likely,
        signs: &[
            Log(&["certificate has expired"]),
            Log(&["certificate verify failed"]),
            Log(&["self signed certificate"]),
            Log(&["self-signed certificate"]),
            Log(&["certificate signed by unknown authority"]),
            Log(&["unable to find valid certification path"]),
            Probe(&["ssl certificate problem"]),
        ],
        mend: "renew it (`composelet doctor` names the mounted ones that end); for an authority of your own install ca-certificates and its certificate in the image",
    },
    Cause {
        id: "clock-skew",
        title: "the clock of the host is wrong: tokens and certificates are not valid yet, or no longer",
        certainty: Likely,
        signs: &[
            Log(&["requesttimetooskewed"]),
            Log(&["token used before issued"]),
            Log(&["token is not yet valid"]),
            Log(&["certificate is not yet valid"]),
            Log(&["clock skew"]),
            Log(&["release file for", "is not valid yet"]),
            Engine(&["certificate has expired or is not yet valid"]),
            Fact(
                "the engine's clock differs from ours by more than a minute, and it is not well",
                skew,
            ),
        ],
        mend: "let the host keep time (`timedatectl set-ntp true`); a machine that slept needs a moment",
    },
    Cause {
        id: "metrics-endpoint-speaks-no-http",
        title: "Prometheus asks a port that speaks no HTTP, such as that of Redis or a database",
        certainty: Likely,
        signs: &[
            Log(&["malformed http response"]),
            Log(&["possible security attack detected", "post or host:"]),
        ],
        mend: "scrape an exporter (redis_exporter, mysqld_exporter) instead of the server itself",
    },
];

fn other_network(evidence: &Evidence) -> Vec<String> {
    let lines = unresolved(evidence).into_iter();
    let told = lines.filter_map(|line| {
        let neighbour = named(evidence, line)?;
        (!shares_network(evidence, neighbour)).then(|| line.clone())
    });
    told.collect()
}

fn not_running(evidence: &Evidence) -> Vec<String> {
    let lines = unresolved(evidence).into_iter().chain(refused(evidence));
    let told = lines.filter(|line| {
        let neighbour = named(evidence, line);
        neighbour.is_some_and(|neighbour| !serves(neighbour))
    });
    told.cloned().collect()
}

fn own_container(evidence: &Evidence) -> Vec<String> {
    let lines = refused(evidence).into_iter();
    lines.filter(|line| OWN.iter().any(|own| holds_all(line, &[own]))).cloned().collect()
}

fn unknown_name(evidence: &Evidence) -> Vec<String> {
    unresolved(evidence).into_iter().cloned().collect()
}

fn refused_elsewhere(evidence: &Evidence) -> Vec<String> {
    refused(evidence).into_iter().cloned().collect()
}

fn skew(evidence: &Evidence) -> Vec<String> {
    let ahead = evidence.host.clock_ahead_s.unwrap_or_default();
    if ahead.abs() <= 60 || evidence.mood_is_well() || evidence.telling_lines().is_empty() {
        return Vec::new();
    }
    vec![format!("the engine's clock differs by {ahead} s from that of this process")]
}
