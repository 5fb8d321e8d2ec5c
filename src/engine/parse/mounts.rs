//! Mounts, from the three places where `inspect` tells what was asked for, and the one where it tells what is there.

use std::collections::BTreeMap;

use crate::engine::wire::{BindOptionsJson, ContainerJson, MountJson};
use crate::model::config::{BindRecursion, Mount, MountSource};
use crate::model::path::HostPath;

/// Mounts by target. A volume that nobody named is anonymous, whether the image asked for it or the manifest.
pub(super) fn mounts(json: &ContainerJson) -> BTreeMap<String, Mount> {
    let host = &json.host_config;
    let mut mounts = BTreeMap::new();
    mounts.extend(host.binds.iter().flatten().filter_map(|line| bind(line)));
    mounts.extend(host.mounts.iter().flatten().filter_map(long_form));
    for (target, options) in host.tmpfs.iter().flatten() {
        let source = MountSource::Tmpfs { size_bytes: None, mode: None, options: options.clone() };
        let mount = Mount { source, read_only: false };
        mounts.insert(target.clone(), mount);
    }
    let volumes = json.mounts.iter().flatten();
    for mount in volumes.filter(|mount| mount.kind.as_deref() == Some("volume")) {
        if let Some(target) = &mount.destination {
            mounts.entry(target.clone()).or_insert(Mount {
                source: MountSource::Anonymous,
                read_only: !mount.writable.unwrap_or(true),
            });
        }
    }
    mounts
}

/// A line of `Binds`: `source:target[:options]`. What does not begin with a slash is the name of a volume.
fn bind(line: &str) -> Option<(String, Mount)> {
    let mut parts = line.splitn(3, ':');
    let (source, target) = (parts.next()?, parts.next()?);
    let options: Vec<&str> = parts.next().unwrap_or("").split(',').collect();
    let find = |words: &[&str]| {
        let found = options.iter().find(|option| words.contains(option));
        found.map(|option| (*option).to_owned())
    };
    let source = if source.starts_with('/') {
        MountSource::Bind {
            source: HostPath::new(source),
            create_host_path: true,
            propagation: find(&["private", "rprivate", "shared", "rshared", "slave", "rslave"]),
            selinux: find(&["z", "Z"]),
            recursive: BindRecursion::Enabled,
        }
    } else {
        MountSource::Volume {
            name: source.to_owned(),
            nocopy: options.contains(&"nocopy"),
            subpath: None,
        }
    };
    let mount = Mount { source, read_only: options.contains(&"ro") };
    Some((target.to_owned(), mount))
}

fn recursion(options: &BindOptionsJson) -> BindRecursion {
    if options.non_recursive == Some(true) {
        BindRecursion::Disabled
    } else if options.read_only_non_recursive == Some(true) {
        BindRecursion::Writable
    } else if options.read_only_force_recursive == Some(true) {
        BindRecursion::ReadOnly
    } else {
        BindRecursion::Enabled
    }
}

/// An entry of `Mounts` of the host configuration; kinds that the model does not have are left out.
fn long_form(json: &MountJson) -> Option<(String, Mount)> {
    let given = json.source.clone().filter(|source| !source.is_empty());
    let source = match (json.kind.as_deref()?, given) {
        ("bind", Some(source)) => {
            let options = json.bind_options.clone().unwrap_or_default();
            MountSource::Bind {
                source: HostPath::new(source),
                create_host_path: false,
                recursive: recursion(&options),
                propagation: options.propagation,
                selinux: None,
            }
        }
        ("volume", Some(name)) => {
            let options = json.volume_options.clone().unwrap_or_default();
            let nocopy = options.no_copy.unwrap_or(false);
            MountSource::Volume { name, nocopy, subpath: options.subpath }
        }
        ("image", Some(image)) => MountSource::Image {
            image,
            subpath: json.image_options.clone().and_then(|options| options.subpath),
        },
        ("volume", None) => MountSource::Anonymous,
        ("tmpfs", _) => {
            let options = json.tmpfs_options.clone().unwrap_or_default();
            MountSource::Tmpfs {
                size_bytes: options.size_bytes,
                mode: options.mode,
                options: String::new(),
            }
        }
        _ => return None,
    };
    let mount = Mount { source, read_only: json.read_only.unwrap_or(false) };
    Some((json.target.clone()?, mount))
}
