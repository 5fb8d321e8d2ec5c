//! Calls that change something. What answers nothing that we read goes through the client's own methods; what carries
//! values that may be secrets, or a field that the client's model lacks, goes out as a request of our own.

use bollard::models::{
    Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
    VolumeCreateRequest,
};
use bollard::query_parameters::{
    RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use serde::Deserialize;
use serde_json::Value;

use crate::engine::admission::Admitted;
use crate::engine::docker::connection::Client;
use crate::engine::docker::endpoint::endpoint_settings;
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::failure::CallError;
use crate::model::config::Endpoint;
use crate::model::id::{ContainerId, ContainerName, NetworkId};
use crate::model::observed::ApiVersion;
use crate::model::plan::{CreateNetwork, CreateVolume};

/// Answer of a create.
#[derive(Debug, Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
    /// What the engine left out; null and absent in some versions.
    #[serde(rename = "Warnings", default)]
    warnings: Option<Vec<String>>,
}

impl Client {
    /// Creates a container from a body made by `create_body`.
    ///
    /// # Errors
    /// 404 without the image, 409 if the name is taken, 400 for a bad value.
    pub(in crate::engine) async fn create_container(
        &self,
        name: &ContainerName,
        platform: Option<&str>,
        body: &Admitted<Value>,
    ) -> Result<ContainerId, CallError> {
        let mut parameters = vec![("name", name.as_str())];
        parameters.extend(platform.map(|platform| ("platform", platform)));
        let body = serde_json::to_vec(body.get()).map_err(|error| refused(&error))?;
        let request = RawRequest::post("/containers/create", &parameters, RawBody::Json(body));
        let created: Created = self.raw_json(request).await?;
        for warning in created.warnings.unwrap_or_default() {
            tracing::warn!(container = name.as_str(), warning, "the engine made it with a warning");
        }
        Ok(ContainerId::new(created.id))
    }

    /// Creates a network from a body made by [`network_json`].
    ///
    /// # Errors
    /// 409 if the name is taken, 403 if no address pool is left or the driver is refused.
    pub(in crate::engine) async fn create_network(
        &self,
        body: &Admitted<Value>,
    ) -> Result<NetworkId, CallError> {
        let body = serde_json::to_vec(body.get()).map_err(|error| refused(&error))?;
        let request = RawRequest::post("/networks/create", &[], RawBody::Json(body));
        let created: Created = self.raw_json(request).await?;
        Ok(NetworkId::new(created.id))
    }

    /// Creates a volume from a body made by [`volume_json`]; one that is there already is left as it is.
    ///
    /// # Errors
    /// 409 if there is one of that name with another driver or other options.
    pub(in crate::engine) async fn create_volume(
        &self,
        body: &Admitted<Value>,
    ) -> Result<(), CallError> {
        let body = serde_json::to_vec(body.get()).map_err(|error| refused(&error))?;
        let request = RawRequest::post("/volumes/create", &[], RawBody::Json(body));
        self.raw_bytes(request).await?;
        Ok(())
    }

    /// Removes a network.
    ///
    /// # Errors
    /// 403 while containers are attached.
    pub(in crate::engine) async fn remove_network(&self, id: &NetworkId) -> Result<(), CallError> {
        Ok(self.docker.remove_network(&encoded(id.as_str())).await?)
    }

    /// Attaches a container to a network.
    ///
    /// # Errors
    /// 403 if it is attached already, 404 if either is gone.
    pub(in crate::engine) async fn connect_network(
        &self,
        network: &NetworkId,
        body: &Admitted<Value>,
    ) -> Result<(), CallError> {
        let body = serde_json::to_vec(body.get()).map_err(|error| refused(&error))?;
        let path = format!("/networks/{}/connect", encoded(network.as_str()));
        self.raw_bytes(RawRequest::post(&path, &[], RawBody::Json(body))).await?;
        Ok(())
    }

    /// Detaches a container from a network.
    ///
    /// # Errors
    /// 404 if the network is gone, 403 or 500 if the container is not attached.
    pub(in crate::engine) async fn disconnect_network(
        &self,
        container: &ContainerId,
        network: &NetworkId,
    ) -> Result<(), CallError> {
        let body = NetworkDisconnectRequest {
            container: container.as_str().to_owned(),
            force: Some(false),
        };
        let network = encoded(network.as_str());
        Ok(self.docker.disconnect_network(&network, body).await?)
    }

    /// Starts a container; nothing happens if it runs.
    ///
    /// # Errors
    /// 400 for a program that is not there, 500 for a taken port and much else, 404 if it is gone.
    pub(in crate::engine) async fn start_container(
        &self,
        id: &ContainerId,
    ) -> Result<(), CallError> {
        Ok(self.docker.start_container(id.as_str(), None).await?)
    }

    /// Stops a container: signal, grace, SIGKILL. Nothing happens if it does not run.
    ///
    /// # Errors
    /// 404 if it is gone, 500 if it cannot be killed.
    pub(in crate::engine) async fn stop_container(
        &self,
        id: &ContainerId,
        timeout_s: Option<u64>,
    ) -> Result<(), CallError> {
        let options = timeout_s.map(|seconds| {
            let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
            StopContainerOptionsBuilder::default().t(seconds).build()
        });
        Ok(self.docker.stop_container(id.as_str(), options).await?)
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// 409 if the name is taken, 400 if it is its own.
    pub(in crate::engine) async fn rename_container(
        &self,
        id: &ContainerId,
        to: &ContainerName,
    ) -> Result<(), CallError> {
        let options = RenameContainerOptionsBuilder::default().name(to.as_str()).build();
        Ok(self.docker.rename_container(id.as_str(), options).await?)
    }

    /// Changes limits and restart policy.
    ///
    /// # Errors
    /// 400 or 500 for a value that the kernel or the engine refuses.
    pub(in crate::engine) async fn update_container(
        &self,
        id: &ContainerId,
        body: &Admitted<Value>,
    ) -> Result<(), CallError> {
        let body = serde_json::to_vec(body.get()).map_err(|error| refused(&error))?;
        let path = format!("/containers/{}/update", encoded(id.as_str()));
        let request = RawRequest::post(&path, &[], RawBody::Json(body));
        self.raw_bytes(request).await?;
        Ok(())
    }

    /// Lets a frozen container go on.
    ///
    /// # Errors
    /// 500 if it is not frozen.
    pub(in crate::engine) async fn unpause_container(
        &self,
        id: &ContainerId,
    ) -> Result<(), CallError> {
        Ok(self.docker.unpause_container(id.as_str()).await?)
    }

    /// Removes a container that does not run, never its volumes.
    ///
    /// # Errors
    /// 409 while it runs or while another removal is under way.
    pub(in crate::engine) async fn remove_container(
        &self,
        id: &ContainerId,
    ) -> Result<(), CallError> {
        let volumes = planted!("volumes-go-along", false, true);
        let options = RemoveContainerOptionsBuilder::default().force(false).v(volumes).build();
        let id = planted!("not-by-id", id.as_str(), id.as_str().get(..12).unwrap_or_default());
        Ok(self.docker.remove_container(id, Some(options)).await?)
    }
}

fn refused(error: &serde_json::Error) -> CallError {
    CallError::Refused(error.to_string())
}

/// The JSON body of a network create. `CheckDuplicate` is what keeps engines before API 1.44 from making a second one of
/// the name.
///
/// # Errors
/// A value that has no form in JSON.
pub fn network_json(create: &CreateNetwork) -> Result<Value, String> {
    let mut body =
        serde_json::to_value(network_request(create)).map_err(|error| error.to_string())?;
    if let Some(body) = body.as_object_mut() {
        body.insert("CheckDuplicate".to_owned(), Value::Bool(true));
    }
    Ok(body)
}

/// The JSON body of a volume create.
///
/// # Errors
/// A value that has no form in JSON.
pub fn volume_json(create: &CreateVolume) -> Result<Value, String> {
    let volume = &create.volume;
    let mut labels = volume.labels.clone();
    labels.extend(create.labels.clone());
    let body = VolumeCreateRequest {
        name: Some(volume.name.clone()),
        driver: volume.driver.clone(),
        driver_opts: Some(volume.driver_opts.clone().into_iter().collect()),
        labels: Some(labels.into_iter().collect()),
        ..VolumeCreateRequest::default()
    };
    serde_json::to_value(body).map_err(|error| error.to_string())
}

/// The JSON body of an attachment to a network.
///
/// # Errors
/// A value that has no form in JSON.
pub(in crate::engine) fn connect_json(
    container: &ContainerId,
    (endpoint, dns_names): (&Endpoint, &[String]),
    api: ApiVersion,
) -> Result<Value, String> {
    let body = NetworkConnectRequest {
        container: container.as_str().to_owned(),
        endpoint_config: Some(endpoint_settings(endpoint, dns_names, api)),
    };
    serde_json::to_value(body).map_err(|error| error.to_string())
}

fn network_request(create: &CreateNetwork) -> NetworkCreateRequest {
    let config = &create.config;
    let mut labels = config.labels.clone();
    labels.extend(create.labels.clone());
    let subnets: Vec<IpamConfig> = config
        .subnets
        .iter()
        .map(|subnet| IpamConfig {
            subnet: subnet.subnet.clone(),
            ip_range: subnet.ip_range.clone(),
            gateway: subnet.gateway.clone(),
            auxiliary_addresses: (!subnet.aux_addresses.is_empty())
                .then(|| subnet.aux_addresses.clone().into_iter().collect()),
        })
        .collect();
    let has_ipam =
        config.ipam_driver.is_some() || !subnets.is_empty() || !config.ipam_options.is_empty();
    NetworkCreateRequest {
        name: create.name.clone(),
        driver: config.driver.clone(),
        options: Some(config.driver_opts.clone().into_iter().collect()),
        internal: Some(config.internal),
        attachable: Some(config.attachable),
        enable_ipv4: config.enable_ipv4.filter(|enabled| !enabled),
        enable_ipv6: config.enable_ipv6,
        labels: Some(labels.into_iter().collect()),
        ipam: has_ipam.then(|| Ipam {
            driver: Some(config.ipam_driver.clone().unwrap_or("default".to_owned())),
            config: Some(subnets),
            options: Some(config.ipam_options.clone().into_iter().collect()),
        }),
        ..NetworkCreateRequest::default()
    }
}
