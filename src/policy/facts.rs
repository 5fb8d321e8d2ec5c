//! What has to be looked up before a request can be judged: where paths lead to, whose containers and volumes are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::model::path::clean;
use crate::model::rulebook::{AllowedPlace, Rules};
use crate::policy::mounts;
use crate::policy::request::{Request, text, texts};

/// Where composelet itself lives, as the engine sees it. Nothing below the profile `privileged` gets at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// The watched directory.
    pub desired_state: String,
    /// The state directory.
    pub state_dir: String,
    /// Files that are written for containers, one directory for each project; below the state directory.
    pub content: String,
    /// Sockets of container engines.
    pub sockets: BTreeSet<String>,
}

/// Sockets of engines at their usual places.
const SOCKETS: [&str; 6] = [
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/run/docker/docker.sock",
    "/run/podman/podman.sock",
    "/var/run/docker.sock",
];

impl Ground {
    /// With the usual sockets, and `socket`.
    pub fn new(
        desired_state: &Path,
        state_dir: &Path,
        content: &Path,
        socket: Option<&str>,
    ) -> Self {
        let shown = |path: &Path| clean(path).display().to_string();
        let mut sockets: BTreeSet<String> = SOCKETS.into_iter().map(str::to_owned).collect();
        sockets.extend(socket.map(|path| shown(Path::new(path))));
        Self {
            desired_state: shown(desired_state),
            state_dir: shown(state_dir),
            content: shown(content),
            sockets,
        }
    }
}

/// A volume that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenVolume {
    /// Its driver.
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// The project that it belongs to, if it says so.
    pub project: Option<String>,
}

/// What was looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where paths lead to when every link on the way is followed, by their text; one that is not here counts by its text.
    pub paths: BTreeMap<String, String>,
    /// Projects of containers, by name or id; absent if there is no such container, or it belongs to none.
    pub owners: BTreeMap<String, String>,
    /// Volumes that exist, by name.
    pub volumes: BTreeMap<String, SeenVolume>,
}

/// What a judgement needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Paths.
    pub paths: BTreeSet<String>,
    /// Containers, by name or id.
    pub containers: BTreeSet<String>,
    /// Volumes, by name.
    pub volumes: BTreeSet<String>,
}

/// What has to be looked up for `request` of a project in `directory`.
pub fn wanted(
    request: &Request<'_>,
    (rules, ground): (&Rules, &Ground),
    directory: Option<&str>,
) -> Wanted {
    let mut wanted = Wanted::default();
    match request {
        Request::Container { body, .. } => {
            for mount in mounts::of(body) {
                match mount.source {
                    mounts::Source::Path(path) => wanted.paths.extend([path.to_owned()]),
                    mounts::Source::Volume(name) => wanted.volumes.extend([name.to_owned()]),
                    mounts::Source::Other => {}
                }
            }
            wanted.containers.extend(containers(body));
        }
        Request::Volume(body) => {
            let device = body.pointer("/DriverOpts/device").and_then(Value::as_str);
            wanted.paths.extend(device.map(str::to_owned));
        }
        Request::Build(input) => wanted.paths.extend(super::build::paths(input.build)),
        Request::Network(_)
        | Request::Connect(_)
        | Request::Exec(_)
        | Request::Update(_)
        | Request::Pull(_) => {}
    }
    if !wanted.paths.is_empty() || !wanted.volumes.is_empty() {
        let listed = rules.host_paths.iter().flatten().filter_map(|one| match &one.place {
            AllowedPlace::Path(path) => Some(path.clone()),
            AllowedPlace::Project => None,
        });
        wanted.paths.extend(listed);
        let own = [&ground.desired_state, &ground.state_dir, &ground.content];
        wanted.paths.extend(own.into_iter().cloned());
        wanted.paths.extend(ground.sockets.iter().cloned());
        wanted.paths.extend(directory.map(str::to_owned));
    }
    wanted
}

/// Containers that a body names.
fn containers(body: &Value) -> impl Iterator<Item = String> {
    let modes = ["NetworkMode", "PidMode", "IpcMode"].map(|one| format!("/HostConfig/{one}"));
    let joined = modes
        .into_iter()
        .filter_map(|pointer| text(body, &pointer)?.strip_prefix("container:").map(str::to_owned));
    let from = texts(body, "/HostConfig/VolumesFrom").map(donor).map(str::to_owned);
    joined.chain(from)
}

/// The container of a line of `VolumesFrom`.
pub(super) fn donor(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}
