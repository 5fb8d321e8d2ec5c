//! The catalogue of backups, as the scripts write it: every good one, oldest first.

use serde::Deserialize;

use composelet::model::backup_set::{Origin, SavedBackup};

use super::sim::Sim;
use super::units::duration;

/// One good backup.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupChange {
    id: String,
    /// Begun this long ago.
    ago: String,
    /// Only of this service.
    #[serde(default)]
    service: Option<String>,
    /// Of these services.
    holds: Vec<String>,
    /// Why it was made: `hand` unless said.
    #[serde(default)]
    origin: Option<Origin>,
    /// A restore of all of it passed this long ago.
    #[serde(default)]
    proven_ago: Option<String>,
}

/// Lays the catalogue down, if the script says one.
pub(crate) fn apply(sim: &mut Sim, backups: Option<&[BackupChange]>) {
    let Some(backups) = backups else { return };
    let wall = sim.now.plus(sim.asleep);
    let proven = |one: &BackupChange| {
        let at = one.proven_ago.as_deref().map(|ago| wall.minus(duration(ago)));
        let holds = one.holds.iter().map(|name| name.as_str().into());
        at.map(|at| holds.map(|name| (name, at)).collect()).unwrap_or_default()
    };
    let saved = backups.iter().map(|one| SavedBackup {
        id: one.id.clone(),
        service: one.service.as_deref().map(Into::into),
        at: wall.minus(duration(&one.ago)),
        origin: one.origin.unwrap_or(Origin::Hand),
        services: one.holds.iter().map(|name| name.as_str().into()).collect(),
        verified: Some(wall),
        proven: proven(one),
        restored: std::collections::BTreeMap::new(),
    });
    sim.facts.backups = saved.collect();
}
