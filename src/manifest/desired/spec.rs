//! The canonical form as Rust types. The tree was checked against the schema before, so decoding it is a formality; what
//! fails here is a mistake of ours and is reported as such.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Keys and values.
pub(super) type Pairs = BTreeMap<String, String>;

/// A service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the specification")]
pub(super) struct Service {
    pub(super) annotations: Pairs,
    pub(super) blkio_config: Option<Blkio>,
    pub(super) build: Option<Build>,
    pub(super) cap_add: Vec<String>,
    pub(super) cap_drop: Vec<String>,
    pub(super) cgroup: Option<String>,
    pub(super) cgroup_parent: Option<String>,
    pub(super) command: Option<Vec<String>>,
    pub(super) configs: Vec<FileMount>,
    pub(super) container_name: Option<String>,
    pub(super) cpu_period: Option<i64>,
    pub(super) cpu_quota: Option<i64>,
    pub(super) cpu_rt_period: Option<i64>,
    pub(super) cpu_rt_runtime: Option<i64>,
    pub(super) cpu_shares: Option<i64>,
    pub(super) cpus: Option<f64>,
    pub(super) cpuset: Option<String>,
    pub(super) depends_on: BTreeMap<String, Dependency>,
    pub(super) deploy: Option<Deploy>,
    pub(super) device_cgroup_rules: Vec<String>,
    pub(super) devices: Vec<Device>,
    pub(super) dns: Vec<String>,
    pub(super) dns_opt: Vec<String>,
    pub(super) dns_search: Vec<String>,
    pub(super) domainname: Option<String>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) environment: BTreeMap<String, Option<String>>,
    pub(super) expose: Vec<String>,
    pub(super) external_links: Vec<String>,
    pub(super) extra_hosts: Vec<String>,
    pub(super) gpus: Vec<DeviceRequest>,
    pub(super) group_add: Vec<String>,
    pub(super) healthcheck: Option<Healthcheck>,
    pub(super) hostname: Option<String>,
    pub(super) image: Option<String>,
    pub(super) init: Option<bool>,
    pub(super) ipc: Option<String>,
    pub(super) labels: Pairs,
    pub(super) links: Vec<String>,
    pub(super) logging: Option<Logging>,
    pub(super) mac_address: Option<String>,
    pub(super) mem_limit: Option<i64>,
    pub(super) mem_reservation: Option<i64>,
    pub(super) mem_swappiness: Option<i64>,
    pub(super) memswap_limit: Option<i64>,
    #[allow(
        clippy::zero_sized_map_values,
        reason = "decoded from a mapping; only whether it is empty counts"
    )]
    pub(super) models: BTreeMap<String, IgnoredAny>,
    pub(super) network_mode: Option<String>,
    pub(super) networks: BTreeMap<String, Option<Endpoint>>,
    pub(super) oom_kill_disable: Option<bool>,
    pub(super) oom_score_adj: Option<i64>,
    pub(super) pid: Option<String>,
    pub(super) pids_limit: Option<i64>,
    pub(super) platform: Option<String>,
    pub(super) ports: Vec<Port>,
    pub(super) post_start: Vec<Hook>,
    pub(super) pre_start: Vec<Hook>,
    pub(super) pre_stop: Vec<Hook>,
    pub(super) privileged: bool,
    pub(super) provider: Option<IgnoredAny>,
    pub(super) pull_policy: Option<String>,
    pub(super) read_only: bool,
    pub(super) restart: Option<String>,
    pub(super) runtime: Option<String>,
    pub(super) scale: Option<u32>,
    pub(super) secrets: Vec<FileMount>,
    pub(super) security_opt: Vec<String>,
    pub(super) shm_size: Option<i64>,
    pub(super) stdin_open: bool,
    pub(super) stop_grace_period: Option<String>,
    pub(super) stop_signal: Option<String>,
    pub(super) storage_opt: Pairs,
    pub(super) sysctls: Pairs,
    pub(super) tmpfs: Vec<String>,
    pub(super) tty: bool,
    pub(super) ulimits: BTreeMap<String, Ulimit>,
    pub(super) use_api_socket: bool,
    pub(super) user: Option<String>,
    pub(super) userns_mode: Option<String>,
    pub(super) uts: Option<String>,
    pub(super) volumes: Vec<VolumeMount>,
    pub(super) volumes_from: Vec<String>,
    pub(super) working_dir: Option<String>,
}

/// An entry of `pre_start`, `post_start` or `pre_stop`; only the first may have an image.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hook {
    pub(super) command: Option<Vec<String>>,
    pub(super) user: Option<String>,
    pub(super) privileged: bool,
    pub(super) working_dir: Option<String>,
    pub(super) environment: BTreeMap<String, Option<String>>,
    pub(super) image: Option<String>,
}

/// `blkio_config`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Blkio {
    pub(super) weight: Option<u16>,
    pub(super) weight_device: Vec<BlockWeight>,
    pub(super) device_read_bps: Vec<BlockRate>,
    pub(super) device_read_iops: Vec<BlockRate>,
    pub(super) device_write_bps: Vec<BlockRate>,
    pub(super) device_write_iops: Vec<BlockRate>,
}

/// An entry of `blkio_config.weight_device`.
#[derive(Debug, Deserialize)]
pub(super) struct BlockWeight {
    pub(super) path: String,
    pub(super) weight: u16,
}

/// An entry of `blkio_config.device_read_bps` and its like.
#[derive(Debug, Deserialize)]
pub(super) struct BlockRate {
    pub(super) path: String,
    pub(super) rate: i64,
}

/// An entry of `gpus` or of `deploy.resources.reservations.devices`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeviceRequest {
    pub(super) capabilities: Vec<String>,
    pub(super) driver: String,
    pub(super) count: i64,
    pub(super) device_ids: Vec<String>,
    pub(super) options: Pairs,
}

/// `build`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Build {
    pub(super) context: String,
    pub(super) dockerfile: Option<String>,
    pub(super) dockerfile_inline: Option<String>,
    pub(super) args: Pairs,
    pub(super) labels: Pairs,
    pub(super) cache_from: Vec<String>,
    pub(super) cache_to: Vec<String>,
    pub(super) additional_contexts: BTreeMap<String, String>,
    pub(super) ssh: Vec<String>,
    pub(super) secrets: Vec<FileMount>,
    pub(super) ulimits: BTreeMap<String, Ulimit>,
    pub(super) entitlements: Vec<String>,
    pub(super) privileged: bool,
    pub(super) no_cache_filter: Vec<String>,
    pub(super) no_cache: bool,
    pub(super) pull: bool,
    pub(super) extra_hosts: Vec<String>,
    pub(super) network: Option<String>,
    pub(super) target: Option<String>,
    pub(super) shm_size: Option<i64>,
    pub(super) tags: Vec<String>,
    pub(super) platforms: Vec<String>,
}

/// An entry of `configs` or `secrets` of a service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FileMount {
    pub(super) source: String,
    pub(super) target: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) gid: Option<String>,
    pub(super) mode: Option<u32>,
}

/// An entry of `depends_on`.
#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) condition: String,
    #[serde(default)]
    pub(super) restart: bool,
    #[serde(default)]
    pub(super) required: bool,
}

/// `deploy`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Deploy {
    pub(super) mode: Option<String>,
    pub(super) replicas: Option<u32>,
    pub(super) resources: DeployResources,
    pub(super) restart_policy: Option<DeployRestart>,
    pub(super) update_config: Option<UpdateConfig>,
    pub(super) rollback_config: Option<UpdateConfig>,
}

/// `deploy.update_config` and `deploy.rollback_config`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UpdateConfig {
    pub(super) parallelism: Option<u32>,
    pub(super) delay: Option<String>,
    pub(super) failure_action: Option<String>,
    pub(super) monitor: Option<String>,
    pub(super) max_failure_ratio: Option<f64>,
    pub(super) order: Option<String>,
}

/// `deploy.resources`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeployResources {
    pub(super) limits: Option<Limits>,
    pub(super) reservations: Option<Reservations>,
}

/// `deploy.resources.reservations`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reservations {
    pub(super) memory: Option<i64>,
    pub(super) devices: Vec<DeviceRequest>,
}

/// `deploy.resources.limits`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    pub(super) cpus: Option<f64>,
    pub(super) memory: Option<i64>,
    pub(super) pids: Option<i64>,
}

/// `deploy.restart_policy`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeployRestart {
    pub(super) condition: Option<String>,
    pub(super) delay: Option<String>,
    pub(super) max_attempts: Option<u32>,
    pub(super) window: Option<String>,
}

/// An entry of `devices`.
#[derive(Debug, Deserialize)]
pub(super) struct Device {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) permissions: String,
}

/// `healthcheck`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Healthcheck {
    pub(super) test: Vec<String>,
    pub(super) interval: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) retries: Option<u32>,
    pub(super) start_period: Option<String>,
    pub(super) start_interval: Option<String>,
    pub(super) disable: bool,
}

/// `logging`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Logging {
    pub(super) driver: String,
    pub(super) options: Pairs,
}

/// An entry of `networks` of a service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Endpoint {
    pub(super) aliases: Vec<String>,
    pub(super) ipv4_address: Option<String>,
    pub(super) ipv6_address: Option<String>,
    pub(super) link_local_ips: Vec<String>,
    pub(super) mac_address: Option<String>,
    pub(super) driver_opts: Pairs,
    pub(super) gw_priority: i64,
    pub(super) interface_name: Option<String>,
    pub(super) priority: i64,
}

/// An entry of `ports`.
#[derive(Debug, Deserialize)]
pub(super) struct Port {
    pub(super) target: i64,
    #[serde(default)]
    pub(super) published: String,
    #[serde(default)]
    pub(super) host_ip: String,
    pub(super) protocol: String,
}

/// An entry of `ulimits`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ulimit {
    pub(super) single: Option<i64>,
    pub(super) soft: i64,
    pub(super) hard: i64,
}

/// An entry of `volumes` of a service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VolumeMount {
    pub(super) r#type: String,
    pub(super) source: Option<String>,
    pub(super) target: String,
    pub(super) read_only: bool,
    pub(super) bind: BindOptions,
    pub(super) volume: VolumeOptions,
    pub(super) tmpfs: TmpfsOptions,
    pub(super) image: ImageOptions,
}

/// `bind` of a mount.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BindOptions {
    pub(super) selinux: Option<String>,
    pub(super) propagation: Option<String>,
    pub(super) create_host_path: Option<bool>,
    pub(super) recursive: Option<String>,
}

/// `volume` of a mount.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VolumeOptions {
    pub(super) labels: Pairs,
    pub(super) nocopy: bool,
    pub(super) subpath: Option<String>,
}

/// `image` of a mount.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ImageOptions {
    pub(super) subpath: Option<String>,
}

/// `tmpfs` of a mount.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TmpfsOptions {
    pub(super) size: Option<i64>,
    pub(super) mode: Option<u32>,
}

/// A network.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) driver: Option<String>,
    pub(super) driver_opts: Pairs,
    pub(super) ipam: Ipam,
    pub(super) external: bool,
    pub(super) internal: bool,
    pub(super) attachable: bool,
    pub(super) labels: Pairs,
    pub(super) enable_ipv4: Option<bool>,
    pub(super) enable_ipv6: Option<bool>,
}

/// `ipam` of a network.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ipam {
    pub(super) driver: Option<String>,
    pub(super) config: Vec<Pool>,
    pub(super) options: Pairs,
}

/// A pool of addresses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pool {
    pub(super) subnet: Option<String>,
    pub(super) gateway: Option<String>,
    pub(super) ip_range: Option<String>,
    pub(super) aux_addresses: Pairs,
}

/// A volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) driver: Option<String>,
    pub(super) driver_opts: Pairs,
    pub(super) external: bool,
    pub(super) labels: Pairs,
}
