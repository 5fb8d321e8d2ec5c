//! What a service mounts, but for configs and secrets.

use std::collections::BTreeMap;

use super::container::{filled, positive};
use super::spec;
use crate::manifest::refusal;
use crate::model::config::{BindRecursion, Mount, MountSource};
use crate::model::desired::{DesiredVolume, Refusal};
use crate::model::path::HostPath;

/// The engine's socket, on the host and inside of a service with `use_api_socket`.
const API_SOCKET: &str = "/var/run/docker.sock";

/// Mounts by target.
pub(super) fn mounts(
    spec: &spec::Service,
    volumes: &BTreeMap<String, DesiredVolume>,
) -> BTreeMap<String, Mount> {
    let mut out = BTreeMap::new();
    for line in &spec.tmpfs {
        let (target, options) = line.split_once(':').unwrap_or((line, ""));
        let source =
            MountSource::Tmpfs { size_bytes: None, mode: None, options: options.to_owned() };
        let read_only = false;
        out.insert(target.to_owned(), Mount { source, read_only });
    }
    for mount in &spec.volumes {
        let source = source(mount, volumes);
        out.insert(mount.target.clone(), Mount { source, read_only: mount.read_only });
    }
    if spec.use_api_socket {
        let source = MountSource::Bind {
            source: HostPath::new(API_SOCKET),
            create_host_path: true,
            propagation: None,
            selinux: None,
            recursive: BindRecursion::Enabled,
        };
        out.entry(API_SOCKET.to_owned()).or_insert(Mount { source, read_only: false });
    }
    out
}

fn source(mount: &spec::VolumeMount, volumes: &BTreeMap<String, DesiredVolume>) -> MountSource {
    match (mount.r#type.as_str(), filled(mount.source.as_ref())) {
        ("bind", Some(path)) => MountSource::Bind {
            source: HostPath::new(path),
            create_host_path: mount.bind.create_host_path.unwrap_or(true),
            propagation: mount.bind.propagation.clone(),
            selinux: mount.bind.selinux.clone(),
            recursive: recursion(mount.bind.recursive.as_deref()),
        },
        ("tmpfs", _) => MountSource::Tmpfs {
            size_bytes: positive(mount.tmpfs.size),
            mode: mount.tmpfs.mode,
            options: String::new(),
        },
        ("image", Some(image)) => {
            MountSource::Image { image, subpath: filled(mount.image.subpath.as_ref()) }
        }
        (_, Some(key)) => MountSource::Volume {
            name: volumes.get(&key).map_or(key, |volume| volume.name.clone()),
            nocopy: mount.volume.nocopy,
            subpath: filled(mount.volume.subpath.as_ref()),
        },
        (_, None) => MountSource::Anonymous,
    }
}

fn recursion(word: Option<&str>) -> BindRecursion {
    match word {
        Some("disabled") => BindRecursion::Disabled,
        Some("writable") => BindRecursion::Writable,
        Some("readonly") => BindRecursion::ReadOnly,
        _ => BindRecursion::Enabled,
    }
}

/// Labels of volumes without a name, by target; one with a name has its own.
pub(super) fn volume_labels(spec: &spec::Service) -> BTreeMap<String, BTreeMap<String, String>> {
    let mounts = spec.volumes.iter();
    let anonymous =
        mounts.filter(|mount| mount.r#type == "volume" && filled(mount.source.as_ref()).is_none());
    let labelled = anonymous.filter(|mount| !mount.volume.labels.is_empty());
    labelled.map(|mount| (mount.target.clone(), mount.volume.labels.clone())).collect()
}

/// Why the service is not run, if so.
pub(super) fn refusal(spec: &spec::Service) -> Option<Refusal> {
    let of = |attribute, why| Some(Refusal { attribute, why });
    if spec.provider.is_some() {
        return of("provider", refusal::PROVIDER);
    }
    if !spec.models.is_empty() {
        return of("models", refusal::MODELS);
    }
    spec.volumes.iter().find_map(|mount| match mount.r#type.as_str() {
        "cluster" => of("volumes.type: cluster", refusal::CLUSTER),
        "npipe" => of("volumes.type: npipe", refusal::NPIPE),
        _ => None,
    })
}
