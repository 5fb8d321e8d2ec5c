//! The throw-away copy of a service that a backup of it is restored into: cut off from everything, and what it writes lies
//! in memory.

use std::collections::BTreeMap;

use crate::model::backup::Format;
use crate::model::config::{HealthTest, Healthcheck, NetworkMode};
use crate::model::desired::{DesiredProject, DesiredService, SourceFacts};
use crate::model::id::{ContainerName, ImageId, Installation, ReplicaId};
use crate::model::observed::ObservedImage;
use crate::model::plan::CreateContainer;
use crate::model::secret::Secret;
use crate::planner::companions::{copy, numeric};
use crate::planner::revision::revision;

/// The label of such a container: the service that it is a copy of. It has no other of a service, so that it is nobody's
/// replica.
pub const DRILL: &str = "io.composelet.drill";

/// Runs until it is removed, and does nothing.
const IDLE: &str = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done";

/// What such a container is made from.
#[derive(Clone, Copy, Debug)]
pub struct DrillContainer<'a> {
    /// The project.
    pub project: &'a DesiredProject,
    /// The service.
    pub service: &'a DesiredService,
    /// The image that it runs.
    pub image: (&'a ObservedImage, &'a ImageId),
    /// Where files are that composelet writes.
    pub facts: &'a SourceFacts,
    /// Our identity on the engine.
    pub installation: &'a Installation,
}

/// Its name: there is one at a time.
pub fn drill_name(project: &DesiredProject, service: &DesiredService) -> ContainerName {
    ContainerName::new(format!("{}-{}-drill", project.name, service.name))
}

/// The request that makes it. A server runs as it does in the service; of anything else nothing runs, since the program would
/// look for what is not there: it is root's, unless the service is a number's.
pub fn drill_container<'a>(
    from: &DrillContainer<'_>,
    formats: impl IntoIterator<Item = &'a Format>,
) -> CreateContainer {
    let DrillContainer { project, service, image: (image, image_id), facts, installation } = *from;
    let mut config = copy(service, Some(image), facts);
    config.network_mode = NetworkMode::None;
    config.endpoints.clear();
    let server = |format: &Format| !matches!(format, Format::Sqlite { .. } | Format::Tar { .. });
    if !formats.into_iter().any(server) {
        config.entrypoint = Some(["sh", "-c", IDLE].into_iter().map(Secret::from).collect());
        config.command = Some(Vec::new());
        let none = Healthcheck { test: HealthTest::Disabled, ..Healthcheck::default() };
        config.healthcheck = Some(none);
        // Who a name is only the image knows; root owns what is mounted.
        let user = config.user.as_deref().unwrap_or(&image.user);
        if numeric(user).is_none() {
            config.user = Some("0:0".to_owned());
        }
    }
    let labels = BTreeMap::from([
        ("com.docker.compose.project".to_owned(), project.name.to_string()),
        // An image that was built has the service that it was built for, which would make this a replica of it.
        ("com.docker.compose.service".to_owned(), String::new()),
        ("io.composelet.installation".to_owned(), installation.to_string()),
        (DRILL.to_owned(), service.name.to_string()),
    ]);
    CreateContainer {
        replica: ReplicaId::new(service.name.clone(), 0),
        name: drill_name(project, service),
        image: service.image.clone(),
        image_id: image_id.clone(),
        labels,
        primary_network: None,
        dns_names: Vec::new(),
        config,
        revision: revision(service, image_id),
    }
}
