//! Images.

use crate::engine::labels;
use crate::engine::parse::config;
use crate::engine::parse::container::filled;
use crate::engine::wire::ImageJson;
use crate::model::id::ImageId;
use crate::model::observed::ObservedImage;

/// What an image brings to a container.
pub(in crate::engine) fn image(json: &ImageJson) -> ObservedImage {
    let brings = json.config.clone().unwrap_or_default();
    let build = brings.labels.as_ref().and_then(|all| all.get(labels::BUILD)).cloned();
    ObservedImage {
        id: Some(ImageId::new(json.id.as_str())),
        digests: json.repo_digests.clone().unwrap_or_default().into_iter().collect(),
        architecture: json.architecture.clone().unwrap_or_default(),
        build: filled(build),
        entrypoint: config::secrets(brings.entrypoint.as_ref()).unwrap_or_default(),
        command: config::secrets(brings.cmd.as_ref()).unwrap_or_default(),
        environment: config::environment(&brings)
            .into_iter()
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect(),
        labels: config::user_labels(&brings),
        expose: config::exposed(&brings),
        healthcheck: brings.healthcheck.as_ref().map(config::healthcheck),
        user: brings.user.unwrap_or_default(),
        working_dir: brings.working_dir.unwrap_or_default(),
        stop_signal: filled(brings.stop_signal),
        volumes: brings.volumes.into_iter().flatten().map(|(target, _)| target).collect(),
    }
}
