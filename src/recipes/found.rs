//! Which recipe fits a service, from its image and its mounts.

use std::collections::BTreeSet;

use crate::model::backup::Recipe;
use crate::model::config::{Mount, MountSource};
use crate::model::desired::{DesiredProject, DesiredService};

/// Last part of the names of images of servers, without registry and tag. Exporters and consoles have longer names.
const IMAGES: &[(&str, Recipe)] = &[
    ("postgres", Recipe::Postgres),
    ("postgresql", Recipe::Postgres),
    ("postgis", Recipe::Postgres),
    ("pgvector", Recipe::Postgres),
    ("timescaledb", Recipe::Postgres),
    ("timescaledb-ha", Recipe::Postgres),
    ("mysql", Recipe::Mysql),
    ("mysql-server", Recipe::Mysql),
    ("mariadb", Recipe::Mysql),
    ("percona", Recipe::Mysql),
    ("percona-server", Recipe::Mysql),
    ("redis", Recipe::Redis),
    ("redis-stack", Recipe::Redis),
    ("redis-stack-server", Recipe::Redis),
    ("valkey", Recipe::Redis),
    ("keydb", Recipe::Redis),
    ("mongo", Recipe::Mongo),
    ("mongodb", Recipe::Mongo),
    ("mongodb-community-server", Recipe::Mongo),
];

/// Where servers keep their data, for images of one's own. Redis and its relatives share `/data` with everybody.
const TARGETS: &[(&str, Recipe)] = &[
    ("/var/lib/postgresql", Recipe::Postgres),
    ("/var/lib/postgresql/data", Recipe::Postgres),
    ("/var/lib/mysql", Recipe::Mysql),
    ("/data/db", Recipe::Mongo),
];

/// The recipe that the data of a service needs, if it is a server that is known.
pub fn found(service: &DesiredService) -> Option<Recipe> {
    let name = service.image.rsplit('/').next().unwrap_or_default();
    let name = name.split([':', '@']).next().unwrap_or_default();
    let by_image = IMAGES.iter().find(|(known, _)| *known == name);
    let by_mount = || {
        let written =
            |target: &str| service.config.mounts.get(target).is_some_and(|mount| !mount.read_only);
        TARGETS.iter().find(|(target, _)| written(target))
    };
    by_image.or_else(by_mount).map(|(_, recipe)| recipe.clone())
}

/// One thing that a backup reads: in a container of which service, how, and for which volume if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<'a> {
    /// The service.
    pub service: &'a DesiredService,
    /// The volume, by its key.
    pub volume: Option<&'a str>,
    /// How.
    pub recipe: Recipe,
    /// For which keys of age.
    pub recipients: Vec<String>,
}

/// What a backup of the project reads: what is declared, servers that are known, and named volumes that none of these
/// covers. Each volume is read once.
pub fn reads(project: &DesiredProject) -> Vec<Read<'_>> {
    let services: Vec<Read<'_>> = project.services.values().filter_map(of_service).collect();
    let covered: BTreeSet<&str> = services.iter().flat_map(covered_by).collect();
    let mut reads: Vec<Read<'_>> =
        services.into_iter().filter(|read| read.recipe != Recipe::Nothing).collect();
    for (key, volume) in &project.volumes {
        let word = project.volume_backups.get(key);
        let left_out = word.is_some_and(|word| word.recipe == Some(Recipe::Nothing));
        let wanted = word.is_some() || !covered.contains(volume.name.as_str());
        let reader = project.services.values().find_map(|service| {
            let (_, target) = volumes(service).find(|(name, _)| *name == volume.name)?;
            Some((service, target))
        });
        if let (Some((service, target)), true, false) = (reader, wanted, left_out) {
            reads.push(Read {
                service,
                volume: Some(key),
                recipe: Recipe::Files { paths: vec![target.to_owned()] },
                recipients: word.map(|word| word.recipients.clone()).unwrap_or_default(),
            });
        }
    }
    reads
}

/// Named volumes whose data the recipe of a service reads, or leaves out.
fn covered_by<'a>(read: &Read<'a>) -> Vec<&'a str> {
    let reads = |target: &str| match &read.recipe {
        Recipe::Files { paths } => paths.iter().any(|path| path == target),
        Recipe::Sqlite { file } => {
            file.strip_prefix(target).is_some_and(|rest| rest.starts_with('/'))
        }
        _ => true,
    };
    volumes(read.service).filter(|(_, target)| reads(target)).map(|(name, _)| name).collect()
}

fn of_service(service: &DesiredService) -> Option<Read<'_>> {
    let word = service.backup.as_deref();
    let recipe = word.and_then(|word| word.recipe.clone()).or_else(|| found(service));
    // A word without a recipe on an unknown service means its mounts.
    let recipe = recipe.or_else(|| word.map(|_| Recipe::Files { paths: Vec::new() }))?;
    let recipe = match recipe {
        Recipe::Files { paths } if paths.is_empty() => {
            Recipe::Files { paths: written_directories(service) }
        }
        other => other,
    };
    Some(Read {
        service,
        volume: None,
        recipe,
        recipients: word.map(|word| word.recipients.clone()).unwrap_or_default(),
    })
}

/// Named volumes that a service may write, with their targets.
fn volumes(service: &DesiredService) -> impl Iterator<Item = (&str, &str)> {
    service.config.mounts.iter().filter_map(|(target, mount)| match mount {
        Mount { source: MountSource::Volume { name, .. }, read_only: false } => {
            Some((name.as_str(), target.as_str()))
        }
        _ => None,
    })
}

/// Where a service keeps what outlives it: volumes and bound directories that it may write.
fn written_directories(service: &DesiredService) -> Vec<String> {
    let kept = |(target, mount): (&String, &Mount)| {
        let lives = matches!(mount.source, MountSource::Volume { .. } | MountSource::Bind { .. });
        (lives && !mount.read_only).then(|| target.clone())
    };
    service.config.mounts.iter().filter_map(kept).collect()
}
