//! How a test sets the scene: images, registry, scripts, litter, and the host around the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use composelet::model::time::Timestamp;
use serde_json::{Value, json};

use super::build::BuildScript;
use super::container::Phase;
use super::engine::SimEngine;
use super::faults::FaultRule;
use super::images::ImageSpec;
use super::registry::Offer;
use super::request::ApiError;
use super::script::{AppScript, ScriptKey, Verdict};
use super::trace::TracedCall;
use super::world::World;

/// The host around the engine.
#[derive(Debug, Default)]
pub(crate) struct Host {
    /// Ports other processes hold: protocol and number.
    pub(crate) occupied: BTreeSet<(String, u16)>,
    /// Paths that do not exist, with everything below them. All others exist.
    missing: BTreeSet<String>,
    /// Whether the disk of the engine is full.
    pub(crate) disk_full: bool,
    /// Names of containers whose file system can not be removed.
    pub(crate) undeletable: BTreeSet<String>,
    /// Health by hand, by container name.
    pub(crate) verdicts: BTreeMap<String, Verdict>,
}

impl Host {
    /// Whether a path does not exist.
    pub(crate) fn is_missing(&self, path: &str) -> bool {
        let below = |gone: &String| {
            path.strip_prefix(gone.as_str()).is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        self.missing.iter().any(below)
    }
}

/// Scene setting.
impl SimEngine {
    /// Puts an image on the host under this reference, as if pulled long ago. Returns its id.
    pub(crate) fn add_image(&self, reference: &str, spec: &ImageSpec) -> String {
        self.with(|world| {
            let created = world.clock.stamp();
            world.images.store(spec, created);
            world.images.tag(reference, &spec.id());
            spec.id()
        })
    }

    /// Puts an image into the registry; a pull takes this long.
    pub(crate) fn publish(&self, reference: &str, spec: &ImageSpec, takes: Duration) {
        self.offer(reference, Offer::Image(spec.clone()), takes);
    }

    /// Sets when an image of the registry was made.
    pub(crate) fn made(&self, spec: &ImageSpec, at: Timestamp) {
        self.with(|world| world.registry.made(spec, at));
    }

    /// Sets what the registry answers for a reference, and how long it takes.
    pub(crate) fn offer(&self, reference: &str, offer: Offer, takes: Duration) {
        self.with(|world| world.registry.offer(reference, offer, takes));
    }

    /// Cuts the network to all registries, or mends it.
    pub(crate) fn set_registry_unreachable(&self, unreachable: bool) {
        self.with(|world| world.registry.set_unreachable(unreachable));
    }

    /// How often a reference was asked of the registry by a pull.
    pub(crate) fn pulls(&self, reference: &str) -> u64 {
        self.with(|world| world.registry.pulls(reference))
    }

    /// Sets what builds do whose tag fits the pattern.
    pub(crate) fn script_build(&self, tag: &str, script: BuildScript) {
        self.with(|world| world.builds.script(tag, script));
    }

    /// Builds begun so far.
    pub(crate) fn builds(&self) -> u64 {
        self.with(|world| world.builds.count())
    }

    /// Sets what containers of an image do (the reference as the create call gives it).
    pub(crate) fn script_image(&self, image: &str, script: AppScript) {
        self.script(ScriptKey::Image(image.to_owned()), script);
    }

    /// Sets what the containers of a Compose service do, by its service label.
    pub(crate) fn script_service(&self, service: &str, script: AppScript) {
        let label = "com.docker.compose.service".to_owned();
        self.script(ScriptKey::Label(label, service.to_owned()), script);
    }

    /// Sets what some containers do: from their next start, health and execs at once.
    pub(crate) fn script(&self, key: ScriptKey, script: AppScript) {
        self.with(|world| world.scripts.set(key, script));
    }

    /// Makes a container that nobody asked for, by a create body. It is not started.
    ///
    /// # Errors
    /// Those of the create call.
    pub(crate) fn put_container(&self, name: &str, body: &Value) -> Result<String, ApiError> {
        self.with(|world| world.create_container(name, body))
    }

    /// Makes a network behind the controller's back. Returns its id.
    ///
    /// # Errors
    /// Those of the create call.
    pub(crate) fn put_network(
        &self,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Result<String, ApiError> {
        let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
        let body = json!({"Name": name, "Labels": labels});
        self.with(|world| world.create_network(body).map(|(id, _)| id))
    }

    /// Another process of the host listens on this port.
    pub(crate) fn occupy_port(&self, protocol: &str, port: u16) {
        self.with(|world| world.host.occupied.insert((protocol.to_owned(), port)));
    }

    /// That process ends.
    pub(crate) fn free_port(&self, protocol: &str, port: u16) {
        self.with(|world| world.host.occupied.remove(&(protocol.to_owned(), port)));
    }

    /// Deletes a path of the host with everything below it.
    pub(crate) fn delete_path(&self, path: &str) {
        self.with(|world| world.host.missing.insert(path.to_owned()));
    }

    /// Makes a deleted path again.
    pub(crate) fn make_path(&self, path: &str) {
        self.with(|world| world.host.missing.remove(path));
    }

    /// Fills the engine's disk, or empties it.
    pub(crate) fn set_disk_full(&self, full: bool) {
        self.with(|world| world.host.disk_full = full);
    }

    /// A container's file system can not be removed until [`SimEngine::make_deletable`].
    pub(crate) fn make_undeletable(&self, name: &str) {
        self.with(|world| world.host.undeletable.insert(name.to_owned()));
    }

    /// The cause of the failed removal is gone.
    pub(crate) fn make_deletable(&self, name: &str) {
        self.with(|world| world.host.undeletable.remove(name));
    }
}
