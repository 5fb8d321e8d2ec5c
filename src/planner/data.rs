//! Data is not swapped for emptiness (DESIGN §5, data; invariant 5).

use crate::model::config::MountSource;
use crate::model::desired::BindState;
use crate::model::observed::ObservedContainer;
use crate::planner::slot::SlotContext;

/// Value in the ledger of a bind source that had entries.
pub const FULL: &str = "full:";

/// Key in the ledger of the desired state whose data paths a person confirmed.
pub const CONFIRMED: &str = "confirmed";

/// Key of a mount in the ledger's memory of where data lies.
pub fn data_key(service: &str, target: &str) -> String {
    format!("{service} {target}")
}

/// Whether replacing `predecessor` would put something empty in the place of something full; says what.
pub fn data_path_change(
    context: SlotContext<'_, '_>,
    predecessor: &ObservedContainer,
) -> Option<String> {
    let detail = predecessor.detail.known()?;
    let paths = &context.world.input.ledger.data_paths;
    if paths.get(CONFIRMED) == Some(&context.world.desired.digest) {
        return None;
    }
    let service = context.view.service;
    service.config.mounts.iter().find_map(|(target, mount)| match &mount.source {
        MountSource::Bind { source, .. } => {
            let key = data_key(service.name.as_str(), target);
            let before = paths.get(&key)?.strip_prefix(FULL)?;
            let state = context.world.input.facts.binds.get(source);
            let empty = matches!(state, Some(BindState::Missing | BindState::EmptyDirectory));
            let now = source.display();
            empty.then(|| {
                format!("{target} was bound to {before}, which was full; {now} is empty or missing")
            })
        }
        MountSource::Volume { name, .. } => {
            let before = detail.volumes.get(target).filter(|before| *before != name)?;
            let renamed = before.split_once('_').zip(name.split_once('_'));
            let same_key = renamed.is_some_and(|((_, old), (_, new))| old == new);
            same_key.then(|| {
                format!("{target} is on volume {before}; under {name} it would be another one")
            })
        }
        MountSource::Anonymous | MountSource::Kept { .. } | MountSource::Tmpfs { .. } => None,
    })
}
