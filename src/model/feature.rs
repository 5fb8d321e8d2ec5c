//! What engines learned after 20.10 (API 1.41): which attribute, with which API version, and what an older engine makes
//! of it. Schema, documentation, comparison, create and conditions take it from here.
//!
//! An engine ignores what it does not know without a word, so absence of an error proves nothing: the version is compared
//! before anything is sent.

use serde::{Deserialize, Serialize};

use crate::model::config::{BindRecursion, ContainerConfig, Endpoint, MountSource};
use crate::model::desired::NetworkConfig;
use crate::model::observed::ApiVersion;

/// An attribute with the API version that brought it.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Path below the service or network, as Compose names it: `networks.gw_priority`.
    pub attribute: &'static str,
    /// API version that brought it.
    pub since: ApiVersion,
    /// What happens on an older engine.
    pub lack: Lack,
    asked: Asked,
}

/// What is done where the engine is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The attribute is left out; the container runs without it.
    LeftOut,
    /// Nothing is created: without it the container would see other data, or another network, than it should.
    Refused,
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Container(fn(&ContainerConfig) -> bool),
    Network(fn(&NetworkConfig) -> bool),
}

/// An attribute that the engine is too old for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LackingAttribute {
    /// The attribute, as Compose names it.
    pub attribute: String,
    /// API version that has it, with the engine for people.
    pub since: String,
}

impl From<&Feature> for LackingAttribute {
    fn from(feature: &Feature) -> Self {
        Self { attribute: feature.attribute.to_owned(), since: feature.since.with_engine() }
    }
}

/// What an engine lacks, for people.
pub fn listed(lacking: &[LackingAttribute]) -> String {
    let one = |one: &LackingAttribute| format!("{} needs API {}", one.attribute, one.since);
    lacking.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// API version from which a bind mount in the long form may create its source (Docker 23).
pub const CREATE_MOUNTPOINT: ApiVersion = ApiVersion::v1(42);
/// API version of annotations (Docker 24).
pub const ANNOTATIONS: ApiVersion = ApiVersion::v1(43);
/// API version from which several endpoints, their MAC addresses, the start interval and the recursion of read-only binds
/// are understood (Docker 25).
pub const SEVERAL_ENDPOINTS: ApiVersion = ApiVersion::v1(44);
/// API version of directories inside volumes (Docker 26).
pub const SUBPATH: ApiVersion = ApiVersion::v1(45);
/// API version of image mounts, gateway priorities and networks without IPv4 (Docker 28).
pub const IMAGE_MOUNTS: ApiVersion = ApiVersion::v1(48);
/// API version of names of interfaces (Docker 28.1).
pub const INTERFACE_NAMES: ApiVersion = ApiVersion::v1(49);

/// All of them, by version (compose-spec reference §1.7).
pub const FEATURES: &[Feature] = &[
    Feature {
        attribute: "volumes.bind.create_host_path",
        since: CREATE_MOUNTPOINT,
        lack: Lack::LeftOut,
        asked: Asked::Container(|c| {
            any_mount(c, |target, source| match source {
                MountSource::Bind { create_host_path: true, .. } => source.is_long(target),
                _ => false,
            })
        }),
    },
    Feature {
        attribute: "annotations",
        since: ANNOTATIONS,
        lack: Lack::LeftOut,
        asked: Asked::Container(|c| !c.annotations.is_empty()),
    },
    Feature {
        attribute: "healthcheck.start_interval",
        since: SEVERAL_ENDPOINTS,
        lack: Lack::LeftOut,
        asked: Asked::Container(|c| {
            c.healthcheck.as_ref().is_some_and(|check| check.start_interval.is_some())
        }),
    },
    Feature {
        attribute: "networks.mac_address",
        since: SEVERAL_ENDPOINTS,
        lack: Lack::LeftOut,
        asked: Asked::Container(|c| {
            let primary = c.primary_network();
            let mut endpoints = c.endpoints.iter();
            endpoints.any(|(name, one)| one.mac_address.is_some() && Some(name) != primary)
        }),
    },
    Feature {
        attribute: "volumes.bind.recursive",
        since: SEVERAL_ENDPOINTS,
        lack: Lack::LeftOut,
        asked: Asked::Container(|c| {
            any_mount(c, |_, source| {
                let MountSource::Bind { recursive, .. } = source else {
                    return false;
                };
                matches!(recursive, BindRecursion::Writable | BindRecursion::ReadOnly)
            })
        }),
    },
    Feature {
        attribute: "volumes.volume.subpath",
        since: SUBPATH,
        lack: Lack::Refused,
        asked: Asked::Container(|c| {
            any_mount(c, |_, source| matches!(source, MountSource::Volume { subpath: Some(_), .. }))
        }),
    },
    Feature {
        attribute: "volumes.image",
        since: IMAGE_MOUNTS,
        lack: Lack::Refused,
        asked: Asked::Container(|c| {
            any_mount(c, |_, source| matches!(source, MountSource::Image { .. }))
        }),
    },
    Feature {
        attribute: "networks.gw_priority",
        since: IMAGE_MOUNTS,
        lack: Lack::LeftOut,
        asked: Asked::Container(|c| any_endpoint(c, |endpoint| endpoint.gw_priority != 0)),
    },
    Feature {
        attribute: "enable_ipv4",
        since: IMAGE_MOUNTS,
        lack: Lack::Refused,
        asked: Asked::Network(|network| network.enable_ipv4 == Some(false)),
    },
    Feature {
        attribute: "networks.interface_name",
        since: INTERFACE_NAMES,
        lack: Lack::Refused,
        asked: Asked::Container(|c| any_endpoint(c, |endpoint| endpoint.interface_name.is_some())),
    },
];

/// What `config` asks for that an engine of this version cannot do, by version.
pub fn lacking(
    config: &ContainerConfig,
    api: ApiVersion,
) -> impl Iterator<Item = &'static Feature> {
    FEATURES.iter().filter(move |feature| {
        api < feature.since && matches!(feature.asked, Asked::Container(asked) if asked(config))
    })
}

/// What a network asks for that an engine of this version cannot do.
pub fn network_lacking(
    config: &NetworkConfig,
    api: ApiVersion,
) -> impl Iterator<Item = &'static Feature> {
    FEATURES.iter().filter(move |feature| {
        api < feature.since && matches!(feature.asked, Asked::Network(asked) if asked(config))
    })
}

fn any_mount(config: &ContainerConfig, asked: impl Fn(&str, &MountSource) -> bool) -> bool {
    config.mounts.iter().any(|(target, mount)| asked(target, &mount.source))
}

fn any_endpoint(config: &ContainerConfig, asked: impl Fn(&Endpoint) -> bool) -> bool {
    config.endpoints.values().any(asked)
}
