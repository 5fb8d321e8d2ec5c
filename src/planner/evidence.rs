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
    for one in &mut ledger.history {
        if let Verdict::Rejected(failure) = &mut one.verdict
            && failure.container.as_ref() == Some(container)
            && failure.evidence.is_none()
        {
            let mut evidence = evidence.clone();
            // It may run once more by now: how it ended before is remembered with the verdict.
            evidence.exit_code = evidence.exit_code.or(failure.cause.exit_code());
            failure.evidence = Some(Box::new(evidence));
        }
    }
    ledger
}
