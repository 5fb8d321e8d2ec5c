//! The body of a container create: the only road to a container.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, HealthConfig, NetworkingConfig};
use serde_json::Value;

use crate::engine::docker::endpoint::endpoint_settings;
use crate::engine::docker::host_config::{host_config, update_body};
use crate::engine::unsupported::{Unsupported, unsupported};
use crate::model::config::{
    ContainerConfig, HealthTest, Healthcheck, NetworkMode, Resources, RestartPolicy,
};
use crate::model::feature::SEVERAL_ENDPOINTS;
use crate::model::observed::ApiVersion;
use crate::model::plan::CreateContainer;
use crate::model::secret::Secret;

/// The JSON body of a create, and what the engine cannot honour of it.
///
/// # Errors
/// A value that has no form in the API.
pub fn create_body(
    create: &CreateContainer,
    api: ApiVersion,
) -> Result<(Value, Vec<Unsupported>), String> {
    let config = &create.config;
    let check = config.healthcheck.as_ref();
    let body = ContainerCreateBody {
        image: Some(create.image.clone()),
        cmd: config.command.as_deref().map(exposed),
        entrypoint: config.entrypoint.as_deref().map(exposed),
        env: Some(environment(config)),
        labels: Some(labels(create)),
        user: config.user.clone(),
        working_dir: config.working_dir.clone(),
        hostname: config.hostname.clone(),
        domainname: config.domainname.clone(),
        tty: Some(config.tty),
        open_stdin: Some(config.stdin_open),
        attach_stdin: Some(create.is_one_off()),
        // What a person types ends with the person.
        stdin_once: create.is_one_off().then_some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        exposed_ports: Some(exposed_ports(config)),
        healthcheck: check.map(|check| health_config(check, api)),
        stop_signal: config.stop_signal.clone(),
        stop_timeout: config.stop_timeout_s.map(saturating),
        networking_config: networking(create, api),
        host_config: Some(host_config(create, api)?),
        ..ContainerCreateBody::default()
    };
    let mut body = serde_json::to_value(body).map_err(|error| error.to_string())?;
    if let (Some(mac), true, Some(body)) =
        (primary_mac(create), api < SEVERAL_ENDPOINTS, body.as_object_mut())
    {
        // Before API 1.44 the address belongs to the container; the client's model no longer has the field.
        body.insert("MacAddress".to_owned(), Value::from(mac));
    }
    Ok((body, unsupported(config, api)))
}

/// The JSON body of an update: only what is given changes. Zero would mean *leave*, so a limit cannot be removed this way.
pub(in crate::engine) fn update_json(
    resources: Option<&Resources>,
    restart: Option<&RestartPolicy>,
) -> Result<Value, String> {
    serde_json::to_value(update_body(resources, restart)).map_err(|error| error.to_string())
}

/// MAC address asked for the primary endpoint, on the service or on the endpoint itself.
fn primary_mac(create: &CreateContainer) -> Option<&str> {
    let config = &create.config;
    let primary = create.primary_network.as_ref();
    let endpoint = primary.and_then(|name| config.endpoints.get(name));
    endpoint.and_then(|endpoint| endpoint.mac_address.as_deref()).or(config.mac_address.as_deref())
}

/// Endpoints that go into the create: all from API 1.44, before that the primary one only.
fn networking(create: &CreateContainer, api: ApiVersion) -> Option<NetworkingConfig> {
    if create.config.network_mode != NetworkMode::Networks {
        return None;
    }
    let several = api >= SEVERAL_ENDPOINTS;
    let is_primary = |name: &String| create.primary_network.as_ref() == Some(name);
    let mut endpoints = Vec::new();
    for (name, endpoint) in &create.config.endpoints {
        if several || is_primary(name) {
            let mut settings = endpoint_settings(endpoint, &create.dns_names, api);
            if several && is_primary(name) {
                settings.mac_address = primary_mac(create).map(str::to_owned);
            }
            endpoints.push((name.clone(), settings));
        }
    }
    (!endpoints.is_empty())
        .then(|| NetworkingConfig { endpoints_config: Some(endpoints.into_iter().collect()) })
}

fn exposed(values: &[Secret]) -> Vec<String> {
    values.iter().map(|value| value.expose().to_owned()).collect()
}

/// `NAME=value`, or the bare name, which unsets a variable of the image.
fn environment(config: &ContainerConfig) -> Vec<String> {
    config
        .environment
        .iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={}", value.expose()),
            None => name.clone(),
        })
        .collect()
}

/// The user's labels, overridden by those of identity.
fn labels<M: FromIterator<(String, String)>>(create: &CreateContainer) -> M {
    let user =
        create.config.labels.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    user.chain(create.labels.clone()).collect()
}

fn exposed_ports(config: &ContainerConfig) -> Vec<String> {
    let mut ports = config.expose.clone();
    ports.extend(config.ports.keys().cloned());
    ports.iter().map(ToString::to_string).collect()
}

fn health_config(check: &Healthcheck, api: ApiVersion) -> HealthConfig {
    let word = |word: &str| word.to_owned();
    let test = match &check.test {
        HealthTest::Inherit => None,
        HealthTest::Disabled => Some(vec![word("NONE")]),
        HealthTest::Exec(arguments) => {
            let arguments = arguments.iter().map(|argument| word(argument.expose()));
            Some(std::iter::once(word("CMD")).chain(arguments).collect())
        }
        HealthTest::Shell(line) => Some(vec![word("CMD-SHELL"), word(line.expose())]),
    };
    HealthConfig {
        test,
        interval: check.interval.map(nanoseconds),
        timeout: check.timeout.map(nanoseconds),
        retries: check.retries.map(i64::from),
        start_period: check.start_period.map(nanoseconds),
        start_interval: check.start_interval.filter(|_| api >= SEVERAL_ENDPOINTS).map(nanoseconds),
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

fn saturating(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
