//! The configuration of a container. Desired and observed configuration have this one type, so that drift is a
//! comparison of equals: the loader writes it from the manifest, the engine adapter reads it from `inspect`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::model::device::{BlockIo, DeviceRequest};
use crate::model::join::VolumesFrom;
use crate::model::path::HostPath;
use crate::model::secret::Secret;

/// What the engine is asked for when a container is created. An absent value means: the image's, or the engine's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerConfig {
    /// Arguments of the entrypoint; `None` keeps the image's, an empty list clears them.
    pub command: Option<Vec<Secret>>,
    /// The program; `None` keeps the image's.
    pub entrypoint: Option<Vec<Secret>>,
    /// Environment. A `None` value unsets a variable of the image (Compose: null value that nothing resolves).
    pub environment: BTreeMap<String, Option<Secret>>,
    /// Labels of the user and of the image. Those of Compose and ours are kept apart (`engine::labels`).
    pub labels: BTreeMap<String, Secret>,
    /// User and group inside the container, as `docker run --user` takes them.
    pub user: Option<String>,
    /// Working directory inside the container.
    pub working_dir: Option<String>,
    /// Host name; `None` lets the engine take the short id.
    pub hostname: Option<String>,
    /// NIS domain name.
    pub domainname: Option<String>,
    /// A terminal is allocated.
    pub tty: bool,
    /// Standard input stays open.
    pub stdin_open: bool,
    /// Ports that the container is said to listen on, published or not.
    pub expose: BTreeSet<ContainerPort>,
    /// Published ports.
    pub ports: BTreeMap<ContainerPort, BTreeSet<HostBinding>>,
    /// The check; `None` keeps the image's.
    pub healthcheck: Option<Healthcheck>,
    /// Signal that asks the container to stop, e.g. `SIGTERM`.
    pub stop_signal: Option<String>,
    /// Time between that signal and SIGKILL, in whole seconds; `None` is the engine's 10 s.
    pub stop_timeout_s: Option<u64>,
    /// Mounts by their absolute target inside the container.
    pub mounts: BTreeMap<String, Mount>,
    /// Limits and reservations; the part that the engine can change live.
    pub resources: Resources,
    /// The engine's own restart policy.
    pub restart: RestartPolicy,
    /// Which network stack the container uses.
    pub network_mode: NetworkMode,
    /// Endpoints by real network name; only with [`NetworkMode::Networks`].
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Everything that touches isolation and privileges.
    pub security: Security,
    /// Names the container resolves, and how.
    pub dns: Dns,
    /// Log driver and its options; `None` is the daemon's default.
    pub logging: Option<Logging>,
    /// Resource limits per process, by name as in `ulimit` (`nofile`).
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Kernel parameters of the container's namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// Devices of the host.
    pub devices: BTreeSet<Device>,
    /// Devices that a driver hands out, such as GPUs, in the order asked for.
    pub device_requests: Vec<DeviceRequest>,
    /// Weights and limits per block device.
    pub block_io: BlockIo,
    /// How readily memory is swapped out, 1 to 100; `None` is the host's.
    pub mem_swappiness: Option<i64>,
    /// Containers outside of the project that are reachable by another name, as `container:alias` (Compose
    /// `external_links`). On networks of its own the endpoints say it ([`Endpoint::links`]); the engine keeps it here
    /// only for its default bridge.
    pub external_links: BTreeSet<String>,
    /// Containers whose mounts it has, too, in the order in which they are laid over each other.
    pub volumes_from: Vec<VolumesFrom>,
    /// Labels of volumes that the engine makes for mounts without a name, by target. They matter only then: a volume
    /// that a successor inherits keeps those it has.
    pub volume_labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Size of `/dev/shm` in bytes; `None` is the engine's 64 MiB.
    pub shm_size_bytes: Option<i64>,
    /// OCI runtime; `None` is the daemon's default.
    pub runtime: Option<String>,
    /// `os[/arch[/variant]]`; `None` is the daemon's own.
    pub platform: Option<String>,
    /// MAC address of the primary endpoint.
    pub mac_address: Option<String>,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// Annotations for the OCI runtime (API 1.43).
    pub annotations: BTreeMap<String, String>,
}

impl ContainerConfig {
    /// Name of the primary network: highest priority first, then by name (Compose Specification, networks.priority).
    pub fn primary_network(&self) -> Option<&String> {
        if self.network_mode != NetworkMode::Networks {
            return None;
        }
        let endpoints = self.endpoints.iter();
        let primary =
            endpoints.min_by_key(|(name, one)| (std::cmp::Reverse(one.priority), (*name).clone()));
        primary.map(|(name, _)| name)
    }
}

/// A port inside the container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerPort {
    /// 1 to 65535.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

impl fmt::Display for ContainerPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.protocol)
    }
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, the default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// Where a published port is bound on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostBinding {
    /// Address; empty means every address of the host.
    pub ip: String,
    /// A port, a range such as `8000-8010`, or empty for one that the engine chooses.
    pub port: String,
}

impl fmt::Display for HostBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = if self.ip.is_empty() { "0.0.0.0" } else { &self.ip };
        let port = if self.port.is_empty() { "auto" } else { &self.port };
        write!(f, "{ip}:{port}")
    }
}

/// A health check as the engine runs it. Absent times are the engine's: 30 s, 30 s, 3, 0 s, 5 s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// What is run.
    pub test: HealthTest,
    /// Time between the end of one probe and the start of the next.
    pub interval: Option<Duration>,
    /// Longest run of one probe.
    pub timeout: Option<Duration>,
    /// Failures in a row before *unhealthy*.
    pub retries: Option<u32>,
    /// Time after start in which failures do not count.
    pub start_period: Option<Duration>,
    /// Interval inside the start period (API 1.44).
    pub start_interval: Option<Duration>,
}

/// The command of a health check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HealthTest {
    /// The image's command, with the times given here.
    #[default]
    Inherit,
    /// No check, even if the image brings one.
    Disabled,
    /// An argument vector (`CMD`).
    Exec(Vec<Secret>),
    /// A line for `/bin/sh -c` (`CMD-SHELL`).
    Shell(Secret),
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// The container may not write to it.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A path of the host.
    Bind {
        /// The path.
        source: HostPath,
        /// A missing path is created as a directory (Compose default).
        create_host_path: bool,
        /// Mount propagation such as `rslave`.
        propagation: Option<String>,
        /// SELinux relabelling, `z` or `Z`.
        selinux: Option<String>,
        /// What becomes of mounts below the path.
        recursive: BindRecursion,
    },
    /// A file that composelet writes for the container, by its name below the project's directory of such files.
    Kept {
        /// The name; where the engine finds it is known to whoever writes it.
        name: String,
    },
    /// A named volume, by its real name.
    Volume {
        /// The real name on the engine.
        name: String,
        /// Content of the image at the target is not copied into an empty volume.
        nocopy: bool,
        /// A directory inside the volume that is mounted in its place (API 1.45).
        subpath: Option<String>,
    },
    /// The files of an image, read-only to its owner (API 1.48).
    Image {
        /// Its reference.
        image: String,
        /// A directory inside the image that is mounted in its place.
        subpath: Option<String>,
    },
    /// A volume without a name; the one of a replaced container is inherited by destination.
    Anonymous,
    /// Memory.
    Tmpfs {
        /// Size limit in bytes.
        size_bytes: Option<i64>,
        /// Permission bits.
        mode: Option<u32>,
        /// Mount options as in `tmpfs: /run:size=64m`, verbatim.
        options: String,
    },
}

/// What becomes of mounts below the source of a bind mount (Compose `bind.recursive`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindRecursion {
    /// They are mounted too, and are read-only as far as the kernel can (`enabled`).
    #[default]
    Enabled,
    /// They are left out (`disabled`).
    Disabled,
    /// They are mounted, and stay writable below a read-only mount (`writable`, API 1.44).
    Writable,
    /// They are mounted, and the container fails unless they can be read-only too (`readonly`, API 1.44).
    ReadOnly,
}

impl BindRecursion {
    /// The word of Compose.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Writable => "writable",
            Self::ReadOnly => "readonly",
        }
    }
}

impl MountSource {
    /// Whether it needs the long form of the API's mounts: a line `source:target:mode` has no word for it.
    pub fn is_long(&self, target: &str) -> bool {
        match self {
            Self::Bind { source, propagation, recursive, .. } => {
                let colon = source.display().to_string().contains(':') || target.contains(':');
                propagation.is_some() || *recursive != BindRecursion::Enabled || colon
            }
            Self::Volume { nocopy, subpath, .. } => *nocopy || subpath.is_some(),
            Self::Anonymous | Self::Tmpfs { .. } | Self::Image { .. } | Self::Kept { .. } => true,
        }
    }
}

/// Limits and reservations. Zero is never stored: absent means no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU limit in billionths of a CPU.
    pub nano_cpus: Option<i64>,
    /// Relative weight against other containers.
    pub cpu_shares: Option<i64>,
    /// CFS period in microseconds.
    pub cpu_period: Option<i64>,
    /// CFS quota in microseconds per period.
    pub cpu_quota: Option<i64>,
    /// CPUs that may be used, e.g. `0-2,4`.
    pub cpuset: Option<String>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<i64>,
    /// Memory reservation in bytes.
    pub memory_reservation_bytes: Option<i64>,
    /// Memory plus swap in bytes; -1 is unlimited swap.
    pub memory_swap_bytes: Option<i64>,
    /// Most processes.
    pub pids_limit: Option<i64>,
    /// Block I/O weight, 10 to 1000.
    pub blkio_weight: Option<u16>,
    /// Period of the real-time scheduler in microseconds.
    pub cpu_rt_period: Option<i64>,
    /// Time of the real-time scheduler in microseconds per period.
    pub cpu_rt_runtime: Option<i64>,
}

/// The engine's restart policy (Compose `restart`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// The engine never restarts it.
    #[default]
    No,
    /// After a non-zero exit, at most `max_retries` times; 0 is without limit.
    OnFailure {
        /// Most tries of the engine; 0 is without limit.
        max_retries: u32,
    },
    /// After every exit, and at the start of the daemon.
    Always,
    /// As `Always`, unless it was stopped by hand.
    UnlessStopped,
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::OnFailure { max_retries: 0 } => f.write_str("on-failure"),
            Self::OnFailure { max_retries } => write!(f, "on-failure:{max_retries}"),
            Self::Always => f.write_str("always"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
        }
    }
}

/// Which network stack a container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// The networks of [`ContainerConfig::endpoints`].
    #[default]
    Networks,
    /// No network.
    None,
    /// The host's own stack.
    Host,
    /// The engine's default bridge.
    Bridge,
    /// Verbatim, e.g. `container:<id>`.
    Other(String),
}

/// One attachment of a container to a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Extra names in the network's DNS. Service and container name are added on create and ignored in comparisons.
    pub aliases: BTreeSet<String>,
    /// Fixed IPv4 address.
    pub ipv4_address: Option<String>,
    /// Fixed IPv6 address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: BTreeSet<String>,
    /// MAC address (API 1.44).
    pub mac_address: Option<String>,
    /// Options of the network driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Which network brings the default gateway: highest first (API 1.48).
    pub gw_priority: i64,
    /// Containers that go by another name on this network, as `container:alias`.
    pub links: BTreeSet<String>,
    /// Name of the interface inside the container (API 1.49).
    pub interface_name: Option<String>,
    /// Which network is the primary one: highest first, then by name (Compose `priority`). Not seen by the engine.
    pub priority: i64,
}

/// Isolation and privileges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// All capabilities and devices.
    pub privileged: bool,
    /// The root file system is read-only.
    pub read_only: bool,
    /// An init process reaps children; `None` is the daemon's default.
    pub init: Option<bool>,
    /// Capabilities added.
    pub cap_add: BTreeSet<String>,
    /// Capabilities dropped.
    pub cap_drop: BTreeSet<String>,
    /// Options such as `no-new-privileges:true`.
    pub security_opt: BTreeSet<String>,
    /// Further groups.
    pub group_add: BTreeSet<String>,
    /// IPC namespace.
    pub ipc: Option<String>,
    /// PID namespace.
    pub pid: Option<String>,
    /// UTS namespace.
    pub uts: Option<String>,
    /// User namespace.
    pub userns_mode: Option<String>,
    /// Cgroup namespace, `host` or `private`.
    pub cgroup: Option<String>,
    /// Parent cgroup.
    pub cgroup_parent: Option<String>,
    /// Rules such as `c 1:3 mr`.
    pub device_cgroup_rules: BTreeSet<String>,
    /// The kernel's out-of-memory killer is off.
    pub oom_kill_disable: Option<bool>,
    /// -1000 to 1000.
    pub oom_score_adj: Option<i64>,
}

/// Name resolution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// Servers.
    pub servers: Vec<String>,
    /// Resolver options.
    pub options: Vec<String>,
    /// Search domains.
    pub search: Vec<String>,
    /// Lines of `/etc/hosts` as `name:address`.
    pub extra_hosts: BTreeSet<String>,
}

/// Log driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Driver; empty is the daemon's default.
    pub driver: String,
    /// Its options.
    pub options: BTreeMap<String, String>,
}

/// A limit per process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ulimit {
    /// Soft limit.
    pub soft: i64,
    /// Hard limit.
    pub hard: i64,
}

/// A device of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// Path on the host.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Some of `r`, `w`, `m`.
    pub permissions: String,
}
