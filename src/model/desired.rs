//! What the manifests want.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::after_check::{AfterCheck, Asks};
use crate::model::backup::Backup;
use crate::model::backup_policy::BackupPolicy;
use crate::model::backup_set::SavedBackup;
use crate::model::before_check::BeforeCheck;
use crate::model::build::Build;
use crate::model::commit::Commit;
use crate::model::config::{ContainerConfig, MountSource};
use crate::model::content::{BoundFile, FileStamp, KeptState, OnChange};
use crate::model::diagnostic::Location;
use crate::model::drill::Drill;
use crate::model::endpoints::EndpointsChange;
use crate::model::hook::Hooks;
use crate::model::host_probe::HostProbes;
use crate::model::id::{ProjectName, ServiceName};
use crate::model::image_update::ImageUpdate;
use crate::model::job::Job;
use crate::model::join::{ComposeHash, Link, Namespace, Owner};
use crate::model::neighbour::ProjectDependency;
use crate::model::path::{HostPath, LocalPath};
use crate::model::restore_drill::RestoreDrillPolicy;
use crate::model::schedule::Schedule;
use crate::model::strategy::Strategy;
use crate::model::update::UpdateConfig;

/// One project as its files say, after interpolation, merge, defaults and checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredProject {
    /// Its name.
    pub name: ProjectName,
    /// Directory against which relative paths were resolved.
    pub directory: LocalPath,
    /// The same directory as the engine's host has it, for the labels of Compose.
    pub host_directory: HostPath,
    /// The Compose files, in merge order, as the engine's host has them.
    pub config_files: Vec<HostPath>,
    /// SHA-256 over every byte that loading read: two equal digests mean the same desired state. Starts a generation.
    pub digest: String,
    /// SHA-256 over the encrypted files among them as they lie there, if there are any. `digest` is made of what they say, so
    /// that the same values for other keys are the same version; what is kept of it is replaced all the same.
    pub encrypted: Option<String>,
    /// The commit that its files come from, if one is known. No part of what is wanted: a commit that changes none of them
    /// changes nothing.
    pub commit: Option<Commit>,
    /// Enabled services.
    pub services: BTreeMap<ServiceName, DesiredService>,
    /// Networks that an enabled service uses, by key.
    pub networks: BTreeMap<String, DesiredNetwork>,
    /// Volumes, by key.
    pub volumes: BTreeMap<String, DesiredVolume>,
    /// `x-composelet.suspend` of the project.
    pub suspend: Suspend,
    /// Other projects that have to be there before this one starts anything (`x-composelet.depends_on_projects`).
    pub depends_on_projects: BTreeMap<ProjectName, ProjectDependency>,
    /// When the way back to the last stable version is tried.
    pub drill: Option<Drill>,
    /// What is backed up of volumes (`x-composelet.backup`), by their key.
    pub volume_backups: BTreeMap<String, Backup>,
    /// When backups of all of it are made without a person (`x-composelet.backup` of the project).
    pub backup: Option<BackupPolicy>,
    /// When backups of all of it have to prove themselves (`x-composelet.backup.drill` of the project).
    pub restore_drill: Option<RestoreDrillPolicy>,
}

impl DesiredProject {
    /// What says when backups are made: of the project (`None`), and of each service.
    pub fn backup_policies(&self) -> impl Iterator<Item = (Option<&ServiceName>, &BackupPolicy)> {
        let services = self.services.values().filter_map(|service| {
            Some((Some(&service.name), service.backup.as_deref()?.policy.as_ref()?))
        });
        self.backup.iter().map(|policy| (None, policy)).chain(services)
    }

    /// What says when backups have to prove themselves: of the project (`None`), and of each service.
    pub fn restore_drills(
        &self,
    ) -> impl Iterator<Item = (Option<&ServiceName>, &RestoreDrillPolicy)> {
        let services = self.services.values().filter_map(|service| {
            let drill = service.backup.as_deref()?.drill.as_ref()?;
            Some((Some(&service.name), drill.policy.as_ref()?))
        });
        self.restore_drill.iter().map(|policy| (None, policy)).chain(services)
    }

    /// Containers outside of the project whose namespaces or volumes its services share, by name or id.
    pub fn containers_of_others(&self) -> BTreeSet<String> {
        let configs = || self.services.values().map(|service| &service.config);
        let namespaces = configs()
            .flat_map(|config| Namespace::ALL.into_iter().filter_map(|one| one.owner(config)));
        let volumes = configs().flat_map(|config| config.volumes_from.iter());
        let owners = namespaces.chain(volumes.map(|one| one.from.clone()));
        let names = owners.filter_map(|owner| match owner {
            Owner::Container(name) => Some(name),
            Owner::Service(_) => None,
        });
        names.collect()
    }
}

/// Whether the controller acts or only looks (`x-composelet.suspend`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Suspend {
    /// Acts.
    #[default]
    No,
    /// Looks and reports, does nothing.
    Yes,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredService {
    /// Its key.
    pub name: ServiceName,
    /// Where its definition stands, for holds and lints; not part of any comparison of specs.
    pub location: Location,
    /// What each replica is created with, but for name, number and labels of identity.
    pub config: ContainerConfig,
    /// Fixed name (Compose `container_name`); else `<project>-<service>-<n>`.
    pub container_name: Option<String>,
    /// Number of replicas.
    pub replicas: u32,
    /// Image reference as written, or `<project>-<service>` for a build without one.
    pub image: String,
    /// When the image is fetched or built.
    pub pull_policy: PullPolicy,
    /// What it follows in its registry, if it moves (`x-composelet.image_update`).
    pub image_update: Option<Arc<ImageUpdate>>,
    /// How the image is built, if it is.
    pub build: Option<Build>,
    /// What must be there first: declared and implied.
    pub depends_on: BTreeMap<ServiceName, Dependency>,
    /// How composelet keeps it running.
    pub restart: RestartIntent,
    /// How it is a job, if it says so itself; others may make it one by waiting for its completion.
    pub job: Option<Job>,
    /// What runs of it, or in it, at which times.
    pub schedules: Vec<Schedule>,
    /// Files whose content counts, by their path in the container: configs, secrets, bound files of `on_change`.
    pub files: BTreeMap<String, BoundFile>,
    /// What a change of one of these files does.
    pub on_change: OnChange,
    /// How its replicas are replaced by those of a new version, if it says so.
    pub update: Option<UpdateConfig>,
    /// How they are on the way back to an earlier version, if that is another way.
    pub rollback: Option<UpdateConfig>,
    /// How a new version proves itself beside the old one (`x-composelet.strategy`), if it does.
    pub strategy: Option<Arc<Strategy>>,
    /// What it does when the containers behind it change, if it is a proxy.
    pub on_endpoints_change: Option<EndpointsChange>,
    /// Time between leaving the traffic and the stop signal.
    pub drain: Option<Duration>,
    /// Commands around its starts and stops.
    pub hooks: Hooks,
    /// What it is asked from this host (`x-composelet.probe`).
    pub probes: Option<Arc<HostProbes>>,
    /// What a version of it has to pass before it is rolled out (`x-composelet.checks.before`).
    pub before: Vec<BeforeCheck>,
    /// What a version of it has to pass once it is rolled out (`x-composelet.checks.after`).
    pub checks: Vec<AfterCheck>,
    /// What is backed up of it, if it says so (`x-composelet.backup`).
    pub backup: Option<Arc<Backup>>,
    /// `x-composelet.suspend` of the service.
    pub suspend: Suspend,
    /// Why it cannot run here at all, if so.
    pub refusal: Option<Refusal>,
    /// Other names under which its containers find those of other services (Compose `links`).
    pub links: BTreeSet<Link>,
    /// The command line's hash of this service (`docker compose config --hash`), for its label.
    pub compose_hash: ComposeHash,
}

/// An attribute without which a service would not be itself, and that there is no way to honour here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The attribute, as Compose names it.
    pub attribute: &'static str,
    /// Why, and what to do.
    pub why: &'static str,
}

impl DesiredService {
    /// How its replicas are replaced by those of a new version.
    pub fn update(&self) -> UpdateConfig {
        self.update.unwrap_or_default()
    }

    /// References of the images that it mounts, beside the one that it runs.
    pub fn mounted_images(&self) -> impl Iterator<Item = &str> {
        self.config.mounts.values().filter_map(|mount| match &mount.source {
            MountSource::Image { image, .. } => Some(image.as_str()),
            _ => None,
        })
    }

    /// References of the images that its steps before the start run.
    pub fn step_images(&self) -> impl Iterator<Item = &str> {
        self.hooks.pre_start.iter().map(|step| step.image.as_str())
    }

    /// References of the images that it runs or mounts, those of its steps before the start included.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        let others = self.mounted_images().chain(self.step_images());
        std::iter::once(self.image.as_str()).chain(others)
    }

    /// References of the images of its checks before and after a rollout.
    pub fn check_images(&self) -> impl Iterator<Item = &str> {
        let before = self.before.iter().filter_map(|check| check.image.as_deref());
        before.chain(self.checks.iter().filter_map(|check| match &check.asks {
            Asks::OneOff(step) => Some(step.image.as_str()),
            Asks::Replica(_) => None,
        }))
    }

    /// Whether it runs or mounts the image of this reference.
    pub fn uses_image(&self, reference: &str) -> bool {
        self.images().chain(self.check_images()).any(|image| image == reference)
    }
}

/// When an image is fetched (Compose `pull_policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// If it is not there. The default; `if_not_present` is the same.
    #[default]
    Missing,
    /// Once per revision and per create that we begin.
    Always,
    /// Never: a missing image is a condition.
    Never,
    /// Built, never pulled.
    Build,
    /// If the last check is older than this (`daily`, `weekly`, `every_<n>`).
    Every(Duration),
}

/// One edge of `depends_on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What is waited for.
    pub condition: DependencyCondition,
    /// The dependant is restarted after the dependency was replaced.
    pub restart: bool,
    /// `false`: a failure or absence of the dependency is no obstacle.
    pub required: bool,
}

/// What a dependant waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DependencyCondition {
    /// It was started.
    #[default]
    Started,
    /// Every replica is healthy. Without a health check: started, with a warning at load.
    Healthy,
    /// It ran and exited with 0.
    CompletedSuccessfully,
}

/// How composelet keeps a container running, beside the engine's own policy (DESIGN §5, restart).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartIntent {
    /// When an exit is healed.
    pub when: RestartWhen,
    /// First delay instead of the default (`deploy.restart_policy.delay`).
    pub delay: Option<Duration>,
    /// Good running time after which the count starts again (`deploy.restart_policy.window`).
    pub window: Option<Duration>,
    /// Tries before Stalled (`deploy.restart_policy.max_attempts`).
    pub max_attempts: Option<u32>,
}

/// When an exit is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartWhen {
    /// No policy written: kept running; exit 0 of a service that publishes and exposes nothing is Completed.
    Default,
    /// `restart: "no"`: never.
    Never,
    /// After a non-zero exit.
    OnFailure,
    /// After every exit.
    Always,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredNetwork {
    /// Real name on the engine.
    pub name: String,
    /// Declared `external`: must exist, is never created, changed or removed.
    pub external: bool,
    /// What it is created with.
    pub config: NetworkConfig,
}

/// Definition of a network; its digest is kept in the label `com.docker.compose.config-hash`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Driver; `None` is the engine's bridge.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Driver of the address management.
    pub ipam_driver: Option<String>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Options of the address management.
    pub ipam_options: BTreeMap<String, String>,
    /// No way out of the network.
    pub internal: bool,
    /// Containers may attach to it by hand (Swarm).
    pub attachable: bool,
    /// IPv4; `None` is the engine's default, which is on (API 1.48).
    pub enable_ipv4: Option<bool>,
    /// IPv6; `None` is the engine's default.
    pub enable_ipv6: Option<bool>,
    /// Labels of the user.
    pub labels: BTreeMap<String, String>,
}

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subnet {
    /// CIDR.
    pub subnet: Option<String>,
    /// Part of it from which addresses are given.
    pub ip_range: Option<String>,
    /// Gateway.
    pub gateway: Option<String>,
    /// Reserved addresses by host name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredVolume {
    /// Real name on the engine.
    pub name: String,
    /// Declared `external`: must exist, is never created.
    pub external: bool,
    /// Driver; `None` is `local`.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels of the user.
    pub labels: BTreeMap<String, String>,
}

/// What the source floor found out about files of the host that a project names, for the planner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Digest of each service's build (context, Dockerfile, args, target); absent while it is computed or not quiet yet.
    pub builds: BTreeMap<ServiceName, BuildDigest>,
    /// State of each bind source.
    pub binds: BTreeMap<HostPath, BindState>,
    /// Where the files are that composelet writes itself, by name.
    pub kept: BTreeMap<String, KeptState>,
    /// Stamps of the files whose content counts, those that composelet writes included; absent if they cannot be had.
    pub stamps: BTreeMap<HostPath, FileStamp>,
    /// Good backups of the project, oldest first; looked up where a manifest says when they are made.
    pub backups: Vec<SavedBackup>,
}

/// What is known about the input of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildDigest {
    /// Stable for long enough.
    Known(String),
    /// The context changed less than 5 s ago, or is being read.
    Settling,
    /// It cannot be read; the text says why.
    Unreadable(String),
}

/// What a bind source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindState {
    /// A regular file, socket or device.
    File,
    /// A directory with entries.
    FullDirectory,
    /// A directory without entries.
    EmptyDirectory,
    /// Not there.
    Missing,
    /// It cannot be looked at from here.
    Unknown,
}
