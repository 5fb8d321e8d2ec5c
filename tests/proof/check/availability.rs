//! S4: how many replicas of a service are taken down at a time, and how many stand beside.

use std::collections::BTreeSet;
use std::time::Duration;

use super::lives::{Life, Lives};
use crate::scenario::{App, Service, Tag};

/// A loss is known this much later at the latest: what a controller goes by may be that old.
const LATELY: Duration = Duration::from_secs(60);
/// Clocks of the engine and of a controller differ by no more.
const SLACK: Duration = Duration::from_secs(1);

/// Whether a controller may end a container that serves, as one of these versions of its project says. Text if none does.
///
/// A replica counts as taken down while nothing of it serves that served until a controller ended it; what people and
/// applications end is not counted. Nothing is said of images that do not stay well.
pub(super) fn ends<'a>(
    lives: &mut Lives,
    (id, now): (&str, Duration),
    versions: impl Iterator<Item = Option<&'a App>>,
) -> Option<Result<(), String>> {
    let life = lives.0.get(id)?.clone();
    if life.number.is_empty() || !Tag::named(&life.image).is_some_and(Tag::stays_well) {
        return None;
    }
    if life.recovered.is_some_and(|at| at + LATELY > now) {
        // It may be started again because it was ill a moment ago.
        return None;
    }
    let mut judged = false;
    let mut why = String::new();
    for app in versions {
        let app = app.filter(|app| !app.broken);
        let service = app.and_then(|app| app.service(&life.service));
        let (Some(app), Some(service)) = (app, service) else {
            // It is not wanted any more.
            return None;
        };
        let up = life.since().is_some_and(|since| since + service.monitor() <= now);
        if !up || service.health.is_some() && life.healthy != Some(true) {
            return None;
        }
        if replicas(lives, &life) > service.wanted() {
            // One has to go.
            return None;
        }
        if let Some(known) = lives.0.get_mut(id) {
            known.ended_by_us.get_or_insert(now);
        }
        judged = true;
        let down = taken_down(lives, (&life, service), now);
        if down.len() <= app.unavailable(service) {
            return Some(Ok(()));
        }
        why = format!("replicas {down:?} of {}-{} are taken down at once", app.name, service.name);
    }
    judged.then_some(Err(why))
}

/// How many replicas run of the service of this one.
fn replicas(lives: &Lives, life: &Life) -> usize {
    let all = lives.of(&life.project, &life.service).map(|(_, one)| one);
    let run = all.filter(|one| one.since().is_some() && !one.number.is_empty());
    run.map(|one| &one.number).collect::<BTreeSet<_>>().len()
}

/// Replicas of which nothing serves any more by the hand of a controller, and that are to serve again.
fn taken_down(lives: &Lives, (life, service): (&Life, &Service), now: Duration) -> Vec<String> {
    let all: Vec<&Life> = lives.of(&life.project, &life.service).map(|(_, one)| one).collect();
    let numbers: BTreeSet<&String> = all.iter().map(|one| &one.number).collect();
    let monitor = service.monitor().saturating_sub(SLACK);
    let is_down = |number: &&&String| {
        let own = || all.iter().filter(|one| one.number == ***number);
        let Some(ended) = own().filter_map(|one| one.ended_by_us).max() else { return false };
        let successor = |one: &&&Life| one.ended_by_us.is_none() && !one.gone;
        if !own().any(|one| one.since().is_some() || successor(&one)) {
            return false;
        }
        // Another one of it served since, or did until a moment ago.
        let window = (ended.min(now.saturating_sub(LATELY)), now);
        !own().any(|one| one.ended_by_us.is_none() && one.had_served(monitor, window))
    };
    numbers.iter().filter(is_down).map(|number| (*number).clone()).collect()
}

/// Whether a container may be started beside one of its replica that serves, as these versions of its project say. Text if
/// too many replicas of the service would run twice.
pub(super) fn starts<'a>(
    lives: &Lives,
    (id, now): (&str, Duration),
    versions: impl Iterator<Item = Option<&'a App>>,
) -> Option<Result<(), String>> {
    let life = lives.0.get(id).filter(|life| !life.number.is_empty() && life.since().is_none())?;
    let (mut most, mut monitor, mut checked) = (0, Duration::ZERO, false);
    for app in versions {
        let service = app.and_then(|app| app.service(&life.service));
        let service = service?;
        most = most.max(service.at_a_time());
        monitor = monitor.max(service.monitor());
        checked |= service.health.is_some();
    }
    let all: Vec<&Life> = lives.of(&life.project, &life.service).map(|(_, one)| one).collect();
    let serves = |one: &&&Life| {
        let long = one.since().is_some_and(|since| since + monitor <= now);
        long && (!checked || one.healthy == Some(true)) && !one.number.is_empty()
    };
    let doubled = |number: &&String| {
        let runs = all.iter().filter(|one| one.number == **number && one.since().is_some());
        let successor = usize::from(**number == life.number);
        runs.clone().any(|one| serves(&one)) && runs.count() + successor > 1
    };
    let numbers: BTreeSet<&String> = all.iter().map(|one| &one.number).collect();
    if !doubled(&&life.number) {
        return None;
    }
    let count = numbers.into_iter().filter(doubled).count();
    if count <= most {
        return Some(Ok(()));
    }
    let (project, service) = (&life.project, &life.service);
    Some(Err(format!("{count} replicas of {project}-{service} run twice, {most} may")))
}
