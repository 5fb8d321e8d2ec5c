//! Checks of a create body that need no state: status 400, texts of engine 20.10.

use serde_json::{Value, json};

use crate::sim::container::{signal_name, signal_number};
use crate::sim::request::ApiError;
use crate::sim::world::string_list;

/// Checks a create body; `host_config` is its completed host part.
///
/// # Errors
/// 400 with the first thing that is wrong.
pub(super) fn validate(body: &Value, host_config: &Value, minor: u32) -> Result<(), ApiError> {
    restart_policy(host_config)?;
    resources(host_config)?;
    ports(host_config)?;
    health_check(body)?;
    process(body)?;
    network_of_another(body, host_config)?;
    let endpoints = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
    if let Some(names) = endpoints.filter(|names| names.len() > 1 && minor < 44) {
        let names: Vec<&str> = names.keys().map(String::as_str).collect();
        let names = names.join(", ");
        return bad(format!("Container cannot be connected to network endpoints: {names}"));
    }
    Ok(())
}

fn bad<T>(text: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(400, text))
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn restart_policy(host_config: &Value) -> Result<(), ApiError> {
    let policy = text(host_config, "/RestartPolicy/Name");
    if !matches!(policy, "" | "no" | "always" | "unless-stopped" | "on-failure") {
        return bad(format!("invalid restart policy '{policy}'"));
    }
    let limit = number(host_config, "/RestartPolicy/MaximumRetryCount");
    if limit != 0 && !matches!(policy, "" | "on-failure") {
        return bad(format!("maximum retry count cannot be used with restart policy '{policy}'"));
    }
    let auto_remove = host_config.get("AutoRemove") == Some(&json!(true));
    if auto_remove && !matches!(policy, "" | "no") {
        return bad("can't create 'AutoRemove' container with restart policy");
    }
    Ok(())
}

fn resources(host_config: &Value) -> Result<(), ApiError> {
    let memory = number(host_config, "/Memory");
    if memory > 0 && memory < 6 * 1024 * 1024 {
        return bad("Minimum memory limit allowed is 6MB");
    }
    let swap = number(host_config, "/MemorySwap");
    if swap > 0 && memory > swap {
        return bad("Minimum memoryswap limit should be larger than memory limit, see usage");
    }
    let cpus = number(host_config, "/NanoCpus");
    if !(0..=2_000_000_000).contains(&cpus) {
        return bad("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
    }
    if cpus > 0 && number(host_config, "/CpuQuota") > 0 {
        return bad("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    }
    Ok(())
}

fn ports(host_config: &Value) -> Result<(), ApiError> {
    let bindings = host_config.get("PortBindings").and_then(Value::as_object);
    let lists = bindings.into_iter().flatten().filter_map(|(_, list)| list.as_array());
    for binding in lists.flatten() {
        let port = text(binding, "/HostPort");
        let (low, high) = port.split_once('-').unwrap_or((port, port));
        let valid = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
        if !valid(low) || !valid(high) {
            return bad(format!("invalid port specification: \"{port}\""));
        }
    }
    Ok(())
}

fn health_check(body: &Value) -> Result<(), ApiError> {
    for key in ["Interval", "Timeout", "StartPeriod"] {
        let nanos = number(body, &format!("/Healthcheck/{key}"));
        if nanos != 0 && nanos < 1_000_000 {
            return bad(format!("{key} in Healthcheck cannot be less than 1ms"));
        }
    }
    if number(body, "/Healthcheck/Retries") < 0 {
        return bad("Retries in Healthcheck cannot be negative");
    }
    Ok(())
}

/// What belongs to a network cannot be said by whoever has that of another container.
fn network_of_another(body: &Value, host_config: &Value) -> Result<(), ApiError> {
    if !text(host_config, "/NetworkMode").starts_with("container:") {
        return Ok(());
    }
    let filled = |object: &Value, key: &str| match object.get(key) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        _ => false,
    };
    let conflicts = [
        (body, "Hostname", "hostname and the network mode"),
        (host_config, "Dns", "dns and the network mode"),
        (host_config, "ExtraHosts", "custom host-to-IP mapping and the network mode"),
        (host_config, "PortBindings", "port publishing and the container type network mode"),
        (body, "ExposedPorts", "port exposing and the container type network mode"),
    ];
    match conflicts.into_iter().find(|(object, key, _)| filled(object, key)) {
        Some((_, _, words)) => bad(format!("conflicting options: {words}")),
        None => Ok(()),
    }
}

fn process(body: &Value) -> Result<(), ApiError> {
    let directory = text(body, "/WorkingDir");
    if !directory.is_empty() && !directory.starts_with('/') {
        return bad(format!(
            "the working directory '{directory}' is invalid, it needs to be an absolute path"
        ));
    }
    if let Some(pair) = string_list(body.get("Env")).iter().find(|pair| pair.starts_with('=')) {
        return bad(format!("invalid environment variable: {pair}"));
    }
    let signal = text(body, "/StopSignal");
    if !signal.is_empty() && signal_number(&signal_name(signal)).is_none() {
        return bad(format!("Invalid signal: {signal}"));
    }
    Ok(())
}
