//! The evidence of runs that failed is kept before their containers are restarted or replaced.

use crate::controller::desired::belief::Want;
use crate::controller::evidence::without;
use crate::controller::pass::Surroundings;
use crate::diagnose::{hidden, shown};
use crate::model::bundle::{BUNDLE_LINES, EvidenceBundle};
use crate::model::id::ProjectName;
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{Health, Lifecycle, ObservedContainer, ObservedState};
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// Bundles that one pass makes: each costs two calls.
const MOST_A_PASS: usize = 4;

/// Keeps a bundle of every run that failed and has none yet. What cannot be read or written now is left out: nothing waits
/// for an explanation.
pub(super) async fn keep(
    around: &Surroundings,
    name: &ProjectName,
    want: &Want,
    observed: &ObservedState,
    ledger: &ProjectLedger,
) {
    let (Want::Run(desired) | Want::RunKeeping(desired)) = want else { return };
    let failed: Vec<(&ObservedContainer, FailedRun)> = observed
        .containers
        .iter()
        .filter(|one| counted(one, ledger))
        .filter_map(|one| Some((one, failed_run(one)?)))
        .collect();
    if failed.is_empty() {
        return;
    }
    let secrets = hidden(Some(desired), observed);
    let mut made = 0;
    for (container, FailedRun { started_at }) in failed {
        let (store, key, id) = (around.ledger.clone(), name.clone(), container.id.clone());
        let there = around.blocking.run(move || store.has_evidence(&key, &id, started_at)).await;
        if made == MOST_A_PASS || there.unwrap_or(true) {
            continue;
        }
        made += 1;
        let Some(bundle) = bundle(around, container, &secrets).await else { continue };
        let (store, key) = (around.ledger.clone(), name.clone());
        drop(around.blocking.run(move || store.keep_evidence(&key, &bundle)).await);
    }
}

/// Whether the ledger counts a failure of this container: what ended because it was to end is none.
fn counted(container: &ObservedContainer, ledger: &ProjectLedger) -> bool {
    let mut records = ledger.replicas.values();
    records.any(|record| {
        let about = record.counted.container.as_ref() == Some(&container.id);
        about && (record.failures > 0 || record.unhealthy > 0)
    })
}

/// A run that failed.
struct FailedRun {
    /// Its begin; `None`: it never began.
    started_at: Option<Timestamp>,
}

/// The run of a container that failed, if one did.
fn failed_run(container: &ObservedContainer) -> Option<FailedRun> {
    let started_at = match &container.lifecycle {
        Lifecycle::Exited(exit) | Lifecycle::Restarting(exit) if exit.code != 0 => exit.started_at,
        Lifecycle::Created { failure: Some(_) } => None,
        Lifecycle::Running { started_at }
            if matches!(container.health, Health::Unhealthy { .. }) =>
        {
            Some(*started_at)
        }
        _ => return None,
    };
    Some(FailedRun { started_at })
}

async fn bundle(
    around: &Surroundings,
    container: &ObservedContainer,
    secrets: &[Secret],
) -> Option<EvidenceBundle> {
    let service = container.claim.service.clone()?;
    let evidence = without(around.engine.evidence(&container.id).await.ok()?, secrets);
    let lines = u32::try_from(BUNDLE_LINES).unwrap_or(u32::MAX);
    let log = around.engine.last_lines(&container.id, lines).await.unwrap_or_default();
    Some(EvidenceBundle {
        at: around.clock.now(),
        service,
        name: container.name.to_string(),
        container: container.id.clone(),
        evidence,
        log: log.iter().map(|line| shown(line, secrets)).collect(),
    })
}
