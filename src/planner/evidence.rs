//! What the engine said of the container of a version that was rejected, kept with the verdict.

use crate::model::id::ContainerId;
use crate::model::ledger::ProjectLedger;
use crate::model::revision::{Evidence, Verdict};

/// Containers of rejected versions that nobody has asked the engine about yet.
pub fn wanted_evidence(ledger: &ProjectLedger) -> Vec<ContainerId> {
    let rejected = ledger.history.iter().filter_map(|one| match &one.verdict {
        Verdict::Rejected(failure) if failure.evidence.is_none() => failure.container.clone(),
        _ => None,
    });
    rejected.collect()
}

/// The ledger with what the engine said of a container.
pub fn record_evidence(
    ledger: &ProjectLedger,
    container: &ContainerId,
    evidence: &Evidence,
) -> ProjectLedger {
    let mut ledger = ledger.clone();
    let mut evidence = evidence.clone();
    // It may run once more by now: how it ended before is remembered.
    let mut records = ledger.replicas.values();
    let record = records.find(|one| one.counted.container.as_ref() == Some(container));
    let exit = record.and_then(|record| record.last_exit.as_ref());
    if let (None, Some(exit)) = (evidence.exit_code, exit) {
        evidence.exit_code = Some(exit.code);
        evidence.finished_at = Some(exit.at);
        evidence.oom_killed |= exit.oom_killed;
        if evidence.error.is_empty() {
            evidence.error.clone_from(&exit.error);
        }
    }
    for one in &mut ledger.history {
        if let Verdict::Rejected(failure) = &mut one.verdict
            && failure.container.as_ref() == Some(container)
            && failure.evidence.is_none()
        {
            failure.evidence = Some(Box::new(evidence.clone()));
        }
    }
    ledger
}
