//! Images: present, pulled by policy, built by digest.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::build::Build;
use crate::model::desired::{BuildDigest, DesiredProject, DesiredService, PullPolicy};
use crate::model::feature::IMAGE_MOUNTS;
use crate::model::held::{Subject, WaitingOn};
use crate::model::ledger::{BuildCache, ProjectLedger};
use crate::model::observed::{ImageState, ObservedImage};
use crate::model::operation::Operation;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::model::secret::sha256_hex;
use crate::model::time::Timestamp;
use crate::planner::after_checks;
use crate::planner::before_checks;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::plan::suspension;
use crate::planner::policy_gate;
use crate::planner::revision;
use crate::planner::world::{ServiceView, World};

/// Time after which a build context that changed is looked at again (DESIGN §5, identity and files).
const QUIET: Duration = Duration::from_secs(5);
/// Time after which a build context that could not be read is looked at again: contexts are not watched.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Whether a reference may be used for new containers, by reference.
pub type ImageVerdicts = BTreeMap<String, ImageVerdict>;

/// Whether an image may be used for a new container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageVerdict {
    /// It is there and current.
    Usable,
    /// New containers wait for it; those that run go on.
    Awaited,
}

/// What the image of a service needs next.
enum Need {
    Nothing,
    /// A look at the registry at that time.
    Later(Timestamp),
    Begin(Operation, Reason),
    Wait(WaitingOn, Option<Timestamp>),
}

/// Begins the pulls and builds that are due, and says which references may be used.
pub fn plan_images(world: &World<'_>, draft: &mut Draft<'_>) -> ImageVerdicts {
    let mut services: BTreeMap<&str, Vec<&DesiredService>> = BTreeMap::new();
    for view in world.services.iter().filter(|view| !is_left_alone(world, view)) {
        services.entry(&view.service.image).or_default().push(view.service);
    }
    let verdicts = services.into_iter().map(|(reference, services)| {
        (reference.to_owned(), plan_image(world, draft, reference, &services))
    });
    verdicts.collect()
}

fn is_left_alone(world: &World<'_>, view: &ServiceView<'_>) -> bool {
    let service = view.service;
    service.refusal.is_some()
        || policy_gate::is_denied(world.input, service)
        || suspension((world.input.ledger, world.input.now), world.desired, Some(&service.name))
            .is_some()
}

/// Images that are only mounted: pulled when they are missing. Nothing is pulled for an engine that cannot mount them.
pub fn plan_mounted_images(world: &World<'_>, draft: &mut Draft<'_>, verdicts: &mut ImageVerdicts) {
    if world.input.observed.engine.api < IMAGE_MOUNTS {
        return;
    }
    for view in world.services.iter().filter(|view| !is_left_alone(world, view)) {
        for reference in view.service.mounted_images() {
            if !verdicts.contains_key(reference) {
                let verdict = present_image(world, draft, reference);
                verdicts.insert(reference.to_owned(), verdict);
            }
        }
    }
}

/// Images of steps before a start, and of a check that is due: pulled when they are missing.
pub fn plan_step_images(world: &World<'_>, draft: &mut Draft<'_>, verdicts: &mut ImageVerdicts) {
    for view in world.services.iter().filter(|view| !is_left_alone(world, view)) {
        let checks = before_checks::image(world, view).into_iter();
        let checks = checks.chain(after_checks::image(world, view));
        for reference in view.service.step_images().chain(checks) {
            if !verdicts.contains_key(reference) {
                let verdict = present_image(world, draft, reference);
                verdicts.insert(reference.to_owned(), verdict);
            }
        }
    }
}

fn present_image(world: &World<'_>, draft: &mut Draft<'_>, reference: &str) -> ImageVerdict {
    let subject = Subject::Image(reference.to_owned());
    let why = match world.input.observed.images.get(reference) {
        Some(ImageState::Present(_)) => return ImageVerdict::Usable,
        Some(ImageState::Unknown(why)) => why.clone(),
        Some(ImageState::Absent) => {
            let operation = Operation::Pull { image: reference.to_owned(), platform: None };
            return begin(world.input, draft, &subject, operation, (Reason::ImageMissing, None));
        }
        None => "the image was not looked at yet".to_owned(),
    };
    draft.hold(subject, WaitingOn::Unknown(why), None);
    ImageVerdict::Awaited
}

/// What the services of one reference need: one built by any is not pulled for the others, and the one that asks for most
/// decides.
fn plan_image(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    reference: &str,
    services: &[&DesiredService],
) -> ImageVerdict {
    let subject = Subject::Image(reference.to_owned());
    let state = world.input.observed.images.get(reference);
    let present = state.and_then(ImageState::present);
    let builder = services.iter().find_map(|service| Some((*service, service.build.as_ref()?)));
    let need = match (state, builder) {
        (None, _) => {
            Need::Wait(WaitingOn::Unknown("the image was not looked at yet".to_owned()), None)
        }
        (Some(ImageState::Unknown(why)), _) => Need::Wait(WaitingOn::Unknown(why.clone()), None),
        (Some(_), Some((service, build))) => build_need(world, service, build, present),
        (Some(_), None) => {
            let needs = services.iter().map(|service| pull_need(world, service, present));
            needs.max_by_key(Need::rank).unwrap_or(Need::Nothing)
        }
    };
    match need {
        Need::Nothing => ImageVerdict::Usable,
        Need::Later(due) => {
            draft.hold(subject, WaitingOn::ImageCheckDue, Some(due));
            ImageVerdict::Usable
        }
        Need::Wait(waiting, until) => {
            draft.hold(subject, waiting, until);
            ImageVerdict::Awaited
        }
        Need::Begin(operation, reason) => {
            begin(world.input, draft, &subject, operation, (reason, present))
        }
    }
}

impl Need {
    /// A service that forbids the pull does not forbid it to the others; of several schedules the next look counts.
    fn rank(&self) -> (u8, Reverse<Option<Timestamp>>) {
        match self {
            Self::Nothing => (0, Reverse(None)),
            Self::Later(due) => (1, Reverse(Some(*due))),
            Self::Wait(..) => (2, Reverse(None)),
            Self::Begin(..) => (3, Reverse(None)),
        }
    }
}

/// Begins an operation unless a disk is too full, or failures of the same one wait out their back-off. With an image at hand a failed pull is no
/// obstacle (DESIGN §5, images); a failed build is, because the old image is not what the files say.
fn begin(
    input: &PlanInput<'_>,
    draft: &mut Draft<'_>,
    subject: &Subject,
    operation: Operation,
    (reason, present): (Reason, Option<&ObservedImage>),
) -> ImageVerdict {
    let Subject::Image(reference) = subject else {
        return ImageVerdict::Awaited;
    };
    let pull = matches!(operation, Operation::Pull { .. });
    // What runs already takes its room; a second one would take more.
    if let Some(pressure) = &input.gate.pressure
        && !input.operations.contains_key(&operation.subject())
    {
        draft.hold(subject.clone(), WaitingOn::DiskPressure(pressure.clone()), None);
        let usable = pull && present.is_some();
        return if usable { ImageVerdict::Usable } else { ImageVerdict::Awaited };
    }
    let record = input.ledger.images.get(reference);
    let waiting = record.filter(|record| record.next_try.is_some_and(|next| next > input.now));
    let Some(record) = waiting else {
        let place = Place { subject, after: Vec::new() };
        draft.push(place, Action::Begin(Box::new(operation)), reason);
        return ImageVerdict::Awaited;
    };
    let (failures, error, trouble) = (record.failures, record.error.clone(), record.trouble);
    let (waiting, verdict) = if pull && present.is_some() {
        (WaitingOn::ImageRefreshBackOff { failures, error, trouble }, ImageVerdict::Usable)
    } else {
        (WaitingOn::ImagePullBackOff { failures, error, trouble }, ImageVerdict::Awaited)
    };
    draft.hold(subject.clone(), waiting, record.next_try);
    verdict
}

/// Begins the pull of an image that will be wanted, beside one that runs.
pub fn begin_pull(input: &PlanInput<'_>, draft: &mut Draft<'_>, pull: Operation) {
    let Operation::Pull { image, .. } = &pull else { return };
    let subject = Subject::Image(image.clone());
    let none = ObservedImage::default();
    begin(input, draft, &subject, pull, (Reason::ImageUpdate, Some(&none)));
}

/// What is waited for, and when to look again.
type Wait = (WaitingOn, Option<Timestamp>);

fn build_need(
    world: &World<'_>,
    service: &DesiredService,
    build: &Build,
    present: Option<&ObservedImage>,
) -> Need {
    let digest = match wanted_digest(world, service, build) {
        Ok(digest) => digest,
        Err((waiting, until)) => return Need::Wait(waiting, until),
    };
    let current = present.is_some_and(|image| image.build.as_ref() == Some(&digest));
    let record = world.input.ledger.images.get(&service.image);
    let asked = record.and_then(|record| record.rebuild.as_ref());
    let mut build = Box::new(build.clone());
    match asked.map(|asked| asked.cache) {
        Some(BuildCache::Unused) => (build.no_cache, build.pull) = (true, true),
        Some(BuildCache::OfLayers) => build.pull = true,
        Some(BuildCache::Used) | None => {}
    }
    let directory = build.directory().is_some();
    let operation = Operation::Build {
        image: service.image.clone(),
        project: world.input.project.clone(),
        service: service.name.clone(),
        directory: world.desired.directory.clone(),
        build,
        digest,
    };
    if asked.is_some() && current {
        return Need::Begin(operation, Reason::RebuildAsked);
    }
    match (current, directory) {
        (true, true) => Need::Nothing,
        // What a remote address leads to may have moved, which only the engine sees.
        (true, false) => refresh_need(world, service, operation),
        (false, _) => {
            let reason = if present.is_some() { Reason::BuildStale } else { Reason::ImageMissing };
            Need::Begin(operation, reason)
        }
    }
}

/// The digest that the image of a build should have. One that builds upon images of other services waits until these stand,
/// and follows their ids.
fn wanted_digest(
    world: &World<'_>,
    service: &DesiredService,
    build: &Build,
) -> Result<String, Wait> {
    let input = world.input;
    let digest = match input.facts.builds.get(&service.name) {
        Some(BuildDigest::Known(digest)) => digest,
        Some(BuildDigest::Unreadable(why)) => {
            let again = input.now.plus(LOOK_AGAIN);
            return Err((WaitingOn::BuildContext(why.clone()), Some(again)));
        }
        Some(BuildDigest::Settling) | None => {
            let waiting = WaitingOn::BuildContext("to be quiet for 5 s".to_owned());
            return Err((waiting, Some(input.now.plus(QUIET))));
        }
    };
    let mut parts = vec![digest.clone()];
    for (name, image) in build.service_contexts() {
        let present = input.observed.images.get(image).and_then(ImageState::present);
        let services = world.services.iter().map(|view| view.service);
        let builder = services
            .filter(|other| other.image == image)
            .find_map(|other| Some((other, other.build.as_ref()?)));
        let wanted = builder.map(|(other, build)| wanted_digest(world, other, build)).transpose();
        let id = present
            .filter(
                |image| matches!(&wanted, Ok(wanted) if wanted.is_none() || image.build == *wanted),
            )
            .and_then(|image| image.id.as_ref());
        let Some(id) = id else {
            let text = format!("the image {image}, which is its context {name}");
            return Err((WaitingOn::BuildContext(text), None));
        };
        parts.extend([name.to_owned(), id.to_string()]);
    }
    match parts.as_slice() {
        [_] => Ok(digest.clone()),
        parts => Ok(sha256_hex([parts.join("\0")])),
    }
}

/// What was asked for of images that nobody builds.
pub fn forget_rebuilds(ledger: &mut ProjectLedger, is_built: &dyn Fn(&str) -> bool) {
    let images = ledger.images.iter_mut();
    images.filter(|(image, _)| !is_built(image)).for_each(|(_, record)| record.rebuild = None);
}

fn pull_need(world: &World<'_>, service: &DesiredService, present: Option<&ObservedImage>) -> Need {
    let operation =
        Operation::Pull { image: service.image.clone(), platform: service.config.platform.clone() };
    match (service.pull_policy, present) {
        (PullPolicy::Never | PullPolicy::Build, None) => {
            Need::Wait(WaitingOn::ErrImageNeverPull, None)
        }
        (_, None) => Need::Begin(operation, Reason::ImageMissing),
        (_, Some(_)) => refresh_need(world, service, operation),
    }
}

/// What the policy says of an image that is there.
fn refresh_need(world: &World<'_>, service: &DesiredService, operation: Operation) -> Need {
    let input = world.input;
    let record = input.ledger.images.get(&service.image);
    match service.pull_policy {
        PullPolicy::Always => {
            let key = pull_key(world.desired, &service.image);
            let checked =
                record.is_some_and(|record| record.checked.is_some() && record.checked_for == key);
            if checked { Need::Nothing } else { Need::Begin(operation, Reason::PullPolicy) }
        }
        PullPolicy::Every(period) => {
            let checked = record.and_then(|record| record.checked);
            // A clock that was set back must not put the next look off.
            let due = checked.filter(|at| *at <= input.now).map(|at| at.plus(period));
            match due.filter(|due| *due > input.now) {
                Some(due) => Need::Later(due),
                None => Need::Begin(operation, Reason::PullPolicy),
            }
        }
        PullPolicy::Missing | PullPolicy::Never | PullPolicy::Build => Need::Nothing,
    }
}

/// `always` looks once per version of the services that use the image and ask for it: this names those versions, without
/// the image itself.
pub fn pull_key(desired: &DesiredProject, image: &str) -> String {
    let users = desired.services.values().filter(|service| service.image == image);
    let users = users.filter(|service| service.pull_policy == PullPolicy::Always);
    let parts = users.map(|service| {
        let content = revision::content(service);
        format!("{} {} {content}\n", service.name, revision::spec_hash(&service.config))
    });
    sha256_hex(parts)
}
