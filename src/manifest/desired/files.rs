//! Configs and secrets of a service. A plain file of the host is bound as it is; what has no file, or an owner of its own,
//! is kept by composelet.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::container::Located;
use super::spec;
use crate::manifest::discovery::describe;
use crate::manifest::encrypted;
use crate::manifest::environment::child;
use crate::manifest::node::Node;
use crate::manifest::normalise::Context;
use crate::manifest::report::Finding;
use crate::model::config::{BindRecursion, ContainerConfig, Mount, MountSource};
use crate::model::content::{BoundFile, KeptFile, OnChange, SecretBytes, Seen};
use crate::model::files::FileContent;
use crate::model::path::{HostPath, LocalPath};
use crate::model::secret::sha256_hex;

/// Permission bits of a config or secret that says nothing about them (those of `docker compose`).
const MODE: u32 = 0o444;

/// Where the bytes of a config or secret come from.
struct Source {
    /// For people.
    origin: String,
    bytes: Arc<[u8]>,
    /// The file of the host, if it is one.
    file: Option<HostPath>,
}

/// Adds the mounts of configs and secrets to `config` and returns the files by target.
pub(super) fn mounted(
    tree: &Node,
    spec: &spec::Service,
    located: &Located<'_>,
    change: &OnChange,
    config: &mut ContainerConfig,
    context: &mut Context<'_, '_>,
) -> BTreeMap<String, BoundFile> {
    let mut out = BTreeMap::new();
    for (section, root, mounts) in
        [("configs", "/", &spec.configs), ("secrets", "/run/secrets/", &spec.secrets)]
    {
        for (index, mount) in mounts.iter().enumerate() {
            let field = format!("{}.{section}[{index}]", located.field);
            let Some(definition) = tree.at(&[section, &mount.source]) else {
                continue;
            };
            let target = match mount.target.as_deref() {
                Some(target) if target.starts_with('/') => target.to_owned(),
                Some(target) => format!("{root}{target}"),
                None => format!("{root}{}", mount.source),
            };
            let name = child(section, &mount.source);
            let Some(source) = source(definition, &name, &field, context) else {
                continue;
            };
            let list = located.node.get(section).and_then(Node::as_list);
            let node = list.and_then(|list| list.get(index)).unwrap_or(located.node);
            let Some(owner) = owner(mount, node, &field, context) else {
                continue;
            };
            let slot = format!("{}\0{target}", located.field);
            let file = file(source, owner, (&slot, change));
            config.mounts.insert(target.clone(), read_only(&file.seen));
            out.insert(target, file);
        }
    }
    out
}

fn read_only(seen: &Seen) -> Mount {
    let source = match seen {
        Seen::Kept(kept) => MountSource::Kept { name: kept.name.clone() },
        Seen::Mounted(path) | Seen::Within(path) => MountSource::Bind {
            source: path.clone(),
            create_host_path: false,
            propagation: None,
            selinux: None,
            recursive: BindRecursion::Enabled,
        },
    };
    Mount { source, read_only: true }
}

/// The bytes; `None` after an error, or if a file has to be read first.
fn source(
    definition: &Node,
    name: &str,
    field: &str,
    context: &mut Context<'_, '_>,
) -> Option<Source> {
    if let Some(node) = definition.get("file") {
        let path = LocalPath::new(node.as_text()?);
        let origin = shown(&path, context.directory);
        if let FileContent::Encrypted(file) = context.files.get(&path)? {
            // The container is to see what it says, which is in no file of the host.
            let plain = encrypted::opened(&path, file, field, context.report)?;
            return Some(Source { origin, bytes: plain.bytes.expose().into(), file: None });
        }
        let bytes = bytes(&path, node, field, context)?;
        return Some(Source { origin, bytes, file: Some(HostPath::new(path.as_path())) });
    }
    if let Some(node) = definition.get("environment") {
        let variable = node.as_text()?;
        let Some(value) = context.environment.get(variable) else {
            let message = format!("{name} is the variable {variable}, which is not set");
            context.report.add(
                Finding::error("required-variable", field, message)
                    .at(node.place)
                    .help(format!("set {variable} in the project's .env")),
            );
            return None;
        };
        let origin = format!("{name}.environment");
        return Some(Source { origin, bytes: Arc::from(value.as_bytes()), file: None });
    }
    let text = definition.get("content")?.as_text()?;
    Some(Source { origin: format!("{name}.content"), bytes: text.as_bytes().into(), file: None })
}

/// The bytes of a file of the host.
fn bytes(
    source: &LocalPath,
    node: &Node,
    field: &str,
    context: &mut Context<'_, '_>,
) -> Option<Arc<[u8]>> {
    match context.files.get(source)? {
        FileContent::Bytes(bytes) => Some(Arc::clone(bytes)),
        other => {
            let message = describe(source, other);
            context.report.add(
                Finding::error("bound-file", field, message)
                    .at(node.place)
                    .help("create the file, or correct the path"),
            );
            None
        }
    }
}

/// Owner, group and permission bits, as far as the manifest gives them.
type Owner = (Option<u32>, Option<u32>, Option<u32>);

fn owner(
    mount: &spec::FileMount,
    node: &Node,
    field: &str,
    context: &mut Context<'_, '_>,
) -> Option<Owner> {
    let at = |key: &str| node.get(key).map_or(node.place, |node| node.place);
    let mut number = |key: &str, text: Option<&String>| match text {
        Some(text) if !text.is_empty() => {
            let parsed = text.parse::<u32>().ok();
            if parsed.is_none() {
                let path = child(field, key);
                let message = format!("{path} is not a number");
                let finding = Finding::error("wrong-kind", &path, message).at(at(key));
                context.report.add(finding.help("names of users are not known on the host"));
            }
            parsed.map(Some)
        }
        _ => Some(None),
    };
    let (uid, gid) = (number("uid", mount.uid.as_ref())?, number("gid", mount.gid.as_ref())?);
    let mode = mount.mode;
    if mode.is_some_and(|mode| mode > 0o7777) {
        let path = child(field, "mode");
        let message = format!("{path} is no permission bits");
        let finding = Finding::error("wrong-kind", &path, message).at(at("mode"));
        context.report.add(finding.help("an octal number such as 0440"));
        return None;
    }
    Some((uid, gid, mode))
}

/// How the container sees the bytes. A file of the host is bound as it is, as `docker compose` does, unless an owner is
/// given; and unless a signal is to announce a change, which a bind does not show when another file takes its place.
fn file(source: Source, (uid, gid, mode): Owner, (slot, change): (&str, &OnChange)) -> BoundFile {
    let digest = sha256_hex([&source.bytes]);
    let owned = uid.or(gid).or(mode).is_some();
    let announced = matches!(change, OnChange::Signal(_));
    let seen = match source.file {
        Some(path) if !owned && !announced => Seen::Mounted(path),
        copy_of => {
            let (uid, gid, mode) = (uid.unwrap_or(0), gid.unwrap_or(0), mode.unwrap_or(MODE));
            let version = match change {
                OnChange::Recreate => format!("{digest}:{uid}:{gid}:{mode:o}"),
                OnChange::Restart | OnChange::Signal(_) | OnChange::Ignore => String::new(),
            };
            let name = sha256_hex([slot, "\0", &version]).chars().take(32).collect();
            let bytes = SecretBytes::new(source.bytes);
            Seen::Kept(KeptFile { name, bytes, uid, gid, mode, copy_of, restored: false })
        }
    };
    BoundFile { origin: source.origin, digest, seen }
}

/// A path as people of the project write it.
pub(super) fn shown(path: &LocalPath, directory: &LocalPath) -> String {
    match path.as_path().strip_prefix(directory.as_path()) {
        Ok(tail) => Path::new(".").join(tail).display().to_string(),
        Err(_) => path.display().to_string(),
    }
}
