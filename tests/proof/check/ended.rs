//! Replicas that need no container: they ran to a good end, and a person removed what was left of them. Like a job that was
//! pruned, they run again only when what is declared of them changes.

use std::collections::BTreeMap;

use super::roles;
use crate::scenario::{App, Service};

/// Project, service and number.
type Replica = (String, String, String);

/// Those replicas, with what their service was declared to be at that time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended(BTreeMap<Replica, Vec<Service>>);

impl Ended {
    /// What was left of a replica is removed; these are the versions of its project that may be in force.
    pub(super) fn removed<'a>(
        &mut self,
        labels: &BTreeMap<String, String>,
        versions: impl Iterator<Item = &'a App>,
    ) {
        let replica = roles::replica(labels);
        let services = versions
            .filter(|app| app.name == replica.0)
            .filter_map(|app| app.services.iter().find(|service| service.name == replica.1));
        let services = services.cloned().collect();
        self.0.insert(replica, services);
    }

    /// A replica has a container again.
    pub(super) fn made(&mut self, labels: &BTreeMap<String, String>) {
        self.0.remove(&roles::replica(labels));
    }

    /// How many replicas of a service need none, as it is declared now.
    pub(super) fn of(&self, app: &str, service: &Service) -> usize {
        let own = self.0.iter().filter(|((project, name, _), then)| {
            project == app && *name == service.name && then.iter().any(|then| service.runs_as(then))
        });
        if service.may_end() { own.count() } else { 0 }
    }
}
