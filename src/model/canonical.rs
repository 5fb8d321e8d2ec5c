//! The canonical form of a container's configuration: whatever the engine would use anyway is absent.
//!
//! The engine fills in defaults when it creates a container and `inspect` shows them as if they had been asked for. So
//! both sides of a comparison go through [`canonical`]: the observed one when it is read, the expected one after the
//! image's defaults were merged under the manifest's. What no field can tell (a log option that the daemon adds from its
//! own configuration, a generated MAC address) is left out on both sides, or named here.
//!
//! | field | canonical form |
//! |---|---|
//! | `command`, `entrypoint` | an empty list is absent (apply after the image was merged) |
//! | `environment`, `labels`, `sysctls`, `ulimits`, `dns`, `extra_hosts`, `group_add`, `storage_opt` | as given |
//! | `user`, `working_dir`, `hostname`, `domainname` | empty is absent; no host name where the host's UTS namespace is used, neither host nor domain name in the network of another container (the engine copies that one's at start) |
//! | `expose` | holds every port of `ports` too |
//! | `ports` | host port `0` is empty |
//! | `healthcheck` | zero times are absent; a disabled one has no times; `start_interval` only from API 1.44 |
//! | `stop_signal` | upper case with `SIG`; SIGTERM is absent |
//! | `mounts` | subpath and recursion of read-only binds only from the API version that has them, `rprivate` is absent, `create_host_path` is true (it matters at creation only), a volume whose name the engine made up is anonymous, `ro` among tmpfs options is `read_only`, no SELinux label beside a propagation |
//! | `device_requests`, `block_io`, `mem_swappiness` | zero is absent; capabilities are a set |
//! | `external_links` | absent with `NetworkMode::Networks`, where the endpoints have it |
//! | `volume_labels` | absent: they matter at creation only |
//! | `resources` | zero is absent, also -1 of the process limit; swap of twice the memory is absent |
//! | `security` | capabilities in upper case without `CAP_`; `ipc: private`, `cgroup` as the daemon's default, `init` as given; `oom_kill_disable: false` and `oom_score_adj: 0` are absent; an option `a:b` is `a=b`, but for a profile; `label=disable`, which the engine adds to privileged containers and to those in the host's IPC or PID namespace, is absent there |
//! | `logging` | the daemon's default driver has the empty name; without options it is absent. A daemon with `log-opts` of its own adds them to every container of that driver |
//! | `shm_size_bytes` | 64 MiB is absent |
//! | `runtime` | the daemon's default is absent |
//! | `devices` | target is the source, permissions are `rwm`, where empty |
//! | `endpoints` | the driver option for the name of the interface is that name; gateway priority only from API 1.48; priority 0, no MAC address (generated ones cannot be told from given ones), no alias that is the host name (engines add it at start); only with `NetworkMode::Networks` |
//! | `network_mode` | `default` is `Bridge` |
//! | `mac_address` | lower case |
//! | `platform` | absent: the engine does not keep it; another platform is another image id |
//! | `annotations` | only from API 1.43 |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::config::{
    BindRecursion, ContainerConfig, HealthTest, Healthcheck, Logging, Mount, MountSource,
    NetworkMode, Resources, Security,
};
use crate::model::feature;
use crate::model::observed::{ApiVersion, EngineDefaults, EngineFacts};

/// Size of `/dev/shm` that the engine gives, in bytes.
const SHM_DEFAULT: i64 = 64 * 1024 * 1024;

/// The option of an endpoint by which the engine takes the name of the interface.
pub const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// The canonical form of `config` on this engine. Applied twice it changes nothing more.
#[must_use]
pub fn canonical(mut config: ContainerConfig, engine: &EngineFacts) -> ContainerConfig {
    config.command = config.command.filter(|list| !list.is_empty());
    config.entrypoint = config.entrypoint.filter(|list| !list.is_empty());
    for text in [
        &mut config.user,
        &mut config.working_dir,
        &mut config.hostname,
        &mut config.domainname,
        &mut config.platform,
    ] {
        *text = text.take().filter(|text| !text.is_empty());
    }
    config.platform = None;
    if config.network_mode == NetworkMode::Host || config.security.uts.as_deref() == Some("host") {
        config.hostname = None;
    }
    if matches!(&config.network_mode, NetworkMode::Other(mode) if mode.starts_with("container:")) {
        config.hostname = None;
        config.domainname = None;
    }
    canonical_ports(&mut config);
    config.healthcheck =
        config.healthcheck.and_then(|check| canonical_healthcheck(check, engine.api));
    config.stop_signal = config.stop_signal.as_deref().and_then(canonical_signal);
    config.mounts = config
        .mounts
        .into_iter()
        .map(|(target, mount)| (canonical_target(&target), canonical_mount(mount, engine.api)))
        .collect();
    config.resources = canonical_resources(config.resources);
    config.security = canonical_security(config.security, &engine.defaults);
    config.logging =
        config.logging.and_then(|logging| canonical_logging(logging, &engine.defaults));
    config.shm_size_bytes = config.shm_size_bytes.filter(|size| *size != 0 && *size != SHM_DEFAULT);
    config.runtime =
        config.runtime.filter(|runtime| !runtime.is_empty() && *runtime != engine.defaults.runtime);
    config.mac_address =
        config.mac_address.filter(|mac| !mac.is_empty()).map(|mac| mac.to_lowercase());
    if engine.api < ApiVersion::v1(43) {
        config.annotations = BTreeMap::new();
    }
    canonical_networks(&mut config, engine.api);
    canonical_devices(&mut config);
    config.volume_labels = BTreeMap::new();
    config
}

fn canonical_ports(config: &mut ContainerConfig) {
    config.ports = std::mem::take(&mut config.ports)
        .into_iter()
        .map(|(port, bindings)| {
            let bindings = bindings
                .into_iter()
                .map(|mut binding| {
                    if binding.port == "0" {
                        binding.port.clear();
                    }
                    binding
                })
                .collect();
            (port, bindings)
        })
        .collect();
    config.expose.extend(config.ports.keys().cloned());
}

/// `None`: there is nothing in it.
fn canonical_healthcheck(mut check: Healthcheck, api: ApiVersion) -> Option<Healthcheck> {
    if check.test == HealthTest::Disabled {
        return Some(Healthcheck { test: HealthTest::Disabled, ..Healthcheck::default() });
    }
    for time in [
        &mut check.interval,
        &mut check.timeout,
        &mut check.start_period,
        &mut check.start_interval,
    ] {
        *time = time.filter(|time| *time != Duration::ZERO);
    }
    check.retries = check.retries.filter(|retries| *retries != 0);
    if api < ApiVersion::v1(44) {
        check.start_interval = None;
    }
    (check != Healthcheck::default()).then_some(check)
}

fn canonical_signal(signal: &str) -> Option<String> {
    let upper = signal.to_uppercase();
    let name = match upper.as_str() {
        "" | "15" => return None,
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => number.to_owned(),
        name if name.starts_with("SIG") => name.to_owned(),
        name => format!("SIG{name}"),
    };
    (name != "SIGTERM").then_some(name)
}

/// Without trailing slashes, except the root's own.
fn canonical_target(target: &str) -> String {
    match target.trim_end_matches('/') {
        "" => target.to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

fn canonical_mount(mount: Mount, api: ApiVersion) -> Mount {
    let source = match mount.source {
        MountSource::Bind { source, propagation, selinux, recursive, .. } => {
            let propagation = propagation.filter(|mode| !mode.is_empty() && mode != "rprivate");
            let recursive = canonical_recursion(recursive, api);
            let short = propagation.is_none() && recursive == BindRecursion::Enabled;
            MountSource::Bind {
                source,
                create_host_path: true,
                selinux: selinux.filter(|_| short),
                propagation,
                recursive,
            }
        }
        MountSource::Volume { name, .. } if is_generated_volume_name(&name) => {
            MountSource::Anonymous
        }
        MountSource::Volume { name, nocopy, subpath } => {
            let subpath = subpath.filter(|path| !path.is_empty() && api >= feature::SUBPATH);
            MountSource::Volume { name, nocopy, subpath }
        }
        MountSource::Image { image, subpath } => {
            MountSource::Image { image, subpath: subpath.filter(|path| !path.is_empty()) }
        }
        MountSource::Tmpfs { size_bytes, mode, options } => {
            let (read_only, options) = canonical_tmpfs(&options);
            return Mount {
                source: MountSource::Tmpfs {
                    size_bytes: size_bytes.filter(|size| *size != 0),
                    mode: mode.filter(|mode| *mode != 0),
                    options,
                },
                read_only: mount.read_only || read_only,
            };
        }
        other => other,
    };
    Mount { source, ..mount }
}

fn canonical_recursion(recursive: BindRecursion, api: ApiVersion) -> BindRecursion {
    match recursive {
        BindRecursion::Writable | BindRecursion::ReadOnly if api < feature::SEVERAL_ENDPOINTS => {
            BindRecursion::Enabled
        }
        known => known,
    }
}

/// Whether the options say `ro`, and the options without it.
fn canonical_tmpfs(options: &str) -> (bool, String) {
    let (read_only, rest): (Vec<&str>, Vec<&str>) =
        options.split(',').partition(|option| *option == "ro");
    (!read_only.is_empty(), rest.join(","))
}

/// Whether the engine made up this name for an anonymous volume: 64 hexadecimal digits.
pub fn is_generated_volume_name(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn canonical_resources(mut resources: Resources) -> Resources {
    for number in [
        &mut resources.nano_cpus,
        &mut resources.cpu_shares,
        &mut resources.cpu_period,
        &mut resources.cpu_quota,
        &mut resources.memory_bytes,
        &mut resources.memory_reservation_bytes,
        &mut resources.memory_swap_bytes,
        &mut resources.pids_limit,
        &mut resources.cpu_rt_period,
        &mut resources.cpu_rt_runtime,
    ] {
        *number = number.filter(|number| *number != 0);
    }
    resources.pids_limit = resources.pids_limit.filter(|limit| *limit > 0);
    resources.blkio_weight = resources.blkio_weight.filter(|weight| *weight != 0);
    resources.cpuset = resources.cpuset.filter(|set| !set.is_empty());
    let doubled = resources.memory_bytes.map(|bytes| bytes.saturating_mul(2));
    if resources.memory_swap_bytes == doubled {
        resources.memory_swap_bytes = None;
    }
    resources
}

fn canonical_security(mut security: Security, defaults: &EngineDefaults) -> Security {
    for text in [
        &mut security.ipc,
        &mut security.pid,
        &mut security.uts,
        &mut security.userns_mode,
        &mut security.cgroup,
        &mut security.cgroup_parent,
    ] {
        *text = text.take().filter(|text| !text.is_empty());
    }
    security.ipc = security.ipc.filter(|mode| mode != "private");
    security.cgroup = security.cgroup.filter(|mode| *mode != defaults.cgroup_namespace);
    security.cap_add = canonical_capabilities(&security.cap_add);
    security.cap_drop = canonical_capabilities(&security.cap_drop);
    // Cgroup v2 has no such switch; the engine drops it with a warning.
    let has_oom_switch = defaults.cgroup_namespace != "private";
    security.oom_kill_disable =
        security.oom_kill_disable.filter(|disabled| *disabled && has_oom_switch);
    security.oom_score_adj = security.oom_score_adj.filter(|score| *score != 0);
    security.security_opt = security.security_opt.iter().map(|one| security_option(one)).collect();
    let host = |mode: &Option<String>| mode.as_deref() == Some("host");
    if security.privileged || host(&security.ipc) || host(&security.pid) {
        security.security_opt.remove("label=disable");
    }
    security
}

/// `label:disable` → `label=disable`: the engine takes both and shows what it was given.
fn security_option(option: &str) -> String {
    match option.split_once(':') {
        Some((key, value)) if !key.contains('=') => format!("{key}={value}"),
        _ => option.to_owned(),
    }
}

fn canonical_capabilities(names: &BTreeSet<String>) -> BTreeSet<String> {
    names
        .iter()
        .map(|name| {
            let upper = name.to_uppercase();
            upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
        })
        .collect()
}

fn canonical_logging(mut logging: Logging, defaults: &EngineDefaults) -> Option<Logging> {
    if logging.driver == defaults.log_driver {
        logging.driver.clear();
    }
    (!logging.driver.is_empty() || !logging.options.is_empty()).then_some(logging)
}

fn canonical_networks(config: &mut ContainerConfig, api: ApiVersion) {
    if matches!(&config.network_mode, NetworkMode::Other(mode) if mode == "default") {
        config.network_mode = NetworkMode::Bridge;
    }
    if config.network_mode == NetworkMode::Networks {
        config.external_links.clear();
    } else {
        config.endpoints.clear();
    }
    for endpoint in config.endpoints.values_mut() {
        endpoint.priority = 0;
        endpoint.mac_address = None;
        if api < feature::IMAGE_MOUNTS {
            endpoint.gw_priority = 0;
        }
        if let Some(name) = endpoint.driver_opts.remove(INTERFACE_NAME) {
            endpoint.interface_name = Some(name);
        }
        if api < feature::INTERFACE_NAMES {
            endpoint.interface_name = None;
        }
        if let Some(hostname) = &config.hostname {
            endpoint.aliases.remove(hostname);
        }
    }
}

fn canonical_devices(config: &mut ContainerConfig) {
    config.mem_swappiness = config.mem_swappiness.filter(|value| *value > 0);
    let io = &mut config.block_io;
    io.weight_device.retain(|_, weight| *weight != 0);
    for rates in [&mut io.read_bps, &mut io.write_bps, &mut io.read_iops, &mut io.write_iops] {
        rates.retain(|_, rate| *rate != 0);
    }
    config.devices = std::mem::take(&mut config.devices)
        .into_iter()
        .map(|mut device| {
            if device.target.is_empty() {
                device.target.clone_from(&device.source);
            }
            if device.permissions.is_empty() {
                "rwm".clone_into(&mut device.permissions);
            }
            device
        })
        .collect();
}
