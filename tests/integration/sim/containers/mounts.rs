//! What a create mounts: binds, `Mounts`, the image's volumes.

use serde_json::{Value, json};

use crate::sim::container::Mount;
use crate::sim::request::ApiError;
use crate::sim::world::{World, string_list};

/// All mounts of a container to be made. Makes the volumes that are not there.
///
/// # Errors
/// 400 for a malformed bind, a relative path, a missing source of a bind in the `Mounts` form.
pub(crate) fn resolve(
    world: &mut World,
    config: &Value,
    host_config: &Value,
) -> Result<Vec<Mount>, ApiError> {
    let mut mounts: Vec<Mount> = Vec::new();
    for other in string_list(host_config.get("VolumesFrom")) {
        let (other, mode) = other.split_once(':').unwrap_or((&other, "rw"));
        if !matches!(mode, "ro" | "rw" | "z" | "Z") {
            return Err(ApiError::new(400, format!("invalid mode: {mode}")));
        }
        for mount in world.container(other)?.mounts.clone() {
            let writable = mount.writable && mode != "ro";
            put(&mut mounts, Mount { writable, ..mount });
        }
    }
    let mut own = Vec::new();
    for bind in string_list(host_config.get("Binds")) {
        let mount = from_bind(world, &bind)?;
        put_new(&mut mounts, &mut own, mount)?;
    }
    let asked = host_config.get("Mounts").and_then(Value::as_array).cloned();
    for asked in asked.unwrap_or_default() {
        let mount = from_mount(world, &asked)?;
        put_new(&mut mounts, &mut own, mount)?;
    }
    let tmpfs = host_config.get("Tmpfs").and_then(Value::as_object);
    for (target, options) in tmpfs.into_iter().flatten() {
        let mode = options.as_str().unwrap_or("").to_owned();
        put(&mut mounts, plain("tmpfs", "", target, &mode, true));
    }
    let image = config.get("Volumes").and_then(Value::as_object);
    for target in image.into_iter().flatten().map(|(target, _)| target) {
        if !mounts.iter().any(|mount| mount.target == *target) {
            let mount = volume(world, "", target, "", true)?;
            mounts.push(mount);
        }
    }
    Ok(mounts)
}

/// A later mount on the same place wins.
fn put(mounts: &mut Vec<Mount>, mount: Mount) {
    mounts.retain(|other| other.target != mount.target);
    mounts.push(mount);
}

/// What a client mounts itself may lie over an inherited mount, not over another of its own.
fn put_new(mounts: &mut Vec<Mount>, own: &mut Vec<String>, mount: Mount) -> Result<(), ApiError> {
    if own.contains(&mount.target) {
        return Err(ApiError::new(400, format!("Duplicate mount point: {}", mount.target)));
    }
    own.push(mount.target.clone());
    put(mounts, mount);
    Ok(())
}

fn plain(kind: &str, source: &str, target: &str, mode: &str, writable: bool) -> Mount {
    Mount {
        kind: kind.to_owned(),
        name: None,
        source: source.to_owned(),
        target: target.to_owned(),
        mode: mode.to_owned(),
        writable,
        anonymous: false,
    }
}

fn volume(
    world: &mut World,
    name: &str,
    target: &str,
    mode: &str,
    writable: bool,
) -> Result<Mount, ApiError> {
    volume_with(world, &json!({"Name": name}), target, mode, writable)
}

fn volume_with(
    world: &mut World,
    body: &Value,
    target: &str,
    mode: &str,
    writable: bool,
) -> Result<Mount, ApiError> {
    let anonymous = body.get("Name").and_then(Value::as_str).unwrap_or("").is_empty();
    let name = world.create_volume(body)?;
    let source = world.volumes.get(&name).map(super::super::volumes::Volume::mountpoint);
    let mount = plain("volume", &source.unwrap_or_default(), target, mode, writable);
    Ok(Mount { name: Some(name), anonymous, ..mount })
}

/// `source:target[:options]`
fn from_bind(world: &mut World, bind: &str) -> Result<Mount, ApiError> {
    let invalid = || ApiError::new(400, format!("invalid volume specification: '{bind}'"));
    let parts: Vec<&str> = bind.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [source, target] => (*source, *target, ""),
        [source, target, mode] => (*source, *target, *mode),
        _ => return Err(invalid()),
    };
    if !target.starts_with('/') {
        let text = format!(
            "invalid volume specification: '{bind}': invalid mount config for type \"bind\": invalid mount path: '{target}' mount path must be absolute"
        );
        return Err(ApiError::new(500, text));
    }
    if target == "/" || source.is_empty() {
        return Err(invalid());
    }
    let writable = !mode.split(',').any(|word| word == "ro");
    if source.starts_with('/') {
        return Ok(plain("bind", source, target, mode, writable));
    }
    let mode = if mode.is_empty() { "z" } else { mode };
    volume(world, source, target, mode, writable)
}

fn from_mount(world: &mut World, asked: &Value) -> Result<Mount, ApiError> {
    let text = |key: &str| asked.get(key).and_then(Value::as_str).unwrap_or("");
    let (kind, source, target) = (text("Type"), text("Source"), text("Target"));
    let writable = !asked.get("ReadOnly").and_then(Value::as_bool).unwrap_or(false);
    if target.is_empty() {
        let text =
            format!("invalid mount config for type \"{kind}\": field Target must not be empty");
        return Err(ApiError::new(400, text));
    }
    match kind {
        "bind" => {
            if !source.starts_with('/') {
                let text = format!(
                    "invalid mount config for type \"bind\": invalid mount path: '{source}' mount path must be absolute"
                );
                return Err(ApiError::new(400, text));
            }
            if world.host.is_missing(source) {
                let text = format!(
                    "invalid mount config for type \"bind\": bind source path does not exist: {source}"
                );
                return Err(ApiError::new(400, text));
            }
            Ok(plain("bind", source, target, "", writable))
        }
        "tmpfs" => Ok(plain("tmpfs", "", target, "", writable)),
        "image" if world.api.1 >= 48 => {
            if world.images.find(source).is_none() {
                return Err(ApiError::new(404, format!("No such image: {source}")));
            }
            Ok(plain("image", source, target, "", writable))
        }
        "volume" => {
            let options = asked.get("VolumeOptions");
            let driver = options.and_then(|it| it.get("DriverConfig"));
            let body = json!({
                "Name": source,
                "Labels": options.and_then(|it| it.get("Labels")),
                "Driver": driver.and_then(|it| it.get("Name")),
                "DriverOpts": driver.and_then(|it| it.get("Options")),
            });
            let mode = if source.is_empty() { "" } else { "z" };
            volume_with(world, &body, target, mode, writable)
        }
        other => Err(ApiError::new(
            400,
            format!("invalid mount config for type \"{other}\": mount type unknown"),
        )),
    }
}

/// A mount as inspect and list show it.
pub(crate) fn json_of(mount: &Mount) -> Value {
    let mut shown = json!({
        "Type": mount.kind,
        "Source": mount.source,
        "Destination": mount.target,
        "Mode": mount.mode,
        "RW": mount.writable,
        "Propagation": if mount.kind == "bind" { "rprivate" } else { "" },
    });
    if let (Some(name), Some(members)) = (&mount.name, shown.as_object_mut()) {
        members.insert("Name".to_owned(), json!(name));
        members.insert("Driver".to_owned(), json!("local"));
    }
    shown
}
