//! The table of fields of a container's configuration: one row each, from which diff, revision and documentation derive.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::config::{
    BindRecursion, ContainerConfig, Endpoint, HealthTest, Mount, MountSource, NetworkMode,
};
use crate::model::device::DeviceRequest;
use crate::model::feature;
use crate::model::field::FieldClass;
use crate::model::observed::ApiVersion;
use crate::model::secret::{Secret, sha256_hex};

/// A value in canonical text form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// May be shown.
    Plain(String),
    /// May hold a secret: shown as a salted digest.
    Hidden(String),
}

impl Value {
    /// The canonical text, for hashing and comparison.
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Hidden(text) => text,
        }
    }
}

/// Values of one field: by key for maps and sets, under the empty key for a scalar. Absent is no entry.
pub type Values = BTreeMap<String, Value>;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name in plans, status and documentation.
    pub name: &'static str,
    /// What a change asks for.
    pub class: FieldClass,
    /// The API version that learned it.
    pub since: ApiVersion,
    /// Its values.
    pub get: fn(&ContainerConfig) -> Values,
}

/// Docker 20.10.
const BASE: ApiVersion = ApiVersion::v1(41);

const fn recreate(name: &'static str, get: fn(&ContainerConfig) -> Values) -> Field {
    Field { name, class: FieldClass::Recreate, since: BASE, get }
}

/// The table. Rows may be added; a row whose value is absent changes no hash (invariant 12).
pub const FIELDS: &[Field] = &[
    recreate("command", |c| words(c.command.as_ref())),
    recreate("entrypoint", |c| words(c.entrypoint.as_ref())),
    recreate("environment", |c| {
        let hidden =
            |value: &Option<Secret>| Some(Value::Hidden(value.as_ref()?.expose().to_owned()));
        c.environment
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), hidden(value)?)))
            .collect()
    }),
    recreate("labels", |c| {
        c.labels
            .iter()
            .map(|(key, value)| (key.clone(), Value::Hidden(value.expose().into())))
            .collect()
    }),
    recreate("user", |c| text(c.user.as_deref())),
    recreate("working_dir", |c| text(c.working_dir.as_deref())),
    recreate("hostname", |c| text(c.hostname.as_deref())),
    recreate("domainname", |c| text(c.domainname.as_deref())),
    recreate("tty", |c| flag(c.tty)),
    recreate("stdin_open", |c| flag(c.stdin_open)),
    recreate("expose", |c| set(c.expose.iter())),
    recreate("ports", |c| {
        let bindings = c.ports.iter().map(|(port, hosts)| {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            (port.to_string(), Value::Plain(hosts.join(",")))
        });
        bindings.collect()
    }),
    recreate("healthcheck", health),
    Field {
        name: "healthcheck.start_interval",
        class: FieldClass::Recreate,
        since: feature::SEVERAL_ENDPOINTS,
        get: |c| duration(c.healthcheck.as_ref().and_then(|check| check.start_interval)),
    },
    recreate("stop_signal", |c| text(c.stop_signal.as_deref())),
    recreate("stop_grace_period", |c| number(c.stop_timeout_s)),
    recreate("volumes", |c| {
        c.mounts
            .iter()
            .map(|(target, mount)| (target.clone(), Value::Plain(mount_text(mount))))
            .collect()
    }),
    Field { name: "resources", class: FieldClass::Live, since: BASE, get: resources },
    Field {
        name: "restart",
        class: FieldClass::Live,
        since: BASE,
        get: |c| one(Value::Plain(c.restart.to_string())),
    },
    recreate("network_mode", |c| match &c.network_mode {
        NetworkMode::Networks => Values::new(),
        NetworkMode::None => text(Some("none")),
        NetworkMode::Host => text(Some("host")),
        NetworkMode::Bridge => text(Some("bridge")),
        NetworkMode::Other(mode) => text(Some(mode)),
    }),
    Field { name: "networks", class: FieldClass::Attach, since: BASE, get: endpoints },
    recreate("privileged", |c| flag(c.security.privileged)),
    recreate("read_only", |c| flag(c.security.read_only)),
    recreate("init", |c| number(c.security.init)),
    recreate("cap_add", |c| set(c.security.cap_add.iter())),
    recreate("cap_drop", |c| set(c.security.cap_drop.iter())),
    recreate("security_opt", |c| c.security.security_opt.iter().map(|one| option(one)).collect()),
    recreate("group_add", |c| set(c.security.group_add.iter())),
    recreate("ipc", |c| text(c.security.ipc.as_deref())),
    recreate("pid", |c| text(c.security.pid.as_deref())),
    recreate("uts", |c| text(c.security.uts.as_deref())),
    recreate("userns_mode", |c| text(c.security.userns_mode.as_deref())),
    recreate("cgroup", |c| text(c.security.cgroup.as_deref())),
    recreate("cgroup_parent", |c| text(c.security.cgroup_parent.as_deref())),
    recreate("device_cgroup_rules", |c| set(c.security.device_cgroup_rules.iter())),
    recreate("oom_kill_disable", |c| flag(c.security.oom_kill_disable == Some(true))),
    recreate("oom_score_adj", |c| number(c.security.oom_score_adj.filter(|adj| *adj != 0))),
    recreate("dns", |c| list(&c.dns.servers)),
    recreate("dns_opt", |c| list(&c.dns.options)),
    recreate("dns_search", |c| list(&c.dns.search)),
    recreate("extra_hosts", |c| set(c.dns.extra_hosts.iter())),
    recreate("logging", |c| {
        let Some(logging) = &c.logging else {
            return Values::new();
        };
        let options = logging.options.iter();
        let options =
            options.map(|(key, value)| (format!("options.{key}"), Value::Hidden(value.clone())));
        options.chain([("driver".to_owned(), Value::Plain(logging.driver.clone()))]).collect()
    }),
    recreate("ulimits", |c| {
        let limits = c.ulimits.iter();
        limits
            .map(|(name, l)| (name.clone(), Value::Plain(format!("{}:{}", l.soft, l.hard))))
            .collect()
    }),
    recreate("sysctls", |c| map(&c.sysctls)),
    recreate("devices", |c| {
        set(c.devices.iter().map(|d| format!("{}:{}:{}", d.source, d.target, d.permissions)))
    }),
    recreate("shm_size", |c| number(c.shm_size_bytes)),
    recreate("runtime", |c| text(c.runtime.as_deref())),
    recreate("mac_address", |c| text(c.mac_address.as_deref())),
    recreate("storage_opt", |c| map(&c.storage_opt)),
    Field {
        name: "annotations",
        class: FieldClass::Recreate,
        since: feature::ANNOTATIONS,
        get: |c| map(&c.annotations),
    },
    recreate("device_requests", |c| {
        let texts = c.device_requests.iter().map(request_text);
        let numbered = texts.enumerate();
        numbered.map(|(at, text)| (at.to_string(), Value::Plain(text))).collect()
    }),
    recreate("blkio_config", block_io),
    recreate("mem_swappiness", |c| number(c.mem_swappiness)),
    recreate("external_links", |c| set(c.external_links.iter())),
    recreate("volumes_from", |c| {
        let numbered = c.volumes_from.iter().enumerate();
        numbered.map(|(at, from)| (at.to_string(), Value::Plain(from.to_string()))).collect()
    }),
];

fn one(value: Value) -> Values {
    Values::from([(String::new(), value)])
}

fn text(value: Option<&str>) -> Values {
    value
        .filter(|text| !text.is_empty())
        .map(|text| one(Value::Plain(text.to_owned())))
        .unwrap_or_default()
}

fn number<T: ToString>(value: Option<T>) -> Values {
    value.map(|value| one(Value::Plain(value.to_string()))).unwrap_or_default()
}

fn flag(value: bool) -> Values {
    number(value.then_some(true))
}

fn duration(value: Option<Duration>) -> Values {
    number(value.filter(|time| !time.is_zero()).map(|time| format!("{}ms", time.as_millis())))
}

fn set<T: ToString>(items: impl Iterator<Item = T>) -> Values {
    items.map(|item| (item.to_string(), Value::Plain("yes".to_owned()))).collect()
}

fn list(items: &[String]) -> Values {
    text(Some(&items.join(",")))
}

fn map(items: &BTreeMap<String, String>) -> Values {
    items.iter().map(|(key, value)| (key.clone(), Value::Plain(value.clone()))).collect()
}

/// A command line is one value, so that its order counts; the separator cannot occur in an argument.
fn words(items: Option<&Vec<Secret>>) -> Values {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Values::new();
    };
    let texts: Vec<&str> = items.iter().map(Secret::expose).collect();
    one(Value::Hidden(texts.join("\0")))
}

fn health(config: &ContainerConfig) -> Values {
    let Some(check) = &config.healthcheck else {
        return Values::new();
    };
    let test = match &check.test {
        HealthTest::Inherit => Value::Plain("inherited".to_owned()),
        HealthTest::Disabled => {
            return Values::from([("test".to_owned(), Value::Plain("none".to_owned()))]);
        }
        HealthTest::Exec(args) => {
            Value::Hidden(args.iter().map(Secret::expose).collect::<Vec<_>>().join("\0"))
        }
        HealthTest::Shell(line) => Value::Hidden(format!("sh\0{}", line.expose())),
    };
    let mut values = Values::from([("test".to_owned(), test)]);
    let retries = number(check.retries.filter(|retries| *retries != 0));
    let times = [
        ("interval", duration(check.interval)),
        ("timeout", duration(check.timeout)),
        ("retries", retries),
        ("start_period", duration(check.start_period)),
    ];
    for (key, value) in times {
        values.extend(value.into_values().map(|value| (key.to_owned(), value)));
    }
    values
}

fn mount_text(mount: &Mount) -> String {
    let access = if mount.read_only { "ro" } else { "rw" };
    let source = match &mount.source {
        MountSource::Bind { source, propagation, selinux, recursive, .. } => {
            let recursive = (*recursive != BindRecursion::Enabled).then(|| recursive.word());
            let extra = [propagation.as_deref(), selinux.as_deref(), recursive];
            let extra: Vec<&str> = extra.into_iter().flatten().collect();
            format!("bind {} {}", source.display(), extra.join(","))
        }
        // An anonymous volume that a successor inherited is mounted by its generated name and stays anonymous.
        MountSource::Volume { name, .. } if is_generated(name) => "anonymous".to_owned(),
        MountSource::Volume { name, nocopy, subpath } => {
            let nocopy = if *nocopy { " nocopy" } else { "" };
            format!("volume {name}{nocopy}{}", subpath_text(subpath.as_deref()))
        }
        MountSource::Image { image, subpath } => {
            format!("image {image}{}", subpath_text(subpath.as_deref()))
        }
        MountSource::Anonymous => "anonymous".to_owned(),
        // Compared by target and content, not by source (DESIGN §5, revisions).
        MountSource::Kept { .. } => "content".to_owned(),
        MountSource::Tmpfs { size_bytes, mode, options } => {
            let size = size_bytes.map(|size| format!("size={size}"));
            let mode = mode.map(|mode| format!("mode={mode:o}"));
            let options = Some(options.clone()).filter(|options| !options.is_empty());
            let parts: Vec<String> = [size, mode, options].into_iter().flatten().collect();
            format!("tmpfs {}", parts.join(","))
        }
    };
    format!("{} {access}", source.trim_end())
}

fn subpath_text(subpath: Option<&str>) -> String {
    subpath.map(|path| format!(" subpath={path}")).unwrap_or_default()
}

/// A security option. A profile is long: it is told by its digest.
fn option(text: &str) -> (String, Value) {
    match text.split_once("={") {
        Some((key, _)) => {
            let digest: String = sha256_hex([text]).chars().take(16).collect();
            (key.to_owned(), Value::Plain(format!("profile {digest}")))
        }
        None => (text.to_owned(), Value::Plain("yes".to_owned())),
    }
}

fn request_text(request: &DeviceRequest) -> String {
    let (count, ids) = request.devices.parts();
    let devices = match (count, ids.is_empty()) {
        (_, false) => ids.join(","),
        (-1, true) => "all".to_owned(),
        (count, true) => count.to_string(),
    };
    let capabilities: Vec<&str> = request.capabilities.iter().map(String::as_str).collect();
    let options: Vec<String> = request.options.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let parts = [
        ("driver", request.driver.clone()),
        ("devices", devices),
        ("capabilities", capabilities.join(",")),
        ("options", options.join(",")),
    ];
    let parts = parts.into_iter().filter(|(_, value)| !value.is_empty());
    parts.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

fn block_io(config: &ContainerConfig) -> Values {
    let io = &config.block_io;
    let weights = io.weight_device.iter().map(|(path, weight)| (path, i64::from(*weight)));
    let weights = weights.map(|(path, weight)| ("weight_device", path, weight));
    let rates = [
        ("device_read_bps", &io.read_bps),
        ("device_write_bps", &io.write_bps),
        ("device_read_iops", &io.read_iops),
        ("device_write_iops", &io.write_iops),
    ];
    let rates = rates
        .into_iter()
        .flat_map(|(key, rates)| rates.iter().map(move |(path, rate)| (key, path, *rate)));
    let all = weights.chain(rates);
    all.map(|(key, path, value)| (format!("{key}.{path}"), Value::Plain(value.to_string())))
        .collect()
}

/// The engine names anonymous volumes with 64 hexadecimal digits.
fn is_generated(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn resources(config: &ContainerConfig) -> Values {
    let r = &config.resources;
    let rows = [
        ("cpus", number(r.nano_cpus)),
        ("cpu_shares", number(r.cpu_shares)),
        ("cpu_period", number(r.cpu_period)),
        ("cpu_quota", number(r.cpu_quota)),
        ("cpuset", text(r.cpuset.as_deref())),
        ("memory", number(r.memory_bytes)),
        ("memory_reservation", number(r.memory_reservation_bytes)),
        ("memory_swap", number(r.memory_swap_bytes)),
        ("pids", number(r.pids_limit)),
        ("blkio_weight", number(r.blkio_weight)),
        ("cpu_rt_period", number(r.cpu_rt_period)),
        ("cpu_rt_runtime", number(r.cpu_rt_runtime)),
    ];
    let rows = rows.into_iter();
    rows.flat_map(|(key, value)| value.into_values().map(move |value| (key.to_owned(), value)))
        .collect()
}

fn endpoints(config: &ContainerConfig) -> Values {
    let endpoints = config.endpoints.iter();
    endpoints
        .map(|(name, endpoint)| (name.clone(), Value::Plain(endpoint_text(endpoint))))
        .collect()
}

fn endpoint_text(endpoint: &Endpoint) -> String {
    let aliases: Vec<&str> = endpoint.aliases.iter().map(String::as_str).collect();
    let links: Vec<&str> = endpoint.links.iter().map(String::as_str).collect();
    let gateway = match endpoint.gw_priority {
        0 => String::new(),
        priority => priority.to_string(),
    };
    let link_local: Vec<&str> = endpoint.link_local_ips.iter().map(String::as_str).collect();
    let options: Vec<String> =
        endpoint.driver_opts.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let parts = [
        ("aliases", aliases.join(",")),
        ("ipv4", endpoint.ipv4_address.clone().unwrap_or_default()),
        ("ipv6", endpoint.ipv6_address.clone().unwrap_or_default()),
        ("link_local", link_local.join(",")),
        ("options", options.join(",")),
        ("links", links.join(",")),
        ("gw_priority", gateway),
        ("interface", endpoint.interface_name.clone().unwrap_or_default()),
    ];
    let parts = parts.into_iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<String> = parts.map(|(key, value)| format!("{key}={value}")).collect();
    if parts.is_empty() { "attached".to_owned() } else { format!("attached {}", parts.join(" ")) }
}
