//! The container that this process runs in, as the engine knows it.

use std::path::{Path, PathBuf};

use crate::engine::call::Call;
use crate::engine::facade::{Engine, locked};
use crate::engine::wire::{ContainerJson, MountPointJson};
use crate::model::id::{ContainerId, ContainerName};
use crate::model::outcome::{Failure, FailureClass};
use crate::model::own::{Own, Traces};
use crate::model::path::PathMap;

impl Engine {
    /// The container that `traces` come from; `None`: it is none of this engine's. A candidate counts if it runs and has
    /// its mounts where this process has some.
    ///
    /// # Errors
    /// `Unreachable` or `Engine` if a candidate cannot be looked at.
    pub async fn own_container(&self, traces: &Traces) -> Result<Option<Own>, Failure> {
        for candidate in &traces.candidates {
            let id = ContainerId::new(candidate.as_str());
            let client = self.client();
            let call = Call::read("inspect_container", 5);
            match self.run(call, client.inspect_container(&id)).await {
                Ok(json) => {
                    let own = own(&json, traces, candidate);
                    if own.is_some() {
                        return Ok(own);
                    }
                }
                Err(failure) if failure.class == FailureClass::NotFound => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }

    /// Puts a container out of reach of every call that changes something, but for another name: the one that this process
    /// runs in.
    pub fn keep_off(&self, own: ContainerId) {
        *locked(&self.inner.own) = Some(own);
    }

    /// The container that is out of reach.
    pub(super) fn own(&self) -> Option<ContainerId> {
        locked(&self.inner.own).clone()
    }

    /// # Errors
    /// `Forbidden` for the container that this process runs in.
    pub(super) fn guard(&self, id: &ContainerId) -> Result<(), Failure> {
        if self.own().as_ref() != Some(id) {
            return Ok(());
        }
        let message = format!("this controller runs in {}, and leaves it alone", id.short());
        Err(Failure { class: FailureClass::Forbidden, message })
    }
}

fn own(json: &ContainerJson, traces: &Traces, candidate: &str) -> Option<Own> {
    let mounts = json.mounts.as_deref().unwrap_or_default();
    let destinations = mounts.iter().filter_map(|mount| mount.destination.as_deref());
    let destinations: Vec<PathBuf> = destinations.map(real).collect();
    let runs = json.state.status.as_deref() == Some("running");
    // A name of digits is no id.
    let right = json.id.starts_with(candidate) && runs && traces.fit(&destinations);
    right.then(|| Own {
        id: ContainerId::new(json.id.as_str()),
        name: ContainerName::new(json.name.trim_start_matches('/')),
        paths: PathMap { prefixes: mounts.iter().flat_map(prefixes).collect() },
    })
}

/// A destination as the kernel shows it. The engine follows links of the image: `/var/run` is mostly `/run`.
fn real(destination: &str) -> PathBuf {
    std::fs::canonicalize(destination).unwrap_or_else(|_| PathBuf::from(destination))
}

/// Where the engine has what is mounted there, by the path that was asked for and by the one that it became. Volumes of
/// drivers that keep their data elsewhere have no place.
fn prefixes(mount: &MountPointJson) -> Vec<(PathBuf, PathBuf)> {
    let source = mount.source.as_deref().filter(|source| source.starts_with('/'));
    let (Some("bind" | "volume"), Some(source), Some(destination)) =
        (mount.kind.as_deref(), source, mount.destination.as_deref())
    else {
        return Vec::new();
    };
    let mut out = vec![(PathBuf::from(destination), PathBuf::from(source))];
    let real = real(destination);
    if real != Path::new(destination) {
        out.push((real, source.into()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::path::LocalPath;
    use serde_json::json;

    #[test]
    fn the_map_of_paths_comes_from_binds_and_volumes() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let json: ContainerJson = serde_json::from_value(json!({
            "Id": id, "Name": "/keeper", "State": { "Status": "running" },
            "Mounts": [
                { "Type": "bind", "Source": "/srv/desired", "Destination": "/desired" },
                { "Type": "volume", "Name": "state", "Source": "/var/lib/docker/volumes/state/_data",
                  "Destination": "/var/lib/composelet" },
                { "Type": "volume", "Name": "far", "Source": "", "Destination": "/far" },
            ],
        }))
        .unwrap();
        let points = ["/desired", "/var/lib/composelet", "/far", "/etc/hosts"];
        let traces = Traces {
            candidates: vec![id.to_owned()],
            mounts: points.iter().map(PathBuf::from).collect(),
        };
        let own = own(&json, &traces, "0123456789ab").unwrap();
        assert_eq!(own.name.as_str(), "keeper");
        let host = |path: &str| own.paths.to_host(&LocalPath::new(path)).display().to_string();
        assert_eq!(host("/desired/shop/data"), "/srv/desired/shop/data");
        let content = "/var/lib/docker/volumes/state/_data/content/a";
        assert_eq!(host("/var/lib/composelet/content/a"), content);
        for (path, shown) in [("/desired/x", true), ("/far/x", false), ("/desired-not", false)] {
            assert_eq!(own.paths.shows(&LocalPath::new(path)), shown, "{path}");
        }
        let elsewhere = Traces { mounts: [PathBuf::from("/desired")].into(), ..traces };
        assert!(super::own(&json, &elsewhere, id).is_none());
    }
}
