//! How much was disturbed lately, over all projects. Forgotten with the process: a start counts anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::id::{ContainerId, ProjectName};
use crate::model::policy::Policy;
use crate::model::time::Timestamp;

/// Containers that were replaced or removed lately: whose, and when.
pub(super) type Recent = BTreeMap<ContainerId, (ProjectName, Timestamp)>;

/// The table. It is locked while a plan is made, so that two plans cannot spend the same allowance.
#[derive(Debug, Default)]
pub struct Disrupted(Mutex<Recent>);

/// The locked table.
#[derive(Debug)]
pub struct Table<'a>(MutexGuard<'a, Recent>);

impl Disrupted {
    /// Locks it. Never held across an await.
    pub fn lock(&self) -> Table<'_> {
        Table(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table<'_> {
    /// What counts now; what is older than the policy looks back is forgotten.
    pub fn recent(&mut self, now: Timestamp, policy: &Policy) -> Recent {
        let per = policy.rules.max_disruption.map(|limit| limit.per);
        self.0.retain(|_, (_, at)| per.is_some_and(|per| now.since(*at) < per));
        self.0.clone()
    }

    /// Counts what a plan takes out of service, once for each container.
    pub fn note(
        &mut self,
        project: &ProjectName,
        disrupted: BTreeSet<ContainerId>,
        now: Timestamp,
    ) {
        for container in disrupted {
            self.0.entry(container).or_insert_with(|| (project.clone(), now));
        }
    }
}
