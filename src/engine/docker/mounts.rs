//! Mounts: which of the API's four forms each takes. The choice is the command line's (version 5), so that a container
//! made by either reads back the same.

use bollard::models::{
    HostConfig, Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum,
    MountTmpfsOptions, MountType, MountVolumeOptions,
};

use crate::engine::unsupported::{CREATE_MOUNTPOINT, fits_in_a_line};
use crate::model::config::{ContainerConfig, Mount, MountSource};
use crate::model::observed::ApiVersion;

/// Mounts, sorted into the forms of the API.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    binds: Vec<String>,
    long: Vec<EngineMount>,
    tmpfs: Vec<(String, String)>,
}

impl Mounts {
    /// Puts them into a host configuration.
    pub(super) fn fill(self, host: &mut HostConfig) {
        host.binds = (!self.binds.is_empty()).then_some(self.binds);
        host.mounts = (!self.long.is_empty()).then_some(self.long);
        host.tmpfs = (!self.tmpfs.is_empty()).then(|| self.tmpfs.into_iter().collect());
    }
}

/// Sorts the mounts of a container.
///
/// # Errors
/// An unknown propagation.
pub(super) fn mounts(config: &ContainerConfig, api: ApiVersion) -> Result<Mounts, String> {
    let mut sorted = Mounts::default();
    for (target, mount) in &config.mounts {
        match &mount.source {
            MountSource::Bind { .. } => bind(&mut sorted, target, mount, api)?,
            MountSource::Volume { name, nocopy: false } => {
                sorted.binds.push(line(name, target, mount.read_only, None));
            }
            MountSource::Volume { name, nocopy: true } => sorted.long.push(EngineMount {
                source: Some(name.clone()),
                volume_options: Some(MountVolumeOptions {
                    no_copy: Some(true),
                    ..MountVolumeOptions::default()
                }),
                ..engine_mount(MountType::VOLUME, target, mount)
            }),
            MountSource::Kept { name } => {
                return Err(format!("internal error: nobody said where the file {name} is"));
            }
            MountSource::Anonymous => {
                sorted.long.push(engine_mount(MountType::VOLUME, target, mount));
            }
            MountSource::Tmpfs { size_bytes: None, mode: None, options } => {
                let options = match (mount.read_only, options.is_empty()) {
                    (false, _) => options.clone(),
                    (true, true) => "ro".to_owned(),
                    (true, false) => format!("{options},ro"),
                };
                sorted.tmpfs.push((target.clone(), options));
            }
            MountSource::Tmpfs { size_bytes, mode, .. } => sorted.long.push(EngineMount {
                tmpfs_options: Some(MountTmpfsOptions {
                    size_bytes: *size_bytes,
                    mode: mode.map(i64::from),
                    options: None,
                }),
                ..engine_mount(MountType::TMPFS, target, mount)
            }),
        }
    }
    Ok(sorted)
}

/// A path of the host: a line of `Binds`, which creates a missing path, unless something needs the long form.
fn bind(sorted: &mut Mounts, target: &str, mount: &Mount, api: ApiVersion) -> Result<(), String> {
    let MountSource::Bind { source, create_host_path, propagation, selinux } = &mount.source else {
        return Ok(());
    };
    let source = source.display().to_string();
    if *create_host_path && fits_in_a_line(&source, target, propagation.as_deref()) {
        let text = line(&source, target, mount.read_only, selinux.as_deref());
        sorted.binds.push(text);
        return Ok(());
    }
    let creates = *create_host_path && api >= CREATE_MOUNTPOINT;
    let propagation = match propagation {
        None => None,
        Some(mode) => Some(
            mode.parse::<MountBindOptionsPropagationEnum>()
                .map_err(|_| format!("unknown mount propagation {mode}"))?,
        ),
    };
    let options = MountBindOptions {
        propagation,
        create_mountpoint: creates.then_some(true),
        ..MountBindOptions::default()
    };
    sorted.long.push(EngineMount {
        source: Some(source),
        bind_options: (options != MountBindOptions::default()).then_some(options),
        ..engine_mount(MountType::BIND, target, mount)
    });
    Ok(())
}

/// A line of `Binds`: `source:target:mode`.
fn line(source: &str, target: &str, read_only: bool, selinux: Option<&str>) -> String {
    let mode = if read_only { "ro" } else { "rw" };
    match selinux {
        Some(label) => format!("{source}:{target}:{mode},{label}"),
        None => format!("{source}:{target}:{mode}"),
    }
}

fn engine_mount(kind: MountType, target: &str, mount: &Mount) -> EngineMount {
    EngineMount {
        typ: Some(kind),
        target: Some(target.to_owned()),
        read_only: mount.read_only.then_some(true),
        ..EngineMount::default()
    }
}
