//! `POST /containers/create`

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::models::ContainerCreateBody;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use super::validate::validate;
use super::{defaults, mounts};
use crate::sim::container::{Container, Phase, Removal};
use crate::sim::engine::SimEngine;
use crate::sim::images::familiar;
use crate::sim::latency::Op;
use crate::sim::networks::Endpoint;
use crate::sim::request::{ApiError, Call, Outcome, Reply};
use crate::sim::restart::RestartManager;
use crate::sim::script::AppScript;
use crate::sim::world::World;

/// Makes a container.
pub(crate) async fn create(engine: &SimEngine, call: &Call) -> Outcome {
    let body = call.json()?;
    check_shape(&body)?;
    engine.latency(Op::Create).await;
    let id = engine.with(|world| world.create_container(call.param("name"), &body))?;
    let mode = body.pointer("/HostConfig/NetworkMode").and_then(Value::as_str);
    let ports = body.pointer("/HostConfig/PortBindings").and_then(Value::as_object);
    let mut warnings = Vec::new();
    if mode == Some("host") && ports.is_some_and(|ports| !ports.is_empty()) {
        warnings.push("Published ports are discarded when using host network mode");
    }
    Ok(Reply::json(201, &json!({"Id": id, "Warnings": warnings})))
}

/// A member of the wrong JSON type is 500. A word that is not known is left to the checks of values.
fn check_shape(body: &Value) -> Result<(), ApiError> {
    match serde_json::from_value::<ContainerCreateBody>(body.clone()) {
        Err(error) if !error.to_string().contains("unknown variant") => {
            Err(ApiError::new(500, format!("json: cannot unmarshal: {error}")))
        }
        _ => Ok(()),
    }
}

/// Names of containers and volumes: two characters at least, no path.
pub(crate) fn valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    first && name.len() >= 2 && bytes.all(rest)
}

impl World {
    /// Makes a container; its name may be empty.
    ///
    /// # Errors
    /// 400 for a bad name, mount, policy, or more than one network below API 1.44; 404 for an
    /// unknown image; 409 for a taken name; 500 on a full disk.
    pub(crate) fn create_container(
        &mut self,
        name: &str,
        body: &Value,
    ) -> Result<String, ApiError> {
        let bare = name.strip_prefix('/').unwrap_or(name);
        if !name.is_empty() && !valid_name(bare) {
            let text = format!(
                "Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            );
            return Err(ApiError::new(400, text));
        }
        let mut host_config = defaults::complete_host_config(body.get("HostConfig"), self.api.1);
        validate(body, &host_config, self.api.1)?;
        let reference = body.get("Image").and_then(Value::as_str).unwrap_or("").to_owned();
        if reference.is_empty() {
            return Err(ApiError::new(400, "No command specified"));
        }
        let image = self.images.find(&reference).cloned().ok_or_else(|| {
            ApiError::new(404, format!("No such image: {}", familiar(&reference)))
        })?;
        self.name_free(bare, "")?;
        if self.host.disk_full {
            return Err(ApiError::new(
                500,
                "mkdir /var/lib/docker/overlay2: no space left on device",
            ));
        }
        self.name_by_id(&mut host_config)?;
        let id = self.ids.fresh("container");
        let config = defaults::complete_config(body, &image.config, &id, self.api.1);
        let empty = |key: &str| config.get(key).is_none_or(|it| it.is_null() || *it == json!([]));
        if empty("Cmd") && empty("Entrypoint") {
            return Err(ApiError::new(400, "No command specified"));
        }
        for link in crate::sim::world::string_list(host_config.get("Links")) {
            let target = link.split(':').next().unwrap_or("");
            if self.container(target).is_err() {
                let text =
                    format!("could not get container for {target}: No such container: {target}");
                return Err(ApiError::new(400, text));
            }
        }
        let mounts = mounts::resolve(self, &config, &host_config)?;
        let endpoints = self.asked_endpoints(body, &host_config);
        let container = self.new_container(&id, bare, (config, host_config), (image.id, reference));
        let container = Container { mounts, endpoints, ..container };
        self.containers.insert(id.clone(), container);
        self.container_event(&id, "create", &[]);
        Ok(id)
    }

    /// Namespaces of other containers are kept by id, whatever they were named by.
    fn name_by_id(&self, host_config: &mut Value) -> Result<(), ApiError> {
        for key in ["NetworkMode", "PidMode", "IpcMode"] {
            let mode = host_config.get(key).and_then(Value::as_str).unwrap_or_default();
            if let Some(other) = mode.strip_prefix("container:") {
                let id = self.container_id(other)?;
                if let Some(members) = host_config.as_object_mut() {
                    members.insert(key.to_owned(), json!(format!("container:{id}")));
                }
            }
        }
        Ok(())
    }

    /// A container that was never started, without mounts and endpoints.
    fn new_container(
        &mut self,
        id: &str,
        bare: &str,
        (config, host_config): (Value, Value),
        (image, image_reference): (String, String),
    ) -> Container {
        self.serial += 1;
        let generated = format!("quiet_{}", self.serial);
        Container {
            id: id.to_owned(),
            name: if bare.is_empty() { generated } else { bare.to_owned() },
            serial: self.serial,
            created: self.clock.stamp(),
            config,
            host_config,
            image,
            image_reference,
            mounts: Vec::new(),
            endpoints: BTreeMap::new(),
            published: Vec::new(),
            phase: Phase::Created,
            pid: 0,
            exit_code: 0,
            error: String::new(),
            oom_killed: false,
            started: None,
            finished: None,
            restart_count: 0,
            starts: 0,
            run: 0,
            manually_stopped: false,
            restarts: RestartManager::default(),
            health: None,
            log: Vec::new(),
            script: AppScript::default(),
            archives: Vec::new(),
            removal: Removal::None,
            wedged: false,
            lock: Arc::new(Mutex::new(())),
            changed: watch::Sender::new(0),
        }
    }

    /// Whether a name can be given.
    ///
    /// # Errors
    /// 409 with the holder's id.
    pub(crate) fn name_free(&self, name: &str, prefix: &str) -> Result<(), ApiError> {
        let holder = self.containers.values().find(|it| !name.is_empty() && it.name == name);
        let Some(holder) = holder else { return Ok(()) };
        let id = &holder.id;
        let text = format!(
            "{prefix}Conflict. The container name \"/{name}\" is already in use by container \"{id}\". You have to remove (or rename) that container to be able to reuse that name."
        );
        Err(ApiError::new(409, text))
    }

    fn asked_endpoints(&self, body: &Value, host_config: &Value) -> BTreeMap<String, Endpoint> {
        let mode = host_config.get("NetworkMode").and_then(Value::as_str).unwrap_or("default");
        if mode.starts_with("container:") {
            return BTreeMap::new();
        }
        // A network given by its id is kept under its name.
        let name_of = |reference: &str| match reference {
            "default" => "bridge".to_owned(),
            other => self.networks.by_id(other).map_or(other.to_owned(), |it| it.name.clone()),
        };
        let asked = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
        let mut endpoints: BTreeMap<String, Endpoint> = asked
            .into_iter()
            .flatten()
            .map(|(name, settings)| (name_of(name), Endpoint::asked(settings)))
            .collect();
        if mode != "default" || endpoints.is_empty() {
            endpoints.entry(name_of(mode)).or_default();
        }
        endpoints
    }
}
