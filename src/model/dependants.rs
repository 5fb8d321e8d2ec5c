//! Who waits for a service.

use std::collections::BTreeSet;

use crate::model::desired::DesiredProject;
use crate::model::id::ServiceName;

impl DesiredProject {
    /// Services that wait for this one, directly or not, in an order in which they can be started.
    pub fn dependants(&self, service: &ServiceName) -> Vec<ServiceName> {
        let mut order = Vec::new();
        let mut reached = BTreeSet::from([service.clone()]);
        loop {
            let next = self.services.values().find(|one| {
                let known = |name: &ServiceName| reached.contains(name);
                let waits = one.depends_on.keys().any(known);
                // Every one that it waits for and that waits for this one itself comes first.
                let ready =
                    one.depends_on.keys().all(|name| known(name) || !self.leads(name, service));
                waits && ready && !known(&one.name)
            });
            let Some(next) = next else { return order };
            reached.insert(next.name.clone());
            order.push(next.name.clone());
        }
    }

    /// Whether one service waits for another, directly or not. The loader refuses circles.
    fn leads(&self, from: &ServiceName, to: &ServiceName) -> bool {
        from == to
            || self
                .services
                .get(from)
                .is_some_and(|one| one.depends_on.keys().any(|next| self.leads(next, to)))
    }
}
