//! One container: from `inspect`, or from the list alone where `inspect` did not answer.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::labels;
use crate::engine::parse::config::config;
use crate::engine::parse::lifecycle;
use crate::engine::wire::{ContainerJson, EndpointJson, SummaryJson, Texts};
use crate::model::canonical::canonical;
use crate::model::config::Endpoint;
use crate::model::id::{ContainerId, ContainerName, ImageId, NetworkId};
use crate::model::observed::{
    Claim, ContainerDetail, EngineFacts, Knowledge, ObservedContainer, ObservedEndpoint,
};
use crate::model::time::Timestamp;

/// A container as `inspect` tells it.
pub(in crate::engine) fn observed(json: &ContainerJson, facts: &EngineFacts) -> ObservedContainer {
    let no_labels = Texts::new();
    let claim = labels::claim(json.config.labels.as_ref().unwrap_or(&no_labels));
    let created_at = instant(json.created.as_deref()).unwrap_or_default();
    let name = json.name.trim_start_matches('/');
    let detail = match lifecycle::is_known_word(&json.state) {
        true => Knowledge::Known(Box::new(detail(json, &claim, facts))),
        false => Knowledge::Unknown("the engine tells a state that is not known".to_owned()),
    };
    ObservedContainer {
        id: ContainerId::new(json.id.as_str()),
        name: ContainerName::new(name),
        claim,
        image_id: ImageId::new(json.image.as_str()),
        created_at,
        lifecycle: lifecycle::lifecycle(&json.state, created_at),
        health: lifecycle::health(json.state.health.as_ref()),
        restart_count: json.restart_count.unwrap_or(0),
        detail,
    }
}

/// A container of which only the list tells, because `inspect` did not answer in time or not readably.
pub(in crate::engine) fn unseen(summary: &SummaryJson, why: String) -> ObservedContainer {
    let no_labels = Texts::new();
    let created_at = Timestamp::from_millis(summary.created.unwrap_or(0).saturating_mul(1000));
    let word = summary.state.as_deref().unwrap_or("");
    ObservedContainer {
        id: ContainerId::new(summary.id.as_str()),
        name: ContainerName::new(summary.name()),
        claim: labels::claim(summary.labels.as_ref().unwrap_or(&no_labels)),
        image_id: ImageId::new(summary.image_id.as_deref().unwrap_or("")),
        created_at,
        lifecycle: lifecycle::lifecycle_of_summary(word, summary.remark(), created_at),
        health: lifecycle::health_of_summary(summary.remark()),
        restart_count: 0,
        detail: Knowledge::Unknown(why),
    }
}

fn detail(json: &ContainerJson, claim: &Claim, facts: &EngineFacts) -> ContainerDetail {
    let attached = json
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    let own = own_names(json, claim);
    let endpoints: BTreeMap<String, ObservedEndpoint> = attached
        .into_iter()
        .flatten()
        .map(|(name, endpoint)| (name.clone(), observed_endpoint(endpoint.as_ref(), &own)))
        .collect();
    let mut config = config(json);
    config.endpoints = endpoints
        .iter()
        .map(|(name, seen)| (name.clone(), seen.endpoint.clone()))
        .collect();
    let volumes = json
        .mounts
        .iter()
        .flatten()
        .filter(|mount| mount.kind.as_deref() == Some("volume"))
        .filter_map(|mount| Some((mount.destination.clone()?, mount.name.clone()?)))
        .collect();
    ContainerDetail {
        config: canonical(config, facts),
        endpoints,
        volumes,
    }
}

/// Names that the engine, Compose or we give every endpoint: short id, service, container name (also the one that a
/// container under a temporary name `…_<name>` is going to have).
fn own_names(json: &ContainerJson, claim: &Claim) -> BTreeSet<String> {
    let name = json.name.trim_start_matches('/');
    let mut names = BTreeSet::from([name.to_owned()]);
    names.extend(json.id.get(..12).map(str::to_owned));
    if let Some((_, final_name)) = name.split_once('_') {
        names.insert(final_name.to_owned());
    }
    if let Some(service) = &claim.service {
        names.insert(service.to_string());
        if let (Some(project), Some(number)) = (&claim.project, claim.number) {
            names.insert(format!("{project}-{service}-{number}"));
        }
    }
    names
}

fn observed_endpoint(json: Option<&EndpointJson>, own: &BTreeSet<String>) -> ObservedEndpoint {
    let json = json.cloned().unwrap_or_default();
    let ipam = json.ipam_config.unwrap_or_default();
    ObservedEndpoint {
        network: NetworkId::new(json.network_id.unwrap_or_default()),
        endpoint: Endpoint {
            aliases: json
                .aliases
                .into_iter()
                .flatten()
                .filter(|alias| !own.contains(alias))
                .collect(),
            ipv4_address: filled(ipam.ipv4_address),
            ipv6_address: filled(ipam.ipv6_address),
            link_local_ips: ipam.link_local_ips.into_iter().flatten().collect(),
            mac_address: None,
            driver_opts: json.driver_opts.unwrap_or_default(),
            priority: 0,
        },
        ip: filled(json.ip_address).or(filled(json.ipv6_address)),
    }
}

/// The text, unless it is empty.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// An instant as the engine writes it; its zero instant is none.
pub(super) fn instant(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(Timestamp::parse_rfc3339)
}
