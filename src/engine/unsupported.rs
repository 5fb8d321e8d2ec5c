//! What an engine is too old for. It ignores fields that it does not know without a word, so they are compared with its
//! API version before anything is sent, and left out.

use crate::model::config::{ContainerConfig, MountSource};
use crate::model::observed::ApiVersion;

/// An attribute that this engine cannot honour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsupported {
    /// The attribute, as Compose names it.
    pub attribute: &'static str,
    /// API version that brought it.
    pub since: ApiVersion,
}

/// API version from which several endpoints, their MAC addresses and the start interval are understood (Docker 25).
pub(super) const SEVERAL_ENDPOINTS: ApiVersion = ApiVersion::v1(44);
/// API version of annotations (Docker 24).
pub(super) const ANNOTATIONS: ApiVersion = ApiVersion::v1(43);
/// API version from which a bind mount in the long form may create its source (Docker 23).
pub(super) const CREATE_MOUNTPOINT: ApiVersion = ApiVersion::v1(42);

/// What `config` asks for that an engine of this API version cannot do, sorted.
pub fn unsupported(config: &ContainerConfig, api: ApiVersion) -> Vec<Unsupported> {
    let check = config.healthcheck.as_ref();
    let asked = [
        ("annotations", ANNOTATIONS, !config.annotations.is_empty()),
        (
            "healthcheck.start_interval",
            SEVERAL_ENDPOINTS,
            check.is_some_and(|check| check.start_interval.is_some()),
        ),
        (
            "networks.mac_address",
            SEVERAL_ENDPOINTS,
            config.endpoints.values().any(|endpoint| endpoint.mac_address.is_some()),
        ),
        (
            "volumes.bind.create_host_path",
            CREATE_MOUNTPOINT,
            config.mounts.iter().any(|(target, mount)| is_long_and_creating(target, &mount.source)),
        ),
    ];
    asked
        .into_iter()
        .filter(|(_, since, is_asked)| *is_asked && api < *since)
        .map(|(attribute, since, _)| Unsupported { attribute, since })
        .collect()
}

/// Whether a bind mount needs the long form and wants its source created.
fn is_long_and_creating(target: &str, source: &MountSource) -> bool {
    match source {
        MountSource::Bind { create_host_path: true, source, propagation, .. } => {
            !fits_in_a_line(&source.display().to_string(), target, propagation.as_deref())
        }
        _ => false,
    }
}

/// Whether a bind mount can be written as `source:target:mode`.
pub(super) fn fits_in_a_line(source: &str, target: &str, propagation: Option<&str>) -> bool {
    propagation.is_none() && !source.contains(':') && !target.contains(':')
}
