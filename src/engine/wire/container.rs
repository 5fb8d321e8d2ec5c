//! One container as `inspect` shows it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::engine::wire::{Texts, arguments};

/// The answer of `inspect`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct ContainerJson {
    pub(in crate::engine) id: String,
    pub(in crate::engine) name: String,
    pub(in crate::engine) created: Option<String>,
    /// Image id.
    pub(in crate::engine) image: String,
    pub(in crate::engine) restart_count: Option<u32>,
    pub(in crate::engine) state: StateJson,
    pub(in crate::engine) config: ConfigJson,
    pub(in crate::engine) host_config: HostConfigJson,
    pub(in crate::engine) network_settings: Option<NetworkSettingsJson>,
    pub(in crate::engine) mounts: Option<Vec<MountPointJson>>,
}

/// State.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct StateJson {
    pub(in crate::engine) status: Option<String>,
    pub(in crate::engine) exit_code: Option<i64>,
    pub(in crate::engine) error: Option<String>,
    #[serde(rename = "OOMKilled")]
    pub(in crate::engine) oom_killed: Option<bool>,
    pub(in crate::engine) started_at: Option<String>,
    pub(in crate::engine) finished_at: Option<String>,
    pub(in crate::engine) health: Option<HealthJson>,
}

/// Verdict of the health check.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct HealthJson {
    pub(in crate::engine) status: Option<String>,
    pub(in crate::engine) failing_streak: Option<u32>,
    pub(in crate::engine) log: Option<Vec<ProbeJson>>,
}

/// One probe.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct ProbeJson {
    pub(in crate::engine) start: Option<String>,
    pub(in crate::engine) end: Option<String>,
    pub(in crate::engine) exit_code: Option<i64>,
    pub(in crate::engine) output: Option<String>,
}

/// The portable part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct ConfigJson {
    /// Reference or id, as the create call named it.
    pub(in crate::engine) image: Option<String>,
    pub(in crate::engine) hostname: Option<String>,
    pub(in crate::engine) domainname: Option<String>,
    pub(in crate::engine) user: Option<String>,
    pub(in crate::engine) exposed_ports: Option<BTreeMap<String, Value>>,
    pub(in crate::engine) tty: Option<bool>,
    pub(in crate::engine) open_stdin: Option<bool>,
    pub(in crate::engine) env: Option<Vec<String>>,
    #[serde(deserialize_with = "arguments")]
    pub(in crate::engine) cmd: Option<Vec<String>>,
    #[serde(deserialize_with = "arguments")]
    pub(in crate::engine) entrypoint: Option<Vec<String>>,
    pub(in crate::engine) healthcheck: Option<HealthcheckJson>,
    pub(in crate::engine) working_dir: Option<String>,
    pub(in crate::engine) volumes: Option<BTreeMap<String, Value>>,
    pub(in crate::engine) mac_address: Option<String>,
    pub(in crate::engine) labels: Option<Texts>,
    pub(in crate::engine) stop_signal: Option<String>,
    pub(in crate::engine) stop_timeout: Option<u64>,
}

/// A health check; times in nanoseconds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct HealthcheckJson {
    pub(in crate::engine) test: Option<Vec<String>>,
    pub(in crate::engine) interval: Option<u64>,
    pub(in crate::engine) timeout: Option<u64>,
    pub(in crate::engine) retries: Option<u32>,
    pub(in crate::engine) start_period: Option<u64>,
    pub(in crate::engine) start_interval: Option<u64>,
}

/// The host's part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct HostConfigJson {
    pub(in crate::engine) binds: Option<Vec<String>>,
    pub(in crate::engine) volumes_from: Option<Vec<String>>,
    pub(in crate::engine) mounts: Option<Vec<MountJson>>,
    pub(in crate::engine) tmpfs: Option<Texts>,
    pub(in crate::engine) log_config: Option<LogConfigJson>,
    pub(in crate::engine) network_mode: Option<String>,
    pub(in crate::engine) port_bindings: Option<BTreeMap<String, Option<Vec<BindingJson>>>>,
    pub(in crate::engine) restart_policy: Option<RestartPolicyJson>,
    pub(in crate::engine) cap_add: Option<Vec<String>>,
    pub(in crate::engine) cap_drop: Option<Vec<String>>,
    pub(in crate::engine) cgroupns_mode: Option<String>,
    pub(in crate::engine) dns: Option<Vec<String>>,
    pub(in crate::engine) dns_options: Option<Vec<String>>,
    pub(in crate::engine) dns_search: Option<Vec<String>>,
    pub(in crate::engine) extra_hosts: Option<Vec<String>>,
    pub(in crate::engine) group_add: Option<Vec<String>>,
    pub(in crate::engine) ipc_mode: Option<String>,
    pub(in crate::engine) pid_mode: Option<String>,
    #[serde(rename = "UTSMode")]
    pub(in crate::engine) uts_mode: Option<String>,
    pub(in crate::engine) userns_mode: Option<String>,
    pub(in crate::engine) cgroup_parent: Option<String>,
    pub(in crate::engine) oom_score_adj: Option<i64>,
    pub(in crate::engine) oom_kill_disable: Option<bool>,
    pub(in crate::engine) privileged: Option<bool>,
    pub(in crate::engine) readonly_rootfs: Option<bool>,
    pub(in crate::engine) init: Option<bool>,
    pub(in crate::engine) security_opt: Option<Vec<String>>,
    pub(in crate::engine) masked_paths: Option<Vec<String>>,
    pub(in crate::engine) storage_opt: Option<Texts>,
    pub(in crate::engine) shm_size: Option<i64>,
    pub(in crate::engine) sysctls: Option<Texts>,
    pub(in crate::engine) runtime: Option<String>,
    pub(in crate::engine) annotations: Option<Texts>,
    pub(in crate::engine) ulimits: Option<Vec<UlimitJson>>,
    pub(in crate::engine) devices: Option<Vec<DeviceJson>>,
    pub(in crate::engine) device_cgroup_rules: Option<Vec<String>>,
    pub(in crate::engine) nano_cpus: Option<i64>,
    pub(in crate::engine) cpu_shares: Option<i64>,
    pub(in crate::engine) cpu_period: Option<i64>,
    pub(in crate::engine) cpu_quota: Option<i64>,
    pub(in crate::engine) cpuset_cpus: Option<String>,
    pub(in crate::engine) memory: Option<i64>,
    pub(in crate::engine) memory_reservation: Option<i64>,
    pub(in crate::engine) memory_swap: Option<i64>,
    pub(in crate::engine) pids_limit: Option<i64>,
    pub(in crate::engine) blkio_weight: Option<u16>,
    pub(in crate::engine) blkio_weight_device: Option<Vec<BlockDeviceJson>>,
    pub(in crate::engine) blkio_device_read_bps: Option<Vec<BlockDeviceJson>>,
    pub(in crate::engine) blkio_device_write_bps: Option<Vec<BlockDeviceJson>>,
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub(in crate::engine) blkio_device_read_iops: Option<Vec<BlockDeviceJson>>,
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub(in crate::engine) blkio_device_write_iops: Option<Vec<BlockDeviceJson>>,
    pub(in crate::engine) cpu_realtime_period: Option<i64>,
    pub(in crate::engine) cpu_realtime_runtime: Option<i64>,
    pub(in crate::engine) memory_swappiness: Option<i64>,
    pub(in crate::engine) device_requests: Option<Vec<DeviceRequestJson>>,
    pub(in crate::engine) links: Option<Vec<String>>,
}

/// A weight or rate of a block device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct BlockDeviceJson {
    pub(in crate::engine) path: Option<String>,
    pub(in crate::engine) weight: Option<u16>,
    pub(in crate::engine) rate: Option<i64>,
}

/// Devices asked of a driver.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct DeviceRequestJson {
    pub(in crate::engine) driver: Option<String>,
    pub(in crate::engine) count: Option<i64>,
    #[serde(rename = "DeviceIDs")]
    pub(in crate::engine) device_ids: Option<Vec<String>>,
    pub(in crate::engine) capabilities: Option<Vec<Vec<String>>>,
    pub(in crate::engine) options: Option<Texts>,
}

/// A mount as it was asked for in the long form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct MountJson {
    #[serde(rename = "Type")]
    pub(in crate::engine) kind: Option<String>,
    pub(in crate::engine) source: Option<String>,
    pub(in crate::engine) target: Option<String>,
    pub(in crate::engine) read_only: Option<bool>,
    pub(in crate::engine) bind_options: Option<BindOptionsJson>,
    pub(in crate::engine) volume_options: Option<VolumeOptionsJson>,
    pub(in crate::engine) tmpfs_options: Option<TmpfsOptionsJson>,
    pub(in crate::engine) image_options: Option<ImageOptionsJson>,
}

/// Options of a bind mount.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct BindOptionsJson {
    pub(in crate::engine) propagation: Option<String>,
    pub(in crate::engine) non_recursive: Option<bool>,
    pub(in crate::engine) read_only_non_recursive: Option<bool>,
    pub(in crate::engine) read_only_force_recursive: Option<bool>,
}

/// Options of a volume mount.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct VolumeOptionsJson {
    pub(in crate::engine) no_copy: Option<bool>,
    pub(in crate::engine) subpath: Option<String>,
}

/// Options of an image mount.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct ImageOptionsJson {
    pub(in crate::engine) subpath: Option<String>,
}

/// Options of a tmpfs mount.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct TmpfsOptionsJson {
    pub(in crate::engine) size_bytes: Option<i64>,
    pub(in crate::engine) mode: Option<u32>,
}

/// A mount as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct MountPointJson {
    #[serde(rename = "Type")]
    pub(in crate::engine) kind: Option<String>,
    pub(in crate::engine) name: Option<String>,
    pub(in crate::engine) source: Option<String>,
    pub(in crate::engine) destination: Option<String>,
    #[serde(rename = "RW")]
    pub(in crate::engine) writable: Option<bool>,
}

/// Log driver.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct LogConfigJson {
    #[serde(rename = "Type")]
    pub(in crate::engine) kind: Option<String>,
    pub(in crate::engine) config: Option<Texts>,
}

/// Where a port is bound.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct BindingJson {
    pub(in crate::engine) host_ip: Option<String>,
    pub(in crate::engine) host_port: Option<String>,
}

/// Restart policy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct RestartPolicyJson {
    pub(in crate::engine) name: Option<String>,
    pub(in crate::engine) maximum_retry_count: Option<u32>,
}

/// A limit per process.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct UlimitJson {
    pub(in crate::engine) name: Option<String>,
    pub(in crate::engine) soft: Option<i64>,
    pub(in crate::engine) hard: Option<i64>,
}

/// A device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct DeviceJson {
    pub(in crate::engine) path_on_host: Option<String>,
    pub(in crate::engine) path_in_container: Option<String>,
    pub(in crate::engine) cgroup_permissions: Option<String>,
}

/// Networks of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct NetworkSettingsJson {
    pub(in crate::engine) networks: Option<BTreeMap<String, Option<EndpointJson>>>,
}

/// One attachment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct EndpointJson {
    #[serde(rename = "IPAMConfig")]
    pub(in crate::engine) ipam_config: Option<EndpointIpamJson>,
    pub(in crate::engine) aliases: Option<Vec<String>>,
    #[serde(rename = "NetworkID")]
    pub(in crate::engine) network_id: Option<String>,
    #[serde(rename = "IPAddress")]
    pub(in crate::engine) ip_address: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    pub(in crate::engine) ipv6_address: Option<String>,
    pub(in crate::engine) driver_opts: Option<Texts>,
    pub(in crate::engine) links: Option<Vec<String>>,
    pub(in crate::engine) gw_priority: Option<i64>,
    pub(in crate::engine) mac_address: Option<String>,
}

/// Fixed addresses of an attachment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::engine) struct EndpointIpamJson {
    #[serde(rename = "IPv4Address")]
    pub(in crate::engine) ipv4_address: Option<String>,
    #[serde(rename = "IPv6Address")]
    pub(in crate::engine) ipv6_address: Option<String>,
    #[serde(rename = "LinkLocalIPs")]
    pub(in crate::engine) link_local_ips: Option<Vec<String>>,
}
