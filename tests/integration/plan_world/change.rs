//! Changes of the world by hand, by the engine or by time, as the scripts write them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use composelet::model::config::{HealthTest, Healthcheck, Protocol, RestartPolicy};
use composelet::model::desired::{BindState, BuildDigest};
use composelet::model::disk::{DiskPressure, Room};
use composelet::model::id::{
    ContainerId, ContainerName, Installation, NetworkId, ProjectName, ServiceName,
};
use composelet::model::ledger::{BuildCache, ImageRecord, Suspension};
use composelet::model::observed::{
    ApiVersion, ContainerDetail, ImageState, Knowledge, NameHolder, ObservedContainer,
    ObservedEndpoint, ObservedNetwork, ObservedVolume, PortHolder,
};
use composelet::model::path::HostPath;
use composelet::model::secret::{Secret, sha256_hex};
use composelet::planner::{abort, confirm, forget_backoffs, pause, promote, restart, start};

use super::backups::{self, BackupChange};
use super::probes::{self, ProbeChange};
use super::projects::{self, ProjectChange};
use super::sim::{Sim, Wish, image_id};
use super::units::{duration, health, lifecycle};

/// Everything that can be different.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Change {
    /// Minor API version of the engine.
    api: Option<u16>,
    /// What is wanted.
    wish: Option<Wish>,
    /// The host sleeps for so long; only its wall clock goes on.
    sleep: Option<String>,
    /// The engine came back this long ago.
    gap_ago: Option<String>,
    containers: Vec<ContainerChange>,
    /// The good backups that the catalogue knows from now on.
    backups: Option<Vec<BackupChange>>,
    /// What host probes found, by container and probe.
    probes: ProbeChange,
    /// The engine is on another host.
    elsewhere: bool,
    /// Whether a disk of the host is too full.
    disk_pressure: Option<bool>,
    /// The controller runs in the container of this name.
    own: Option<String>,
    images: BTreeMap<String, ImageChange>,
    networks: BTreeMap<String, Option<NetworkChange>>,
    volumes: BTreeMap<String, Option<VolumeChange>>,
    /// Names held by strangers, with the project that they claim.
    names: BTreeMap<String, Option<String>>,
    /// Ports of the host held by strangers.
    ports: BTreeMap<u16, String>,
    /// Digest of a build; `settling`, `unreadable`.
    builds: BTreeMap<String, String>,
    /// `file`, `full`, `empty`, `missing`, `unknown`.
    binds: BTreeMap<PathBuf, String>,
    /// Other projects; `null` takes one away.
    projects: BTreeMap<String, Option<ProjectChange>>,
    ledger: LedgerChange,
}

/// One container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ContainerChange {
    /// Its name, or that of a copy of `copy`.
    name: String,
    copy: Option<String>,
    remove: bool,
    rename: Option<String>,
    state: Option<String>,
    health: Option<String>,
    /// Created this long ago.
    created: Option<String>,
    image: Option<String>,
    one_off: bool,
    /// Made by `docker compose`: no label of ours.
    by_compose: bool,
    config_files: Option<String>,
    installation: Option<String>,
    project: Option<String>,
    number: Option<u32>,
    depends_on: Option<Vec<String>>,
    /// `inspect` did not answer.
    unknown: Option<String>,
    /// Restarts by the engine.
    restarts: Option<u32>,
    memory: Option<i64>,
    restart: Option<String>,
    env: BTreeMap<String, Option<String>>,
    labels: BTreeMap<String, Option<String>>,
    detach: Vec<String>,
    attach: BTreeMap<String, Vec<String>>,
    volumes: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ImageChange {
    absent: bool,
    unknown: Option<String>,
    id: Option<String>,
    build: Option<String>,
    expose: Vec<u16>,
    healthcheck: bool,
    volumes: Vec<String>,
    env: BTreeMap<String, String>,
}

/// `null` removes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NetworkChange {
    /// Another network of the same name, with this id.
    second: Option<String>,
    id: Option<String>,
    project: Option<String>,
    foreign: bool,
    /// Attached containers that the project does not own.
    stranger: bool,
}

/// `null` removes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VolumeChange {
    driver: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the words of a case, each its own")]
struct LedgerChange {
    lose: bool,
    confirm: bool,
    reconcile: bool,
    /// By service, empty for the project: until, from now.
    suspend: BTreeMap<String, Option<String>>,
    /// The same for a stop.
    stop: BTreeMap<String, Option<String>>,
    /// Ends the stop of this service, or of the project (empty).
    start: Option<String>,
    image_failures: BTreeMap<String, (u32, String)>,
    checked_ago: BTreeMap<String, String>,
    /// A restart of everything with a build before it.
    rebuild: Option<BuildCache>,
    /// A person promotes what waits: `next` or `full`.
    promote: Option<String>,
    /// A person gives up what is being rolled out.
    abort: bool,
    /// A person pauses the rollout, or lets it go on.
    paused: Option<bool>,
    /// Times that a replica was unhealthy.
    unhealthy: BTreeMap<String, u32>,
}

impl Change {
    /// Makes the change.
    pub(crate) fn apply(&self, sim: &mut Sim) {
        if let Some(minor) = self.api {
            sim.engine.observed.engine.api = ApiVersion::v1(minor);
        }
        sim.wish = self.wish.unwrap_or(sim.wish);
        sim.asleep += self.sleep.as_deref().map(duration).unwrap_or_default();
        if let Some(ago) = &self.gap_ago {
            sim.engine.observed.engine.gap_ended = Some(sim.now.minus(duration(ago)));
        }
        if let Some(pressure) = self.disk_pressure {
            let path = "/var/lib/docker".to_owned();
            let full = DiskPressure { path, room: Room::Bytes, wanted: 10 };
            sim.gate.pressure = pressure.then_some(full);
        }
        self.images.iter().for_each(|(reference, change)| change.apply(sim, reference));
        self.networks.iter().for_each(|(name, change)| network(sim, name, change.as_ref()));
        self.volumes.iter().for_each(|(name, change)| volume(sim, name, change.as_ref()));
        self.containers.iter().for_each(|change| change.apply(sim));
        backups::apply(sim, self.backups.as_deref());
        probes::apply(sim, &self.probes, self.elsewhere);
        projects::apply(sim, &self.projects);
        self.ledger.apply(sim);
        self.facts(sim);
        sim.engine.refresh();
        if let Some(name) = &self.own {
            sim.engine.host.own = Some(find(sim, name).id.clone());
        }
        self.strangers(sim);
    }

    fn facts(&self, sim: &mut Sim) {
        for (service, digest) in &self.builds {
            let digest = match digest.as_str() {
                "settling" => BuildDigest::Settling,
                "unreadable" => BuildDigest::Unreadable("permission denied".to_owned()),
                digest => BuildDigest::Known(digest.to_owned()),
            };
            sim.facts.builds.insert(service.as_str().into(), digest);
        }
        for (path, state) in &self.binds {
            let state = match state.as_str() {
                "file" => BindState::File,
                "full" => BindState::FullDirectory,
                "empty" => BindState::EmptyDirectory,
                "missing" => BindState::Missing,
                "unknown" => BindState::Unknown,
                _ => panic!("not the state of a bind source: {state}"),
            };
            sim.facts.binds.insert(HostPath::new(path), state);
        }
    }

    fn strangers(&self, sim: &mut Sim) {
        for network in &mut sim.engine.observed.networks {
            let change = self.networks.get(&network.name).and_then(Option::as_ref);
            if change.is_some_and(|change| change.stranger) {
                network.containers.insert(ContainerId::new(sha256_hex(["stranger"])));
            }
        }
        for (name, project) in &self.names {
            let holder = NameHolder {
                container: ContainerId::new(sha256_hex(["stranger", name])),
                project: project.as_deref().map(ProjectName::from),
                installation: None,
            };
            sim.engine.host.names.insert(ContainerName::new(name.clone()), holder);
        }
        for (port, name) in &self.ports {
            let ports = &mut sim.engine.host.ports;
            ports.retain(|holder| holder.port != *port || !holder.name.as_str().is_empty());
            ports.push(PortHolder {
                ip: String::new(),
                port: *port,
                protocol: Protocol::Tcp,
                container: ContainerId::new(sha256_hex(["stranger", name])),
                name: ContainerName::new(name.clone()),
            });
        }
    }
}

impl ContainerChange {
    fn apply(&self, sim: &mut Sim) {
        let now = sim.now;
        if let Some(copy) = &self.copy {
            let mut twin = find(sim, copy).clone();
            twin.id = ContainerId::new(sha256_hex([self.name.as_str()]));
            twin.name = ContainerName::new(self.name.clone());
            sim.engine.observed.containers.push(twin);
            sim.engine.observed.containers.sort_by(|one, other| one.id.cmp(&other.id));
        }
        if self.remove {
            find(sim, &self.name);
            return sim.engine.observed.containers.retain(|one| one.name.as_str() != self.name);
        }
        let networks = sim.engine.observed.networks.clone();
        let one = find(sim, &self.name);
        if let Some(state) = &self.state {
            one.lifecycle = lifecycle(state, now);
        }
        if let Some(text) = &self.health {
            one.health = health(text);
        }
        if let Some(ago) = &self.created {
            one.created_at = now.minus(duration(ago));
        }
        if let Some(image) = &self.image {
            one.image_id = image_id(image);
        }
        one.restart_count = self.restarts.unwrap_or(one.restart_count);
        self.claim(one);
        if let Knowledge::Known(detail) = &mut one.detail {
            self.detail(detail, &networks);
        }
        if let Some(why) = &self.unknown {
            one.detail = Knowledge::Unknown(why.clone());
        }
        if let Some(name) = &self.rename {
            one.name = ContainerName::new(name.clone());
        }
    }

    fn claim(&self, one: &mut ObservedContainer) {
        let claim = &mut one.claim;
        claim.one_off |= self.one_off;
        if self.by_compose {
            claim.installation = None;
            claim.revision = None;
            claim.spec_hash = None;
            claim.content = None;
        }
        if let Some(files) = &self.config_files {
            claim.config_files = Some(files.clone());
        }
        if let Some(name) = &self.installation {
            claim.installation = Some(Installation::new(name.clone()));
        }
        if let Some(name) = &self.project {
            claim.project = Some(ProjectName::new(name.clone()));
        }
        if let Some(names) = &self.depends_on {
            claim.depends_on = names.iter().map(|name| name.as_str().into()).collect();
        }
        claim.number = self.number.or(claim.number);
    }

    fn detail(&self, detail: &mut ContainerDetail, networks: &[ObservedNetwork]) {
        let config = &mut detail.config;
        if let Some(bytes) = self.memory {
            config.resources.memory_bytes = Some(bytes).filter(|bytes| *bytes > 0);
        }
        match self.restart.as_deref() {
            None => {}
            Some("no") => config.restart = RestartPolicy::No,
            Some("always") => config.restart = RestartPolicy::Always,
            Some("unless-stopped") => config.restart = RestartPolicy::UnlessStopped,
            Some(other) => panic!("not a policy: {other}"),
        }
        for (key, value) in &self.env {
            config.environment.remove(key);
            let value = value.as_ref().map(|value| Some(Secret::new(value.clone())));
            config.environment.extend(value.map(|value| (key.clone(), value)));
        }
        for (key, value) in &self.labels {
            config.labels.remove(key);
            let value = value.as_ref().map(|value| Secret::new(value.clone()));
            config.labels.extend(value.map(|value| (key.clone(), value)));
        }
        for name in &self.detach {
            config.endpoints.remove(name);
            assert!(detail.endpoints.remove(name).is_some(), "not attached: {name}");
        }
        for (name, aliases) in &self.attach {
            let known = networks.iter().find(|network| network.name == *name);
            let network =
                known.map_or_else(|| NetworkId::from(name.as_str()), |one| one.id.clone());
            let mut endpoint = config.endpoints.get(name).cloned().unwrap_or_default();
            endpoint.aliases = aliases.iter().cloned().collect();
            config.endpoints.insert(name.clone(), endpoint.clone());
            detail
                .endpoints
                .insert(name.clone(), ObservedEndpoint { network, endpoint, ip: None, mac: None });
        }
        detail.volumes.extend(self.volumes.clone());
    }
}

fn find<'a>(sim: &'a mut Sim, name: &str) -> &'a mut ObservedContainer {
    let names: Vec<String> =
        sim.engine.observed.containers.iter().map(|one| one.name.to_string()).collect();
    let found = sim.engine.observed.containers.iter_mut().find(|one| one.name.as_str() == name);
    found.unwrap_or_else(|| panic!("no container {name} among {names:?}"))
}

impl ImageChange {
    fn apply(&self, sim: &mut Sim, reference: &str) {
        let images = &mut sim.engine.observed.images;
        if self.absent {
            images.insert(reference.to_owned(), ImageState::Absent);
            return;
        }
        if let Some(why) = &self.unknown {
            images.insert(reference.to_owned(), ImageState::Unknown(why.clone()));
            return;
        }
        let mut image =
            images.get(reference).and_then(ImageState::present).cloned().unwrap_or_default();
        image.id = image.id.or_else(|| Some(image_id(reference)));
        if let Some(id) = &self.id {
            image.id = Some(image_id(id));
        }
        image.build = self.build.clone().or(image.build);
        let ports = self.expose.iter().map(|port| composelet::model::config::ContainerPort {
            port: *port,
            protocol: Protocol::Tcp,
        });
        image.expose.extend(ports);
        if self.healthcheck {
            let test = HealthTest::Exec(vec![Secret::from("true")]);
            image.healthcheck = Some(Healthcheck { test, ..Default::default() });
        }
        image.volumes.extend(self.volumes.iter().cloned());
        let env = self.env.iter().map(|(key, value)| (key.clone(), Secret::new(value.clone())));
        image.environment.extend(env);
        images.insert(reference.to_owned(), ImageState::Present(Box::new(image)));
    }
}

fn network(sim: &mut Sim, name: &str, change: Option<&NetworkChange>) {
    let networks = &mut sim.engine.observed.networks;
    let Some(change) = change else {
        return networks.retain(|network| network.name != name);
    };
    if let Some(id) = &change.second {
        let mut second = networks.iter().find(|one| one.name == name).cloned().unwrap();
        second.id = NetworkId::new(id.clone());
        second.containers.clear();
        return networks.push(second);
    }
    if !networks.iter().any(|network| network.name == name) {
        networks.push(ObservedNetwork {
            id: NetworkId::new(format!("id of {name}")),
            name: name.to_owned(),
            project: change.project.as_deref().map(ProjectName::from),
            key: None,
            installation: None,
            spec_hash: None,
            config: composelet::model::desired::NetworkConfig::default(),
            containers: std::collections::BTreeSet::new(),
        });
    }
    let network = networks.iter_mut().find(|network| network.name == name).unwrap();
    if let Some(id) = &change.id {
        network.id = NetworkId::new(id.clone());
    }
    if change.foreign {
        network.installation = None;
    }
}

fn volume(sim: &mut Sim, name: &str, change: Option<&VolumeChange>) {
    let volumes = &mut sim.engine.observed.volumes;
    let Some(change) = change else {
        volumes.remove(name);
        return;
    };
    let volume = volumes.entry(name.to_owned()).or_insert_with(|| ObservedVolume {
        name: name.to_owned(),
        project: None,
        key: None,
        driver: "local".to_owned(),
        driver_opts: BTreeMap::new(),
    });
    if let Some(driver) = &change.driver {
        volume.driver.clone_from(driver);
    }
}

impl LedgerChange {
    fn apply(&self, sim: &mut Sim) {
        let now = sim.now;
        if self.lose {
            sim.ledger = composelet::model::ledger::ProjectLedger::default();
        }
        if self.confirm {
            sim.ledger = confirm(&sim.ledger);
        }
        if self.reconcile {
            sim.ledger = forget_backoffs(&sim.ledger);
        }
        if self.rebuild.is_some() {
            restart(&mut sim.ledger, None, (now, self.rebuild)).unwrap();
        }
        if let Some(how) = &self.promote {
            let wish = (how == "full", now.to_string());
            promote(&mut sim.ledger, None, (wish.0, &wish.1), now).unwrap();
        }
        if self.abort {
            abort(&mut sim.ledger, None, now).unwrap();
        }
        if let Some(paused) = self.paused {
            pause(&mut sim.ledger, None, paused).unwrap();
        }
        for (service, until) in &self.suspend {
            let until = until.as_ref().map(|until| now.plus(duration(until)));
            let entry = Suspension { reason: "maintenance".to_owned(), at: now, until };
            sim.ledger.suspended.insert(service.clone(), entry);
        }
        for (service, until) in &self.stop {
            let until = until.as_ref().map(|until| now.plus(duration(until)));
            let entry = Suspension { reason: "repair".to_owned(), at: now, until };
            sim.ledger.stopped.insert(service.clone(), entry);
        }
        if let Some(service) = &self.start {
            let service = Some(service.as_str()).filter(|one| !one.is_empty());
            start(&mut sim.ledger, service.map(ServiceName::from).as_ref()).unwrap();
        }
        for (reference, (failures, next)) in &self.image_failures {
            let record = ImageRecord {
                failures: *failures,
                next_try: Some(now.plus(duration(next))),
                error: "manifest unknown".to_owned(),
                ..Default::default()
            };
            sim.ledger.images.insert(reference.clone(), record);
        }
        for (replica, count) in &self.unhealthy {
            sim.ledger.replicas.get_mut(replica).unwrap().unhealthy = *count;
        }
        for (reference, ago) in &self.checked_ago {
            let record = sim.ledger.images.entry(reference.clone()).or_default();
            record.checked = Some(now.minus(duration(ago)));
        }
    }
}
