//! Networks and volumes.
//!
//! A network's definition reads back canonical too: driver `bridge`, address management `default`, IPv4 on and IPv6 off
//! are absent. Subnets that the engine chose cannot be told from given ones.

use crate::engine::labels;
use crate::engine::parse::container::filled;
use crate::engine::wire::{IpamJson, NetworkJson, Texts, VolumeJson};
use crate::model::desired::{NetworkConfig, Subnet};
use crate::model::id::{ContainerId, Installation, NetworkId, ProjectName, SpecHash};
use crate::model::observed::{ObservedNetwork, ObservedVolume};

/// One network.
pub(in crate::engine) fn network(json: &NetworkJson) -> ObservedNetwork {
    let labels = json.labels.clone().unwrap_or_default();
    let label = |name: &str| label(&labels, name);
    let ipam = json.ipam.clone().unwrap_or_default();
    ObservedNetwork {
        id: NetworkId::new(json.id.as_str()),
        name: json.name.clone(),
        project: label(labels::PROJECT).map(ProjectName::new),
        key: label(labels::NETWORK),
        installation: label(labels::INSTALLATION).map(Installation::new),
        spec_hash: label(labels::SPEC_HASH).map(SpecHash::new),
        config: NetworkConfig {
            driver: filled(json.driver.clone()).filter(|driver| driver != "bridge"),
            driver_opts: json.options.clone().unwrap_or_default(),
            ipam_driver: filled(ipam.driver.clone()).filter(|driver| driver != "default"),
            subnets: subnets(&ipam),
            ipam_options: ipam.options.unwrap_or_default(),
            internal: json.internal.unwrap_or(false),
            attachable: json.attachable.unwrap_or(false),
            enable_ipv4: json.enable_ipv4.filter(|enabled| !enabled),
            enable_ipv6: json.enable_ipv6.filter(|enabled| *enabled),
            labels: labels::of_user(&labels),
        },
        containers: json
            .containers
            .iter()
            .flatten()
            .map(|(id, _)| ContainerId::new(id.as_str()))
            .collect(),
    }
}

fn subnets(ipam: &IpamJson) -> Vec<Subnet> {
    let mut subnets: Vec<Subnet> = ipam
        .config
        .iter()
        .flatten()
        .map(|subnet| Subnet {
            subnet: filled(subnet.subnet.clone()),
            ip_range: filled(subnet.ip_range.clone()),
            gateway: filled(subnet.gateway.clone()),
            aux_addresses: subnet.auxiliary_addresses.clone().unwrap_or_default(),
        })
        .collect();
    subnets.sort();
    subnets
}

/// One volume.
pub(in crate::engine) fn volume(json: &VolumeJson) -> ObservedVolume {
    let labels = json.labels.clone().unwrap_or_default();
    ObservedVolume {
        name: json.name.clone(),
        project: label(&labels, labels::PROJECT).map(ProjectName::new),
        key: label(&labels, labels::VOLUME),
        driver: json.driver.clone().unwrap_or_default(),
        driver_opts: json.options.clone().unwrap_or_default(),
    }
}

fn label(labels: &Texts, name: &str) -> Option<String> {
    labels.get(name).filter(|value| !value.is_empty()).cloned()
}
