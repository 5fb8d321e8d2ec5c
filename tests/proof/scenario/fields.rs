//! The attributes that edits are made of: how a value is written, and how a container that has it looks to `docker inspect`.

use serde_json::{Value, json};

/// An attribute of a service.
pub(crate) struct Field {
    /// Its key.
    pub(crate) name: &'static str,
    /// Values as YAML, on one line.
    pub(crate) values: &'static [&'static str],
    /// Where inspect shows it.
    pub(crate) pointer: &'static str,
    /// What inspect shows: for every value, and last for none.
    pub(crate) shows: fn(Option<usize>) -> Value,
}

/// What is edited. Each can be set, changed, unset.
pub(crate) const FIELDS: &[Field] = &[
    Field {
        name: "command",
        values: &["[serve, --a]", "[serve, --b]"],
        pointer: "/Config/Cmd",
        shows: |value| match value {
            Some(0) => json!(["serve", "--a"]),
            Some(_) => json!(["serve", "--b"]),
            None => json!(["/app"]),
        },
    },
    Field {
        name: "hostname",
        values: &["one", "two"],
        pointer: "/Config/Hostname",
        // Without one it is made of the id.
        shows: |value| value.map_or(Value::Null, |value| pick(&["one", "two"], value)),
    },
    Field {
        name: "user",
        values: &["\"1000\"", "app"],
        pointer: "/Config/User",
        shows: |value| value.map_or(json!(""), |value| pick(&["1000", "app"], value)),
    },
    Field {
        name: "working_dir",
        values: &["/srv", "/opt"],
        pointer: "/Config/WorkingDir",
        shows: |value| value.map_or(json!(""), |value| pick(&["/srv", "/opt"], value)),
    },
    Field {
        name: "mem_limit",
        values: &["64m", "128m"],
        pointer: "/HostConfig/Memory",
        shows: |value| value.map_or(json!(0), |value| pick(&[67_108_864, 134_217_728], value)),
    },
    Field {
        name: "cpus",
        values: &["0.5", "1.5"],
        pointer: "/HostConfig/NanoCpus",
        shows: |value| {
            value.map_or(json!(0), |value| pick(&[500_000_000_i64, 1_500_000_000], value))
        },
    },
    Field {
        name: "cpu_shares",
        values: &["512", "2048"],
        pointer: "/HostConfig/CpuShares",
        shows: |value| value.map_or(json!(0), |value| pick(&[512, 2048], value)),
    },
    Field {
        name: "pids_limit",
        values: &["50", "100"],
        pointer: "/HostConfig/PidsLimit",
        shows: |value| value.map_or(Value::Null, |value| pick(&[50, 100], value)),
    },
    Field {
        name: "read_only",
        values: &["true"],
        pointer: "/HostConfig/ReadonlyRootfs",
        shows: |value| json!(value.is_some()),
    },
    Field {
        name: "cap_add",
        values: &["[NET_ADMIN]", "[SYS_TIME]"],
        pointer: "/HostConfig/CapAdd",
        shows: |value| match value {
            Some(0) => json!(["CAP_NET_ADMIN"]),
            Some(_) => json!(["CAP_SYS_TIME"]),
            None => Value::Null,
        },
    },
    Field {
        name: "restart",
        values: &["always", "unless-stopped", "on-failure"],
        pointer: "/HostConfig/RestartPolicy/Name",
        shows: |value| {
            value.map_or(json!("no"), |value| {
                pick(&["always", "unless-stopped", "on-failure"], value)
            })
        },
    },
    Field {
        name: "stop_grace_period",
        values: &["1s", "4s"],
        pointer: "/Config/StopTimeout",
        shows: |value| value.map_or(Value::Null, |value| pick(&[1, 4], value)),
    },
    Field {
        name: "labels",
        values: &["{tier: front}", "{tier: back}"],
        pointer: "/Config/Labels/tier",
        shows: |value| value.map_or(Value::Null, |value| pick(&["front", "back"], value)),
    },
];

/// One of the values, as JSON.
fn pick<T: Copy + Into<Value>>(values: &[T], index: usize) -> Value {
    values.get(index).copied().map_or(Value::Null, Into::into)
}

impl Field {
    /// The attribute of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.name == name)
    }
}
