//! Updates that wait for a backup: no container is replaced by one of another version before what it wrote is saved. What
//! heals waits for nothing, nor does the way back to a version that held. Where data goes back with a version that fails, the
//! backup of its update is remembered.

use crate::model::backup_policy::{BackupWait, BeforeUpdate};
use crate::model::backup_set::{Origin, SavedBackup};
use crate::model::data_restore::UpdateBackup;
use crate::model::held::WaitingOn;
use crate::model::id::ServiceName;
use crate::model::ledger::{ProjectLedger, ReplicaRecord};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::revision::{ProjectRevision, Verdict};
use crate::model::time::Timestamp;
use crate::planner::backups::{AHEAD, Part, key_of, parts};
use crate::planner::before_checks;
use crate::planner::create::are_usable;
use crate::planner::data_restore;
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
    if context.world.input.declared.is_some() || !is_ripe(context, predecessor) {
        return true;
    }
    let since = written_since(context.record(), predecessor);
    is_covered(context, draft, asked(context.world, context.view), since)
}

/// Whether a container may be made that takes nobody's place. Once something runs, a new version may bring a service, or a
/// job, that changes what others wrote.
pub fn may_begin(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) -> bool {
    let (world, view) = (context.world, context.view);
    let ripe = are_usable(context.grounds, view) && before_checks::let_through(world, view);
    let stable = stable(world.input.ledger).filter(|_| ripe && world.input.declared.is_none());
    let Some(since) = stable.and_then(|stable| is_new(world, view, stable)) else { return true };
    let whole = asked(world, view).filter(|(part, _)| part.service.is_none());
    is_covered(context, draft, whole, since)
}

/// Since when the version before held, if a service without a container is another one than in it, and others run.
fn is_new(
    world: &World<'_>,
    view: &ServiceView<'_>,
    stable: &ProjectRevision,
) -> Option<Timestamp> {
    let held = stable.services.get(&view.service.name).map(|one| &one.revision);
    let new = held.is_none() || view.job().is_some() && held != view.revision().as_ref();
    let runs = |other: &ServiceView<'_>| {
        let mut slots = other.slots.iter().filter_map(|slot| slot.current.as_ref());
        slots.any(|one| one.container.lifecycle.is_alive())
    };
    let beside = world.services.iter().filter(|other| other.service.name != view.service.name);
    match stable.verdict {
        Verdict::Stable { since } if new && beside.into_iter().any(runs) => Some(since),
        _ => None,
    }
}

/// The last version that held.
fn stable(ledger: &ProjectLedger) -> Option<&ProjectRevision> {
    ledger.history.iter().rev().find(|one| matches!(one.verdict, Verdict::Stable { .. }))
}

/// Whether every backup is there that is asked for; asks for those that are lacking, and notes the hold.
fn is_covered<'a>(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    asked: impl Iterator<Item = (Part<'a>, BeforeUpdate)>,
    since: Timestamp,
) -> bool {
    let input = context.world.input;
    let mut free = true;
    for (part, before) in asked {
        if fresh(input, (part, before), since).is_some() {
            continue;
        }
        free = false;
        draft.want_backup(part.service, &context.view.service.name);
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
    let same = |new| predecessor.claim.revision.as_ref() == Some(&new);
    let other = view.revision().is_some_and(|new| !same(new));
    let other = other || data_restore::is_barred(world.input.ledger, predecessor);
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

/// The newest backup that an update may rely on. What goes back with it loses what was written since: there only one that was
/// made for an update counts.
fn fresh<'a>(
    input: &PlanInput<'a>,
    (part, before): (Part<'_>, BeforeUpdate),
    since: Timestamp,
) -> Option<&'a SavedBackup> {
    let goes_back = !part.restored().is_empty();
    input.facts.backups.iter().rev().find(|saved| {
        part.is_in(saved)
            && (!goes_back || saved.origin == Origin::BeforeUpdate)
            && saved.verified.is_some()
            && saved.at >= since
            && saved.at <= input.wall.plus(AHEAD)
            && input.wall.since(saved.at) <= before.max_age
    })
}

/// Notes that the update under way has begun: its backup stays (part of [`account`](super::account::account), before the
/// verdict).
pub fn mark_used(world: &World<'_>, ledger: &mut ProjectLedger) {
    let Some(held) = stable(ledger).cloned() else { return };
    let mut backups = std::mem::take(&mut ledger.update_backups);
    for part in parts(world.desired) {
        if let Some(backup) = backups.get_mut(&key_of(part.service)) {
            backup.used |= is_begun(world, ledger, (part, &held));
        }
    }
    ledger.update_backups = backups;
}

/// Notes the backup that the update under way has, where data goes back with it (part of
/// [`account`](super::account::account), after the verdict). Until a container of the new version is there it is the newest
/// one that counts; from then on it stays, also over further versions, until one has held.
pub fn remember(world: &World<'_>, ledger: &mut ProjectLedger) {
    let mut before = std::mem::take(&mut ledger.update_backups);
    let Some(held) = stable(ledger).cloned() else { return };
    if ledger.rollback.is_some() || world.input.declared.is_some() {
        return;
    }
    let open = ledger.history.back().is_some_and(|last| last.verdict == Verdict::Open);
    for part in parts(world.desired).filter(|part| !part.restored().is_empty()) {
        let Some(policy) = part.policy.before_update else { continue };
        let known = before.remove(&key_of(part.service));
        let begun = is_begun(world, ledger, (part, &held));
        let backup = match known {
            Some(known) if known.used && open => Some(known),
            known if begun => known.map(|known| UpdateBackup { used: true, ..known }),
            _ => of_part(world, part)
                .find_map(|view| newest(world, (ledger, &held), view, (part, policy))),
        };
        ledger.update_backups.extend(backup.map(|backup| (key_of(part.service), backup)));
    }
}

/// The services that a word is about.
fn of_part<'a, 'w>(
    world: &'a World<'w>,
    part: Part<'a>,
) -> impl Iterator<Item = &'a ServiceView<'w>> {
    let of = move |name: &ServiceName| part.service.is_none_or(|own| own == name);
    world.services.iter().filter(move |view| of(&view.service.name))
}

/// Whether a container of another version than the one that held is there, but for those whose data went back.
fn is_begun(
    world: &World<'_>,
    ledger: &ProjectLedger,
    (part, held): (Part<'_>, &ProjectRevision),
) -> bool {
    of_part(world, part).any(|view| {
        let known = held.services.get(&view.service.name).map(|one| &one.revision);
        let revision = view.revision();
        let all = view.slots.iter().flat_map(|slot| slot.current.iter().chain(&slot.old));
        let mut all = all.filter(|one| !data_restore::is_barred(ledger, one.container));
        let new = revision.is_some() && revision.as_ref() != known;
        new && all.any(|one| one.container.claim.revision == revision)
    })
}

/// The backup that lets a container of this service be replaced by one of another version.
fn newest(
    world: &World<'_>,
    (ledger, stable): (&ProjectLedger, &ProjectRevision),
    view: &ServiceView<'_>,
    asked: (Part<'_>, BeforeUpdate),
) -> Option<UpdateBackup> {
    let revision = view.revision()?;
    let missing = is_new(world, view, stable).filter(|_| asked.0.service.is_none());
    view.slots.iter().find_map(|slot| {
        let current = slot.current.as_ref().map(|one| one.container);
        let other = current.filter(|one| {
            let same = one.claim.revision.as_ref() == Some(&revision);
            !same || data_restore::is_barred(ledger, one)
        });
        let record = ledger.replicas.get(&slot.replica.to_string());
        let since = other.map(|one| written_since(record, one));
        let since = since.or(missing.filter(|_| current.is_none()))?;
        let saved = fresh(world.input, asked, since)?;
        let (id, at, services) = (saved.id.clone(), saved.at, saved.services.clone());
        Some(UpdateBackup { id, at, services, used: false })
    })
}

/// When the last backup was ready that an update of this service waited for: until then nothing else could go on.
pub fn ready_at(world: &World<'_>, view: &ServiceView<'_>) -> Option<Timestamp> {
    let newest = |(part, _): (Part<'_>, BeforeUpdate)| {
        let saved = world.input.facts.backups.iter().filter(|saved| part.is_in(saved));
        saved.filter_map(|saved| saved.verified).max()
    };
    asked(world, view).filter_map(newest).max()
}
