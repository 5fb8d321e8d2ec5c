//! What a new version of a project takes away. Pure.

use std::collections::BTreeSet;

use crate::model::desired::DesiredProject;

/// What `new` lacks that `old` had: services and mounts, as text. Only adding and changing gives the empty set.
pub fn removals(old: &DesiredProject, new: &DesiredProject) -> BTreeSet<String> {
    let mut gone = BTreeSet::new();
    for (name, before) in &old.services {
        let Some(after) = new.services.get(name) else {
            gone.insert(format!("service {name}"));
            continue;
        };
        for target in before.config.mounts.keys() {
            if !after.config.mounts.contains_key(target) {
                gone.insert(format!("mount {target} of {name}"));
            }
        }
    }
    gone
}
