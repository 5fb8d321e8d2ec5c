//! Files that composelet writes for the containers of a project: before anything is planned they are there; after a pass
//! those that nobody needs go.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::controller::desired::belief::Want;
use crate::controller::pass::Surroundings;
use crate::model::config::MountSource;
use crate::model::content::KeptState;
use crate::model::desired::{DesiredProject, SourceFacts};
use crate::model::id::ProjectName;
use crate::model::ledger::ProjectLedger;
use crate::model::observed::ObservedState;
use crate::model::path::HostPath;
use crate::planner;
use crate::source::stamps;

/// Writes the files of `project` and notes in `facts` where they are. What is suspended is not touched.
pub(crate) async fn write(
    around: &Surroundings,
    project: &Arc<DesiredProject>,
    ledger: &ProjectLedger,
    facts: &mut SourceFacts,
) {
    let (ledger, now) = (ledger.clone(), around.clock.now());
    let (store, paths) = (around.content.clone(), around.paths.clone());
    let project = Arc::clone(project);
    let work = move || {
        let active = planner::tended(&project, &ledger, now);
        let mut kept = store.places(&project, &paths);
        kept.extend(store.write(&project.name, active, &paths));
        let stamps = stamps(&project, &kept, &paths);
        (kept, stamps)
    };
    // A panic leaves them out: what needs them is held.
    if let Ok((kept, stamps)) = around.blocking.run(work).await {
        facts.kept = kept;
        facts.stamps = stamps;
    }
}

/// Removes what neither the files want nor a container of the project has mounted.
pub(crate) async fn sweep(
    around: &Surroundings,
    name: &ProjectName,
    want: &Want,
    (observed, facts): (&ObservedState, &SourceFacts),
) {
    let unknown = observed.containers.iter().any(|one| one.detail.known().is_none());
    if unknown || matches!(want, Want::Hold(..)) {
        return;
    }
    let details = observed.containers.iter().filter_map(|one| one.detail.known());
    let mounts = details.flat_map(|detail| detail.config.mounts.values());
    let mounted = mounts.filter_map(|mount| match &mount.source {
        MountSource::Bind { source, .. } => Some(source.clone()),
        _ => None,
    });
    let wanted = facts.kept.values().filter_map(|state| match state {
        KeptState::Ready(path) => Some(path.clone()),
        KeptState::Failed(_) => None,
    });
    let keep: BTreeSet<HostPath> = mounted.chain(wanted).collect();
    let (store, paths, key) = (around.content.clone(), around.paths.clone(), name.clone());
    let swept = around.blocking.run(move || store.sweep(&key, &keep, &paths)).await;
    if let Ok(Err(error)) = swept {
        tracing::warn!(project = %name, %error, "contents that nobody needs could not be removed");
    }
}
