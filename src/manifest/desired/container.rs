//! What each container of a service is created with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::security::security;
use super::{devices, endpoints, joins, mounts, restart, spec};
use crate::manifest::node::Node;
use crate::manifest::normalise::Context;
use crate::manifest::units;
use crate::model::config::{
    ContainerConfig, Dns, HealthTest, Healthcheck, Logging, Resources, Ulimit,
};
use crate::model::desired::{DesiredNetwork, DesiredVolume};
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
        mounts: mounts::mounts(spec, &named.volumes),
        resources: resources(spec),
        restart: restart::policy(spec),
        network_mode: endpoints::network_mode(spec),
        endpoints: endpoints::endpoints(spec, &named.networks),
        security: security(spec, located, context),
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
        devices: devices::devices(spec),
        device_requests: devices::requests(spec),
        block_io: devices::block_io(spec),
        mem_swappiness: positive(spec.mem_swappiness),
        external_links: endpoints::external_links(spec),
        volumes_from: joins::volumes_from(spec),
        volume_labels: mounts::volume_labels(spec),
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
pub(super) fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// A number other than zero: zero is no limit.
pub(super) fn positive(number: Option<i64>) -> Option<i64> {
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
        cpu_rt_period: positive(spec.cpu_rt_period),
        cpu_rt_runtime: positive(spec.cpu_rt_runtime),
    }
}

/// Billionths of a CPU. The command line keeps single precision and cuts; so do we, or the engine would show a drift.
#[expect(clippy::cast_possible_truncation, reason = "a number of CPUs is small")]
fn nano_cpus(cpus: f64) -> Option<i64> {
    let nano = (f64::from(cpus as f32) * 1e9) as i64;
    (nano > 0).then_some(nano)
}

pub(super) fn ulimit((name, limit): (&String, &spec::Ulimit)) -> (String, Ulimit) {
    let (soft, hard) = match limit.single {
        Some(single) => (single, single),
        None => (limit.soft, limit.hard),
    };
    (name.clone(), Ulimit { soft, hard })
}
