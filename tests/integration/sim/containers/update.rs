//! Rename and update.

use serde_json::{Value, json};

use super::create::valid_name;
use crate::sim::container::Phase;
use crate::sim::engine::SimEngine;
use crate::sim::latency::Op;
use crate::sim::request::{ApiError, Call, Outcome, Reply};
use crate::sim::world::World;

/// What an update may change. Labels are not among it: they are taken and ignored.
const LIVE: [&str; 20] = [
    "CpuShares",
    "Memory",
    "NanoCpus",
    "CgroupParent",
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpusetCpus",
    "CpusetMems",
    "KernelMemory",
    "MemoryReservation",
    "MemorySwap",
    "PidsLimit",
    "RestartPolicy",
    "BlkioWeightDevice",
    "BlkioDeviceReadBps",
    "BlkioDeviceWriteBps",
    "Ulimits",
];

/// `POST /containers/{id}/rename`
pub(crate) async fn rename(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    engine.latency(Op::Other).await;
    engine.with(|world| world.rename_container(reference, call.param("name")))?;
    Ok(Reply::empty(204))
}

/// `POST /containers/{id}/update`
pub(crate) async fn update(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let body = call.json()?;
    engine.latency(Op::Other).await;
    engine.with(|world| world.update_container(reference, &body))?;
    Ok(Reply::json(200, &json!({"Warnings": null})))
}

impl World {
    /// Gives a container another name.
    ///
    /// # Errors
    /// 404, 400 for its own or a bad name, 409 for a taken one.
    pub(crate) fn rename_container(&mut self, reference: &str, name: &str) -> Result<(), ApiError> {
        let container = self.container(reference)?;
        let (id, old) = (container.id.clone(), container.name.clone());
        let bare = name.strip_prefix('/').unwrap_or(name);
        if bare.is_empty() {
            return Err(ApiError::new(400, "Neither old nor new names may be empty"));
        }
        if bare == old {
            let text = "Renaming a container with the same name as its current name";
            return Err(ApiError::new(400, text));
        }
        let prefix = "Error when allocating new name: ";
        if !valid_name(bare) {
            let text = format!(
                "{prefix}Invalid container name (/{bare}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            );
            return Err(ApiError::new(400, text));
        }
        self.name_free(bare, prefix)?;
        bare.clone_into(&mut self.container_mut(&id)?.name);
        self.container_event(&id, "rename", &[("oldName", format!("/{old}"))]);
        Ok(())
    }

    /// Changes limits and restart policy. Zero and absent mean "leave it".
    ///
    /// # Errors
    /// 404; 409 while it is being removed or for a policy on an auto-remove container; 400 for
    /// an unknown policy, or for a memory limit above the stored swap limit.
    pub(crate) fn update_container(
        &mut self,
        reference: &str,
        body: &Value,
    ) -> Result<(), ApiError> {
        let container = self.container_mut(reference)?;
        let id = container.id.clone();
        if matches!(container.phase, Phase::Removing | Phase::Dead) {
            let text = format!(
                "Cannot update container {id}: Container is marked for removal and cannot be \"update\"."
            );
            return Err(ApiError::new(409, text));
        }
        let policy = body.pointer("/RestartPolicy/Name").and_then(Value::as_str).unwrap_or("");
        if !matches!(policy, "" | "no" | "always" | "unless-stopped" | "on-failure") {
            return Err(ApiError::new(400, format!("invalid restart policy '{policy}'")));
        }
        if container.auto_remove() && !matches!(policy, "" | "no") {
            let text = format!(
                "Cannot update container {id}: Restart policy cannot be updated because AutoRemove is enabled for the container"
            );
            return Err(ApiError::new(409, text));
        }
        let small = |memory: i64| memory > 0 && memory < 6 * 1024 * 1024;
        if body.get("Memory").and_then(Value::as_i64).is_some_and(small) {
            return Err(ApiError::new(400, "Minimum memory limit allowed is 6MB"));
        }
        let stored = |key: &str| container.host_config.get(key).and_then(Value::as_i64);
        let asked = |key: &str| body.get(key).and_then(Value::as_i64).filter(|it| *it != 0);
        let swap = asked("MemorySwap").or(stored("MemorySwap")).unwrap_or(0);
        if asked("Memory").is_some_and(|memory| swap > 0 && memory > swap) {
            let text = format!(
                "Cannot update container {id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
            );
            return Err(ApiError::new(400, text));
        }
        let Some(members) = container.host_config.as_object_mut() else {
            return Ok(());
        };
        for key in LIVE {
            let value = body.get(key).filter(|it| !unset(key, it));
            if let Some(value) = value {
                members.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(policy) = members.get_mut("RestartPolicy").and_then(Value::as_object_mut) {
            policy.entry("MaximumRetryCount").or_insert(json!(0));
        }
        self.container_event(&id, "update", &[]);
        Ok(())
    }
}

/// Whether a member of an update says nothing.
fn unset(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) if key == "RestartPolicy" => {
            members.get("Name").and_then(Value::as_str).is_none_or(str::is_empty)
        }
        _ => false,
    }
}
