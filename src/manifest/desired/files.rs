//! Configs and secrets: files of the host, bound read-only; their bytes are digested, never kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::container::Located;
use super::spec;
use crate::manifest::discovery::describe;
use crate::manifest::node::Node;
use crate::manifest::normalise::Context;
use crate::manifest::report::Finding;
use crate::model::config::{BindRecursion, ContainerConfig, Mount, MountSource};
use crate::model::desired::BoundFile;
use crate::model::files::FileContent;
use crate::model::path::{HostPath, LocalPath};
use crate::model::secret::sha256_hex;

/// Adds the mounts to `config` and returns the files by target.
pub(super) fn bound(
    tree: &Node,
    spec: &spec::Service,
    located: &Located<'_>,
    config: &mut ContainerConfig,
    context: &mut Context<'_, '_>,
) -> BTreeMap<String, BoundFile> {
    let mut out = BTreeMap::new();
    for (section, root, mounts) in
        [("configs", "/", &spec.configs), ("secrets", "/run/secrets/", &spec.secrets)]
    {
        for (index, mount) in mounts.iter().enumerate() {
            let field = format!("{}.{section}[{index}]", located.field);
            let Some(file) = tree.at(&[section, &mount.source, "file"]) else {
                continue;
            };
            let Some(source) = file.as_text().map(LocalPath::new) else {
                continue;
            };
            let target = match mount.target.as_deref() {
                Some(target) if target.starts_with('/') => target.to_owned(),
                Some(target) => format!("{root}{target}"),
                None => format!("{root}{}", mount.source),
            };
            let Some(digest) = digest(&source, file, &field, context) else {
                continue;
            };
            let bind = MountSource::Bind {
                source: HostPath::new(source.as_path()),
                create_host_path: false,
                propagation: None,
                selinux: None,
                recursive: BindRecursion::Enabled,
            };
            config.mounts.insert(target.clone(), Mount { source: bind, read_only: true });
            out.insert(target, BoundFile { source, digest });
        }
    }
    out
}

fn digest(
    source: &LocalPath,
    file: &Node,
    field: &str,
    context: &mut Context<'_, '_>,
) -> Option<String> {
    match context.files.get(source)? {
        FileContent::Bytes(bytes) => Some(sha256_hex([Arc::clone(bytes)])),
        other => {
            let message = describe(source, other);
            context.report.add(
                Finding::error("bound-file", field, message)
                    .at(file.place)
                    .help("create the file, or correct the path"),
            );
            None
        }
    }
}
