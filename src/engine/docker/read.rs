//! Calls that only ask. Answers are decoded leniently and by entry: one strange container does not hide the others.

use futures::stream::BoxStream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::docker::connection::Client;
use crate::engine::docker::raw::{RawRequest, encoded};
use crate::engine::failure::CallError;
use crate::engine::wire::{
    ContainerJson, ImageJson, NetworkJson, SummaryJson, VolumeJson, VolumeListJson,
};
use crate::model::id::{ContainerId, NetworkId};

impl Client {
    /// All containers, running or not; with a label `name` or `name=value` if one is given.
    ///
    /// # Errors
    /// What the engine or the connection says, or if the answer is not a list.
    pub(in crate::engine) async fn list_containers(
        &self,
        label: Option<&str>,
    ) -> Result<Vec<SummaryJson>, CallError> {
        let filters = label.map(label_filter).unwrap_or_default();
        let mut parameters = vec![("all", "true")];
        parameters.extend(label.is_some().then_some(("filters", filters.as_str())));
        let entries: Option<Vec<Value>> =
            self.raw_json(RawRequest::get("/containers/json", &parameters)).await?;
        Ok(entries.into_iter().flatten().map(summary).collect())
    }

    /// One container.
    ///
    /// # Errors
    /// 404 if it is gone; otherwise as above. Waits for the container's lock in the engine: give it a deadline.
    pub(in crate::engine) async fn inspect_container(
        &self,
        id: &ContainerId,
    ) -> Result<ContainerJson, CallError> {
        let path = format!("/containers/{}/json", encoded(id.as_str()));
        self.raw_json(RawRequest::get(&path, &[])).await
    }

    /// All networks, without their containers.
    ///
    /// # Errors
    /// As above.
    pub(in crate::engine) async fn list_networks(&self) -> Result<Vec<NetworkJson>, CallError> {
        let entries: Option<Vec<Value>> = self.raw_json(RawRequest::get("/networks", &[])).await?;
        entries.into_iter().flatten().map(|entry| decoded(entry, "a network")).collect()
    }

    /// One network, with its containers.
    ///
    /// # Errors
    /// 404 if it is gone; otherwise as above.
    pub(in crate::engine) async fn inspect_network(
        &self,
        id: &NetworkId,
    ) -> Result<NetworkJson, CallError> {
        let path = format!("/networks/{}", encoded(id.as_str()));
        self.raw_json(RawRequest::get(&path, &[])).await
    }

    /// Volumes with a label.
    ///
    /// # Errors
    /// As above.
    pub(in crate::engine) async fn list_volumes(
        &self,
        label: &str,
    ) -> Result<Vec<VolumeJson>, CallError> {
        let filters = label_filter(label);
        let request = RawRequest::get("/volumes", &[("filters", filters.as_str())]);
        let list: VolumeListJson = self.raw_json(request).await?;
        Ok(list.volumes.unwrap_or_default())
    }

    /// One volume by its name.
    ///
    /// # Errors
    /// 404 if there is none; otherwise as above.
    pub(in crate::engine) async fn inspect_volume(
        &self,
        name: &str,
    ) -> Result<VolumeJson, CallError> {
        let path = format!("/volumes/{}", encoded(name));
        self.raw_json(RawRequest::get(&path, &[])).await
    }

    /// One image by its reference or id.
    ///
    /// # Errors
    /// 404 if there is none, 400 for a reference that is none.
    pub(in crate::engine) async fn inspect_image(
        &self,
        reference: &str,
    ) -> Result<ImageJson, CallError> {
        let segments: Vec<String> = reference.split('/').map(encoded).collect();
        let path = format!("/images/{}/json", segments.join("/"));
        self.raw_json(RawRequest::get(&path, &[])).await
    }

    /// Events as they come, those since `since` (seconds with fraction) first.
    pub(in crate::engine) fn events(
        &self,
        since: Option<&str>,
        filters: &Value,
    ) -> BoxStream<'static, Result<Value, CallError>> {
        let filters = filters.to_string();
        let mut parameters = vec![("filters", filters.as_str())];
        parameters.extend(since.map(|since| ("since", since)));
        self.raw_lines(RawRequest::get("/events", &parameters))
    }
}

fn label_filter(label: &str) -> String {
    serde_json::json!({ "label": [label] }).to_string()
}

/// An entry of the list; of one that cannot be read, what tells it from others is kept, so that it is seen as unknown.
fn summary(entry: Value) -> SummaryJson {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let least = SummaryJson {
        id: text("Id").unwrap_or_default(),
        image_id: text("ImageID"),
        state: text("State"),
        status: text("Status"),
        names: part(&entry, "Names"),
        labels: part(&entry, "Labels"),
        created: part(&entry, "Created"),
        ..SummaryJson::default()
    };
    serde_json::from_value(entry).unwrap_or(least)
}

fn part<T: DeserializeOwned>(entry: &Value, name: &str) -> Option<T> {
    let value = entry.get(name)?.clone();
    serde_json::from_value(value).ok()
}

fn decoded<T: DeserializeOwned>(entry: Value, what: &str) -> Result<T, CallError> {
    serde_json::from_value(entry)
        .map_err(|_| CallError::Unreadable(format!("unreadable answer of the engine about {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_entry_keeps_its_identity() {
        let entry = serde_json::json!({
            "Id": "abc", "Names": ["/web"], "Labels": {"a": "b"}, "State": "melted", "Ports": "many"
        });
        let summary = summary(entry);
        assert_eq!(summary.id, "abc");
        assert_eq!(summary.name(), "web");
        assert_eq!(summary.state.as_deref(), Some("melted"));
        assert_eq!(summary.labels.unwrap()["a"], "b");
    }
}
