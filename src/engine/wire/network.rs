//! Networks, volumes and images as the engine shows them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::engine::wire::{ConfigJson, Texts};

/// A network, of the list or of `inspect` (the list names no containers).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct NetworkJson {
    pub(in crate::engine) name: String,
    pub(in crate::engine) id: String,
    pub(in crate::engine) driver: Option<String>,
    #[serde(rename = "EnableIPv4")]
    pub(in crate::engine) enable_ipv4: Option<bool>,
    #[serde(rename = "EnableIPv6")]
    pub(in crate::engine) enable_ipv6: Option<bool>,
    #[serde(rename = "IPAM")]
    pub(in crate::engine) ipam: Option<IpamJson>,
    pub(in crate::engine) internal: Option<bool>,
    pub(in crate::engine) attachable: Option<bool>,
    pub(in crate::engine) containers: Option<BTreeMap<String, Value>>,
    pub(in crate::engine) options: Option<Texts>,
    pub(in crate::engine) labels: Option<Texts>,
}

/// Address management.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct IpamJson {
    pub(in crate::engine) driver: Option<String>,
    pub(in crate::engine) config: Option<Vec<SubnetJson>>,
    pub(in crate::engine) options: Option<Texts>,
}

/// A subnet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct SubnetJson {
    pub(in crate::engine) subnet: Option<String>,
    #[serde(rename = "IPRange")]
    pub(in crate::engine) ip_range: Option<String>,
    pub(in crate::engine) gateway: Option<String>,
    pub(in crate::engine) auxiliary_addresses: Option<Texts>,
}

/// The list of volumes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct VolumeListJson {
    pub(in crate::engine) volumes: Option<Vec<VolumeJson>>,
}

/// A volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct VolumeJson {
    pub(in crate::engine) name: String,
    pub(in crate::engine) driver: Option<String>,
    pub(in crate::engine) labels: Option<Texts>,
    pub(in crate::engine) options: Option<Texts>,
}

/// An image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct ImageJson {
    pub(in crate::engine) id: String,
    pub(in crate::engine) repo_digests: Option<Vec<String>>,
    pub(in crate::engine) architecture: Option<String>,
    pub(in crate::engine) config: Option<ConfigJson>,
}
