//! S8: what a project goes back to has held, and what failed is not tried again until files or images change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use composelet::model::revision::{ProjectRevision, Rollback, RollbackCause, Verdict};
use composelet::model::status::ProjectStatus;

use super::Ended;
use super::lives::Lives;
use super::told::since_begin;
use crate::scenario::{App, Service, Tag};

/// A request is taken, and what changed is read, this much later at the latest.
const LATER: Duration = Duration::from_secs(90);
/// A look may be that old when it is judged.
const LOOK: Duration = Duration::from_secs(5);
/// Clocks of the engine and of a controller differ by no more.
const SLACK: Duration = Duration::from_secs(1);

/// What is remembered of versions.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Versions that were said to have held, by project.
    held: BTreeMap<String, BTreeSet<u64>>,
    /// When the files of a project changed last.
    pub(super) written: BTreeMap<String, Duration>,
    /// When an image changed last.
    pub(super) images: Duration,
    /// When a person asked last that what failed be tried again.
    pub(super) asked: Option<Duration>,
}

impl Verdicts {
    /// Takes what is said of a project. `None`: nothing that could be judged, because nothing is new or not all was seen
    /// lately; else what is wrong with it.
    pub(super) fn take(
        &mut self,
        status: &ProjectStatus,
        (lives, ended): (&Lives, &Ended),
        versions: &[App],
        (now, sees): (Duration, bool),
    ) -> Option<Result<(), String>> {
        let name = status.name.as_str();
        let mut judged = None;
        for one in &status.revisions {
            let Verdict::Stable { since } = one.verdict else { continue };
            if !self.held.entry(name.to_owned()).or_default().insert(one.number) {
                continue;
            }
            let since = since_begin(since);
            if !sees || since + LATER < now {
                continue;
            }
            let window = (since.saturating_sub(LOOK), now);
            judged = Some(());
            if let Some(service) = unproven(name, one, (lives, ended), versions, window) {
                let number = one.number;
                return Some(Err(format!(
                    "revision {number} of {name} is said to have held, and {service} has not"
                )));
            }
        }
        if let Some(Rollback { from, to, cause: RollbackCause::Failure, .. }) = status.rollback {
            judged = Some(());
            if !self.held.get(name).is_some_and(|held| held.contains(&to)) {
                let text = format!("{name} goes from revision {from} to {to}, which never held");
                return Some(Err(text));
            }
        }
        judged.map(Ok)
    }

    /// Whether a container of this version of a service must not be made, because it failed. `last` is the last word of its
    /// project.
    pub(super) fn is_rejected(
        &self,
        last: &ProjectStatus,
        (service, revision): (&str, &str),
        now: Duration,
    ) -> Option<String> {
        let back = last.rollback.as_ref()?;
        let of = |number: u64| last.revisions.iter().find(|one| one.number == number);
        let (failed, back) = (of(back.from)?, of(back.to)?);
        let Verdict::Rejected(failure) = &failed.verdict else { return None };
        let is = |one: &ProjectRevision| {
            let services = one.services.iter().find(|(name, _)| name.as_str() == service);
            services.is_some_and(|(_, one)| one.revision.as_str() == revision)
        };
        if !is(failed) || is(back) {
            return None;
        }
        let (wanted, rejected) = (since_begin(failed.since), since_begin(failure.at));
        let written = self.written.get(last.name.as_str()).copied().unwrap_or_default();
        let changed = written.max(self.images) >= wanted;
        let asked = self.asked.is_some_and(|at| at + LATER >= rejected);
        // What was under way when it failed may end a moment later.
        let settled = rejected + LOOK < now;
        (settled && !changed && !asked).then(|| {
            let (project, number) = (&last.name, failed.number);
            format!("{project}-{service} is made as in revision {number} again, which failed")
        })
    }
}

/// A service of a version that did not serve as it says.
fn unproven(
    project: &str,
    revision: &ProjectRevision,
    (lives, ended): (&Lives, &Ended),
    versions: &[App],
    window: (Duration, Duration),
) -> Option<String> {
    let all = revision.services.iter();
    all.map(|(name, one)| (name.as_str(), one.revision.as_str())).find_map(|(name, revision)| {
        let services = versions.iter().flat_map(|app| &app.services).filter(|it| it.name == name);
        if services.clone().any(|service| service.schedule.is_some()) {
            return None;
        }
        let least = services.clone().map(|it| it.replicas).min().unwrap_or(0);
        let monitor = services.clone().map(Service::monitor).min();
        let monitor = monitor.unwrap_or_default().saturating_sub(SLACK);
        let good = lives.of(project, name).filter(|(_, life)| {
            life.revision == revision
                && life.had_served(monitor, window)
                && life.healthy != Some(false)
                && Tag::named(&life.image).is_none_or(Tag::is_feasible)
        });
        let without = services.map(|service| ended.of(project, service)).max().unwrap_or(0);
        let there = good.count() + without;
        (there < usize::try_from(least).unwrap_or(0)).then(|| name.to_owned())
    })
}
