//! The host's part of a container: limits, namespaces, privileges, ports, logs.

use std::collections::BTreeMap;

use bollard::models::{
    ContainerUpdateBody, DeviceMapping, DeviceRequest as EngineRequest, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, PortBinding, PortMap,
    ResourcesBlkioWeightDevice, ResourcesUlimits, RestartPolicy as EnginePolicy,
    RestartPolicyNameEnum, ThrottleDevice,
};

use crate::engine::docker::mounts::mounts;
use crate::model::config::{ContainerConfig, NetworkMode, Resources, RestartPolicy, Security};
use crate::model::device::{BlockIo, DeviceRequest};
use crate::model::feature::ANNOTATIONS;
use crate::model::join::{Owner, VolumesFrom};
use crate::model::observed::ApiVersion;
use crate::model::plan::CreateContainer;

/// The host configuration of a create.
///
/// # Errors
/// A value that has no form in the API.
pub(super) fn host_config(create: &CreateContainer, api: ApiVersion) -> Result<HostConfig, String> {
    let config = &create.config;
    let mut host = HostConfig {
        network_mode: Some(network_mode(create)),
        port_bindings: Some(port_bindings(config)),
        restart_policy: Some(restart_policy(&config.restart)),
        auto_remove: Some(false),
        log_config: config.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: Some(logging.driver.clone()),
            config: Some(logging.options.clone().into_iter().collect()),
        }),
        dns: filled(&config.dns.servers),
        dns_options: filled(&config.dns.options),
        dns_search: filled(&config.dns.search),
        extra_hosts: filled(&config.dns.extra_hosts),
        sysctls: (!config.sysctls.is_empty()).then(|| config.sysctls.clone().into_iter().collect()),
        storage_opt: (!config.storage_opt.is_empty())
            .then(|| config.storage_opt.clone().into_iter().collect()),
        annotations: (!config.annotations.is_empty() && api >= ANNOTATIONS)
            .then(|| config.annotations.clone().into_iter().collect()),
        shm_size: config.shm_size_bytes,
        runtime: config.runtime.clone(),
        ulimits: ulimits(config),
        devices: devices(config),
        device_requests: (!config.device_requests.is_empty())
            .then(|| config.device_requests.iter().map(device_request).collect()),
        memory_swappiness: config.mem_swappiness,
        volumes_from: volumes_from(config)?,
        links: filled(&config.external_links)
            .filter(|_| config.network_mode == NetworkMode::Bridge),
        ..HostConfig::default()
    };
    mounts(config, api)?.fill(&mut host);
    limit(&mut host, &config.resources);
    throttle(&mut host, &config.block_io);
    isolate(&mut host, &config.security)?;
    Ok(host)
}

/// `<id>`, with `:ro` behind it. The planner has put ids in the place of services.
fn volumes_from(config: &ContainerConfig) -> Result<Option<Vec<String>>, String> {
    let text = |one: &VolumesFrom| match &one.from {
        Owner::Container(id) if one.read_only => Ok(format!("{id}:ro")),
        Owner::Container(id) => Ok(id.clone()),
        Owner::Service(_) => Err(format!("volumes_from: {} has no container yet", one.from)),
    };
    let list: Vec<String> = config.volumes_from.iter().map(text).collect::<Result<_, _>>()?;
    Ok((!list.is_empty()).then_some(list))
}

/// An update: limits and restart policy.
pub(super) fn update_body(
    resources: Option<&Resources>,
    restart: Option<&RestartPolicy>,
) -> ContainerUpdateBody {
    let mut body = ContainerUpdateBody {
        restart_policy: restart.map(restart_policy),
        ..ContainerUpdateBody::default()
    };
    if let Some(resources) = resources {
        body.nano_cpus = resources.nano_cpus;
        body.cpu_shares = resources.cpu_shares;
        body.cpu_period = resources.cpu_period;
        body.cpu_quota = resources.cpu_quota;
        body.cpuset_cpus.clone_from(&resources.cpuset);
        body.memory = resources.memory_bytes;
        body.memory_reservation = resources.memory_reservation_bytes;
        // Raising memory above the stored swap limit is refused unless both come together.
        body.memory_swap = resources
            .memory_swap_bytes
            .or_else(|| resources.memory_bytes.map(|bytes| bytes.saturating_mul(2)));
        body.pids_limit = resources.pids_limit;
        body.blkio_weight = resources.blkio_weight;
        body.cpu_realtime_period = resources.cpu_rt_period;
        body.cpu_realtime_runtime = resources.cpu_rt_runtime;
    }
    body
}

fn network_mode(create: &CreateContainer) -> String {
    match &create.config.network_mode {
        NetworkMode::Networks => match &create.primary_network {
            Some(name) => name.clone(),
            None => "none".to_owned(),
        },
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Bridge => "bridge".to_owned(),
        NetworkMode::Other(mode) => mode.clone(),
    }
}

/// Bindings are always spelled out: an empty list would be filled with a random port by some engines.
fn port_bindings(config: &ContainerConfig) -> PortMap {
    config
        .ports
        .iter()
        .map(|(port, bindings)| {
            let mut list: Vec<PortBinding> = bindings
                .iter()
                .map(|binding| PortBinding {
                    host_ip: Some(binding.ip.clone()),
                    host_port: Some(binding.port.clone()),
                })
                .collect();
            if list.is_empty() {
                list.push(PortBinding {
                    host_ip: Some(String::new()),
                    host_port: Some(String::new()),
                });
            }
            (port.to_string(), Some(list))
        })
        .collect()
}

fn restart_policy(policy: &RestartPolicy) -> EnginePolicy {
    let (name, retries) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, 0),
        RestartPolicy::OnFailure { max_retries } => {
            (RestartPolicyNameEnum::ON_FAILURE, i64::from(*max_retries))
        }
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, 0),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, 0),
    };
    EnginePolicy { name: Some(name), maximum_retry_count: Some(retries) }
}

fn ulimits(config: &ContainerConfig) -> Option<Vec<ResourcesUlimits>> {
    let list = config.ulimits.iter().map(|(name, limit)| ResourcesUlimits {
        name: Some(name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    });
    (!config.ulimits.is_empty()).then(|| list.collect())
}

fn devices(config: &ContainerConfig) -> Option<Vec<DeviceMapping>> {
    let or =
        |text: &str, fallback: &str| Some(if text.is_empty() { fallback } else { text }.to_owned());
    let list = config.devices.iter().map(|device| DeviceMapping {
        path_on_host: Some(device.source.clone()),
        path_in_container: or(&device.target, &device.source),
        cgroup_permissions: or(&device.permissions, "rwm"),
    });
    (!config.devices.is_empty()).then(|| list.collect())
}

fn limit(host: &mut HostConfig, resources: &Resources) {
    host.nano_cpus = resources.nano_cpus;
    host.cpu_shares = resources.cpu_shares;
    host.cpu_period = resources.cpu_period;
    host.cpu_quota = resources.cpu_quota;
    host.cpuset_cpus.clone_from(&resources.cpuset);
    host.memory = resources.memory_bytes;
    host.memory_reservation = resources.memory_reservation_bytes;
    host.memory_swap = resources.memory_swap_bytes;
    host.pids_limit = resources.pids_limit;
    host.blkio_weight = resources.blkio_weight;
    host.cpu_realtime_period = resources.cpu_rt_period;
    host.cpu_realtime_runtime = resources.cpu_rt_runtime;
}

fn throttle(host: &mut HostConfig, io: &BlockIo) {
    let rates = |rates: &BTreeMap<String, i64>| {
        let list = rates
            .iter()
            .map(|(path, rate)| ThrottleDevice { path: Some(path.clone()), rate: Some(*rate) });
        (!rates.is_empty()).then(|| list.collect())
    };
    let weights = io.weight_device.iter().map(|(path, weight)| ResourcesBlkioWeightDevice {
        path: Some(path.clone()),
        weight: Some(usize::from(*weight)),
    });
    host.blkio_weight_device = (!io.weight_device.is_empty()).then(|| weights.collect());
    host.blkio_device_read_bps = rates(&io.read_bps);
    host.blkio_device_write_bps = rates(&io.write_bps);
    host.blkio_device_read_iops = rates(&io.read_iops);
    host.blkio_device_write_iops = rates(&io.write_iops);
}

fn device_request(request: &DeviceRequest) -> EngineRequest {
    let (count, ids) = request.devices.parts();
    let capabilities: Vec<String> = request.capabilities.iter().cloned().collect();
    EngineRequest {
        driver: Some(request.driver.clone()),
        count: Some(count),
        device_ids: (!ids.is_empty()).then(|| ids.to_vec()),
        capabilities: (!capabilities.is_empty()).then(|| vec![capabilities]),
        options: (!request.options.is_empty())
            .then(|| request.options.clone().into_iter().collect()),
    }
}

fn isolate(host: &mut HostConfig, security: &Security) -> Result<(), String> {
    host.privileged = Some(security.privileged);
    host.readonly_rootfs = Some(security.read_only);
    host.init = security.init;
    host.cap_add = filled(&security.cap_add);
    host.cap_drop = filled(&security.cap_drop);
    host.group_add = filled(&security.group_add);
    host.device_cgroup_rules = filled(&security.device_cgroup_rules);
    host.ipc_mode.clone_from(&security.ipc);
    host.pid_mode.clone_from(&security.pid);
    host.uts_mode.clone_from(&security.uts);
    host.userns_mode.clone_from(&security.userns_mode);
    host.cgroup_parent.clone_from(&security.cgroup_parent);
    host.cgroupns_mode = match security.cgroup.as_deref() {
        None | Some("") => None,
        Some("host") => Some(HostConfigCgroupnsModeEnum::HOST),
        Some("private") => Some(HostConfigCgroupnsModeEnum::PRIVATE),
        Some(other) => return Err(format!("cgroup: {other} is neither host nor private")),
    };
    host.oom_kill_disable = Some(security.oom_kill_disable.unwrap_or(false));
    host.oom_score_adj = security.oom_score_adj;
    let options = security.security_opt.iter();
    let unconfined = |option: &&String| option.as_str() == SYSTEM_PATHS;
    if security.security_opt.iter().any(|option| unconfined(&option)) {
        // Not an option of the engine: the command line spells it as two empty lists.
        host.masked_paths = Some(Vec::new());
        host.readonly_paths = Some(Vec::new());
    }
    let kept: Vec<String> = options.filter(|option| !unconfined(option)).cloned().collect();
    host.security_opt = filled(&kept);
    Ok(())
}

/// The security option that the command line translates.
const SYSTEM_PATHS: &str = "systempaths=unconfined";

/// The texts as a list; `None` if there are none.
fn filled<'a>(texts: impl IntoIterator<Item = &'a String>) -> Option<Vec<String>> {
    let list: Vec<String> = texts.into_iter().cloned().collect();
    (!list.is_empty()).then_some(list)
}
