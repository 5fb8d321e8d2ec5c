//! The pure "everything succeeds" step: what the engine would show after a plan, if nothing went wrong. The preview and
//! the properties of the planner iterate over it; a property holds it against the simulated engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::canonical::canonical;
use crate::model::config::{ContainerConfig, Endpoint, HealthTest, Mount, MountSource};
use crate::model::id::{ContainerId, ContainerName, NetworkId, ProjectName};
use crate::model::join::Owner;
use crate::model::neighbour::{Presence, Progress};
use crate::model::observed::{
    Claim, ContainerDetail, EngineFacts, Exit, Health, HostView, ImageState, Knowledge, Lifecycle,
    NameHolder, ObservedContainer, ObservedEndpoint, ObservedImage, ObservedNetwork, ObservedState,
    ObservedVolume, PortHolder,
};
use crate::model::operation::Operation;
use crate::model::plan::{Action, ContainerRef, CreateContainer, NetworkRef, NodeId, Plan};
use crate::model::secret::sha256_hex;
use crate::model::time::Timestamp;
use crate::planner::expected::expected;

/// A host as the planner sees it.
#[derive(Clone, Debug)]
pub struct PerfectHost {
    /// Its containers, networks, volumes, images.
    pub observed: ObservedState,
    /// The names and ports that go with them.
    pub host: HostView,
    /// Containers of the project, those that went included: their names and ports are ours to write.
    own: BTreeSet<ContainerId>,
}

impl PerfectHost {
    /// A host that shows `observed`, beside strangers of `host`.
    pub fn new(observed: ObservedState, host: HostView) -> Self {
        let own = observed.containers.iter().map(|one| one.id.clone()).collect();
        Self { observed, host, own }
    }

    /// Does everything that `plan` says, at `now`. Stops end at once; pulls and builds do not end.
    pub fn apply(&mut self, plan: &Plan, now: Timestamp) {
        self.observed.at = now;
        for node in &plan.nodes {
            self.act(plan, node.id, &node.action, now);
        }
        self.observed.containers.sort_by(|one, other| one.id.cmp(&other.id));
        self.refresh();
    }

    fn act(&mut self, plan: &Plan, id: NodeId, action: &Action, now: Timestamp) {
        match action {
            Action::CreateNetwork(create) => self.observed.networks.push(ObservedNetwork {
                id: made_network(plan, id, now),
                name: create.name.clone(),
                project: Some(plan.project.clone()),
                key: create.labels.get("com.docker.compose.network").cloned(),
                installation: label(&create.labels, "io.composelet.installation"),
                spec_hash: label(&create.labels, "io.composelet.spec-hash"),
                config: create.config.clone(),
                containers: BTreeSet::new(),
            }),
            Action::RemoveNetwork { network, .. } => {
                self.observed.networks.retain(|one| one.id != *network);
            }
            Action::CreateVolume(create) => {
                let volume = ObservedVolume {
                    name: create.volume.name.clone(),
                    project: Some(plan.project.clone()),
                    key: create.labels.get("com.docker.compose.volume").cloned(),
                    driver: create.volume.driver.clone().unwrap_or_else(|| "local".to_owned()),
                    driver_opts: create.volume.driver_opts.clone(),
                };
                self.observed.volumes.insert(volume.name.clone(), volume);
            }
            Action::CreateContainer(create) => {
                let container = self.created(plan, id, create, now);
                self.observed.containers.push(container);
            }
            other => self.act_on_container(plan, other, now),
        }
    }

    fn act_on_container(&mut self, plan: &Plan, action: &Action, now: Timestamp) {
        match action {
            Action::ConnectNetwork { container, network, name, endpoint, .. } => {
                let network = match network {
                    NetworkRef::Existing(id) => id.clone(),
                    NetworkRef::CreatedBy(node) => made_network(plan, *node, now),
                };
                let endpoint = kept(name, endpoint, &self.observed.engine);
                self.with((plan, now), container, |one| attach(one, name, &endpoint, network));
            }
            Action::DisconnectNetwork { container, name, .. } => {
                self.with((plan, now), &existing(container), |one| detach(one, name));
            }
            Action::StartContainer { container, .. } => {
                self.with((plan, now), container, |one| start(one, now));
            }
            Action::RenameContainer { container, to, .. } => {
                self.with((plan, now), container, |one| one.name = to.clone());
            }
            Action::UpdateContainer { container, resources, restart, .. } => {
                self.with((plan, now), &existing(container), |one| {
                    let Knowledge::Known(detail) = &mut one.detail else { return };
                    if let Some(resources) = resources {
                        detail.config.resources = (**resources).clone();
                    }
                    if let Some(restart) = restart {
                        detail.config.restart = restart.clone();
                    }
                });
            }
            Action::UnpauseContainer { container, .. } => {
                self.with((plan, now), &existing(container), |one| start(one, now));
            }
            Action::RemoveContainer { container, .. } => {
                self.observed.containers.retain(|one| one.id != *container);
            }
            Action::Begin(operation) => {
                if let Operation::Stop { container, .. } = &**operation {
                    self.with((plan, now), &existing(container), |one| stop(one, now));
                }
            }
            Action::CreateNetwork(_)
            | Action::RemoveNetwork { .. }
            | Action::CreateVolume(_)
            | Action::CreateContainer(_) => {}
            // The other one goes on where this one was.
            Action::HandOver { to, .. } => self.host.own = Some(to.clone()),
        }
    }

    fn created(
        &self,
        plan: &Plan,
        id: NodeId,
        create: &CreateContainer,
        now: Timestamp,
    ) -> ObservedContainer {
        let image = self.observed.images.get(&create.image).and_then(ImageState::present);
        let mut config = expected(&create.config, image.unwrap_or(&ObservedImage::default()));
        let id = made_container(plan, id, now);
        let others = self.given(&create.config);
        for (target, mount) in others.values().flat_map(|detail| &detail.config.mounts) {
            if !create.config.mounts.contains_key(target) {
                // The engine shows volumes of others as if they were the container's own, and their binds as mounts only.
                config.mounts.remove(target);
                if matches!(mount.source, MountSource::Volume { .. } | MountSource::Anonymous) {
                    let source = MountSource::Anonymous;
                    config.mounts.insert(target.clone(), Mount { source, ..mount.clone() });
                }
            }
        }
        let mut volumes = volumes(&id, &config);
        for (target, name) in others.values().flat_map(|detail| &detail.volumes) {
            if !create.config.mounts.contains_key(target) {
                volumes.insert(target.clone(), name.clone());
            }
        }
        let mut config = canonical(config, &self.observed.engine);
        let wanted = std::mem::take(&mut config.endpoints);
        let mut container = ObservedContainer {
            id,
            name: create.name.clone(),
            claim: claim(create),
            image_id: create.image_id.clone(),
            created_at: now,
            lifecycle: Lifecycle::Created { failure: None },
            health: Health::None,
            restart_count: 0,
            detail: Knowledge::Known(Box::new(ContainerDetail {
                image: create.image.clone(),
                config,
                volumes,
                ..ContainerDetail::default()
            })),
        };
        let all = self.observed.engine.api >= crate::model::observed::ApiVersion::v1(44);
        for (name, endpoint) in &wanted {
            if all || Some(name) == create.primary_network.as_ref() {
                let endpoint = kept(name, endpoint, &self.observed.engine);
                attach(&mut container, name, &endpoint, self.network_named(name));
            }
        }
        container
    }

    /// The containers whose mounts `config` takes.
    fn given(&self, config: &ContainerConfig) -> BTreeMap<ContainerId, &ContainerDetail> {
        let containers = self.observed.containers.iter();
        let takes = |id: &ContainerId| {
            let owner = Owner::Container(id.to_string());
            config.volumes_from.iter().any(|one| one.from == owner)
        };
        let takes = containers.filter(|one| takes(&one.id));
        takes.filter_map(|one| Some((one.id.clone(), &**one.detail.known()?))).collect()
    }

    fn network_named(&self, name: &str) -> NetworkId {
        let named = self.observed.networks.iter().rev().find(|network| network.name == name);
        named.map_or_else(|| NetworkId::from(name), |network| network.id.clone())
    }

    fn with(
        &mut self,
        (plan, now): (&Plan, Timestamp),
        container: &ContainerRef,
        change: impl FnOnce(&mut ObservedContainer),
    ) {
        let id = match container {
            ContainerRef::Existing(id) => id.clone(),
            ContainerRef::CreatedBy(node) => made_container(plan, *node, now),
        };
        if let Some(found) = self.observed.containers.iter_mut().find(|one| one.id == id) {
            change(found);
        }
    }

    /// Every container that waits for its first verdict becomes healthy; says whether there was one.
    pub fn make_healthy(&mut self) -> Vec<ContainerName> {
        let starting =
            self.observed.containers.iter_mut().filter(|one| one.health == Health::Starting);
        let names = starting.map(|one| {
            one.health = Health::Healthy;
            one.name.clone()
        });
        names.collect()
    }

    /// Another project becomes ready.
    pub fn make_ready(&mut self, project: &ProjectName) {
        let mut projects = (*self.host.projects).clone();
        if let Some(other) = projects.get_mut(project) {
            other.presence = Presence::Declared(Progress::reached());
        }
        self.host.projects = Arc::new(projects);
    }

    /// The names, ports and attachments that follow from the containers.
    pub fn refresh(&mut self) {
        self.own.extend(self.observed.containers.iter().map(|one| one.id.clone()));
        let own = &self.own;
        self.host.names.retain(|_, holder| !own.contains(&holder.container));
        self.host.ports.retain(|holder| !own.contains(&holder.container));
        for one in &self.observed.containers {
            let holder = NameHolder {
                container: one.id.clone(),
                project: one.claim.project.clone(),
                installation: one.claim.installation.clone(),
            };
            self.host.names.insert(one.name.clone(), holder);
            self.host.ports.extend(held_ports(one));
        }
        for network in &mut self.observed.networks {
            let attached = self.observed.containers.iter().filter(|one| {
                let endpoints = one.detail.known().map(|detail| &detail.endpoints);
                one.lifecycle.is_alive()
                    && endpoints
                        .is_some_and(|all| all.values().any(|end| end.network == network.id))
            });
            network.containers = attached.map(|one| one.id.clone()).collect();
        }
    }
}

fn existing(id: &ContainerId) -> ContainerRef {
    ContainerRef::Existing(id.clone())
}

fn made_container(plan: &Plan, node: NodeId, now: Timestamp) -> ContainerId {
    ContainerId::new(made("container", plan, node, now))
}

fn made_network(plan: &Plan, node: NodeId, now: Timestamp) -> NetworkId {
    NetworkId::new(made("network", plan, node, now))
}

/// An id for what `node` makes: no two things of one name are made at one instant.
fn made(kind: &str, plan: &Plan, node: NodeId, now: Timestamp) -> String {
    let name = plan.nodes.iter().find(|one| one.id == node).map(|one| one.action.object());
    sha256_hex([kind, &name.unwrap_or_default(), &now.to_string()])
}

fn label<T: for<'a> From<&'a str>>(labels: &BTreeMap<String, String>, key: &str) -> Option<T> {
    labels.get(key).map(|value| T::from(value))
}

fn claim(create: &CreateContainer) -> Claim {
    let labels = &create.labels;
    let depends_on =
        labels.get("com.docker.compose.depends_on").map(String::as_str).unwrap_or_default();
    let depends_on = depends_on.split(',').filter_map(|edge| edge.split(':').next());
    Claim {
        project: label(labels, "com.docker.compose.project"),
        service: Some(create.replica.service.clone()),
        number: Some(create.replica.number).filter(|number| *number > 0),
        one_off: false,
        hook: labels.get("com.docker.compose.hook").cloned(),
        companion: label(labels, "io.composelet.companion"),
        drill: None,
        due: labels.get("io.composelet.due").and_then(|text| Timestamp::parse_rfc3339(text)),
        config_files: labels.get("com.docker.compose.project.config_files").cloned(),
        depends_on: depends_on.filter(|name| !name.is_empty()).map(Into::into).collect(),
        compose_hash: labels.get("com.docker.compose.config-hash").cloned(),
        installation: label(labels, "io.composelet.installation"),
        revision: Some(create.revision.clone()),
        spec_hash: label(labels, "io.composelet.spec-hash"),
        content: labels.get("io.composelet.content").cloned(),
    }
}

fn volumes(id: &ContainerId, config: &ContainerConfig) -> BTreeMap<String, String> {
    let named = config.mounts.iter().filter_map(|(target, mount)| match &mount.source {
        MountSource::Volume { name, .. } => Some((target.clone(), name.clone())),
        MountSource::Anonymous => Some((target.clone(), sha256_hex([id.as_str(), target]))),
        _ => None,
    });
    named.collect()
}

/// What the engine keeps of an endpoint.
fn kept(name: &str, endpoint: &Endpoint, engine: &EngineFacts) -> Endpoint {
    let endpoints = [(name.to_owned(), endpoint.clone())].into();
    let config = ContainerConfig { endpoints, ..ContainerConfig::default() };
    canonical(config, engine).endpoints.remove(name).unwrap_or_default()
}

fn attach(one: &mut ObservedContainer, name: &str, endpoint: &Endpoint, network: NetworkId) {
    let Knowledge::Known(detail) = &mut one.detail else { return };
    let endpoint = Endpoint { priority: 0, ..endpoint.clone() };
    detail.config.endpoints.insert(name.to_owned(), endpoint.clone());
    detail
        .endpoints
        .insert(name.to_owned(), ObservedEndpoint { network, endpoint, ip: None, mac: None });
}

fn detach(one: &mut ObservedContainer, name: &str) {
    let Knowledge::Known(detail) = &mut one.detail else { return };
    detail.config.endpoints.remove(name);
    detail.endpoints.remove(name);
}

/// A step before a start, or a check, is at its end at once.
fn start(one: &mut ObservedContainer, now: Timestamp) {
    one.lifecycle = Lifecycle::Running { started_at: now };
    if one.claim.hook.is_some() && one.claim.companion.is_none() {
        one.lifecycle = Lifecycle::Exited(Exit {
            code: 0,
            started_at: Some(now),
            finished_at: Some(now),
            oom_killed: false,
            error: String::new(),
        });
        return;
    }
    let check = one.detail.known().and_then(|detail| detail.config.healthcheck.as_ref());
    let checked = check.is_some_and(|check| check.test != HealthTest::Disabled);
    one.health = if checked { Health::Starting } else { Health::None };
}

fn stop(one: &mut ObservedContainer, now: Timestamp) {
    let exit = Exit {
        code: 143,
        started_at: None,
        finished_at: Some(now),
        oom_killed: false,
        error: String::new(),
    };
    one.lifecycle = Lifecycle::Exited(exit);
}

fn held_ports(one: &ObservedContainer) -> Vec<PortHolder> {
    let Some(detail) = one.detail.known().filter(|_| one.lifecycle.is_alive()) else {
        return Vec::new();
    };
    let ports = detail
        .config
        .ports
        .iter()
        .flat_map(|(port, hosts)| hosts.iter().map(move |host| (port, host)));
    let holders = ports.filter_map(|(port, host)| {
        Some(PortHolder {
            ip: host.ip.clone(),
            port: host.port.parse().ok()?,
            protocol: port.protocol,
            container: one.id.clone(),
            name: one.name.clone(),
        })
    });
    holders.collect()
}
