//! What the checks look at. `None` is: nobody could tell. No value of a secret is in here.

use std::collections::BTreeSet;

use crate::doctor::certificate::CertificateFile;
use crate::model::engine_info::EngineInfo;
use crate::model::time::Timestamp;

/// Everything that was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// What the engine says of itself.
    pub engine: Option<EngineInfo>,
    /// Why it cannot be asked; empty if it can.
    pub engine_error: String,
    /// The negotiated minor version of its API.
    pub api_minor: u16,
    /// Subnets of its networks.
    pub subnets: Vec<String>,
    /// What registries answered about images that are not here.
    pub registries: Vec<RegistryAnswer>,
    /// When it was looked, by the wall clock.
    pub now: Timestamp,
    /// The host.
    pub host: HostSurvey,
    /// The projects of the watched directory.
    pub projects: Vec<ProjectSurvey>,
}

/// Whether a registry answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryAnswer {
    /// The reference that was asked for.
    pub reference: String,
    /// Why there was no answer; empty: there was one.
    pub error: String,
}

/// The host of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSurvey {
    /// Whether the engine is on this host.
    pub is_here: bool,
    /// File systems that matter.
    pub disks: Vec<Disk>,
    /// Memory in bytes that programs may still take.
    pub memory_available: Option<u64>,
    /// Limits of inotify.
    pub inotify: Option<Inotify>,
    /// Who listens on which TCP port.
    pub listeners: Vec<Listener>,
    /// Seconds by which the engine's clock is ahead of ours.
    pub clock_ahead_s: Option<i64>,
    /// Whether the host keeps its time by NTP.
    pub clock_synchronised: Option<bool>,
    /// Name servers of the host.
    pub name_servers: Vec<String>,
    /// Whether a firewall (ufw, firewalld) is switched on.
    pub firewall: Option<String>,
}

/// A file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// What lies on it.
    pub path: String,
    /// Bytes that may still be taken.
    pub free_bytes: u64,
    /// Size in bytes.
    pub total_bytes: u64,
    /// Inodes that may still be taken.
    pub free_inodes: u64,
    /// All inodes; 0 if it does not count them.
    pub total_inodes: u64,
}

impl Disk {
    /// Whether two places lie on the same file system, as far as its numbers tell.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.total_bytes == other.total_bytes
            && self.total_inodes == other.total_inodes
            && self.free_inodes == other.free_inodes
    }
}

/// Limits of inotify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inotify {
    /// `fs.inotify.max_user_watches`.
    pub watches: u64,
    /// `fs.inotify.max_user_instances`.
    pub instances: u64,
}

/// A socket of the host that listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Port.
    pub port: u16,
    /// Program, if it may be looked at.
    pub program: String,
    /// Its systemd unit, if it has one.
    pub unit: String,
}

/// One project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectSurvey {
    /// Name.
    pub name: String,
    /// Why its files do not load.
    pub errors: Vec<String>,
    /// Variables without a value, with file and line.
    pub unset: Vec<String>,
    /// Files of variables that nothing loads.
    pub unloaded: Vec<String>,
    /// Health checks that cannot fail, and waits for health without one.
    pub weak_checks: Vec<String>,
    /// Published ports.
    pub ports: Vec<PortWant>,
    /// Bound paths.
    pub binds: Vec<BindWant>,
    /// Images.
    pub images: Vec<ImageWant>,
    /// Sum of the memory limits in bytes, and services without one.
    pub memory_limits: (u64, usize),
    /// What the engine cannot do that it asks for.
    pub lacking: Vec<String>,
    /// What the policy refuses.
    pub refused: Vec<String>,
    /// Weak secrets: service and variable, and what is weak. Never the value.
    pub weak_secrets: Vec<String>,
    /// Services without a rotation of their logs.
    pub unrotated_logs: Vec<String>,
    /// Whether a controller found it ready.
    pub ready: Option<bool>,
    /// Services that keep data.
    pub with_data: BTreeSet<String>,
    /// Files with certificates that its services are given.
    pub certificates: Vec<CertificateFile>,
    /// Age in seconds of the newest verified backup of each service that the catalogue knows; `None`: none is good.
    pub backups: Vec<(String, Option<u64>)>,
}

/// A published port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortWant {
    /// The service.
    pub service: String,
    /// Address of the host; empty is every one.
    pub ip: String,
    /// Port of the host.
    pub port: u16,
    /// A container of this project has it already.
    pub ours: bool,
    /// Name of the container that has it, if that is another's.
    pub container: Option<String>,
}

/// A bound path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindWant {
    /// The service.
    pub service: String,
    /// Path of the host.
    pub path: String,
    /// It is not there.
    pub missing: bool,
    /// It is named like a file and is an empty directory.
    pub became_directory: bool,
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageWant {
    /// Reference.
    pub reference: String,
    /// It is there.
    pub present: bool,
    /// It is built here.
    pub built: bool,
}
