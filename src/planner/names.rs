//! Names and labels of what is created.

use std::collections::BTreeMap;

use crate::model::desired::{DependencyCondition, DesiredProject, DesiredService};
use crate::model::id::{ContainerId, ContainerName, ImageId, ReplicaId, Revision, SpecHash};
use crate::model::policy::Policy;
use crate::model::time::Timestamp;
use crate::planner::revision;

/// Version that `com.docker.compose.version` carries: the dialect of the config-hash label, not ours.
const COMPOSE_VERSION: &str = "2.26.1";

/// `container_name`, or `<project>-<service>-<n>` (Compose Specification, container_name).
pub fn container_name(
    project: &DesiredProject,
    service: &DesiredService,
    number: u32,
) -> ContainerName {
    match &service.container_name {
        Some(name) if number == 1 => ContainerName::new(name.clone()),
        _ => ContainerName::new(format!("{}-{}-{number}", project.name, service.name)),
    }
}

/// The name that a successor has while its predecessor holds the real one (docker/compose uses the same form).
pub fn temporary_name(predecessor: &ContainerId, name: &ContainerName) -> ContainerName {
    ContainerName::new(format!("{}_{name}", predecessor.short()))
}

/// Labels of identity of a container: Compose's (`reference` §3.9) and ours. They are laid over the user's.
pub fn container_labels(
    project: &DesiredProject,
    service: &DesiredService,
    replica: &ReplicaId,
    image_id: &str,
    revision: &Revision,
    (compose_hash, policy): (&str, &Policy),
) -> BTreeMap<String, String> {
    let files: Vec<String> =
        project.config_files.iter().map(|file| file.display().to_string()).collect();
    let content = revision::content(service);
    let rows = [
        ("com.docker.compose.project", project.name.to_string()),
        ("com.docker.compose.service", service.name.to_string()),
        ("com.docker.compose.container-number", replica.number.to_string()),
        ("com.docker.compose.oneoff", "False".to_owned()),
        ("com.docker.compose.config-hash", compose_hash.to_owned()),
        ("com.docker.compose.image", image_id.to_owned()),
        ("com.docker.compose.depends_on", depends_on(service)),
        ("com.docker.compose.project.working_dir", project.host_directory.display().to_string()),
        ("com.docker.compose.project.config_files", files.join(",")),
        ("com.docker.compose.version", COMPOSE_VERSION.to_owned()),
        ("io.composelet.installation", policy.installation.to_string()),
        ("io.composelet.revision", revision.to_string()),
        ("io.composelet.spec-hash", revision::spec_hash(&service.config).to_string()),
        ("io.composelet.content", content),
    ];
    // A label without a value says nothing that its absence would not say. The command line writes that of dependencies
    // always, so that tools may count on it.
    let told =
        |name: &str, value: &str| name == "com.docker.compose.depends_on" || !value.is_empty();
    let rows = rows.into_iter().filter(|(name, value)| told(name, value));
    rows.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Labels of identity of a step before a start, or of a check: `hook` says which. As with docker compose there is neither number nor hash, so that the
/// command line takes it for no replica (`reference` §3.8); ours say which step of which version it is.
pub fn step_labels(
    project: &DesiredProject,
    service: &DesiredService,
    (hook, image, revision, step): (&str, &ImageId, &Revision, &SpecHash),
    policy: &Policy,
) -> BTreeMap<String, String> {
    let files: Vec<String> =
        project.config_files.iter().map(|file| file.display().to_string()).collect();
    let rows = [
        ("com.docker.compose.project", project.name.to_string()),
        ("com.docker.compose.service", service.name.to_string()),
        ("com.docker.compose.hook", hook.to_owned()),
        ("com.docker.compose.oneoff", "False".to_owned()),
        ("com.docker.compose.image", image.to_string()),
        ("com.docker.compose.project.working_dir", project.host_directory.display().to_string()),
        ("com.docker.compose.project.config_files", files.join(",")),
        ("com.docker.compose.version", COMPOSE_VERSION.to_owned()),
        ("io.composelet.installation", policy.installation.to_string()),
        ("io.composelet.revision", revision.to_string()),
        ("io.composelet.spec-hash", step.to_string()),
    ];
    rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The name of the container of a run: `<project>-<service>-<UTC time that it was due>`.
pub fn run_name(
    project: &DesiredProject,
    service: &DesiredService,
    due: Timestamp,
) -> ContainerName {
    let time: String =
        due.to_string().chars().take(19).filter(|c| *c != '-' && *c != ':').collect();
    let time = time.to_lowercase();
    ContainerName::new(format!("{}-{}-{time}z", project.name, service.name))
}

/// Labels of identity of a run of a schedule. Like a step it has neither number nor hash.
pub fn run_labels(
    project: &DesiredProject,
    service: &DesiredService,
    (image, revision, due): (&ImageId, &Revision, Timestamp),
    policy: &Policy,
) -> BTreeMap<String, String> {
    let mut labels =
        step_labels(project, service, ("", image, revision, &SpecHash::new("")), policy);
    labels.remove("com.docker.compose.hook");
    labels.insert(
        "io.composelet.spec-hash".to_owned(),
        revision::spec_hash(&service.config).to_string(),
    );
    labels.insert("io.composelet.due".to_owned(), due.to_string());
    labels
}

/// Labels of identity of a one-off container, as docker compose gives them to its own: the loop lets it alone.
pub fn one_off_labels(
    project: &DesiredProject,
    service: &DesiredService,
    (image, slug): (&ImageId, &str),
    policy: &Policy,
) -> BTreeMap<String, String> {
    let none = (Revision::new(""), SpecHash::new(""));
    let mut labels = step_labels(project, service, ("", image, &none.0, &none.1), policy);
    labels.retain(|_, value| !value.is_empty());
    labels.insert("com.docker.compose.oneoff".to_owned(), "True".to_owned());
    labels.insert("com.docker.compose.slug".to_owned(), slug.to_owned());
    labels
}

/// `service:condition:restart`, joined by comma.
fn depends_on(service: &DesiredService) -> String {
    let edges = service.depends_on.iter().map(|(name, dependency)| {
        let condition = match dependency.condition {
            DependencyCondition::Started => "service_started",
            DependencyCondition::Healthy => "service_healthy",
            DependencyCondition::CompletedSuccessfully => "service_completed_successfully",
        };
        format!("{name}:{condition}:{}", dependency.restart)
    });
    edges.collect::<Vec<_>>().join(",")
}

/// Labels of identity of a network or volume: `kind` is `network` or `volume`.
pub fn resource_labels(
    project: &DesiredProject,
    kind: &str,
    key: &str,
    policy: &Policy,
) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("com.docker.compose.project".to_owned(), project.name.to_string()),
        (format!("com.docker.compose.{kind}"), key.to_owned()),
        ("com.docker.compose.version".to_owned(), COMPOSE_VERSION.to_owned()),
        ("io.composelet.installation".to_owned(), policy.installation.to_string()),
    ])
}
