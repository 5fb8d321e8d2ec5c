//! Labels of identity: those of Compose, so that its tools go on working, and ours.
//!
//! Labels are fixed when an object is created. The user's come first, identity overrides them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::id::{Installation, ProjectName, Revision, ServiceName, SpecHash};
use crate::model::observed::Claim;
use crate::model::time::Timestamp;

/// Prefix of Compose's labels.
pub const COMPOSE_PREFIX: &str = "com.docker.compose.";
/// Prefix of ours.
pub const OWN_PREFIX: &str = "io.composelet.";

/// Project (container, network, volume, built image).
pub const PROJECT: &str = "com.docker.compose.project";
/// Service (container, built image).
pub const SERVICE: &str = "com.docker.compose.service";
/// Version of the Compose implementation.
pub const VERSION: &str = "com.docker.compose.version";
/// Number of the replica, from 1.
pub const CONTAINER_NUMBER: &str = "com.docker.compose.container-number";
/// `True` for a container of `docker compose run`, else `False`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// The command line's hash of the service; it does not see containers without it.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// Absolute directory of the project.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// Absolute files of the project, joined by commas.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// Environment file given on the command line.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// Image id the container was created from.
pub const IMAGE: &str = "com.docker.compose.image";
/// Dependencies as `service:condition:restart`, joined by commas.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// Predecessor of a recreated container.
pub const REPLACE: &str = "com.docker.compose.replace";
/// `pre_start` on a container that is a step before the start.
pub const HOOK: &str = "com.docker.compose.hook";
/// Key of a network.
pub const NETWORK: &str = "com.docker.compose.network";
/// Key of a volume.
pub const VOLUME: &str = "com.docker.compose.volume";
/// Which builder made the image.
pub const IMAGE_BUILDER: &str = "com.docker.compose.image.builder";

/// Identity of the controller that created the object.
pub const INSTALLATION: &str = "io.composelet.installation";
/// Version of the service.
pub const REVISION: &str = "io.composelet.revision";
/// Versioned hash of the fields that need a recreate.
pub const SPEC_HASH: &str = "io.composelet.spec-hash";
/// The service that a container is a throw-away copy of, for a check before a rollout of another one.
pub const COMPANION: &str = "io.composelet.companion";
/// The service that a container is a throw-away copy of, for a backup that is restored into it.
pub const DRILL: &str = "io.composelet.drill";
/// The time that a run of a schedule was due, RFC 3339; on its container.
pub const DUE: &str = "io.composelet.due";
/// Digest of configs, secrets and env.
pub const CONTENT: &str = "io.composelet.content";
/// Digest of the input of a build (image).
pub const BUILD: &str = "io.composelet.build";

/// Longest label value that is read, in bytes. Ours and Compose's are far shorter; a longer one is somebody's accident.
const VALUE_LIMIT: usize = 4096;
/// Longest list of Compose files that is read, in bytes.
const FILES_LIMIT: usize = 64 * 1024;

/// Whether a label says who something belongs to, rather than what the user wrote.
pub fn is_identity(name: &str) -> bool {
    name.starts_with(COMPOSE_PREFIX) || name.starts_with(OWN_PREFIX)
}

/// What labels say about whose a container is. Whatever is malformed or oversized counts as not there.
pub fn claim(labels: &BTreeMap<String, String>) -> Claim {
    let text = |name: &str| bounded(labels, name, VALUE_LIMIT);
    Claim {
        project: text(PROJECT).map(ProjectName::new),
        service: text(SERVICE).map(ServiceName::new),
        number: text(CONTAINER_NUMBER)
            .and_then(|number| number.parse().ok())
            .filter(|number| *number > 0),
        one_off: text(ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true")),
        hook: text(HOOK).map(str::to_owned),
        companion: text(COMPANION).map(ServiceName::new),
        drill: text(DRILL).map(ServiceName::new),
        due: text(DUE)
            .filter(|_| text(CONTAINER_NUMBER).is_none())
            .and_then(Timestamp::parse_rfc3339),
        config_files: bounded(labels, CONFIG_FILES, FILES_LIMIT).map(str::to_owned),
        depends_on: depends_on(bounded(labels, DEPENDS_ON, VALUE_LIMIT).unwrap_or_default()),
        compose_hash: text(CONFIG_HASH).map(str::to_owned),
        installation: text(INSTALLATION).map(Installation::new),
        revision: text(REVISION).map(Revision::new),
        spec_hash: text(SPEC_HASH).map(SpecHash::new),
        content: text(CONTENT).map(str::to_owned),
    }
}

/// The services of `service:condition:restart`, joined by comma.
fn depends_on(edges: &str) -> BTreeSet<ServiceName> {
    let names = edges.split(',').filter_map(|edge| edge.split(':').next());
    names.filter(|name| !name.is_empty()).map(ServiceName::new).collect()
}

/// A label's value, if it is there, not empty and at most `limit` bytes long.
fn bounded<'a>(labels: &'a BTreeMap<String, String>, name: &str, limit: usize) -> Option<&'a str> {
    labels.get(name).map(String::as_str).filter(|value| !value.is_empty() && value.len() <= limit)
}

/// The labels without those of identity.
pub fn of_user(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(name, _)| !is_identity(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_claim_is_read() {
        let claim = claim(&labels(&[
            (PROJECT, "shop"),
            (SERVICE, "web"),
            (CONTAINER_NUMBER, "2"),
            (ONE_OFF, "False"),
            (INSTALLATION, "default"),
        ]));
        assert_eq!(claim.project, Some(ProjectName::new("shop")));
        assert_eq!(claim.service, Some(ServiceName::new("web")));
        assert_eq!(claim.number, Some(2));
        assert!(!claim.one_off);
        assert_eq!(claim.installation, Some(Installation::new("default")));
    }

    #[test]
    fn rubbish_is_no_claim() {
        let long = "x".repeat(VALUE_LIMIT + 1);
        let rubbish = claim(&labels(&[
            (PROJECT, long.as_str()),
            (SERVICE, ""),
            (CONTAINER_NUMBER, "-1"),
            (ONE_OFF, "TRUE"),
        ]));
        assert_eq!(rubbish, Claim { one_off: true, ..Claim::default() });
        for number in ["0", "99999999999999", "1.5", "١"] {
            assert_eq!(claim(&labels(&[(CONTAINER_NUMBER, number)])).number, None);
        }
    }

    #[test]
    fn a_replica_is_no_run_whatever_labels_its_image_brings() {
        let due = (DUE, "2026-01-01T12:05:00.000Z");
        assert!(claim(&labels(&[due])).due.is_some());
        assert_eq!(claim(&labels(&[due, (CONTAINER_NUMBER, "1")])).due, None);
        assert_eq!(claim(&labels(&[(DUE, "soon")])).due, None);
    }

    #[test]
    fn identity_is_not_the_users() {
        let user = of_user(&labels(&[(PROJECT, "a"), (BUILD, "b"), ("team", "c")]));
        assert_eq!(user, labels(&[("team", "c")]));
    }
}
