//! Updates that wait for a backup: no container is replaced by one of another version before what it wrote is saved. What
//! heals waits for nothing, nor does the way back to a version that held.

use crate::model::backup_policy::{BackupWait, BeforeUpdate};
use crate::model::backup_set::SavedBackup;
use crate::model::held::WaitingOn;
use crate::model::ledger::ReplicaRecord;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::time::Timestamp;
use crate::planner::backups::{AHEAD, Part, parts};
use crate::planner::before_checks;
use crate::planner::create::are_usable;
use crate::planner::draft::Draft;
use crate::planner::input::PlanInput;
use crate::planner::slot::SlotContext;
use crate::planner::world::{ServiceView, World};

/// Whether a container may be replaced, as far as backups go. Asks for the one that is lacking, and notes the hold.
pub fn may_replace(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    predecessor: &ObservedContainer,
) -> bool {
    let (input, view) = (context.world.input, context.view);
    if input.declared.is_some() || !is_ripe(context, predecessor) {
        return true;
    }
    let since = written_since(context.record(), predecessor);
    let mut free = true;
    for (part, before) in asked(context.world, view) {
        let mut saved = input.facts.backups.iter().filter(|saved| part.is_in(saved));
        if saved.any(|saved| is_fresh(input, saved, before, since)) {
            continue;
        }
        free = false;
        draft.want_backup(part.service, &view.service.name);
        let record = part.record(input.ledger);
        let failures = record.map_or(0, |record| record.failures);
        let error = record.map(|record| record.error.clone()).unwrap_or_default();
        let waiting = WaitingOn::Backup(BackupWait::Update { failures, error });
        draft.hold(context.subject(), waiting, None);
    }
    free
}

/// Whether another version is about to take the place, and nothing else is in its way: a backup that is made early is old
/// when it is needed.
fn is_ripe(context: SlotContext<'_, '_>, predecessor: &ObservedContainer) -> bool {
    let (world, view) = (context.world, context.view);
    let other =
        view.revision().is_some_and(|new| predecessor.claim.revision.as_ref() != Some(&new));
    other && are_usable(context.grounds, view) && before_checks::let_through(world, view)
}

/// What asks for a backup before an update of a service: its own word, and that of the project.
fn asked<'a>(
    world: &World<'a>,
    view: &ServiceView<'a>,
) -> impl Iterator<Item = (Part<'a>, BeforeUpdate)> {
    let name = &view.service.name;
    let parts = parts(world.desired).filter(move |part| part.service.is_none_or(|one| one == name));
    parts.filter_map(|part| Some((part, part.policy.before_update?)))
}

/// Since when the version that is to be replaced writes: its last start. One that keeps crashing starts again and again; what
/// counts of it is when it was made.
fn written_since(record: Option<&ReplicaRecord>, predecessor: &ObservedContainer) -> Timestamp {
    let crashes = record.is_some_and(|record| record.failures > 0);
    let started = match &predecessor.lifecycle {
        Lifecycle::Running { started_at } => Some(*started_at),
        Lifecycle::Exited(exit) => exit.started_at,
        _ => None,
    };
    started.filter(|_| !crashes).unwrap_or(predecessor.created_at)
}

fn is_fresh(
    input: &PlanInput<'_>,
    saved: &SavedBackup,
    before: BeforeUpdate,
    since: Timestamp,
) -> bool {
    saved.verified.is_some()
        && saved.at >= since
        && saved.at <= input.wall.plus(AHEAD)
        && input.wall.since(saved.at) <= before.max_age
}

/// When the last backup was ready that an update of this service waited for: until then nothing else could go on.
pub fn ready_at(world: &World<'_>, view: &ServiceView<'_>) -> Option<Timestamp> {
    let newest = |(part, _): (Part<'_>, BeforeUpdate)| {
        let saved = world.input.facts.backups.iter().filter(|saved| part.is_in(saved));
        saved.filter_map(|saved| saved.verified).max()
    };
    asked(world, view).filter_map(newest).max()
}
