//! `Config` and `HostConfig` as the engine completes them. Keys that an engine of this API version
//! does not know vanish, as they do in a real one.

use serde_json::{Map, Value, json};

use crate::sim::images::empty_config;

/// `HostConfig` of a container for which nothing was asked (engine 20.10).
fn host_config() -> Value {
    let mut base = json!({
        "Binds": null, "ContainerIDFile": "", "LogConfig": {"Type": "json-file", "Config": {}},
        "NetworkMode": "default", "PortBindings": null,
        "RestartPolicy": {"Name": "", "MaximumRetryCount": 0}, "AutoRemove": false,
        "VolumeDriver": "", "VolumesFrom": null, "CapAdd": null, "CapDrop": null,
        "CgroupnsMode": "host", "Dns": null, "DnsOptions": null, "DnsSearch": null,
        "ExtraHosts": null, "GroupAdd": null, "IpcMode": "private", "Cgroup": "", "Links": null,
        "OomScoreAdj": 0, "PidMode": "", "Privileged": false, "PublishAllPorts": false,
        "ReadonlyRootfs": false, "SecurityOpt": null, "UTSMode": "", "UsernsMode": "",
        "ShmSize": 67_108_864, "ConsoleSize": [0, 0], "Isolation": "",
    });
    let resources = json!({
        "CpuShares": 0, "Memory": 0, "NanoCpus": 0, "CgroupParent": "", "BlkioWeight": 0,
        "BlkioWeightDevice": null, "BlkioDeviceReadBps": null, "BlkioDeviceWriteBps": null,
        "BlkioDeviceReadIOps": null, "BlkioDeviceWriteIOps": null, "CpuPeriod": 0, "CpuQuota": 0,
        "CpuRealtimePeriod": 0, "CpuRealtimeRuntime": 0, "CpusetCpus": "", "CpusetMems": "",
        "Devices": null, "DeviceCgroupRules": null, "DeviceRequests": null, "KernelMemory": 0,
        "KernelMemoryTCP": 0, "MemoryReservation": 0, "MemorySwap": 0, "MemorySwappiness": null,
        "OomKillDisable": false, "PidsLimit": null, "Ulimits": null, "CpuCount": 0,
        "CpuPercent": 0, "IOMaximumIOps": 0, "IOMaximumBandwidth": 0,
        "MaskedPaths": ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys",
            "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
            "/proc/scsi", "/sys/firmware"],
        "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    });
    overlay(&mut base, &resources, &[], true);
    base
}

/// Keys of `HostConfig` that are absent when empty.
const HOST_OPTIONAL: [&str; 6] = ["Mounts", "Tmpfs", "StorageOpt", "Sysctls", "Init", "Runtime"];
/// Keys of `Config` that are absent when empty.
const CONFIG_OPTIONAL: [&str; 7] = [
    "ExposedPorts",
    "Healthcheck",
    "StopSignal",
    "StopTimeout",
    "Shell",
    "MacAddress",
    "NetworkDisabled",
];

/// Copies members of `from` over `base`: those that `base` has, and the optional ones if not empty.
fn overlay(base: &mut Value, from: &Value, optional: &[&str], all: bool) {
    let (Some(base), Some(from)) = (base.as_object_mut(), from.as_object()) else {
        return;
    };
    for (key, value) in from {
        let known = all || base.contains_key(key);
        let extra = optional.contains(&key.as_str()) && !is_empty(value);
        if (known && !value.is_null()) || extra || all {
            base.insert(key.clone(), value.clone());
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// `HostConfig` as inspect shows it.
pub(crate) fn complete_host_config(asked: Option<&Value>, minor: u32) -> Value {
    let mut config = host_config();
    let mut optional = HOST_OPTIONAL.to_vec();
    if minor >= 43 {
        optional.push("Annotations");
    }
    if let Some(asked) = asked {
        overlay(&mut config, asked, &optional, false);
    }
    let Some(members) = config.as_object_mut() else {
        return config;
    };
    let number = |members: &Map<String, Value>, key: &str| {
        members.get(key).and_then(Value::as_i64).unwrap_or(0)
    };
    let memory = number(members, "Memory");
    if memory > 0 && number(members, "MemorySwap") == 0 {
        members.insert("MemorySwap".to_owned(), json!(memory * 2));
    }
    for (key, value) in [
        ("NetworkMode", json!("default")),
        ("ShmSize", json!(67_108_864)),
        ("IpcMode", json!("private")),
        ("CgroupnsMode", json!("host")),
    ] {
        let unset = members.get(key).is_none_or(|it| is_empty(it) || *it == json!(0));
        if unset {
            members.insert(key.to_owned(), value);
        }
    }
    if let Some(policy) = members.get_mut("RestartPolicy").and_then(Value::as_object_mut) {
        policy.entry("Name").or_insert(json!(""));
        policy.entry("MaximumRetryCount").or_insert(json!(0));
    }
    if let Some(log) = members.get_mut("LogConfig").and_then(Value::as_object_mut) {
        if log.get("Type").is_none_or(is_empty) {
            log.insert("Type".to_owned(), json!("json-file"));
        }
        if log.get("Config").is_none_or(Value::is_null) {
            log.insert("Config".to_owned(), json!({}));
        }
    }
    members.retain(|key, value| !(is_empty(value) && HOST_OPTIONAL.contains(&key.as_str())));
    config
}

/// `Config` as inspect shows it: what was asked, completed by the image's part.
pub(crate) fn complete_config(asked: &Value, image: &Value, id: &str, minor: u32) -> Value {
    let mut config = empty_config();
    overlay(&mut config, asked, &CONFIG_OPTIONAL, false);
    let command_given = !config.get("Cmd").is_none_or(is_empty);
    let entry_given = asked.get("Entrypoint").is_some_and(|it| !is_empty(it));
    let Some(members) = config.as_object_mut() else {
        return config;
    };
    for key in ["Env", "Labels", "Volumes", "ExposedPorts"] {
        let merged = merge(key, members.get(key), image.get(key));
        if !is_empty(&merged) || key != "ExposedPorts" {
            members.insert(key.to_owned(), merged);
        }
    }
    for key in ["User", "WorkingDir", "StopSignal", "Shell", "OnBuild"] {
        let theirs = image.get(key).filter(|it| !is_empty(it));
        if let (true, Some(theirs)) = (members.get(key).is_none_or(is_empty), theirs) {
            members.insert(key.to_owned(), theirs.clone());
        }
    }
    if !entry_given {
        members.insert("Entrypoint".to_owned(), value_of(image, "Entrypoint"));
        if !command_given {
            members.insert("Cmd".to_owned(), value_of(image, "Cmd"));
        }
    } else if members.get("Entrypoint") == Some(&json!([""])) {
        members.insert("Entrypoint".to_owned(), Value::Null);
    }
    if members.get("Hostname").is_none_or(is_empty) {
        members.insert("Hostname".to_owned(), json!(id.get(..12).unwrap_or(id)));
    }
    complete_health(members, image, minor);
    config
}

fn value_of(object: &Value, key: &str) -> Value {
    object.get(key).cloned().unwrap_or(Value::Null)
}

/// The asked check, its unset parts from the image's check; zeros vanish.
fn complete_health(members: &mut Map<String, Value>, image: &Value, minor: u32) {
    let theirs = image.get("Healthcheck").filter(|it| !is_empty(it));
    let mine = members.remove("Healthcheck");
    let Some(first) = mine.as_ref().or(theirs) else {
        return;
    };
    let mut keys = vec!["Test", "Interval", "Timeout", "StartPeriod", "Retries"];
    if minor >= 44 {
        keys.push("StartInterval");
    }
    let mut check = Map::new();
    for key in keys {
        let set = |from: Option<&Value>| {
            let value = from?.get(key)?;
            (!is_empty(value) && *value != json!(0)).then(|| value.clone())
        };
        if let Some(value) = set(Some(first)).or_else(|| set(theirs)) {
            check.insert(key.to_owned(), value);
        }
    }
    if !check.is_empty() {
        members.insert("Healthcheck".to_owned(), Value::Object(check));
    }
}

/// The asked value goes before the image's; environments merge by name, objects by key.
fn merge(key: &str, mine: Option<&Value>, theirs: Option<&Value>) -> Value {
    if key == "Env" {
        let mut list: Vec<String> = crate::sim::world::string_list(mine);
        let name = |pair: &str| pair.split('=').next().unwrap_or("").to_owned();
        let known: Vec<String> = list.iter().map(|pair| name(pair)).collect();
        let added = crate::sim::world::string_list(theirs);
        list.extend(added.into_iter().filter(|pair| !known.contains(&name(pair))));
        return if list.is_empty() { Value::Null } else { json!(list) };
    }
    let mut merged = theirs.and_then(Value::as_object).cloned().unwrap_or_default();
    merged.extend(mine.and_then(Value::as_object).cloned().unwrap_or_default());
    match (merged.is_empty(), key) {
        (true, "Labels") => json!({}),
        (true, _) => Value::Null,
        (false, _) => Value::Object(merged),
    }
}
