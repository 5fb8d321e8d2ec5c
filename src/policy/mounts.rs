//! Paths of the host and volumes: every form in which a request can name one.

use std::path::Path;

use serde_json::Value;

use crate::model::path::clean;
use crate::model::rulebook::{AllowedPath, AllowedPlace, Level};
use crate::model::violation::Rule;
use crate::policy::judge::Judge;
use crate::policy::request::{entries, is_on, objects, text, texts};

/// A mount, whatever its form.
#[derive(Clone, Debug)]
pub(super) struct Mount<'a> {
    pub(super) source: Source<'a>,
    read_only: bool,
}

/// What is mounted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    Path(&'a str),
    Volume(&'a str),
    Other,
}

/// The mounts of a container that name something of the host.
pub(super) fn of(body: &Value) -> impl Iterator<Item = Mount<'_>> {
    let lines = texts(body, "/HostConfig/Binds").map(|line| {
        let mut parts = line.split(':');
        let source = parts.next().unwrap_or_default();
        let mode = parts.nth(1).unwrap_or_default();
        let read_only = mode.split(',').any(|word| word == "ro");
        // Whatever is no plain name of a volume is taken for a path.
        let volume =
            source.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
        let source = if volume { Source::Volume(source) } else { Source::Path(source) };
        Mount { source, read_only }
    });
    let long = objects(body, "/HostConfig/Mounts").map(|mount| {
        let source = text(mount, "/Source").unwrap_or_default();
        let source = match text(mount, "/Type").unwrap_or_default() {
            "volume" if source.is_empty() => Source::Other,
            "volume" => Source::Volume(source),
            "tmpfs" | "image" => Source::Other,
            _ => Source::Path(source),
        };
        Mount { source, read_only: is_on(mount, "/ReadOnly") }
    });
    lines.chain(long)
}

pub(super) fn judge(judge: &mut Judge<'_>, body: &Value) {
    for mount in of(body) {
        match mount.source {
            Source::Path(path) => host_path(judge, "volumes", (path, mount.read_only)),
            Source::Volume(name) => existing(judge, name),
            Source::Other => {}
        }
    }
    if !judge.holds(Level::Baseline) {
        return;
    }
    for mount in objects(body, "/HostConfig/Mounts") {
        let propagation = text(mount, "/BindOptions/Propagation").unwrap_or_default();
        if matches!(propagation, "shared" | "rshared") {
            judge.refuse(Rule::HostPath, "volumes.bind.propagation", propagation);
        }
        let kind = text(mount, "/Type").unwrap_or_default();
        if kind == "image" && judge.holds(Level::Restricted) {
            let source = text(mount, "/Source").unwrap_or_default();
            judge.refuse(Rule::VolumeTypes, "volumes", source);
        }
        if !matches!(kind, "bind" | "volume" | "tmpfs" | "image") {
            judge.refuse(Rule::VolumeTypes, "volumes", kind);
        }
    }
    for (target, options) in entries(body, "/HostConfig/Tmpfs") {
        let options = options.as_str().unwrap_or_default();
        if options.split(',').any(|word| matches!(word.trim(), "exec" | "suid" | "dev")) {
            judge.refuse(Rule::TmpfsOptions, "tmpfs", &format!("{target}:{options}"));
        }
    }
}

/// A volume that a container names, if it exists: what it leads to counts, whoever made it.
fn existing(judge: &mut Judge<'_>, name: &str) {
    let facts = judge.facts;
    let Some(volume) = facts.volumes.get(name) else {
        return;
    };
    let foreign = volume.project.as_deref().filter(|project| *project != judge.project.as_str());
    if let Some(project) = foreign.filter(|_| judge.holds(Level::Baseline)) {
        judge.refuse(Rule::ForeignVolume, "volumes", &format!("{name} of project {project}"));
    }
    let option = |name: &str| volume.options.get(name).map(String::as_str);
    let options = volume.options.keys().map(String::as_str).collect();
    let asked =
        Driver { name: &volume.driver, device: option("device"), kind: option("type"), options };
    driver(judge, "volumes", &asked);
}

/// A volume that is created.
pub(super) fn volume(judge: &mut Judge<'_>, body: &Value) {
    let option = |name: &str| text(body, &format!("/DriverOpts/{name}"));
    let asked = Driver {
        name: text(body, "/Driver").unwrap_or_default(),
        device: option("device"),
        kind: option("type"),
        options: entries(body, "/DriverOpts").map(|(name, _)| name).collect(),
    };
    driver(judge, "driver_opts", &asked);
}

/// Who keeps a volume, and what it leads to.
struct Driver<'a> {
    name: &'a str,
    device: Option<&'a str>,
    kind: Option<&'a str>,
    options: Vec<&'a str>,
}

/// The local driver mounts whatever it is told: only memory is harmless, and what the list of paths allows.
fn driver(judge: &mut Judge<'_>, field: &str, asked: &Driver<'_>) {
    if !matches!(asked.name, "" | "local") {
        if judge.holds(Level::Baseline) {
            judge.refuse(Rule::VolumeDriver, field, asked.name);
        }
        return;
    }
    match (asked.device, asked.kind) {
        (_, Some("tmpfs")) | (None, None) => {}
        (Some(device), None | Some("none" | "bind")) if device.starts_with('/') => {
            host_path(judge, field, (device, false));
        }
        (device, kind) if judge.holds(Level::Baseline) => {
            judge.refuse(Rule::VolumeDriver, field, device.or(kind).unwrap_or_default());
        }
        _ => {}
    }
    let odd = asked.options.iter().find(|name| !matches!(**name, "device" | "o" | "type" | "size"));
    if let Some(name) = odd.filter(|_| judge.holds(Level::Baseline)) {
        judge.refuse(Rule::VolumeDriver, field, name);
    }
}

/// A path of the host that a container gets.
fn host_path(judge: &mut Judge<'_>, field: &str, (path, read_only): (&str, bool)) {
    let real = real(judge, path);
    if !judge.rules.socket && judge.ground.sockets.iter().any(|socket| shows(judge, socket, &real))
    {
        return judge.refuse(Rule::Socket, field, path);
    }
    let Some(allowed) = judge.rules.host_paths.as_ref().filter(|_| !is_content(judge, &real))
    else {
        return;
    };
    let socket = judge.ground.sockets.iter().any(|socket| self::real(judge, socket) == real);
    let listed = allowed.iter().any(|one| allows(judge, one, (&real, read_only)));
    let kept = judge.holds(Level::Baseline) && is_ours(judge, &real);
    let allowed = listed || socket && judge.rules.socket;
    if kept || !allowed {
        judge.refuse(Rule::HostPath, field, path);
    }
}

/// Whether mounting `real` shows what lies at `path`.
fn shows(judge: &Judge<'_>, path: &str, real: &str) -> bool {
    Path::new(&self::real(judge, path)).starts_with(real) || Path::new(path).starts_with(real)
}

/// Whether it is what composelet lives on: the watched directory or what holds it, the state directory, what holds it, or
/// anything in it.
fn is_ours(judge: &Judge<'_>, real: &str) -> bool {
    let ground = judge.ground;
    let kept = [&ground.desired_state, &ground.state_dir];
    kept.iter().any(|own| !own.is_empty() && shows(judge, own, real))
        || is_in(real, &ground.state_dir)
        || is_in(real, &self::real(judge, &ground.state_dir))
}

/// A file that was written for containers of this project.
fn is_content(judge: &Judge<'_>, real: &str) -> bool {
    let own = |content: &str| {
        !content.is_empty() && is_below(real, &format!("{content}/{}", judge.project))
    };
    own(&judge.ground.content) || own(&self::real(judge, &judge.ground.content))
}

fn allows(judge: &Judge<'_>, one: &AllowedPath, (real, read_only): (&str, bool)) -> bool {
    if one.read_only && !read_only {
        return false;
    }
    match &one.place {
        AllowedPlace::Project => is_in_project(judge, real),
        AllowedPlace::Path(path) => is_in(real, &self::real(judge, path)),
    }
}

/// Whether a path lies in the directory of the project, links followed. That counts only if it lies below the watched
/// directory itself: one that is a link to elsewhere has to be allowed by its path, and a project of a single file has none
/// of its own.
pub(super) fn is_in_project(judge: &Judge<'_>, path: &str) -> bool {
    let Some(directory) = judge.directory else {
        return false;
    };
    let (directory, root) = (real(judge, directory), real(judge, &judge.ground.desired_state));
    is_below(&directory, &root) && is_in(&real(judge, path), &directory)
}

/// Where a path leads to.
fn real(judge: &Judge<'_>, path: &str) -> String {
    let by_text = || clean(Path::new(path)).display().to_string();
    judge.facts.paths.get(path).cloned().unwrap_or_else(by_text)
}

fn is_in(path: &str, directory: &str) -> bool {
    !directory.is_empty() && Path::new(path).starts_with(directory)
}

fn is_below(path: &str, directory: &str) -> bool {
    is_in(path, directory) && path != directory
}
