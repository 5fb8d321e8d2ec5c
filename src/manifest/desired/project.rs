//! The project: its services, networks and volumes, and the digest of everything that was read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::container::Named;
use super::{decode, service, spec, strategy};
use crate::manifest::environment::child;
use crate::manifest::extension;
use crate::manifest::node::{Entry, Node};
use crate::manifest::normalise::{Context, Normal};
use crate::manifest::projects;
use crate::manifest::report::Finding;
use crate::model::backup::Backup;
use crate::model::desired::{DesiredNetwork, DesiredProject, DesiredVolume, NetworkConfig, Subnet};
use crate::model::id::{ProjectName, ServiceName};
use crate::model::neighbour::ProjectDependency;
use crate::model::path::HostPath;
use crate::model::secret::sha256_hex;

/// Builds the project; `None` after an error or if a file is lacking.
pub(crate) fn project(normal: &Normal, context: &mut Context<'_, '_>) -> Option<DesiredProject> {
    let tree = &normal.tree;
    let suspend = extension::suspend(tree);
    let depends_on_projects = depends_on_projects(tree, context);
    let named = Named {
        networks: decode_all(tree, "networks", context, network),
        volumes: decode_all(tree, "volumes", context, volume),
    };
    let mut services = BTreeMap::new();
    let map = tree.get("services").and_then(Node::as_map);
    for (name, entry) in map.into_iter().flatten() {
        if let Some(service) = service::service(tree, name, entry, &named, context) {
            services.insert(ServiceName::new(&**name), service);
        }
    }
    strategy::check(tree, &services, context.report);
    if context.files.lacking() || context.report.errors() > 0 {
        return None;
    }
    Some(DesiredProject {
        name: context.name.clone(),
        directory: context.directory.clone(),
        host_directory: HostPath::new(context.directory.as_path()),
        config_files: context
            .config_files
            .iter()
            .map(|file| HostPath::new(file.as_path()))
            .collect(),
        digest: digest(context),
        encrypted: encrypted(context),
        commit: None,
        services,
        networks: named.networks,
        volumes: named.volumes,
        suspend,
        depends_on_projects,
        drill: extension::drill(tree),
        volume_backups: volume_backups(tree),
        backup: extension::backup(tree).and_then(|word| word.policy),
        restore_drill: extension::backup(tree).and_then(|word| word.drill?.policy),
    })
}

fn depends_on_projects(
    tree: &Node,
    context: &mut Context<'_, '_>,
) -> BTreeMap<ProjectName, ProjectDependency> {
    let Some(node) = extension::depends_on_projects(tree) else {
        return BTreeMap::new();
    };
    if let Some(place) = projects::itself(node, context.name).map(|node| node.place) {
        let field = "x-composelet.depends_on_projects";
        let message = format!("the project {} depends on itself", context.name);
        context.report.add(Finding::error("dependency-cycle", field, message).at(place));
    }
    projects::read(node)
}

/// Decodes every entry of a top-level section.
fn decode_all<S: serde::de::DeserializeOwned, T>(
    tree: &Node,
    section: &str,
    context: &mut Context<'_, '_>,
    make: impl Fn(S) -> T,
) -> BTreeMap<String, T> {
    let mut out = BTreeMap::new();
    let map = tree.get(section).and_then(Node::as_map);
    for (name, entry) in map.into_iter().flatten() {
        let field = child(section, name);
        if let Some(spec) = decode(&entry.node, &field, context) {
            out.insert(name.to_string(), make(spec));
        }
    }
    out
}

/// Decodes a checked node; what fails is reported without any value.
pub(super) fn decode<S: serde::de::DeserializeOwned>(
    node: &Node,
    field: &str,
    context: &mut Context<'_, '_>,
) -> Option<S> {
    let decoded = decode::decode(node).ok();
    if decoded.is_none() {
        context.report.add(
            Finding::error("out-of-range", field, format!("a value in {field} is out of range"))
                .at(node.place)
                .help("numbers of replicas, retries, weights and modes are small and not negative"),
        );
    }
    decoded
}

fn network(spec: spec::Network) -> DesiredNetwork {
    let subnet = |pool: spec::Pool| Subnet {
        subnet: pool.subnet,
        ip_range: pool.ip_range,
        gateway: pool.gateway,
        aux_addresses: pool.aux_addresses,
    };
    DesiredNetwork {
        name: spec.name,
        external: spec.external,
        config: NetworkConfig {
            driver: spec.driver,
            driver_opts: spec.driver_opts,
            ipam_driver: spec.ipam.driver,
            subnets: spec.ipam.config.into_iter().map(subnet).collect(),
            ipam_options: spec.ipam.options,
            internal: spec.internal,
            attachable: spec.attachable,
            enable_ipv4: spec.enable_ipv4,
            enable_ipv6: spec.enable_ipv6,
            labels: spec.labels,
        },
    }
}

fn volume(spec: spec::Volume) -> DesiredVolume {
    DesiredVolume {
        name: spec.name,
        external: spec.external,
        driver: spec.driver,
        driver_opts: spec.driver_opts,
        labels: spec.labels,
    }
}

/// `x-composelet.backup` of each volume that has it.
fn volume_backups(tree: &Node) -> BTreeMap<String, Backup> {
    let map = tree.get("volumes").and_then(Node::as_map);
    let word = |(name, entry): (&Arc<str>, &Entry)| {
        Some((name.to_string(), extension::backup(&entry.node)?))
    };
    map.into_iter().flatten().filter_map(word).collect()
}

/// SHA-256 over the encrypted files as they lie there.
fn encrypted(context: &Context<'_, '_>) -> Option<String> {
    let mut files = context.files.encrypted().peekable();
    files.peek()?;
    let parts = files.flat_map(|(path, file)| {
        let head = format!("\0{}\0{}\0", path.display(), file.read.len());
        [head.into_bytes(), file.read.to_vec()]
    });
    Some(sha256_hex(parts))
}

/// SHA-256 over the name, every file that was asked for and is there, and every variable that was used. Directories do not
/// count: a file beside the manifest changes nothing, nor does the engine when it makes a directory for a mount.
fn digest(context: &Context<'_, '_>) -> String {
    let mut parts: Vec<Vec<u8>> = vec![context.name.as_str().into()];
    let mut part = |kind: &str, name: &str, body: &[u8]| {
        parts.push(format!("\0{kind}\0{name}\0{}\0", body.len()).into_bytes());
        parts.push(body.to_vec());
    };
    for (path, content) in context.files.contents() {
        part("file", &path.display().to_string(), content);
    }
    for (name, value) in context.environment.used() {
        part(if value.is_some() { "set" } else { "unset" }, name, value.unwrap_or("").as_bytes());
    }
    let profiles: Vec<&str> = context.profiles.iter().map(String::as_str).collect();
    part("profiles", &profiles.join(","), b"");
    sha256_hex(parts)
}
