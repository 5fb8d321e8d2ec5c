//! The keys of a service.

use super::deploy::DEPLOY;
use super::devices::{BLKIO, GPUS};
use super::mounts::{CONFIG_MOUNT, VOLUME_MOUNT};
use super::{Field, Form, Kind, Merge, Object, Print, Unset, field};
use crate::manifest::{forms, refusal};
use crate::model::feature::{ANNOTATIONS, IMAGE_MOUNTS, INTERFACE_NAMES, SEVERAL_ENDPOINTS};

const WINDOWS: &str = "Windows only";

/// A service.
pub(crate) static SERVICE: Object = Object::new(&[
    field("profiles", Kind::List(&Kind::Text)).merge(Merge::Unique(forms::text_identity)),
    field("annotations", Kind::Pairs(Unset::Empty)).since(ANNOTATIONS),
    field("attach", Kind::Bool)
        .print(Print::Set)
        .no_effect("it steers the output of docker compose up only"),
    field("build", Kind::Form(&super::BUILD)),
    field("develop", Kind::Object(&DEVELOP)).no_effect("docker compose watch only"),
    field("blkio_config", Kind::Object(&BLKIO)),
    unique_list("cap_add"),
    unique_list("cap_drop"),
    field("cgroup_parent", Kind::Text),
    field("cgroup", Kind::OneOf(&["host", "private"])),
    field("cpu_count", Kind::Int).no_effect(WINDOWS),
    field("cpu_percent", Kind::Int).no_effect(WINDOWS),
    field("cpu_period", Kind::Int),
    field("cpu_quota", Kind::Int),
    field("cpu_rt_period", Kind::Form(&MICROSECONDS)),
    field("cpu_rt_runtime", Kind::Form(&MICROSECONDS)),
    field("cpus", Kind::Float),
    field("cpuset", Kind::Text),
    field("cpu_shares", Kind::Int),
    field("command", Kind::Words).print(Print::Null).merge(Merge::Replace),
    field("configs", Kind::List(&Kind::Form(&CONFIG_MOUNT)))
        .merge(Merge::Unique(forms::target_identity)),
    field("container_name", Kind::Text),
    field("credential_spec", Kind::Map(&Kind::Text)).no_effect(WINDOWS),
    field("depends_on", Kind::Form(&DEPENDS_ON)),
    field("deploy", Kind::Object(&DEPLOY)),
    field("device_cgroup_rules", Kind::List(&Kind::Text)).merge(Merge::NoRepeat),
    field("devices", Kind::List(&Kind::Form(&DEVICE))).merge(Merge::Unique(forms::target_identity)),
    unique_texts("dns"),
    unique_list("dns_opt"),
    unique_texts("dns_search"),
    field("domainname", Kind::Text),
    field("entrypoint", Kind::Words).print(Print::Null).merge(Merge::Replace),
    field("provider", Kind::Object(&PROVIDER)).not_run(refusal::PROVIDER),
    field("environment", Kind::Pairs(Unset::FromEnvironment)),
    field("env_file", Kind::Form(&ENV_FILE))
        .print(Print::Never)
        .merge(Merge::Unique(forms::path_identity)),
    field("expose", Kind::List(&Kind::TextOrNumber)).merge(Merge::Unique(forms::text_identity)),
    field("extends", Kind::Form(&EXTENDS)).print(Print::Never),
    field("external_links", Kind::List(&Kind::Text)).merge(Merge::NoRepeat),
    field("extra_hosts", Kind::Form(&forms::EXTRA_HOSTS))
        .merge(Merge::Unique(forms::text_identity)),
    field("group_add", Kind::List(&Kind::TextOrNumber)).merge(Merge::NoRepeat),
    field("gpus", Kind::Form(&GPUS)).merge(Merge::Unique(forms::request_identity)),
    field("hostname", Kind::Text),
    field("healthcheck", Kind::Object(&HEALTHCHECK)),
    field("image", Kind::Text),
    field("init", Kind::Bool).print(Print::Set),
    field("ipc", Kind::Text),
    field("isolation", Kind::Text).no_effect(WINDOWS),
    field("labels", Kind::Pairs(Unset::Empty)),
    field("label_file", Kind::OneOrMany(&Kind::Form(&forms::PATH))).print(Print::Never),
    unique_list("links"),
    field("logging", Kind::Object(&LOGGING)).merge(Merge::Logging),
    field("mem_limit", Kind::Bytes),
    field("mem_reservation", Kind::Bytes),
    field("memswap_limit", Kind::Bytes),
    field("mem_swappiness", Kind::Bytes),
    field("mac_address", Kind::Text),
    field("models", Kind::Form(&MODELS)).not_run(refusal::MODELS),
    field("network_mode", Kind::Text),
    field("networks", Kind::Form(&NETWORKS)),
    field("oom_kill_disable", Kind::Bool),
    field("oom_score_adj", Kind::Int),
    field("pid", Kind::Text),
    field("pids_limit", Kind::Int),
    field("platform", Kind::Text),
    field("ports", Kind::Form(&PORTS)).merge(Merge::Unique(forms::port_identity)),
    field("privileged", Kind::Bool),
    field("pull_policy", Kind::Form(&PULL_POLICY)),
    field("pull_refresh_after", Kind::Text).no_effect(
        "as in Compose, where `refresh` acts as `missing`; use pull_policy: every_<time>",
    ),
    field("read_only", Kind::Bool),
    field("restart", Kind::Form(&RESTART)),
    field("runtime", Kind::Text),
    field("scale", Kind::Int).print(Print::Set),
    field("secrets", Kind::List(&Kind::Form(&super::mounts::SECRET_MOUNT)))
        .merge(Merge::Unique(forms::target_identity)),
    field("security_opt", Kind::List(&Kind::Text)).merge(Merge::NoRepeat),
    field("shm_size", Kind::Bytes),
    field("stdin_open", Kind::Bool),
    field("stop_grace_period", Kind::Duration).print(Print::Set),
    field("stop_signal", Kind::Text),
    field("storage_opt", Kind::Map(&Kind::TextOrNumber)),
    field("sysctls", Kind::Pairs(Unset::Empty)),
    unique_texts("tmpfs"),
    field("tty", Kind::Bool),
    field("ulimits", Kind::Map(&Kind::Form(&ULIMIT))).merge(Merge::ReplaceEntries),
    field("use_api_socket", Kind::Bool),
    field("user", Kind::Text),
    field("userns_mode", Kind::Text),
    field("uts", Kind::Text),
    field("volumes", Kind::List(&Kind::Form(&VOLUME_MOUNT)))
        .merge(Merge::Unique(forms::target_identity)),
    field("volumes_from", Kind::List(&Kind::Text)).merge(Merge::NoRepeat),
    field("working_dir", Kind::Text),
    field("post_start", Kind::List(&Kind::Object(&HOOK))),
    field("pre_stop", Kind::List(&Kind::Object(&HOOK))),
    field("pre_start", Kind::List(&Kind::Object(&PRE_START))),
]);

const fn unique_list(key: &'static str) -> Field {
    field(key, Kind::List(&Kind::Text)).merge(Merge::Unique(forms::text_identity))
}

const fn unique_texts(key: &'static str) -> Field {
    field(key, Kind::OneOrMany(&Kind::Text)).merge(Merge::Unique(forms::text_identity))
}

static EXTENDS: Form = Form { expand: forms::extends, long: Kind::Object(&EXTENDS_LONG) };

static EXTENDS_LONG: Object = Object {
    fields: &[field("service", Kind::Text), field("file", Kind::Form(&forms::PATH))],
    required: &["service"],
};

static DEVELOP: Object = Object::new(&[field("watch", Kind::List(&Kind::Object(&WATCH)))]);

/// A command inside a container.
static HOOK: Object = Object {
    fields: &[
        field("command", Kind::Words).print(Print::Null),
        field("user", Kind::Text),
        field("privileged", Kind::Bool),
        field("working_dir", Kind::Text),
        field("environment", Kind::Pairs(Unset::FromEnvironment)),
    ],
    required: &["command"],
};

/// A command in a container of its own.
static PRE_START: Object = Object::new(&[
    field("command", Kind::Words).print(Print::Null),
    field("user", Kind::Text),
    field("privileged", Kind::Bool),
    field("working_dir", Kind::Text),
    field("environment", Kind::Pairs(Unset::FromEnvironment)),
    field("image", Kind::Text),
    // `true` is refused, as by the command line (consistency).
    field("per_replica", Kind::Bool),
]);

static WATCH_EXEC: Object = Object::new(HOOK.fields);

static WATCH: Object = Object {
    fields: &[
        field("path", Kind::Form(&forms::PATH)).no_effect("docker compose watch only"),
        field("action", Kind::OneOf(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]))
            .no_effect("docker compose watch only"),
        field("target", Kind::Text).no_effect("docker compose watch only"),
        field("exec", Kind::Object(&WATCH_EXEC))
            .print(Print::Empty)
            .no_effect("docker compose watch only"),
        field("include", Kind::OneOrMany(&Kind::Text)).no_effect("docker compose watch only"),
        field("ignore", Kind::OneOrMany(&Kind::Text)).no_effect("docker compose watch only"),
        field("initial_sync", Kind::Bool).no_effect("docker compose watch only"),
    ],
    required: &["path", "action"],
};

static MICROSECONDS: Form = Form { expand: forms::microseconds, long: Kind::Int };

static PROVIDER: Object = Object {
    fields: &[field("type", Kind::Text), field("options", Kind::Map(&Kind::Any))],
    required: &["type"],
};

static MODELS: Form =
    Form { expand: forms::models, long: Kind::MapOfOptional(&Kind::Object(&MODEL_USE)) };

static MODEL_USE: Object =
    Object::new(&[field("endpoint_var", Kind::Text), field("model_var", Kind::Text)]);

static DEPENDS_ON: Form =
    Form { expand: forms::depends_on, long: Kind::Map(&Kind::Object(&DEPENDENCY)) };

static DEPENDENCY: Object = Object {
    fields: &[
        field(
            "condition",
            Kind::OneOf(&["service_started", "service_healthy", "service_completed_successfully"]),
        ),
        field("restart", Kind::Bool),
        field("required", Kind::Bool).print(Print::Set),
    ],
    required: &["condition"],
};

static DEVICE: Form = Form { expand: forms::device, long: Kind::Object(&DEVICE_LONG) };

static DEVICE_LONG: Object = Object {
    fields: &[
        field("source", Kind::Text),
        field("target", Kind::Text),
        field("permissions", Kind::Text),
    ],
    required: &["source"],
};

static ENV_FILE: Form =
    Form { expand: forms::env_file, long: Kind::List(&Kind::Object(&ENV_FILE_LONG)) };

static ENV_FILE_LONG: Object = Object {
    fields: &[
        field("path", Kind::Form(&forms::PATH)),
        field("required", Kind::Bool),
        field("format", Kind::OneOf(&["raw", ""])),
    ],
    required: &["path"],
};

static HEALTHCHECK: Object = Object::new(&[
    field("test", Kind::Form(&HEALTH_TEST)).merge(Merge::Replace),
    field("timeout", Kind::Duration).print(Print::Set),
    field("interval", Kind::Duration).print(Print::Set),
    field("retries", Kind::Int).print(Print::Set),
    field("start_period", Kind::Duration).print(Print::Set),
    field("start_interval", Kind::Duration).print(Print::Set).since(SEVERAL_ENDPOINTS),
    field("disable", Kind::Bool),
]);

static HEALTH_TEST: Form = Form { expand: forms::health_test, long: Kind::List(&Kind::Text) };

static LOGGING: Object =
    Object::new(&[field("driver", Kind::Text), field("options", Kind::Map(&Kind::Label))]);

static NETWORKS: Form =
    Form { expand: forms::networks, long: Kind::MapOfOptional(&Kind::Object(&ENDPOINT)) };

static ENDPOINT: Object = Object::new(&[
    field("priority", Kind::Int),
    // 2.26 reads it and forgets it: the hash does not know it.
    field("gw_priority", Kind::Int).print(Print::Never).since(IMAGE_MOUNTS),
    field("aliases", Kind::List(&Kind::Text)).merge(Merge::Unique(forms::text_identity)),
    field("interface_name", Kind::Text).since(INTERFACE_NAMES),
    field("ipv4_address", Kind::Text),
    field("ipv6_address", Kind::Text),
    field("link_local_ips", Kind::List(&Kind::Text)).merge(Merge::Unique(forms::text_identity)),
    field("mac_address", Kind::Text)
        .since_for(SEVERAL_ENDPOINTS, "on other than the primary network; there, everywhere"),
    field("driver_opts", Kind::Map(&Kind::TextOrNumber)),
]);

static PORTS: Form = Form { expand: forms::ports, long: Kind::List(&Kind::Object(&PORT)) };

/// A published port.
pub(crate) static PORT: Object = Object {
    fields: &[
        field("name", Kind::Text).no_effect("a name for the reader only"),
        field("mode", Kind::Text).no_effect("Swarm only"),
        field("host_ip", Kind::Text),
        field("target", Kind::Int),
        field("published", Kind::TextOrNumber),
        field("protocol", Kind::Text),
        field("app_protocol", Kind::Text).no_effect("a hint for the reader only"),
    ],
    required: &["target"],
};

static PULL_POLICY: Form = Form { expand: forms::pull_policy, long: Kind::Text };

static RESTART: Form = Form { expand: forms::restart, long: Kind::Text };

/// One number, or soft and hard.
pub(super) static ULIMIT: Form = Form { expand: forms::ulimit, long: Kind::Object(&ULIMIT_LONG) };

static ULIMIT_LONG: Object =
    Object::new(&[field("single", Kind::Int), field("soft", Kind::Int), field("hard", Kind::Int)]);
