//! The configuration of a container, as `inspect` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::engine::labels;
use crate::engine::parse::container::filled;
use crate::engine::parse::mounts::mounts;
use crate::engine::wire::{
    BlockDeviceJson, ConfigJson, ContainerJson, DeviceRequestJson, HealthcheckJson, HostConfigJson,
};
use crate::model::config::{
    ContainerConfig, ContainerPort, Device, Dns, HealthTest, Healthcheck, HostBinding, Logging,
    NetworkMode, Protocol, Resources, RestartPolicy, Security, Ulimit,
};
use crate::model::device::{BlockIo, DeviceRequest, Requested};
use crate::model::join::{Owner, VolumesFrom};
use crate::model::secret::Secret;

/// How the command line's option for unmasked system paths is told from `inspect`.
const SYSTEM_PATHS: &str = "systempaths=unconfined";

/// The configuration, before it is made canonical; endpoints are left to the caller.
pub(super) fn config(json: &ContainerJson) -> ContainerConfig {
    let (portable, host) = (&json.config, &json.host_config);
    let hostname =
        filled(portable.hostname.clone()).filter(|name| !json.id.starts_with(name.as_str()));
    ContainerConfig {
        command: secrets(portable.cmd.as_ref()),
        entrypoint: secrets(portable.entrypoint.as_ref()),
        environment: environment(portable),
        labels: user_labels(portable),
        user: filled(portable.user.clone()),
        working_dir: filled(portable.working_dir.clone()),
        hostname,
        domainname: filled(portable.domainname.clone()),
        tty: portable.tty.unwrap_or(false),
        stdin_open: portable.open_stdin.unwrap_or(false),
        expose: exposed(portable),
        ports: ports(host),
        healthcheck: portable.healthcheck.as_ref().map(healthcheck),
        stop_signal: filled(portable.stop_signal.clone()),
        stop_timeout_s: portable.stop_timeout,
        mounts: mounts(json),
        resources: resources(host),
        restart: restart(host),
        network_mode: network_mode(host),
        endpoints: BTreeMap::new(),
        security: security(host),
        dns: Dns {
            servers: host.dns.clone().unwrap_or_default(),
            options: host.dns_options.clone().unwrap_or_default(),
            search: host.dns_search.clone().unwrap_or_default(),
            extra_hosts: set(host.extra_hosts.as_ref()),
        },
        logging: host.log_config.clone().map(|log| Logging {
            driver: log.kind.unwrap_or_default(),
            options: log.config.unwrap_or_default(),
        }),
        ulimits: ulimits(host),
        sysctls: host.sysctls.clone().unwrap_or_default(),
        devices: devices(host),
        device_requests: host.device_requests.iter().flatten().map(device_request).collect(),
        block_io: block_io(host),
        mem_swappiness: host.memory_swappiness,
        external_links: host.links.iter().flatten().filter_map(|link| plain_link(link)).collect(),
        volumes_from: host.volumes_from.iter().flatten().map(|text| volumes_from(text)).collect(),
        volume_labels: BTreeMap::new(),
        shm_size_bytes: host.shm_size,
        runtime: filled(host.runtime.clone()),
        platform: None,
        mac_address: filled(portable.mac_address.clone()),
        storage_opt: host.storage_opt.clone().unwrap_or_default(),
        annotations: host.annotations.clone().unwrap_or_default(),
    }
}

/// Arguments; an empty list is none.
pub(super) fn secrets(list: Option<&Vec<String>>) -> Option<Vec<Secret>> {
    list.filter(|list| !list.is_empty())
        .map(|list| list.iter().map(|text| Secret::new(text.as_str())).collect())
}

/// Variables; a bare name is one that was unset.
pub(super) fn environment(config: &ConfigJson) -> BTreeMap<String, Option<Secret>> {
    config
        .env
        .iter()
        .flatten()
        .map(|line| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(Secret::new(value))),
            None => (line.clone(), None),
        })
        .collect()
}

/// Labels without those of identity.
pub(super) fn user_labels(config: &ConfigJson) -> BTreeMap<String, Secret> {
    let Some(all) = &config.labels else {
        return BTreeMap::new();
    };
    labels::of_user(all).into_iter().map(|(name, value)| (name, Secret::new(value))).collect()
}

/// Ports that are said to be listened on.
pub(super) fn exposed(config: &ConfigJson) -> BTreeSet<ContainerPort> {
    let ports = config.exposed_ports.iter().flatten();
    ports.filter_map(|(port, _)| container_port(port)).collect()
}

/// Reads `80/tcp`; without a protocol it is TCP.
pub(in crate::engine) fn container_port(text: &str) -> Option<ContainerPort> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    Some(ContainerPort {
        port: port.parse().ok()?,
        protocol: match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            _ => return None,
        },
    })
}

fn ports(host: &HostConfigJson) -> BTreeMap<ContainerPort, BTreeSet<HostBinding>> {
    let bindings = host.port_bindings.iter().flatten();
    bindings
        .filter_map(|(port, list)| {
            let list = list.iter().flatten().map(|binding| HostBinding {
                ip: binding.host_ip.clone().unwrap_or_default(),
                port: binding.host_port.clone().unwrap_or_default(),
            });
            Some((container_port(port)?, list.collect()))
        })
        .collect()
}

/// A health check; times come in nanoseconds.
pub(super) fn healthcheck(json: &HealthcheckJson) -> Healthcheck {
    let texts: Vec<&str> = json.test.iter().flatten().map(String::as_str).collect();
    let test = match texts.as_slice() {
        [] | [""] => HealthTest::Inherit,
        ["NONE", ..] => HealthTest::Disabled,
        ["CMD-SHELL", line] => HealthTest::Shell(Secret::from(*line)),
        ["CMD", arguments @ ..] | arguments => {
            HealthTest::Exec(arguments.iter().copied().map(Secret::from).collect())
        }
    };
    Healthcheck {
        test,
        interval: json.interval.map(Duration::from_nanos),
        timeout: json.timeout.map(Duration::from_nanos),
        retries: json.retries,
        start_period: json.start_period.map(Duration::from_nanos),
        start_interval: json.start_interval.map(Duration::from_nanos),
    }
}

fn resources(host: &HostConfigJson) -> Resources {
    Resources {
        nano_cpus: host.nano_cpus,
        cpu_shares: host.cpu_shares,
        cpu_period: host.cpu_period,
        cpu_quota: host.cpu_quota,
        cpuset: filled(host.cpuset_cpus.clone()),
        memory_bytes: host.memory,
        memory_reservation_bytes: host.memory_reservation,
        memory_swap_bytes: host.memory_swap,
        pids_limit: host.pids_limit,
        blkio_weight: host.blkio_weight,
        cpu_rt_period: host.cpu_realtime_period,
        cpu_rt_runtime: host.cpu_realtime_runtime,
    }
}

fn restart(host: &HostConfigJson) -> RestartPolicy {
    let policy = host.restart_policy.clone().unwrap_or_default();
    match policy.name.as_deref() {
        Some("always") => RestartPolicy::Always,
        Some("unless-stopped") => RestartPolicy::UnlessStopped,
        Some("on-failure") => {
            RestartPolicy::OnFailure { max_retries: policy.maximum_retry_count.unwrap_or(0) }
        }
        _ => RestartPolicy::No,
    }
}

/// The network mode. A container of user-defined networks carries the name of its first one there.
fn network_mode(host: &HostConfigJson) -> NetworkMode {
    match host.network_mode.as_deref() {
        Some("none") => NetworkMode::None,
        Some("host") => NetworkMode::Host,
        None | Some("" | "default" | "bridge") => NetworkMode::Bridge,
        Some(mode) if mode.starts_with("container:") || mode.starts_with("ns:") => {
            NetworkMode::Other(mode.to_owned())
        }
        Some(_) => NetworkMode::Networks,
    }
}

fn security(host: &HostConfigJson) -> Security {
    let mut security_opt = set(host.security_opt.as_ref());
    let privileged = host.privileged.unwrap_or(false);
    let unmasked = host.masked_paths.as_ref().is_some_and(Vec::is_empty);
    if unmasked && !privileged {
        security_opt.insert(SYSTEM_PATHS.to_owned());
    }
    Security {
        privileged,
        read_only: host.readonly_rootfs.unwrap_or(false),
        init: host.init,
        cap_add: set(host.cap_add.as_ref()),
        cap_drop: set(host.cap_drop.as_ref()),
        security_opt,
        group_add: set(host.group_add.as_ref()),
        ipc: filled(host.ipc_mode.clone()),
        pid: filled(host.pid_mode.clone()),
        uts: filled(host.uts_mode.clone()),
        userns_mode: filled(host.userns_mode.clone()),
        cgroup: filled(host.cgroupns_mode.clone()),
        cgroup_parent: filled(host.cgroup_parent.clone()),
        device_cgroup_rules: set(host.device_cgroup_rules.as_ref()),
        oom_kill_disable: host.oom_kill_disable,
        oom_score_adj: host.oom_score_adj,
    }
}

fn ulimits(host: &HostConfigJson) -> BTreeMap<String, Ulimit> {
    let limits = host.ulimits.iter().flatten();
    limits
        .filter_map(|limit| {
            let values = Ulimit { soft: limit.soft.unwrap_or(0), hard: limit.hard.unwrap_or(0) };
            Some((limit.name.clone()?, values))
        })
        .collect()
}

fn devices(host: &HostConfigJson) -> BTreeSet<Device> {
    let devices = host.devices.iter().flatten();
    devices
        .map(|device| Device {
            source: device.path_on_host.clone().unwrap_or_default(),
            target: device.path_in_container.clone().unwrap_or_default(),
            permissions: device.cgroup_permissions.clone().unwrap_or_default(),
        })
        .collect()
}

fn device_request(json: &DeviceRequestJson) -> DeviceRequest {
    let ids = json.device_ids.clone().unwrap_or_default();
    DeviceRequest {
        driver: json.driver.clone().unwrap_or_default(),
        devices: Requested::of(json.count.unwrap_or(0), ids),
        capabilities: json.capabilities.iter().flatten().flatten().cloned().collect(),
        options: json.options.clone().unwrap_or_default(),
    }
}

fn block_io(host: &HostConfigJson) -> BlockIo {
    let rates = |list: &Option<Vec<BlockDeviceJson>>| {
        let devices = list.iter().flatten();
        devices.filter_map(|device| Some((device.path.clone()?, device.rate?))).collect()
    };
    let weights = host.blkio_weight_device.iter().flatten();
    BlockIo {
        weight_device: weights
            .filter_map(|device| Some((device.path.clone()?, device.weight?)))
            .collect(),
        read_bps: rates(&host.blkio_device_read_bps),
        write_bps: rates(&host.blkio_device_write_bps),
        read_iops: rates(&host.blkio_device_read_iops),
        write_iops: rates(&host.blkio_device_write_iops),
    }
}

/// `<id or name>[:mode]`, as it was given.
fn volumes_from(text: &str) -> VolumesFrom {
    let (container, mode) = text.split_once(':').unwrap_or((text, ""));
    let read_only = mode.split(',').any(|word| word == "ro");
    VolumesFrom { from: Owner::Container(container.to_owned()), read_only }
}

/// `/target:/container/alias`, as the engine shows a link, in the form in which it is given: `target:alias`.
fn plain_link(link: &str) -> Option<String> {
    let (target, alias) = link.split_once(':')?;
    let alias = alias.rsplit('/').next()?;
    Some(format!("{}:{alias}", target.trim_start_matches('/')))
}

fn set(list: Option<&Vec<String>>) -> BTreeSet<String> {
    list.into_iter().flatten().cloned().collect()
}
