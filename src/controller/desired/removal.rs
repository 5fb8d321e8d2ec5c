//! What a new version of a project takes away. Pure.

use std::collections::BTreeSet;

use crate::model::desired::DesiredProject;
use crate::model::id::ServiceName;

/// Something that a new version takes away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removal {
    /// A service; its containers would go.
    Service(ServiceName),
    /// A mount; its container would be made anew without it.
    Mount(ServiceName, String),
}

/// What `new` lacks that `old` had. Only adding and changing gives the empty set.
pub fn removals(old: &DesiredProject, new: &DesiredProject) -> BTreeSet<Removal> {
    let mut gone = BTreeSet::new();
    for (name, before) in &old.services {
        let Some(after) = new.services.get(name) else {
            gone.insert(Removal::Service(name.clone()));
            continue;
        };
        for target in before.config.mounts.keys() {
            if !after.config.mounts.contains_key(target) {
                gone.insert(Removal::Mount(name.clone(), target.clone()));
            }
        }
    }
    gone
}
