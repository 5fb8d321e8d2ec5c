//! What each container of a service is created with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{endpoints, restart, spec};
use crate::manifest::node::Node;
use crate::manifest::normalise::Context;
use crate::manifest::units;
use crate::model::config::{
    ContainerConfig, Device, Dns, HealthTest, Healthcheck, Logging, Mount, MountSource, Resources,
    Security, Ulimit,
};
use crate::model::desired::{DesiredNetwork, DesiredVolume};
use crate::model::path::HostPath;
use crate::model::secret::Secret;

/// A service with its place in the tree, for diagnostics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located<'a> {
    /// The service.
    pub(super) node: &'a Node,
    /// Its dotted path.
    pub(super) field: &'a str,
}

/// What services refer to by key.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Networks.
    pub(super) networks: BTreeMap<String, DesiredNetwork>,
    /// Volumes.
    pub(super) volumes: BTreeMap<String, DesiredVolume>,
}

/// Builds the configuration, but for configs and secrets.
pub(super) fn config(
    spec: &spec::Service,
    located: &Located<'_>,
    named: &Named,
    context: &mut Context<'_, '_>,
) -> ContainerConfig {
    let ports = endpoints::ports(spec, located, context);
    let mut expose = endpoints::expose(spec, located, context);
    expose.extend(ports.keys().cloned());
    ContainerConfig {
        command: words(spec.command.as_ref()),
        entrypoint: words(spec.entrypoint.as_ref()),
        environment: spec
            .environment
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().map(Secret::new)))
            .collect(),
        labels: spec
            .labels
            .iter()
            .map(|(key, value)| (key.clone(), Secret::new(value.clone())))
            .collect(),
        user: filled(spec.user.as_ref()),
        working_dir: filled(spec.working_dir.as_ref()),
        hostname: filled(spec.hostname.as_ref()),
        domainname: filled(spec.domainname.as_ref()),
        tty: spec.tty,
        stdin_open: spec.stdin_open,
        expose,
        ports,
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        stop_signal: filled(spec.stop_signal.as_ref()),
        stop_timeout_s: time(spec.stop_grace_period.as_ref()).map(|time| time.as_secs()),
        mounts: mounts(spec, &named.volumes),
        resources: resources(spec),
        restart: restart::policy(spec),
        network_mode: endpoints::network_mode(spec),
        endpoints: endpoints::endpoints(spec, &named.networks),
        security: security(spec),
        dns: Dns {
            servers: spec.dns.clone(),
            options: spec.dns_opt.clone(),
            search: spec.dns_search.clone(),
            extra_hosts: hosts(&spec.extra_hosts),
        },
        logging: spec.logging.as_ref().map(|logging| Logging {
            driver: logging.driver.clone(),
            options: logging.options.clone(),
        }),
        ulimits: spec.ulimits.iter().map(ulimit).collect(),
        sysctls: spec.sysctls.clone(),
        devices: spec.devices.iter().map(device).collect(),
        shm_size_bytes: positive(spec.shm_size),
        runtime: filled(spec.runtime.as_ref()),
        platform: filled(spec.platform.as_ref()),
        mac_address: filled(spec.mac_address.as_ref()),
        storage_opt: spec.storage_opt.clone(),
        annotations: spec.annotations.clone(),
    }
}

fn words(words: Option<&Vec<String>>) -> Option<Vec<Secret>> {
    words.map(|words| words.iter().map(|word| Secret::new(word.clone())).collect())
}

/// A text that is not empty.
fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// A number other than zero: zero is no limit.
fn positive(number: Option<i64>) -> Option<i64> {
    number.filter(|number| *number != 0)
}

fn time(text: Option<&String>) -> Option<Duration> {
    text.and_then(|text| units::duration(text))
}

/// `name=address` → `name:address`, as the engine takes it.
pub(super) fn hosts(lines: &[String]) -> BTreeSet<String> {
    lines.iter().map(|line| line.replacen('=', ":", 1)).collect()
}

fn healthcheck(spec: &spec::Healthcheck) -> Healthcheck {
    let mut words = spec.test.iter().map(|word| Secret::new(word.clone()));
    let test = match (spec.disable, words.next()) {
        (true, _) => HealthTest::Disabled,
        (false, None) => HealthTest::Inherit,
        (false, Some(first)) => match first.expose() {
            "NONE" => HealthTest::Disabled,
            "CMD" => HealthTest::Exec(words.collect()),
            _ => {
                let line: Vec<&str> = spec.test.iter().skip(1).map(String::as_str).collect();
                HealthTest::Shell(Secret::new(line.join(" ")))
            }
        },
    };
    Healthcheck {
        test,
        interval: time(spec.interval.as_ref()),
        timeout: time(spec.timeout.as_ref()),
        retries: spec.retries,
        start_period: time(spec.start_period.as_ref()),
        start_interval: time(spec.start_interval.as_ref()),
    }
}

fn mounts(
    spec: &spec::Service,
    volumes: &BTreeMap<String, DesiredVolume>,
) -> BTreeMap<String, Mount> {
    let mut out = BTreeMap::new();
    for line in &spec.tmpfs {
        let (target, options) = line.split_once(':').unwrap_or((line, ""));
        let source =
            MountSource::Tmpfs { size_bytes: None, mode: None, options: options.to_owned() };
        let read_only = false;
        out.insert(target.to_owned(), Mount { source, read_only });
    }
    for mount in &spec.volumes {
        let named = filled(mount.source.as_ref());
        let source = match (mount.r#type.as_str(), named) {
            ("bind", Some(path)) => MountSource::Bind {
                source: HostPath::new(path),
                create_host_path: mount.bind.create_host_path.unwrap_or(true),
                propagation: mount.bind.propagation.clone(),
                selinux: mount.bind.selinux.clone(),
            },
            ("tmpfs", _) => MountSource::Tmpfs {
                size_bytes: positive(mount.tmpfs.size),
                mode: mount.tmpfs.mode,
                options: String::new(),
            },
            (_, Some(key)) => MountSource::Volume {
                name: volumes.get(&key).map_or(key, |volume| volume.name.clone()),
                nocopy: mount.volume.nocopy,
            },
            (_, None) => MountSource::Anonymous,
        };
        let read_only = mount.read_only;
        out.insert(mount.target.clone(), Mount { source, read_only });
    }
    out
}

fn resources(spec: &spec::Service) -> Resources {
    let deploy = spec.deploy.as_ref().map(|deploy| &deploy.resources);
    let limits = deploy.and_then(|resources| resources.limits.as_ref());
    let reserved = deploy.and_then(|resources| resources.reservations.as_ref());
    let cpus = limits.and_then(|limits| limits.cpus).or(spec.cpus);
    let memory = limits.and_then(|limits| limits.memory).or(spec.mem_limit);
    let reservation = reserved.and_then(|limits| limits.memory).or(spec.mem_reservation);
    Resources {
        nano_cpus: cpus.and_then(nano_cpus),
        cpu_shares: positive(spec.cpu_shares),
        cpu_period: positive(spec.cpu_period),
        cpu_quota: positive(spec.cpu_quota),
        cpuset: filled(spec.cpuset.as_ref()),
        memory_bytes: positive(memory),
        memory_reservation_bytes: positive(reservation),
        memory_swap_bytes: positive(spec.memswap_limit),
        pids_limit: positive(limits.and_then(|limits| limits.pids).or(spec.pids_limit)),
        blkio_weight: spec
            .blkio_config
            .as_ref()
            .and_then(|blkio| blkio.weight)
            .filter(|weight| *weight != 0),
    }
}

/// Billionths of a CPU. The command line keeps single precision and cuts; so do we, or the engine would show a drift.
#[expect(clippy::cast_possible_truncation, reason = "a number of CPUs is small")]
fn nano_cpus(cpus: f64) -> Option<i64> {
    let nano = (f64::from(cpus as f32) * 1e9) as i64;
    (nano > 0).then_some(nano)
}

fn security(spec: &spec::Service) -> Security {
    Security {
        privileged: spec.privileged,
        read_only: spec.read_only,
        init: spec.init,
        cap_add: spec.cap_add.iter().cloned().collect(),
        cap_drop: spec.cap_drop.iter().cloned().collect(),
        security_opt: spec.security_opt.iter().cloned().collect(),
        group_add: spec.group_add.iter().cloned().collect(),
        ipc: filled(spec.ipc.as_ref()),
        pid: filled(spec.pid.as_ref()),
        uts: filled(spec.uts.as_ref()),
        userns_mode: filled(spec.userns_mode.as_ref()),
        cgroup: filled(spec.cgroup.as_ref()),
        cgroup_parent: filled(spec.cgroup_parent.as_ref()),
        device_cgroup_rules: spec.device_cgroup_rules.iter().cloned().collect(),
        oom_kill_disable: spec.oom_kill_disable,
        oom_score_adj: positive(spec.oom_score_adj),
    }
}

fn ulimit((name, limit): (&String, &spec::Ulimit)) -> (String, Ulimit) {
    let (soft, hard) = match limit.single {
        Some(single) => (single, single),
        None => (limit.soft, limit.hard),
    };
    (name.clone(), Ulimit { soft, hard })
}

fn device(device: &spec::Device) -> Device {
    Device {
        source: device.source.clone(),
        target: device.target.clone(),
        permissions: device.permissions.clone(),
    }
}
