//! Volumes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::clock::Stamp;
use super::engine::SimEngine;
use super::filters::{Filters, has_labels, matches_name};
use super::latency::Op;
use super::request::{ApiError, Call, Outcome, Reply};
use super::world::{World, string_map};

/// A volume.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    /// Unique.
    pub(crate) name: String,
    /// `local` unless the client said otherwise.
    pub(crate) driver: String,
    created: Stamp,
    /// Labels, if the client gave any.
    pub(crate) labels: Option<BTreeMap<String, String>>,
    options: Value,
}

impl Volume {
    /// Path on the host.
    pub(crate) fn mountpoint(&self) -> String {
        format!("/var/lib/docker/volumes/{}/_data", self.name)
    }

    fn json(&self) -> Value {
        let second = Stamp(self.created.seconds() * 1_000_000_000);
        json!({
            "CreatedAt": second.rfc3339(),
            "Driver": self.driver,
            "Labels": self.labels,
            "Mountpoint": self.mountpoint(),
            "Name": self.name,
            "Options": self.options,
            "Scope": "local",
        })
    }
}

impl World {
    /// Makes a volume; one that is there already stays as it is. Both tell of a `create`.
    ///
    /// # Errors
    /// 400 for a name of one character or with a character that is not allowed, 409 if it is
    /// there with another driver.
    pub(crate) fn create_volume(&mut self, body: &Value) -> Result<String, ApiError> {
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or("");
        let name = match text("Name") {
            "" => self.ids.fresh("volume"),
            name => name.to_owned(),
        };
        if name.len() < 2 {
            let text = format!(
                "create {name}: volume name is too short, names should be at least two alphanumeric characters"
            );
            return Err(ApiError::new(400, text));
        }
        if !super::containers::valid_name(&name) {
            let text = format!(
                "create {name}: \"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
            );
            return Err(ApiError::new(400, text));
        }
        let driver = match text("Driver") {
            "" => "local",
            driver => driver,
        };
        if let Some(old) = self.volumes.get(&name).filter(|old| old.driver != driver) {
            let old = &old.driver;
            let text = format!(
                "create {name}: conflict: volume name must be unique: volume \"{name}\" exists with driver {old}"
            );
            return Err(ApiError::new(409, text));
        }
        let volume = Volume {
            name: name.clone(),
            driver: driver.to_owned(),
            created: self.clock.stamp(),
            labels: body.get("Labels").filter(|it| it.is_object()).map(|it| string_map(Some(it))),
            options: body.get("DriverOpts").cloned().unwrap_or(Value::Null),
        };
        self.volumes.entry(name.clone()).or_insert(volume);
        let attributes = BTreeMap::from([("driver".to_owned(), driver.to_owned())]);
        self.event("volume", "create", &name, attributes);
        Ok(name)
    }

    fn remove_volume(&mut self, name: &str, force: bool) -> Result<(), ApiError> {
        if !self.volumes.contains_key(name) {
            let missing = || ApiError::new(404, format!("get {name}: no such volume"));
            return force.then_some(()).ok_or_else(missing);
        }
        let users: Vec<&str> = self
            .containers
            .values()
            .filter(|container| container.uses_volume(name))
            .map(|container| container.id.as_str())
            .collect();
        if !users.is_empty() {
            let users = users.join(", ");
            let text = format!("remove {name}: volume is in use - [{users}]");
            return Err(ApiError::new(409, text));
        }
        self.volumes.remove(name);
        let attributes = BTreeMap::from([("driver".to_owned(), "local".to_owned())]);
        self.event("volume", "destroy", name, attributes);
        Ok(())
    }
}

/// `GET /volumes`
pub(crate) async fn list(engine: &SimEngine, call: &Call) -> Outcome {
    const KEYS: [&str; 4] = ["dangling", "driver", "label", "name"];
    let filters = Filters::parse(call.param("filters"), &KEYS)?;
    engine.latency(Op::List).await;
    let found: Vec<Value> = engine.with(|world| {
        let all = world.volumes.values().filter(|volume| {
            filters.all(|key, values| match key {
                "driver" => values.contains(&volume.driver),
                "label" => has_labels(volume.labels.as_ref().unwrap_or(&BTreeMap::new()), values),
                "name" => values.iter().any(|value| matches_name(&volume.name, value)),
                _ => {
                    let used = world.containers.values().any(|it| it.uses_volume(&volume.name));
                    values.iter().any(|it| matches!(it.as_str(), "1" | "true") != used)
                }
            })
        });
        all.map(Volume::json).collect()
    });
    Ok(Reply::json(200, &json!({"Volumes": found, "Warnings": null})))
}

/// `GET /volumes/{name}`
pub(crate) fn inspect(engine: &SimEngine, name: &str) -> Outcome {
    let found = engine.with(|world| world.volumes.get(name).map(Volume::json));
    let missing = || ApiError::new(404, format!("get {name}: no such volume"));
    Ok(Reply::json(200, &found.ok_or_else(missing)?))
}

/// `POST /volumes/create`
pub(crate) async fn create(engine: &SimEngine, call: &Call) -> Outcome {
    let body = call.json()?;
    engine.latency(Op::Other).await;
    let volume = engine.with(|world| {
        let name = world.create_volume(&body)?;
        Ok(world.volumes.get(&name).map(Volume::json))
    })?;
    Ok(Reply::json(201, &volume))
}

/// `DELETE /volumes/{name}`
pub(crate) async fn remove(engine: &SimEngine, call: &Call, name: &str) -> Outcome {
    engine.latency(Op::Other).await;
    engine.with(|world| world.remove_volume(name, call.flag("force")))?;
    Ok(Reply::empty(204))
}
