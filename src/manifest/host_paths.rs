//! From what this process sees to what the engine finds: the last step of a load.
//!
//! Manifests are read by the paths of this process. What comes from a relative path lies under one of its mounts and is
//! called by the engine's name from here on; an absolute path of a manifest is one of the host, and stays.

use crate::model::config::MountSource;
use crate::model::content::Seen;
use crate::model::desired::{DesiredProject, DesiredService};
use crate::model::path::{HostPath, LocalPath, PathMap};

/// Puts the engine's paths into a project that was read here.
pub(crate) fn translate(project: &mut DesiredProject, paths: &PathMap) {
    if paths.prefixes.is_empty() {
        return;
    }
    project.host_directory = paths.to_host(&project.directory);
    for file in &mut project.config_files {
        on_host(file, paths);
    }
    for service in project.services.values_mut() {
        translate_service(service, paths);
    }
}

fn translate_service(service: &mut DesiredService, paths: &PathMap) {
    for mount in service.config.mounts.values_mut() {
        if let MountSource::Bind { source, .. } = &mut mount.source {
            on_host(source, paths);
        }
    }
    for file in service.files.values_mut() {
        match &mut file.seen {
            Seen::Mounted(path) | Seen::Within(path) => on_host(path, paths),
            Seen::Kept(kept) => {
                if let Some(path) = &mut kept.copy_of {
                    on_host(path, paths);
                }
            }
        }
    }
}

fn on_host(path: &mut HostPath, paths: &PathMap) {
    *path = paths.to_host(&LocalPath::new(path.as_path()));
}
