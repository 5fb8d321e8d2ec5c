//! Which change sets of a project are news: each is told once, when it has held or was rejected. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::alerts::message::{ChangeSet, line};
use crate::model::id::ServiceName;
use crate::model::revision::{
    ProjectRevision, Rollback, RollbackCause, RolloutFailure, ServiceRevision, Verdict,
};
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;

/// How long a rollout may take before what is wrong meanwhile counts: the progress deadline of rollouts.
const ROLLOUT: Duration = Duration::from_secs(600);
/// Most commits, and most services, of one change set that are told.
const MOST: usize = 8;

/// What is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A version has held.
    RolledOut(ChangeSet),
    /// A version failed.
    Rejected(ChangeSet, Box<RolloutFailure>),
    /// A person went back.
    WentBack(Rollback),
}

/// What was told of the versions of one project.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangeSets {
    /// Number of the newest version that was judged and told, or was known before.
    told: u64,
    went_back: Option<Rollback>,
}

impl ChangeSets {
    /// Everything that the status tells is known.
    pub(super) fn knowing(status: &ProjectStatus) -> Self {
        let judged = status.revisions.iter().filter(|one| one.verdict != Verdict::Open);
        let told = judged.map(|one| one.number).max().unwrap_or(0);
        Self { told, went_back: by_person(status).cloned() }
    }

    /// What a project tells that is first seen now: versions from before the controller began are known.
    pub(super) fn first(status: &ProjectStatus, began: Timestamp) -> Self {
        let mut older = status.clone();
        older.revisions.retain(|one| one.since < began);
        let mut known = Self::knowing(&older);
        known.went_back = known.went_back.filter(|one| one.since < began);
        known
    }

    /// What is new in a status.
    pub(super) fn take(&mut self, status: &ProjectStatus) -> Option<News> {
        let went_back = by_person(status).cloned();
        if went_back != self.went_back {
            self.went_back.clone_from(&went_back);
            if let Some(rollback) = went_back {
                return Some(News::WentBack(rollback));
            }
        }
        if status.revisions.last().is_some_and(|newest| newest.number < self.told) {
            // Numbers begin anew: the project was removed and came back.
            self.told = 0;
        }
        let newest = status.revisions.last().filter(|one| one.number > self.told)?;
        let news = match &newest.verdict {
            Verdict::Open => return None,
            Verdict::Stable { .. } => News::RolledOut(self.change(status, newest)),
            Verdict::Rejected(failure) => {
                News::Rejected(self.change(status, newest), failure.clone())
            }
        };
        self.told = newest.number;
        Some(news)
    }

    /// What the newest version changes. Versions that were replaced before they were judged are part of it.
    fn change(&self, status: &ProjectStatus, newest: &ProjectRevision) -> ChangeSet {
        let mut earlier = status.revisions.iter().rev().filter(|one| one.number < newest.number);
        let before = earlier.find(|one| matches!(one.verdict, Verdict::Stable { .. }));
        let since = self.told.max(before.map_or(0, |before| before.number));
        let part = status.revisions.iter().filter(|one| one.number > since);
        let mut commits: Vec<_> = part.filter_map(|one| one.commit.clone()).collect();
        commits.dedup_by(|one, other| one.id == other.id);
        commits.drain(..commits.len().saturating_sub(MOST));
        let nothing = BTreeMap::new();
        let services =
            differences(before.map_or(&nothing, |before| &before.services), &newest.services);
        ChangeSet {
            revision: newest.number,
            from: before.map(|before| before.number),
            commits,
            services,
        }
    }
}

/// Whether a version is being rolled out, and not for too long.
pub(super) fn is_rolling_out(status: &ProjectStatus, now: Timestamp) -> bool {
    let newest = status.revisions.last().filter(|one| one.verdict == Verdict::Open);
    newest.is_some_and(|newest| now.since(newest.since) < ROLLOUT)
}

fn by_person(status: &ProjectStatus) -> Option<&Rollback> {
    status.rollback.as_ref().filter(|one| one.cause == RollbackCause::Person)
}

/// One line for each service that differs; the images say most.
fn differences(
    before: &BTreeMap<ServiceName, ServiceRevision>,
    after: &BTreeMap<ServiceName, ServiceRevision>,
) -> Vec<String> {
    let mut lines: Vec<String> = after
        .iter()
        .filter_map(|(name, new)| match before.get(name) {
            None => Some(format!("{name}: new, image {}", new.image)),
            Some(old) if old.image != new.image => {
                Some(format!("{name}: image {} → {}", old.image, new.image))
            }
            Some(old) if old.image_id != new.image_id => {
                let (old, id) = (short(old.image_id.as_str()), short(new.image_id.as_str()));
                Some(format!("{name}: image {} ({old} → {id})", new.image))
            }
            Some(old) if old.revision != new.revision => Some(format!("{name}: configuration")),
            Some(_) => None,
        })
        .collect();
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    lines.extend(gone.map(|name| format!("{name}: removed")));
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    if more > 0 {
        lines.push(format!("… and {more} services more"));
    }
    lines.iter().map(|text| line(text)).collect()
}

/// The first digits of an image's id.
fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}
