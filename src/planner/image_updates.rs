//! Images that move: what runs instead of a reference as written, what is taken of what a registry offers, and what a
//! person promotes. The files are never edited.

use std::time::Duration;

use crate::model::desired::{DesiredProject, DesiredService, PullPolicy};
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::ProjectName;
use crate::model::image_update::{
    ImageCandidate, ImageQuery, ImageSource, ImageUpdate, ImageUpdateRecord, ImageUpdateWait,
    ResolvedImage, UpdatePolicy, name_and_tag,
};
use crate::model::ledger::{BuildCache, ProjectLedger, Rebuild};
use crate::model::observed::ImageState;
use crate::model::operation::Operation;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::model::status::ImageMoves;
use crate::model::time::Timestamp;
use crate::planner::draft::{Draft, Place};
use crate::planner::image_promotion;
use crate::planner::images::begin_pull;
use crate::planner::input::PlanInput;
use crate::planner::policy_gate::{is_denied, opens_at};
use crate::planner::world::{ServiceView, World};
use crate::tags;

/// Where a reference is an image id.
pub(super) const BY_ID: &str = "sha256:";

/// The project with the images that run instead of the references as written; `None`: it is as written.
pub fn resolved(declared: &DesiredProject, ledger: &ProjectLedger) -> Option<DesiredProject> {
    let services = declared.services.values();
    let moved: Vec<_> =
        services.filter_map(|service| Some((&service.name, instead(service, ledger)?))).collect();
    if moved.is_empty() {
        return None;
    }
    let mut project = declared.clone();
    for (name, image) in moved {
        let Some(service) = project.services.get_mut(name) else { continue };
        service.image.clone_from(&image.reference);
        let by_id = image.reference.starts_with(BY_ID);
        service.pull_policy = if by_id { PullPolicy::Never } else { PullPolicy::Missing };
        service.build = None;
    }
    Some(project)
}

/// What runs instead of the image of a service as the files say it.
fn instead<'a>(service: &DesiredService, ledger: &'a ProjectLedger) -> Option<&'a ResolvedImage> {
    let record = ledger.image_updates.get(&service.name)?;
    let running = record.running.as_ref().filter(|_| record.image == service.image)?;
    let kept = running.reference.starts_with(BY_ID);
    (kept || service.image_update.is_some()).then_some(running)
}

/// The reference as written of a service that may be resolved already.
fn written<'a>(service: &'a DesiredService, record: &'a ImageUpdateRecord) -> &'a str {
    let running = record.running.as_ref();
    let is_resolved = running.is_some_and(|running| running.reference == service.image);
    if is_resolved { &record.image } else { &service.image }
}

/// How the image of a service moves, for its status.
pub fn moves(ledger: &ProjectLedger, service: &DesiredService) -> Option<ImageMoves> {
    let record = ledger.image_updates.get(&service.name)?;
    Some(ImageMoves {
        written: record.image.clone(),
        running: record.running.clone(),
        follows: record.policy.clone(),
        checked: record.checked,
    })
}

/// References of what may be taken, to be looked for on the engine.
pub fn wanted_images(ledger: &ProjectLedger) -> impl Iterator<Item = &str> {
    let records = ledger.image_updates.values().filter(|record| !record.follows_base());
    let found = records.flat_map(|record| &record.found);
    found.map(|candidate| candidate.reference.as_str())
}

/// Brings the memory up to date and takes what may be taken (part of [`account`](super::account::account)). `world` is that
/// of the files.
pub fn remember(world: &World<'_>, ledger: &mut ProjectLedger) {
    ledger.image_updates.retain(|name, _| world.desired.services.contains_key(name));
    for view in &world.services {
        let service = view.service;
        let mut record = ledger.image_updates.remove(&service.name).unwrap_or_default();
        let image = written(service, &record).to_owned();
        if record.image != image {
            let fresh = record.image.is_empty();
            record = ImageUpdateRecord { image, ..ImageUpdateRecord::default() };
            record.running = if fresh { evidence(world, view) } else { None };
        }
        let policy = service.image_update.as_ref().map(|update| update.policy.to_string());
        if policy.as_ref().is_none_or(|policy| *policy != record.policy) {
            record.policy = policy.unwrap_or_default();
            record.found.clear();
            record.base = None;
            record.checked = None;
        }
        if !view.is_held(world) && record.follows_base() {
            take_base(world.input, view, &mut record, ledger);
        } else if !view.is_held(world) {
            take(world.input, view, &mut record);
        }
        // What was promoted and failed is known for as long as the project has gone back for it.
        let failed = ledger.rollback.is_some() && !record.rejected.is_empty();
        if service.image_update.is_some() || record.running.is_some() || failed {
            ledger.image_updates.insert(service.name.clone(), record);
        }
    }
}

/// What the containers of a service run, where nothing is remembered: losing the ledger takes nobody back to an older image.
fn evidence(world: &World<'_>, view: &ServiceView<'_>) -> Option<ResolvedImage> {
    let (input, service) = (world.input, view.service);
    let ours = Some(&input.policy.installation);
    let containers = view.slots.iter().filter_map(|slot| slot.current.as_ref());
    let mut images = containers
        .filter(|one| one.container.claim.installation.as_ref() == ours)
        .filter_map(|one| one.container.detail.known().map(|detail| detail.image.as_str()));
    let image = images.next()?;
    let resolved = match &service.image_update {
        // By id only a promotion or a rollback makes containers.
        _ if image.starts_with(BY_ID) => {
            input.ledger.generation == 0 && !service.image.starts_with(BY_ID)
        }
        Some(update) => {
            let (name, tag) = name_and_tag(image);
            let query = query(service, &service.image, update);
            let known = tags::candidates(&[tag.to_owned()], &query);
            image.contains('@')
                && name == name_and_tag(&service.image).0
                && known.first().is_some_and(|known| known == tag)
        }
        None => false,
    };
    resolved.then(|| ResolvedImage {
        reference: image.to_owned(),
        since: input.now,
        source: ImageSource::Container,
    })
}

/// What is asked of the registry, when `running` is the image of the service.
fn query(service: &DesiredService, running: &str, update: &ImageUpdate) -> ImageQuery {
    let (name, tag) = name_and_tag(running);
    ImageQuery {
        image: format!("{name}:{tag}"),
        policy: update.policy.clone(),
        tag: tag.to_owned(),
        platform: service.config.platform.clone(),
        ages: !update.minimum_age.is_zero(),
        build: service.build.clone().filter(|_| update.policy == UpdatePolicy::Base),
    }
}

/// What can be done with what was found.
enum Choice<'a> {
    /// Nothing: what runs is the best there is.
    Nothing,
    /// It is taken.
    Take(&'a ImageCandidate),
    /// It is left alone for now.
    Wait(ImageUpdateWait, Option<Timestamp>),
}

fn choice<'a>(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    record: &'a ImageUpdateRecord,
) -> Choice<'a> {
    let service = view.service;
    let (Some(update), Some(present)) = (&service.image_update, present(input, view, record))
    else {
        return Choice::Nothing;
    };
    let mut young = None;
    for candidate in &record.found {
        if candidate.reference == present {
            break;
        }
        if record.rejected.iter().any(|one| one.reference == candidate.reference) {
            continue;
        }
        let ripe = candidate.created.unwrap_or(candidate.seen).plus(update.minimum_age);
        if ripe > input.wall {
            young.get_or_insert((candidate, ripe));
            continue;
        }
        return match update.window.as_ref().and_then(|window| opens_at(window, input.wall)) {
            _ if update.monitor_only => {
                let reference = candidate.reference.clone();
                Choice::Wait(ImageUpdateWait::Available { reference }, None)
            }
            Some(opens) => {
                let tag = candidate.tag.clone();
                Choice::Wait(ImageUpdateWait::Window { tag }, local(input, Some(opens)))
            }
            None => Choice::Take(candidate),
        };
    }
    young.map_or(Choice::Nothing, |(candidate, ripe)| {
        let tag = candidate.tag.clone();
        Choice::Wait(ImageUpdateWait::TooYoung { tag }, local(input, Some(ripe)))
    })
}

/// An instant of the wall clock by the clock of passes.
fn local(input: &PlanInput<'_>, at: Option<Timestamp>) -> Option<Timestamp> {
    at.map(|at| input.now.plus(at.since(input.wall)))
}

/// What runs, in the form of a candidate; `None`: nothing is there yet, or a promotion keeps it.
fn present(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    record: &ImageUpdateRecord,
) -> Option<String> {
    match &record.running {
        _ if record.follows_base() => record.base.clone(),
        Some(running) if running.reference.starts_with(BY_ID) => None,
        Some(running) => Some(running.reference.clone()),
        None => {
            let image = input.observed.images.get(&record.image).and_then(ImageState::present)?;
            let digest = image.repo_digest(&view.service.image).unwrap_or("none");
            let (name, tag) = name_and_tag(&record.image);
            Some(format!("{name}:{tag}@{digest}"))
        }
    }
}

/// An image that may be taken is wanted as soon as it is on the engine: until then what runs is left as it is.
fn take(input: &PlanInput<'_>, view: &ServiceView<'_>, record: &mut ImageUpdateRecord) {
    let Choice::Take(candidate) = choice(input, view, record) else { return };
    let there = input.observed.images.get(&candidate.reference).and_then(ImageState::present);
    if there.is_none() {
        return;
    }
    let reference = candidate.reference.clone();
    let source = ImageSource::Registry;
    let running = ResolvedImage { reference, since: input.now, source };
    record.before = record.running.replace(running);
}

/// Has the image built again upon base images that may be taken. What it was built upon before the first look nobody knows:
/// it counts as built upon what that look found.
fn take_base(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    record: &mut ImageUpdateRecord,
    ledger: &mut ProjectLedger,
) {
    let taken = match choice(input, view, record) {
        Choice::Take(candidate) => {
            let image = ledger.images.entry(view.service.image.clone()).or_default();
            image.rebuild = Some(Rebuild { cache: BuildCache::OfLayers, begun: false });
            Some(candidate.reference.clone())
        }
        Choice::Nothing | Choice::Wait(..) => None,
    };
    let first = || record.found.first().map(|found| found.reference.clone());
    record.base = taken.or_else(|| record.base.clone()).or_else(first);
}

/// Begins the looks and pulls that are due, and says what waits for what. `world` is that of the files.
pub fn plan_image_updates(world: &World<'_>, draft: &mut Draft<'_>) {
    let allowed = |view: &&ServiceView<'_>| {
        view.service.refusal.is_none() && !is_denied(world.input, view.service)
    };
    for view in world.services.iter().filter(allowed) {
        let name = &view.service.name;
        let Some(record) = world.input.ledger.image_updates.get(name) else { continue };
        if view.is_held(world) {
            continue;
        }
        if let Some(running) =
            record.running.as_ref().filter(|one| one.reference.starts_with(BY_ID))
        {
            let wait = image_promotion::kept(name, running);
            draft.hold(Subject::Service(name.clone()), WaitingOn::ImageUpdate(wait), None);
        } else if let Some(update) = &view.service.image_update {
            look(world.input, view, (record, update), draft);
            fetch(world.input, view, record, draft);
        }
    }
}

/// A look at the registry, if one is due.
fn look(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    (record, update): (&ImageUpdateRecord, &ImageUpdate),
    draft: &mut Draft<'_>,
) {
    let service = view.service;
    let subject = Subject::Service(service.name.clone());
    let running = match (&record.running, &update.policy) {
        (Some(running), UpdatePolicy::Semver { .. } | UpdatePolicy::Pattern { .. }) => {
            &running.reference
        }
        _ => &record.image,
    };
    let operation = Operation::CheckImage {
        project: input.project.clone(),
        service: service.name.clone(),
        query: Box::new(query(service, running, update)),
    };
    if input.operations.contains_key(&operation.subject()) {
        return;
    }
    if let Some(next) = record.next_try.filter(|next| *next > input.now) {
        let (failures, error, trouble) = (record.failures, record.error.clone(), record.trouble);
        let wait = ImageUpdateWait::CheckFailed { failures, error, trouble };
        return draft.hold(subject, WaitingOn::ImageUpdate(wait), Some(next));
    }
    let due = record
        .checked
        .filter(|at| *at <= input.now)
        .map(|at| at.plus(jittered(update.interval, (input.project, service.name.as_str()), at)));
    if let Some(due) = due.filter(|due| *due > input.now && record.failures == 0) {
        let wait = WaitingOn::ImageUpdate(ImageUpdateWait::CheckDue);
        draft.hold(subject, wait, Some(due));
    } else {
        let place = Place { subject: &subject, after: Vec::new() };
        draft.push(place, Action::Begin(Box::new(operation)), Reason::ImageUpdate);
    }
}

/// ± 5 %, so that projects do not ask one registry all at once (Flux jitters its intervals by as much).
fn jittered(
    interval: Duration,
    (project, service): (&ProjectName, &str),
    at: Timestamp,
) -> Duration {
    let text = format!("{project}/{service}/{}", at.as_millis());
    let sum = text.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    interval * (950 + sum % 101) / 1000
}

/// Fetches what may be taken, or says why it is left alone.
fn fetch(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    record: &ImageUpdateRecord,
    draft: &mut Draft<'_>,
) {
    let subject = Subject::Service(view.service.name.clone());
    match choice(input, view, record) {
        Choice::Nothing => {}
        Choice::Wait(wait, until) => draft.hold(subject, WaitingOn::ImageUpdate(wait), until),
        Choice::Take(_) if record.follows_base() => {}
        Choice::Take(candidate) => {
            let platform = view.service.config.platform.clone();
            let image = candidate.reference.clone();
            let there = input.observed.images.get(&image).and_then(ImageState::present);
            if there.is_none() {
                begin_pull(input, draft, Operation::Pull { image, platform });
            }
        }
    }
    let best = record.found.first().map(|best| &best.reference);
    if let Some(failed) = record.rejected.iter().find(|one| Some(&one.reference) == best) {
        let wait = ImageUpdateWait::Rejected { reference: failed.reference.clone() };
        draft.hold(Subject::Service(view.service.name.clone()), WaitingOn::ImageUpdate(wait), None);
    }
}
